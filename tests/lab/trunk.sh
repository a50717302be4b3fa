#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clouds on VLANs of one trunk: tags in, tags out, and no way between VLANs but an interconnect.
#
# This kernel need not know 802.1Q devices: frames are made and read with their tags.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NS=$(t0_ns 200) # so that a half-done test is removed with the lab
DEVARGS=$(port_devargs 200)

# vlan_cloud N VLAN [OPTION...]: cloud pcN on a VLAN of the trunk.
vlan_cloud() {
	ctl cloud create "pc$1" --location westeurope --port "$DEVARGS" --vlan "$2" \
		--gateway "169.254.$1.1/30" --router "169.254.$1.2" --network-block "10.$1.0.0/22" "${@:3}"
}

trunk_clouds() {
	vlan_cloud 201 10 --router-mac 02:54:30:00:c9:02
	vlan_cloud 202 20 --router-mac 02:54:30:00:ca:02
	vlan_cloud 203 30 --router-mac 02:54:30:00:cb:02
	ctl interconnect create pc201 pc202 --confirm-no-overlap
	ctl interconnect create pc202 pc203 --confirm-no-overlap
}

trunk_remove() {
	local pair cloud
	for pair in $(pairs); do
		[[ $pair != *pc20[0-9]* ]] ||
			ctl interconnect delete "${pair%-*}" "$(interconnect_name "$pair")" --yes || true
	done
	for cloud in $(ctl cloud list -o json | jq -r '.[].name'); do
		[[ $cloud != pc20[0-9] ]] || ctl cloud delete "$cloud" || true
	done
	topology_cloud_remove 200
}

tagged() { # OPTION...: twenty frames to our MAC
	ip netns exec "$NS" "$TRAFFIC" inject --dev t0 --dst-mac "$(ctl cloud show pc201 -o json | jq -r .mac)" \
		--count 20 --rate 2000 --stream 7 "$@" >/dev/null
}

tags_are_swapped_between_interconnected_vlans() {
	capture_start "$NS"
	tagged --vlan 10 --from 10.201.0.2 --to 10.202.0.2
	tagged --vlan 20 --from 10.202.0.2 --to 10.203.0.2
	capture_end
	equal 20 "$(captured vlan 20 and dst host 10.202.0.2 and ether dst 02:54:30:00:ca:02)" "frames on VLAN 20"
	equal 20 "$(captured vlan 30 and dst host 10.203.0.2 and ether dst 02:54:30:00:cb:02)" "frames on VLAN 30"
	equal 40 "$(captured 'udp or (vlan and udp)')" "frames in all"
}

nothing_else_crosses_the_trunk() {
	capture_start "$NS"
	tagged --vlan 10 --from 10.201.0.2 --to 10.203.0.2 # not interconnected
	tagged --vlan 30 --from 10.201.0.2 --to 10.202.0.2 # another cloud's source
	tagged --vlan 30 --from 10.202.0.2 --to 10.203.0.2
	tagged --vlan 40 --from 10.201.0.2 --to 10.202.0.2 # nobody's VLAN
	tagged --from 10.201.0.2 --to 10.202.0.2 # untagged on a trunk
	tagged --vlan 10 --vlan 20 --from 10.201.0.2 --to 10.202.0.2 # tagged twice
	tagged --vlan 0 --from 10.201.0.2 --to 10.202.0.2 # priority only
	capture_end
	equal 0 "$(captured 'udp or (vlan and udp)')" "frames that came back"
	# What owes an ICMP error gets it, on its own VLAN; the guard drops it without a word.
	[[ $PORTS == af_xdp ]] || fails test "$(captured vlan 10 and icmp and dst host 10.201.0.2)" = 0
	equal 0 "$(captured 'vlan 20 and icmp')" "ICMP errors on another VLAN"
}

the_kernel_asks_for_the_router_on_its_vlan() {
	capture_start "$NS"
	vlan_cloud 204 44
	wait_for 5 asked
	capture_end
	equal "Disconnected router unresolved" "$(ctl cloud show pc204 -o json | jq -r '.state + " " + .reason')" state
}
asked() { (($(captured vlan 44 and arp and host 169.254.204.2))); }

a_trunk_is_one_port() {
	local rest=(--location westeurope --gateway 169.254.205.1/30 --router 169.254.205.2 --network-block 10.205.0.0/22)
	refused port_in_use "pc201 10" cloud create pc205 --port "$DEVARGS" --vlan 10 "${rest[@]}"
	refused port_in_use "pc201" cloud create pc205 --port "$DEVARGS" "${rest[@]}"
	refused name_invalid "4095" cloud create pc205 --port "$DEVARGS" --vlan 4095 "${rest[@]}"
}

the_rest_of_the_trunk_stays_when_a_cloud_leaves() {
	ctl interconnect delete pc203 pc202 --yes
	ctl cloud delete pc203
	capture_start "$NS"
	tagged --vlan 10 --from 10.201.0.2 --to 10.202.0.2
	tagged --vlan 30 --from 10.203.0.2 --to 10.202.0.2
	capture_end
	equal 20 "$(captured 'udp or (vlan and udp)')" "frames in all"
}

region_is pc1-pc2
trap 'trunk_remove >/dev/null 2>&1; streams_end' EXIT
trunk_link 200
trunk_clouds >/dev/null
promise tags_are_swapped_between_interconnected_vlans
promise nothing_else_crosses_the_trunk
promise the_kernel_asks_for_the_router_on_its_vlan
promise a_trunk_is_one_port
promise the_rest_of_the_trunk_stays_when_a_cloud_leaves
promises_end
