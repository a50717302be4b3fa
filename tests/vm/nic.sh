#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# t0xd inside a virtual machine, on PCI devices: e1000e bound to vfio-pci behind an IOMMU, and
# virtio-net bound to uio_pci_generic. The T0 routers are two namespaces of this host.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PMDS=/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0
INITRAMFS=$CACHE/nic.cpio
DEVICES=(0000:00:04.0 0000:00:05.0)

python_name() { basename "$(realpath /usr/bin/python3)"; }
router_ns() { echo "t0x-nic$1"; }

initramfs_make() {
	local root=$VM/root plugin
	# virtio_net is not loaded: its devices are t0xd's.
	root_make "$root" virtio_pci uio_pci_generic vfio-pci vfio_iommu_type1 tun
	root_add "$root" "$T0XD" "$T0XCTL" /usr/lib/x86_64-linux-gnu/libgcc_s.so.1
	ln -s "$T0XD" "$root/bin/t0xd"
	ln -s "$T0XCTL" "$root/bin/t0xctl"
	# A plugin is the same file as the library that programs are linked with, or it registers twice.
	mkdir -p "$root$PMDS"
	for plugin in bus_pci bus_vdev mempool_ring net_virtio net_e1000; do
		root_add "$root" "/usr/lib/x86_64-linux-gnu/librte_$plugin.so.23"
		ln -s "/usr/lib/x86_64-linux-gnu/librte_$plugin.so.23" "$root$PMDS/librte_$plugin.so.23.0"
	done
	# dpdk-devbind.py and what it stands on.
	root_add "$root" /usr/bin/python3 /usr/bin/lspci
	install -D "$(command -v dpdk-devbind.py)" "$root/usr/bin/dpdk-devbind.py"
	tar -C / --exclude=test --exclude=__pycache__ --exclude=dist-packages \
		-c "usr/lib/$(python_name)" | tar -C "$root" -x
	mkdir -p "$root/var/lib/t0x" "$root/etc"
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	root_pack "$root" "$INITRAMFS"
}

routers_make() {
	local n
	for n in 1 2; do
		ip netns add "$(router_ns "$n")"
		ip -n "$(router_ns "$n")" link set lo up
		ip -n "$(router_ns "$n")" addr add "10.$n.0.2/32" dev lo
	done
}

routers_connect() { # once QEMU has made the taps
	local n ns
	for n in 1 2; do
		ns=$(router_ns "$n")
		wait_for 20 test -e "/sys/class/net/t0xnic$n"
		ip link set "t0xnic$n" netns "$ns"
		in_ns "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		ip -n "$ns" addr add "169.254.$n.2/30" dev "t0xnic$n"
		ip -n "$ns" link set "t0xnic$n" up
		ip -n "$ns" route add default via "169.254.$n.1" src "10.$n.0.2"
	done
}

routers_remove() {
	ip netns del "$(router_ns 1)" 2>/dev/null || true
	ip netns del "$(router_ns 2)" 2>/dev/null || true
}

vm_start() { # DEVICE-MODEL KERNEL-ARGUMENTS [QEMU-ARGUMENT...]
	local model=$1 arguments=$2
	shift 2
	guest_start nic "$INITRAMFS" 768 "hugepages=96 $arguments" -smp 2 "$@" \
		-netdev tap,id=n1,ifname=t0xnic1,script=no,downscript=no,vnet_hdr=off \
		-device "$model,netdev=n1,mac=52:54:00:00:01:01,addr=04.0" \
		-netdev tap,id=n2,ifname=t0xnic2,script=no,downscript=no,vnet_hdr=off \
		-device "$model,netdev=n2,mac=52:54:00:00:02:01,addr=05.0"
	routers_connect
}

devices_bind() { # DRIVER
	guest_run nic "python3 /usr/bin/dpdk-devbind.py --bind=$1 ${DEVICES[*]} &&
		python3 /usr/bin/dpdk-devbind.py --status-dev net" | tee "$VM/bound"
	equal 2 "$(grep -c "drv=$1" "$VM/bound")"
}

t0xd_starts_in_the_machine() { # DRIVER
	guest_ready nic
	devices_bind "$1"
	guest_run nic 'mount -t hugetlbfs none /dev/hugepages; mkdir -p /run/netns;
		(setsid t0xd --workers 1 --buffers 8192 </dev/null >/tmp/t0xd.log 2>&1 &);
		for i in $(seq 60); do t0xctl cloud list >/dev/null 2>&1 && break; sleep 0.5; done; cat /tmp/t0xd.log; t0xctl cloud list'
}

clouds_take_their_devices() {
	local n
	for n in 1 2; do
		guest_run nic "t0xctl cloud create pc$n --location westeurope --port ${DEVICES[n - 1]} \
			--gateway 169.254.$n.1/30 --router 169.254.$n.2 --network-block 10.$n.0.0/22"
	done
	wait_for 30 are_connected
	guest_run nic 't0xctl port list; t0xctl cloud list'
}
are_connected() { [[ $(guest_run nic 't0xctl cloud list -o json' | jq -r '[.[].state] | unique | join(" ")') == Connected ]]; }

reaches() { ip netns exec "$(router_ns "$1")" ping -q -c "${3:-3}" -i 0.1 -W 2 "10.$2.0.2"; }

nothing_passes_without_an_interconnect() {
	ip netns exec "$(router_ns 1)" ping -q -c 2 -i 0.1 -W 2 169.254.1.1
	fails reaches 1 2
	fails reaches 2 1
}

an_interconnect_opens_the_way() {
	guest_run nic 't0xctl interconnect create pc1 pc2 --confirm-no-overlap'
	wait_for 10 reaches 1 2 1
	reaches 1 2 20
	reaches 2 1 20
	guest_run nic 't0xctl interconnect list; t0xctl port list'
}

a_false_source_is_dropped_and_counted() {
	ip -n "$(router_ns 1)" addr add 10.9.9.9/32 dev lo
	fails ip netns exec "$(router_ns 1)" ping -q -c 2 -i 0.2 -W 1 -I 10.9.9.9 10.2.0.2
	(($(guest_run nic 't0xctl stats -o json' | jq '[.drops[] | select(.reason == "spoofed_source").packets] | add // 0') >= 2))
}

a_delete_closes_the_way() {
	guest_run nic 't0xctl interconnect delete pc1 pc2 --yes'
	fails reaches 1 2
	fails reaches 2 1
}

machine() { # DRIVER MODEL KERNEL-ARGUMENTS [QEMU-ARGUMENT...]
	local driver=$1
	say "  $2, $driver"
	routers_make
	vm_start "${@:2}"
	promise t0xd_starts_in_the_machine "$driver"
	promise clouds_take_their_devices
	promise nothing_passes_without_an_interconnect
	promise an_interconnect_opens_the_way
	promise a_false_source_is_dropped_and_counted
	promise a_delete_closes_the_way
	guest_kill nic
	routers_remove
}

vm_begin
trap 'vm_end; routers_remove' EXIT
initramfs_make >&4 2>&4
machine vfio-pci e1000e intel_iommu=on -device intel-iommu,intremap=on,caching-mode=on
machine uio_pci_generic virtio-net-pci ''
promises_end
