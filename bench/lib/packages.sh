# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Debian packages (bookworm). A second run installs nothing and touches no network. Sourced.

# dpdk-dev depends on every poll mode driver as a shared library (librte-net-af-packet23 ...).
# nftables: no frame of a T0 port may reach the host's own stack, see topology.sh.
# shellcheck disable=SC2034
PACKAGES_LAB=(gcc clang-14 bpftool meson ninja-build pkg-config dpdk-dev libbpf-dev libevent-dev
	libjansson-dev libsqlite3-dev libmnl-dev libsystemd-dev iproute2 iputils-ping iputils-tracepath
	traceroute iperf3 ethtool procps nftables jq util-linux)
# Plots and tables; testpmd and l3fwd.
# shellcheck disable=SC2034
PACKAGES_BENCH=(gnuplot-nox bsdextrautils git dpdk dpdk-doc make)
# shellcheck disable=SC2034
PACKAGES_TEST=(libcmocka-dev sqlite3 tcpdump git dpdk lua5.3)
# shellcheck disable=SC2034
PACKAGES_LINT=(clang clang-tidy clang-format cppcheck shellcheck codespell mandoc
	bsdextrautils systemd)
# shellcheck disable=SC2034
PACKAGES_ASAN=(clang libclang-rt-14-dev)
# shellcheck disable=SC2034
PACKAGES_PACKAGE=(build-essential dpkg-dev debhelper meson ninja-build pkg-config clang-14 bpftool
	libbpf-dev libdpdk-dev libevent-dev libjansson-dev libmnl-dev libsqlite3-dev libsystemd-dev mmdebstrap
	systemd-container socat iproute2 git jq procps util-linux)
# shellcheck disable=SC2034
PACKAGES_COVERAGE=(gcovr)
# shellcheck disable=SC2034
PACKAGES_VM=(qemu-system-x86 busybox-static cpio kmod socat dpdk pciutils python3 iproute2
	iputils-ping jq)

packages_missing() {
	local known
	known=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
	for package in "$@"; do
		grep -qx "$package installed" <<<"$known" || printf '%s\n' "$package"
	done
}

packages_install() {
	local missing log
	mapfile -t missing < <(packages_missing "$@")
	((${#missing[@]})) || return 0
	need_root
	say "installing ${missing[*]}"
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	if ! { apt-get -q update && apt-get -q -y install --no-install-recommends "${missing[@]}"; } \
		>"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		rm -f "$log"
		die "could not install ${missing[*]}"
	fi
	rm -f "$log"
}
