# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What every lab test starts from. Sourced.
#
# A lab test is a script of promises (tests/promise.sh), with traffic in the background that ends with
# the promise that began it.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=../../bench/lib/lab.sh
source "$TREE/bench/lib/lab.sh"
# shellcheck source=../../bench/lib/streams.sh
source "$TREE/bench/lib/streams.sh"

# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"

LOGS=$TREE/build/test-logs
LOG=$LOGS/$(basename "$0" .sh).log

promise_begin() { STREAMS=$(mktemp -d /tmp/t0x-streams.XXXXXX); }
promise_end() { streams_end; }
promise_broken() { daemon_running || echo "==== t0xd is not running"; }

promise_log
trap streams_end EXIT
need_root
wait_for 2 daemon_ready || die "no t0xd answers on $SOCKET: bench/lab up first"

# refused CODE "WORD WORD ..." T0XCTL-ARGUMENT...: exit 1, the stable code, a text with every word.
refused() { refused_by ctl "$@"; }
refused_by() {
	local asker=$1 code=$2 words=$3 answer rc=0
	shift 3
	answer=$("$asker" "$@" -o json 2>&1 >/dev/null </dev/null) || rc=$?
	equal 1 "$rc" "exit status of t0xctl $*: $answer"
	equal "$code" "$(jq -r .code <<<"$answer")" "code"
	for word in $words; do
		jq -r .text <<<"$answer" | grep -qF -- "$word" || {
			echo "the text does not say '$word': $answer"
			return 1
		}
	done
}

interconnected() { ctl interconnect create "$1" "$2" --confirm-no-overlap >/dev/null; }
separated() { ctl interconnect delete "$1" "$2" --yes >/dev/null; }
pairs() { ctl interconnect list -o json | jq -r '.[] | [.cloud, .peer] | sort | join("-")' | sort -u; }

# The region as `bench/lab up` leaves it, then the interconnects of the pairs given: pc1-pc2 ...
region_is() {
	local pair cloud
	daemon_running || daemon_start
	for pair in $(pairs); do
		ctl interconnect delete "${pair%-*}" "$(interconnect_name "$pair")" --yes >/dev/null
	done
	for cloud in $(ctl cloud list -o json | jq -r '.[].name'); do
		[[ $cloud == pc[123] ]] || ctl cloud delete "$cloud" >/dev/null
	done
	for pair in "$@"; do
		interconnected "${pair%-*}" "${pair#*-}"
	done
	for cloud in pc1 pc2 pc3; do
		wait_for 10 cloud_is_connected "$cloud"
	done
}

interconnect_name() {
	ctl interconnect list "${1%-*}" -o json | jq -r --arg pair "$1" \
		'.[] | select(([.cloud, .peer] | sort | join("-")) == $pair) | .name'
}

# none_answers NAMESPACE ADDRESS ...: in parallel, since each waits for what does not come.
none_answers() {
	local pid pids=()
	while (($#)); do
		pings_not "$1" "$2" &
		pids+=($!)
		shift 2
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# Where the kernel answers for the gateway of a cloud: on a TAP in t0xd's own namespace, or, behind the
# guard, on the netdev itself.
control_ip() {
	if [[ $PORTS == af_xdp ]]; then
		ip "$@"
	else
		ip -n t0x-control "$@"
	fi
}
control_netdev() { # N
	control_ip -br addr show to "169.254.$1.1" | sed 's/[@ ].*//'
}

# What arrives at t0 of a namespace, tags included: one capture at a time.
capture_start() { # NAMESPACE
	ip netns exec "$1" tcpdump --immediate-mode -i t0 -Q in -U -w "$STREAMS/trunk.pcap" \
		>/dev/null 2>"$STREAMS/tcpdump" &
	CAPTURE=$!
	wait_for 5 grep -q 'listening on' "$STREAMS/tcpdump"
}
capture_end() {
	sleep 0.3 # for what is still under way
	kill "$CAPTURE"
	wait "$CAPTURE" || true
}
captured() { tcpdump -nn -r "$STREAMS/trunk.pcap" "$@" 2>/dev/null | wc -l; }

explained() { # CLOUD SRC DST VERDICT [REASON]
	local answer
	answer=$(ctl explain "$1" "$2" "$3" -o json)
	equal "$4" "$(jq -r .verdict <<<"$answer")" "verdict: $answer"
	(($# < 5)) || equal "$5" "$(jq -r .reason <<<"$answer")" "reason: $answer"
}
