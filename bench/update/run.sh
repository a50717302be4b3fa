#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Interconnects that come and go under traffic: how soon it passes, that none passes after the answer
# to a delete, and that nobody else loses any.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../lib/lab.sh
source "$TREE/bench/lib/lab.sh"
# shellcheck source=../lib/streams.sh
source "$TREE/bench/lib/streams.sh"

UPDATE=$BUILD/bench/t0x-bench-update
RATE=20000 # frames/s on the interconnect that comes and goes, or what the machine can

finish_all() {
	streams_end
	"$TREE/bench/lab" down >/dev/null || true
}

# pc2 and pc3 are interconnected throughout; between pc1 and pc2 it comes and goes.
measure() { # CHANGES
	background in-3 t0x-pc3-vm receive --port 9000 --stream 1
	background in-2 t0x-pc2-vm receive --port 9000 --stream 2
	background out-3 t0x-pc2-vm send --to 172.16.3.10 --port 9000 --stream 1 --rate 1000 --seconds 3600
	background out-2 t0x-pc3-vm send --to 172.16.2.10 --port 9000 --stream 2 --rate 1000 --seconds 3600
	background flood t0x-pc1 inject --dev t0 --dst-mac "$(gateway_mac 1)" --from 172.16.1.10 \
		--to 172.16.2.10 --stream 3 --rate "$RATE" --seconds 3600
	ip netns exec t0x-pc2 "$UPDATE" --socket "$SOCKET" --cloud pc1 --peer pc2 --changes "$1" \
		--dev t0 --stream 3 >"$STREAMS/changes.json"
	finish flood
	finish out-3
	finish out-2
	sleep 0.3 # for what is still under way
	finish in-3
	finish in-2
}

# What others sent and did not receive.
lost() { # OUT IN
	echo $(($(report "$1" .sent) - $(report "$2" .received)))
}

measured() {
	jq --argjson rate "$(report flood '.sent / (.last_at - .first_at)')" --argjson sent "$(($(report out-3 .sent) + $(report out-2 .sent)))" \
		--argjson lost "$(($(lost out-3 in-3) + $(lost out-2 in-2)))" \
		--argjson gap "$(report in-3 .largest_gap_ms)" "$REPORT_JQ"'
		def summary: {median: median, p10: quantile(0.1), p90: quantile(0.9), p99: quantile(0.99), max: max};
		{changes, late, worst_late_us, silent, frames, missed, rate: ($rate | round),
		 others: {sent: $sent, lost: $lost, largest_gap_ms: $gap},
		 changes_per_second: (.changes / ((.create_us + .delete_us | add) / 1e6)),
		 create: (.create_us | summary), first_frame: (.first_us | summary),
		 delete: (.delete_us | summary), last_frame: (.margin_us | summary)}' "$STREAMS/changes.json"
}

# The time to build tables is of the part lookup, where there is one.
with_builds() {
	jq --argjson builds "$(jq '.builds // []' "$REPORT/lookup.json" 2>/dev/null || echo '[]')" \
		'. + {builds: $builds}'
}

GOALS='
	{measure: "frames after the answer to a delete", value: .late, unit: "of \(.frames)",
		least: 0, aim: 0, better: "less", spread: null},
	{measure: "loss on other pairs in \(.changes) changes", value: .others.lost,
		unit: "of \(.others.sent)", least: 0, aim: 0, better: "less", spread: null}'

say_update() {
	say "An interconnect of two lab clouds is created and deleted by one client, each change after the"
	say "answer to the one before, under $(report_query update .rate) frames/s of its own and 1,000/s each way between two others."
	say "Frames are stamped as they reach the T0 router of the peer. They share $(nproc) CPUs with all of it."
	say
	report_query update '
		([["create: request to answer", .create], ["create: request to first frame", .first_frame],
		  ["delete: request to answer", .delete], ["delete: last frame before the answer", .last_frame]][]
		| [.[0]] + (.[1] | [.median, .p10, .p90, .p99, .max] | map(short))) | @tsv' |
		table "MICROSECONDS" MEDIAN+ P10+ P90+ P99+ MAX+
	say
	report_query update '"\(.changes_per_second | round) changes/s; largest gap of the others \(.others.largest_gap_ms) ms"'
	report_query update 'if (.builds | length) == 0 then "Time to build a table: run the part lookup first."
		else "Time to build a table of " + ([.builds[] | "\(.routes) routes: \(.median_us | short) us"] | join(", ")) end'
}

draw() {
	report_query update '[["create to answer", .create], ["create to first frame", .first_frame], ["delete to answer", .delete],
		["last frame to answer", .last_frame]][] | [.[0], .[1].median, .[1].p10, .[1].p90] | @tsv' |
		plot_bars update-times "Creating and deleting an interconnect: median, p10 and p90" "microseconds"
}

report_options "$@"
needs_lab
changes=$((${ROUNDS:-5000} * 2))
((!QUICK)) || changes=$((${ROUNDS:-200} * 2))
trap finish_all EXIT
progress "update: lab up"
"$TREE/bench/lab" up --ports af_packet >"$STREAMS/lab.log" 2>&1 || { cat "$STREAMS/lab.log" >&2 && exit 1; }
ctl interconnect create pc2 pc3 --confirm-no-overlap >/dev/null
measure "$changes"
measured | with_builds | report_json update "$GOALS"
draw
report_text update say_update
jq -e '.late == 0 and .others.lost == 0 and .silent == 0 and .missed == 0' "$REPORT/update.json" >/dev/null ||
	die "$(jq -c '{late, silent, missed, others}' "$REPORT/update.json"): all but the frames sent must be 0"
