# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Tests as promises. Sourced, by a script that has set LOG.
#
# A promise is a function named after what it promises; it holds when it ends without a failing
# command. It runs in a subshell with its commands traced to LOG (by fd 4, so that what a command
# says on stderr can be read alone); fd 3 is the terminal. A script may define promise_begin and
# promise_end, which run in that subshell before and after, and promise_broken, whose output goes
# to LOG.

PS4='+ ${EPOCHREALTIME} ${BASH_SOURCE[0]##*/}:${LINENO}: '
BROKEN=0
BROKEN_LINES=12 # of the log up to the command that failed, shown beside a failure

promise_log() {
	mkdir -p "$(dirname "$LOG")"
	: >"$LOG"
	exec 3>&1 4>>"$LOG"
	BASH_XTRACEFD=4
}

promise_begin() { :; }
promise_end() { :; }
promise_broken() { :; }

# What the log says of the last promise, up to its failure: not of the cleaning up after it. Of
# several commands that failed only the last ended it; it may have expected the others to.
failure() {
	awk '/^==== [^f]/ { text = failed = "" }
		{ text = text $0 "\n" }
		/^==== failed/ { failed = text }
		END { printf "%s", failed ? failed : text }' "$LOG"
}

# promise FUNCTION [ARGUMENT...]
promise() {
	local name=$1 began=$EPOCHREALTIME rc
	printf '\n==== %s\n' "$*" >>"$LOG"
	set +e
	(
		trap promise_end EXIT
		promise_begin
		trap 'printf "==== failed: %s:%s: %s\n" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND" >&4' ERR
		set -exE
		"$@"
	) >>"$LOG" 2>&1
	rc=$?
	set -e
	if ((rc == 0)); then
		printf '%sPASS%s %s (%s ms)\n' "$GREEN" "$PLAIN" "$name" "$(ms_between "$began" "$EPOCHREALTIME")"
		return
	fi
	BROKEN=$((BROKEN + 1))
	printf '%sFAIL%s %s (see %s)\n' "$RED" "$PLAIN" "$name" "${LOG#"$TREE"/}"
	failure | tail -n "$BROKEN_LINES" | cut -c1-200 | sed 's/^/       /'
	printf '==== FAIL %s: exit %s\n' "$name" "$rc" >>"$LOG"
	promise_broken >>"$LOG" 2>&1
}

# The last line of every script of promises.
promises_end() { exit "$((BROKEN > 0))"; }

# tell TEXT: a figure worth seeing on the terminal as well.
tell() { printf '       %s\n' "$*" >&3; }

# equal EXPECTED ACTUAL [WHAT]
equal() {
	[[ $1 == "$2" ]] && return
	echo "${3:-value}: expected '$1', got '$2'"
	return 1
}

# fails COMMAND...: `! command` does not stop a script, this does.
fails() {
	if "$@"; then
		echo "passed, but must not: $*"
		return 1
	fi
}
