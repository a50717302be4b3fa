# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# bench/lab check: the Ethernet devices on PCI, and which of them t0x may have. Sourced by check.sh.

USABLE=() # t0x can open them as they are
IDLE=()   # it could be given them

# By class, or by name where a hypervisor gives virtio another class.
is_ethernet() {
	local class vendor
	value "/sys/bus/pci/devices/$1/class" && class=$VALUE
	value "/sys/bus/pci/devices/$1/vendor" && vendor=$VALUE
	value "/sys/bus/pci/devices/$1/device"
	[[ $class == 0x0200* || $vendor$VALUE == 0x1af40x1000 || $vendor$VALUE == 0x1af40x1041 ]]
}

netdevs_of() { # PCI ADDRESS
	local dir
	for dir in "$CHECK_ROOT/sys/bus/pci/devices/$1"/{net,virtio*/net}/*; do
		[[ ! -d $dir ]] || echo "${dir##*/}"
	done
}

# Addresses but those that every netdev has of itself, routes, a bridge or bond, VLANs.
lives_on() { # NETDEV
	local upper
	[[ -z $(ip -o addr show dev "$1" scope global 2>/dev/null) ]] || { echo addresses && return; }
	[[ -z $(ip route show dev "$1" 2>/dev/null) ]] || { echo routes && return; }
	for upper in "$CHECK_ROOT/sys/class/net/$1"/{master,upper_*}; do
		[[ ! -e $upper && ! -L $upper ]] || { echo "${upper##*/}" && return; }
	done
	return 1
}

# One line for each Ethernet device: driver, netdev, NUMA node, and whose it is.
check_ethernet() {
	local dir device driver netdev node
	for dir in "$CHECK_ROOT"/sys/bus/pci/devices/*; do
		device=${dir##*/}
		is_ethernet "$device" || continue
		driver=$(readlink "$dir/driver" || true)
		driver=${driver##*/}
		netdev=$(netdevs_of "$device" | head -n 1)
		value "/sys/bus/pci/devices/$device/numa_node" && node=${VALUE:--1}
		ethernet_line "$device" "${driver:-no driver}" "$netdev" "$node"
	done
}

ethernet_line() { # DEVICE DRIVER NETDEV NODE
	local what="$2${3:+, $3}, node ${4/#-1/-}" reason
	if [[ $2 == vfio-pci || $2 == uio_pci_generic || $2 == igb_uio ]]; then
		found ok "$1" "$what: DPDK's"
		USABLE+=("$1")
	elif [[ -n $3 ]] && reason=$(lives_on "$3"); then
		found note "$1" "$what: the host lives on it ($reason), never bind it"
	elif [[ -z $3 && $2 != "no driver" ]]; then
		found note "$1" "$what: its netdev is in another namespace, or it has none"
	elif [[ $2 == mlx[45]_core ]]; then
		found ok "$1" "$what: idle, DPDK shares it with its kernel driver"
		USABLE+=("$1")
	else
		found ok "$1" "$what: idle"
		IDLE+=("$1")
	fi
}

check_device() {
	if ((${#USABLE[@]})); then
		found ok "NIC for t0x" "--port ${USABLE[*]}"
	elif ((${#IDLE[@]})); then
		lacks NIC "NIC for t0x" "none is bound, ${#IDLE[@]} idle" "$(bind_command "${IDLE[0]}")"
	else
		lacks NIC "NIC for t0x" "none but those the host lives on" "one more card, or virtual function"
	fi
}

bind_command() {
	local at=/sys/bus/pci/devices/$1 unbind=''
	[[ ! -L $CHECK_ROOT$at/driver ]] || unbind="echo $1 > $at/driver/unbind; "
	echo "echo $(driver_wanted) > $at/driver_override; ${unbind}echo $1 > /sys/bus/pci/drivers_probe"
}

# Memory of another node costs a worker half of its packets.
check_numa() {
	local device node dir
	for device in "${USABLE[@]}" "${IDLE[@]}"; do
		value "/sys/bus/pci/devices/$device/numa_node" && node=$VALUE
		dir=/sys/devices/system/node/node$node/hugepages/hugepages-2048kB
		if ! has "$dir"; then continue; fi
		value "$dir/nr_hugepages"
		if ((VALUE)); then continue; fi
		found note NUMA "$device is on node $node, which has no hugepages"
		advice "echo $((HUGE_MIB_WANTED / 2)) > $dir/nr_hugepages"
	done
}
