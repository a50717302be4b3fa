# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# bench/lab check: what this host has, and lacks, to run t0x. Reads only. Sourced.
#
# One function an item. An item reads files below $CHECK_ROOT (empty: this host; tests: a made-up
# one) and says one line: ok, note (nobody needs it, or nobody can mend it) or LACKS, with the command
# that mends it. What is lacking is lacking for some of three uses:
#
#   lab     AF_XDP or af_packet ports on veths: bench/lab up, tests/run
#   virtio  ports towards virtual machines of this host: net_vhost, net_virtio_user
#   NIC     a network card that DPDK drives

CHECK_ROOT=${CHECK_ROOT:-}
CHECK_UID=${CHECK_UID:-$EUID}
CHECK_USES=(lab virtio NIC)
HUGE_MIB_WANTED=512 # as bench/lab reserves
declare -A MISSING=([lab]='' [virtio]='' [NIC]='')
UNSEEN=()

# shellcheck source=check_devices.sh
source "$TREE/bench/lib/check_devices.sh"

# What an item says.

found() { # ok|note NAME TEXT
	local colour=$GREEN
	[[ $1 == note ]] && colour=$DIM
	printf '  %s%-5s%s  %-14s  %s\n' "$colour" "$1" "$PLAIN" "$2" "$3"
}

advice() { printf '%25s%s%s%s\n' '' "$DIM" "$*" "$PLAIN"; }

# lacks "USE USE" NAME TEXT COMMAND: the command starts in the column of the text, to be copied.
lacks() {
	local use
	printf '  %s%-5s%s  %-14s  %s (for: %s)\n' "$RED" LACKS "$PLAIN" "$2" "$3" "${1// /, }"
	advice "$4"
	for use in $1; do
		MISSING[$use]+="${MISSING[$use]:+, }$2"
	done
}

# What an item reads. value FILE: its text in $VALUE, empty when it is not there.
value() {
	VALUE=
	[[ -e $CHECK_ROOT$1 ]] || return 0
	[[ -f $CHECK_ROOT$1 ]] && { VALUE=$(<"$CHECK_ROOT$1"); } 2>/dev/null || UNSEEN+=("$1")
}

has() { [[ -e $CHECK_ROOT$1 ]]; }
mounted() { awk -v type="$1" '$3 == type { found = 1 } END { exit !found }' "$CHECK_ROOT/proc/mounts"; }

# module NAME: loaded (or built in), available, absent.
module() {
	local file=${1//[_-]/[_-]} modules
	if has "/sys/module/${1//-/_}" || has "/sys/bus/pci/drivers/$1"; then
		echo loaded
		return
	fi
	value /proc/sys/kernel/osrelease
	modules=$CHECK_ROOT/lib/modules/$VALUE
	if grep -qs "/$file\.ko" "$modules/modules.builtin"; then
		echo loaded
	elif grep -qs "/$file\.ko[^ ]*:" "$modules/modules.dep"; then
		echo available
	else
		echo absent
	fi
}

kernel_argument() { # WORDS: how a kernel of Debian gets them at its next boot
	echo "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&$1 /' /etc/default/grub && update-grub && reboot"
}

kernel_of_debian="apt-get install linux-image-amd64 && reboot"

# Memory

# One line a size. Reserved counts: those in use may well be used by a t0xd.
check_hugepages() {
	local dir size reserved free sum=0 free_sum=0 lines=() line
	for dir in "$CHECK_ROOT"/sys/kernel/mm/hugepages/hugepages-*kB; do
		[[ -d $dir ]] || continue
		size=${dir##*hugepages-}
		size=$((${size%kB} / 1024))
		value "${dir#"$CHECK_ROOT"}/nr_hugepages" && reserved=${VALUE:-0}
		value "${dir#"$CHECK_ROOT"}/free_hugepages" && free=${VALUE:-0}
		sum=$((sum + reserved * size)) free_sum=$((free_sum + free * size))
		lines+=("$reserved of $size MiB reserved, $free free$(hugepages_by_node "${dir##*/}")")
	done
	if ((${#lines[@]} == 0)); then
		lacks "virtio NIC" hugepages "this kernel knows none" "$kernel_of_debian"
	elif ((sum < HUGE_MIB_WANTED)); then
		lacks "virtio NIC" hugepages "$sum MiB of $HUGE_MIB_WANTED; ${lines[*]}" \
			"echo $((HUGE_MIB_WANTED / 2)) > /proc/sys/vm/nr_hugepages"
	else
		for line in "${lines[@]}"; do
			found "$( ((free_sum)) && echo ok || echo note)" hugepages "$line"
		done
	fi
}

hugepages_by_node() { # hugepages-2048kB
	local node text=''
	for node in "$CHECK_ROOT"/sys/devices/system/node/node[0-9]*; do
		value "${node#"$CHECK_ROOT"}/hugepages/$1/nr_hugepages"
		text+=", node ${node##*node}: ${VALUE:-0}"
	done
	[[ -z $text ]] || echo " (${text#, })"
}

check_hugetlbfs() {
	if mounted hugetlbfs; then
		found ok hugetlbfs "on $(awk '$3 == "hugetlbfs" { print $2 }' "$CHECK_ROOT/proc/mounts" |
			paste -sd' ')"
	else
		lacks "virtio NIC" hugetlbfs "not mounted" \
			"mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"
	fi
}

# VFIO pins all memory of t0xd; CAP_IPC_LOCK is above the limit.
check_memlock() {
	local limit
	value /proc/self/limits
	limit=$(awk '/^Max locked memory/ { print $4 }' <<<"$VALUE")
	if [[ $limit == unlimited ]]; then
		found ok memlock unlimited
	elif ((CHECK_UID == 0)); then
		found ok memlock "$((limit / 1024)) KiB, which does not bind root"
	else
		found note memlock "${limit:-?} bytes for uid $CHECK_UID: too few for a t0xd that is not root"
		advice "LimitMEMLOCK=infinity in its unit, or: ulimit -l unlimited"
	fi
}

# CPU

# Debian builds DPDK for SSE 4.2: EAL ends at once without.
check_flags() {
	local flag present=() absent=()
	value /proc/cpuinfo
	VALUE=" $(grep -m 1 '^flags' <<<"$VALUE" || true) "
	for flag in ssse3 sse4_2 avx2 avx512f avx512bw avx512vl avx512vbmi; do
		if [[ $VALUE == *" $flag "* ]]; then present+=("$flag"); else absent+=("$flag"); fi
	done
	if [[ " ${absent[*]} " == *" sse4_2 "* || " ${absent[*]} " == *" ssse3 "* ]]; then
		lacks "lab virtio NIC" "CPU flags" "without ${absent[*]}" \
			"another CPU (in a virtual machine: -cpu host)"
	elif ((${#absent[@]})); then
		found ok "CPU flags" "${present[*]}; without ${absent[*]}"
	else
		found ok "CPU flags" "${present[*]}"
	fi
}

# The worker is on the last CPU unless --workers says otherwise.
check_cores() {
	local online last isolated tickless
	value /sys/devices/system/cpu/online && online=$VALUE
	value /sys/devices/system/cpu/isolated && isolated=$VALUE
	value /sys/devices/system/cpu/nohz_full && tickless=${VALUE/(null)/}
	last=${online##*[,-]}
	if [[ -n $isolated ]]; then
		found ok "isolated CPUs" "$isolated of $online, without tick: ${tickless:-none}"
	elif [[ $last == 0 ]]; then
		found note "isolated CPUs" "none to isolate: control thread and worker share the only CPU"
	else
		found note "isolated CPUs" "none of $online: the scheduler shares the worker's"
		advice "$(kernel_argument "isolcpus=managed_irq,domain,$last nohz_full=$last rcu_nocbs=$last")"
	fi
}

check_governor() {
	local file governors
	governors=$(for file in "$CHECK_ROOT"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
		[[ ! -r $file ]] || cat "$file"
	done | sort -u | paste -sd' ')
	case $governors in
	'') found note governor "no cpufreq: hypervisor or firmware decides" ;;
	performance) found ok governor performance ;;
	*)
		found note governor "$governors: the first packets after a pause wait for the clock"
		advice "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
		;;
	esac
}

check_smt() {
	local file siblings
	value /sys/devices/system/cpu/smt/active
	if [[ $VALUE != 1 ]]; then
		found ok SMT "off: every CPU is a core"
		return
	fi
	siblings=$(for file in "$CHECK_ROOT"/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list; do
		[[ ! -r $file ]] || cat "$file"
	done | sort -uV | paste -sd' ')
	found note SMT "on, siblings: ${siblings:-?}: leave a worker's sibling idle"
}

# Kernel

iommu_on() { compgen -G "$CHECK_ROOT/sys/kernel/iommu_groups/*" >/dev/null; }

noiommu_on() {
	value /sys/module/vfio/parameters/enable_unsafe_noiommu_mode
	[[ $VALUE == [Y1] ]]
}

# vfio-pci wherever it can work; it cannot without IOMMU.
driver_wanted() {
	if iommu_on || noiommu_on || [[ $(module uio_pci_generic) == absent ]]; then
		echo vfio-pci
	else
		echo uio_pci_generic
	fi
}

check_iommu() {
	local groups command
	groups=$(compgen -G "$CHECK_ROOT/sys/kernel/iommu_groups/*" | wc -l || true)
	value /proc/cmdline
	command=$(kernel_argument "intel_iommu=on iommu=pt")
	[[ " $VALUE " != *" intel_iommu=on "* ]] ||
		command="the kernel is told to use it: switch on VT-d in the firmware, or in the hypervisor"
	value /proc/cpuinfo
	[[ $VALUE != *AuthenticAMD* ]] ||
		command="switch on AMD-Vi (IOMMU) in the firmware, or in the hypervisor: the kernel uses it unasked"
	if ((groups)); then
		found ok IOMMU "on, $groups groups"
	elif noiommu_on; then
		found note IOMMU "off, VFIO told to do without: a card may write to all memory"
	elif [[ $(driver_wanted) == uio_pci_generic ]]; then
		found note IOMMU "off, uio_pci_generic does without: a card may write to all memory"
		advice "$command"
	else
		lacks NIC IOMMU off "$command"
	fi
}

check_driver() {
	local driver
	driver=$(driver_wanted)
	case $(module "$driver") in
	loaded) found ok "PCI driver" "$driver is loaded" ;;
	available) lacks NIC "PCI driver" "$driver is not loaded" "modprobe $driver" ;;
	absent) lacks NIC "PCI driver" "no vfio-pci, no uio_pci_generic in this kernel" "$kernel_of_debian" ;;
	esac
}

check_tun() {
	if has /dev/net/tun; then
		found ok tun "/dev/net/tun"
	elif [[ $(module tun) == loaded ]]; then
		lacks "lab virtio NIC" tun "no /dev/net/tun, which control netdevs need" \
			"mkdir -p /dev/net && mknod /dev/net/tun c 10 200"
	else
		lacks "lab virtio NIC" tun "no /dev/net/tun, which control netdevs need" "modprobe tun"
	fi
}

check_namespaces() {
	value /proc/sys/user/max_net_namespaces
	if ! has /proc/self/ns/net; then
		lacks "lab virtio NIC" namespaces "this kernel has no network namespaces" "$kernel_of_debian"
	elif [[ $VALUE == 0 ]]; then
		lacks "lab virtio NIC" namespaces "no network namespace may be made" \
			"sysctl -w user.max_net_namespaces=1024"
	else
		found ok namespaces "up to ${VALUE:-any number}"
	fi
}

# Without them the lab has af_packet ports. bpffs t0xd mounts itself, where it may.
check_xdp() {
	local lacking=()
	grep -qs '^XDP ' "$CHECK_ROOT/proc/net/protocols" || lacking+=("AF_XDP sockets")
	has /sys/kernel/btf/vmlinux || lacking+=(BTF)
	mounted bpf || lacking+=(bpffs)
	if ((${#lacking[@]} == 0)); then
		found ok XDP "AF_XDP sockets, BTF, bpffs"
		return
	fi
	found note XDP "without $(printf '%s, ' "${lacking[@]}" | sed 's/, $//'): no AF_XDP ports"
	if [[ ${lacking[*]} == bpffs ]]; then
		advice "mount -t bpf bpf /sys/fs/bpf"
	else
		advice "$kernel_of_debian"
	fi
}

check_group() {
	if grep -qs '^t0x:' "$CHECK_ROOT/etc/group"; then
		found ok "group t0x" "its members may talk to t0xd"
	else
		found note "group t0x" "none: only root may talk to t0xd (bench/lab up makes it for a while)"
		advice "groupadd --system t0x"
	fi
}

check_user() {
	if ((CHECK_UID != 0)); then
		found note user "uid $CHECK_UID sees no netdevs of other namespaces; t0xd and the lab want root"
	fi
	((${#UNSEEN[@]} == 0)) || found note "not readable" "$(printf '%s\n' "${UNSEEN[@]}" | sort -u | paste -sd' ')"
}

# check_host [USE...]: every item; 0 when nothing lacks for the uses named, or for all three.
check_host() {
	(($#)) || set -- "${CHECK_USES[@]}"
	step Memory
	check_hugepages
	check_hugetlbfs
	check_memlock
	step CPU
	check_flags
	check_cores
	check_governor
	check_smt
	step Devices
	check_ethernet
	check_device
	check_numa
	step Kernel
	check_iommu
	check_driver
	check_tun
	check_namespaces
	check_xdp
	check_group
	check_user
	verdict "$@"
}

# The last line: "ready for: lab, virtio; NIC lacks IOMMU, PCI driver".
verdict() {
	local use ready='' missing=''
	for use in "$@"; do
		if [[ -z ${MISSING[$use]} ]]; then
			ready+="${ready:+, }$use"
		else
			missing+="${missing:+; }$use lacks ${MISSING[$use]}"
		fi
	done
	step "${ready:+ready for: $ready}${ready:+${missing:+; }}$missing"
	[[ -z $missing ]]
}
