#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A T0 router behind vhost-user with as many queues as workers, with fewer, and with more: whichever
# it serves, nothing is left lying. Its part is played by testpmd on virtio-user.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VHOST=/run/t0x/lab-vhost.sock
GUEST_LOG=$LOGS/vhost-guest.log
ROUTER_MAC=02:54:30:00:09:02

restart_with() {
	daemon_stop
	daemon_start "$@"
	for cloud in pc1 pc2 pc3; do
		wait_for 10 cloud_is_connected "$cloud"
	done
}

# Cloud pc9 on a port that offers a queue for each worker, or as many as the devargs say.
cloud_on_vhost() {
	ctl cloud create pc9 --location westeurope --port "net_vhost9,iface=$VHOST${1:-}" \
		--gateway 169.254.9.1/30 --router 169.254.9.2 --router-mac "$ROUTER_MAC" \
		--network-block 10.9.0.0/22
	interconnected pc2 pc9
}

no_cloud_on_vhost() {
	guest_end
	ctl interconnect delete pc9 pc2 --yes || true
	ctl cloud delete pc9 || true
}

# guest_start QUEUES MODE: on the other side of the socket, sending or receiving on all its queues.
GUEST=
guest_start() {
	local queues=$1 mode=$2 gateway
	gateway=$(ctl port show net_vhost9 -o json | jq -r .mac)
	rm -f "$STREAMS/guest"
	mkfifo "$STREAMS/guest"
	stdbuf -oL dpdk-testpmd -l 0,1 --file-prefix t0x-lab-guest --no-pci --no-telemetry -m 64 --single-file-segments \
		--vdev "net_virtio_user0,path=$VHOST,queues=$queues,mac=$ROUTER_MAC" -- \
		-i -a --nb-cores=1 --rxq="$queues" --txq="$queues" --total-num-mbufs=4096 --burst=8 --no-flush-rx \
		--forward-mode="$mode" --tx-ip=10.9.0.2,10.2.0.2 --eth-peer=0,"$gateway" \
		>"$GUEST_LOG" 2>&1 <"$STREAMS/guest" &
	GUEST=$!
	exec 8>"$STREAMS/guest"
	wait_for 10 cloud_is_connected pc9
	wait_for 10 grep -q '^testpmd> ' "$GUEST_LOG" # it polls from here on
}

guest_end() {
	[[ -n $GUEST ]] || return 0
	echo quit >&8 || true
	exec 8>&-
	wait_gone "$GUEST" 10 || kill -9 "$GUEST"
	wait "$GUEST" || true
	GUEST=
}

# What the guest itself says that it has received.
received_by_guest() {
	echo "show port stats 0" >&8
	sleep 0.05
	awk '/RX-packets:/ { n = $2 } END { print n + 0 }' "$GUEST_LOG"
}

queues() { ctl port show net_vhost9 -o json | jq -r '"\(.rx_queues) \(.tx_queues)"'; }
filled_queues() { # how many queues more than a handful of frames came in on
	ctl port show net_vhost9 -o json --all |
		jq '[.xstats | to_entries[] | select(.key | test("^rx_q[0-9]+_packets$")).value | select(. > 64)] | length'
}
filled() { [[ $(filled_queues) == "$1" ]]; }

every_queue_of_the_guest_is_polled() { # DEVARGS QUEUES-OF-THE-PORT QUEUES-OF-THE-GUEST
	trap 'no_cloud_on_vhost; streams_end' EXIT
	cloud_on_vhost "$1"
	equal "$2" "$(queues)" "rx and tx queues"
	guest_start "$3" txonly
	wait_for 5 filled "$3"
	# It is traffic like any other.
	fails test "$(ctl interconnect show pc9 pc2 -o json | jq '[.counters[].packets] | max')" -lt 100
}

# Both workers send to it, by the one tx queue that each guest has. Where the machine is crowded, the
# guest's ring may be full: such frames are counted, and the books of t0xd and of the guest agree. A
# round in which a CPU was away for long is made again; what t0xd refuses is none of that.
a_guest_gets_what_is_sent_to_it() { # DEVARGS QUEUES-OF-THE-GUEST
	trap 'no_cloud_on_vhost; streams_end' EXIT
	local lost_before refused_before round before
	cloud_on_vhost "$1"
	guest_start "$2" rxonly
	lost_before=$(lost_to_guest) refused_before=$(refused_to_guest)
	for round in {1..5}; do
		before=$(received_by_guest)
		send_to_guest
		wait_for 5 guest_has $((before + 320)) || true
		guest_has $((before + 280)) && break
	done
	wait_for 10 books_agree || true
	tell "$(forwarded_to_guest) frames forwarded in $round rounds of 320," \
		"$(received_by_guest) received by the guest, $(($(lost_to_guest) - lost_before)) counted as lost"
	books_agree
	equal "$refused_before" "$(refused_to_guest)" "refused by t0xd"
	guest_has $((before + 280))
}
send_to_guest() {
	local port
	for port in {9100..9131}; do
		ip netns exec t0x-pc2-vm "$TRAFFIC" send --to 10.9.0.2 --port "$port" --stream 1 \
			--rate 10000 --count 10
	done
}
guest_has() { (($(received_by_guest) >= $1)); }
forwarded_to_guest() { ctl interconnect show pc2 pc9 -o json | jq .counters.cloud_to_peer.packets; }
drops_of() { # REASON...
	ctl stats -o json | jq '[.drops[] | select(.reason | IN($ARGS.positional[])).packets] | add // 0' --args "$@"
}
lost_to_guest() { drops_of tx_full tx_ring_full; }
refused_to_guest() { drops_of egress_down router_unresolved no_interconnect spoofed_source; }
books_agree() { (($(received_by_guest) + $(lost_to_guest) - lost_before == $(forwarded_to_guest))); }

queues_of_the_guest_move() {
	trap 'no_cloud_on_vhost; streams_end' EXIT
	local queue worker
	cloud_on_vhost
	guest_start 2 txonly
	for worker in 0 1 0 1; do
		for queue in 0 1; do
			ctl worker set net_vhost9 "$queue" "$worker"
		done
		equal 2 "$(ctl worker list -o json | jq --argjson worker "$worker" \
			'[.[] | select(.worker == $worker).rx_queues[] | select(.port == "net_vhost9")] | length')" "queues"
		arrived_before=$(ctl port show net_vhost9 -o json | jq .rx_packets)
		wait_for 2 more_arrives
	done
}
more_arrives() { (($(ctl port show net_vhost9 -o json | jq .rx_packets) > arrived_before + 64)); }

# By the log, between the driver's word and the cloud's state lies no second, but for guests that
# came while the machine was crowded.
guests_were_seen_at_once() {
	local delays
	delays=$(awk -F 'T|Z' '
		{ split($2, t, ":"); now = (t[1] * 60 + t[2]) * 60000 + t[3] * 1000 }
		/virtio is now ready/ { ready = now }
		/event=cloud_state cloud=pc9 state=Connected/ { printf "%d ", now - ready }' \
		<(tail -c "+$LOG_BEFORE" "$DAEMON_LOG"))
	tell "ms from a guest's readiness to Connected: $delays"
	equal 6 "$(wc -w <<<"$delays")" "guests"
	(($(tr ' ' '\n' <<<"$delays" | awk '$1 != "" && $1 < 300' | wc -l) >= 4))
}

if (($(nproc) < 2)) || [[ -s $LAB_RUN/daemon-arguments ]]; then
	say "SKIP vhost: needs two cores, and hugepages, which are the memory of a guest"
	exit 0
fi
# shellcheck disable=SC2119 # no interconnects
region_is
trap 'daemon_stop; daemon_start; region_is; streams_end' EXIT
restart_with --workers 0,1
sleep 2 # until it tells of states
LOG_BEFORE=$(($(stat -c %s "$DAEMON_LOG") + 1))
promise every_queue_of_the_guest_is_polled "" "2 1" 2
promise every_queue_of_the_guest_is_polled "" "2 1" 1
promise every_queue_of_the_guest_is_polled ",queues=3" "3 1" 3
promise a_guest_gets_what_is_sent_to_it "" 2
promise a_guest_gets_what_is_sent_to_it "" 1
promise queues_of_the_guest_move
promise guests_were_seen_at_once
promises_end
