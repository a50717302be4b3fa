#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every check that reads the source without running it. Each prints PASS or FAIL and its findings.
set -euo pipefail

# shellcheck source=../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/lib/common.sh"
cd "$TREE"
WRONG=0

# Files of the source: tracked, or new and not ignored; existing. Without .git (a tarball): all.
sources() { # PATHSPEC...
	git ls-files -co --exclude-standard -- "$@" 2>/dev/null | sort -u | while read -r file; do
		[[ ! -f $file ]] || printf '%s\n' "$file"
	done
}

check() { # NAME COMMAND...
	local name=$1 findings began=$EPOCHREALTIME
	shift
	if findings=$("$@" 2>&1); then
		say "${GREEN}PASS$PLAIN $name ($(ms_between "$began" "$EPOCHREALTIME") ms)"
	else
		WRONG=$((WRONG + 1))
		say "${RED}FAIL$PLAIN $name"
		head -n 60 <<<"$findings" | sed 's/^/       /'
	fi
}

format() { clang-format --dry-run -Werror "${C[@]}" "${H[@]}"; }

# Only files that the release build compiles: the checks need their flags. Unit tests are left to
# the other checks: half of the time for a fortieth of the use.
tidy() {
	local files rc=0
	mapfile -t files < <(jq -r '.[].file' "$BUILD/compile_commands.json" | sort -u |
		sed "s|^\.\./\.\./||; s|^$TREE/||" | grep -v '^tests/' |
		grep -Fx -f <(printf '%s\n' "${C[@]}"))
	((${#files[@]})) || { say "nothing in $BUILD/compile_commands.json" && return 1; }
	printf '%s\0' "${files[@]}" |
		xargs -0 -n 2 -P "$(nproc)" clang-tidy --quiet -p "$BUILD" 2>/dev/null || rc=1
	return "$rc"
}

# missingIncludeSystem: cppcheck reads no system header, by design. unusedFunction is per program.
check_cpp() {
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --std=c11 -D_GNU_SOURCE '-DT0X_VERSION="0"' -I . \
		--include=tests/data/cppcheck.h \
		-j "$(nproc)" "${C[@]}"
}

check_shell() {
	printf '%s\0' "${SHELL_FILES[@]}" | xargs -0 -n 4 -P "$(nproc)" shellcheck
}

# codespell.ignore: ND is neighbour discovery.
check_spelling() {
	sources | grep -v '^LICENSE$' | xargs -d '\n' codespell --ignore-words tests/data/codespell.ignore
}

check_man() { mandoc -T lint -W warning "${MAN[@]}"; }

# What --help says stands on the man pages, word for word: each command with all its options.
check_man_complete() {
	local page noun usage missing=0
	page=$(mandoc -T ascii -O width=1000 control/man/t0xctl.1 | col -b | sed 's/^ *//')
	for noun in $("$T0XCTL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | uniq); do
		while read -r usage; do
			grep -qFx -- "$usage" <<<"$page" ||
				{ say "not on t0xctl(1): $usage" && missing=1; }
		done < <("$T0XCTL" "$noun" --help | sed -n 's/^\(usage: \|       \)\(t0xctl \)/\2/p')
	done
	page=$(mandoc -T ascii -O width=1000 control/man/t0xd.8 | col -b)
	while read -r usage; do
		grep -qF -- "$usage" <<<"$page" || { say "not on t0xd(8): $usage" && missing=1; }
	done < <("$T0XD" --help | grep -oE '^  --[a-z-]+ [A-Z]+')
	return "$missing"
}

# What a module logs can be set only if log.c knows it.
check_log_modules() {
	local known unknown
	known=$(sed -n '/^static struct module modules/,/^};/p' control/log.c | grep -o '"[a-z]*"')
	unknown=$(sed -n 's/^#define LOG_MODULE //p' "${C[@]}" | sort -u | grep -vxF "$known") || true
	[[ -z $unknown ]] || { say "not in control/log.c: $unknown" && return 1; }
}

# As they are installed: systemd-analyze looks whether what a unit starts is there.
check_units() {
	local root units findings
	root=$(mktemp -d)
	DESTDIR=$root meson install -C "$BUILD" --no-rebuild --quiet
	units=$root/usr/local/lib/systemd/system
	sed -i "s|^ExecStart=/|ExecStart=$root/|" "$units/t0xd.service"
	findings=$(systemd-analyze verify --man=no "$units"/*.service 2>&1 | grep "$units") || true
	rm -rf "$root"
	[[ -z $findings ]] || { say "$findings" && return 1; }
}

# The first line, or the second after #!, of everything that can hold a comment.
check_spdx() {
	local file missing=0
	while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' ||
			{ say "$file" && missing=1; }
	done < <(printf '%s\n' "${C[@]}" "${H[@]}" "${SHELL_FILES[@]}" "${MAN[@]}" &&
		sources '*meson.build' control/service)
	return "$missing"
}

check_whitespace() { ! sources | xargs -d '\n' grep -nIE '[[:blank:]]+$'; }

mapfile -t C < <(sources '*.c')
mapfile -t H < <(sources '*.h')
mapfile -t SHELL_FILES < <({
	sources '*.sh'
	sources control/completion
	sources | xargs -d '\n' grep -lE '^#!/bin/(ba)?sh' 2>/dev/null
} | sort -u)

mapfile -t MAN < <(sources control/man)

if (($#)); then
	"$@" # one of the functions above, its findings as they are
	exit
fi
check clang-format format
check clang-tidy tidy
check cppcheck check_cpp
check shellcheck check_shell
check codespell check_spelling
check "man pages" check_man
check "man pages against --help" check_man_complete
check "log modules" check_log_modules
check "systemd units" check_units
check "SPDX lines" check_spdx
check "trailing blanks" check_whitespace
exit $((WRONG > 0))
