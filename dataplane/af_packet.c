// SPDX-License-Identifier: BSD-3-Clause
#include "af_packet.h"

#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FANOUT_FLAGS_SHIFT 16 // PACKET_FANOUT: group id in the low half, type and flags in the high
#define SOCKETS_MAX 2048 // a queue each: 32 ports of 64 workers

// The driver's sockets, while they are open: it closes them without a word to us.
static struct socket {
	int fd;
	uint64_t missed; // the kernel counts from zero each time that it is asked
} sockets[SOCKETS_MAX];
static unsigned n_sockets;

void af_packet_choose_mac(struct rte_ether_addr *mac)
{
	mac->addr_bytes[0] |= RTE_ETHER_LOCAL_ADMIN_ADDR;
	mac->addr_bytes[1] ^= 0x70;
}

// Which netdev does the descriptor listen on? 0: none, so it is no longer the driver's.
static int netdev_of(int fd)
{
	struct sockaddr_ll address = {};
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	return address.sll_family == AF_PACKET ? address.sll_ifindex : 0;
}

static void remember(int fd)
{
	unsigned i = 0;

	while (i < n_sockets && sockets[i].fd != fd)
		i++;
	if (i == SOCKETS_MAX)
		return;
	sockets[i] = (struct socket){.fd = fd};
	if (i == n_sockets)
		n_sockets++;
}

uint64_t af_packet_missed(int netdev)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n_sockets;) {
		struct tpacket_stats stats = {};
		socklen_t length = sizeof(stats);
		int found = netdev_of(sockets[i].fd);

		if (found == 0) {
			sockets[i] = sockets[--n_sockets];
			continue;
		}
		if (found == netdev &&
		    getsockopt(sockets[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0)
			sockets[i].missed += stats.tp_drops;
		if (found == netdev)
			sum += sockets[i].missed;
		i++;
	}
	return sum;
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
	if (level == SOL_PACKET && name == PACKET_RX_RING)
		remember(fd);
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}
