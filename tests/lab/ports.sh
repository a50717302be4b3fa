#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# T0 ports go down, vanish, come back and are absent at start: said so, and mended by itself.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cloud_says() { # CLOUD STATE REASON
	[[ $(ctl cloud show "$1" -o json | jq -r '.state + " " + (.reason // "")') == "$2 $3" ]]
}
interconnect_says() { # CLOUD NAME STATE REASON
	[[ $(ctl interconnect show "$1" "$2" -o json | jq -r '.state + " " + (.reason // "")') == "$3 $4" ]]
}
forwards() { wait_for 5 pings t0x-pc9-vm 172.16.2.10 1; }

a_port_that_goes_down_is_disconnected_until_it_is_up() {
	ip link set "$(host_end 9)" down
	wait_for 2 interconnect_says pc9 pc2 Disconnected "pc9: port down"
	explained pc2 172.16.2.10 172.16.9.10 drop egress_down
	ip link set "$(host_end 9)" up
	wait_for 5 interconnect_says pc9 pc2 Active ""
	forwards
}

a_router_that_falls_silent_is_noticed() {
	ip -n t0x-pc9 link set t0 arp off
	ip -n t0x-pc9 link set t0 address 02:54:30:00:09:77
	ip link set "$(host_end 9)" down
	ip link set "$(host_end 9)" up
	wait_for 5 interconnect_says pc9 pc2 Disconnected "pc9: router unresolved"
	explained pc2 172.16.2.10 172.16.9.10 drop router_unresolved
	ip -n t0x-pc9 link set t0 arp on
	wait_for 5 interconnect_says pc9 pc2 Active ""
	forwards
	equal 02:54:30:00:09:77 "$(ctl cloud show pc9 -o json | jq -r .resolved_router_mac)" "router MAC"
}

a_netdev_that_vanishes_and_comes_back_is_attached_again() {
	topology_cloud_remove 9
	wait_for 5 cloud_says pc9 Disconnected "port absent"
	interconnect_says pc9 pc2 Disconnected "pc9: port absent"
	pings t0x-pc2-vm 172.16.3.10
	topology_cloud_create 9
	wait_for 10 cloud_says pc9 Connected ""
	forwards
}

a_port_that_is_absent_at_start_does_not_keep_t0xd_from_it() {
	daemon_kill
	topology_cloud_remove 9
	daemon_start
	for cloud in pc1 pc2 pc3; do
		wait_for 10 cloud_is_connected "$cloud"
	done
	equal Disconnected "$(ctl cloud show pc9 -o json | jq -r .state)" "state of pc9"
	pings t0x-pc2-vm 172.16.3.10
	topology_cloud_create 9
	wait_for 10 cloud_says pc9 Connected ""
	forwards
}

a_cloud_whose_port_is_absent_can_be_deleted() {
	topology_cloud_remove 9
	wait_for 5 cloud_says pc9 Disconnected "port absent"
	ctl interconnect delete pc9 pc2 --yes
	ctl cloud delete pc9
	fails ctl cloud show pc9
	pings t0x-pc2-vm 172.16.3.10
}

region_is pc2-pc3
trap 'ctl interconnect delete pc9 pc2 --yes; ctl cloud delete pc9; topology_cloud_remove 9; streams_end' EXIT
topology_cloud_create 9
cloud_create 9
ctl segment create pc9 workload --gateway-address 172.16.9.1/24 >/dev/null
interconnected pc9 pc2
wait_for 10 cloud_is_connected pc9
promise a_port_that_goes_down_is_disconnected_until_it_is_up
promise a_router_that_falls_silent_is_noticed
promise a_netdev_that_vanishes_and_comes_back_is_attached_again
promise a_port_that_is_absent_at_start_does_not_keep_t0xd_from_it
promise a_cloud_whose_port_is_absent_can_be_deleted
trap 'topology_cloud_remove 9; streams_end' EXIT
promises_end
