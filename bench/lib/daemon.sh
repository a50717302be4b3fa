# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The lab's t0xd: default socket, default state directory, no service manager. Sourced.

STATE_DIR=/var/lib/t0x
STATE_MARK=$STATE_DIR/made-by-bench-lab # without it the directory is not ours to remove
SOCKET=/run/t0x/t0x.sock
DAEMON_LOG=/var/log/t0xd.log

# By which driver the lab that is up has its ports, for topology.sh.
# shellcheck disable=SC2034
[[ ! -e $LAB_RUN/ports ]] || PORTS=$(<"$LAB_RUN/ports")

# Every t0xd on the default socket in this network namespace: the one that we started, or one that
# somebody restarted from its bare command line. A t0xd with a socket of its own is not the lab's.
daemon_pids() {
	local pid dir exe
	for pid in $(pgrep -x t0xd); do
		dir=/proc/$pid
		exe=$(readlink "$dir/exe" 2>/dev/null) || continue
		[[ ${exe% (deleted)} == "$T0XD" ]] || daemon_stand_in "$dir" || continue
		[[ $(readlink "$dir/ns/net") == "$(readlink /proc/self/ns/net)" ]] || continue
		tr '\0' '\n' <"$dir/cmdline" 2>/dev/null | daemon_socket_is_default || continue
		echo "$pid"
	done
}

# Under T0X_BUILD the daemon may be a script.
daemon_stand_in() {
	[[ -n ${T0X_BUILD:-} ]] && tr '\0' '\n' <"$1/cmdline" 2>/dev/null | grep -qxF "$T0XD"
}

daemon_socket_is_default() {
	awk -v wanted="$SOCKET" '
		$0 == "--" { exit }
		previous == "--socket" && $0 != wanted { other = 1 }
		/^--socket=/ && $0 != "--socket=" wanted { other = 1 }
		{ previous = $0 }
		END { exit other }'
}

daemon_running() { [[ -n $(daemon_pids) ]]; }
daemon_ready() { ctl worker list; } # an answer that is short whatever the region is

# daemon_start [T0XD ARGUMENT...]: without arguments, as the lab starts it. Returns when it answers.
daemon_start() {
	local args=("$@")
	if ((!$#)) && [[ -s $LAB_RUN/daemon-arguments ]]; then
		mapfile -t args <"$LAB_RUN/daemon-arguments"
	fi
	setsid "$T0XD" "${args[@]}" </dev/null >>"$DAEMON_LOG" 2>&1 3>&- 4>&- 9>&- & # of tests, and the lock
	DAEMON_PID=$!
	disown
	echo "$DAEMON_PID" >"$LAB_RUN/pid"
	wait_for 30 daemon_ready_or_gone || true
	daemon_ready >/dev/null 2>&1 && return
	tail -n 20 "$DAEMON_LOG" >&2
	say "t0xd is not ready; its log is $DAEMON_LOG" >&2
	return 1
}

daemon_ready_or_gone() { daemon_ready || ! kill -0 "$DAEMON_PID"; }

daemon_stop() {
	local pid
	for pid in $(daemon_pids); do
		kill "$pid" 2>/dev/null || continue
		wait_gone "$pid" 10 || {
			note "t0xd ($pid) did not end on SIGTERM within 10 s: killed"
			kill -9 "$pid" 2>/dev/null || true
			wait_gone "$pid" 30 || true
		}
	done
	rm -f "$LAB_RUN/pid"
}

daemon_kill() {
	local pid
	for pid in $(daemon_pids); do
		kill -9 "$pid" 2>/dev/null || true
		wait_gone "$pid" 30 || true
	done
}

# An empty region, without touching a state directory that is not the lab's.
state_check() {
	[[ ! -d $STATE_DIR || -e $STATE_MARK || -z $(ls -A "$STATE_DIR") ]] ||
		die "$STATE_DIR holds the state of a t0x that is not this lab's: move it away first"
}

state_create() {
	state_remove
	mkdir -p "$STATE_DIR"
	chmod 0700 "$STATE_DIR"
	touch "$STATE_MARK"
}

state_remove() {
	[[ ! -e $STATE_MARK ]] || rm -rf "$STATE_DIR"
}

# The group whose members may talk to t0xd; a package would create it.
group_create() {
	getent group t0x >/dev/null && return
	groupadd --system t0x
	touch "$LAB_RUN/group-created"
}

group_remove() {
	[[ -e $LAB_RUN/group-created ]] || return 0
	groupdel t0x 2>/dev/null || true
	rm -f "$LAB_RUN/group-created"
}
