#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/lab check against made-up hosts: what each item says where all is well and where it is not.
# Needs no root.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export CHECK_ROOT=$WORK/host CHECK_UID=0 NO_COLOR=1
BROKEN=0

# The made-up host.

put() { # FILE [TEXT]
	mkdir -p "$CHECK_ROOT${1%/*}"
	printf '%s\n' "${2:-}" >"$CHECK_ROOT$1"
}
gone() { rm -rf "${CHECK_ROOT:?}$1"; }

# pci ADDRESS DRIVER|- NODE [NETDEV]
pci() {
	local dir=/sys/bus/pci/devices/$1
	put "$dir/class" 0x020000
	put "$dir/vendor" 0x8086
	put "$dir/device" 0x1572
	put "$dir/numa_node" "$3"
	[[ $2 == - ]] || ln -s "../../drivers/$2" "$CHECK_ROOT$dir/driver"
	[[ -z ${4:-} ]] || mkdir -p "$CHECK_ROOT$dir/net/$4" "$CHECK_ROOT/sys/class/net/$4"
}

# A server that wants nothing: two nodes, a card with vfio-pci and one that the host lives on.
host() {
	put /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 1024
	put /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 1000
	put /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages 1024
	put /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages 0
	put /proc/mounts $'none /dev/hugepages hugetlbfs rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0'
	put /proc/self/limits "Max locked memory         unlimited            unlimited            bytes"
	put /proc/cpuinfo $'vendor_id\t: GenuineIntel\nflags\t\t: fpu ssse3 sse4_2 avx2'
	put /proc/cmdline "root=/dev/sda1 quiet"
	put /sys/devices/system/cpu/online 0-7
	put /sys/devices/system/cpu/isolated 6-7
	put /sys/devices/system/cpu/nohz_full 6-7
	put /sys/devices/system/cpu/smt/active 0
	put /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor performance
	put /sys/kernel/iommu_groups/0/type
	put /sys/module/vfio_pci/version
	put /proc/sys/kernel/osrelease 6.1.0-test
	put /dev/net/tun
	put /proc/self/ns/net
	put /proc/sys/user/max_net_namespaces 1000
	put /proc/net/protocols "XDP       1088      0"
	put /sys/kernel/btf/vmlinux
	put /etc/group "t0x:x:990:"
	pci 0000:01:00.0 ixgbe 0 eth0
	put /addr-eth0 "2: eth0    inet 192.0.2.1/24"
	pci 0000:02:00.0 vfio-pci 0
}

# `ip` knows only the addresses and routes of the made-up host.
mkdir "$WORK/bin"
cat >"$WORK/bin/ip" <<-'EOT'
	#!/bin/bash
	[[ $1 == -o ]] && shift
	cat "$CHECK_ROOT/$1-$4" 2>/dev/null
	exit 0
EOT
chmod +x "$WORK/bin/ip"
PATH=$WORK/bin:$PATH

host
mv "$CHECK_ROOT" "$WORK/template"

# What is asked of it.

# says STATUS NAME TEXT ITEM...: that line, with that text in it.
says() {
	local status=$1 name=$2 text=$3
	shift 3
	OUTPUT=$(items "$@")
	grep -E "^  $status +$name( |$)" <<<"$OUTPUT" | grep -qF -- "$text" && return
	printf 'expected: %s %s ... %s\ngot:\n%s\n' "$status" "$name" "$text" "$OUTPUT"
	return 1
}

# mended COMMAND: the last output has a line that is this command.
mended() {
	grep -qxF -- "$(printf '%25s%s' '' "$1")" <<<"$OUTPUT" && return
	printf 'expected the command: %s\ngot:\n%s\n' "$1" "$OUTPUT"
	return 1
}

says_nothing_of() {
	OUTPUT=$(items "${@:2}")
	! grep -qE "^  [a-zA-Z]+ +$1( |$)" <<<"$OUTPUT" || { echo "$OUTPUT" && return 1; }
}

items() {
	(
		# shellcheck source=../../bench/lib/check.sh
		source "$TREE/bench/lib/check.sh"
		for item in "$@"; do
			"$item"
		done
	)
}

promise() {
	local out rc
	rm -rf "$CHECK_ROOT"
	cp -a "$WORK/template" "$CHECK_ROOT"
	set +e
	out=$(
		set -e
		"$1" 2>&1
	)
	rc=$?
	set -e
	if ((rc == 0)); then
		say "${GREEN}PASS$PLAIN check: $1"
		return
	fi
	BROKEN=1
	say "${RED}FAIL$PLAIN check: $1"
	say "       ${out//$'\n'/$'\n'       }"
}

# ends_with STATUS TEXT [USE...]
ends_with() {
	local out rc=0
	out=$("$TREE/bench/lab" check "${@:3}") || rc=$?
	[[ $rc == "$1" && $(tail -n 1 <<<"$out") == "$2" ]] && return
	printf 'expected status %s and "%s"\ngot %s and\n%s\n' "$1" "$2" "$rc" "$out"
	return 1
}

# Memory

hugepages_are_told_by_size_and_node() {
	put /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages 2
	put /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages 1
	says ok hugepages "1024 of 2 MiB reserved, 1000 free (node 0: 1024, node 1: 0)" check_hugepages
	says ok hugepages "2 of 1024 MiB reserved, 1 free" check_hugepages
}

too_few_hugepages_lack_for_virtio_and_nic() {
	put /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 255
	says LACKS hugepages "510 MiB of 512" check_hugepages
	grep -qF "(for: virtio, NIC)" <<<"$OUTPUT"
	mended "echo 256 > /proc/sys/vm/nr_hugepages"
	put /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 256
	says ok hugepages "256 of 2 MiB" check_hugepages
}

hugepages_all_in_use_are_noted() {
	put /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 0
	says note hugepages "0 free" check_hugepages
}

a_kernel_without_hugepages_lacks_them() {
	gone /sys/kernel/mm
	says LACKS hugepages "this kernel knows none" check_hugepages
	mended "apt-get install linux-image-amd64 && reboot"
}

hugetlbfs_is_mounted_or_lacks() {
	says ok hugetlbfs "on /dev/hugepages" check_hugetlbfs
	put /proc/mounts "proc /proc proc rw 0 0"
	says LACKS hugetlbfs "not mounted" check_hugetlbfs
	mended "mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"
}

memlock_binds_only_who_is_not_root() {
	says ok memlock unlimited check_memlock
	put /proc/self/limits "Max locked memory         8388608              8388608              bytes"
	says ok memlock "8192 KiB, which does not bind root" check_memlock
	CHECK_UID=1000 says note memlock "8388608 bytes for uid 1000" check_memlock
}

# CPU

cpu_without_sse42_lacks_for_everything() {
	says ok "CPU flags" "ssse3 sse4_2 avx2; without avx512f" check_flags
	put /proc/cpuinfo "flags : fpu ssse3"
	says LACKS "CPU flags" "without sse4_2" check_flags
	grep -qF "(for: lab, virtio, NIC)" <<<"$OUTPUT"
	put /proc/cpuinfo "processor : 0"
	says LACKS "CPU flags" "without ssse3 sse4_2" check_flags
}

isolated_cpus_are_told_or_advised() {
	says ok "isolated CPUs" "6-7 of 0-7, without tick: 6-7" check_cores
	put /sys/devices/system/cpu/isolated ""
	says note "isolated CPUs" "none of 0-7" check_cores
	mended "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=managed_irq,domain,7 nohz_full=7 rcu_nocbs=7 /'$(
		) /etc/default/grub && update-grub && reboot"
	put /sys/devices/system/cpu/online 0
	says note "isolated CPUs" "the only CPU" check_cores
}

governor_is_performance_or_noted() {
	says ok governor performance check_governor
	put /sys/devices/system/cpu/cpu1/cpufreq/scaling_governor powersave
	says note governor "performance powersave" check_governor
	mended "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
	gone /sys/devices/system/cpu/cpu0/cpufreq
	gone /sys/devices/system/cpu/cpu1/cpufreq
	says note governor "no cpufreq" check_governor
}

siblings_are_told() {
	says ok SMT off check_smt
	put /sys/devices/system/cpu/smt/active 1
	put /sys/devices/system/cpu/cpu0/topology/thread_siblings_list 0,4
	put /sys/devices/system/cpu/cpu4/topology/thread_siblings_list 0,4
	says note SMT "siblings: 0,4:" check_smt
}

# Devices

a_card_of_the_host_is_never_offered() {
	gone /sys/bus/pci/devices/0000:02:00.0
	says note 0000:01:00.0 "ixgbe, eth0, node 0: the host lives on it (addresses), never bind it" check_ethernet
	gone /addr-eth0
	put /route-eth0 "default via 192.0.2.254"
	says note 0000:01:00.0 "(routes)" check_ethernet
	gone /route-eth0
	mkdir "$CHECK_ROOT/sys/class/net/eth0/upper_br0"
	says note 0000:01:00.0 "(upper_br0)" check_ethernet
	says LACKS "NIC for t0x" "none but those the host lives on" check_ethernet check_device
	mended "one more card, or virtual function"
}

an_idle_card_is_offered_with_the_command_that_binds_it() {
	gone /sys/bus/pci/devices/0000:02:00.0
	pci 0000:03:00.0 i40e 0 eth1
	says ok 0000:03:00.0 "i40e, eth1, node 0: idle" check_ethernet
	says LACKS "NIC for t0x" "none is bound, 1 idle" check_ethernet check_device
	mended "echo vfio-pci > /sys/bus/pci/devices/0000:03:00.0/driver_override; echo 0000:03:00.0 >$(
		) /sys/bus/pci/devices/0000:03:00.0/driver/unbind; echo 0000:03:00.0 > /sys/bus/pci/drivers_probe"
}

a_bound_card_is_ready() {
	says ok 0000:02:00.0 "vfio-pci, node 0: DPDK's" check_ethernet
	says ok "NIC for t0x" "--port 0000:02:00.0" check_ethernet check_device
}

mellanox_is_ready_with_its_kernel_driver() {
	gone /sys/bus/pci/devices/0000:02:00.0
	pci 0000:03:00.0 mlx5_core 0 eth1
	says ok "NIC for t0x" "--port 0000:03:00.0" check_ethernet check_device
}

a_card_whose_netdev_is_elsewhere_is_not_offered() {
	gone /sys/bus/pci/devices/0000:02:00.0
	pci 0000:03:00.0 i40e 0
	says note 0000:03:00.0 "another namespace" check_ethernet
	says LACKS "NIC for t0x" "none but" check_ethernet check_device
}

virtio_net_of_any_class_is_ethernet() {
	pci 0000:04:00.0 virtio-pci -1
	put /sys/bus/pci/devices/0000:04:00.0/class 0xffff00
	says_nothing_of 0000:04:00.0 check_ethernet
	put /sys/bus/pci/devices/0000:04:00.0/vendor 0x1af4
	put /sys/bus/pci/devices/0000:04:00.0/device 0x1041
	mkdir -p "$CHECK_ROOT/sys/bus/pci/devices/0000:04:00.0/virtio0/net/eth4"
	says ok 0000:04:00.0 "virtio-pci, eth4, node -: idle" check_ethernet
}

a_card_far_from_the_hugepages_is_noted() {
	says_nothing_of NUMA check_ethernet check_numa
	put /sys/bus/pci/devices/0000:02:00.0/numa_node 1
	says note NUMA "0000:02:00.0 is on node 1, which has no hugepages" check_ethernet check_numa
	mended "echo 256 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
}

# Kernel

iommu_is_on_or_lacks_for_nic() {
	says ok IOMMU "on, 1 groups" check_iommu
	gone /sys/kernel/iommu_groups
	says LACKS IOMMU "off (for: NIC)" check_iommu
	mended "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on iommu=pt /' /etc/default/grub &&$(
		) update-grub && reboot"
	put /proc/cmdline "quiet intel_iommu=on"
	says LACKS IOMMU off check_iommu
	grep -qF "VT-d in the firmware" <<<"$OUTPUT"
	put /proc/cpuinfo "vendor_id : AuthenticAMD"
	says LACKS IOMMU off check_iommu
	grep -qF "AMD-Vi" <<<"$OUTPUT"
}

without_iommu_the_ways_around_it_are_noted_as_unsafe() {
	gone /sys/kernel/iommu_groups
	put /sys/module/vfio/parameters/enable_unsafe_noiommu_mode Y
	says note IOMMU "may write to all memory" check_iommu
	says ok "PCI driver" "vfio-pci is loaded" check_driver
	gone /sys/module/vfio
	put /lib/modules/6.1.0-test/modules.dep "kernel/drivers/uio/uio_pci_generic.ko: kernel/drivers/uio/uio.ko"
	says note IOMMU "uio_pci_generic does without" check_iommu
	says LACKS "PCI driver" "uio_pci_generic is not loaded" check_driver
	mended "modprobe uio_pci_generic"
}

pci_driver_is_loaded_built_in_available_or_absent() {
	says ok "PCI driver" "vfio-pci is loaded" check_driver
	gone /sys/module/vfio_pci
	says LACKS "PCI driver" "no vfio-pci, no uio_pci_generic in this kernel" check_driver
	mended "apt-get install linux-image-amd64 && reboot"
	put /lib/modules/6.1.0-test/modules.dep "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/a.ko"
	says LACKS "PCI driver" "vfio-pci is not loaded" check_driver
	mended "modprobe vfio-pci"
	put /lib/modules/6.1.0-test/modules.builtin "kernel/drivers/vfio/pci/vfio-pci.ko"
	says ok "PCI driver" "vfio-pci is loaded" check_driver
}

tun_is_there_or_lacks() {
	says ok tun /dev/net/tun check_tun
	gone /dev/net
	says LACKS tun "no /dev/net/tun" check_tun
	mended "modprobe tun"
	put /sys/module/tun/version
	says LACKS tun "no /dev/net/tun" check_tun
	mended "mkdir -p /dev/net && mknod /dev/net/tun c 10 200"
}

namespaces_may_be_made_or_lack() {
	says ok namespaces "up to 1000" check_namespaces
	put /proc/sys/user/max_net_namespaces 0
	says LACKS namespaces "no network namespace may be made" check_namespaces
	mended "sysctl -w user.max_net_namespaces=1024"
	gone /proc/self/ns
	says LACKS namespaces "this kernel has no network namespaces" check_namespaces
}

xdp_is_told_and_never_lacks() {
	says ok XDP "AF_XDP sockets, BTF, bpffs" check_xdp
	put /proc/mounts "proc /proc proc rw 0 0"
	says note XDP "without bpffs: no AF_XDP ports" check_xdp
	mended "mount -t bpf bpf /sys/fs/bpf"
	gone /sys/kernel/btf
	gone /proc/net/protocols
	says note XDP "without AF_XDP sockets, BTF, bpffs:" check_xdp
}

the_group_is_there_or_noted() {
	says ok "group t0x" "may talk to t0xd" check_group
	put /etc/group "root:x:0:"
	says note "group t0x" "only root" check_group
	mended "groupadd --system t0x"
}

who_is_not_root_is_told_what_he_cannot_see() {
	says_nothing_of user check_user
	CHECK_UID=1000 says note user "uid 1000 sees no netdevs of other namespaces" check_user
}

# A directory can be read by nobody as a file, root included.
what_cannot_be_read_is_told() {
	gone /proc/cmdline
	mkdir "$CHECK_ROOT/proc/cmdline"
	says note "not readable" /proc/cmdline check_iommu check_user
}

# The whole

a_host_that_has_all_is_ready_for_all() { ends_with 0 "ready for: lab, virtio, NIC"; }

what_lacks_is_said_for_each_use() {
	put /proc/mounts "bpf /sys/fs/bpf bpf rw 0 0"
	gone /sys/kernel/iommu_groups
	ends_with 1 "ready for: lab; virtio lacks hugetlbfs; NIC lacks hugetlbfs, IOMMU"
	ends_with 0 "ready for: lab" lab
	ends_with 1 "virtio lacks hugetlbfs" virtio
}

an_unknown_use_is_refused() {
	if "$TREE/bench/lab" check disk >/dev/null 2>&1; then return 1; fi
}

the_host_is_as_before() {
	local before after
	before=$(find "$CHECK_ROOT" -printf '%p %T@ %s %m\n' | sort)
	"$TREE/bench/lab" check >/dev/null
	after=$(find "$CHECK_ROOT" -printf '%p %T@ %s %m\n' | sort)
	[[ $before == "$after" ]]
}

promise hugepages_are_told_by_size_and_node
promise too_few_hugepages_lack_for_virtio_and_nic
promise hugepages_all_in_use_are_noted
promise a_kernel_without_hugepages_lacks_them
promise hugetlbfs_is_mounted_or_lacks
promise memlock_binds_only_who_is_not_root
promise cpu_without_sse42_lacks_for_everything
promise isolated_cpus_are_told_or_advised
promise governor_is_performance_or_noted
promise siblings_are_told
promise a_card_of_the_host_is_never_offered
promise an_idle_card_is_offered_with_the_command_that_binds_it
promise a_bound_card_is_ready
promise mellanox_is_ready_with_its_kernel_driver
promise a_card_whose_netdev_is_elsewhere_is_not_offered
promise virtio_net_of_any_class_is_ethernet
promise a_card_far_from_the_hugepages_is_noted
promise iommu_is_on_or_lacks_for_nic
promise without_iommu_the_ways_around_it_are_noted_as_unsafe
promise pci_driver_is_loaded_built_in_available_or_absent
promise tun_is_there_or_lacks
promise namespaces_may_be_made_or_lack
promise xdp_is_told_and_never_lacks
promise the_group_is_there_or_noted
promise who_is_not_root_is_told_what_he_cannot_see
promise what_cannot_be_read_is_told
promise a_host_that_has_all_is_ready_for_all
promise what_lacks_is_said_for_each_use
promise an_unknown_use_is_refused
promise the_host_is_as_before
exit "$BROKEN"
