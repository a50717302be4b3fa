#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Debian package, as an operator meets it: built, installed in a clean bookworm, run by hand
# and by systemd, upgraded, removed, purged.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=build.sh
source "$TREE/tests/package/build.sh"
# shellcheck source=root.sh
source "$TREE/tests/package/root.sh"

# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"

LOG=$PACKAGE_DIR/package.log

need_root
promise_log
trap root_remove EXIT

# says TEXT COMMAND...
says() { grep -F -- "$1" <<<"$("${@:2}")"; }

# Compiling and fetching wait for different things: both at once.
package_and_root() {
	local package root broken=0
	(package_build) &
	package=$!
	(root_base) &
	root=$!
	wait "$package" || broken=1
	wait "$root" || broken=1
	return "$broken"
}

it_installs_with_its_dependencies() {
	local install=(apt-get -q -y --no-install-recommends install /root/package.deb)
	inside_online "${install[@]}" || {
		inside_online apt-get -q update # the lists of the last run are too old
		inside_online "${install[@]}"
	}
	equal "ii " "$(inside dpkg-query -W -f '${db:Status-Abbrev}' t0x)"
}

both_programs_say_the_version_of_the_package() {
	local version
	version=$(inside dpkg-query -W -f '${Version}' t0x)
	equal "t0xd $version" "$(inside t0xd --version)"
	equal "t0xctl $version" "$(inside t0xctl --version)"
}

files_are_where_they_belong() {
	local file
	for file in /usr/sbin/t0xd /usr/bin/t0xctl /lib/systemd/system/t0xd.service \
		/lib/systemd/system/t0x-netns.service /usr/lib/sysusers.d/t0x.conf \
		/usr/lib/tmpfiles.d/t0x.conf /etc/default/t0xd /usr/share/man/man8/t0xd.8.gz \
		/usr/share/man/man1/t0xctl.1.gz /usr/share/man/man5/t0x-region.5.gz \
		/usr/share/bash-completion/completions/t0xctl /usr/share/doc/t0x/copyright; do
		inside test -f "$file"
		equal "t0x: $file" "$(inside dpkg -S "$file")"
	done
	inside grep -qx 'ExecStart=/usr/sbin/t0xd $T0XD_ARGS' /lib/systemd/system/t0xd.service
}

user_group_and_state_directory_are_there() {
	inside getent group t0x
	equal t0x "$(inside id -gn t0x)"
	equal "root root 700" "$(inside stat -c '%U %G %a' /var/lib/t0x)"
}

man_pages_can_be_read() {
	says '--workers CPULIST' inside man -P cat t0xd
	says 'interconnect create CLOUD PEER' inside man -P cat t0xctl
	says 'network_block' inside man -P cat t0x-region
}

# An installation starts nothing: it takes hugepages and CPUs that somebody must set aside.
installing_starts_and_enables_nothing() {
	! inside test -e /run/t0x || return 1
	! inside test -e /etc/systemd/system/multi-user.target.wants/t0xd.service || return 1
}

listen_for_notifications() {
	# The host's socat, which ends with the root; the path of a socket may have no more than 107
	# characters.
	# shellcheck disable=SC2016
	nsenter -t "$HELD" -m -p bash -c 'cd "$1/run" &&
		exec socat -u UNIX-RECV:notify OPEN:notified,creat,append' - "$ROOT" </dev/null 3>&- 4>&- &
	wait_for 5 inside test -S /run/notify
}

# With default paths, which are its own here, and as a service manager would start it.
t0xd_tells_when_it_is_ready() {
	listen_for_notifications
	# shellcheck disable=SC2016
	inside sh -c 'NOTIFY_SOCKET=/run/notify t0xd -- --no-huge >/run/t0xd.log 2>&1 </dev/null &
		echo $! >/run/t0xd.pid; wait $!; echo $? >/run/t0xd.status' &
	wait_for 20 inside grep -q READY=1 /run/notified || {
		inside cat /run/t0xd.log
		return 1
	}
	equal '[]' "$(inside t0xctl cloud list -o json | jq -c .)"
}

the_socket_admits_the_group() {
	equal "root root 755" "$(inside stat -c '%U %G %a' /run/t0x)"
	equal "root t0x 660" "$(inside stat -c '%U %G %a' /run/t0x/t0x.sock)"
	inside setpriv --reuid 12345 --regid 12345 --groups t0x t0xctl cloud list
	equal unreachable "$(inside setpriv --reuid 12345 --regid 12345 --clear-groups \
		t0xctl cloud list -o json 2>&1 | jq -r .code)"
}

# attach N DEVARGS: as cloud pcN.
attach() {
	inside t0xctl cloud create "pc$1" --location westeurope --port "$2" \
		--gateway "169.254.$1.1/30" --router "169.254.$1.2" --network-block "10.$1.0.0/22"
}

# All of them: a port that is attached has a MAC address.
ports_are_attached() {
	equal 6 "$(inside t0xctl cloud list -o json | jq '[.[] | select(.mac)] | length')"
}

drivers_that_come_along_take_ports() {
	inside ip link add t0x-a type veth peer name t0x-b
	inside ip link set t0x-a up
	inside ip link set t0x-b up
	attach 1 net_null0
	attach 2 net_tap0
	attach 3 net_ring0
	attach 4 net_af_packet0,iface=t0x-a
	attach 5 net_vhost0,iface=/run/t0x/vm.sock
	attach 6 net_memif0,role=server,socket=/run/t0x/memif.sock,socket-abstract=no
	ports_are_attached
	inside t0xctl segment create pc1 web --gateway-address 172.16.1.1/24
	inside t0xctl interconnect create pc1 pc2 --name link --confirm-no-overlap
}

# completed WORD...: what is offered for the last word.
completed() {
	# shellcheck disable=SC2016
	inside bash -ec 'source /usr/share/bash-completion/completions/t0xctl
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_t0xctl t0xctl "${COMP_WORDS[COMP_CWORD]}" "" || true
		echo "${COMPREPLY[*]}"' - "$@" 2>&1
}

completion_offers_what_there_is() {
	equal "segment stats" "$(completed t0xctl s)"
	equal "create list show set delete" "$(completed t0xctl cloud '')"
	equal "--ttl" "$(completed t0xctl explain --t)"
	equal "table json" "$(completed t0xctl -o '')"
	equal "reader contributor" "$(completed t0xctl grant create uid:1 pc1 '')"
	equal "pc1 pc2 pc3 pc4 pc5 pc6" "$(completed t0xctl cloud show '')"
	equal "pc4" "$(completed t0xctl route list pc4)"
	equal "web" "$(completed t0xctl segment delete pc1 '')"
	equal "link" "$(completed t0xctl interconnect show pc2 '')"
	equal "list set" "$(completed t0xctl worker '')"
	equal "0" "$(completed t0xctl worker set any-port 0 '')"
	equal "" "$(completed t0xctl cloud create '')"
}

t0xd_ends_when_told() {
	inside sh -c 'kill "$(cat /run/t0xd.pid)"'
	wait_for 10 inside test -s /run/t0xd.status
	equal 0 "$(inside cat /run/t0xd.status)"
	inside grep -q STOPPING=1 /run/notified
}

completion_is_silent_without_t0xd() { equal "" "$(completed t0xctl cloud show '')"; }

main_pid() { inside systemctl show -p MainPID --value t0xd; }

systemd_runs_t0xd_confined() {
	local status
	inside sh -c "echo 'T0XD_ARGS=\"-- --no-huge\"' >/etc/default/t0xd"
	inside systemctl enable --now t0xd || {
		inside journalctl -n 40 --no-pager
		return 1
	}
	ports_are_attached
	status=$(inside cat "/proc/$(main_pid)/status")
	# CHOWN 0, NET_ADMIN 12, NET_RAW 13, IPC_LOCK 14, SYS_ADMIN 21
	grep -q '^CapBnd:.*0000000000207001$' <<<"$status"
	grep -q '^NoNewPrivs:.*1$' <<<"$status"
	grep -q '^Seccomp:.*2$' <<<"$status"
	! inside nsenter -t "$(main_pid)" -m touch /usr/t0x-was-here || return 1
}

# Confined, it has mounts of its own; the namespace of the control netdevs is not among them.
the_control_namespace_is_seen_on_the_host() {
	says t0x-control inside ip netns list
	says 169.254.1.1/30 inside ip -n t0x-control -4 address show
}

systemd_starts_it_again() {
	local before
	before=$(main_pid)
	inside sh -c "kill -9 $before"
	wait_for 20 ports_are_attached
	[[ $(main_pid) != "$before" ]]
}

an_upgrade_restarts_it_and_keeps_the_region() {
	local before
	before=$(main_pid)
	inside dpkg --force-confold -i /root/package.deb
	wait_for 20 ports_are_attached
	[[ $(main_pid) != "$before" ]]
}

a_wrong_command_line_is_not_tried_again() {
	inside sh -c 'echo T0XD_ARGS=--bogus >/etc/default/t0xd'
	inside systemctl restart t0xd && return 1
	equal failed "$(inside systemctl is-failed t0xd)"
	inside sh -c "echo 'T0XD_ARGS=\"-- --no-huge\"' >/etc/default/t0xd"
	inside systemctl start t0xd
	ports_are_attached
}

removing_stops_it_and_keeps_the_region() {
	inside apt-get -q -y remove t0x
	! inside test -e /proc/"$PID_BEFORE"/exe || return 1
	! inside test -e /usr/sbin/t0xd || return 1
	! inside test -e /run/t0x || return 1
	! inside test -e /run/netns/t0x-control || return 1
	inside test -s /var/lib/t0x/t0x.db
	inside test -f /etc/default/t0xd
}

# User and group stay, as Debian has it; man keeps the pages that it showed.
purging_leaves_nothing() {
	inside apt-get -q -y purge t0x
	equal "" "$(inside find / /run -xdev -path /var/cache/man -prune -o -name '*t0x*' -print)"
}

step "Debian package"
promise package_and_root
package_find && [[ -s $ROOT_BASE ]] || exit 1
root_unpack
cp "$PACKAGE_FILE" "$ROOT/root/package.deb"

root_hold
promise it_installs_with_its_dependencies
promise both_programs_say_the_version_of_the_package
promise files_are_where_they_belong
promise user_group_and_state_directory_are_there
promise installing_starts_and_enables_nothing
promise man_pages_can_be_read
promise t0xd_tells_when_it_is_ready
promise the_socket_admits_the_group
promise drivers_that_come_along_take_ports
promise completion_offers_what_there_is
promise t0xd_ends_when_told
promise completion_is_silent_without_t0xd
root_release

step "Debian package, under systemd"
root_boot || {
	cat "$PACKAGE_DIR/boot.log"
	die "systemd does not boot in a container here"
}
inside ip link add t0x-a type veth peer name t0x-b
promise systemd_runs_t0xd_confined
promise the_control_namespace_is_seen_on_the_host
promise systemd_starts_it_again
promise an_upgrade_restarts_it_and_keeps_the_region
promise a_wrong_command_line_is_not_tried_again
PID_BEFORE=$(main_pid)
promise removing_stops_it_and_keeps_the_region
promise purging_leaves_nothing
exit $((BROKEN > 0))
