# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The Debian package, from the files of the tree as they are now. Sourced.

PACKAGE_DIR=$TREE/build/package

# Tracked files, and new ones that are not ignored. Without .git (a tarball): all but build.
package_sources() {
	if git -C "$TREE" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$TREE" ls-files -z -co --exclude-standard
	else
		(cd "$TREE" && find . -path ./build -prune -o -type f -print0)
	fi
}

# package_build: leaves build/package/t0x_VERSION_ARCH.deb.
package_build() {
	local dir=$PACKAGE_DIR/source
	rm -rf "$dir" "$PACKAGE_DIR"/*.deb "$PACKAGE_DIR"/t0x_*
	mkdir -p "$dir"
	package_sources | tar -C "$TREE" --null --ignore-failed-read -T - -c | tar -C "$dir" -x
	cp -r "$dir/control/debian" "$dir/debian"
	if ! (cd "$dir" && dpkg-buildpackage -us -uc -b) >"$PACKAGE_DIR/build.log" 2>&1; then
		tail -n 40 "$PACKAGE_DIR/build.log" >&2
		return 1
	fi
	rm -rf "$dir"
}

# package_find: its name in PACKAGE_FILE, if there is one.
package_find() {
	PACKAGE_FILE=$(find "$PACKAGE_DIR" -name 't0x_*.deb')
	[[ -f $PACKAGE_FILE ]]
}
