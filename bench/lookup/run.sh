#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The table of a cloud against DPDK's own: lookups a second of one core, bytes, time to build.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../lib/hugepages.sh
source "$TREE/bench/lib/hugepages.sh"

LOOKUP=$BUILD/bench/t0x-bench-lookup
CASES=$(mktemp)
trap 'hugepages_return; rm -f "$CASES"' EXIT

# MiB that the tables of one structure may take: 32 of rte_lpm. Two of these stand beside each other,
# and smaller ones.
memory() { ((QUICK)) && echo 600 || echo 2200; }

# Sets EAL. Peers want hugepages: without them each of their lookups would miss the TLB as well. Pages
# that the machine has already are left to whom they belong.
hugepages_borrow() {
	local wanted=$(($(memory) + 300)) before # of 2 MiB
	EAL=(--in-memory)
	before=$(cat $HUGE_SYS/nr_hugepages 2>/dev/null || echo 0)
	if [[ -w $HUGE_SYS/nr_hugepages ]]; then
		echo $((before + wanted)) >$HUGE_SYS/nr_hugepages 2>/dev/null || true
		RESERVED=$(($(<$HUGE_SYS/nr_hugepages) - before))
		((RESERVED < wanted)) || return 0
		hugepages_return
	fi
	note "no hugepages to be had here: peers run on small pages" >&2
	EAL=(--no-huge --no-shconf -m $((2 * $(memory) + 600)))
}

hugepages_return() {
	((${RESERVED:-0} == 0)) || echo $(($(<$HUGE_SYS/nr_hugepages) - RESERVED)) >$HUGE_SYS/nr_hugepages
	RESERVED=0
}

# The last CPU, and nobody else on it while we are, where that may be.
measure() {
	local options=(--memory "$(memory)" --rounds "${ROUNDS:-25}") alone=()
	if ((QUICK)); then
		options=(--memory "$(memory)" --rounds "${ROUNDS:-3}" --slice 1)
	elif chrt -f 1 true 2>/dev/null; then
		alone=(chrt -f 1)
	fi
	"${alone[@]}" "$LOOKUP" "${options[@]}" -- -l $(($(nproc) - 1)) "${EAL[@]}" >"$CASES"
}

# Of each entrant of each case: median and quartiles, and the ratio to the reference in the same round.
SUMMARY='
	.cases |= map(.reference as $reference
		| (.entrants[] | select(.name == $reference) | .rates) as $base
		| .entrants |= map(if .rates == null then . else . + {
			median: (.rates | median), low: (.rates | quantile(0.25)), high: (.rates | quantile(0.75)),
			ratio: ([.rates, $base] | transpose | map(.[0] / .[1]) | median)} end)
		| .spread = ($base | spread))
	| .rebuild.median_ms = (.rebuild.us | median / 1000)
	| .builds |= map(.median_us = (.us | median))'

# The best of ours in the case, and what noise its reference had.
GOALS='
	def ours($family; $clouds; $order):
		first(.cases[] | select(.family == $family and .routes == 64 and .clouds == $clouds and .order == $order))
		| {value: ([.entrants[] | select(.name | startswith("t0x")) | .median // empty] | max), spread};
	(ours(4; 1000; "mixed") + {measure: "IPv4 lookup, 1,000 clouds x 64 prefixes, random cloud each",
		unit: "M/s", least: 400, aim: 550, better: "more"}),
	(ours(6; 1; "one") + {measure: "IPv6 lookup, one table of 64 prefixes",
		unit: "M/s", least: 250, aim: 390, better: "more"}),
	{measure: "memory of the 1,000 IPv4 tables", value: (.rebuild.bytes / 1048576), unit: "MiB",
		least: 4, aim: 1.2, better: "less", spread: null},
	{measure: "full rebuild of all 1,000 tables", value: .rebuild.median_ms, unit: "ms",
		least: 50, aim: 10, better: "less", spread: null},
	{measure: "lookups answered wrong", value: .wrong, unit: "of all", least: 0, aim: 0,
		better: "less", spread: null}'

CASE_NAME='def case_name: "IPv\(.family), \(.routes) routes"
	+ if .clouds == 1 then ", one table" else " x \(.clouds) clouds, \(.order)" end;'

say_case() { # INDEX
	report_query lookup "$CASE_NAME .cases[$1] | case_name"
	report_query lookup ".cases[$1].entrants[]
		"'| if .cannot then [.name, "-", "-", "-", "-", "-", "-", "cannot: " + .cannot]
		  else [.name, (.median | round), "\(.low | round)..\(.high | round)", (.ratio | round_to(2)),
			(.bytes / 1024 | short), (.create_us / 1000 | short), (.fill_us | if . then . / 1000 else . end | short), ""] end
		| @tsv' | table STRUCTURE M/s+ QUARTILES+ RATIO+ KiB+ "CREATE ms+" "FILL ms+" ""
	say
}

say_lookup() {
	local i n
	n=$(report_query lookup '.cases | length')
	say "Random addresses inside the prefixes, bursts of 64, one core; every result is checked against"
	say "the naive answer before. RATIO is to the reference in the same round: rte_lpm, rte_lpm6, of one"
	say "cloud where it cannot hold more. Tables of a peer may take $(memory) MiB. KiB is one table;"
	say "a table of t0x is built in one go, DPDK's are created empty and filled. rte_fib has next hops"
	say "of 2 bytes, rte_fib6 of 4. Where clouds are mixed, what takes one table a call is called for"
	say "each address."
	say
	for ((i = 0; i < n; i++)); do
		say_case "$i"
	done
	say "Building a table of t0x, IPv4, routes in no order"
	report_query lookup '(.builds + [.rebuild])[]
		| [.tables, .routes, (.us | median | short), (.us | quantile(0.25) | short), (.us | quantile(0.75) | short),
		   (.bytes / 1024 | short)] | @tsv' | table TABLES+ ROUTES+ "MEDIAN us+" LOWER+ UPPER+ KiB+
}

draw() {
	report_query lookup '.cases[] | select(.family == 4 and .routes == 64 and .clouds == 1) | .entrants[]
		| select(.median) | [.name, .median, .low, .high] | @tsv' |
		plot_bars lookup-ipv4 "IPv4, one table of 64 routes" "million lookups/s"
	report_query lookup '.cases[] | select(.family == 6 and .routes == 64 and .clouds == 1) | .entrants[]
		| select(.median) | [.name, .median, .low, .high] | @tsv' |
		plot_bars lookup-ipv6 "IPv6, one table of 64 routes" "million lookups/s"
	report_query lookup '["clouds", "t0x", "t0x AVX2", "t0x AVX-512", "rte_lpm", "rte_fib AVX-512", "rte_rib"] as $names
		| ($names | @tsv), (.cases[] | select(.family == 4 and .routes == 64 and .order != "grouped")
		| [.clouds] + [.entrants as $all | $names[1:][] as $name
			| first($all[] | select(.name == $name)) | .median // "?"] | @tsv)' |
		plot_lines lookup-clouds "IPv4, 64 routes a cloud, a random cloud for each address" \
			"million lookups/s" clouds "set logscale x" 'set datafile missing "?"'
}

report_options "$@"
hugepages_borrow
measure || { jq -e '.wrong == 0' "$CASES" >/dev/null || say "lookups were answered wrong" && exit 1; }
hugepages_return
jq "$REPORT_JQ $SUMMARY" "$CASES" | report_json lookup "$GOALS"
draw
report_text lookup say_lookup
