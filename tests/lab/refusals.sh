#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What is refused is refused with its code, exit 1 and a text that names the objects; and who may what.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A cloud that needs no wire. spare NAME LOCATION TRANSIT(first three bytes) BLOCK [PORT]
spare() {
	ctl cloud create "$1" --location "$2" --port "${5:-net_ring9}" --gateway "$3.1/30" \
		--router "$3.2" --router-mac 02:54:30:00:09:02 --network-block "$4"
}
cloud() { # a cloud pc9 on a port with a network block, to be refused: CODE WORDS PORT BLOCK
	refused "$1" "$2" cloud create pc9 --location westeurope --port "$3" \
		--gateway 169.254.9.1/30 --router 169.254.9.2 --network-block "$4"
}
segment() { refused "$1" "$2" segment create pc1 extra --gateway-address "$3"; }
link() { refused "$1" "$2" interconnect create "$3" "$4" --confirm-no-overlap "${@:5}"; }

what_does_not_exist() {
	region_is
	refused cloud_not_found nowhere cloud show nowhere
	refused cloud_not_found nowhere cloud delete nowhere
	link cloud_not_found nowhere pc1 nowhere
	link cloud_not_found nowhere nowhere pc1
	refused interconnect_not_found "pc1 nothing" interconnect show pc1 nothing
	refused interconnect_not_found "pc1 pc2" interconnect delete pc1 pc2 --yes
	refused segment_not_found "pc1 nothing" segment delete pc1 nothing
}

names_and_addresses() {
	refused name_invalid "" cloud create "not a name" --location westeurope --port net_ring9 \
		--gateway 169.254.9.1/30 --router 169.254.9.2 --network-block 10.9.0.0/22
	refused name_invalid "" segment create pc1 "../x" --gateway-address 172.30.0.1/24
	for bad in 127.0.0.1/8 224.0.0.1/24 169.254.77.1/24 240.0.0.1/24 0.0.0.1/0 300.1.1.1/24 10.0.0.1/33 nonsense; do
		segment address_invalid "$bad" "$bad"
	done
	cloud address_invalid 0.0.0.0/0 net_ring9 0.0.0.0/0
	equal 2 "$(ctl segment list pc1 -o json | jq length)" "segments of pc1"
}

ports() {
	cloud port_in_use "net_${PORTS}1 pc1" "$(port_devargs 1)" 10.9.0.0/22
	cloud port_in_use "net_${PORTS}1 pc1" "net_${PORTS}1,iface=lo" 10.9.0.0/22
	cloud port_failed no-such-netdev "net_${PORTS}8,iface=no-such-netdev" 10.9.0.0/22
	fails ctl cloud show pc9
}

transit_networks() {
	trap 'ctl cloud delete pc9 || true; streams_end' EXIT
	spare pc9 westeurope 10.99.0 10.9.0.0/22
	segment transit_overlap "10.99.0.0 pc9" 10.99.0.129/24
}

same_cloud_and_other_location() {
	trap 'ctl cloud delete pc9 || true; streams_end' EXIT
	link same_cloud pc1 pc1 pc1
	spare pc9 northeurope 169.254.9 10.9.0.0/22
	link different_location "westeurope northeurope ExpressRoute Global Reach" pc1 pc9
	equal "" "$(pairs)" "interconnects"
}

overlaps() {
	region_is pc2-pc3
	segment overlapping_prefixes "172.16.1.128/25 172.16.1.0/24 pc1" 172.16.1.129/25 # in one cloud
	trap 'region_is || true; streams_end' EXIT
	spare pc9 westeurope 169.254.9 10.3.0.0/22
	link overlapping_prefixes "10.3.0.0/22 pc3 pc9" pc3 pc9 # between the two
	link overlapping_prefixes "10.3.0.0/22 pc3 pc9" pc2 pc9 # with another peer of pc2
	interconnected pc1 pc2
	segment overlapping_prefixes "172.16.2.128/25 172.16.2.0/24 pc2" 172.16.2.129/25 # added later
	equal $'pc1-pc2\npc2-pc3' "$(pairs)" "interconnects"
}

confirmation_repetition_and_use() {
	region_is
	refused not_confirmed "pc1 pc2" interconnect create pc1 pc2
	interconnected pc1 pc2
	interconnected pc1 pc2 # the same again is no error
	interconnected pc2 pc1 # nor is its mirror image
	equal 1 "$(ctl interconnect list -o json | jq length)" "interconnects"
	link already_interconnected "pc1 pc2" pc1 pc2 --name another
	refused cloud_in_use "pc1 pc2" cloud delete pc1
	separated pc1 pc2
	refused interconnect_not_found "pc1 pc2" interconnect delete pc1 pc2 --yes
}

limits() {
	refused limit_reached "9000 pc1 $( [[ $PORTS == af_xdp ]] || echo 1500)" cloud set pc1 --mtu 9000
	equal 1500 "$(ctl cloud show pc1 -o json | jq .mtu)" "MTU of pc1"
}

# ---- an ordinary user ----

USER_ID=12345
user() { # in the group that is let in at the socket
	setpriv --reuid="$USER_ID" --regid="$USER_ID" --groups="$(getent group t0x | cut -d: -f3)" \
		"$PUBLIC/t0xctl" "$@"
}
stranger() { setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups "$PUBLIC/t0xctl" "$@"; }
grant() { ctl grant create "uid:$USER_ID" "$@"; }
no_grants() {
	ctl grant list -o json | jq -r '.[] | "\(.principal) \(.cloud) \(.role)"' |
		while read -r principal cloud role; do
			ctl grant delete "$principal" "$cloud" "$role" </dev/null
		done
}
user_link() { refused_by user "$1" "$2" interconnect create pc1 pc2 --confirm-no-overlap; }

strangers_are_not_let_in() { fails stranger cloud list; }

without_grants_nothing() {
	region_is
	no_grants
	equal 0 "$(user cloud list -o json | jq length)" "clouds seen"
	user_link no_write_access pc1
	fails user segment create pc1 extra --gateway-address 172.30.0.1/24
	refused_by user no_write_access "" worker list
	refused_by user no_write_access "" worker set "net_${PORTS}1" 0 0
}

with_one_grant_no_interconnect() {
	no_grants
	grant pc1 contributor
	user_link no_write_access pc2
	grant pc2 reader
	user_link no_write_access pc2
	equal "pc1 pc2" "$(user cloud list -o json | jq -r '[.[].name] | sort | join(" ")')" "clouds seen"
	equal "" "$(pairs)" "interconnects"
	no_grants
	grant pc2 contributor
	user_link no_write_access pc1
}

with_both_grants_an_interconnect() {
	no_grants
	grant pc1 contributor
	grant pc2 contributor
	user interconnect create pc1 pc2 --confirm-no-overlap
	equal "uid:$USER_ID" "$(ctl interconnect show pc1 pc2 -o json | jq -r .created_by)" "created_by"
	pings t0x-pc1-vm 172.16.2.10
}

either_end_may_leave() {
	region_is pc1-pc2
	no_grants
	grant pc2 reader
	refused_by user no_write_access "" interconnect delete pc2 pc1 --yes
	grant pc2 contributor
	user interconnect delete pc2 pc1 --yes
	equal "" "$(pairs)" "interconnects"
}

only_root_makes_clouds_and_grants() {
	no_grants
	grant pc1 contributor
	user cloud show pc1
	refused_by user no_write_access "" cloud create pc9 --location westeurope --port net_ring9 \
		--gateway 169.254.9.1/30 --router 169.254.9.2 --network-block 10.9.0.0/22
	refused_by user no_write_access pc1 cloud delete pc1
	refused_by user no_write_access "" grant create "uid:$USER_ID" pc2 contributor
	refused_by user no_write_access "" grant delete "uid:$USER_ID" pc1 contributor
	user cloud show pc1
	no_grants
	fails user cloud show pc1 # a grant withdrawn counts at once
}

wrong_usage_exits_2() {
	local rc
	for words in "cloud create" "interconnect create pc1" "nonsense" "cloud show pc1 --nonsense"; do
		rc=0
		# shellcheck disable=SC2086
		ctl $words </dev/null || rc=$?
		equal 2 "$rc" "exit status of t0xctl $words"
	done
	ctl interconnect create --help
}

# t0xctl where everybody may run it, wherever the source tree is.
PUBLIC=$(mktemp -d)
chmod 0755 "$PUBLIC"
install -m 0755 "$T0XCTL" "$PUBLIC/t0xctl"
trap 'rm -rf "$PUBLIC"; streams_end' EXIT

promise what_does_not_exist
promise names_and_addresses
promise ports
promise transit_networks
promise same_cloud_and_other_location
promise overlaps
promise confirmation_repetition_and_use
promise limits
promise strangers_are_not_let_in
promise without_grants_nothing
promise with_one_grant_no_interconnect
promise with_both_grants_an_interconnect
promise either_end_may_leave
promise only_root_makes_clouds_and_grants
promise wrong_usage_exits_2
no_grants
promises_end
