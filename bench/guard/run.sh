#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the guard costs a packet, and what it forwards in place of the data plane: beside the kernel's
# own ip_forward, and beside AF_XDP without it, on the same veths, in turn.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../lib/lab.sh
source "$TREE/bench/lib/lab.sh"
# shellcheck source=../lib/streams.sh
source "$TREE/bench/lib/streams.sh"

BENCH=$BUILD/bench/t0x-bench-guard
ALONE=t0x-bench-guard # a namespace
TARGET=172.16.2.99 # pc2's router throws away what is for it, as soon as it can

finish_all() {
	streams_end
	ip netns del "$ALONE" 2>/dev/null || true
	[[ ! -e $LAB_RUN ]] || "$TREE/bench/lab" down >/dev/null || true
}

# ---- the program alone ----

cost() { # ROUNDS: JSON
	local pair
	ip netns add "$ALONE"
	for pair in a b; do
		ip -n "$ALONE" link add "from-$pair" type veth peer name "to-$pair"
		ip -n "$ALONE" link set "from-$pair" up
		ip -n "$ALONE" link set "to-$pair" up
	done
	ip netns exec "$ALONE" "$BENCH" cost --rounds "$1" from-a from-b || return
	ip netns del "$ALONE"
}

# ---- by wire ----

arrived() { ip -n t0x-pc2 -s -j link show t0 | jq '.[0].stats64.rx.packets'; }

# slice ENGINE DESTINATION: as fast as one process can send, and how many came out.
slice() {
	local before
	before=$(arrived)
	ip netns exec t0x-pc1 "$BENCH" flood --seconds "$SLICE" --to-mac "$MAC" --source 172.16.1.10 \
		--destination "$2" t0 >"$STREAMS/slice.json"
	sleep 0.05 # for what is still under way
	jq -c --arg engine "$1" --argjson arrived $(($(arrived) - before)) \
		'{engine: $engine, sent: (.sent / .seconds), arrived: ($arrived / .seconds)}' "$STREAMS/slice.json"
}

# The kernel as a router on the same netdevs, without t0x.
as_ip_forward() { # COMMAND...
	local n before
	before=$(</proc/sys/net/ipv4/ip_forward)
	for n in 1 2; do
		ip address replace "169.254.$n.1/30" dev "$(host_end "$n")"
		ip route replace "172.16.$n.0/24" via "169.254.$n.2"
		ip neigh replace "169.254.$n.2" lladdr "$(ip -n "t0x-pc$n" -j link show t0 | jq -r '.[0].address')" \
			dev "$(host_end "$n")"
	done
	echo 1 >/proc/sys/net/ipv4/ip_forward
	for n in 1 2; do
		echo 1 >"/proc/sys/net/ipv4/conf/$(host_end "$n")/forwarding"
	done
	"$@"
	echo "$before" >/proc/sys/net/ipv4/ip_forward
	for n in 1 2; do
		echo 0 >"/proc/sys/net/ipv4/conf/$(host_end "$n")/forwarding"
		ip address flush dev "$(host_end "$n")"
	done
}

start_ready() { # [T0XD OPTION...]: returns when packets pass
	daemon_start "$@"
	for cloud in pc1 pc2; do
		wait_for 10 cloud_is_connected "$cloud"
	done
	wait_for 10 pings t0x-pc1-vm 172.16.2.10 1
}

round() {
	start_ready
	slice dataplane "$TARGET"
	slice drop 172.16.3.10 # no interconnect leads there
	kill -STOP "$(daemon_pids)"
	sleep 0.2 # the guard notices after 0.1 s
	slice kernel "$TARGET"
	kill -CONT "$(daemon_pids)"
	daemon_stop
	start_ready --guard off "${EAL[@]}"
	slice dataplane-unguarded "$TARGET"
	daemon_stop
	as_ip_forward slice ip_forward "$TARGET"
}

wire() { # ROUNDS: a line of JSON for each slice
	local i
	for ((i = 0; i < $1; i++)); do
		progress "guard: round $((i + 1)) of $1 by wire"
		round
	done
}

measured() { # COST WIRE
	jq -n --slurpfile cost "$1" --slurpfile wire "$2" "$REPORT_JQ"'
		def summary: {median: median, p25: quantile(0.25), p75: quantile(0.75), rounds: length};
		def of($engine): [$wire[] | select(.engine == $engine)];
		def ratio($a; $b; $what): [[of($a), of($b)] | transpose[] | .[0][$what] / .[1][$what]];
		($cost[0].cases[0].ns) as $nothing
		| {prefixes: $cost[0].prefixes,
		   cost: [$cost[0].cases[1:][] | {name, ns: ([[.ns, $nothing] | transpose[] | .[0] - .[1]] | summary)}],
		   test_run: ($nothing | summary),
		   wire: [("dataplane", "dataplane-unguarded", "kernel", "ip_forward", "drop") as $engine
			| {engine: $engine, sent: (of($engine) | map(.sent) | summary),
			   arrived: (of($engine) | map(.arrived) | summary)}],
		   ratios: {kernel_to_ip_forward: (ratio("kernel"; "ip_forward"; "arrived") | summary),
			guarded_to_unguarded: (ratio("dataplane"; "dataplane-unguarded"; "arrived") | summary)},
		   spreads: {ip_forward: (of("ip_forward") | map(.arrived) | spread),
			unguarded: (of("dataplane-unguarded") | map(.arrived) | spread)}}'
}

GOALS='
	{measure: "kernel engine to ip_forward", value: .ratios.kernel_to_ip_forward.median, unit: "x",
		least: 0.8, aim: 1, better: "more", spread: .spreads.ip_forward},
	{measure: "AF_XDP with the guard to without", value: .ratios.guarded_to_unguarded.median, unit: "x",
		least: 0.8, aim: 0.95, better: "more", spread: .spreads.unguarded},
	(.cost[] | select(.name == "drop: no interconnect" or .name == "steer" or .name == "forward")
		| {measure: .name, value: .ns.median, unit: "ns", least: 300, aim: 150, better: "less", spread: null})'

say_guard() {
	say "The program alone, on one CPU: a frame of 60 bytes, two clouds of $(report_query guard .prefixes) prefixes a family each."
	say "BPF_PROG_TEST_RUN repeats it over the same frame, which the program has changed: what is forwarded is"
	say "addressed to the guard again. Caches are warm; the redirect itself is not in it. Less what the run of an"
	say "empty program takes: $(report_query guard '.test_run.median | short') ns."
	say
	report_query guard '.cost[] | [.name, (.ns | .median, .p25, .p75 | short)] | @tsv' |
		table "A PACKET, NS" MEDIAN+ P25+ P75+
	say
	say "By wire: one process sends into a veth as fast as it can, all on $(nproc) CPUs; in turn, on the same veths."
	say "The sender is most of what is measured: compare the rows, not with other machines."
	say
	report_query guard '.wire[] | [.engine, (.sent.median, .arrived.median, .arrived.p25, .arrived.p75 | . / 1000 | short)]
		| @tsv' | table "KPPS" SENT+ ARRIVED+ P25+ P75+
	say
	report_query guard '.ratios | to_entries[]
		| "\(.key | gsub("_"; " ")): \(.value.median | short) (\(.value.p25 | short) to \(.value.p75 | short), \(.value.rounds) rounds)"'
}

draw() {
	report_query guard '.cost[] | [.name, .ns.median, .ns.p25, .ns.p75] | @tsv' |
		plot_bars guard-cost "The guard, without a wire: median and quartiles" "ns a packet"
}

report_options "$@"
needs_lab
rounds=${ROUNDS:-15} SLICE=0.5
((!QUICK)) || rounds=${ROUNDS:-2} SLICE=0.2
trap finish_all EXIT
progress "guard: the program alone"
cost $((rounds * 2)) >"$STREAMS/cost.json" || skip "no guard to be had here"
progress "guard: lab up"
"$TREE/bench/lab" up --ports af_xdp >"$STREAMS/lab.log" 2>&1 || skip "$(tail -n 1 "$STREAMS/lab.log")"
PORTS=af_xdp
mapfile -t EAL < <(sed -n '/^--$/,$p' "$LAB_RUN/daemon-arguments")
ctl interconnect create pc1 pc2 --confirm-no-overlap >/dev/null
ip -n t0x-pc2 route add blackhole "$TARGET"
MAC=$(gateway_mac 1)
daemon_stop
wire "$rounds" >"$STREAMS/wire.json"
measured "$STREAMS/cost.json" "$STREAMS/wire.json" | report_json guard "$GOALS"
draw
report_text guard say_guard
jq -e 'all(.wire[]; .engine == "drop" or .arrived.median > 1000)
	and (.wire[] | select(.engine == "drop").arrived.median) < 100' "$REPORT/guard.json" >/dev/null ||
	die "nothing arrived by one of the ways, or what is to be dropped did: $(jq -c .wire "$REPORT/guard.json")"
