#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The guard on AF_XDP ports: while t0xd is dead, stopped or replaced, what is allowed passes, what is
# forbidden does not, and the gateways answer. Needs a lab that is up with --ports af_xdp.
#
# The host forwards all the while, as somebody's container runtime makes it: it must not matter.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PINS=/sys/fs/bpf/t0x
GUARD=$BUILD/bench/t0x-bench-guard
ROUNDS=${ROUNDS:-3}

# daemon_start, with further options before those of the lab.
start_with() {
	local args=()
	mapfile -t args <"$LAB_RUN/daemon-arguments"
	daemon_start "$@" "${args[@]}"
}

event_texts() { # ACTION CLOUD SINCE: of each event since then
	ctl event list --limit 200 -o json | jq -r --arg action "$1" --arg cloud "$2" --arg since "$(iso "$3")" \
		'.[] | select(.action == $action and .cloud == $cloud and .at >= $since) | .at + " " + .text'
}
iso() { date -u -d "@${1%.*}" "+%FT%T.$(cut -c1-3 <<<"${1#*.}")Z"; }
switched_to() { event_texts guard.engine "$2" "$3" | tail -n 1 | grep -q "^[^ ]* $1 forwards"; } # ENGINE CLOUD SINCE

# guard_count CLOUD steered|forwarded
guard_count() { ctl stats -o json | jq ".guard[] | select(.cloud == \"$1\") | .$2"; }
steered_beyond() { (($(guard_count "$1" steered) > $2)); }

# packets WHICH CLOUD REASON WHERE: of the drops or punts.
packets() {
	ctl stats -o json | jq --arg cloud "$2" --arg reason "$3" --arg where "$4" "[.$1[]"'
		| select(.cloud == $cloud and .reason == $reason and .where == $where).packets] | add // 0'
}

vm_datagrams() { ip netns exec t0x-pc2-vm awk '$1 == "Udp:" && $2 ~ /[0-9]/ { print $2 }' /proc/net/snmp; }
datagrams_beyond() { (($(vm_datagrams) > $1)); }

# ---- a stream that must pass, four that must not, and one that shows that the watchers see ----

FORBIDDEN=(11 12 13 14)

traffic_start() {
	local mac
	mac=$(gateway_mac 1)
	watch_start far-router t0x-pc3 t0
	watch_start far-vm t0x-pc3-vm eth0
	background seen t0x-pc2-vm send --to 172.16.3.10 --stream 10 --rate 20 --seconds 600
	lie 11 "$mac" 172.16.1.10 172.16.3.10 # honest, but there is no interconnect
	lie 12 "$mac" 172.16.2.10 172.16.3.10
	lie 13 "$mac" fd00:1:2::10 fd00:3:2::10
	lie 14 "$mac" fd00:2:2::10 fd00:3:2::10
	background in t0x-pc2-vm receive --port 9001 --stream 1 --arrivals "$STREAMS/arrivals"
	background out t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 1 --rate 1000 --seconds 600
	wait_for 5 arrived 100
}
lie() { # STREAM MAC FROM TO
	background "lie-$1" t0x-pc1 inject --dev t0 --dst-mac "$2" --from "$3" --to "$4" --stream "$1" \
		--rate 100 --seconds 600
}
arrived() { (($(wc -l <"$STREAMS/arrivals") >= $1)); }
another_hundred() { wait_for 10 arrived $(($(wc -l <"$STREAMS/arrivals") + 100)); }

# traffic_lost_at_most N WHAT
traffic_lost_at_most() {
	local stream lost
	another_hundred
	finish out
	finish seen
	for stream in "${FORBIDDEN[@]}"; do
		finish "lie-$stream"
		fails test "$(report "lie-$stream" .sent)" -lt 50
	done
	sleep 0.3 # for what is still under way
	finish in
	finish far-router
	finish far-vm
	lost=$(($(report out .sent) - $(report in .received)))
	tell "$2: lost $lost of $(report out .sent), longest gap $(report in .largest_gap_ms) ms;" \
		"forbidden in pc3: $(forbidden far-router) of $(report_sum)"
	for place in far-router far-vm; do
		equal "0 0" "$(forbidden "$place") $(report "$place" .missed)" "forbidden, and missed, at $place"
		fails test "$(frames "$place" 10)" -lt 5 # or the watcher is blind
	done
	equal 0 "$(report in .duplicate)" "duplicates"
	((lost <= $1))
}
forbidden() { report "$1" '[.streams[] | select(.stream >= 11 and .stream <= 14).frames] | add // 0'; }
report_sum() { jq -s 'map(.sent) | add' "$STREAMS"/lie-*.json; }

# Returns when the data plane forwards again; within 2 s of its start, as the kernel saw it.
start_again() {
	local began=$EPOCHREALTIME at
	daemon_start
	wait_for 10 switched_to dataplane pc1 "$began"
	at=$(event_texts guard.engine pc1 "$began" | sed -n 's/ dataplane forwards.*//p' | tail -n 1)
	at=$(date -d "$at" +%s.%3N)
	tell "from the start of t0xd to its first packet: $(ms_between "$began" "$at") ms"
	(($(ms_between "$began" "$at") < 2000))
}

# Three times in one stream; what is lost at each is what is missing among the numbers that arrived.
# What the guard steers to a killed t0xd is lost until the kernel has closed its sockets, which takes
# longer on a busy machine, or until the heartbeat is 100 ms old.
killed_and_started_loses_20_of_1000_a_second() {
	local round median
	traffic_start
	for ((round = 1; round <= ROUNDS; round++)); do
		missing >"$STREAMS/before"
		daemon_kill
		another_hundred # by the kernel
		start_again
		another_hundred
		missing | awk -v before="$(<"$STREAMS/before")" '{ print $1 - before }' >>"$STREAMS/losses"
	done
	median=$(sort -n "$STREAMS/losses" | sed -n "$((ROUNDS / 2 + 1))p")
	awk '$1 > 120 { exit 1 }' "$STREAMS/losses"
	tell "kill -9 and start, $ROUNDS times: lost $(paste -sd' ' "$STREAMS/losses")"
	traffic_lost_at_most $((ROUNDS * 120)) "kill -9 and start"
	((median <= 20))
}
missing() { awk '{ if ($2 > last) last = $2 } END { print last + 1 - NR }' "$STREAMS/arrivals"; }

stopped_for_5_seconds_loses_150() {
	local began=$EPOCHREALTIME
	traffic_start
	kill -STOP "$(daemon_pids)"
	sleep 5 # as the promise says
	kill -CONT "$(daemon_pids)"
	wait_for 10 switched_to dataplane pc1 "$began"
	event_texts guard.engine pc1 "$began" | grep 'kernel forwards what comes in on t0x-pc1-t0, queue 0'
	traffic_lost_at_most 150 "SIGSTOP, SIGCONT after 5 s"
}

ended_and_started_loses_5() {
	traffic_start
	daemon_stop
	another_hundred
	start_again
	traffic_lost_at_most 5 "SIGTERM and start"
}

# By another process, twenty times on every port, while the data plane forwards.
a_replaced_guard_loses_nothing() {
	local began=$EPOCHREALTIME before steered
	traffic_start
	before=$(xdp_ids)
	steered=$(guard_count pc1 steered)
	"$GUARD" replace --pins "$PINS" --times 20 t0x-pc1-t0 t0x-pc2-t0 t0x-pc3-t0
	fails grep -Fxf <(echo "$before") <(xdp_ids) # each is another now
	wait_for 5 steered_beyond pc1 $((steered + 50))
	traffic_lost_at_most 0 "60 replacements of the guard"
}
xdp_ids() { ip -d -j link show | jq -r '.[] | select(.ifname | test("^t0x-pc[123]-t0$")) | .xdp.prog.id'; }

# ---- while t0xd is dead ----

both_families_pass() {
	pings t0x-pc1-vm 172.16.2.10
	pings t0x-pc2-vm 10.1.0.2
	pings t0x-pc1-vm fd00:2:2::10
	pings t0x-pc2-vm fd00:1:1::2
}
nothing_passes() {
	none_answers t0x-pc1-vm 172.16.2.10 t0x-pc1-vm fd00:2:2::10
}
gateways_are_found_and_answer() {
	local n
	for n in 1 2 3; do
		ip -n "t0x-pc$n" neigh flush dev t0
		pings "t0x-pc$n" "169.254.$n.1"
		pings "t0x-pc$n" "fd00:$n:ffff::1"
	done
	# Not those of others, and not by anyone but the router.
	none_answers t0x-pc1 169.254.2.1 t0x-pc1 fd00:2:ffff::1 t0x-pc1-vm 169.254.1.1 t0x-pc1-vm fd00:1:ffff::1
}
outer_clouds_stay_apart() {
	none_answers t0x-pc1-vm 172.16.3.10 t0x-pc3-vm 172.16.1.10 t0x-pc1-vm fd00:3:2::10 t0x-pc3-vm fd00:1:2::10
}

while_t0xd_is_dead_the_kernel_forwards_and_answers() {
	daemon_kill
	gateways_are_found_and_answer
	both_families_pass
	outer_clouds_stay_apart
	daemon_start
}

# TCP and UDP ports of the host stay out of reach, t0xd or not.
while_t0xd_is_dead_no_port_of_the_host_answers() {
	local address ns scan scans=()
	daemon_kill
	background bait - receive --port 7777 --tcp-listen
	for address in 169.254.1.1 169.254.2.1 fd00:1:ffff::1 fd00:2:ffff::1; do
		for ns in t0x-pc1 t0x-pc1-vm; do
			equal 0 "$(ip netns exec "$ns" "$TRAFFIC" scan --to "$address" --timeout 300 \
				--tcp 22,179,7777 --udp 7777 | jq .answered)" "answers of $address to $ns" &
			scans+=($!)
		done
	done
	for scan in "${scans[@]}"; do
		wait "$scan"
	done
	finish bait
	equal "0 0 0" "$(report bait '"\(.received) \(.foreign) \(.accepted)"')" "what the bait got"
	daemon_start
}

told_to_drop_nothing_passes_but_gateways_answer() {
	trap 'daemon_stop; daemon_start; streams_end' EXIT
	daemon_stop
	start_with --fail-over drop
	wait_for 5 both_families_pass
	kill -STOP "$(daemon_pids)"
	nothing_passes
	kill -CONT "$(daemon_pids)"
	wait_for 5 both_families_pass
	daemon_kill
	nothing_passes
	gateways_are_found_and_answer
	outer_clouds_stay_apart
}

# ---- changes, in guard and data plane ----

# Killed right after each answer, the kernel does what was answered.
what_was_answered_holds_for_the_kernel() {
	local round before returned
	region_is pc2-pc3
	background in t0x-pc2-vm receive --port 9001 --stream 1
	background out t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 1 --rate 1000 --seconds 600
	for ((round = 1; round <= ROUNDS; round++)); do
		interconnected pc1 pc2
		daemon_kill
		before=$(vm_datagrams)
		wait_for 2 datagrams_beyond $((before + 100)) # by the kernel
		daemon_start
		wait_for 5 passes_and_is_active
		watch_start edge t0x-pc2 t0
		before=$(vm_datagrams)
		wait_for 5 datagrams_beyond $((before + 100))
		ctl interconnect delete pc1 pc2 --yes
		returned=$EPOCHREALTIME
		((round == 1)) || daemon_kill # the first: what it had taken before it answered goes on
		sleep 0.3 # of traffic that must not pass
		finish edge
		fails test "$(frames edge 1)" -lt 100
		awk -v a="$(report edge .last_at)" -v b="$returned" 'BEGIN { exit !(a < b) }' ||
			fails echo "round $round: $(ms_between "$returned" "$(report edge .last_at)") ms after the answer"
		((round > 1)) || daemon_kill
		before=$(vm_datagrams)
		nothing_passes
		equal "$before" "$(vm_datagrams)" "datagrams that pc2's VM has got"
		daemon_start
	done
	finish out
}
passes_and_is_active() {
	[[ $(ctl interconnect show pc1 pc2 -o json | jq -r .state) == Active ]] && pings t0x-pc1-vm 172.16.2.10 1
}

# The kernel takes none of the routes that would be opened: what it has goes on, what it lacks stays
# closed and is said to be, until there is room again, or it is not wanted any more.
routes_that_the_kernel_has_no_room_for_are_added_later() {
	local full=$STREAMS/full shim=$BUILD/tests/libt0x-no-memory.so began
	[[ -e $shim ]] || die "no $shim: tests/run lab guard builds it"
	region_is pc2-pc3
	daemon_kill
	T0X_NO_MEMORY=$full LD_PRELOAD=$shim daemon_start
	began=$EPOCHREALTIME
	touch "$full"
	interconnected pc1 pc2
	wait_for 5 says_so "Disconnected, pc1: guard lacks routes; pc2: guard lacks routes"
	wait_for 5 told "Disconnected: guard lacks routes" "$began"
	fails pings t0x-pc1-vm 172.16.2.10 1
	pings t0x-pc2-vm 172.16.3.10 1
	separated pc1 pc2 # what closes needs no room
	wait_for 5 told Connected "$began"
	interconnected pc1 pc2
	wait_for 5 told "Disconnected: guard lacks routes" "$began"
	rm "$full"
	wait_for 5 passes_and_is_active
	wait_for 5 told Connected "$began"
	separated pc1 pc2
	nothing_passes
	daemon_kill
	daemon_start
}
says_so() { [[ $(ctl interconnect show pc1 pc2 -o json | jq -r '.state + ", " + .reason') == "$1" ]]; }
told() { [[ $(event_texts cloud.state pc1 "$2" | tail -n 1 | cut -d ' ' -f 2-) == "$1" ]]; } # TEXT SINCE

# ---- starts, and what others left ----

a_second_t0xd_is_refused_by_name() {
	local answer rc=0
	answer=$(timeout 20 "$T0XD" --guard required </dev/null 2>&1) || rc=$?
	equal 1 "$rc" "exit status: $answer"
	grep -q "locked by another t0xd (process $(daemon_pids))" <<<"$answer"
	both_families_pass
}

# As after a reboot: the netdevs are others, what was pinned for the old ones is of no use.
netdevs_that_were_made_anew_are_guarded() {
	local n ifindex
	daemon_kill
	for n in 1 2 3; do
		topology_cloud_remove "$n"
		topology_cloud_create "$n"
	done
	daemon_start
	for n in 1 2 3; do
		wait_for 10 cloud_is_connected "pc$n"
	done
	wait_for 5 both_families_pass
	outer_clouds_stay_apart
	equal "$(ip -j link show | jq -r '.[] | select(.ifname | test("^t0x-pc[123]-t0$")) | "netdev_\(.ifindex)"' | sort)" \
		"$(cd "$PINS" && printf '%s\n' netdev_* | sort)" "pins of netdevs"
}

# An XDP program of another, in the way when t0xd starts: said with the way out, and mended by it.
a_foreign_program_is_refused_with_the_way_out() {
	trap 'ip link set t0x-pc3-t0 xdp off || true; streams_end' EXIT
	local way
	daemon_stop
	without_guard t0x-pc3-t0
	foreign_program "$STREAMS/foreign.o"
	ip link set t0x-pc3-t0 xdp obj "$STREAMS/foreign.o" sec xdp
	start_with
	equal Disconnected "$(ctl cloud show pc3 -o json | jq -r .state)" "state of pc3"
	ctl cloud show pc3 -o json | jq -r .reason | grep "XDP program that is not t0x's (foreign"
	both_families_pass # the others do not suffer
	way=$(grep -o 'ip link set dev t0x-pc3-t0 xdp off' "$DAEMON_LOG" | tail -n 1)
	$way
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc2-vm 172.16.3.10
}
without_guard() { # NETDEV: of a t0xd that has ended
	local ifindex
	ifindex=$(<"/sys/class/net/$1/ifindex")
	rm -r "$PINS/netdev_$ifindex"
	wait_for 5 no_program "$1"
}
no_program() { ! ip link show "$1" | grep -q xdp; }
foreign_program() { # FILE
	printf '%s\n' '__attribute__((section("xdp"), used)) int foreign(void *ctx) { return 2; }' \
		'char gpl[] __attribute__((section("license"), used)) = "GPL";' |
		"$(command -v clang-14 || echo clang)" -O2 -target bpf -x c -c - -o "$1"
}

a_foreign_address_is_refused_with_the_way_out() {
	trap 'ip address del 198.51.100.1/24 dev t0x-pc3-t0 2>/dev/null || true; streams_end' EXIT
	local way
	daemon_stop
	ip address add 198.51.100.1/24 dev t0x-pc3-t0
	start_with
	equal Disconnected "$(ctl cloud show pc3 -o json | jq -r .state)" "state of pc3"
	ctl cloud show pc3 -o json | jq -r .reason | grep 198.51.100.1
	both_families_pass
	way=$(grep -o 'ip address del 198.51.100.1/24 dev t0x-pc3-t0' "$DAEMON_LOG" | tail -n 1)
	$way
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc2-vm 172.16.3.10
}

# No program, no pin, no address: as it was before t0xd came.
without_its_cloud_a_netdev_has_nothing_of_ours() {
	local n
	trap 'clouds_as_before; streams_end' EXIT
	region_is
	for n in 1 2 3; do
		ctl cloud delete "pc$n"
		wait_for 5 no_program "t0x-pc$n-t0"
		equal "" "$(ip -br addr show "t0x-pc$n-t0" | awk '{ $1 = $2 = ""; print }' | tr -d ' ')" "addresses"
	done
	fails compgen -G "$PINS/netdev_*"
	equal "" "$(bpftool net -j | jq -r '.[].xdp[] | select(.devname | test("^t0x-pc")) | .devname')" "attached"
}
clouds_as_before() {
	local n
	for n in 1 2 3; do
		ctl cloud show "pc$n" >/dev/null 2>&1 || cloud_register "$n"
	done
	region_is pc1-pc2 pc2-pc3
}

a_cloud_may_come_back_to_its_netdev() {
	local round before
	trap 'clouds_as_before; streams_end' EXIT
	region_is
	before=$(ctl stats -o json | jq .memory.mbufs.in_use)
	for ((round = 1; round <= ROUNDS; round++)); do
		ctl cloud delete pc3
		cloud_register 3
		wait_for 10 cloud_is_connected pc3
	done
	# What the port had is given back: room for one of it is left to what is under way.
	(($(ctl stats -o json | jq .memory.mbufs.in_use) < before + 4096))
}

guard_off_takes_all_of_it_off() {
	trap 'daemon_stop; daemon_start; streams_end' EXIT
	daemon_kill
	daemon_start --guard off
	fails test -e "$PINS"
	both_families_pass
	equal "" "$(ip -o addr show scope global | grep -o 't0x-pc[123]-t0.*' || true)" "gateway addresses on netdevs"
}

# ---- where something is missing ----

# elsewhere T0XD-OPTION...: a t0xd beside the lab's, by way of $HOW, with a cloud on a netdev of its
# own; until it has said what it makes of that, or why it does not start. $STREAMS/elsewhere has it.
elsewhere() {
	local pid rc=0 before
	before=$(namespaces)
	"$HOW" "$T0XD" "$@" --state "$STREAMS/state" --socket "$STREAMS/socket" --workers 0 -- --no-huge \
		-m 256 --no-pci </dev/null >"$STREAMS/elsewhere" 2>&1 9>&- &
	pid=$!
	wait_for 20 ready_or_gone "$pid"
	"$T0XCTL" --socket "$STREAMS/socket" cloud create pc9 --location westeurope \
		--port "net_af_xdp9,iface=$(host_end 9)" --gateway 169.254.9.1/30 --router 169.254.9.2 \
		--network-block 10.9.0.0/22 || true
	kill "$pid" 2>/dev/null || true
	wait "$pid" || rc=$?
	comm -13 <(echo "$before") <(namespaces) | xargs -r -n 1 ip netns del # of its control netdevs
	cat "$STREAMS/elsewhere"
	return "$rc"
}
namespaces() { ip netns list 2>/dev/null | cut -d ' ' -f 1 | sort; }
ready_or_gone() { grep -q 'event=ready' "$STREAMS/elsewhere" || ! kill -0 "$1"; }

without_bpffs() { exec unshare -m -- sh -c 'mount -t tmpfs none /sys/fs && exec "$@"' - "$@"; }
without_capabilities() { exec setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin -- "$@"; }
NO_BPFFS='no BPF file system on /sys/fs/bpf.*mount -t bpf'

what_is_required_and_missing_is_named() {
	local pins
	pins=$(ls /sys/fs/bpf)
	HOW=without_bpffs
	fails elsewhere --guard required
	grep -- "--guard required, but $NO_BPFFS" "$STREAMS/elsewhere"
	HOW=without_capabilities
	fails elsewhere --guard required
	grep -- "--guard required, but .*root, or CAP_BPF" "$STREAMS/elsewhere"
	fails grep -q 'event=ready' "$STREAMS/elsewhere"
	equal "$pins" "$(ls /sys/fs/bpf)" "what is pinned"
}

without_a_guard_to_be_had_auto_says_so_and_does_without() {
	trap 'ip link del "$(host_end 9)"; streams_end' EXIT
	ip link add "$(host_end 9)" type veth peer name "$(host_end 9)-peer"
	host_end_quiet "$(host_end 9)"
	HOW=without_bpffs
	elsewhere --guard auto
	grep -E "module=guard event=no_guard why=.*$NO_BPFFS" "$STREAMS/elsewhere"
	grep -q 'event=ready' "$STREAMS/elsewhere"
}

# ---- what is told ----

guard_and_data_plane_are_told_apart() {
	local mac before
	region_is pc1-pc2 pc2-pc3
	mac=$(gateway_mac 1)
	before=$(packets drops pc1 spoofed_source guard)
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$mac" --from 172.16.2.10 --to 172.16.3.10 --count 20 >/dev/null
	wait_for 2 dropped 20 spoofed_source guard
	equal 0 "$(packets drops pc1 spoofed_source dataplane)" "lies that reached the data plane"
	before=$(packets drops pc1 ttl_exceeded dataplane)
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$mac" --from 172.16.1.10 --to 172.16.2.10 --ttl 1 --count 20 >/dev/null
	wait_for 2 dropped 20 ttl_exceeded dataplane
	before=$(packets punts pc1 echo guard)
	pings t0x-pc1 169.254.1.1 5
	fails test "$(packets punts pc1 echo guard)" -lt $((before + 5))
	equal guard "$(ctl explain pc1 172.16.1.10 172.16.3.10 -o json | jq -r .where)" "who drops it"
	equal dataplane "$(ctl explain pc1 172.16.1.10 172.16.2.10 --ttl 1 -o json | jq -r .where)" "who drops it"
	wait_for 10 ten_are_steered # the kernel has some where t0xd had no CPU for a while
}
ten_are_steered() {
	local before
	before=$(guard_count pc1 steered)
	pings t0x-pc1-vm 172.16.2.10 10 && (($(guard_count pc1 steered) >= before + 10))
}
dropped() { (($(packets drops pc1 "$2" "$3") >= before + $1)); }

# What the kernel forwarded in its place counts for the interconnect, too.
what_the_kernel_forwarded_is_counted() {
	local before forwarded began
	region_is pc1-pc2
	began=$EPOCHREALTIME
	before=$(forwarded_to_pc2)
	forwarded=$(guard_count pc1 forwarded)
	kill -STOP "$(daemon_pids)"
	ip netns exec t0x-pc1-vm "$TRAFFIC" send --to 172.16.2.10 --port 9001 --rate 1000 --count 500 >/dev/null
	kill -CONT "$(daemon_pids)"
	wait_for 5 counts_500
	fails test "$(guard_count pc1 forwarded)" -lt $((forwarded + 300)) # all but what came within 100 ms
	wait_for 5 pings t0x-pc1-vm 172.16.2.10 1
	wait_for 5 switched_to dataplane pc1 "$began"
	event_texts guard.engine pc1 "$began" | grep 'kernel forwards'
}
forwarded_to_pc2() {
	ctl interconnect show pc1 pc2 -o json |
		jq '.counters[if .cloud == "pc1" then "cloud_to_peer" else "peer_to_cloud" end].packets'
}
counts_500() { (($(forwarded_to_pc2) >= before + 500)); }

# ---- a tagged port ----

TRUNK=$(t0_ns 210)
trunk_create() {
	trunk_link 210
	vlan_cloud 211 10
	vlan_cloud 212 20
	vlan_cloud 213 30
	interconnected pc211 pc212
	interconnected pc212 pc213
}
vlan_cloud() { # N VLAN
	ctl cloud create "pc$1" --location westeurope --port "$(port_devargs 210)" --vlan "$2" \
		--gateway "169.254.$1.1/30" --router "169.254.$1.2" --network-block "10.$1.0.0/22" \
		--router-mac "02:54:30:00:$2:02"
}
trunk_remove() {
	daemon_running || daemon_start
	region_is
	topology_cloud_remove 210
}
tagged() { # MAC OPTION...
	ip netns exec "$TRUNK" "$TRAFFIC" inject --dev t0 --dst-mac "$@" --count 20 --rate 2000 --stream 7 >/dev/null
}

# The data plane first, then the kernel in its place: the same frames, with the same tags.
clouds_on_vlans_are_guarded_alike() {
	local mac
	trap 'trunk_remove; streams_end' EXIT
	region_is
	trunk_create
	mac=$(ctl cloud show pc211 -o json | jq -r .mac)
	only_the_allowed_cross_the_trunk
	daemon_kill
	only_the_allowed_cross_the_trunk
}
only_the_allowed_cross_the_trunk() {
	capture_start "$TRUNK"
	tagged "$mac" --vlan 10 --from 10.211.0.2 --to 10.212.0.2
	tagged "$mac" --vlan 20 --from 10.212.0.2 --to 10.213.0.2
	tagged "$mac" --vlan 10 --from 10.211.0.2 --to 10.213.0.2 # not interconnected
	tagged "$mac" --vlan 30 --from 10.211.0.2 --to 10.212.0.2 # another cloud's source
	tagged "$mac" --vlan 40 --from 10.211.0.2 --to 10.212.0.2 # nobody's VLAN
	tagged "$mac" --from 10.211.0.2 --to 10.212.0.2
	tagged "$mac" --vlan 10 --vlan 20 --from 10.211.0.2 --to 10.212.0.2
	capture_end
	equal 20 "$(captured vlan 20 and dst host 10.212.0.2 and ether dst 02:54:30:00:20:02)" "frames on VLAN 20"
	equal 20 "$(captured vlan 30 and dst host 10.213.0.2 and ether dst 02:54:30:00:30:02)" "frames on VLAN 30"
	equal 40 "$(captured 'udp or (vlan and udp)')" "frames in all"
}

[[ $PORTS == af_xdp ]] || die "the lab has $PORTS ports: bench/lab up --ports af_xdp first"
FORWARD=/proc/sys/net/ipv4/ip_forward
FORWARD6=/proc/sys/net/ipv6/conf/all/forwarding
before=$(<$FORWARD)
before6=$(<$FORWARD6)
trap 'echo "$before" >$FORWARD; echo "$before6" >$FORWARD6; streams_end' EXIT
echo 1 >$FORWARD
echo 1 >$FORWARD6
region_is pc1-pc2 pc2-pc3
promise killed_and_started_loses_20_of_1000_a_second
promise stopped_for_5_seconds_loses_150
promise ended_and_started_loses_5
promise a_replaced_guard_loses_nothing
promise while_t0xd_is_dead_the_kernel_forwards_and_answers
promise while_t0xd_is_dead_no_port_of_the_host_answers
promise told_to_drop_nothing_passes_but_gateways_answer
promise a_second_t0xd_is_refused_by_name
promise what_is_required_and_missing_is_named
promise without_a_guard_to_be_had_auto_says_so_and_does_without
promise guard_and_data_plane_are_told_apart
promise what_the_kernel_forwarded_is_counted
promise what_was_answered_holds_for_the_kernel
promise routes_that_the_kernel_has_no_room_for_are_added_later
region_is pc1-pc2 pc2-pc3
promise a_foreign_program_is_refused_with_the_way_out
promise a_foreign_address_is_refused_with_the_way_out
promise guard_off_takes_all_of_it_off
promise netdevs_that_were_made_anew_are_guarded
promise clouds_on_vlans_are_guarded_alike
promise a_cloud_may_come_back_to_its_netdev
promise without_its_cloud_a_netdev_has_nothing_of_ours
promises_end
