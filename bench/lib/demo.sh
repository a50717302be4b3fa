# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# bench/lab demo: what passes, what must not, and what is seen of it. Sourced.

# shellcheck source=streams.sh
source "$TREE/bench/lib/streams.sh"

CHECKS=0
WRONG=0

# check TEXT COMMAND...: one line of the demo, right or wrong.
check() {
	local text=$1
	shift
	CHECKS=$((CHECKS + 1))
	if "$@"; then
		good "$text"
	else
		bad "$text"
		WRONG=$((WRONG + 1))
	fi
}

# show COMMAND...: as a person would type it, with its output.
show() {
	local rc=0 words=("$@")
	[[ ${words[0]} == ctl ]] && words[0]=t0xctl
	printf '%s$ %s%s\n' "$DIM" "${words[*]}" "$PLAIN"
	"$@" 2>&1 | sed 's/^/  /' || rc=$?
	return "$rc"
}

demo_cleanup() {
	local rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	streams_end
	step "Down"
	lab_down && say "  daemon ended, namespaces, links, state and hugepages given back"
	step "bench/lab demo, $SECONDS s"
	if ((rc == 0 && WRONG == 0 && CHECKS > 0)); then
		say "${GREEN}demo passed: all $CHECKS things were as they must be$PLAIN"
		exit 0
	fi
	say "${RED}demo failed: $WRONG of $CHECKS things were not as they must be" \
		"(exit status so far $rc; log in $DAEMON_LOG)$PLAIN"
	exit 1
}

demo() {
	trap demo_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	step "Up: three clouds, each a T0 router and a VM in namespaces of their own"
	lab_up "$LAB_PORTS"
	say "  T0 ports: $(ports_text)"
	show ctl cloud list
	demo_before
	demo_interconnect
	demo_passes
	demo_refused
	demo_spoofed
	demo_iperf
	demo_delete_under_traffic
	step "What was counted"
	show ctl stats
}

demo_before() {
	step "Before any interconnect nothing reaches anything"
	check "pc1's VM does not reach pc2's VM" pings_not t0x-pc1-vm 172.16.2.10
	check "pc1's VM does not reach pc2's management host" pings_not t0x-pc1-vm 10.2.0.2
	check "pc2's VM does not reach pc3's VM" pings_not t0x-pc2-vm 172.16.3.10
	check "nor, in IPv6, pc2's VM" pings_not t0x-pc1-vm fd00:2:2::10
	check "pc1's T0 router reaches its own gateway" pings t0x-pc1 169.254.1.1
	check "by IPv6, too" pings t0x-pc1 fd00:1:ffff::1
}

demo_interconnect() {
	step "Interconnect pc1 with pc2, and pc2 with pc3"
	check "pc1 - pc2" show ctl interconnect create pc1 pc2 --confirm-no-overlap
	check "pc2 - pc3" show ctl interconnect create pc2 pc3 --confirm-no-overlap
	show ctl interconnect list
}

demo_passes() {
	step "What passes"
	check "pc1's VM reaches pc2's VM" pings t0x-pc1-vm 172.16.2.10
	check "pc1's VM reaches pc2's management host" pings t0x-pc1-vm 10.2.0.2
	check "pc2's VM reaches pc1's VM" pings t0x-pc2-vm 172.16.1.10
	check "pc2's VM reaches pc3's VM" pings t0x-pc2-vm 172.16.3.10
	check "the way is T0, t0x, T0" show ip netns exec t0x-pc1-vm traceroute -n -q 1 -w 1 172.16.2.10
	check "in IPv6 pc1's VM reaches pc2's VM" pings t0x-pc1-vm fd00:2:2::10
	check "and pc2's VM pc3's management host" pings t0x-pc2-vm fd00:3:1::2
	check "the way is the same" show ip netns exec t0x-pc1-vm traceroute -n -q 1 -w 1 fd00:2:2::10
}

# Interconnects are not transitive: 1-2 and 2-3 do not make 1-3.
demo_refused() {
	step "What does not: pc1 and pc3 have no interconnect, although pc2 has one with each"
	check "pc1's VM does not reach pc3's VM" pings_not t0x-pc1-vm 172.16.3.10
	check "pc3's VM does not reach pc1's VM" pings_not t0x-pc3-vm 172.16.1.10
	check "nor in IPv6" pings_not t0x-pc3-vm fd00:1:2::10
	show ctl explain pc1 172.16.1.10 172.16.3.10 || true
	check "t0x says why: no_interconnect" explains pc1 172.16.1.10 172.16.3.10 no_interconnect
	check "and so in IPv6" explains pc1 fd00:1:2::10 fd00:3:2::10 no_interconnect
	check "a segment that is not routed stays at home (192.168.100.0/24)" \
		explains pc1 192.168.100.10 172.16.2.10 spoofed_source
}

explains() { [[ $(ctl explain "$1" "$2" "$3" -o json | jq -r .reason) == "$4" ]]; }

demo_spoofed() {
	local mac
	step "pc1 lies about who it is"
	mac=$(gateway_mac 1)
	watch_start far-router t0x-pc3 t0
	watch_start far-vm t0x-pc3-vm eth0
	watch_start near-router t0x-pc2 t0
	note "  1,000 frames 'from' pc2's VM, 1,000 'from' pc3's own; 1,000 honest ones to pc2; in IPv6 the same"
	inject_quietly --from 172.16.2.10 --to 172.16.3.10 --dst-mac "$mac" --stream 21
	inject_quietly --from 172.16.3.10 --to 172.16.3.10 --dst-mac "$mac" --stream 22
	inject_quietly --from fd00:2:2::10 --to fd00:3:2::10 --dst-mac "$mac" --stream 21
	inject_quietly --from fd00:3:2::10 --to fd00:3:2::10 --dst-mac "$mac" --stream 22
	inject_quietly --from 172.16.1.10 --to 172.16.2.10 --dst-mac "$mac" --stream 23
	inject_quietly --from fd00:1:2::10 --to fd00:2:2::10 --dst-mac "$mac" --stream 23
	sleep 0.5 # late ones would count, too
	finish far-router
	finish far-vm
	finish near-router
	check "pc3's T0 router saw $(report far-router .frames) of the lies" test "$(report far-router .frames)" = 0
	check "pc3's VM saw $(report far-vm .frames)" test "$(report far-vm .frames)" = 0
	check "pc2's T0 router saw $(frames near-router 23) of the 2,000 honest ones" \
		test "$(frames near-router 23)" = 2000
	check "and $(($(frames near-router 21) + $(frames near-router 22))) of the lies" \
		test "$(frames near-router 21)$(frames near-router 22)" = 00
}

inject_quietly() {
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --rate 10000 --count 1000 "$@" >/dev/null
}

demo_iperf() {
	local result
	step "TCP between the VMs of pc1 and pc2"
	result=$STREAMS/iperf.json
	check "iperf3 ran for 3 s" iperf_to_file "$result" -t 3
	note "  $(jq -r '"\(.end.sum_received.bits_per_second / 1e6 | round) Mbit/s," +
		" \(.end.sum_sent.retransmits) retransmits (a veth of the kernel: no measure of t0x)"' \
		"$result" 2>/dev/null)"
}

iperf_to_file() {
	local file=$1
	shift
	iperf_run t0x-pc1-vm t0x-pc2-vm 172.16.2.10 "$@" >"$file"
}

demo_delete_under_traffic() {
	local returned last
	step "Delete pc1 - pc2 while 1,000 packets/s cross it, and another 1,000/s cross pc2 - pc3"
	background in-1 t0x-pc2-vm receive --port 9001 --stream 31
	background in-2 t0x-pc3-vm receive --port 9002 --stream 32
	watch_start edge t0x-pc2 t0
	background out-1 t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 31 --rate 1000 --seconds 30
	background out-2 t0x-pc2-vm send --to 172.16.3.10 --port 9002 --stream 32 --rate 1000 --seconds 30
	sleep 1 # of traffic
	check "deleted" ctl interconnect delete pc1 pc2 --yes
	returned=$EPOCHREALTIME
	sleep 1 # of traffic that must not pass
	finish out-1
	finish out-2
	sleep 0.2 # for what is still under way
	finish in-1
	finish in-2
	finish edge
	last=$(report edge '[.streams[] | select(.stream == 31) | .last_at] | add // 0')
	note "  $(report in-1 .received) of $(report out-1 .sent) packets passed before the delete"
	check "packets did pass before" test "$(report in-1 .received)" -gt 500
	check "no frame left t0x after the command returned (last one $(ms_between "$last" "$returned") ms before)" \
		earlier "$last" "$returned"
	check "in IPv6 it is closed as well" pings_not t0x-pc1-vm fd00:2:2::10
	check "pc2 - pc3 lost $(($(report out-2 .sent) - $(report in-2 .received))) of $(report out-2 .sent)" \
		test "$(report in-2 .received)" = "$(report out-2 .sent)"
}

earlier() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }
