#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two virtual machines are the T0 routers of two clouds, on vhost-user ports: they reach each other
# over an interconnect and not otherwise, and come back after either side has died.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

INITRAMFS=$CACHE/virtio.cpio
BACK_SECONDS=60 # of a machine without KVM that shares its CPUs

ctl() { "$T0XCTL" --socket "$VM/t0x.sock" "$@"; }

initramfs_make() {
	local root=$VM/root
	root_make "$root" virtio_pci virtio_net
	root_pack "$root" "$INITRAMFS"
}

# QEMU serves the socket, so that t0xd may come and go. Without vectors=0 QEMU 7.2 ends under TCG.
vm_start() { # N
	guest_start "pc$1" "$INITRAMFS" 192 '' \
		-object memory-backend-memfd,id=memory,size=192M,share=on -machine memory-backend=memory \
		-chardev "socket,id=port,path=$VM/pc$1.sock,server=on,wait=off" \
		-netdev vhost-user,id=port,chardev=port,queues=1 \
		-device "virtio-net-pci,netdev=port,mac=52:54:00:00:00:0$1,vectors=0"
}

vm_configure() { # N
	guest_ready "pc$1"
	guest_run "pc$1" "ip addr add 169.254.$1.2/30 dev eth0 && ip addr add 10.$1.0.2/32 dev lo &&
		ip link set eth0 up && ip route add default via 169.254.$1.1 src 10.$1.0.2" | tr '\n' ' '
}

t0xd_start() {
	"$T0XD" --state "$VM/state" --socket "$VM/t0x.sock" --buffers 8192 -- --no-huge >>"$VM/t0xd.log" 2>&1 3>&- 4>&- &
	T0XD_PID=$!
	wait_for 60 ctl cloud list
}

t0xd_kill() {
	kill -9 "$T0XD_PID"
	wait "$T0XD_PID" 2>/dev/null || true
}

cloud_create() { # N DEVARGS
	ctl cloud create "pc$1" --location westeurope --port "$2" --gateway "169.254.$1.1/30" \
		--router "169.254.$1.2" --network-block "10.$1.0.0/22"
}

state_is() { [[ $(ctl cloud show "$1" -o json | jq -r .state) == "$2" ]]; }
reaches() { guest_run "pc$1" "ping -c ${3:-2} -W 2 -q 10.$2.0.2"; } # N M [COUNT]
reaches_not() { fails reaches "$1" "$2"; }

clouds_take_their_ports() {
	cloud_create 1 "net_vhost1,iface=$VM/pc1.sock,client=1,queues=1"
	cloud_create 2 "net_vhost2,iface=$VM/pc2.sock,client=1,queues=1"
	cloud_create 3 "net_vhost3,iface=$VM/pc3.sock,client=1,queues=1"
}

clouds_become_connected() {
	vm_configure 1
	vm_configure 2
	wait_for "$BACK_SECONDS" state_is pc1 Connected
	wait_for "$BACK_SECONDS" state_is pc2 Connected
	state_is pc3 Disconnected # nobody is there
	ctl port list
}

nothing_passes_without_an_interconnect() {
	reaches_not 1 2
	reaches_not 2 1
	guest_run pc1 'ping -c 1 -W 2 169.254.1.1' # the gateway answers all the same
}

an_interconnect_opens_the_way_and_no_other() {
	ctl interconnect create pc1 pc2 --confirm-no-overlap
	ctl interconnect create pc2 pc3 --confirm-no-overlap
	wait_for "$BACK_SECONDS" reaches 1 2
	reaches 2 1 10
	reaches_not 1 3
	fails guest_run pc1 'ip addr add 10.9.9.9/32 dev lo; ping -c 1 -W 2 -I 10.9.9.9 10.2.0.2'
	(($(dropped pc1 no_interconnect) > 0 && $(dropped pc1 spoofed_source) > 0))
}
dropped() { ctl stats -o json | jq --arg cloud "$1" --arg reason "$2" '[.drops[] | select(.cloud == $cloud and .reason == $reason).packets] | add // 0'; }

# Checksums too: a guest leaves them to a device that promises to make them.
tcp_arrives_as_it_was_sent() {
	guest_run pc1 'dd if=/dev/urandom of=/tmp/sent bs=64k count=128 2>/dev/null; httpd -p 5000 -h /tmp'
	guest_run pc2 'wget -q -O /tmp/got http://10.1.0.2:5000/sent'
	equal "$(guest_run pc1 'md5sum </tmp/sent')" "$(guest_run pc2 'md5sum </tmp/got')"
	equal 0 "$(guest_run pc2 'cat /proc/net/snmp' | tr -d '\r' | awk '$1 == "Tcp:" && $2 ~ /^[0-9]/ { print $15 }')" "TCP checksum errors"
}

back() { # WHAT COMMAND...: and how long it took
	local began=$EPOCHREALTIME
	wait_for "$BACK_SECONDS" "${@:2}"
	tell "$1: $(ms_between "$began" "$EPOCHREALTIME") ms"
}

traffic_is_back_after_a_restart() {
	equal 2 "$(ctl interconnect list -o json | jq length)"
	wait_for "$BACK_SECONDS" state_is pc1 Connected
	back "after a restart of t0xd" reaches 1 2 1
	reaches_not 1 3
}

a_guest_that_died_is_seen() {
	wait_for "$BACK_SECONDS" state_is pc2 Disconnected
	[[ $(ctl interconnect show pc1 pc2 -o json | jq -r .state) == Disconnected ]]
}

a_guest_that_comes_back_is_reached() {
	vm_configure 2
	wait_for "$BACK_SECONDS" state_is pc2 Connected
	back "after a boot of the guest" reaches 1 2 1
	reaches 2 1
}

a_delete_closes_the_way() {
	ctl interconnect delete pc1 pc2 --yes
	reaches_not 1 2
	reaches_not 2 1
}

# What starts and ends processes stands here: a promise is a subshell.
vm_begin
mkdir -p "$VM/state"
initramfs_make >&4 2>&4
vm_start 1
vm_start 2
t0xd_start || die "t0xd does not start: $(tail -n 3 "$VM/t0xd.log")"
promise clouds_take_their_ports
promise clouds_become_connected
promise nothing_passes_without_an_interconnect
promise an_interconnect_opens_the_way_and_no_other
promise tcp_arrives_as_it_was_sent
t0xd_kill
t0xd_start
promise traffic_is_back_after_a_restart
guest_kill pc2
promise a_guest_that_died_is_seen
vm_start 2
promise a_guest_that_comes_back_is_reached
promise a_delete_closes_the_way
cat "$VM/t0xd.log" >&4
promises_end
