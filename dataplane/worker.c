// SPDX-License-Identifier: BSD-3-Clause
#include "worker.h"

#include "bucket.h"
#include "fragment.h"
#include "icmp.h"
#include "packet.h"
#include "pools.h"
#include "punt.h"
#include "quick.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define HANDOVER_RING_SIZE 4096

_Static_assert(BURST_MAX == QUICK_MAX, "a burst goes the quick way whole");

// Of a worker and cloud, in packets a second, and how many may come at once.
#define ICMP_ERROR_RATE 100
#define ICMP_ERROR_BURST 100
static const struct {
	unsigned rate;
	unsigned burst;
} punt_limits[PUNT_REASON_COUNT] = {
#define PUNT_LIMIT(name, rate, burst, text) [PUNT_##name] = {rate, burst},
	PUNT_REASONS(PUNT_LIMIT)
#undef PUNT_LIMIT
};

// So many frames to one port at a time are worth a call of their own: their buffers are still in
// the nearest cache. Fewer wait for more.
#define SEND_AT_ONCE 8

// Rounds without a packet before a worker pauses, and before it sleeps.
#define ROUNDS_BEFORE_PAUSE 16
#define ROUNDS_BEFORE_SLEEP 64
#define SLEEP_MIN_NS 2000
#define SLEEP_DEFAULT_NS 200000

// How often a worker shows that it gets round.
#define BEATS_PER_SECOND 200

// Queued frames are copied so many at a time, also those that are fewer: what comes behind them in
// an array is copied, and written over by the next.
#define COPIED 8

// Frames on their way to a tx queue, or to the worker that owns one. A full burst leaves at once,
// so that one more always fits.
struct tx_buffer {
	uint16_t n;
	uint16_t clouds[2 * BURST_MAX]; // that each came from
	struct rte_mbuf *mbufs[2 * BURST_MAX];
};

struct cloud_buckets {
	struct bucket icmp;
	struct bucket punt[PUNT_REASON_COUNT];
};

// One worker. Everything is its own, but for the ring, which any worker and the control thread
// put frames on: they read the first cache line, in which nothing changes.
struct worker {
	struct counters *counters;
	struct rte_ring *ring; // frames to send on the tx queues that this worker owns
	struct cloud_buckets *buckets; // [CLOUD_ID_MAX + 1]
	unsigned index;

	unsigned idle_rounds __rte_cache_aligned;
	uint64_t sleep_ns; // the next sleep
	uint64_t beat_tsc; // when it last beat
	uint64_t waiting; // bit p: frames wait in tx[p]
	struct tx_buffer tx[RTE_MAX_ETHPORTS];
	struct tx_buffer handover[WORKERS_MAX];
} __rte_cache_aligned;

_Static_assert(RTE_MAX_ETHPORTS <= 64, "a bit a port");
_Static_assert(offsetof(struct worker, ring) < RTE_CACHE_LINE_SIZE, "with what does not change");
_Static_assert(offsetof(struct worker, idle_rounds) == RTE_CACHE_LINE_SIZE, "not with what does");
_Static_assert(sizeof(struct worker) % RTE_CACHE_LINE_SIZE == 0, "no line is of two workers");

static struct worker *workers[WORKERS_MAX];
static unsigned n_workers;
static struct rte_mempool *pool; // of what workers make themselves
static uint64_t ticks_per_second;
static bool stopping; // control: wo, worker: ro
static uint64_t sleep_max_ns = SLEEP_DEFAULT_NS; // control: wo, worker: ro

static void count_drop(struct worker *worker, uint16_t cloud, enum drop_reason reason)
{
	worker->counters->clouds[cloud].drops[reason]++;
}

// A frame that cannot be sent is counted under the cloud that it came from: by now the packet may
// have passed to another worker.
static void drop_late(
	struct worker *worker, struct rte_mbuf *mbuf, uint16_t cloud, enum drop_reason reason
)
{
	count_drop(worker, cloud, reason);
	rte_pktmbuf_free(mbuf);
}

static void drop_buffer(
	struct worker *worker, struct tx_buffer *tx, unsigned from, enum drop_reason reason
)
{
	for (unsigned i = from; i < tx->n; i++)
		drop_late(worker, tx->mbufs[i], tx->clouds[i], reason);
	tx->n = 0;
}

static void send_buffer(struct worker *worker, uint16_t port, uint16_t queue)
{
	struct tx_buffer *tx = &worker->tx[port];

	worker->waiting &= ~(UINT64_C(1) << port);
	drop_buffer(worker, tx, rte_eth_tx_burst(port, queue, tx->mbufs, tx->n), DROP_tx_full);
}

static void hand_over(struct worker *worker, unsigned owner)
{
	struct tx_buffer *handover = &worker->handover[owner];

	// Whoever sends them must know, should he fail.
	for (unsigned i = 0; i < handover->n; i++)
		handover->mbufs[i]->hash.usr = handover->clouds[i];
	drop_buffer(
		worker, handover,
		rte_ring_enqueue_burst(
			workers[owner]->ring, (void **)handover->mbufs, handover->n, NULL
		),
		DROP_tx_ring_full
	);
}

// 'mbufs' and 'clouds' have room for whole copies, as the buffer has.
static void append(
	struct tx_buffer *tx, struct rte_mbuf *const *mbufs, const uint16_t *clouds, unsigned n
)
{
	for (unsigned i = 0; i < n; i += COPIED) {
		memcpy(&tx->mbufs[tx->n + i], &mbufs[i], COPIED * sizeof(struct rte_mbuf *));
		memcpy(&tx->clouds[tx->n + i], &clouds[i], COPIED * sizeof(uint16_t));
	}
	tx->n = (uint16_t)(tx->n + n);
}

// Send n frames, at most a burst, by a port, or queue them: in this worker's own buffer, or for the
// owner of the tx queue. The buffers are emptied at the end of each round, before the worker
// reports quiescence.
static void send_to(
	struct worker *worker, struct rte_mbuf **mbufs, const uint16_t *clouds, unsigned n,
	uint16_t port
)
{
	const struct port_map *map = published(exchange.ports[port]);
	const struct tx_path *path;

	if (map == NULL) {
		for (unsigned i = 0; i < n; i++)
			drop_late(worker, mbufs[i], clouds[i], DROP_egress_down);
		return;
	}
	path = &map->tx[worker->index];
	if (path->owner == worker->index && n >= SEND_AT_ONCE && worker->tx[port].n == 0) {
		for (unsigned i = rte_eth_tx_burst(port, path->queue, mbufs, (uint16_t)n); i < n;
		     i++)
			drop_late(worker, mbufs[i], clouds[i], DROP_tx_full);
	} else if (path->owner == worker->index) {
		append(&worker->tx[port], mbufs, clouds, n);
		worker->waiting |= UINT64_C(1) << port;
		if (worker->tx[port].n >= BURST_MAX)
			send_buffer(worker, port, path->queue);
	} else {
		for (unsigned i = 0; i < n; i++)
			mbufs[i]->port = port;
		append(&worker->handover[path->owner], mbufs, clouds, n);
		if (worker->handover[path->owner].n >= BURST_MAX)
			hand_over(worker, path->owner);
	}
}

static void send_one(struct worker *worker, struct rte_mbuf *mbuf, uint16_t cloud, uint16_t port)
{
	struct rte_mbuf *mbufs[COPIED] = {mbuf};
	uint16_t clouds[COPIED] = {cloud};

	send_to(worker, mbufs, clouds, 1, port);
}

static void flush(struct worker *worker)
{
	while (worker->waiting != 0) {
		uint16_t port = (uint16_t)__builtin_ctzll(worker->waiting);
		const struct port_map *map;

		// Still there: a map that was seen this round lives until the next quiescence.
		map = published(exchange.ports[port]);
		if (map != NULL) {
			send_buffer(worker, port, map->tx[worker->index].queue);
			continue;
		}
		worker->waiting &= worker->waiting - 1;
		drop_buffer(worker, &worker->tx[port], 0, DROP_egress_down);
	}
	for (unsigned owner = 0; owner < n_workers; owner++)
		if (worker->handover[owner].n > 0)
			hand_over(worker, owner);
}

static void punt(struct worker *worker, struct packet *packet)
{
	struct cloud_count *count = &worker->counters->clouds[packet->cloud];
	enum punt_reason reason = (enum punt_reason)packet->reason;
	bool within_rate = bucket_take(
		&worker->buckets[packet->cloud].punt[reason], rte_rdtsc(),
		ticks_per_second / punt_limits[reason].rate, punt_limits[reason].burst
	);

	if (!within_rate)
		drop_late(worker, packet->mbuf, packet->cloud, DROP_punt_limited);
	else if (!punt_put(packet->mbuf, packet->cloud))
		drop_late(worker, packet->mbuf, packet->cloud, DROP_punt_ring_full);
	else
		count->punts[reason]++;
}

static void drop(struct worker *worker, struct packet *packet)
{
	struct cloud_count *count = &worker->counters->clouds[packet->cloud];
	const struct egress *back = NULL;
	uint16_t mtu = 0;

	count->drops[packet->reason]++;
	if (drop_reason_icmp((enum drop_reason)packet->reason) != ICMP_ERROR_NONE)
		back = published(exchange.clouds[packet->cloud].egress);
	if (packet->reason == DROP_frag_needed)
		mtu = packet->egress->mtu;
	if (back != NULL && icmp_error_make(packet, back, mtu)) {
		bool within_rate = bucket_take(
			&worker->buckets[packet->cloud].icmp, rte_rdtsc(),
			ticks_per_second / ICMP_ERROR_RATE, ICMP_ERROR_BURST
		);

		if (within_rate) {
			count->icmp_sent++;
			// If lost: not one more drop of the cloud.
			send_one(worker, packet->mbuf, 0, back->port);
			return;
		}
		count->icmp_limited++;
	}
	rte_pktmbuf_free(packet->mbuf);
}

// Traffic of one interconnect and direction, gathered while neighbours in the burst share it.
struct tally {
	leaf_t leaf;
	uint16_t cloud;
	struct traffic_count count;
};

static void tally_flush(struct worker *worker, struct tally *tally)
{
	if (tally->count.packets == 0)
		return;

	unsigned direction = traffic_direction(tally->cloud, leaf_cloud(tally->leaf));
	struct traffic_count *total =
		&worker->counters->traffic[leaf_interconnect(tally->leaf)][direction];

	total->packets += tally->count.packets;
	total->bytes += tally->count.bytes;
	tally->count = (struct traffic_count){};
}

// Send what is larger than the MTU of its egress. Returns false when it became a drop instead.
static bool send_in_fragments(struct worker *worker, struct packet *packet)
{
	struct rte_mbuf *fragments[FRAGMENTS_MAX];
	unsigned n = fragment(packet, pool, fragments);

	for (unsigned i = 0; i < n; i++)
		send_one(worker, fragments[i], packet->cloud, packet->egress->port);
	if (n > 0)
		rte_pktmbuf_free(packet->mbuf);
	return n > 0;
}

static void end(struct worker *worker, uint16_t cloud)
{
	worker->counters->clouds[cloud].ended++;
}

static void dispatch(struct worker *worker, struct packet *packets, unsigned n)
{
	struct tally tally = {};

	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[i];

		switch ((enum verdict)packet->verdict) {
		case VERDICT_FORWARD:
			if (packet->ip_length <= packet->egress->mtu) {
				send_one(worker, packet->mbuf, packet->cloud, packet->egress->port);
			} else if (!send_in_fragments(worker, packet)) {
				end(worker, packet->cloud);
				drop(worker, packet);
				break;
			}
			if (packet->leaf_destination != tally.leaf ||
			    packet->cloud != tally.cloud) {
				tally_flush(worker, &tally);
				tally.leaf = packet->leaf_destination;
				tally.cloud = packet->cloud;
			}
			tally.count.packets++;
			tally.count.bytes += packet->ip_length;
			break;
		case VERDICT_DROP:
			end(worker, packet->cloud);
			drop(worker, packet);
			break;
		case VERDICT_PUNT:
			end(worker, packet->cloud);
			punt(worker, packet);
			break;
		}
	}
	tally_flush(worker, &tally);
}

static void receive(struct packet *packets, struct rte_mbuf **mbufs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
		packets[i] = (struct packet){
			.mbuf = mbufs[i],
			.frame = rte_pktmbuf_mtod(mbufs[i], uint8_t *),
			.length = mbufs[i]->data_len,
			.verdict = VERDICT_FORWARD,
		};
		if (mbufs[i]->nb_segs != 1)
			packet_drop(&packets[i], DROP_bad_buffer);
	}
}

// By the stages: all that the quick way left.
static void process_rest(
	struct worker *worker, const struct port_map *map, struct rte_mbuf **mbufs, uint64_t rest
)
{
	struct packet packets[BURST_MAX];
	struct rte_mbuf *left[BURST_MAX];
	unsigned n = 0;

	for (; rest != 0; rest &= rest - 1)
		left[n++] = mbufs[__builtin_ctzll(rest)];
	receive(packets, left, n);
	attribute(map, packets, n);
	parse(packets, n);
	look_up(packets, n);
	decide(packets, n);
	rewrite(packets, n);
	dispatch(worker, packets, n);
}

static void dispatch_quick(struct worker *worker, struct quick_burst *burst)
{
	unsigned at = 0;

	for (unsigned i = 0; i < burst->n_sends; i++) {
		const struct quick_send *send = &burst->sends[i];

		send_to(worker, send->mbufs, &burst->clouds[at], send->n, send->port);
		at += send->n;
	}
}

// The way of a packet.
static void process(struct worker *worker, uint16_t port, struct rte_mbuf **mbufs, unsigned n)
{
	const struct port_map *map = published(exchange.ports[port]);
	struct quick_burst burst; // large, and only partly written

	burst.rest = ~(uint64_t)0 >> (BURST_MAX - n);
	if (map != NULL) {
		quick->forward(map, mbufs, n, worker->counters, &burst);
		dispatch_quick(worker, &burst);
	}
	if (burst.rest != 0)
		process_rest(worker, map, mbufs, burst.rest);
}

// Send what other workers and the control thread handed over.
static unsigned drain_ring(struct worker *worker)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	unsigned moved = 0;
	unsigned n;

	// What was on the ring when the round began, and not what keeps coming.
	for (unsigned left = rte_ring_count(worker->ring); left > 0; left -= n) {
		n = rte_ring_dequeue_burst(
			worker->ring, (void **)mbufs, RTE_MIN(left, (unsigned)BURST_MAX), NULL
		);
		if (n == 0)
			break;
		for (unsigned i = 0; i < n; i++)
			send_one(worker, mbufs[i], (uint16_t)mbufs[i]->hash.usr, mbufs[i]->port);
		moved += n;
	}
	return moved;
}

unsigned worker_round(unsigned index)
{
	struct worker *worker = workers[index];
	const struct poll_list *list = published(exchange.polls[index]);
	struct rte_mbuf *mbufs[BURST_MAX];
	unsigned moved = drain_ring(worker);

	for (unsigned i = 0; list != NULL && i < list->n; i++) {
		const struct poll_queue *queue = &list->queue[i];
		uint16_t n = rte_eth_rx_burst(queue->port, queue->queue, mbufs, BURST_MAX);

		if (n > 0)
			process(worker, queue->port, mbufs, n);
		moved += n;
	}
	flush(worker);
	rcu_worker_quiescent(index);
	return moved;
}

// Nothing to do: spin a little, then sleep, longer each time, up to what the rx rings absorb.
static void back_off(struct worker *worker)
{
	uint64_t max = __atomic_load_n(&sleep_max_ns, __ATOMIC_RELAXED);
	struct timespec time = {.tv_nsec = (long)worker->sleep_ns};

	worker->idle_rounds++;
	if (worker->idle_rounds < ROUNDS_BEFORE_PAUSE)
		return;
	if (worker->idle_rounds < ROUNDS_BEFORE_SLEEP) {
		rte_pause();
		return;
	}
	rcu_worker_offline(worker->index);
	nanosleep(&time, NULL);
	rcu_worker_online(worker->index);
	worker->sleep_ns = RTE_MIN(worker->sleep_ns * 2, max);
}

// A round is done: show it to whom it may concern. The clock needs no system call, and few beats
// cost nothing.
static void beat(struct worker *worker)
{
	const struct poll_list *list = published(exchange.polls[worker->index]);
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	for (unsigned i = 0; list != NULL && i < list->n; i++)
		if (list->queue[i].beat != NULL)
			__atomic_store_n(list->queue[i].beat, ns, __ATOMIC_RELAXED);
}

static int worker_main(void *arg)
{
	struct worker *worker = arg;
	struct worker_count *count = &worker->counters->worker;
	uint64_t start = rte_rdtsc();

	prctl(PR_SET_TIMERSLACK, 1UL); // the default of 50 us would stretch every short sleep
	rcu_worker_register(worker->index);
	rcu_worker_online(worker->index);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		unsigned moved = worker_round(worker->index);
		uint64_t end = rte_rdtsc();

		if (moved > 0) {
			count->busy_tsc += end - start;
			worker->idle_rounds = 0;
			worker->sleep_ns = SLEEP_MIN_NS;
			count->total_tsc += end - start;
		} else {
			back_off(worker);
			end = rte_rdtsc();
			count->total_tsc += end - start;
		}
		if (end - worker->beat_tsc > ticks_per_second / BEATS_PER_SECOND) {
			worker->beat_tsc = end;
			beat(worker);
		}
		start = end;
	}
	rcu_worker_offline(worker->index);
	rcu_worker_unregister(worker->index);
	return 0;
}

// What the hand-over rings hold when the first pass of a grace period ends (rcu.h): their producer
// positions. Control thread; on lines of its own, away from what workers read.
static uint32_t handover_marks[WORKERS_MAX] __rte_cache_aligned;

_Static_assert(sizeof(handover_marks) % RTE_CACHE_LINE_SIZE == 0, "whole lines");

static void handover_mark(void)
{
	for (unsigned i = 0; i < n_workers; i++)
		handover_marks[i] = __atomic_load_n(&workers[i]->ring->prod.tail, __ATOMIC_ACQUIRE);
}

// Acquire pairs with the release of the ring's consumer: who took the frames is seen online.
static bool handover_passed(void)
{
	if (stopping)
		return true; // nobody sends any more
	for (unsigned i = 0; i < n_workers; i++) {
		uint32_t taken = __atomic_load_n(&workers[i]->ring->cons.tail, __ATOMIC_ACQUIRE);

		if ((int32_t)(taken - handover_marks[i]) < 0)
			return false;
	}
	return true;
}

// The lcore of a worker, or RTE_MAX_LCORE where none is his (in tests).
static unsigned worker_lcore(unsigned worker)
{
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (worker-- == 0)
			return lcore;
	}
	return RTE_MAX_LCORE;
}

static int worker_socket(unsigned worker)
{
	unsigned lcore = worker_lcore(worker);

	return lcore < RTE_MAX_LCORE ? (int)rte_lcore_to_socket_id(lcore) : SOCKET_ID_ANY;
}

// On the worker's socket, or anywhere.
static struct worker *worker_alloc(int socket)
{
	struct worker *worker =
		rte_zmalloc_socket("t0x_worker", sizeof(*worker), RTE_CACHE_LINE_SIZE, socket);

	if (worker == NULL)
		worker = rte_zmalloc("t0x_worker", sizeof(*worker), RTE_CACHE_LINE_SIZE);
	return worker;
}

static struct rte_ring *ring_create(unsigned index, int socket)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "t0x_handover_%u", index);
	ring = rte_ring_create(name, HANDOVER_RING_SIZE, socket, RING_F_SC_DEQ);
	if (ring == NULL && socket != SOCKET_ID_ANY)
		ring = rte_ring_create(name, HANDOVER_RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return ring;
}

// Counters and buckets are so large that their pages come with the first write, which is the
// worker's: from its socket.
static int worker_init(unsigned index)
{
	int socket = worker_socket(index);
	struct worker *worker = worker_alloc(socket);

	workers[index] = worker;
	if (worker == NULL)
		return -ENOMEM;
	worker->index = index;
	worker->sleep_ns = SLEEP_MIN_NS;
	worker->counters = counters_of(index);
	worker->buckets = calloc(CLOUD_ID_MAX + 1, sizeof(*worker->buckets));
	worker->ring = ring_create(index, socket);
	if (worker->ring == NULL)
		return -rte_errno;
	return worker->buckets == NULL ? -ENOMEM : 0;
}

int workers_init(unsigned n, unsigned buffers)
{
	int error;

	if (!quick)
		quick_choose(SIMD_AVX512);
	ticks_per_second = rte_get_tsc_hz();
	stopping = false;
	error = counters_init(n);
	if (error == 0)
		error = rcu_init(n);
	if (error == 0)
		error = pools_init(buffers, worker_socket(0), rte_socket_count());
	if (error < 0)
		return error;
	pool = pools_on(SOCKET_ID_ANY);
	n_workers = n;
	for (unsigned i = 0; i < n; i++) {
		error = worker_init(i);
		if (error < 0)
			return error;
	}
	rcu_watch(handover_mark, handover_passed);
	return 0;
}

int workers_start(void)
{
	unsigned index = 0;
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (index == n_workers)
			break;

		int error = rte_eal_remote_launch(worker_main, workers[index], lcore);

		if (error < 0)
			return error;
		index++;
	}
	return index == n_workers ? 0 : -ENODEV;
}

void workers_stop(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
}

static void worker_fini(unsigned index)
{
	struct worker *worker = workers[index];
	struct rte_mbuf *mbuf;

	if (worker == NULL)
		return;
	while (worker->ring != NULL && rte_ring_dequeue(worker->ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(worker->ring);
	free(worker->buckets);
	rte_free(worker);
	workers[index] = NULL;
}

void workers_free(void)
{
	for (unsigned i = 0; i < n_workers; i++)
		worker_fini(i);
	n_workers = 0;
	pools_free();
	pool = NULL;
	rcu_free();
	counters_free();
}

unsigned workers_count(void)
{
	return n_workers;
}

int worker_cpu(unsigned worker)
{
	unsigned lcore = worker_lcore(worker);
	rte_cpuset_t cpus;

	if (lcore == RTE_MAX_LCORE)
		return -1;
	cpus = rte_lcore_cpuset(lcore);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			return cpu;
	return -1;
}

struct rte_mempool *worker_pool(void)
{
	return pool;
}

struct rte_mbuf *worker_buffer(void)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	if (mbuf != NULL)
		mbuf->hash.usr = 0;
	return mbuf;
}

bool worker_inject(struct rte_mbuf *mbuf, uint16_t port)
{
	const struct port_map *map = exchange.ports[port];

	if (map == NULL)
		return false;
	mbuf->port = port;
	return rte_ring_enqueue(workers[map->tx[0].owner]->ring, mbuf) == 0;
}

void workers_set_sleep(uint64_t ns)
{
	__atomic_store_n(&sleep_max_ns, ns, __ATOMIC_RELAXED);
}
