# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the parts of bench/run share: their options, reports as JSON, text and plots. Sourced.
#
# A part measures into a JSON object of its own, finishes it by report_json, which gives it the
# machine and turns its goals into verdicts, and says it by report_text. Everything that is shown is
# drawn from that JSON:
#
#   {"part", "quick", "machine": {...},
#    "verdicts": [{"measure", "value", "unit", "least", "aim", "better", "spread", "verdict"}],
#    ... what the part measured ...}
#
# QUICK, ROUNDS and SKIPPED are for those who source this file:
# shellcheck disable=SC2034

REPORT=${REPORT:-$TREE/bench/report}
SKIPPED=77
TOO_NOISY=0.25 # of the peer's median, either way: nothing can be said then

# report_options "$@": sets QUICK (0 or 1) and ROUNDS (empty: the part's own choice).
report_options() {
	QUICK=0 ROUNDS=''
	while (($#)); do
		case $1 in
		--quick) QUICK=1 ;;
		--rounds)
			ROUNDS=${2:?--rounds wants a number}
			shift
			;;
		*) die "not understood: $1" ;;
		esac
		shift
	done
	mkdir -p "$REPORT"
}

# skip WHY: this part cannot run here.
skip() {
	note "SKIP $(basename "$(dirname "$0")"): $*" >&2
	exit "$SKIPPED"
}

# For what brings up a lab.
needs_lab() {
	((EUID == 0)) || skip "needs root (namespaces)"
	! daemon_ready >/dev/null 2>&1 || skip "a t0xd answers on $SOCKET: bench/lab down, or end it, first"
}

# Progress, on stderr: one line that is written over on a terminal.
progress() {
	if [[ -t 2 ]]; then
		printf '\r\e[K%s' "$*" >&2
	else
		printf '%s\n' "$*" >&2
	fi
}
progress_end() { [[ ! -t 2 ]] || printf '\r\e[K' >&2; }

report_machine() {
	local cpu dirty=''
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	git -C "$TREE" diff --quiet HEAD 2>/dev/null || dirty=+
	jq -n --arg cpu "${cpu:-unknown}" --arg cpus "$(nproc)" --arg kernel "$(uname -r)" \
		--arg dpdk "$(pkg-config --modversion libdpdk)" \
		--arg commit "$(git -C "$TREE" rev-parse --short HEAD 2>/dev/null || echo none)$dirty" \
		--arg date "$(date -u +%FT%TZ)" --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" \
		--arg hypervisor "$(grep -q '^flags.* hypervisor' /proc/cpuinfo && echo yes || echo no)" \
		'{cpu: $cpu, cpus: ($cpus | tonumber), virtual: ($hypervisor == "yes"), kernel: $kernel,
		  dpdk: $dpdk, commit: $commit, date: $date, load: $load}'
}

# report_json PART GOALS <MEASURED: makes PART.json. GOALS is a jq program that makes, of what was
# measured, one {measure, value, unit, least, aim, better, spread} after the other: 'better' is
# "more" or "less", 'value' null when it was not measured, 'spread' how far the peer's own p10 and
# p90 are from its median, as a share of it; null when there is no peer. REPORT_JQ computes it from
# an array of samples.
report_json() {
	local part=$1 goals=$2
	jq --arg part "$part" --argjson quick "$QUICK" --argjson machine "$(report_machine)" \
		--argjson too_noisy "$TOO_NOISY" "$REPORT_JQ"'
		def meets($goal): if .better == "less" then .value <= $goal else .value >= $goal end;
		def verdict:
			if .value == null then "not measured"
			elif .spread != null and .spread > $too_noisy then "too noisy"
			elif meets(.aim) then "aim met"
			elif meets(.least) then "least met"
			else "missed" end;
		{part: $part, quick: ($quick == 1), machine: $machine,
		 verdicts: [('"$goals"') | . + {verdict: verdict}]} + .' >"$REPORT/$part.json"
}

# For every jq program here.
REPORT_JQ='
	def quantile($q): sort | if length == 0 then null
		else ((length - 1) * $q) as $at | ($at | floor) as $low | ($at | ceil) as $high
		| .[$low] + ($at - $low) * (.[$high] - .[$low]) end;
	def median: quantile(0.5);
	def spread: if length == 0 then null
		else median as $m | [quantile(0.9) / $m - 1, 1 - quantile(0.1) / $m] | max end;
	def round_to($digits): if . == null then null
		else pow(10; $digits) as $by | (. * $by | round) / $by end;
	# Three significant digits, no exponent.
	def short: if . == null then "-" elif type != "number" then tostring
		elif . == 0 then "0"
		else ([0, 2 - (fabs | log10 | floor)] | max) as $digits | round_to($digits) | tostring end;
'

# report_query PART FILTER: raw output of a jq program over a finished report.
report_query() { jq -r "$REPORT_JQ $2" "$REPORT/$1.json"; }

# table HEADING...: tab-separated lines from stdin, as a table; headings that end in a plus sign are
# of numbers.
table() {
	local names='' right='' heading
	for heading in "$@"; do
		names+=,${heading%+}
		[[ $heading != *+ ]] || right+=,${heading%+}
	done
	column -t -s $'\t' -N "${names#,}" ${right:+-R "${right#,}"} | sed 's/ *$//'
}

report_heading() { # PART
	report_query "$1" '.machine
		| "\(.cpu), \(.cpus) CPUs\(if .virtual then " of a virtual machine" else "" end), load \(.load)",
		  "kernel \(.kernel), DPDK \(.dpdk), t0x \(.commit), \(.date)"'
	report_query "$1" 'if .quick then "Quick: shows that it works, not how fast." else empty end'
}

report_verdicts() { # PART
	report_query "$1" '.verdicts[]
		| [.measure, (.value | short), .unit, (.least | short), (.aim | short),
		   .verdict + (if .verdict == "too noisy" then " (peer +-\(.spread * 100 | round) %)" else "" end)]
		| @tsv' | table MEASURE VALUE+ UNIT LEAST+ AIM+ VERDICT
}

# report_text PART FUNCTION: heading, what FUNCTION says, verdicts: to the terminal and to PART.txt.
report_text() {
	progress_end
	{
		report_heading "$1"
		echo
		"$2"
		echo
		report_verdicts "$1"
	} | tee "$REPORT/$1.txt"
}

# plot PART-NAME TITLE Y-AXIS GNUPLOT...: draw tab-separated lines from stdin, $data to gnuplot, by
# the commands given.
plot() {
	local file=$REPORT/$1.svg title=$2 y=$3 data
	shift 3
	data=$(cat)
	gnuplot 2>&1 <<-EOT || die "gnuplot could not draw $file"
		set terminal svg size 900,480 font "sans,12" background "white"
		set output "$file"
		set title "$title" noenhanced
		set ylabel "$y" noenhanced
		set datafile separator "\t"
		set grid ytics lc rgb "#d0d0d0"
		set border 3
		set tics nomirror
		set key noenhanced
		set yrange [0:*]
		\$data << END
		$data
		END
		$(printf '%s\n' "$@")
	EOT
}

# plot_bars PART-NAME TITLE Y-AXIS: lines of label, median, lower and upper quartile.
plot_bars() {
	plot "$@" 'set style fill solid 0.8 border lc rgb "black"' 'unset key' \
		'set xtics rotate by -35 noenhanced' \
		'plot $data using 0:2:3:4:(0.7):xtic(1) with boxerrorbars lc rgb "#88aacc"'
}

# plot_lines PART-NAME TITLE Y-AXIS X-AXIS [GNUPLOT...]: lines of x, and a column for each curve; the
# first line has their names.
plot_lines() {
	local x=$4
	plot "$1" "$2" "$3" "${@:5}" "set xlabel \"$x\" noenhanced" \
		'set key autotitle columnhead outside' \
		'plot for [i=2:*] $data using 1:i with linespoints lw 2'
}
