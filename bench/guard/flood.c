// SPDX-License-Identifier: BSD-3-Clause
// As many frames as one CPU can send into a netdev, past its queueing discipline, a batch a system
// call: a veth hands each of them to the far end before the next.
#include "guard_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static int open_packet(const char *netdev)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(netdev),
	};
	int on = 1, fd = socket(AF_PACKET, SOCK_RAW, 0); // protocol 0: receives nothing

	if (fd >= 0 && address.sll_ifindex != 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	fprintf(stderr, "t0x-bench-guard: %s: %s\n", netdev, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

int flood(const char *netdev, const void *frame, size_t length, double seconds)
{
	struct iovec part = {.iov_base = (void *)frame, .iov_len = length};
	struct mmsghdr batch[BATCH];
	uint64_t begin = now(), end = begin + (uint64_t)(seconds * 1e9), sent = 0;
	int fd = open_packet(netdev);

	if (fd < 0)
		return -1;
	memset(batch, 0, sizeof(batch));
	for (unsigned i = 0; i < BATCH; i++) {
		batch[i].msg_hdr.msg_iov = &part;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	while (now() < end) {
		int n = sendmmsg(fd, batch, BATCH, 0);

		sent += n > 0 ? (uint64_t)n : 0; // full is no error here: the far end counts
	}
	printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent,
	       (double)(now() - begin) / 1e9);
	close(fd);
	return 0;
}
