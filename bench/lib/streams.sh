# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Marked traffic in the background: start by name, stop by name, read its JSON report. Sourced.

STREAMS=$(mktemp -d /tmp/t0x-streams.XXXXXX)
declare -A STREAM_PID=()

streams_end() {
	local pid
	for pid in "${STREAM_PID[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait "${STREAM_PID[@]}" 2>/dev/null || true
	rm -rf "$STREAMS"
}

# background NAME NAMESPACE COMMAND [OPTION...]: t0x-traffic COMMAND, returns when it is ready.
background() {
	launch "$@"
	ready "$1"
}

# The same in two steps, for several that get ready at the same time.
ready() { wait_for 5 test -e "$STREAMS/$1.ready"; }
launch() {
	local name=$1 ns=$2
	shift 2
	rm -f "$STREAMS/$name".*
	# The initial namespace is written as a dash.
	if [[ $ns == - ]]; then
		"$TRAFFIC" "$@" --ready "$STREAMS/$name.ready" --report "$STREAMS/$name.json" 9>&- &
	else
		ip netns exec "$ns" "$TRAFFIC" "$@" --ready "$STREAMS/$name.ready" \
			--report "$STREAMS/$name.json" 9>&- &
	fi
	STREAM_PID[$name]=$!
}

# watch_start NAME NAMESPACE DEV: count marked frames that arrive there.
watch_start() { background "$1" "$2" watch --dev "$3"; }

# finish NAME: end it, if it has not ended itself, and keep its report.
finish() {
	kill "${STREAM_PID[$1]}" 2>/dev/null || true
	complete "$1"
}

# complete NAME: wait until it ends by itself.
complete() {
	wait "${STREAM_PID[$1]}" || true
	unset "STREAM_PID[$1]"
	[[ -s $STREAMS/$1.json ]]
}

# report NAME FILTER: of a finished one.
report() { jq -r "$2" "$STREAMS/$1.json"; }

# frames NAME STREAM: how many frames of the stream a finished watcher saw.
frames() { report "$1" "[.streams[] | select(.stream == $2) | .frames] | add // 0"; }

# The first 16 bytes of the mark, for `ping -p`.
mark_pattern() { printf '5430585452414631%08x00000000' "$1"; }

# gateway_mac N: what cloud N's T0 learnt by ARP.
gateway_mac() {
	local ns
	ns=$(t0_ns "$1")
	ip netns exec "$ns" ping -q -c 1 -W 2 "169.254.$1.1" >/dev/null 2>&1 || true
	ip -n "$ns" -j neigh show to "169.254.$1.1" dev t0 | jq -er '.[0].lladdr'
}

# iperf_run CLIENT_NS SERVER_NS ADDRESS [OPTION...]: JSON on standard output.
iperf_run() {
	local client=$1 server=$2 address=$3 pid rc=0
	shift 3
	ip netns exec "$server" iperf3 -s -1 >"$STREAMS/iperf-server" 2>&1 9>&- &
	pid=$!
	wait_for 5 iperf_listening "$server"
	timeout 60 ip netns exec "$client" iperf3 -c "$address" --connect-timeout 3000 -J "$@" || rc=$?
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	return "$rc"
}

iperf_listening() { ip netns exec "$1" ss -Hltn 'sport = :5201' | grep -q .; }

pings() { ip netns exec "$1" ping -q -c "${3:-2}" -i 0.05 -W 1 "$2" >/dev/null; }
pings_not() { ! ip netns exec "$1" ping -q -c 2 -i 0.1 -W 1 "$2" >/dev/null 2>&1; }
