# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Programs that forward, each on the last CPU with perfect NICs of its own. Sourced.
#
# Each is started, waits until its ports have their frames, and is stopped until its slice comes.
# It runs before whatever else wants the CPU. CONTESTANTS is what t0x-bench slices wants to know of
# them, CANNOT has why the others did not start.
# shellcheck disable=SC2034

NIC=$BUILD/bench/libt0x-nic.so
PEERS=$TREE/build/peers
EXAMPLES=/usr/share/dpdk/examples # package dpdk-doc
CPU=$(($(nproc) - 1))
START_LIMIT=30 # seconds
# Where frames.h has them in a struct nic_counters.
READY_AT=256

CONTESTANTS=() PIDS=()
declare -A CANNOT=()

# l3fwd as Debian ships it, by its own Makefile.
peers_build() {
	[[ ! -x $PEERS/l3fwd/build/l3fwd ]] || return 0
	mkdir -p "$PEERS"
	cp -r "$EXAMPLES/l3fwd" "$EXAMPLES/common" "$PEERS/"
	make -s -C "$PEERS/l3fwd" shared >"$PEERS/l3fwd.log" 2>&1 || {
		cat "$PEERS/l3fwd.log" >&2
		die "l3fwd does not build"
	}
}

ports_ready() { # NAME
	od -An -t u8 -j "$READY_AT" -N 8 "$RUN/$1.counters" | tr -d ' '
}

# start NAME PORTS COMMAND...: with the frames of $SCENARIO. testpmd ends with its standard input.
start() {
	local name=$1 ports=$2 end=$((SECONDS + START_LIMIT))
	shift 2
	rm -f "$RUN/$name.counters"
	truncate -s 4096 "$RUN/$name.counters"
	[[ -p $RUN/silence ]] || mkfifo "$RUN/silence"
	LD_PRELOAD=$NIC T0X_NIC_FRAMES=$SCENARIO/frames T0X_NIC_COUNTERS=$RUN/$name.counters \
		nice -n -20 "$@" <>"$RUN/silence" >"$RUN/$name.log" 2>&1 &
	PIDS+=("$!")
	if [[ $name == t0x* ]]; then
		started "$name" "$end" t0x_answers "$name" || return 0
		t0x_ctl "$name" apply "$SCENARIO/region.json" --confirm-no-overlap >>"$RUN/$name.log" 2>&1 || {
			cannot "$name"
			return 0
		}
	fi
	started "$name" "$end" are_ready "$name" "$ports" || return 0
	kill -STOP "${PIDS[-1]}"
	CONTESTANTS+=("$name,${PIDS[-1]},$RUN/$name.counters")
}

are_ready() { (($(ports_ready "$1") == $2)); }

# started NAME END CONDITION...: 1, and noted, when the last one started has ended, or time is up.
started() {
	local name=$1 end=$2
	shift 2
	until "$@"; do
		if ! kill -0 "${PIDS[-1]}" 2>/dev/null || ((SECONDS >= end)); then
			cannot "$name"
			return 1
		fi
		sleep 0.05
	done
}

cannot() { # NAME
	CANNOT[$1]=$(grep -iE 'error|cannot|fail|refus|unable|invalid|:' "$RUN/$1.log" | tail -n 1 | cut -c1-160)
}

vdevs() { # PORTS
	local port
	for ((port = 0; port < $1; port++)); do
		printf '%s\n' --vdev "net_null$port"
	done
}

eal() { # NAME PORTS
	printf '%s\n' --in-memory --no-pci --file-prefix "bench-$1"
	vdevs "$2"
}

# start_l3fwd NAME PORTS lpm|fib [EAL ARGUMENT...]: rules of the other family are its own examples.
start_l3fwd() {
	local name=$1 ports=$2 lookup=$3 config='' port args
	local -A rules=([4]=$PEERS/l3fwd/lpm_default_v4.cfg [6]=$PEERS/l3fwd/lpm_default_v6.cfg)
	shift 3
	rules[$FAMILY]=$SCENARIO/rules
	mapfile -t args < <(eal "$name" "$ports")
	for ((port = 0; port < ports; port++)); do
		config+="${config:+,}($port,0,$CPU)"
	done
	start "$name" "$ports" "$PEERS/l3fwd/build/l3fwd" -l "$CPU" "${args[@]}" "$@" -- \
		-p "$(printf '0x%x' $(((1 << ports) - 1)))" -P "--lookup=$lookup" "--config=$config" \
		"--rule_ipv4=${rules[4]}" "--rule_ipv6=${rules[6]}"
}

# What testpmd flushes when it starts would be lost to its NICs.
start_testpmd() { # NAME PORTS io|mac
	local name=$1 ports=$2 mode=$3 args
	mapfile -t args < <(eal "$name" "$ports")
	start "$name" "$ports" dpdk-testpmd -l "0,$CPU" --main-lcore 0 "${args[@]}" -- \
		"--forward-mode=$mode" --nb-cores=1 --total-num-mbufs=4096 --no-flush-rx
}

# start_t0x NAME PORTS [T0XD ARGUMENT...]: with tables on transparent huge pages, as its service has
# them, and a /run/netns of its own, so that the namespace of its control netdevs ends with it.
start_t0x() {
	local name=$1 ports=$2 state=$RUN/$1
	shift 2
	rm -rf "$state"
	mkdir -p "$state"
	mkdir -p /run/netns
	# shellcheck disable=SC2016 # the arguments of the inner shell
	start "$name" "$ports" unshare --mount sh -c 'mount -t tmpfs none /run/netns && exec "$@"' sh \
		env GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
		"$T0XD" --state "$state" --socket "$state/sock" --workers "$CPU" --buffers 4096 "$@" \
		-- --no-pci --in-memory
}

t0x_ctl() { "$T0XCTL" --socket "$RUN/$1/sock" "${@:2}"; }
t0x_answers() { t0x_ctl "$1" cloud list >/dev/null 2>&1; }

contestants_end() {
	local pid
	for pid in "${PIDS[@]}"; do
		kill -CONT "$pid" 2>/dev/null || continue
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	CONTESTANTS=() PIDS=() CANNOT=()
}
