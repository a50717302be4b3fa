#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The rate of one core: t0xd beside testpmd and l3fwd, unmodified, all fed by the same perfect NIC
# (bench/nic), in turn, a short slice each.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../lib/hugepages.sh
source "$TREE/bench/lib/hugepages.sh"
# shellcheck source=contestants.sh
source "$TREE/bench/forward/contestants.sh"

BENCH=$BUILD/bench/t0x-bench
HUGE_MORE=1200 # of 2 MiB: what all contestants of a case take together
RUN=$(mktemp -d)
RESERVED=0

finish_all() {
	contestants_end
	((!RESERVED)) || echo $(($(<$HUGE_SYS/nr_hugepages) - RESERVED)) >$HUGE_SYS/nr_hugepages
	rm -rf "$RUN"
}

hugepages_take() {
	local before
	[[ -w $HUGE_SYS/nr_hugepages ]] || skip "needs hugepages of 2 MiB"
	before=$(<$HUGE_SYS/nr_hugepages)
	echo $((before + HUGE_MORE)) >$HUGE_SYS/nr_hugepages
	RESERVED=$(($(<$HUGE_SYS/nr_hugepages) - before))
	((RESERVED == HUGE_MORE)) || skip "cannot reserve $HUGE_MORE hugepages"
}

# Cases
#
# case_begin NAME TITLE; scenario ARGUMENT... before each contestant that has another; case_end.

case_begin() {
	CASE=$1 TITLE=$2 FAMILY=4
	progress "forward: $TITLE"
}

# Traffic and region, made once for each set of arguments.
scenario() {
	SCENARIO=$RUN/$(tr -c '[:alnum:]' _ <<<"$*")
	FAMILY=4
	[[ " $* " != *" --family 6 "* ]] || FAMILY=6
	[[ ! -d $SCENARIO ]] || return 0
	mkdir -p "$SCENARIO"
	"$BENCH" scenario --directory "$SCENARIO" "$@"
}

why_not() {
	local name
	for name in "${!CANNOT[@]}"; do
		jq -n --arg name "$name" --arg cannot "${CANNOT[$name]}" '{name: $name, cannot: $cannot}'
	done | jq -s .
}

case_end() { # REFERENCE
	local slices=(--rounds "${ROUNDS:-25}" --seconds 0.1) result=$RUN/slices.json
	((!QUICK)) || slices=(--rounds "${ROUNDS:-3}" --seconds 0.03)
	"$BENCH" slices "${slices[@]}" --reference "$1" "${CONTESTANTS[@]}" >"$result"
	jq --arg name "$CASE" --arg title "$TITLE" --argjson cannot "$(why_not)" \
		'{name: $name, title: $title} + . + {contestants: (.contestants + $cannot)}' "$result" \
		>>"$RUN/cases.json"
	contestants_end
}

peers() { # PORTS
	start_l3fwd l3fwd-lpm "$1" lpm
	start_l3fwd l3fwd-fib "$1" fib --force-max-simd-bitwidth=512
	start_testpmd testpmd-mac "$1" mac
}

plain_case() { # NAME TITLE PORTS SCENARIO-ARGUMENT...
	local ports=$3
	case_begin "$1" "$2"
	scenario "${@:4}"
	peers "$ports"
	start_testpmd testpmd-io "$ports" io
	start_t0x t0x "$ports"
	case_end l3fwd-lpm
}

widths_case() {
	case_begin widths "the same with narrower vectors"
	scenario --clouds 2 --ports 2 --prefixes 32
	start_l3fwd l3fwd-lpm 2 lpm
	start_t0x t0x 2
	start_t0x t0x-avx2 2 --max-simd avx2
	start_t0x t0x-none 2 --max-simd none
	case_end l3fwd-lpm
}

routes_case() {
	case_begin routes-1000 "1,000 routes, 2 ports"
	scenario --clouds 2 --ports 2 --prefixes 500
	peers 2
	start_t0x t0x 2
	case_end l3fwd-fib
}

# Clouds on VLANs of four trunks, each with four peers and 65 routes: only their number differs.
clouds_case() {
	case_begin clouds "many clouds on VLANs of 4 trunks"
	scenario --clouds 4 --ports 4 --prefixes 16
	start_l3fwd l3fwd-lpm 4 lpm
	for n in 8 32 1000; do
		scenario --clouds "$n" --ports 4 --vlan --degree 4 --prefixes 13 --order burst
		start_t0x "t0x-$n-burst" 4
	done
	for n in 8 1000; do
		scenario --clouds "$n" --ports 4 --vlan --degree 4 --prefixes 13
		start_t0x "t0x-$n-packet" 4
	done
	case_end l3fwd-lpm
}

clouds_ipv6_case() {
	case_begin clouds-ipv6 "1,000 clouds on VLANs of 4 trunks, IPv6"
	scenario --clouds 4 --ports 4 --prefixes 16 --family 6 --length 74
	start_l3fwd l3fwd-lpm 4 lpm
	scenario --clouds 1000 --ports 4 --vlan --degree 4 --prefixes 13 --family 6 --length 74
	start_t0x t0x-1000-packet 4
	case_end l3fwd-lpm
}

interconnects_case() {
	case_begin interconnects "64 interconnects mixed in each burst"
	scenario --clouds 4 --ports 4 --prefixes 16
	start_l3fwd l3fwd-lpm 4 lpm
	scenario --clouds 65 --ports 4 --star --vlan --prefixes 1
	start_t0x t0x 4
	scenario --clouds 65 --ports 4 --star --prefixes 1 # the middle one without a tag
	start_t0x t0x-untagged 4
	case_end l3fwd-lpm
}

measure() {
	plain_case ipv4-64 "IPv4, 64 B, 64 routes, 8,192 mbufs, 2 ports" 2 --clouds 2 --ports 2 --prefixes 32
	plain_case ipv6-64 "IPv6, 64 routes, 8,192 mbufs, 2 ports" 2 \
		--clouds 2 --ports 2 --prefixes 32 --family 6 --length 74
	((!QUICK)) || return 0
	plain_case ipv4-mesh "IPv4, 64 B, 64 routes, 8,192 mbufs, 4 ports, all with all" 4 \
		--clouds 4 --ports 4 --prefixes 16
	plain_case ipv4-1024 "IPv4, 64 B, 64 routes, 1,024 mbufs" 2 --clouds 2 --ports 2 --prefixes 32 --frames 1024
	plain_case ipv4-32768 "IPv4, 64 B, 64 routes, 32,768 mbufs" 2 \
		--clouds 2 --ports 2 --prefixes 32 --frames 32768
	plain_case ipv4-imix "IPv4, IMIX, 64 routes, 8,192 mbufs" 2 --clouds 2 --ports 2 --prefixes 32 --length 0
	widths_case
	routes_case
	clouds_case
	clouds_ipv6_case
	interconnects_case
	workers_case
}

# A frame of every port for each of two workers, by two queues. Both CPUs are theirs while it lasts.
workers_case() {
	((CPU > 0)) || return 0
	case_begin workers "1 and 2 workers, 2 rx queues a port"
	scenario --clouds 2 --ports 2 --prefixes 32 --queues 2
	start_t0x t0x-1-worker 2 --workers "$CPU"
	start_t0x t0x-2-workers 2 --workers "0,$CPU"
	case_end t0x-1-worker
}

GOALS='
	def case($name): first(.cases[] | select(.name == $name)) // {contestants: []};
	def of($name): first(.contestants[] | select(.name == $name)) // {};
	def spread_of($name): of($name).packets_per_second // null
		| if . == null then null else [.p90 / .median - 1, 1 - .p10 / .median] | max end;
	# The median of the ratios of each round.
	def ratio($of; $to): of($of).rounds as $a | of($to).rounds as $b
		| if $a == null or $b == null then null else [$a, $b] | transpose | map(.[0] / .[1]) | median end;
	def goal($case; $of; $to; $measure; $least; $aim): case($case)
		| {measure: $measure, value: ratio($of; $to), unit: "x", least: $least, aim: $aim, better: "more",
		   spread: spread_of($to)};
	goal("ipv4-64"; "t0x"; "l3fwd-lpm"; "IPv4 64 B, 64 routes: t0x / l3fwd-lpm"; 1.25; 1.45),
	goal("ipv4-64"; "t0x"; "testpmd-mac"; "same: t0x / testpmd mac"; 0.75; 0.98),
	goal("clouds"; "t0x-1000-burst"; "t0x-8-burst"; "1,000 clouds, a new one each burst: / few clouds"; 0.9; 0.97),
	goal("clouds"; "t0x-1000-packet"; "l3fwd-lpm"; "1,000 clouds, a new one each packet: / l3fwd-lpm"; 1.0; 1.3),
	goal("interconnects"; "t0x"; "l3fwd-lpm"; "64 interconnects in each burst: / l3fwd-lpm"; 1.15; 1.35),
	goal("ipv6-64"; "t0x"; "l3fwd-lpm"; "IPv6: t0x / l3fwd-lpm"; 1.15; 1.5),
	goal("workers"; "t0x-2-workers"; "t0x-1-worker"; "1 -> 2 workers on in-process sources"; 1.7; 1.95)'

say_case() { # INDEX
	report_query forward ".cases[$1] | .title + (if .too_noisy then \" (noisy)\" else \"\" end)"
	report_query forward ".cases[$1].contestants[]
		"'| if .cannot then [.name, "-", "-", "-", "-", "cannot: " + .cannot]
		  else [.name, (.packets_per_second | (.median, .p90) / 1e6 | round_to(1)),
			(.ratio.median | round_to(2)), "\(.ratio.p25 | round_to(2))..\(.ratio.p75 | round_to(2))", ""] end
		| @tsv' | table PROGRAM Mpps+ "P90+" RATIO+ QUARTILES+ ""
	say
}

say_forward() {
	local i n
	n=$(report_query forward '.cases | length')
	say "One core, 64 B frames (60 without FCS) unless said, in random order, from and to perfect NICs"
	say "without offloads but for the packet type, which l3fwd wants. RATIO is to the first, in the same"
	say "round: median and quartiles. l3fwd (package dpdk-doc) looks up the destination and rewrites"
	say "MACs and TTL. testpmd mac looks nothing up. t0xd does, for each packet: destination MAC, VLAN,"
	say "ethertype, version, header length, total length against the frame, header checksum, TTL,"
	say "martians, source in the cloud's own prefixes, destination by longest prefix in the cloud's own"
	say "table, egress up and resolved, MTU, L2 header with VLAN, TTL and checksum, padding cut off,"
	say "packets and bytes by interconnect and direction."
	say
	for ((i = 0; i < n; i++)); do
		say_case "$i"
	done
}

draw() {
	report_query forward '.cases[] | select(.name == "ipv4-64") | .contestants[] | select(.cannot | not)
		| [.name, (.packets_per_second | (.median, .p25, .p75) / 1e6)] | @tsv' |
		plot_bars forward-ipv4 "IPv4, 64 B, 64 routes, one core" "million packets/s"
	report_query forward '.cases[] | .name as $case | .contestants[] | select(.cannot | not) | select(.name | startswith("t0x"))
		| [$case + " " + .name, .ratio.median, .ratio.p25, .ratio.p75] | @tsv' |
		plot_bars forward-ratio "t0x to the reference of each case" "ratio"
}

report_options "$@"
((EUID == 0)) || skip "needs root (hugepages)"
[[ -d $EXAMPLES/l3fwd ]] || skip "no $EXAMPLES/l3fwd: package dpdk-doc is not installed with its files"
trap finish_all EXIT
peers_build
hugepages_take
measure
jq -s '{cases: .}' "$RUN/cases.json" | report_json forward "$GOALS"
draw
report_text forward say_forward
