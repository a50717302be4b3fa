#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# How long a frame is on its way through t0xd, and through testpmd (mac) by the same ports, at 10, 50 and
# 90 % of t0xd's throughput. In turn, round by round, so that both meet the same noise.
#
# One generator has the ports of both. Only the median is told as a figure of the programs: beyond it,
# on a virtual machine, stand the moments in which the hypervisor ran somebody else. The 99th percentile
# is in the JSON, for those who have a machine of their own.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../generator/session.sh
source "$TREE/bench/generator/session.sh"

KINDS=(memif vhost)
SHARES=(10 50 90) # percent of the throughput
TOLERANCE=0.5 # percent that may be lost at it
T0XD_FLOWS='[{"from":"pc1","to":"pc2"},{"from":"pc2","to":"pc1"}]'
TESTPMD_FLOWS='[{"from":"pc4","to":"pc5"},{"from":"pc5","to":"pc4"}]'

report_options "$@"
((EUID == 0)) || skip "needs root, for a network namespace"
command -v dpdk-testpmd >/dev/null || skip "needs testpmd (package dpdk)"
rounds=${ROUNDS:-15} seconds=0.5 search='"seconds":0.5,"confirm":2'
((!QUICK)) || { rounds=${ROUNDS:-2} seconds=0.1 search='"seconds":0.1,"confirm":1,"resolution":0.1' KINDS=(memif); }

up() { # KIND
	local n
	t0xd_start
	generator_start "$1" 1 2 4 5
	for n in 1 2; do
		cloud_attach "$1" "$n"
	done
	connect pc1 pc2
	testpmd_start "$1" mac 4 5
	generator_ready
	wait_for 20 all_connected || die "$1: not all clouds are connected"
	CLOUDS=$(jq -cs add <(clouds_of_t0xd 1 2) <(clouds_of_testpmd 2 4 5))
}

down() {
	generator_stop
	testpmd_stop
	t0xd_stop
}

# testpmd polls without end: it sleeps while t0xd is asked, which sleeps by itself.
only_t0xd() { kill -STOP "$TESTPMD_PID"; }
only_testpmd() { kill -CONT "$TESTPMD_PID"; }

# Sets RATE: what t0xd forwards, in frames a second.
throughput() { # KIND
	local line try
	progress "latency: $1: searching the throughput"
	# All peers must be there, testpmd too, before it sleeps.
	ask "{\"clouds\":$CLOUDS,\"flows\":$T0XD_FLOWS,\"seconds\":0.1}" >/dev/null
	only_t0xd
	for try in 1 2 3; do
		line=$(ask "{\"search\":\"$TOLERANCE\",$search}")
		answer >/dev/null
		RATE=$(jq '.rate | floor' <<<"$line")
		((RATE == 0)) || return 0
		progress "latency: $1: no rate held, search $try of 3"
	done
	die "$1: no rate held: this machine is too busy"
}

# measure KIND SUBJECT FLOWS HOPS SHARE
measure() {
	ask "{\"flows\":$3,\"hops\":$4,\"rate\":$((RATE * $5 / 100)),\"seconds\":$seconds}" |
		jq -c --arg kind "$1" --arg subject "$2" --argjson share "$5" '{kind: $kind, subject: $subject,
			share: $share, rate, sent, lost: (.offered - .received), p50: .latency_us.p50, p99: .latency_us.p99}' \
			>>"$SESSION/samples"
}

kind_run() { # KIND
	local round share
	up "$1"
	throughput "$1"
	jq -cn --arg kind "$1" --argjson rate "$RATE" '{kind: $kind, rate: $rate}' >>"$SESSION/rates"
	for ((round = 1; round <= rounds; round++)); do
		progress "latency: $1: round $round of $rounds"
		for share in "${SHARES[@]}"; do
			only_t0xd
			measure "$1" t0xd "$T0XD_FLOWS" 1 "$share"
			only_testpmd
			measure "$1" "testpmd mac" "$TESTPMD_FLOWS" 0 "$share"
		done
	done
	down
}

# The ratio is of neighbours in time.
SUMMARY='
	($samples | group_by([.kind, .share]) | map({kind: .[0].kind, share: .[0].share, rate: .[0].rate,
		t0xd: [.[] | select(.subject == "t0xd")], testpmd: [.[] | select(.subject != "t0xd")]}
		| .ratio = ([.t0xd, .testpmd] | transpose | map(select(all(.p50)) | .[0].p50 / .[1].p50) | median)
		| (.t0xd, .testpmd) |= {p50: [.[].p50 // empty], p99: [.[].p99 // empty], sent: ([.[].sent] | add), lost: ([.[].lost] | add)}
		| (.t0xd, .testpmd) |= . + {median: (.p50 | median), low: (.p50 | quantile(0.25)), high: (.p50 | quantile(0.75))}))
	| {rates: $rates, cases: .}'

measured() {
	jq -n --slurpfile samples "$SESSION/samples" --slurpfile rates "$SESSION/rates" "$REPORT_JQ $SUMMARY"
}

told() {
	say "Microseconds through the program and two rings, 64 B: median of the rounds' p50, with quartiles."
	say "The tail is the hypervisor's, which stops the CPU for milliseconds: it tells nothing of either."
	say
	report_query latency '.cases[] | [.kind, "\(.share) %", (.rate / 1e6 | short), (.t0xd.median | short),
		"\(.t0xd.low | short) .. \(.t0xd.high | short)", (.testpmd.median | short),
		"\(.testpmd.low | short) .. \(.testpmd.high | short)", (.ratio | short)] | @tsv' |
		table PORT LOAD+ MPPS+ T0XD+ "" TESTPMD+ "" RATIO+
}

draw() {
	local kind
	for kind in "${KINDS[@]}"; do
		report_query latency ".cases[] | select(.kind == \"$kind\") | (.t0xd + {name: \"t0xd\", share}),
			(.testpmd + {name: \"testpmd mac\", share}) | [\"\\(.name) \\(.share) %\", .median, .low, .high] | @tsv" |
			plot_bars "latency-$kind" "Latency over $kind, p50 (median and quartiles)" "us"
	done
}

trap session_end EXIT
session_begin hugepages
touch "$SESSION"/{samples,rates}
for kind in "${KINDS[@]}"; do
	kind_run "$kind"
done
measured | report_json latency 'empty'
draw
report_text latency told
