#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 at any moment: what was acknowledged is there again, forwarding is back within 2 s.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROUNDS=${ROUNDS:-25}
LIMIT_MS=2000

# Create and delete until the daemon is gone; the journal says what was asked and what was answered.
change_until_killed() {
	local pair
	while :; do
		for pair in pc1-pc2 pc1-pc3; do
			journaled create "$pair" --confirm-no-overlap || return 0
		done
		for pair in pc1-pc2 pc1-pc3; do
			journaled delete "$pair" --yes || return 0
		done
	done
}

journaled() { # VERB PAIR OPTION
	echo "asked $1 $2" >>"$JOURNAL"
	ctl interconnect "$1" "${2%-*}" "${2#*-}" "$3" >/dev/null 2>&1 || return 1
	echo "answered $1 $2" >>"$JOURNAL"
}

# What the journal demands of a pair: there, not-there or either (asked last, never answered).
demanded() {
	awk -v pair="$1" '
		$3 == pair && $1 == "asked" { open = 1 }
		$3 == pair && $1 == "answered" { open = 0; state = $2 == "create" ? "there" : "not-there" }
		END { print open ? "either" : state ? state : "not-there" }' "$JOURNAL"
}

# Wholly there or wholly not: in the list of both clouds and in the tables of both, or in none.
state_of() {
	local one=${1%-*} two=${1#*-} here there
	here=$(ctl interconnect list "$one" -o json | jq "[.[] | select(.cloud == \"$two\" or .peer == \"$two\")] | length")
	there=$(ctl interconnect list "$two" -o json | jq "[.[] | select(.cloud == \"$one\" or .peer == \"$one\")] | length")
	case "$here$there $(verdict "$one" "$two") $(verdict "$two" "$one")" in
	"11 forward forward") echo there ;;
	"00 drop drop") echo not-there ;;
	*) echo "half: listed $here$there, $(verdict "$one" "$two") $(verdict "$two" "$one")" ;;
	esac
}

verdict() {
	ctl explain "$1" "172.16.${1#pc}.10" "172.16.${2#pc}.10" -o json | jq -r .verdict
}

first_arrival_after() {
	awk -v t="$1" '$1 > t { print $1; exit }' <(tail -n 2000 "$STREAMS/arrivals")
}
arrived_after() { [[ -n $(first_arrival_after "$1") ]]; }

one_round() {
	local changer started arrival pair demand state
	JOURNAL=$STREAMS/journal
	: >"$JOURNAL"
	change_until_killed &
	changer=$!
	sleep "0.0$((RANDOM % 7))$((RANDOM % 10))" # 0 to 69 ms: somewhere in the loop
	daemon_kill
	wait "$changer" || true

	started=$EPOCHREALTIME
	daemon_start
	wait_for 5 arrived_after "$started" || {
		echo "no forwarding within 5 s"
		return 1
	}
	arrival=$(first_arrival_after "$started")
	ms_between "$started" "$arrival" >>"$STREAMS/recovery"

	all_connected
	equal there "$(state_of pc2-pc3)" "pc2-pc3, never touched"
	for pair in pc1-pc2 pc1-pc3; do
		demand=$(demanded "$pair")
		state=$(state_of "$pair")
		tail -n 2 "$JOURNAL"
		[[ $demand == either && $state == *there ]] || equal "$demand" "$state" "$pair"
	done
	# A known start for the next round.
	for pair in $(pairs | grep -v pc2-pc3); do
		separated "${pair%-*}" "${pair#*-}"
	done
}

# A cloud whose router is not resolved yet drops for another reason: wait for all three.
all_connected() {
	local cloud
	for cloud in pc1 pc2 pc3; do
		wait_for 5 cloud_is_connected "$cloud"
	done
}

no_acknowledged_change_is_lost() {
	local round
	region_is pc2-pc3
	background in t0x-pc3-vm receive --port 9000 --stream 1 --arrivals "$STREAMS/arrivals"
	background out t0x-pc2-vm send --to 172.16.3.10 --port 9000 --stream 1 --rate 200 --seconds 3600
	for ((round = 1; round <= ROUNDS; round++)); do
		echo "---- round $round"
		one_round
	done
	cp "$STREAMS/recovery" "$RECOVERY"
}

forwarding_is_back_within_two_seconds() {
	local median max
	equal "$ROUNDS" "$(wc -l <"$RECOVERY")" "rounds measured"
	median=$(sort -n "$RECOVERY" | sed -n "$((ROUNDS / 2 + 1))p")
	max=$(sort -n "$RECOVERY" | tail -n 1)
	tell "$ROUNDS times killed; from start to the first packet forwarded: median $median ms, max $max ms"
	((max < LIMIT_MS))
}

a_clean_end_and_start_keeps_everything() {
	local before
	region_is pc1-pc2 pc2-pc3
	before=$(ctl dump)
	daemon_stop
	daemon_start
	equal "$before" "$(ctl dump)" "the region"
	wait_for 5 pings t0x-pc1-vm 172.16.2.10 1
}

RECOVERY=$(mktemp)
trap 'rm -f "$RECOVERY"; streams_end' EXIT
promise no_acknowledged_change_is_lost
promise forwarding_is_back_within_two_seconds
promise a_clean_end_and_start_keeps_everything
promises_end
