# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A t0xd of the bench's own and the generator behind its ports: three clouds pc1, pc2 and pc3, and no
# way between pc1 and pc3. Sourced.
#
# Both run in a network namespace without any link but their own, t0xd with state, socket and control
# netdevs that vanish with it, so that neither a lab nor a t0xd of this host is touched.
#
# A kind of port says who serves and who calls, as seen from t0xd:
#
#   memif         t0xd is memif client of the generator
#   memif_server  t0xd is memif server
#   memif_trunk   t0xd is memif client, and all clouds are on VLANs of one port
#   vhost         t0xd is vhost back end and client of the socket; the generator virtio_user
#   vhost_server  the same, and t0xd serves the socket
#   virtio_user   t0xd is virtio_user; the generator vhost back end, serving the socket
#   af_packet     veth pairs
#
# Names here are for those who source this file:
# shellcheck disable=SC2034

# shellcheck source=../lib/hugepages.sh
source "$TREE/bench/lib/hugepages.sh"

PORT_KINDS=(memif memif_server memif_trunk vhost vhost_server virtio_user af_packet)
BENCH_CLOUDS=(1 2 3)
GENERATOR=$BUILD/bench/generator/t0x-generator
SESSION='' # directory of sockets, state and logs
SESSION_NS=t0x-bench-$$
LAB_RUN=/run/t0x-bench-$$ # notes about hugepages: not those of the lab
HUGE_WANTED=512
MEMORY=()
T0XD_PID='' TESTPMD_PID='' GENERATOR_PID=''

# session_begin hugepages|small: on hugepages where they are to be had, or on small pages at once.
session_begin() {
	need_root
	SESSION=$(mktemp -d /tmp/t0x-bench.XXXXXX)
	export RUNTIME_DIRECTORY=$SESSION # where EAL keeps its own files
	ip netns add "$SESSION_NS"
	nsenter --net="/run/netns/$SESSION_NS" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	mkdir -p "$LAB_RUN"
	if [[ $1 == hugepages ]] && hugepages_reserve; then
		MEMORY=(--in-memory --single-file-segments)
	else
		MEMORY=(--no-huge -m 512)
	fi
}

session_end() {
	generator_stop
	t0xd_stop
	testpmd_stop
	ip netns del "$SESSION_NS" 2>/dev/null || true
	hugepages_give_back
	rm -rf "$LAB_RUN" "$SESSION"
}

inside() { nsenter --net="/run/netns/$SESSION_NS" "$@"; }

# in_background LOG COMMAND...: inside, its process id in BACKGROUND. A function in the background would be a
# shell of its own, and the id that shell's.
in_background() {
	local log=$1
	shift
	nsenter --net="/run/netns/$SESSION_NS" "$@" >>"$log" 2>&1 </dev/null 3>&- 4>&- 7>&- 8<&- &
	BACKGROUND=$!
}

# The CPU of the generator, and that of t0xd or testpmd: the first and the last.
generator_cpu() { echo 0; }
subject_cpu() { echo $(($(nproc) - 1)); }

# kill_gently PID: SIGTERM, and SIGKILL for those who do not hear it.
kill_gently() {
	[[ -n $1 ]] || return 0
	kill "$1" 2>/dev/null || return 0
	kill -CONT "$1" 2>/dev/null || true
	wait_gone "$1" 10 || kill -9 "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

socket_of() { # KIND N
	case $1 in
	memif*) echo "$SESSION/memif.sock" ;;
	*) echo "$SESSION/$1-$2.sock" ;;
	esac
}

# The devargs of cloud N's port, on t0xd's side (or testpmd's) and on the generator's.
subject_port() { # KIND N
	local path
	path=$(socket_of "$1" "$2")
	case $1 in
	memif_trunk) subject_port memif 1 ;;
	memif) echo "net_memif$2,role=client,id=$2,socket=$path,socket-abstract=no" ;;
	memif_server) echo "net_memif$2,role=server,id=$2,socket=$path,socket-abstract=no" ;;
	vhost) echo "net_vhost$2,iface=$path,client=1" ;;
	vhost_server) echo "net_vhost$2,iface=$path" ;;
	virtio_user) echo "net_virtio_user$2,path=$path,queue_size=1024" ;;
	af_packet) echo "net_af_packet$2,iface=subject$2,qdisc_bypass=1,blocksz=65536,framesz=2048,framecnt=4096" ;;
	esac
}
generator_port() { # KIND N
	local path
	path=$(socket_of "$1" "$2")
	case $1 in
	memif_trunk) generator_port memif 1 ;;
	memif) echo "net_memif$2,role=server,id=$2,socket=$path,socket-abstract=no" ;;
	memif_server) echo "net_memif$2,role=client,id=$2,socket=$path,socket-abstract=no" ;;
	vhost) echo "net_virtio_user$2,path=$path,server=1,queue_size=1024" ;;
	vhost_server) echo "net_virtio_user$2,path=$path,queue_size=1024" ;;
	virtio_user) echo "net_vhost$2,iface=$path" ;;
	af_packet) echo "net_af_packet$2,iface=generator$2,qdisc_bypass=1,blocksz=65536,framesz=2048,framecnt=4096" ;;
	esac
}

# Veths for af_packet. Nothing but the two programs is on them: no address, no ARP, no offloads. They take
# more than a cloud does: what is too large for it is t0xd's to judge.
links_create() {
	local n end
	for n in "${BENCH_CLOUDS[@]}"; do
		inside ip link add "subject$n" mtu 1600 type veth peer name "generator$n" mtu 1600
		for end in "subject$n" "generator$n"; do
			inside ip link set "$end" arp off addrgenmode none
			inside ethtool -K "$end" tx off tso off gso off gro off >/dev/null 2>&1 || true
			inside ip link set "$end" up
		done
	done
}
links_delete() {
	local n
	for n in "${BENCH_CLOUDS[@]}"; do
		inside ip link del "subject$n" 2>/dev/null || true
	done
}

# A counter of a netdev, as the kernel keeps it: rx packets, tx dropped ...
link_count() { # NETDEV rx|tx packets|dropped
	inside ip -s -j link show "$1" | jq ".[0].stats64.$2.$3"
}

bench_ctl() { "$T0XCTL" --socket "$SESSION/t0x.sock" "$@"; }

t0xd_start() {
	# A /run/netns of its own: the namespace of the control netdevs ends with the process.
	in_background "$SESSION/t0xd.log" unshare --mount \
		sh -c 'mount -t tmpfs none /run/netns && exec "$@"' sh \
		"$T0XD" --state "$SESSION/state" --socket "$SESSION/t0x.sock" \
		--workers "$(subject_cpu)" -- "${MEMORY[@]}" --no-pci
	T0XD_PID=$BACKGROUND
	wait_for 20 bench_ctl cloud list || {
		tail -n 20 "$SESSION/t0xd.log" >&2
		die "the t0xd of the bench does not answer"
	}
}

t0xd_stop() {
	kill_gently "$T0XD_PID"
	T0XD_PID=''
	rm -rf "${SESSION:?}/state"
}

t0xd_lives() { [[ $(ps -o stat= -p "$T0XD_PID") == [RS]* ]]; }

router_mac() { printf '02:54:30:00:%02x:02' "$1"; }

cloud_attach() { # KIND N
	local vlan=()
	[[ $1 != *_trunk ]] || vlan=(--vlan "$((100 + $2))")
	bench_ctl cloud create "pc$2" --location westeurope --port "$(subject_port "$1" "$2")" "${vlan[@]}" \
		--gateway "169.254.$2.1/30" --router "169.254.$2.2" --router-mac "$(router_mac "$2")" \
		--gateway "fd00:$2:ffff::1/126" --router "fd00:$2:ffff::2" \
		--network-block "10.$2.0.0/22" --network-block "fd00:$2:1::/64" >/dev/null
	bench_ctl segment create "pc$2" workload --gateway-address "172.16.$2.1/24" \
		--gateway-address "fd00:$2:2::1/64" >/dev/null
}

connect() { bench_ctl interconnect create "$1" "$2" --confirm-no-overlap >/dev/null; }
disconnect() { bench_ctl interconnect delete "$1" "$2" --yes >/dev/null; }
all_connected() { bench_ctl cloud list -o json | jq -e 'all(.state == "Connected")'; }
all_active() { bench_ctl interconnect list -o json | jq -e 'all(.state == "Active")'; }

# testpmd as t0xd would be: between the ports of two clouds, any two numbers.
testpmd_start() { # KIND mac|io N N
	local kind=$1 mode=$2 n vdevs=()
	shift 2
	for n in "$@"; do
		vdevs+=(--vdev "$(subject_port "$kind" "$n")")
	done
	in_background "$SESSION/testpmd.log" dpdk-testpmd -l 0,"$(subject_cpu)" --file-prefix testpmd \
		--no-pci --no-telemetry "${MEMORY[@]}" "${vdevs[@]}" -- \
		--forward-mode="$mode" --auto-start --no-mlockall --stats-period=3600 \
		--total-num-mbufs=32768 --rxd=1024 --txd=1024 \
		--eth-peer=0,"$(router_mac "$1")" --eth-peer=1,"$(router_mac "$2")"
	TESTPMD_PID=$BACKGROUND
}

# testpmd and the generator, in the order in which the ports find each other.
testpmd_and_generator_start() { # KIND mac|io
	case $1 in
	memif_server | vhost_server)
		testpmd_start "$1" "$2" 1 2
		wait_for 20 test -S "$(socket_of "$1" 2)" ||
			die "testpmd serves no socket: $(tail -n 5 "$SESSION/testpmd.log")"
		generator_start "$1" 1 2
		;;
	*)
		generator_start "$1" 1 2
		testpmd_start "$1" "$2" 1 2
		;;
	esac
	generator_ready
}

testpmd_stop() {
	kill_gently "$TESTPMD_PID"
	TESTPMD_PID=''
}

# generator_start KIND [CLOUD...]: with a port for each cloud, or a trunk for all; requests by `ask`. What it
# serves is there when it returns, but virtio_user waits, within EAL, for t0xd to call.
generator_start() {
	local kind=$1 n vdevs=()
	shift
	[[ $kind != *_trunk ]] || set -- "$1"
	for n in "$@"; do
		vdevs+=(--vdev "$(generator_port "$kind" "$n")")
		# Of one that was killed.
		[[ $kind == *_server ]] || rm -f "$(socket_of "$kind" "$n")"
	done
	rm -f "$SESSION/ready" "$SESSION"/requests "$SESSION"/answers
	mkfifo "$SESSION/requests" "$SESSION/answers"
	nsenter --net="/run/netns/$SESSION_NS" "$GENERATOR" --lcores "0@$(generator_cpu)" \
		--file-prefix generator --no-pci --no-telemetry "${MEMORY[@]}" \
		"${vdevs[@]}" -- --wait 20 --pause 0 --ready "$SESSION/ready" \
		<"$SESSION/requests" >"$SESSION/answers" 2>>"$SESSION/generator.log" 3>&- 4>&- &
	GENERATOR_PID=$!
	exec 7>"$SESSION/requests" 8<"$SESSION/answers"
	case $kind in
	memif | memif_trunk) wait_for 20 test -e "$SESSION/ready" ;;
	virtio_user) wait_for 20 test -S "$(socket_of "$kind" "${!#}")" ;;
	esac || die "the generator serves no socket: $(tail -n 5 "$SESSION/generator.log")"
}

generator_ready() {
	wait_for 30 test -e "$SESSION/ready" ||
		die "the generator is not ready: $(tail -n 5 "$SESSION/generator.log")"
}

generator_stop() {
	[[ -n $GENERATOR_PID ]] || return 0
	exec 7>&- 8<&-
	kill_gently "$GENERATOR_PID"
	GENERATOR_PID=''
}

# ask JSON: a request, the answer on standard output. More lines of a search by `answer`.
ask() {
	ask_no_answer "$1"
	answer
}
ask_no_answer() { printf '%s\n' "$1" >&7; }
answer() {
	local line
	read -r -t 600 line <&8 || die "the generator says nothing: $(tail -n 5 "$SESSION/generator.log")"
	[[ $line != '{"error":'* ]] || die "the generator refuses: $line"
	printf '%s\n' "$line"
}

# The clouds as t0xd has them, for a request: the ports of pc1, pc2 ... are the generator's 0, 1 ..., and a
# trunk is one for all.
clouds_of_t0xd() { # CLOUD...
	local n
	for n in "$@"; do
		bench_ctl cloud show "pc$n" -o json | jq -c --arg router "$(router_mac "$n")" --arg n "$n" '{name,
			port, vlan: (.vlan // 0), networks: ["10.\($n).0.0/22", "fd00:\($n):1::/64"],
			gateway_mac: .mac, router_mac: $router}'
	done | jq -cs '.[0].port as $first
		| [to_entries[] | .value + {port: (if .value.port == $first then 0 else .key end)}]'
}

# The same for testpmd, which takes every MAC. PORT is the generator's, of the first.
clouds_of_testpmd() { # PORT N N
	local n port=$1
	for n in "${@:2}"; do
		jq -cn --arg router "$(router_mac "$n")" --argjson n "$n" --argjson port "$port" \
			'{name: "pc\($n)", $port, networks: ["10.\($n).0.0/22"],
			gateway_mac: "02:00:00:00:00:01", router_mac: $router}'
		port=$((port + 1))
	done | jq -cs .
}
