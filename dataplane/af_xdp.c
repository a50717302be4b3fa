// SPDX-License-Identifier: BSD-3-Clause
#include "af_xdp.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IFACE ",iface="
#define SOCKETS_MAX 4096 // 32 ports of 128 queues
#define GIVEN_BACK_NS 100000000 // long after the kernel has given a queue back

// A socket of a port: known by its inode, should its number be another's by then.
static struct xsk {
	int fd;
	ino_t inode;
	uint16_t port;
} sockets[SOCKETS_MAX];
static unsigned n_sockets;
static struct timespec closed_at;

#define NO_PORT UINT16_MAX // of what was there before

unsigned af_xdp_queues(const char *devargs)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	const char *name = strstr(devargs, IFACE);
	unsigned queues = 0;
	size_t length;
	int fd;

	if (name == NULL)
		return 1;
	name += strlen(IFACE);
	length = strcspn(name, ",");
	if (length >= sizeof(request.ifr_name))
		return 1;
	memcpy(request.ifr_name, name, length);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 1;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		queues = channels.combined_count;
	close(fd);
	return queues > 0 ? queues : 1;
}

// Which sockets are there?

// 0: it is none of AF_XDP.
static ino_t inode_of(int fd)
{
	socklen_t size = sizeof(int);
	struct stat found;
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_XDP ||
	    fstat(fd, &found) < 0)
		return 0;
	return found.st_ino;
}

static bool is_known(int fd, ino_t inode)
{
	for (unsigned i = 0; i < n_sockets; i++)
		if (sockets[i].fd == fd && sockets[i].inode == inode)
			return true;
	return false;
}

// Note those that are new as the port's.
static void note(uint16_t port)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		int fd = atoi(entry->d_name);
		ino_t inode = entry->d_name[0] != '.' ? inode_of(fd) : 0;

		if (inode != 0 && !is_known(fd, inode) && n_sockets < SOCKETS_MAX)
			sockets[n_sockets++] = (struct xsk){fd, inode, port};
	}
	if (directory != NULL)
		closedir(directory);
}

static void forget(uint16_t port)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n_sockets; i++)
		if (sockets[i].port != port)
			sockets[kept++] = sockets[i];
	n_sockets = kept;
}

static int64_t since_closed_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - closed_at.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
		closed_at.tv_nsec;
}

void af_xdp_begin(void)
{
	struct timespec wait = {};
	int64_t since = since_closed_ns();

	if (closed_at.tv_sec != 0 && since < GIVEN_BACK_NS) {
		wait.tv_nsec = (long)(GIVEN_BACK_NS - since);
		nanosleep(&wait, NULL);
	}
	forget(NO_PORT);
	note(NO_PORT);
}

void af_xdp_end(uint16_t port)
{
	note(port);
	forget(NO_PORT);
}

// Rings

// Where the process has a ring of a socket mapped, and its length: /proc/self/maps knows it by the
// inode. NULL: nowhere.
static uint8_t *find_ring(ino_t inode, uint64_t page_offset, size_t *length)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint8_t *found = NULL;
	char line[512], name[64];

	snprintf(name, sizeof(name), "socket:[%lu]", (unsigned long)inode);
	while (maps != NULL && found == NULL && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start, end, offset;

		if (strstr(line, name) == NULL ||
		    sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) != 3 ||
		    offset != page_offset)
			continue;
		found = (uint8_t *)start; // NOLINT(performance-no-int-to-ptr)
		*length = end - start;
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

static bool is_in(const struct rte_mempool *pool, uintptr_t at)
{
	const struct rte_mempool_memhdr *memory;

	STAILQ_FOREACH(memory, &pool->mem_list, next)
		if (at - (uintptr_t)memory->addr < memory->len)
			return true;
	return false;
}

// As the driver counts addresses: from the page in which the first of the pool's memory begins, in
// 48 bits. NULL where no buffer of the pool is.
static struct rte_mbuf *buffer_at(const struct rte_mempool *pool, uint64_t address)
{
	uint8_t *start = STAILQ_FIRST(&pool->mem_list)->addr;
	uintptr_t in_page = (uintptr_t)start & ((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	struct rte_mbuf *mbuf =
		(void *)(start - in_page + (address & XSK_UNALIGNED_BUF_ADDR_MASK) + pool->header_size);

	return is_in(pool, (uintptr_t)mbuf) && mbuf->pool == pool ? mbuf : NULL;
}

struct ring_kind {
	uint64_t page_offset;
	size_t entry; // bytes; begins with an address
	size_t offsets; // in struct xdp_mmap_offsets
};

static const struct ring_kind kinds[] = {
	{XDP_PGOFF_RX_RING, sizeof(struct xdp_desc), offsetof(struct xdp_mmap_offsets, rx)},
	{XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), offsetof(struct xdp_mmap_offsets, tx)},
	{XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t), offsetof(struct xdp_mmap_offsets, fr)},
	{XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t), offsetof(struct xdp_mmap_offsets, cr)},
};

// A ring of 2^n entries fills its mapping but for less than a page.
static uint32_t entries_of(size_t length, const struct xdp_ring_offset *at, size_t entry)
{
	return rte_align32prevpow2((uint32_t)((length - at->desc) / entry));
}

// What stands between consumer and producer nobody has taken.
static void empty_ring(
	const struct xsk *xsk, const struct ring_kind *kind, const struct xdp_mmap_offsets *offsets,
	const struct rte_mempool *pool
)
{
	const struct xdp_ring_offset *at = (const void *)((const uint8_t *)offsets + kind->offsets);
	size_t length = 0;
	uint8_t *ring = find_ring(xsk->inode, kind->page_offset, &length);
	uint32_t consumer, producer, entries;

	if (ring == NULL)
		return;
	entries = entries_of(length, at, kind->entry);
	consumer = __atomic_load_n((uint32_t *)(ring + at->consumer), __ATOMIC_ACQUIRE);
	producer = __atomic_load_n((uint32_t *)(ring + at->producer), __ATOMIC_ACQUIRE);
	for (; consumer != producer; consumer++) {
		struct rte_mbuf *mbuf;
		uint64_t address;

		memcpy(&address, ring + at->desc + (consumer & (entries - 1)) * kind->entry,
		       sizeof(address));
		mbuf = buffer_at(pool, address);
		if (mbuf != NULL)
			rte_pktmbuf_free(mbuf);
	}
}

void af_xdp_empty(uint16_t port, const struct rte_mempool *pool)
{
	struct xdp_mmap_offsets offsets;
	socklen_t size;

	for (unsigned i = 0; i < n_sockets; i++) {
		size = sizeof(offsets);
		if (sockets[i].port != port || inode_of(sockets[i].fd) != sockets[i].inode ||
		    getsockopt(sockets[i].fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) < 0)
			continue;
		for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			empty_ring(&sockets[i], &kinds[k], &offsets, pool);
	}
}

void af_xdp_close(uint16_t port)
{
	for (unsigned i = 0; i < n_sockets; i++)
		if (sockets[i].port == port && inode_of(sockets[i].fd) == sockets[i].inode)
			close(sockets[i].fd);
	forget(port);
	clock_gettime(CLOCK_MONOTONIC, &closed_at);
}
