# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Build directories: build/release (lab and tests), build/asan, build/clang, build/coverage. Sourced.

# build_configure DIRECTORY MESON_OPTION...: set up, or change, or repair a build directory.
build_configure() {
	local dir=$1
	shift
	if [[ ! -f $dir/build.ninja ]]; then
		meson setup --wipe "$dir" "$TREE" "$@" || meson setup "$dir" "$TREE" "$@"
	elif ! [[ -f $dir/.options && $(<"$dir/.options") == "$*" ]]; then
		meson configure "$dir" "$@" || meson setup --wipe "$dir" "$TREE" "$@"
	fi >"$dir.log" 2>&1 || {
		cat "$dir.log" >&2
		die "meson setup failed in $dir"
	}
	printf '%s' "$*" >"$dir/.options"
}

# build_targets DIRECTORY [TARGET...]: all of them when none is named.
build_targets() {
	local dir=$1
	shift
	ninja -C "$dir" "$@" >"$dir.log" 2>&1 || {
		grep -v '^\[[0-9/]*\] ' "$dir.log" >&2
		die "build failed in $dir"
	}
}

# What the lab runs. Unit tests are left out unless tests/run has already asked for them.
build_lab() {
	[[ -z ${T0X_BUILD:-} ]] || return 0
	mkdir -p "$TREE/build"
	[[ -f $BUILD/build.ninja ]] || build_configure "$BUILD" --buildtype=release -Dtests=false
	build_targets "$BUILD" control/t0xd control/cli/t0xctl bench/t0x-traffic \
		bench/t0x-bench-guard
}

# What bench/run runs, the lab's included.
build_bench() {
	[[ -z ${T0X_BUILD:-} ]] || return 0
	build_lab
	build_targets "$BUILD" bench-programs
}

build_release_with_tests() {
	[[ -z ${T0X_BUILD:-} ]] || return 0
	mkdir -p "$TREE/build"
	build_configure "$BUILD" --buildtype=release -Dtests=true
	build_targets "$BUILD"
}
