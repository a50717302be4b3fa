# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Three private clouds out of network namespaces. Sourced.
#
#   initial namespace        t0x-pcN (T0 router)                       t0x-pcN-vm (workload VM)
#   t0x-pcN-t0 ============= t0  169.254.N.2/30
#   (T0 port of t0x;         lo  10.N.0.2/32 (management host)
#    gateway 169.254.N.1)    vm  172.16.N.1/24, 192.168.100.1/24 ===== eth0  172.16.N.10/24
#                                                                            192.168.100.10/24
#
# and the same in IPv6: gateway fd00:N:ffff::1, t0 fd00:N:ffff::2/126, lo fd00:N:1::2, vm
# fd00:N:2::1/64 and fd00:100::1/64, eth0 fd00:N:2::10 and fd00:100::10.
#
# PORTS says by which driver t0xd has the host ends.
#
# af_xdp: t0xd puts its guard on the netdev, an XDP program that leaves the kernel nothing but what
# the kernel is to answer for the gateway; t0xd sets the gateway address itself.
#
# af_packet: a DPDK port of this type is a tap on its netdev: the kernel sees every frame as well. So
# the host ends carry no address, no ARP, no IPv6, no forwarding and strict reverse path filtering
# (nothing routes back there, so every IPv4 source is refused), and an nftables ingress hook drops
# what arrives, behind the tap: a broadcast from 0.0.0.0 passes every reverse path filter.

CLOUDS=(1 2 3)
PORTS=af_packet # or af_xdp
NFT_TABLE=t0x_lab

t0_ns() { echo "t0x-pc$1"; }
vm_ns() { echo "t0x-pc$1-vm"; }
host_end() { echo "t0x-pc$1-t0"; }
ns_exists() { [[ -e /run/netns/$1 ]]; }

# The ring holds a second and more of a 1,000 packets/s stream while t0xd is busy elsewhere.
# framecnt is a multiple of blocksz / framesz, as the kernel's packet ring demands.
port_devargs() {
	if [[ $PORTS == af_xdp ]]; then
		echo "net_af_xdp$1,iface=$(host_end "$1")"
		return
	fi
	echo "net_af_packet$1,iface=$(host_end "$1"),qdisc_bypass=1,blocksz=65536,framesz=2048,framecnt=4096"
}

# No half-filled checksums and no super-frames reach af_packet.
offloads_off() {
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off sg off >/dev/null 2>&1 ||
		die "cannot switch off the offloads of $2 in $1"
}

ns_create() {
	ip netns add "$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 2>/dev/null
	# Per namespace only in newer kernels.
	in_ns "$1" sysctl -qw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000 \
		2>/dev/null || true
	ip -n "$1" link set lo up
}

# IPv6 on what is yet to be made in the namespace: nothing learned, every address usable at once.
ns_ipv6() {
	local conf
	for conf in all default; do
		in_ns "$1" sysctl -qw "net.ipv6.conf.$conf.accept_ra=0" \
			"net.ipv6.conf.$conf.router_solicitations=0" "net.ipv6.conf.$conf.accept_dad=0" \
			"net.ipv6.conf.$conf.disable_ipv6=0"
	done
	in_ns "$1" sysctl -qw net.ipv6.icmp.ratelimit=0
}

# The kernel is quiet on a host end before t0xd has it, and where it stays t0xd's alone.
host_end_quiet() {
	local port=$1 conf=/proc/sys/net/ipv4/conf/$1
	echo 1 >"/proc/sys/net/ipv6/conf/$port/disable_ipv6" 2>/dev/null || true
	echo 0 >"$conf/forwarding"
	if [[ $PORTS == af_xdp ]]; then
		ip link set "$port" addrgenmode none 2>/dev/null || true
		ethtool -K "$port" tx off tso off gso off gro off >/dev/null 2>&1 || true
		ip link set "$port" up
		return
	fi
	echo 1 >"$conf/rp_filter"
	ip link set "$port" arp off addrgenmode none 2>/dev/null || ip link set "$port" arp off
	ethtool -K "$port" tx off tso off gso off gro off >/dev/null 2>&1 || true
	nft -f - <<-EOT || die "nftables refuses an ingress hook on $port"
		table netdev $NFT_TABLE {
			chain $port {
				type filter hook ingress device "$port" priority -500; policy drop;
			}
		}
	EOT
	ip link set "$port" up
}

# trunk_link N: a link for clouds on VLANs, and the namespace at its far end.
trunk_link() {
	local t0 port
	t0=$(t0_ns "$1") port=$(host_end "$1")
	ns_create "$t0"
	ip link add "$port" mtu 1500 type veth peer name t0 mtu 1500 netns "$t0"
	host_end_quiet "$port"
	offloads_off "$t0" t0
	t0_up "$t0"
}

# A veth takes redirected frames when the far end has NAPI, which comes with GRO, and says so to the
# near end when that is switched on while it is up.
t0_up() { # NAMESPACE
	ip -n "$1" link set t0 up
	[[ $PORTS != af_xdp ]] || in_ns "$1" ethtool -K t0 gro on
}

# cloud_create N: the namespaces and links of one cloud. N may be any number up to 254.
topology_cloud_create() {
	local n=$1 t0 vm port
	t0=$(t0_ns "$n") vm=$(vm_ns "$n") port=$(host_end "$n")
	ns_create "$t0"
	ns_create "$vm"
	ns_ipv6 "$t0"
	ns_ipv6 "$vm"
	ip link add "$port" address "$(printf '02:54:30:00:%02x:01' "$n")" mtu 1500 type veth \
		peer name t0 address "$(printf '02:54:30:00:%02x:02' "$n")" mtu 1500 netns "$t0"
	host_end_quiet "$port"
	ip -n "$t0" link add vm mtu 1500 type veth peer name eth0 mtu 1500 netns "$vm"
	offloads_off "$t0" t0
	offloads_off "$t0" vm
	offloads_off "$vm" eth0

	ip -n "$t0" addr add "169.254.$n.2/30" dev t0
	ip -n "$t0" addr add "10.$n.0.2/32" dev lo
	ip -n "$t0" addr add "172.16.$n.1/24" dev vm
	ip -n "$t0" addr add 192.168.100.1/24 dev vm
	ip -n "$t0" addr add "fd00:$n:ffff::2/126" dev t0
	ip -n "$t0" addr add "fd00:$n:1::2/128" dev lo
	ip -n "$t0" addr add "fd00:$n:2::1/64" dev vm
	ip -n "$t0" addr add fd00:100::1/64 dev vm
	t0_up "$t0"
	ip -n "$t0" link set vm up
	# What the router itself sends comes from its management address; its ICMP errors from the
	# link they are about, as routers do.
	ip -n "$t0" route add default via "169.254.$n.1" src "10.$n.0.2"
	# Its ICMPv6 errors have the source of their route: without one, the address of the transit
	# network, as its own packets have, which t0x lets nowhere.
	ip -n "$t0" route add default via "fd00:$n:ffff::1" dev t0
	in_ns "$t0" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_errors_use_inbound_ifaddr=1 \
		net.ipv6.conf.all.forwarding=1

	ip -n "$vm" addr add "172.16.$n.10/24" dev eth0
	ip -n "$vm" addr add 192.168.100.10/24 dev eth0
	ip -n "$vm" addr add "fd00:$n:2::10/64" dev eth0
	ip -n "$vm" addr add fd00:100::10/64 dev eth0
	ip -n "$vm" link set eth0 up
	ip -n "$vm" route add default via "172.16.$n.1" src "172.16.$n.10"
	ip -n "$vm" route add default via "fd00:$n:2::1" src "fd00:$n:2::10"
}

ns_remove() {
	local pids
	ns_exists "$1" || return 0
	pids=$(ip netns pids "$1" 2>/dev/null || true)
	# shellcheck disable=SC2086 # a list of process ids
	[[ -z $pids ]] || kill -9 $pids 2>/dev/null || true
	ip netns del "$1"
}

topology_cloud_remove() {
	local n=$1
	# The link first: a namespace goes later than its name.
	ip link del "$(host_end "$n")" 2>/dev/null || true
	nft delete chain netdev "$NFT_TABLE" "$(host_end "$n")" 2>/dev/null || true
	ns_remove "$(vm_ns "$n")"
	ns_remove "$(t0_ns "$n")"
}

topology_create() {
	for n in "${CLOUDS[@]}"; do
		topology_cloud_create "$n"
	done
}

# Whatever an earlier or half-done lab left, extra clouds of tests included.
topology_remove() {
	local name
	for name in /run/netns/t0x-pc*; do
		[[ $name =~ /t0x-pc([0-9]+)$ ]] && topology_cloud_remove "${BASH_REMATCH[1]}"
	done
	for name in $(ip -o link show | grep -o 't0x-pc[0-9]*-t0'); do
		[[ $name =~ ^t0x-pc([0-9]+)-t0$ ]] && topology_cloud_remove "${BASH_REMATCH[1]}"
	done
	for name in /run/netns/t0x-pc*-vm; do
		[[ $name =~ /(t0x-pc[0-9]+-vm)$ ]] && ns_remove "${BASH_REMATCH[1]}"
	done
	nft delete table netdev "$NFT_TABLE" 2>/dev/null || true
	rm -rf /sys/fs/bpf/t0x # the guard's maps, and its programs with the links to them
	ns_remove t0x-control # t0xd's own namespace of TAPs; the daemon has ended by now
}
