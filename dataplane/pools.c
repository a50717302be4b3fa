// SPDX-License-Identifier: BSD-3-Clause
#include "pools.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdio.h>

#define POOL_CACHE 256 // buffers that each worker keeps at hand

static struct rte_mempool *first;
static struct {
	struct rte_mempool *pool; // NULL: not asked for, or not to be had
	bool tried;
} others[RTE_MAX_NUMA_NODES]; // [socket]
static unsigned size;
static int first_socket;
static unsigned n_sockets;

static struct rte_mempool *create(const char *name, int socket)
{
	return rte_pktmbuf_pool_create(
		name, size, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, socket
	);
}

int pools_init(unsigned buffers, int home, unsigned sockets)
{
	size = buffers;
	n_sockets = sockets;
	first_socket = home;
	first = create("t0x_mbufs", home);
	if (first == NULL && home != SOCKET_ID_ANY) {
		first_socket = SOCKET_ID_ANY;
		first = create("t0x_mbufs", SOCKET_ID_ANY);
	}
	return first == NULL ? -rte_errno : 0;
}

void pools_free(void)
{
	for (unsigned i = 0; i < RTE_MAX_NUMA_NODES; i++) {
		rte_mempool_free(others[i].pool);
		others[i].pool = NULL;
		others[i].tried = false;
	}
	rte_mempool_free(first);
	first = NULL;
}

struct rte_mempool *pools_on(int socket)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	if (socket < 0 || socket >= RTE_MAX_NUMA_NODES || socket == first_socket || n_sockets < 2)
		return first;
	if (!others[socket].tried) {
		// Not t0x_mbufs_0: so a part of the first one is called.
		snprintf(name, sizeof(name), "t0x_socket%d_mbufs", socket);
		others[socket].pool = create(name, socket);
		others[socket].tried = true;
	}
	return others[socket].pool != NULL ? others[socket].pool : first;
}

static void add(const struct rte_mempool *pool, unsigned *total, unsigned *in_use)
{
	if (pool == NULL)
		return;
	*total += pool->size;
	*in_use += rte_mempool_in_use_count(pool);
}

void pools_count(unsigned *total, unsigned *in_use)
{
	*total = 0;
	*in_use = 0;
	add(first, total, in_use);
	for (unsigned i = 0; i < RTE_MAX_NUMA_NODES; i++)
		add(others[i].pool, total, in_use);
}
