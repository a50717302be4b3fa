#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The scripts for Pktgen-DPDK, without it: its search against a simulated one, and what they say when it
# is missing, or ends in the middle.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"

LOG=$TREE/build/test-logs/pktgen.log
SCRIPTS=$TREE/bench/pktgen
MADE=$(mktemp -d)
trap 'rm -rf "$MADE"' EXIT

# status WANTED COMMAND...: leaves what it says in $MADE/said.
status() {
	local rc=0
	"${@:2}" >"$MADE/said" 2>&1 || rc=$?
	cat "$MADE/said"
	equal "$1" "$rc" "exit status of ${*:2}"
}

every_script_is_lua() {
	for script in "$SCRIPTS"/*.lua "$TREE"/tests/bench/*.lua; do
		luac5.3 -p "$script"
	done
}

the_search_converges() { lua5.3 "$TREE/tests/bench/pktgen_test.lua" "$SCRIPTS"; }

without_pktgen_it_says_so() {
	PKTGEN=/no/such/pktgen status 77 "$SCRIPTS/run.sh" vhost
	grep -qF "There is no Pktgen here" "$MADE/said"
	grep -qF "bench/pktgen/README.md" "$MADE/said"
}

what_is_not_understood_is_a_usage_error() {
	status 2 "$SCRIPTS/run.sh"
	status 2 "$SCRIPTS/run.sh" memif
	status 2 "$SCRIPTS/run.sh" nic 0000:00:04.0
	PKTGEN=true status 1 env -u T0X_GATEWAY_MAC_1 "$SCRIPTS/run.sh" nic 0000:00:04.0 0000:00:05.0
	grep -qF "T0X_GATEWAY_MAC_1" "$MADE/said"
}

# A Pktgen that runs the script of -f with a table of its own, before a t0xd that is real.
stand_in() { # LUA
	cat >"$MADE/pktgen" <<-EOT
		#!/bin/bash
		printf '%s\n' "\$@" >"$MADE/arguments"
		lua5.3 -e '
			local sent, received, rate, on = 0, 0, 100, false
			pktgen = setmetatable({
				set = function(_, what, value) if what == "rate" then rate = value end end,
				start = function() on = true end,
				stop = function() on = false end,
				delay = function(ms) if on then sent = sent + rate * ms; received = received + math.min(rate, 70) * ms end end,
				portStats = function() $1 return {[0] = {opackets = sent, ipackets = received}, [1] = {opackets = 0, ipackets = 0}} end,
			}, {__index = function() return function() end end})
			dofile("$SCRIPTS/rfc2544.lua")'
	EOT
	chmod +x "$MADE/pktgen"
}

a_run_over_vhost_ends_with_a_report() {
	stand_in ""
	PKTGEN=$MADE/pktgen REPORT=$MADE T0X_SIZES="64 512" T0X_LOSSES=0 status 0 "$SCRIPTS/run.sh" vhost
	equal '["64","512"]' "$(jq -c '[.searches[].size]' "$MADE/pktgen.json")" "sizes"
	equal true "$(jq 'all(.searches[]; .line_percent > 68 and .line_percent <= 70)' "$MADE/pktgen.json")" "rates"
	grep -q 'server=1' "$MADE/arguments"
	grep -qx -- '--single-file-segments' "$MADE/arguments"
}

a_run_that_ends_in_the_middle_is_no_result() {
	rm -f "$MADE/pktgen.json"
	stand_in 'if sent > 0 then os.exit(0) end'
	PKTGEN=$MADE/pktgen REPORT=$MADE T0X_SIZES=64 status 1 "$SCRIPTS/run.sh" vhost
	grep -qF "Pktgen did not end its search" "$MADE/said"
	fails test -e "$MADE/pktgen.json"
}

promise_log
need_root
promise every_script_is_lua
promise the_search_converges
promise without_pktgen_it_says_so
promise what_is_not_understood_is_a_usage_error
promise a_run_over_vhost_ends_with_a_report
promise a_run_that_ends_in_the_middle_is_no_result
promises_end
