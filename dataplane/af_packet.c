// SPDX-License-Identifier: BSD-3-Clause
#include "af_packet.h"

#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FANOUT_FLAGS_SHIFT 16 // PACKET_FANOUT: group id in the low half, type and flags in the high

void af_packet_choose_mac(struct rte_ether_addr *mac)
{
	mac->addr_bytes[0] |= RTE_ETHER_LOCAL_ADMIN_ADDR;
	mac->addr_bytes[1] ^= 0x70;
}

// Found before the C library's by everything in this process, plugins of DPDK included.
int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	unsigned fanout;

	if (level == SOL_PACKET && name == PACKET_FANOUT && length == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~((unsigned)PACKET_FANOUT_FLAG_DEFRAG << FANOUT_FLAGS_SHIFT);
		value = &fanout;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}
