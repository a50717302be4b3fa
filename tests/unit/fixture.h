// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the data plane share: a seeded generator, EAL without root's needs, buffers
// that end where the frame ends, and the clouds of the lab published in 'exchange'.
//
// Cloud N (below 10): gateway 169.254.N.1, router 169.254.N.2, network block 10.N.0.0/22, segment
// 172.16.N.0/24, and beside them the IPv6 networks of frame_ipv6.h. It arrives on port N, untagged;
// clouds from TAGGED_FROM on with VLAN 100 + N.
#pragma once

#include "dataplane/exchange.h"
#include "dataplane/packet.h"
#include "frame.h"

#include <dlfcn.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> // needs those above

// A generator that gives the same numbers everywhere (splitmix64). T0X_SEED chooses others.

static uint64_t random_seed = 20240607;
static uint64_t random_state;

static inline void random_start(void)
{
	const char *text = getenv("T0X_SEED");

	if (text != NULL)
		random_seed = strtoull(text, NULL, 0);
	random_state = random_seed;
}

static inline uint64_t random64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline unsigned random_below(unsigned n)
{
	return (unsigned)(random64() % n);
}

// Fail with what was found, and how to find it again.
#define check(condition, ...) \
	do { \
		if (!(condition)) { \
			print_error("%s:%d: %s\n\t", __FILE__, __LINE__, #condition); \
			print_error(__VA_ARGS__); \
			print_error("\n\tT0X_SEED=%llu\n", (unsigned long long)random_seed); \
			fail(); \
		} \
	} while (0)

// EAL without hugepages, devices, files or telemetry. The main lcore and 'workers' more share the
// CPUs that the process may use.
static inline void eal_start(unsigned workers)
{
	char lcores[256] = "";
	size_t length = 0;
	cpu_set_t cpus;
	int cpu = -1;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (unsigned lcore = 0; lcore <= workers; lcore++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &cpus));
		length += (size_t)snprintf(
			lcores + length, sizeof(lcores) - length, "%s%u@%d", lcore ? "," : "",
			lcore, cpu
		);
	}

	const char *arguments[] = {
		"test", "--no-huge", "--no-shconf", "--no-pci",	   "--no-telemetry", "-m",
		"256",	"--lcores",  lcores,	    "--log-level", "*:error",	     NULL,
	};
	int n = sizeof(arguments) / sizeof(arguments[0]) - 1;

	assert_true(rte_eal_init(n, (char **)arguments) >= 0);
}

// A buffer that ends where the frame ends, so that a sanitizer sees every byte read beyond it.
static inline struct rte_mbuf *buffer_make(const void *frame, unsigned length, unsigned headroom)
{
	struct rte_mbuf *mbuf = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*mbuf));
	char *memory = malloc(headroom + length);

	assert_non_null(mbuf);
	assert_non_null(memory);
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = memory;
	mbuf->buf_len = (uint16_t)(headroom + length);
	mbuf->data_off = (uint16_t)headroom;
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = length;
	mbuf->nb_segs = 1;
	memcpy(memory + headroom, frame, length);
	return mbuf;
}

static inline void buffer_free(struct rte_mbuf *mbuf)
{
	free(mbuf->buf_addr);
	free(mbuf);
}

// A buffer as worker.c gives it to the stages.
static inline struct packet packet_of(struct rte_mbuf *mbuf)
{
	return (struct packet){
		.mbuf = mbuf,
		.frame = rte_pktmbuf_mtod(mbuf, uint8_t *),
		.length = mbuf->data_len,
		.verdict = VERDICT_FORWARD,
	};
}

// All stages, in worker.c's order.
static inline void run_stages(uint16_t port, struct packet *packets, unsigned n)
{
	attribute(published(exchange.ports[port]), packets, n);
	parse(packets, n);
	look_up(packets, n);
	decide(packets, n);
	rewrite(packets, n);
}

// The clouds.

#define TAGGED_FROM 4
#define MTU 1500

static inline uint16_t cloud_vlan(unsigned cloud)
{
	return (uint16_t)(cloud >= TAGGED_FROM ? 100 + cloud : 0);
}

struct link {
	uint16_t a;
	uint16_t b;
	uint32_t id;
};

static inline struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	if (prefix_parse(text, &prefix) < 0)
		fail_msg("not a prefix: %s", text);
	return prefix;
}

static inline unsigned cloud_routes(struct route *routes, unsigned cloud, leaf_t leaf)
{
	char text[PREFIX_STRLEN];

	snprintf(text, sizeof(text), "10.%u.0.0/22", cloud);
	routes[0] = (struct route){prefix_of(text), leaf};
	snprintf(text, sizeof(text), "172.16.%u.0/24", cloud);
	routes[1] = (struct route){prefix_of(text), leaf};
	snprintf(text, sizeof(text), "fd00:%x:1::/64", cloud);
	routes[2] = (struct route){prefix_of(text), leaf};
	snprintf(text, sizeof(text), "fd00:%x:2::/64", cloud);
	routes[3] = (struct route){prefix_of(text), leaf};
	return 4;
}

// The table of one cloud that has these interconnects and no others.
static inline void publish_table(uint16_t cloud, const struct link *links, unsigned n)
{
	struct route routes[64];
	unsigned n_routes = cloud_routes(routes, cloud, leaf_local(cloud));
	struct table *table;

	for (unsigned i = 0; i < n; i++) {
		uint16_t peer = links[i].a == cloud ? links[i].b : links[i].a;

		if (links[i].a == cloud || links[i].b == cloud)
			n_routes +=
				cloud_routes(routes + n_routes, peer, leaf_via(peer, links[i].id));
	}
	table = table_build(routes, n_routes, NULL, 0);
	assert_non_null(table);
	exchange_set_table(cloud, table);
}

static inline void publish_ingress(uint16_t cloud)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct mac mac = mac_ours(cloud);

	assert_non_null(ingress);
	memcpy(&ingress->mac, &mac, sizeof(mac));
	ingress->cloud = cloud;
	ingress->gateway = 0xa9fe0001u | (uint32_t)cloud << 8;
	ingress->router = 0xa9fe0002u | (uint32_t)cloud << 8;
	ingress->gateway6 = (struct addr6){0xfd000000ffff0000 | (uint64_t)cloud << 32, 1};
	ingress->router6 = (struct addr6){0xfd000000ffff0000 | (uint64_t)cloud << 32, 2};
	ingress->link_local = (struct addr6){0xfe80ull << 48, 0x000000fffe000000 | cloud};
	exchange_set_ingress(cloud, ingress);
}

static inline void publish_egress(uint16_t cloud, uint16_t port, uint16_t mtu, bool resolved)
{
	struct rte_ether_addr ours;
	struct rte_ether_addr router;
	struct egress *egress;
	struct mac mac = mac_ours(cloud);

	memcpy(&ours, &mac, sizeof(ours));
	mac = mac_router(cloud);
	memcpy(&router, &mac, sizeof(router));
	egress = egress_build(port, cloud_vlan(cloud), mtu, &ours, resolved ? &router : NULL);
	assert_non_null(egress);
	exchange_set_egress(cloud, egress);
}

static inline void publish_map(uint16_t port, uint16_t cloud)
{
	struct port_map *map = calloc(1, sizeof(*map));
	struct mac mac = mac_ours(cloud);

	assert_non_null(map);
	memcpy(&map->mac, &mac, sizeof(mac));
	map->trunk = cloud_vlan(cloud) != 0;
	if (map->trunk)
		map->clouds[cloud_vlan(cloud)] = cloud;
	else
		map->clouds[UNTAGGED] = cloud;
	exchange_set_port(port, map);
}

// Cloud N on port N, attached and resolved.
static inline void publish_cloud(uint16_t cloud, const struct link *links, unsigned n)
{
	publish_table(cloud, links, n);
	publish_ingress(cloud);
	publish_egress(cloud, cloud, MTU, true);
	publish_map(cloud, cloud);
}

// Take everything back, and free it.
static inline void exchange_clear(void)
{
	for (unsigned cloud = 0; cloud <= CLOUD_ID_MAX; cloud++) {
		exchange_set_table((uint16_t)cloud, NULL);
		exchange_set_ingress((uint16_t)cloud, NULL);
		exchange_set_egress((uint16_t)cloud, NULL);
	}
	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
		exchange_set_port(port, NULL);
	for (unsigned worker = 0; worker < WORKERS_MAX; worker++)
		exchange_set_poll(worker, NULL);
	while (rcu_poll() > 0)
		;
}

// A T0 port in this process (net_ring): frames put on 'rx' arrive, frames sent are found on 'tx'.

#define RING_PORT_QUEUES 2

struct ring_port {
	uint16_t id;
	unsigned queues;
	char device[32]; // its name as a port
	struct rte_ring *rx[RING_PORT_QUEUES];
	struct rte_ring *tx[RING_PORT_QUEUES];
};

typedef int eth_from_rings(
	const char *name, struct rte_ring *const rx[], unsigned n_rx, struct rte_ring *const tx[],
	unsigned n_tx, unsigned socket
);

// libdpdk's pkg-config names no drivers; EAL has loaded this one as a plugin already.
static inline eth_from_rings *ring_driver(void)
{
	void *driver = dlopen("librte_net_ring.so.23", RTLD_NOW);
	eth_from_rings *function = NULL;

	assert_non_null(driver);
	*(void **)&function = dlsym(driver, "rte_eth_from_rings");
	assert_non_null(function);
	return function;
}

static inline void ring_port_create(
	struct ring_port *port, const char *name, unsigned queues, unsigned size
)
{
	for (unsigned i = 0; i < queues; i++) {
		char ring[RTE_RING_NAMESIZE];

		snprintf(ring, sizeof(ring), "rx_%s_%u", name, i);
		port->rx[i] = rte_ring_create(ring, size, SOCKET_ID_ANY, 0);
		snprintf(ring, sizeof(ring), "tx_%s_%u", name, i);
		port->tx[i] = rte_ring_create(ring, size, SOCKET_ID_ANY, 0);
		assert_non_null(port->rx[i]);
		assert_non_null(port->tx[i]);
	}
	port->queues = queues;
	port->id = (uint16_t)ring_driver()(name, port->rx, queues, port->tx, queues, 0);
	snprintf(port->device, sizeof(port->device), "net_ring_%s", name);
	assert_true(rte_eth_dev_is_valid_port(port->id));
}

static inline struct rte_mbuf *pool_buffer(struct rte_mempool *pool, const struct frame *frame)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	assert_non_null(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)frame->length), frame->bytes, frame->length);
	return mbuf;
}

// The next frame that was sent, or NULL. The caller frees it.
static inline struct rte_mbuf *ring_port_sent(struct ring_port *port)
{
	void *mbuf;

	for (unsigned i = 0; i < port->queues; i++)
		if (rte_ring_dequeue(port->tx[i], &mbuf) == 0)
			return mbuf;
	return NULL;
}

// Throw away what lies on the port. Returns how many had been sent.
static inline unsigned ring_port_drain(struct ring_port *port)
{
	struct rte_mbuf *sent;
	unsigned n = 0;
	void *mbuf;

	for (unsigned i = 0; i < port->queues; i++)
		while (rte_ring_dequeue(port->rx[i], &mbuf) == 0)
			rte_pktmbuf_free(mbuf);
	for (; (sent = ring_port_sent(port)) != NULL; n++)
		rte_pktmbuf_free(sent);
	return n;
}
