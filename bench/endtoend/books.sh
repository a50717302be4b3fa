# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Trials of three clouds, and their books. Sourced, behind generator/session.sh.
#
# pc1 - pc2 and pc2 - pc3 are interconnected. Each way carries traffic of both families; beside it go frames
# that must not arrive, of every kind that there is.
#
# Names here are for those who source this file:
# shellcheck disable=SC2034

# joined LIST...: lists of flows as one.
joined() { printf '%s\n' "$@" | jq -cs add; }

# dual LIST: each flow in both families.
dual() { jq -c 'map(., . + {family: 6})' <<<"$1"; }

VALID_PAIR='[{"from":"pc1","to":"pc2"},{"from":"pc2","to":"pc1"}]'
PAIRS=$(dual "$(joined "$VALID_PAIR" '[{"from":"pc2","to":"pc3"},{"from":"pc3","to":"pc2"}]')")
FORBIDDEN=$(dual '[{"from":"pc1","to":"pc3","kind":"forbidden"},{"from":"pc3","to":"pc1","kind":"forbidden"}]')
FAULTS=(spoofed ttl mac version length truncated martian link_local multicast large vlan)
FAULTS_IPV4=(ethertype checksum header_length source_route)

# faulty FROM TO: one flow of each fault, in each family that has it.
faulty() {
	local both
	both=$(dual "$(faults "$1" "$2" "${FAULTS[@]}")")
	joined "$both" "$(dual "$(faults "$1" "$1" hairpin)")" "$(faults "$1" "$2" "${FAULTS_IPV4[@]}")"
}
faults() { # FROM TO KIND...
	jq -cn --arg from "$1" --arg to "$2" '[$ARGS.positional[] | {$from, $to, kind: ., share: 0.05}]' --args "${@:3}"
}

ALL_FLOWS=$(joined "$PAIRS" "$FORBIDDEN" "$(faulty pc1 pc2)" "$(faulty pc3 pc2)")
SEPARATED_FLOWS=$(joined "$FORBIDDEN" "$(dual '[{"from":"pc1","to":"pc2","kind":"forbidden"},
	{"from":"pc2","to":"pc1","kind":"forbidden"},{"from":"pc2","to":"pc3"},{"from":"pc3","to":"pc2"}]')")
FRAGMENTED_FLOWS=$(joined "$PAIRS" '[{"from":"pc1","to":"pc2","kind":"fragments"},
	{"from":"pc3","to":"pc2","kind":"fragments"}]' "$(dual '[{"from":"pc1","to":"pc2","kind":"large"}]')")

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
		# virtio_user serves its sockets one by one; a call in vain is repeated a second later.
		[[ $1 != vhost ]] || wait_for 20 test -S "$(socket_of "$1" "$n")"
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
	jq -cs --arg kind "$KIND" --arg name "$1" --argjson elastic "${2:-[]}" -f "$TREE/bench/endtoend/books.jq" \
		"$SESSION/before" "$SESSION/generator" "$SESSION/after" >"$SESSION/trial"
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
