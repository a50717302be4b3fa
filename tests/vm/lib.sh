# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Virtual machines without KVM: QEMU's TCG, Debian's cloud kernel, an initramfs of busybox. Sourced.
#
# Each machine has a shell on its serial console, which is a Unix socket on the host.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"

LOG=$TREE/build/test-logs/vm-$(basename "$0" .sh).log
CACHE=$TREE/build/vm # kernel and what was made of it; kept
VM=$(mktemp -d /tmp/t0x-vm.XXXXXX)
declare -A GUEST_PID=()

vm_end() {
	local pid
	set +e
	for pid in "${GUEST_PID[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	[[ -z ${T0XD_PID:-} ]] || kill -9 "$T0XD_PID" 2>/dev/null
	wait 2>/dev/null
	ip netns del "$(control_namespace)" 2>/dev/null
	rm -rf "$VM"
}

# The namespace of the control netdevs of a t0xd whose state is not the default one.
control_namespace() {
	local path=$VM/state hash=2166136261 i
	for ((i = 0; i < ${#path}; i++)); do
		hash=$(((hash ^ $(printf '%d' "'${path:i:1}")) * 16777619 & 0xffffffff))
	done
	printf 't0x-%08x-control\n' "$hash"
}

# The kernel, taken out of Debian's package without installing it. Sets KERNEL.
kernel_prepare() {
	local package
	if [[ ! -e $CACHE/vmlinuz ]]; then
		mkdir -p "$CACHE/package"
		apt-get -q update >/dev/null
		package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
		(cd "$CACHE/package" && apt-get -q download "$package" && dpkg-deb -x "$package"_*.deb .)
		depmod -b "$CACHE/package" "${package#linux-image-}"
		echo "${package#linux-image-}" >"$CACHE/version"
		mv "$CACHE/package/boot/vmlinuz-${package#linux-image-}" "$CACHE/vmlinuz"
	fi
	KERNEL=$(<"$CACHE/version")
}

# root_make DIRECTORY MODULE...: busybox, kernel modules in the order of their loading, and init.
root_make() {
	local root=$1 module
	shift
	mkdir -p "$root"/{bin,dev,etc,mod,proc,run,sys,tmp,var,usr/lib,usr/lib64}
	ln -s ../run "$root/var/run"
	ln -s usr/lib usr/lib64 "$root/" # one file, whichever way a library is called
	cp /bin/busybox "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	for module in "$@"; do
		modprobe -d "$CACHE/package" -S "$KERNEL" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$root/mod/paths"
	while read -r module; do
		cp "$module" "$root/mod/"
		echo "${module##*/}"
	done <"$root/mod/paths" >"$root/mod/order"
	cat >"$root/init" <<-'EOT'
		#!/bin/sh
		/bin/busybox --install -s /bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		mkdir -p /dev/pts /dev/hugepages /dev/net
		mount -t devpts devpts /dev/pts
		while read -r module; do insmod "/mod/$module"; done </mod/order
		ip link set lo up
		export PS1= PATH=/bin:/sbin:/usr/bin:/usr/sbin
		while :; do setsid -c sh -c 'stty -echo; exec sh' </dev/ttyS0 >/dev/ttyS0 2>&1; done
	EOT
	chmod +x "$root/init"
}

# root_add DIRECTORY FILE...: programs and libraries where they are here, with all that they need.
root_add() {
	local root=$1 file
	shift
	for file in "$@" $(ldd "$@" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' | sort -u); do
		[[ -e $root$file ]] || install -D "$(realpath "$file")" "$root$file"
	done
}

root_pack() { # DIRECTORY FILE
	(cd "$1" && find . | cpio -o -H newc --quiet) >"$2"
}

# guest_start NAME INITRAMFS MEMORY KERNEL-ARGUMENTS QEMU-ARGUMENT...
guest_start() {
	local name=$1 initramfs=$2 memory=$3 arguments=$4
	shift 4
	rm -f "$VM/$name.console"
	qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -m "$memory" -nodefaults -no-user-config \
		-display none -no-reboot -kernel "$CACHE/vmlinuz" -initrd "$initramfs" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/init $arguments" \
		-chardev "socket,id=console,path=$VM/$name.console,server=on,wait=off" -serial chardev:console \
		"$@" </dev/null >"$VM/$name.log" 2>&1 3>&- 4>&- &
	GUEST_PID[$name]=$!
}

guest_kill() {
	kill -9 "${GUEST_PID[$1]}"
	wait "${GUEST_PID[$1]}" 2>/dev/null || true
	unset "GUEST_PID[$1]"
}

# guest_run NAME COMMAND...: what it prints, and its exit status; 1 when no answer came in time.
guest_run() {
	local name=$1 mark=$RANDOM$RANDOM line status='' console
	shift
	coproc CONSOLE { exec socat - "UNIX-CONNECT:$VM/$name.console" 2>/dev/null; }
	console=$CONSOLE_PID
	{ printf '%s; echo "END"-%s-$?\n' "$*" "$mark" >&"${CONSOLE[1]}"; } 2>/dev/null || true
	while IFS= read -r -t "${GUEST_SECONDS:-60}" line <&"${CONSOLE[0]}"; do
		line=${line%$'\r'}
		[[ $line == *END-$mark-* ]] && status=${line##*-} && break
		printf '%s\n' "$line"
	done
	kill -9 "$console" 2>/dev/null || true # socat may hang in its handler of SIGTERM
	wait "$console" 2>/dev/null || true
	return "${status:-1}"
}

guest_answers() { [[ -S $VM/$1.console ]] && GUEST_SECONDS=1 guest_run "$1" true; }
guest_ready() { wait_for 90 guest_answers "$1"; }

vm_begin() {
	need_root
	promise_log
	trap vm_end EXIT
	kernel_prepare >&4 2>&4
}
