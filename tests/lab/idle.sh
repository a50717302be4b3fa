#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# An idle exchange costs almost no CPU.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECONDS_WATCHED=5

# utime + stime of all threads, in clock ticks. The name in brackets may hold spaces.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

an_idle_exchange_uses_less_than_5_percent_of_a_core() {
	local pid before used
	pid=$(daemon_pids)
	before=$(ticks "$pid")
	sleep "$SECONDS_WATCHED" # the time measured
	used=$(($(ticks "$pid") - before))
	tell "$(awk -v u="$used" -v s="$SECONDS_WATCHED" -v hz="$(getconf CLK_TCK)" \
		'BEGIN { printf "%.1f %% of a core", 100 * u / hz / s }')"
	((used * 100 < 5 * SECONDS_WATCHED * $(getconf CLK_TCK)))
}

# Sleeping workers must wake for the first packet, and soon.
an_idle_exchange_answers_soon() {
	local rtt
	sleep 1 # of idleness
	rtt=$(ip netns exec t0x-pc1-vm ping -c 3 -i 0.7 -W 1 172.16.2.10 |
		awk -F/ '/^rtt/ { print $6 }')
	tell "longest round trip after 0.7 s of idleness: $rtt ms"
	awk -v r="$rtt" 'BEGIN { exit !(r > 0 && r < 50) }'
}

region_is pc1-pc2 pc2-pc3
promise an_idle_exchange_uses_less_than_5_percent_of_a_core
promise an_idle_exchange_answers_soon
promises_end
