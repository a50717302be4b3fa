#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# RFC 2544 throughput by frame size with Pktgen-DPDK in place of our own generator. See README.md.
#
# Debian has no package of Pktgen: an installed one is used, from PATH or PKTGEN=PATH.
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../generator/session.sh
source "$TREE/bench/generator/session.sh"

HUGE_WANTED=1536 # Pktgen takes 2 GiB of them
PKTGEN_CORES=${PKTGEN_CORES:-0,1@0} # lcores, as EAL's --lcores; 0 is the screen's, 1 sends and receives

usage() {
	cat <<-EOT
		usage: bench/pktgen/run.sh vhost
		       bench/pktgen/run.sh nic PCI PCI

		  vhost    starts a t0xd of its own with two vhost-user ports, and Pktgen on virtio_user
		  nic      Pktgen on two NICs of this host, wired to those of a t0xd that runs already;
		           T0X_GATEWAY_MAC_1 and _2 tell its MACs

		  T0X_SIZES, T0X_LOSSES, T0X_SECONDS, T0X_ADDRESS_1 ...: see rfc2544.lua
		  PKTGEN          the program (pktgen)
		  PKTGEN_CORES    its lcores, as EAL's --lcores ($PKTGEN_CORES)

		Results go to bench/report/pktgen.json. Exit status: 77 when there is no Pktgen.
	EOT
}

pktgen_find() {
	PKTGEN=$(command -v "${PKTGEN:-pktgen}") && return
	say "There is no Pktgen here (\$PKTGEN, or pktgen in PATH), and Debian has no package of it." >&2
	say "Build pktgen-23.03.0, which matches DPDK 22.11: bench/pktgen/README.md says how." >&2
	say "bench/run endtoend does the same search with our own generator." >&2
	exit "$SKIPPED"
}

# Without a terminal: the screen would be in the way, and the script ends it.
pktgen_run() { # EAL-ARGUMENT...
	T0X_REPORT=$SESSION/pktgen.lines T0X_PKTGEN=$TREE/bench/pktgen inside "$PKTGEN" \
		--lcores "$PKTGEN_CORES" --file-prefix pktgen --single-file-segments -m 2000 "$@" \
		-- -P -T -m 1.0,1.1 -f "$TREE/bench/pktgen/rfc2544.lua" \
		</dev/null >"$SESSION/pktgen.log" 2>&1 || true
	# Whatever its exit status is: only the last line tells that all was done.
	[[ $(tail -n 1 "$SESSION/pktgen.lines" 2>/dev/null) == '{"done":true}' ]] || {
		tail -n 20 "$SESSION/pktgen.log" >&2
		die "Pktgen did not end its search"
	}
}

over_vhost() {
	local n
	session_begin hugepages
	t0xd_start
	for n in 1 2; do
		cloud_attach vhost "$n"
		export "T0X_GATEWAY_MAC_$n=$(bench_ctl cloud show "pc$n" -o json | jq -r .mac)"
	done
	connect pc1 pc2
	pktgen_run --no-pci --vdev "$(generator_port vhost 1)" --vdev "$(generator_port vhost 2)"
}

over_nic() { # PCI PCI
	[[ -n ${T0X_GATEWAY_MAC_1:-} && -n ${T0X_GATEWAY_MAC_2:-} ]] ||
		die "T0X_GATEWAY_MAC_1 and T0X_GATEWAY_MAC_2 must tell the MACs of t0xd's ports: t0xctl cloud show pc1 -o json | jq -r .mac"
	session_begin hugepages
	pktgen_run -a "$1" -a "$2"
}

report() { # HOW
	mkdir -p "$REPORT"
	jq -s --arg how "$1" --arg pktgen "$PKTGEN" --argjson machine "$(report_machine)" \
		'{part: "pktgen", over: $how, pktgen: $pktgen, machine: $machine, searches: map(select(.size))}' \
		"$SESSION/pktgen.lines" >"$REPORT/pktgen.json"
	say "Throughput (RFC 2544) by Pktgen over $1, both ways together, million frames a second"
	report_query pktgen '.searches | group_by(.size)[] | sort_by(.tolerance_percent)
		| .[] | [.size, "\(.tolerance_percent) %", (.rate / 1e6 | short), (.line_percent | short), .trials] | @tsv' |
		sort -n | table SIZE+ LOSS+ RATE+ "% OF LINE+" TRIALS+
}

case ${1:-} in
vhost)
	(($# == 1)) || { usage >&2 && exit 2; }
	;;
nic)
	(($# == 3)) || { usage >&2 && exit 2; }
	;;
-h | --help | help)
	usage
	exit 0
	;;
*)
	usage >&2
	exit 2
	;;
esac
pktgen_find
need_root
trap session_end EXIT
"over_$1" "${@:2}"
report "$1"
