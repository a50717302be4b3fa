# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Trials of three clouds, and their books. Sourced, behind generator/session.sh.
#
# pc1 - pc2 and pc2 - pc3 are interconnected. Each way carries traffic; beside it go frames that must not
# arrive, of every kind that there is.
#
# Names here are for those who source this file:
# shellcheck disable=SC2034

PAIRS='[{"from":"pc1","to":"pc2"},{"from":"pc2","to":"pc1"},{"from":"pc2","to":"pc3"},{"from":"pc3","to":"pc2"}]'
VALID_PAIR='[{"from":"pc1","to":"pc2"},{"from":"pc2","to":"pc1"}]'
FORBIDDEN='[{"from":"pc1","to":"pc3","kind":"forbidden"},{"from":"pc3","to":"pc1","kind":"forbidden"}]'
FAULTS=(spoofed ttl mac version length truncated martian multicast ethertype checksum header_length source_route
	vlan)

# faulty FROM TO: one flow of each fault.
faulty() {
	jq -cn --arg from "$1" --arg to "$2" '[$ARGS.positional[] | {from: $from, to: $to, kind: ., share: 0.05}]
		+ [{from: $from, to: $from, kind: "hairpin", share: 0.05}]' --args "${FAULTS[@]}"
}

# joined LIST...: lists of flows as one.
joined() { printf '%s\n' "$@" | jq -cs add; }

ALL_FLOWS=$(joined "$PAIRS" "$FORBIDDEN" "$(faulty pc1 pc2)" "$(faulty pc3 pc2)")
SEPARATED_FLOWS=$(joined "$FORBIDDEN" '[{"from":"pc1","to":"pc2","kind":"forbidden"},
	{"from":"pc2","to":"pc1","kind":"forbidden"},{"from":"pc2","to":"pc3"},{"from":"pc3","to":"pc2"}]')

# session_up KIND: t0xd, its clouds and the generator on ports of that kind; sets CLOUDS.
session_up() {
	local n
	[[ $1 != af_packet ]] || links_create
	t0xd_start
	case $1 in
	memif_server | vhost_server)
		session_clouds "$1"
		generator_start "$1" "${BENCH_CLOUDS[@]}"
		;;
	*)
		generator_start "$1" "${BENCH_CLOUDS[@]}"
		session_clouds "$1"
		;;
	esac
	generator_ready
	wait_for 20 all_connected || die "$1: not all clouds are connected"
	wait_for 5 all_active || die "$1: not all interconnects are active"
	CLOUDS=$(clouds_of_t0xd "${BENCH_CLOUDS[@]}")
	KIND=$1
}

session_clouds() { # KIND
	local n
	for n in "${BENCH_CLOUDS[@]}"; do
		cloud_attach "$1" "$n"
	done
	connect pc1 pc2
	connect pc2 pc3
}

session_down() {
	generator_stop
	t0xd_stop
	[[ $KIND != af_packet ]] || links_delete
}

# What t0xd and the kernel have counted so far.
counted() {
	local n
	jq -n --slurpfile stats <(bench_ctl stats -o json) --slurpfile ports <(bench_ctl port list -o json) \
		--slurpfile links <(for n in "${BENCH_CLOUDS[@]}"; do
			[[ $KIND == af_packet ]] || continue
			jq -n --argjson there "$(link_count "generator$n" tx dropped)" \
				--argjson back "$(link_count "subject$n" tx dropped)" '{$there, $back}'
		done) '{stats: $stats[0], ports: $ports[0], links: $links}'
}

# balance NAME [ELASTIC]: the books of what lies in $SESSION/before, generator and after, to $SESSION/trial, and
# onto $SESSION/trials.
balance() {
	jq -c -n --slurpfile before "$SESSION/before" --slurpfile generator "$SESSION/generator" \
		--slurpfile after "$SESSION/after" \
		--argjson elastic "${2:-[]}" \
		'{before: $before[0], generator: $generator[0], after: $after[0], $elastic}' |
		jq -c -f "$TREE/bench/endtoend/books.jq" |
		jq -c --arg kind "$KIND" --arg name "$1" '{kind: $kind, name: $name} + .' >"$SESSION/trial"
	cat "$SESSION/trial" >>"$SESSION/trials"
}

# trial NAME FLOWS MEMBERS: one trial and its books.
trial() {
	counted >"$SESSION/before"
	ask "{\"clouds\":$CLOUDS,\"flows\":$2,$3}" >"$SESSION/generator"
	counted >"$SESSION/after"
	balance "$1"
}

# trial_with_changes N: pc1 and pc2 are separated and interconnected N times while traffic runs; pc2 and
# pc3 stay.
trial_with_changes() {
	local rest=$1 seconds
	seconds=$(changes_seconds "$1")
	counted >"$SESSION/before"
	ask_no_answer "{\"clouds\":$CLOUDS,\"flows\":$(joined "$PAIRS" "$FORBIDDEN"),\"rate\":200000,\"seconds\":$seconds}"
	while ((rest-- > 0)); do
		disconnect pc1 pc2
		connect pc1 pc2
	done
	answer >"$SESSION/generator"
	counted >"$SESSION/after"
	balance changes '["no_interconnect"]'
}

# Time enough: what one change and the start of t0xctl take here is measured, not guessed.
changes_seconds() {
	local began=$EPOCHREALTIME
	disconnect pc1 pc2
	connect pc1 pc2
	awk -v ms="$(ms_between "$began" "$EPOCHREALTIME")" -v n="$1" 'BEGIN { print 0.3 + 1.5 * n * ms / 1000 }'
}

# balanced: does the last trial add up, and did nothing come that must not?
balanced() {
	jq -e '.unaccounted == 0 and .not_received == 0 and .not_traffic == 0 and .icmp_unaccounted == 0
		and .reasons_off == [] and .duplicate == 0 and .corrupt == 0 and .unexpected == 0 and .other == 0' \
		"$SESSION/trial" >/dev/null || { cat "$SESSION/trial" && return 1; }
}
