// SPDX-License-Identifier: BSD-3-Clause
#include "ports.h"

#include "dataplane/af_packet.h"

#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#define DESCRIPTORS 1024
#define POOL_CACHE 256
#define BUFFERS_PER_PORT (4 * DESCRIPTORS) // rings both ways, and as many under way
#define BUFFERS 4096

static struct rte_mempool *pool;

static int fail(uint16_t port, const char *what, int code)
{
	fprintf(stderr, "t0x-generator: port %u: %s: %s\n", port, what, rte_strerror(-code));
	return -1;
}

static int start(uint16_t port)
{
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	struct rte_eth_conf conf = {};
	int code = rte_eth_dev_configure(port, 1, 1, &conf);

	if (code == 0)
		code = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rxd, &txd);
	if (code < 0)
		return fail(port, "cannot be configured", code);
	code = rte_eth_rx_queue_setup(port, 0, rxd, SOCKET_ID_ANY, NULL, pool);
	if (code == 0)
		code = rte_eth_tx_queue_setup(port, 0, txd, SOCKET_ID_ANY, NULL);
	if (code < 0)
		return fail(port, "no queues", code);
	code = rte_eth_dev_start(port);
	if (code < 0)
		return fail(port, "cannot be started", code);
	rte_eth_promiscuous_enable(port); // wanted, not demanded: virtio_user has none
	return 0;
}

int ports_start(void)
{
	unsigned n = rte_eth_dev_count_avail();
	uint16_t port;

	if (n == 0) {
		fprintf(stderr,
			"t0x-generator: no ports: name some, as in --vdev net_memif0,...\n");
		return -1;
	}
	pool = rte_pktmbuf_pool_create(
		"generator", BUFFERS + n * BUFFERS_PER_PORT, POOL_CACHE, 0,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY
	);
	if (pool == NULL) {
		fprintf(stderr, "t0x-generator: no memory for buffers: %s\n",
			rte_strerror(rte_errno));
		return -1;
	}
	RTE_ETH_FOREACH_DEV(port) {
		if (port >= n) {
			fprintf(stderr, "t0x-generator: ports are not numbered from 0 on\n");
			return -1;
		}
		if (start(port) < 0)
			return -1;
	}
	return (int)n;
}

void ports_stop(void)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_mempool_free(pool);
	pool = NULL;
}

struct rte_mempool *ports_pool(void)
{
	return pool;
}

bool ports_up(unsigned n)
{
	for (unsigned port = 0; port < n; port++) {
		struct rte_eth_link link = {};

		if (rte_eth_link_get_nowait((uint16_t)port, &link) < 0 ||
		    link.link_status != RTE_ETH_LINK_UP)
			return false;
	}
	return true;
}

uint64_t ports_missed(uint16_t port)
{
	struct rte_eth_dev_info info = {};
	struct rte_eth_stats stats = {};
	uint64_t missed;

	rte_eth_stats_get(port, &stats);
	missed = stats.imissed + stats.ierrors + stats.rx_nombuf;
	if (rte_eth_dev_info_get(port, &info) == 0 &&
	    strcmp(info.driver_name, AF_PACKET_DRIVER) == 0)
		missed += af_packet_missed((int)info.if_index);
	return missed;
}
