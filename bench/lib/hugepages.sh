# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Hugepages for the lab: reserved when they can be, given back to the last page. Sourced.

HUGE_SYS=/sys/kernel/mm/hugepages/hugepages-2048kB
HUGE_WANTED=256 # 512 MiB

# Returns 1, with nothing changed, when the host has none to give: then t0xd runs with --no-huge.
hugepages_reserve() {
	local free total want
	[[ -w $HUGE_SYS/nr_hugepages ]] || return 1
	free=$(<$HUGE_SYS/free_hugepages) total=$(<$HUGE_SYS/nr_hugepages)
	if ((free < HUGE_WANTED)); then
		want=$((total + HUGE_WANTED - free))
		echo $want >$HUGE_SYS/nr_hugepages 2>/dev/null || true
		if (($(<$HUGE_SYS/nr_hugepages) < want)); then
			echo "$total" >$HUGE_SYS/nr_hugepages
			return 1
		fi
		# A lab that was killed left its note: both reservations are ours.
		echo $((HUGE_WANTED - free + $(cat "$LAB_RUN/hugepages" 2>/dev/null || echo 0))) \
			>"$LAB_RUN/hugepages"
	fi
	if ! grep -q ' hugetlbfs ' /proc/mounts; then
		mkdir -p /dev/hugepages
		mount -t hugetlbfs -o pagesize=2M none /dev/hugepages || {
			hugepages_give_back
			return 1
		}
		touch "$LAB_RUN/hugetlbfs-mounted"
	fi
}

hugepages_give_back() {
	local ours total
	if [[ -e $LAB_RUN/hugetlbfs-mounted ]]; then
		umount /dev/hugepages 2>/dev/null || umount -l /dev/hugepages || true
		rmdir /dev/hugepages 2>/dev/null || true
		rm -f "$LAB_RUN/hugetlbfs-mounted"
	fi
	if [[ -e $LAB_RUN/hugepages ]]; then
		ours=$(<"$LAB_RUN/hugepages") total=$(<$HUGE_SYS/nr_hugepages)
		echo $((total > ours ? total - ours : 0)) >$HUGE_SYS/nr_hugepages
		rm -f "$LAB_RUN/hugepages"
	fi
}
