// SPDX-License-Identifier: BSD-3-Clause
// A perfect NIC, for LD_PRELOAD under any DPDK program: net_null ports whose receive function hands
// out real frames, and whose send function takes every frame at once.
//
// T0X_NIC_FRAMES names the file of frames (frames.h). Port "net_null<N>" has those of port N. Each
// frame has an mbuf of its own for good, in memory in no order: what was sent anywhere is received
// again by the port it belongs to. Before that the sender's changes are undone, in lines that he
// has just written: MAC addresses, VLAN tag, TTL and checksum, length. A frame that the program
// frees is lost to the NIC.
// T0X_NIC_COUNTERS names a file that holds a struct nic_counters, mapped by whoever measures.
// T0X_NIC_PTYPES=0: leave the packet type out, as a NIC that has none.
#include "frames.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "net_null"

// Frames that wait to be received, by one queue. Read and written by the worker that polls it.
struct waiting {
	struct rte_mbuf **ring;
	uint32_t mask;
	uint32_t head; // next to receive
	uint32_t tail;
};

struct queue {
	uint16_t number;
	uint16_t port; // ethdev
	struct waiting waiting;
	uint64_t rearm; // the mbuf fields that a driver writes at once
	struct nic_counters *counters;
} __rte_cache_aligned;

static struct queue *queues[RTE_MAX_ETHPORTS]; // [port][NIC_QUEUES_MAX]
static void *queue_data[RTE_MAX_ETHPORTS][NIC_QUEUES_MAX];

// Of this thread: the queue of each port that it polls, to which frames of the port come back that
// it sends, by whatever queue of whatever port.
static __thread struct queue *home[RTE_MAX_ETHPORTS] __attribute__((tls_model("initial-exec")));

static struct nic_counters no_counters = {.go = 1};
static struct nic_counters *counters = &no_counters;
static bool types = true;

static void fail(const char *what)
{
	fprintf(stderr, "perfect NIC: %s\n", what);
	_exit(1);
}

static void map_counters(void)
{
	const char *path = getenv("T0X_NIC_COUNTERS");
	int fd;

	if (!path || counters != &no_counters)
		return;
	fd = open(path, O_RDWR);
	counters = fd < 0
		? MAP_FAILED
		: mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counters == MAP_FAILED)
		fail("cannot map the counters");
	close(fd);
}

static const struct frames_head *map_frames(void)
{
	static const struct frames_head *head;
	const char *path = getenv("T0X_NIC_FRAMES");
	int fd;
	off_t size;

	if (head)
		return head;
	fd = path ? open(path, O_RDONLY) : -1;
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	head = size <= 0 ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (head == MAP_FAILED || head->magic != FRAMES_MAGIC)
		fail("cannot map the frames");
	close(fd);
	return head;
}

// Layout of a frame: what of it is ours to undo

static unsigned l3_offset(const uint8_t *frame)
{
	return frame[12] == 0x81 ? 18 : 14;
}

static uint32_t packet_type(const uint8_t *frame, unsigned l3)
{
	return frame[l3] >> 4 == 4 ? RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP
				   : RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP;
}

// In the payload of UDP, which nobody reads: a copy of the IPv4 dword of TTL, protocol and
// checksum. The VLAN tag's copy is the UDP source port.
#define SAVED_IPV4 28 // behind the IPv4 header

// Make of a frame as it was sent one as it was received: 'to' is the destination MAC.
static inline void undo(struct rte_mbuf *mbuf, bool tagged, uint64_t to)
{
	uint8_t *sent = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t *ip = sent + l3_offset(sent);
	uint8_t *frame = ip - (tagged ? 18 : 14);
	const uint16_t tag_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	uint16_t length;

	memcpy(frame, &to, sizeof(to));
	if (ip[0] >> 4 == 4) {
		memcpy(ip + 8, ip + SAVED_IPV4, 4);
		length = rte_be_to_cpu_16(*(const uint16_t *)(ip + 2));
		if (tagged) {
			memcpy(frame + 12, &tag_type, sizeof(tag_type));
			memcpy(frame + 14, ip + 20, 2);
		}
	} else {
		ip[7] = 64;
		length = rte_be_to_cpu_16(*(const uint16_t *)(ip + 4)) + 40;
		if (tagged) {
			memcpy(frame + 12, &tag_type, sizeof(tag_type));
			memcpy(frame + 14, ip + 40, 2);
		}
	}
	mbuf->pkt_len = (uint32_t)(ip - frame) + length;
}

// What EAL calls instead of the driver

struct port_facts {
	bool tagged; // its frames are
	uint64_t mac; // 6 bytes of it, and 2 of some source
};
static struct port_facts facts[RTE_MAX_ETHPORTS];

// The fields that a driver sets at once for each frame, as one word.
static inline void *rearm_word(struct rte_mbuf *mbuf)
{
	return (uint8_t *)mbuf + offsetof(struct rte_mbuf, rearm_data);
}

static uint16_t receive(void *rxq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct queue *queue = rxq;
	struct waiting *waiting = &queue->waiting;
	uint32_t ready = waiting->tail - waiting->head;

	home[queue->port] = queue;
	if (__atomic_load_n(&queue->counters->go, __ATOMIC_RELAXED) == 0)
		return 0;
	if (n > ready)
		n = (uint16_t)ready;
	for (unsigned i = 0; i < n; i++)
		mbufs[i] = waiting->ring[(waiting->head + i) & waiting->mask];
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *mbuf = mbufs[i];

		rte_prefetch0(waiting->ring[(waiting->head + i + 8) & waiting->mask]);
		memcpy(rearm_word(mbuf), &queue->rearm, sizeof(queue->rearm));
		mbuf->ol_flags = 0;
		if (!types)
			mbuf->packet_type = 0;
		mbuf->data_len = (uint16_t)mbuf->pkt_len;
		mbuf->vlan_tci = 0;
		mbuf->hash.rss = 0;
	}
	waiting->head += n;
	queue->counters->queue[queue->number].received += n;
	queue->counters->queue[queue->number].empty += n == 0;
	return n;
}

static uint16_t transmit(void *txq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct queue *queue = txq;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n;) {
		uint16_t port = mbufs[i]->port;
		const struct port_facts fact = facts[port];
		struct waiting *waiting = &home[port]->waiting;
		struct rte_mbuf **ring = waiting->ring;
		uint32_t mask = waiting->mask, tail = waiting->tail;

		// As long as they are all from one port.
		for (; i < n && mbufs[i]->port == port; i++) {
			bytes += mbufs[i]->pkt_len;
			undo(mbufs[i], fact.tagged, fact.mac);
			ring[tail++ & mask] = mbufs[i];
		}
		waiting->tail = tail;
	}
	queue->counters->queue[queue->number].sent += n;
	queue->counters->queue[queue->number].bytes_sent += bytes;
	return n;
}

// Filling a port

static void *real(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		fail(name);
	return function;
}

// The N of net_null<N>, or -1.
static int port_number(uint16_t port)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	if (rte_eth_dev_get_name_by_port(port, name) != 0 || strncmp(name, NAME, strlen(NAME)) != 0)
		return -1;
	return atoi(name + strlen(NAME));
}

static void make_queue(struct queue *queue, uint16_t port, uint16_t number, uint32_t room)
{
	struct rte_mbuf blank = {};

	blank.data_off = RTE_PKTMBUF_HEADROOM;
	blank.refcnt = 1;
	blank.nb_segs = 1;
	blank.port = port;
	queue->number = number;
	queue->port = port;
	queue->counters = counters;
	memcpy(&queue->rearm, rearm_word(&blank), sizeof(queue->rearm));
	queue->waiting.mask = rte_align32pow2(room) - 1;
	queue->waiting.ring = rte_zmalloc(NULL, (queue->waiting.mask + 1) * sizeof(void *), 64);
	if (!queue->waiting.ring)
		fail("no memory for a ring");
}

// In memory in no order, as after some time of use.
static void shuffle(struct rte_mbuf **mbufs, uint32_t n)
{
	uint64_t random = 88172645463325252;

	for (uint32_t i = n; i > 1; i--) {
		struct rte_mbuf *other;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		other = mbufs[random % i];
		mbufs[random % i] = mbufs[i - 1];
		mbufs[i - 1] = other;
	}
}

static void put(uint16_t port, struct rte_mbuf *mbuf, const struct frame_record *record)
{
	struct queue *queue = &queues[port][record->queue];
	uint8_t *frame;
	unsigned l3;

	memcpy(rearm_word(mbuf), &queue->rearm, sizeof(queue->rearm));
	frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	if (record->length > rte_pktmbuf_tailroom(mbuf))
		fail("a frame is too long");
	memset(frame, 0, record->length);
	memcpy(frame, record->head, RTE_MIN(record->length, FRAME_HEAD_MAX));
	memcpy(frame, &facts[port].mac, RTE_ETHER_ADDR_LEN);
	l3 = l3_offset(frame);
	facts[port].tagged = l3 == 18;
	if (frame[l3] >> 4 == 4)
		memcpy(frame + l3 + SAVED_IPV4, frame + l3 + 8, 4);
	if (l3 == 18)
		memcpy(frame + l3 + (frame[l3] >> 4 == 4 ? 20 : 40), frame + 14, 2);
	mbuf->packet_type = packet_type(frame, l3);
	mbuf->pkt_len = record->length;
	queue->waiting.ring[queue->waiting.tail++] = mbuf;
}

static void fill(uint16_t port, int number)
{
	const struct frames_head *head = map_frames();
	const struct frame_record *record = (const void *)(head + 1);
	struct rte_ether_addr mac;
	struct rte_mempool *pool;
	struct rte_mbuf **mbufs;
	char name[32];
	uint32_t n = 0;

	for (uint32_t i = 0; i < head->n; i++)
		n += record[i].port == number;
	if (rte_eth_macaddr_get(port, &mac) != 0)
		fail("no MAC address");
	facts[port].mac = 0x0200;
	facts[port].mac <<= 48;
	memcpy(&facts[port].mac, &mac, sizeof(mac));
	queues[port] = rte_zmalloc(NULL, NIC_QUEUES_MAX * sizeof(struct queue), 64);
	if (!queues[port])
		fail("no memory for queues");
	for (uint16_t i = 0; i < NIC_QUEUES_MAX; i++) {
		make_queue(&queues[port][i], port, i, n + 1);
		queue_data[port][i] = &queues[port][i];
	}
	if (n == 0)
		return;
	snprintf(name, sizeof(name), "perfect_nic_%u", port);
	pool = rte_pktmbuf_pool_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	mbufs = calloc(n, sizeof(struct rte_mbuf *));
	if (!pool || !mbufs || rte_pktmbuf_alloc_bulk(pool, mbufs, n) != 0)
		fail("no memory for frames");
	shuffle(mbufs, n);
	for (uint32_t i = 0, used = 0; i < head->n; i++)
		if (record[i].port == number)
			put(port, mbufs[used++], &record[i]);
	free(mbufs);
}

// Between program and DPDK. net_null has no offload to offer, and l3fwd asks for some: what comes
// out of here needs none.

int rte_eth_dev_configure(
	uint16_t port, uint16_t n_rx, uint16_t n_tx, const struct rte_eth_conf *wanted
)
{
	int (*real_configure)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *) =
		real("rte_eth_dev_configure");
	struct rte_eth_conf conf = *wanted;

	if (port_number(port) >= 0) {
		memset(&conf, 0, sizeof(conf));
		conf.rxmode.mtu = wanted->rxmode.mtu;
	}
	return real_configure(port, n_rx, n_tx, &conf);
}

int rte_eth_rx_queue_setup(
	uint16_t port, uint16_t number, uint16_t n, unsigned socket,
	const struct rte_eth_rxconf *wanted, struct rte_mempool *pool
)
{
	int (*real_setup
	)(uint16_t, uint16_t, uint16_t, unsigned, const struct rte_eth_rxconf *,
	  struct rte_mempool *) = real("rte_eth_rx_queue_setup");
	struct rte_eth_rxconf conf = wanted ? *wanted : (struct rte_eth_rxconf){};

	conf.offloads = 0;
	return real_setup(port, number, n, socket, &conf, pool);
}

int rte_eth_dev_get_supported_ptypes(uint16_t port, uint32_t mask, uint32_t *ptypes, int n)
{
	static const uint32_t known[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L3_IPV4,
		RTE_PTYPE_L3_IPV6,
		RTE_PTYPE_L4_UDP,
	};
	int found = 0;

	for (unsigned i = 0; types && i < RTE_DIM(known); i++) {
		if (!(known[i] & mask))
			continue;
		if (found < n)
			ptypes[found] = known[i];
		found++;
	}
	return found;
}

int rte_eth_dev_start(uint16_t port)
{
	int (*real_start)(uint16_t) = real("rte_eth_dev_start");
	int number = port_number(port);
	int error = real_start(port);

	if (error != 0 || number < 0)
		return error;
	types = !getenv("T0X_NIC_PTYPES") || atoi(getenv("T0X_NIC_PTYPES")) != 0;
	map_counters();
	fill(port, number);
	rte_eth_fp_ops[port].rxq.data = queue_data[port];
	rte_eth_fp_ops[port].txq.data = queue_data[port];
	rte_eth_fp_ops[port].rx_pkt_burst = receive;
	rte_eth_fp_ops[port].tx_pkt_burst = transmit;
	__atomic_fetch_add(&counters->ready, 1, __ATOMIC_RELEASE);
	return 0;
}
