# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Up and down, shared by bench/lab and the lab tests. Sourced.

for part in packages build hugepages topology daemon; do
	# shellcheck disable=SC1090
	source "$TREE/bench/lib/$part.sh"
done

lab_lock() {
	exec 9>/run/t0x-lab.lock
	flock -n 9 || {
		note "another bench/lab is at work: waiting for it"
		flock -w 300 9 || die "another bench/lab has been at work for 5 minutes"
	}
}

# lab_up PORTS: af_xdp, af_packet, or auto: AF_XDP where that works.
lab_up() {
	local ports=$1
	need_root
	packages_install "${PACKAGES_LAB[@]}"
	build_lab
	state_check
	mkdir -p "$LAB_RUN"
	if [[ $ports == auto ]]; then
		ports=af_xdp
		af_xdp_works || {
			note "no AF_XDP ports behind the guard here ($(af_xdp_obstacle)): af_packet instead"
			ports=af_packet
		}
	fi
	lab_make "$ports"
}

# Whether t0xd takes an AF_XDP port, seen by giving it one; the log says what is in the way.
af_xdp_works() {
	local rc=0
	(CLOUDS=(1) && lab_make af_xdp) >"$LAB_RUN/af_xdp" 2>&1 || rc=1
	daemon_stop
	return "$rc"
}

ports_text() {
	if [[ $PORTS == af_xdp ]]; then
		echo "AF_XDP ports behind the guard"
	else
		echo "af_packet ports"
	fi
}

af_xdp_obstacle() { tail -n 1 "$LAB_RUN/af_xdp"; }

lab_make() {
	PORTS=$1
	echo "$PORTS" >"$LAB_RUN/ports"
	daemon_stop
	topology_remove
	state_create
	group_create
	: >"$LAB_RUN/daemon-arguments"
	[[ $PORTS != af_xdp ]] || printf '%s\n' --guard required >>"$LAB_RUN/daemon-arguments"
	hugepages_reserve || {
		note "no hugepages to be had here: t0xd runs with --no-huge"
		printf '%s\n' -- --no-huge >>"$LAB_RUN/daemon-arguments"
	}
	topology_create
	: >"$DAEMON_LOG"
	daemon_start
	commands_link
	for n in "${CLOUDS[@]}"; do
		cloud_register "$n"
	done
	for n in "${CLOUDS[@]}"; do
		wait_for 20 cloud_is_connected "pc$n" ||
			die "pc$n is not Connected: $(ctl cloud show "pc$n" -o json)"
	done
}

# t0xctl and t0xd by their bare names for as long as the lab is up, unless the name is taken.
commands_link() {
	local command link
	for command in "$T0XCTL" "$T0XD"; do
		link=/usr/local/bin/${command##*/}
		[[ ! -e $link && ! -L $link ]] || continue
		ln -s "$command" "$link"
		echo "$link" >>"$LAB_RUN/links"
	done
}

commands_unlink() {
	local link
	[[ -e $LAB_RUN/links ]] || return 0
	while read -r link; do
		[[ ! -L $link ]] || rm -f "$link"
	done <"$LAB_RUN/links"
}

cloud_create() {
	ctl cloud create "pc$1" --location westeurope --port "$(port_devargs "$1")" \
		--gateway "169.254.$1.1/30" --router "169.254.$1.2" --network-block "10.$1.0.0/22" \
		--gateway "fd00:$1:ffff::1/126" --router "fd00:$1:ffff::2" \
		--network-block "fd00:$1:1::/64" >/dev/null
}

cloud_register() {
	cloud_create "$1"
	ctl segment create "pc$1" workload --gateway-address "172.16.$1.1/24" \
		--gateway-address "fd00:$1:2::1/64" >/dev/null
	ctl segment create "pc$1" private --gateway-address 192.168.100.1/24 \
		--gateway-address fd00:100::1/64 --not-routed >/dev/null
}

cloud_is_connected() { [[ $(ctl cloud show "$1" -o json | jq -r .state) == Connected ]]; }

lab_down() {
	need_root
	daemon_stop
	topology_remove
	state_remove
	[[ ! -d $LAB_RUN ]] || rm -rf /run/t0x # only where this lab was up
	hugepages_give_back
	group_remove
	commands_unlink
	rm -rf "$LAB_RUN"
}

# The line with which a person, or a test, starts the daemon again.
daemon_command_line() {
	local args=()
	[[ -s $LAB_RUN/daemon-arguments ]] && mapfile -t args <"$LAB_RUN/daemon-arguments"
	echo "$T0XD ${args[*]}"
}
