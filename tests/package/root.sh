# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A clean Debian to install the package in: a root directory, held by a process in namespaces of
# its own, so that its mounts, netdevs and daemons end with that process. Sourced.

ROOT_BASE=$PACKAGE_DIR/root.tar     # as mmdebstrap leaves it, for the next run
ROOT_ARCHIVES=$PACKAGE_DIR/archives # what apt has fetched, likewise
HELD=                               # the process that holds the root: its first
HOLDER=                             # its parent, a job of ours

# The suites of Debian itself that this host installs from, as lines of sources.list.
root_mirrors() {
	apt-get indextargets --format \
		'$(CREATED_BY) $(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' |
		sed -n 's/^Packages Debian bookworm[^ ]* //p' | sort -u
}

# root_base: leaves $ROOT_BASE, and the package lists in it.
root_base() {
	local mirrors http_proxy=${http_proxy:-} options=(--variant=minbase --format=tar
		"--include=man-db,systemd-sysv" --skip=cleanup/apt/lists --dpkgopt=force-unsafe-io
		--aptopt='APT::Sandbox::User "root"')
	[[ ! -s $ROOT_BASE ]] || return 0
	rm -rf "$ROOT_ARCHIVES"
	mirrors=$(root_mirrors)
	if [[ -z $mirrors ]]; then
		apt-get -q update >/dev/null
		mirrors=$(root_mirrors)
	fi
	eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
	[[ -z $http_proxy ]] || options+=(--aptopt="Acquire::http::Proxy \"$http_proxy\"")
	mmdebstrap "${options[@]}" bookworm "$ROOT_BASE.new" - <<<"$mirrors" \
		>"$PACKAGE_DIR/base.log" 2>&1 || {
		tail -n 20 "$PACKAGE_DIR/base.log" >&2
		return 1
	}
	mv "$ROOT_BASE.new" "$ROOT_BASE"
}

root_unpack() {
	ROOT=$(mktemp -d "$PACKAGE_DIR/root.XXXXXX")
	chmod 0755 "$ROOT"
	tar -C "$ROOT" -xf "$ROOT_BASE"
	cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
	mkdir -p "$ROOT_ARCHIVES/partial"
}

# In the root, and in the network namespace that goes with it; with the host's network.
inside() { nsenter -t "$HELD" -m -p -n -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }
inside_online() {
	nsenter -t "$HELD" -m -p -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# root_hold: without a service manager.
root_hold() {
	# shellcheck disable=SC2016
	unshare --mount --net --pid --fork --kill-child --propagation private bash -ec '
		mount -t proc proc "$1/proc"
		mount -t sysfs sysfs "$1/sys"
		mount --rbind /dev "$1/dev"
		mount -t tmpfs -o mode=0755 tmpfs "$1/run"
		mount --bind "$2" "$1/var/cache/apt/archives"
		ip link set lo up
		exec chroot "$1" sleep infinity' - "$ROOT" "$ROOT_ARCHIVES" 2>"$PACKAGE_DIR/hold.log" &
	HOLDER=$!
	wait_for 10 pgrep -P "$HOLDER" -x sleep
	HELD=$(pgrep -P "$HOLDER" -x sleep)
}

# root_boot: with systemd as its first process. Returns 1 where a container cannot have it.
root_boot() {
	SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes systemd-nspawn --quiet --boot --directory "$ROOT" \
		--machine "${ROOT##*/}" --register=no --keep-unit --private-network --capability=all \
		--system-call-filter='@mount bpf' --bind=/dev/net/tun \
		</dev/null >"$PACKAGE_DIR/boot.log" 2>&1 &
	HOLDER=$!
	wait_for 10 pgrep -P "$HOLDER" -x systemd || return 1
	HELD=$(pgrep -P "$HOLDER" -x systemd)
	wait_for 30 inside systemctl is-active --quiet multi-user.target || return 1
	# nspawn shows a part of /sys only, and DPDK looks for /sys/module.
	inside sh -ec 'mkdir /run/cgroup
		mount --rbind /sys/fs/cgroup /run/cgroup
		mount -t sysfs sysfs /sys
		mount --rbind /run/cgroup /sys/fs/cgroup'
}

# root_release: ends what holds the root, and with it all that runs there.
root_release() {
	[[ -n $HOLDER ]] || return 0
	[[ -z $HELD ]] || kill -KILL "$HELD" 2>/dev/null || true
	kill "$HOLDER" 2>/dev/null || true
	wait "$HOLDER" 2>/dev/null || true
	HELD='' HOLDER=''
}

root_remove() {
	root_release
	[[ -z ${ROOT:-} ]] || rm -rf --one-file-system "$ROOT" "/run/systemd/nspawn/propagate/${ROOT##*/}"
	rm -rf "$PACKAGE_DIR"/root.??????
}
