#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# t0xctl apply: the region becomes what the file says, as a whole or not at all.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EDITED=$LOGS/edited.json
BEFORE=$LOGS/before.json

# edited JQ-PROGRAM [ARGUMENT...]: the region, edited.
edited() { ctl dump | jq "$@" >"$EDITED"; }

region_text() { jq -S '.clouds |= sort_by(.name) | .interconnects |= sort_by(.name) | .grants |= sort' "$@"; }

region_is_unchanged() { diff <(region_text "$BEFORE") <(ctl dump | region_text); }

# wrong CODE "WORD ..." [OPTION...]: the edited file is refused, and nothing has changed.
wrong() {
	local code=$1 words=$2
	shift 2
	ctl dump >"$BEFORE"
	refused "$code" "$words" apply "$EDITED" "$@"
	region_is_unchanged
}

INTERCONNECT='.interconnects += [{"cloud": $a, "peer": $b}]'

a_file_that_is_no_region_changes_nothing() {
	region_is pc1-pc2
	ctl dump | head -c 700 >"$EDITED"
	wrong file_invalid "$EDITED line column"
	printf '{"version": 1,\n "clouds": [,]}\n' >"$EDITED"
	wrong file_invalid "$EDITED line 2"
	printf '{"version": 1, "version": 1}\n' >"$EDITED"
	wrong file_invalid "duplicate"
	: >"$EDITED"
	wrong file_invalid "line"
	rm "$EDITED"
	wrong file_unreadable "$EDITED"
	edited 'del(.version)'
	wrong invalid_params "version"
	edited '.clouds[1].mtu = "1500"'
	wrong invalid_params "clouds[1].mtu"
	edited '.clouds[2].segments[0].gatewayaddress = "1.2.3.4/24"'
	wrong invalid_params "clouds[2].segments[0].gatewayaddress"
	edited '.clouds[0].gateway = ["169.254.1.300/30"]'
	wrong address_invalid "clouds[0].gateway"
}

a_file_that_contradicts_itself_changes_nothing() {
	region_is pc1-pc2
	edited '.clouds[2].segments[0].gateway_address = ["172.16.1.129/25"] | .interconnects += [{"cloud": "pc3", "peer": "pc2"}]'
	wrong overlapping_prefixes "172.16.1.128/25 172.16.1.0/24 pc3 pc1" --confirm-no-overlap
	edited '.interconnects += [{"cloud": "pc3", "peer": "pc4"}]'
	wrong cloud_not_found "interconnects[1] pc4" --confirm-no-overlap
	edited '.clouds[2].location = "eastus" | .interconnects += [{"cloud": "pc3", "peer": "pc2"}]'
	wrong different_location "ExpressRoute" --confirm-no-overlap
	edited 'del(.clouds[0])'
	wrong cloud_not_found "interconnects[0] pc1" --confirm-no-overlap
	edited '.clouds += [.clouds[0]]'
	wrong name_in_use "clouds[0] [3]"
	edited '.clouds[0].port = "net_af_packet9,iface=t0x-nowhere"'
	wrong port_failed "net_af_packet9" --confirm-no-overlap
	edited '.clouds[1].mtu = 9000'
	wrong limit_reached "pc2 9000"
}

what_is_to_be_confirmed_is() {
	region_is pc1-pc2
	edited --arg a pc2 --arg b pc3 "$INTERCONNECT"
	wrong not_confirmed "pc2 pc3 --confirm-no-overlap"
	ctl apply "$EDITED" --dry-run >/dev/null # needs none
	# Without new interconnects there is nothing to confirm.
	edited '.clouds[0].mtu = 1400'
	ctl apply "$EDITED"
	edited '.clouds[0].mtu = 1500'
	ctl apply "$EDITED"
}

a_dry_run_tells_the_difference_and_makes_none() {
	local changes
	region_is pc1-pc2
	ctl dump >"$BEFORE"
	edited '.clouds[0].mtu = 1400 | .clouds[1].segments += [{"name": "web", "gateway_address": "172.20.2.1/24"}]
		| .interconnects = [{"cloud": "pc3", "peer": "pc2"}]'
	changes=$(ctl apply "$EDITED" --dry-run -o json | jq -r '.changes[] | "\(.action) \(.object) \(.name)"')
	equal "delete interconnect pc1 <-> pc2
change cloud pc1
create segment pc2/web
create interconnect pc3 <-> pc2" "$changes"
	ctl apply "$EDITED" --dry-run | grep -F '2 to create, 1 to change, 1 to delete'
	region_is_unchanged
}

a_dump_has_nothing_to_do() {
	region_is pc1-pc2 pc2-pc3
	ctl dump | ctl apply - --dry-run | grep -F 'nothing to do'
	equal '{"changes":[]}' "$(ctl dump | ctl apply - -o json | jq -c .)"
}

only_the_difference_is_made_and_the_rest_loses_nothing() {
	local round
	region_is pc2-pc3
	background in t0x-pc3-vm receive --port 9000 --stream 1
	background out t0x-pc2-vm send --to 172.16.3.10 --port 9000 --stream 1 --rate 1000 --seconds 600
	for ((round = 0; round < 20; round++)); do
		edited --arg a pc1 --arg b pc2 "$INTERCONNECT"' | .clouds[1].segments += [{"name": "web", "gateway_address": "172.20.2.1/24"}]
			| .clouds[0].mtu = 1400'
		ctl apply "$EDITED" --confirm-no-overlap
		pings t0x-pc1-vm 172.16.2.10
		edited '.interconnects |= map(select(.cloud != "pc1")) | .clouds[1].segments |= map(select(.name != "web"))
			| .clouds[0].mtu = 1500'
		ctl apply "$EDITED"
		pings_not t0x-pc1-vm 172.16.2.10
	done
	finish out
	sleep 0.3 # for what is still under way
	finish in
	equal "$(report out .sent) 0 0" \
		"$(report in '"\(.received) \(.duplicate) \(.reordered)"')" "pc2 to pc3"
	tell "$(report out .sent) packets, largest gap $(report in .largest_gap_ms) ms"
}

nothing_is_pruned_when_asked_not_to() {
	region_is pc1-pc2
	ctl dump >"$BEFORE"
	echo '{"version": 1}' >"$EDITED"
	ctl apply "$EDITED" --no-prune | grep -F 'nothing to do'
	region_is_unchanged
	ctl apply "$EDITED" --dry-run -o json | jq -e '[.changes[].action] | unique == ["delete"]'
}

# The same name with other devargs: the port is given up and attached again under the new cloud.
a_cloud_is_re_created_where_it_cannot_change_in_place() {
	local port
	region_is pc1-pc2 pc2-pc3
	port=$(ctl dump | jq -r '.clouds[2].port')
	edited --arg port "${port/framecnt=4096/framecnt=2048}" '.clouds[2].port = $port'
	ctl apply "$EDITED" --dry-run | grep -E '^-/\+ +cloud +pc3 +because of port .*framecnt'
	ctl apply "$EDITED" --confirm-no-overlap
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc2-vm 172.16.3.10
	pings_not t0x-pc1-vm 172.16.3.10
	edited --arg port "$port" '.clouds[2].port = $port'
	ctl apply "$EDITED" --confirm-no-overlap
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc3-vm 172.16.2.10
	ctl dump | ctl apply - --dry-run | grep -F 'nothing to do'
}

others_may_not() {
	ctl dump >"$EDITED"
	as_nobody() { setpriv --reuid 65534 --regid "$(getent group t0x | cut -d: -f3)" --clear-groups "$T0XCTL" "$@"; }
	install -m 644 "$EDITED" /tmp/t0x-apply.json
	refused_by as_nobody no_write_access "uid:65534" apply /tmp/t0x-apply.json
	refused_by as_nobody no_write_access "uid:65534" apply /tmp/t0x-apply.json --dry-run
	rm -f /tmp/t0x-apply.json
}

promise a_file_that_is_no_region_changes_nothing
promise a_file_that_contradicts_itself_changes_nothing
promise what_is_to_be_confirmed_is
promise a_dry_run_tells_the_difference_and_makes_none
promise a_dump_has_nothing_to_do
promise only_the_difference_is_made_and_the_rest_loses_nothing
promise nothing_is_pruned_when_asked_not_to
promise a_cloud_is_re_created_where_it_cannot_change_in_place
promise others_may_not
promises_end
