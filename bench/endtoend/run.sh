#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# t0xd and a generator as two processes, over every kind of port that needs no hardware: all that is sent
# is received, or counted, and what is forbidden never arrives. books.jq says what is counted where.
#
# Rates between two processes on one machine are no measure of a CPU: see the parts forward and lookup.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../generator/session.sh
source "$TREE/bench/generator/session.sh"
# shellcheck source=books.sh
source "$TREE/bench/endtoend/books.sh"

SIZES=64,128,256,512,1024,1280,1518,imix
SEARCH_KINDS=(memif vhost)
REFERENCE_KINDS=(memif memif_server vhost vhost_server virtio_user af_packet) # testpmd knows no VLANs
LOSSES=0,0.5 # percent

report_options "$@"
((EUID == 0)) || skip "needs root, for a network namespace"
seconds=3 changes=20
((!QUICK)) || { seconds=0.3 changes=3 SIZES=64,imix SEARCH_KINDS=(memif) REFERENCE_KINDS=(memif); }

among() { [[ " ${*:2} " == *" $1 "* ]]; }

search() { # KIND
	local line options="\"seconds\":0.5,\"confirm\":2"
	((!QUICK)) || options="\"seconds\":0.1,\"confirm\":1,\"resolution\":0.1"
	line=$(ask "{\"clouds\":$CLOUDS,\"flows\":$VALID_PAIR,\"size\":\"$SIZES\",\"search\":\"$LOSSES\",$options}")
	while [[ $line != '{"done":true}' ]]; do
		progress "endtoend: $1: $(jq -r '"\(.size): \(.rate / 1e6) Mpps with \(.tolerance_percent) % lost"' <<<"$line")"
		jq -c --arg kind "$1" '. + {kind: $kind, subject: "t0xd"}' <<<"$line" >>"$SESSION/searches"
		line=$(answer)
	done
}

# testpmd between the same two ports, forwarding by MAC without a look at the packet: that the ports
# and the generator are not what limits, nothing more.
reference() { # KIND
	local line
	[[ $1 != af_packet ]] || links_create
	testpmd_and_generator_start "$1" mac
	line=$(ask "{\"hops\":0,\"clouds\":$(clouds_of_testpmd 0 1 2),\"flows\":$VALID_PAIR,\"seconds\":$seconds}")
	jq -c --arg kind "$1" '{kind: $kind, subject: "testpmd mac", sent, received, corrupt, duplicate, unexpected, seconds,
		forwarded_per_second: (.received / .seconds)}' <<<"$line" >>"$SESSION/references"
	generator_stop
	testpmd_stop
	[[ $1 != af_packet ]] || links_delete
}

kind_run() { # KIND
	progress "endtoend: $1"
	session_up "$1"
	trial paced "$ALL_FLOWS" "\"rate\":50000,\"seconds\":$seconds"
	trial overload "$ALL_FLOWS" "\"seconds\":$seconds"
	trial imix "$ALL_FLOWS" "\"seconds\":$seconds,\"size\":\"imix\""
	# What a veth lost may have been due in fragments, and who could tell?
	[[ $1 == af_packet ]] || trial fragments "$FRAGMENTED_FLOWS" "\"seconds\":$seconds"
	trial_with_changes "$changes"
	disconnect pc1 pc2
	trial separated "$SEPARATED_FLOWS" "\"seconds\":$seconds"
	connect pc1 pc2
	if among "$1" "${SEARCH_KINDS[@]}"; then search "$1"; fi
	session_down
	if among "$1" "${REFERENCE_KINDS[@]}"; then reference "$1"; fi
}

GOALS='
	def must($measure; $value): {measure: $measure, value: $value, unit: "of \([.trials[].sent] | add)",
		least: 0, aim: 0, better: "less", spread: null};
	must("frames unaccounted for"; [.trials[] | .unaccounted, .not_received, .not_traffic, .icmp_unaccounted | fabs] | add),
	must("frames where they must not be, twice or changed";
		[.trials[], .references[] | .unexpected + .duplicate + .corrupt] | add),
	must("frames of nobody"; [.trials[].other] | add),
	must("drop reasons that are not those of what was sent"; [.trials[].reasons_off | length] | add)'

measured() {
	jq -n --slurpfile trials "$SESSION/trials" --slurpfile references "$SESSION/references" \
		--slurpfile searches "$SESSION/searches" \
		'{trials: $trials, references: $references, searches: $searches}'
}

told() {
	say "sent + cut in two = received + dropped by t0xd + lost by the kernel of a veth (there, back); rates are no"
	say "CPU measure"
	say
	report_query endtoend '.trials[] | [.kind, .name, .sent, .cut, .received, .dropped, .lost_there, .lost_back,
		.unaccounted, (.forwarded_per_second / 1e6 | short)] | @tsv' |
		table PORT TRIAL SENT+ CUT+ RECEIVED+ DROPPED+ THERE+ BACK+ UNACCOUNTED+ MPPS+
	say
	report_query endtoend '.references[] | [.kind, .subject, .sent, .received, (.forwarded_per_second / 1e6 | short)] | @tsv' |
		table PORT INSTEAD SENT+ RECEIVED+ MPPS+
	say
	say "Throughput (RFC 2544): the highest rate that held with that loss, both ways together"
	report_query endtoend '.searches | group_by(.kind + .size)[] | sort_by(.tolerance_percent)
		| [.[0].kind, .[0].size, (.[] | .rate / 1e6 | short)] | @tsv' |
		sort -k1,1 -k2,2n | table PORT SIZE "0 %+" "0.5 %+"
}

trap session_end EXIT
session_begin hugepages
touch "$SESSION"/{trials,references,searches}
for kind in "${PORT_KINDS[@]}"; do
	kind_run "$kind"
done
measured | report_json endtoend "$GOALS"
report_text endtoend told
jq -e '[.verdicts[] | .verdict == "aim met"] | all' "$REPORT/endtoend.json" >/dev/null
