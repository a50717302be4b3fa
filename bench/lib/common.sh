# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the lab and the tests say, where their things are, how they wait. Sourced, never run.
#
# Most names here are used by those who source this file:
# shellcheck disable=SC2034

export LC_ALL=C # $EPOCHREALTIME, awk and printf agree on the decimal point
TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${T0X_BUILD:-$TREE/build/release} # T0X_BUILD: binaries from elsewhere, never built here
T0XD=$BUILD/control/t0xd
T0XCTL=$BUILD/control/cli/t0xctl
TRAFFIC=$BUILD/bench/t0x-traffic
LAB_RUN=/run/t0x-lab # the lab's own notes: what it reserved, mounted, started

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
	BOLD='' GREEN='' RED='' DIM='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
step() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
note() { printf '%s%s%s\n' "$DIM" "$*" "$PLAIN"; }
good() { printf '  %sok%s      %s\n' "$GREEN" "$PLAIN" "$*"; }
bad() { printf '  %sNOT OK%s  %s\n' "$RED" "$PLAIN" "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() { ((EUID == 0)) || die "must run as root (namespaces, hugepages, packages)"; }

# wait_for SECONDS COMMAND...: until COMMAND succeeds; 1 when it has not within SECONDS.
wait_for() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		sleep 0.02
	done
}

# wait_gone PID SECONDS: until the process, ours or not, has ended.
wait_gone() { timeout "$2" tail --pid="$1" -s 0.02 -f /dev/null; }

# Milliseconds between two $EPOCHREALTIME values.
ms_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%d\n", (b - a) * 1000 }'; }

in_ns() { ip netns exec "$@"; }
ctl() { "$T0XCTL" "$@"; }
