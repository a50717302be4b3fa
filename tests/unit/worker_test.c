// SPDX-License-Identifier: BSD-3-Clause
// Workers between T0 ports in this process: frames in, frames out of the right port, every counter
// exact. Two workers go round by hand, so that each interleaving is a line of the test; the last
// test lets them run on lcores of their own.
//
// Clouds 1, 2, 3 are on ports 0, 1, 2 with one queue each: of workers 0, 1, 0. Cloud 4 (VLAN 104)
// is on port 3 with two queues: of workers 1 and 0. Interconnects: 1-2, 2-3, 1-4.
#include "dataplane/placement.h"
#include "dataplane/port.h"
#include "dataplane/punt.h"
#include "dataplane/worker.h"
#include "fixture.h"
#include "frame_ipv6.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORKERS 2
#define CLOUDS 4
#define BUFFERS 32767
#define PORT_RING 8192
#define HANDOVER_HOLDS 4095
#define ICMP_BURST 100
#define ARP_BURST 50
#define ND_BURST 50
#define ECHO_BURST 100
// Tokens that may come while a slow test runs a burst: at most a second's.
#define REFILL 200

static const struct link links[] = {{1, 2, 12}, {2, 3, 23}, {1, 4, 14}};

static struct ring_port ports[CLOUDS + 1]; // [cloud]

// The quick way asks the port for its MAC address, the stages the cloud: where they differ all goes
// by the stages.
static bool quickly;

// In place of EAL's: a port of rings has none of its own.
int rte_eth_macaddr_get(uint16_t port, struct rte_ether_addr *mac)
{
	struct mac ours = mac_ours(quickly ? port + 1 : 0);

	memcpy(mac, &ours, sizeof(ours));
	return 0;
}

static void feed(unsigned cloud, const struct frame *frame)
{
	struct ring_port *port = &ports[cloud];

	assert_int_equal(rte_ring_enqueue(port->rx[0], pool_buffer(worker_pool(), frame)), 0);
}

static void feed_many(unsigned cloud, struct frame frame, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		feed(cloud, &frame);
}

// Both workers go round until nothing moves.
static unsigned rounds(void)
{
	unsigned total = 0;
	unsigned moved;

	do {
		moved = 0;
		for (unsigned worker = 0; worker < WORKERS; worker++)
			moved += worker_round(worker);
		total += moved;
	} while (moved > 0);
	return total;
}

static void grace(void)
{
	while (rcu_poll() > 0)
		for (unsigned worker = 0; worker < WORKERS; worker++)
			worker_round(worker);
}

static unsigned sent_on(unsigned cloud)
{
	return ring_port_drain(&ports[cloud]);
}

static uint64_t packets(uint32_t interconnect, unsigned direction)
{
	struct traffic_count sum;

	counters_read_traffic(interconnect, direction, &sum);
	return sum.packets;
}

static struct cloud_count count_of(unsigned cloud)
{
	struct cloud_count sum;

	counters_read_cloud((uint16_t)cloud, &sum);
	return sum;
}

static uint64_t drops_of(unsigned cloud, enum drop_reason reason)
{
	return count_of(cloud).drops[reason];
}

static uint64_t all_drops(const struct cloud_count *count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		sum += count->drops[i];
	return sum;
}

static uint64_t all_punts(const struct cloud_count *count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PUNT_REASON_COUNT; i++)
		sum += count->punts[i];
	return sum;
}

static void a_frame_leaves_by_the_port_of_the_destination(void **state)
{
	const struct l2 from4 = {.cloud = 4, .tagged = true, .tci = 104};
	const struct {
		unsigned from;
		struct frame frame;
		unsigned to;
		uint32_t interconnect;
		unsigned direction;
	} cases[] = {
		{1, ipv4(), 2, 12, 0},
		{2, ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC1), 1, 12, 1},
		{2, ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC3), 3, 23, 0},
		{3, ipv4(.l2 = {.cloud = 3}, .source = PC3, .destination = PC2), 2, 23, 1},
		{1, ipv4(.destination = "10.4.0.2"), 4, 14, 0},
		{4, ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1), 1, 14, 1},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct mac router = mac_router(cases[i].to);
		struct rte_mbuf *sent;

		feed(cases[i].from, &cases[i].frame);
		assert_in_range(rounds(), 1, 2);
		sent = ring_port_sent(&ports[cases[i].to]);
		check(sent != NULL, "case %u", i);
		assert_memory_equal(rte_pktmbuf_mtod(sent, void *), &router, 6);
		rte_pktmbuf_free(sent);
		for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
			assert_int_equal(sent_on(cloud), 0);
		assert_int_equal(packets(cases[i].interconnect, cases[i].direction), 1);
	}

	struct traffic_count sum;

	counters_read_traffic(12, 0, &sum);
	assert_int_equal(sum.packets, 1);
	assert_int_equal(sum.bytes, 46); // of IP
	counters_read_traffic(14, 1, &sum);
	assert_int_equal(sum.bytes, 46);
}

static void a_worker_without_the_tx_queue_hands_over_to_its_owner(void **state)
{
	feed_many(1, ipv4(), 10);
	assert_int_equal(worker_round(0), 10);
	assert_int_equal(rte_ring_count(ports[2].tx[0]), 0); // not by worker 0
	assert_int_equal(worker_round(1), 10);
	assert_int_equal(sent_on(2), 10);
	assert_int_equal(packets(12, 0), 10);
}

static void a_worker_with_a_tx_queue_of_its_own_sends_itself(void **state)
{
	feed_many(1, ipv4(.destination = "10.4.0.2"), 10);
	assert_int_equal(worker_round(0), 10);
	assert_int_equal(rte_ring_count(ports[4].tx[0]), 0);
	assert_int_equal(rte_ring_count(ports[4].tx[1]), 10); // queue 1 is worker 0's
	assert_int_equal(sent_on(4), 10);
	assert_int_equal(worker_round(1), 0);
}

static void order_is_kept_within_a_flow(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct frame frame = ipv4(.id = i);

		feed(1, &frame);
	}
	rounds();
	for (unsigned i = 0; i < 1000; i++) {
		struct rte_mbuf *sent = ring_port_sent(&ports[2]);

		assert_non_null(sent);
		assert_int_equal(get16(rte_pktmbuf_mtod(sent, uint8_t *) + 14 + 4), i);
		rte_pktmbuf_free(sent);
	}
}

// Received = traffic + drops + punts, for each cloud; and what was sent is what arrives.
static void every_frame_is_counted_once(void **state)
{
	const struct frame frames[] = {
		ipv4(),
		ipv4(.destination = "172.16.2.9", .payload = 900),
		ipv4(.destination = "10.4.0.2"),
		ipv4(.destination = PC3), // no interconnect: an ICMP error comes back
		ipv4(.ttl = 1),
		ipv4(.source = PC2),
		ipv4(.destination = "10.1.0.9"),
		ipv4(.checksum_off = 1),
		ipv4(.l2 = {.to = MAC_OTHER}),
		ipv4(.source = "169.254.1.2", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		ipv4(.source = "169.254.1.2", .destination = "169.254.1.1",
		     .protocol = IPPROTO_ICMP, .icmp_type = 8),
		ipv4(.source = "169.254.1.2", .destination = "169.254.1.1"),
		arp(),
		arp(.target = PC2),
		ipv6(),
		ipv6(.destination = PC3_6),
		nd(),
		ipv4(.l2 = {.tagged = true, .tci = 7}),
		ipv6(.source = ROUTER_6),
	};
	unsigned fed[COUNT(frames)] = {};
	unsigned sent[CLOUDS + 1] = {};
	unsigned total = 0;

	for (unsigned i = 0; i < 500; i++) {
		for (unsigned n = random_below(150); n > 0; n--, total++) {
			unsigned which = random_below(COUNT(frames));

			feed(1, &frames[which]);
			fed[which]++;
		}
		worker_round(random_below(WORKERS));
		for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
			if (random_below(4) == 0 && rte_ring_count(ports[1].rx[0]) == 0)
				sent[cloud] += sent_on(cloud);
		if (i % 10 == 0)
			rounds();
	}
	rounds();
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		sent[cloud] += sent_on(cloud);

	struct cloud_count count = count_of(1);
	struct cloud_count nobody = count_of(0);

	assert_int_equal(packets(12, 0), fed[0] + fed[1] + fed[9] + fed[14]);
	assert_int_equal(packets(14, 0), fed[2]);
	assert_int_equal(count.drops[DROP_no_interconnect], fed[3] + fed[15]);
	assert_int_equal(count.drops[DROP_ttl_exceeded], fed[4]);
	assert_int_equal(count.drops[DROP_spoofed_source], fed[5] + fed[18]);
	assert_int_equal(count.drops[DROP_hairpin], fed[6]);
	assert_int_equal(count.drops[DROP_bad_checksum], fed[7]);
	assert_int_equal(count.drops[DROP_not_for_us], fed[8]);
	assert_int_equal(count.drops[DROP_punt_refused], fed[11] + fed[13]);
	assert_int_equal(
		all_punts(&count) + count.drops[DROP_punt_limited] +
			count.drops[DROP_punt_ring_full],
		fed[10] + fed[12] + fed[16]
	);
	assert_int_equal(count.icmp_sent + count.icmp_limited, fed[3] + fed[4] + fed[15]);
	assert_int_equal(count.ended, all_drops(&count) + all_punts(&count));
	assert_int_equal(nobody.ended, fed[17]);
	assert_int_equal(nobody.drops[DROP_unknown_vlan], fed[17]);
	assert_int_equal(packets(12, 0) + packets(14, 0) + count.ended + nobody.ended, total);
	assert_int_equal(sent[1], count.icmp_sent);
	assert_int_equal(sent[2], packets(12, 0));
	assert_int_equal(sent[3], 0);
	assert_int_equal(sent[4], packets(14, 0));
}

static void a_burst_for_several_interconnects_is_counted_by_each(void **state)
{
	for (unsigned i = 0; i < 30; i++) {
		feed_many(1, ipv4(.payload = 80), i % 3);
		feed_many(1, ipv4(.destination = "10.4.0.2", .payload = 180), i % 2);
	}
	rounds();

	struct traffic_count sum;

	counters_read_traffic(12, 0, &sum);
	assert_int_equal(sum.packets, 30);
	assert_int_equal(sum.bytes, 3000);
	counters_read_traffic(14, 0, &sum);
	assert_int_equal(sum.packets, 15);
	assert_int_equal(sum.bytes, 3000);
}

static void a_frame_in_several_buffers_is_dropped(void **state)
{
	struct frame frame = ipv4();
	struct rte_mbuf *head = pool_buffer(worker_pool(), &frame);

	assert_int_equal(rte_pktmbuf_chain(head, pool_buffer(worker_pool(), &frame)), 0);
	assert_int_equal(rte_ring_enqueue(ports[1].rx[0], head), 0);
	rounds();
	assert_int_equal(sent_on(2), 0);
	assert_int_equal(drops_of(1, DROP_bad_buffer), 1);
}

// t0x asks no driver to strip tags. One that does all the same gives them in the mbuf.
static void a_tag_that_the_driver_stripped_is_the_frames_tag(void **state)
{
	const struct {
		unsigned tci;
		unsigned sent;
	} cases[] = {{104, 20}, {0xe000 | 104, 20}, {105, 0}, {0, 0}};
	struct frame frame = ipv4(.l2 = {.cloud = 4}, .source = "10.4.0.2", .destination = PC1);

	for (unsigned i = 0; i < COUNT(cases); i++) {
		for (unsigned n = 0; n < 20; n++) {
			struct rte_mbuf *mbuf = pool_buffer(worker_pool(), &frame);

			mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
			mbuf->vlan_tci = (uint16_t)cases[i].tci;
			assert_int_equal(rte_ring_enqueue(ports[4].rx[n % 2], mbuf), 0);
		}
		rounds();
		check(sent_on(1) == cases[i].sent, "tag %#x", cases[i].tci);
	}
	assert_int_equal(packets(14, 1), 40);
	assert_int_equal(drops_of(0, DROP_unknown_vlan), 40);
}

// Leave room for 'n' frames on a port's tx ring. They are taken back by sent_on().
static void nearly_fill(unsigned cloud, unsigned queue, unsigned n)
{
	struct rte_ring *ring = ports[cloud].tx[queue];
	struct frame frame = ipv4();

	while (rte_ring_free_count(ring) > n)
		assert_int_equal(rte_ring_enqueue(ring, pool_buffer(worker_pool(), &frame)), 0);
}

static void what_the_port_does_not_take_is_counted_as_tx_full(void **state)
{
	unsigned before;

	nearly_fill(2, 0, 5);
	before = rte_ring_count(ports[2].tx[0]);
	feed_many(1, ipv4(), 20);
	rounds();
	assert_int_equal(sent_on(2), before + 5);
	assert_int_equal(drops_of(1, DROP_tx_full), 15); // of the cloud that they came from
	assert_int_equal(drops_of(2, DROP_tx_full), 0);
	assert_int_equal(packets(12, 0), 20); // traffic: received - drops is what arrived
	assert_int_equal(count_of(1).ended, 0);
}

// The same by a queue of the worker's own, at once.
static void what_the_port_does_not_take_at_once_is_counted_as_tx_full(void **state)
{
	unsigned before;

	nearly_fill(4, 1, 5);
	before = rte_ring_count(ports[4].tx[1]);
	feed_many(1, ipv4(.destination = "10.4.0.2"), 20);
	rounds();
	assert_int_equal(sent_on(4), before + 5);
	assert_int_equal(drops_of(1, DROP_tx_full), 15);
	assert_int_equal(drops_of(4, DROP_tx_full), 0);
	assert_int_equal(packets(14, 0), 20);
}

static void what_is_lost_counts_for_the_cloud_that_it_came_from(void **state)
{
	const struct link more[] = {{3, 5, 35}};
	const struct l2 from4 = {.cloud = 4, .tagged = true, .tci = 104};
	const struct l2 from5 = {.cloud = quickly ? 4 : 5, .tagged = true, .tci = 105};
	struct frame to1 = ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1);
	struct frame to3 = ipv4(.l2 = from5, .source = "10.5.0.2", .destination = PC3);

	publish_table(5, more, COUNT(more));
	publish_ingress(5);
	assert_int_equal(port_set_cloud(ports[4].id, 105, 5), 0);
	nearly_fill(1, 0, 0);
	nearly_fill(3, 0, 0);
	for (unsigned i = 0; i < 30; i++) {
		feed_many(4, to1, i % 3);
		feed_many(4, to3, i % 2);
	}
	rounds();
	assert_int_equal(drops_of(4, DROP_tx_full), 30);
	assert_int_equal(drops_of(5, DROP_tx_full), 15);
}

// A frame that waits for the end of the round is not overtaken by a burst large enough to go at
// once.
static void what_waits_for_a_port_is_not_overtaken(void **state)
{
	struct frame first = ipv4(.id = 1000), other = ipv4();
	struct rte_mbuf *sent;

	assert_true(worker_inject(pool_buffer(worker_pool(), &first), ports[4].id));
	feed_many(1, ipv4(.destination = "10.4.0.2"), 40);
	assert_int_equal(worker_round(0), 41);
	sent = ring_port_sent(&ports[4]);
	assert_non_null(sent);
	assert_memory_equal(rte_pktmbuf_mtod(sent, void *), first.bytes, first.length);
	assert_memory_not_equal(first.bytes, other.bytes, first.length);
	rte_pktmbuf_free(sent);
	assert_int_equal(sent_on(4), 40);
}

static void an_icmp_error_that_is_lost_is_not_one_more_drop_of_the_cloud(void **state)
{
	struct cloud_count count;

	nearly_fill(1, 0, 2);
	feed_many(1, ipv4(.ttl = 1), 10);
	rounds();
	count = count_of(1);
	assert_int_equal(count.ended, 10);
	assert_int_equal(count.drops[DROP_ttl_exceeded], 10);
	assert_int_equal(count.icmp_sent, 10);
	assert_int_equal(all_drops(&count), 10);
	assert_int_equal(drops_of(0, DROP_tx_full), 8); // nobody's: it had not been received
}

static void what_the_owner_does_not_fetch_is_counted_as_tx_ring_full(void **state)
{
	const unsigned n = HANDOVER_HOLDS + 100;

	feed_many(1, ipv4(), n);
	while (worker_round(0) > 0)
		; // and worker 1 does nothing
	assert_int_equal(drops_of(1, DROP_tx_ring_full), 100);
	assert_int_equal(packets(12, 0), n);
	rounds();
	assert_int_equal(sent_on(2), HANDOVER_HOLDS);
}

static void what_is_larger_than_the_mtu_leaves_in_fragments_and_counts_once(void **state)
{
	struct traffic_count sum;
	struct cloud_count count;

	feed_many(1, ipv4(.payload = 1600), 10); // quick.c leaves it, among others that it takes
	feed_many(1, ipv4(), 10);
	rounds();
	for (unsigned i = 0; i < 10; i++) {
		static const unsigned lengths[] = {1500, 140};

		for (unsigned j = 0; j < COUNT(lengths); j++) {
			struct rte_mbuf *sent = ring_port_sent(&ports[2]);

			while (sent != NULL && sent->data_len == ETHER_BYTES + 46) {
				rte_pktmbuf_free(sent);
				sent = ring_port_sent(&ports[2]);
			}
			assert_non_null(sent);
			assert_int_equal(sent->data_len, ETHER_BYTES + lengths[j]);
			rte_pktmbuf_free(sent);
		}
	}
	sent_on(2);
	counters_read_traffic(12, 0, &sum);
	assert_int_equal(sum.packets, 20);
	assert_int_equal(sum.bytes, 10 * 1620 + 10 * 46); // of IP, as received
	count = count_of(1);
	assert_int_equal(count_of(1).ended, 0);
	assert_int_equal(all_drops(&count), 0);
}

static void without_buffers_for_all_fragments_none_leaves(void **state)
{
	static struct rte_mbuf *taken[BUFFERS];
	unsigned n = 0;

	feed_many(1, ipv4(.payload = 1600), 1); // two fragments
	while ((taken[n] = rte_pktmbuf_alloc(worker_pool())) != NULL)
		n++;
	rte_pktmbuf_free(taken[--n]); // one buffer
	rounds();
	assert_int_equal(sent_on(2), 0);
	assert_int_equal(drops_of(1, DROP_no_buffer), 1);
	assert_int_equal(counters_read_settled(1), 1);
	assert_int_equal(packets(12, 0), 0);

	feed_many(1, ipv4(.payload = 1600), 1); // which takes that one
	rte_pktmbuf_free(taken[--n]);
	rte_pktmbuf_free(taken[--n]);
	rounds();
	assert_int_equal(sent_on(2), 2);
	assert_int_equal(packets(12, 0), 1);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
}

static void each_fragment_that_the_port_does_not_take_is_counted(void **state)
{
	unsigned before;

	nearly_fill(2, 0, 5);
	before = rte_ring_count(ports[2].tx[0]);
	feed_many(1, ipv4(.payload = 1600), 10);
	rounds();
	assert_int_equal(sent_on(2), before + 5);
	assert_int_equal(packets(12, 0), 10);
	assert_int_equal(drops_of(1, DROP_tx_full), 20 - 5);
}

static unsigned detachments;

static void detached(void *arg)
{
	detachments++;
}

static void a_port_that_is_removed_under_way_takes_nothing(void **state)
{
	feed_many(1, ipv4(), 10);
	worker_round(0); // they lie in the hand-over ring of worker 1
	port_detach(ports[2].id, detached, NULL);
	feed_many(1, ipv4(), 3); // decided while the egress is still published
	rounds();
	assert_int_equal(sent_on(2), 0);
	assert_int_equal(drops_of(1, DROP_egress_down), 13);
	assert_int_equal(packets(12, 0), 13);

	feed_many(2, ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC1), 5);
	assert_int_equal(rounds(), 0); // polled no more
	assert_int_equal(detachments, 0);
	grace();
	assert_int_equal(detachments, 1);
	assert_false(port_link_up(ports[2].id)); // stopped
}

static void a_port_outlives_all_but_its_last_user(void **state)
{
	struct port_info info;
	char error[256];

	assert_int_equal(port_attach(ports[2].device, &info, error, sizeof(error)), 0);
	assert_int_equal(info.id, ports[2].id);
	port_detach(ports[2].id, detached, NULL);
	// The last one leaves while the grace period of the first runs.
	assert_int_equal(rcu_poll() > 0, true);
	port_detach(ports[2].id, detached, NULL);
	for (unsigned i = 0; detachments == 0; i++) {
		assert_in_range(i, 0, 10);
		rcu_poll();
		for (unsigned worker = 0; worker < WORKERS; worker++)
			worker_round(worker);
	}
	assert_int_equal(detachments, 1);
	assert_true(port_link_up(ports[2].id)); // its own grace period is not over
	assert_int_equal(port_attach(ports[2].device, &info, error, sizeof(error)), -EBUSY);
	grace();
	assert_int_equal(detachments, 2);
	assert_false(port_link_up(ports[2].id));
	assert_int_equal(port_attach(ports[2].device, &info, error, sizeof(error)), 0);
	assert_true(port_link_up(ports[2].id));
}

static void a_port_that_is_none_is_refused(void **state)
{
	static const char *const devargs[] = {
		"",
		",iface=eth0",
		"net_nosuchdriver0",
		("a_name_longer_than_any_port_can_have_"
		 "a_name_longer_than_any_port_can_have_"),
	};

	for (unsigned i = 0; i < COUNT(devargs); i++) {
		struct port_info info;
		char error[256] = "";

		assert_true(port_attach(devargs[i], &info, error, sizeof(error)) < 0);
		assert_string_not_equal(error, "");
	}
}

static void an_icmp_error_comes_back_and_is_rate_limited(void **state)
{
	const unsigned n = 600;
	struct cloud_count count;
	struct rte_mbuf *sent;

	feed_many(1, ipv4(.ttl = 1), n);
	rounds();
	sent = ring_port_sent(&ports[1]);
	assert_non_null(sent);

	const uint8_t *frame = rte_pktmbuf_mtod(sent, const uint8_t *);
	struct mac router = mac_router(1);

	assert_memory_equal(frame, &router, 6);
	assert_int_equal(get32(frame + 14 + 12), ip("169.254.1.1"));
	assert_int_equal(get32(frame + 14 + 16), ip(PC1));
	assert_int_equal(frame[14 + 20], 11);
	rte_pktmbuf_free(sent);

	count = count_of(1);
	assert_int_equal(count.drops[DROP_ttl_exceeded], n);
	assert_in_range(count.icmp_sent, ICMP_BURST, ICMP_BURST + REFILL);
	assert_int_equal(count.icmp_limited, n - count.icmp_sent);
	assert_int_equal(sent_on(1), count.icmp_sent - 1);

	// Another cloud has tokens of its own.
	feed_many(2, ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC1, .ttl = 1), 1);
	rounds();
	assert_int_equal(count_of(2).icmp_sent, 1);
	assert_int_equal(sent_on(2), 1);
}

static void packet_too_big_tells_the_mtu_and_shares_the_rate(void **state)
{
	const unsigned n = 3 * ICMP_BURST;
	struct cloud_count count;
	struct rte_mbuf *sent;
	const uint8_t *frame;

	publish_egress(2, ports[2].id, 1400, true);
	feed_many(1, ipv6(.payload = 1361), 1);
	rounds();
	sent = ring_port_sent(&ports[1]);
	assert_non_null(sent);
	frame = rte_pktmbuf_mtod(sent, const uint8_t *);
	assert_int_equal(sent->data_len, 14 + 1280);
	assert_int_equal(frame[14 + 40], 2);
	assert_int_equal(get32(frame + 14 + 44), 1400);
	rte_pktmbuf_free(sent);
	assert_int_equal(sent_on(2), 0);

	feed_many(1, ipv6(.hop_limit = 1), n); // the tokens are those of IPv4, too
	feed_many(1, ipv4(.ttl = 1), n);
	rounds();
	count = count_of(1);
	assert_int_equal(count.drops[DROP_frag_needed], 1);
	assert_int_equal(count.drops[DROP_ttl_exceeded], 2 * n);
	assert_in_range(count.icmp_sent, ICMP_BURST, ICMP_BURST + REFILL);
	assert_int_equal(count.icmp_sent + count.icmp_limited, 2 * n + 1);
	assert_int_equal(sent_on(1), count.icmp_sent - 1);
}

static void count_frame(uint16_t cloud, const uint8_t *frame, size_t length, void *arg)
{
	++*(unsigned *)arg;
}

static void punts_are_rate_limited_by_cloud_and_kind(void **state)
{
	const unsigned n = 600;
	struct frame ping =
		ipv4(.source = "169.254.1.2", .destination = "169.254.1.1",
		     .protocol = IPPROTO_ICMP, .icmp_type = 8);
	struct cloud_count count;
	unsigned taken = 0;

	feed_many(1, arp(), n);
	rounds();
	feed_many(1, ping, n); // ARP over its rate leaves echo alone
	rounds();
	feed_many(1, nd(), n);
	rounds();
	feed_many(2, arp(.l2 = {.cloud = 2}, .sender = "169.254.2.2", .target = "169.254.2.1"), 1);
	rounds();
	count = count_of(1);
	assert_in_range(count.punts[PUNT_arp], ARP_BURST, ARP_BURST + REFILL);
	assert_in_range(count.punts[PUNT_echo], ECHO_BURST, ECHO_BURST + REFILL);
	assert_in_range(count.punts[PUNT_nd], ND_BURST, ND_BURST + REFILL);
	assert_int_equal(
		all_punts(&count) + count.drops[DROP_punt_limited] +
			count.drops[DROP_punt_ring_full],
		3 * n
	);
	assert_int_equal(count_of(2).punts[PUNT_arp], 1);
	while (punt_take(count_frame, &taken))
		;
	assert_int_equal(taken, all_punts(&count) + 1);
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		assert_int_equal(sent_on(cloud), 0); // up, and nowhere else
}

static void a_full_punt_ring_is_counted(void **state)
{
	struct frame frame = arp();
	struct rte_mbuf *mbuf = pool_buffer(worker_pool(), &frame);

	while (punt_put(mbuf, 1))
		mbuf = pool_buffer(worker_pool(), &frame);
	rte_pktmbuf_free(mbuf);
	feed_many(1, frame, 3);
	rounds();
	assert_int_equal(drops_of(1, DROP_punt_ring_full), 3);
	assert_int_equal(count_of(1).punts[PUNT_arp], 0);
}

static void the_control_thread_sends_by_the_owner_of_a_queue(void **state)
{
	struct frame frame = arp();
	struct rte_mbuf *mbuf = pool_buffer(worker_pool(), &frame);

	assert_false(worker_inject(mbuf, RTE_MAX_ETHPORTS - 1)); // no such port
	assert_true(worker_inject(mbuf, ports[2].id));
	assert_int_equal(worker_round(0), 0);
	assert_int_equal(worker_round(1), 1);
	assert_int_equal(sent_on(2), 1);

	for (unsigned i = 0; i < HANDOVER_HOLDS; i++) {
		mbuf = worker_buffer();
		assert_non_null(mbuf);
		assert_true(worker_inject(mbuf, ports[2].id));
	}
	mbuf = worker_buffer();
	assert_false(worker_inject(mbuf, ports[2].id)); // full
	rte_pktmbuf_free(mbuf);
}

// After the grace period of a change no frame leaves that was decided before it.

static void forget_interconnects(void)
{
	publish_table(1, NULL, 0);
	rcu_call(detached, NULL);
}

static void a_sleeping_owner_sends_nothing_by_an_old_table(void **state)
{
	rcu_worker_offline(1);
	feed_many(1, ipv4(), 10);
	worker_round(0); // in the hand-over ring of worker 1, which sleeps
	forget_interconnects();
	for (unsigned i = 0; i < 10; i++) {
		rcu_poll();
		worker_round(0);
	}
	assert_int_equal(detachments, 0); // frames may still leave
	rcu_worker_online(1);
	worker_round(1);
	assert_int_equal(sent_on(2), 10);
	grace();
	assert_int_equal(detachments, 1);
	feed_many(1, ipv4(), 10);
	rounds();
	assert_int_equal(sent_on(2), 0);
	assert_int_equal(drops_of(1, DROP_no_interconnect), 10);
}

static void an_owner_in_the_middle_of_its_round_sends_nothing_by_an_old_table(void **state)
{
	forget_interconnects();
	rcu_poll(); // the first pass begins
	rcu_worker_quiescent(1); // worker 1 ends a round, and empties its ring in the next ...

	// ... and only then worker 0, which had loaded the old table, hands over and reports.
	struct frame frame = ipv4();
	struct rte_mbuf *mbuf = pool_buffer(worker_pool(), &frame);

	assert_true(worker_inject(mbuf, ports[2].id));
	rcu_worker_quiescent(0);
	rcu_poll();
	rcu_worker_quiescent(1); // worker 1 ends that round: the frame still lies there
	rcu_worker_quiescent(0);
	rcu_poll();
	assert_int_equal(detachments, 0);
	grace();
	assert_int_equal(detachments, 1);
	assert_int_equal(sent_on(2), 1); // before the callback ran
	rounds();
	assert_int_equal(sent_on(2), 0);
}

static void grace_ends_though_frames_keep_coming(void **state)
{
	forget_interconnects();
	for (unsigned i = 0; detachments == 0; i++) {
		struct frame frame = arp();

		assert_in_range(i, 0, 10);
		assert_true(worker_inject(pool_buffer(worker_pool(), &frame), ports[2].id));
		worker_round(0);
		worker_round(1);
		assert_true(worker_inject(pool_buffer(worker_pool(), &frame), ports[2].id));
		rcu_poll();
	}
}

// Who polls what.

static bool polls(unsigned worker, unsigned cloud, uint16_t queue)
{
	const struct poll_list *list = exchange.polls[worker];
	bool found = false;

	for (unsigned i = 0; i < list->n; i++) {
		if (list->queue[i].port != ports[cloud].id || list->queue[i].queue != queue)
			continue;
		assert_false(found); // once is enough
		found = true;
	}
	return found;
}

static void check_polled_by(unsigned cloud, uint16_t queue, unsigned by)
{
	for (unsigned worker = 0; worker < WORKERS; worker++)
		check(polls(worker, cloud, queue) == (worker == by),
		      "queue %u of cloud %u, worker %u", queue, cloud, worker);
	assert_int_equal(placement_worker(ports[cloud].id, queue), by);
}

static void move(unsigned cloud, uint16_t queue, unsigned worker)
{
	assert_int_equal(placement_move(ports[cloud].id, queue, worker, detached, NULL), 0);
}

static void queues_are_dealt_out_in_turn(void **state)
{
	check_polled_by(1, 0, 0);
	check_polled_by(2, 0, 1);
	check_polled_by(3, 0, 0);
	check_polled_by(4, 0, 1);
	check_polled_by(4, 1, 0);
}

static void a_queue_is_polled_by_its_new_worker_once_the_old_one_let_go(void **state)
{
	move(1, 0, 1);
	check_polled_by(1, 0, PLACEMENT_NOBODY);
	feed_many(1, ipv4(), 10);
	for (unsigned i = 0; i < 10; i++) {
		rcu_poll();
		worker_round(1); // worker 0 is in the middle of a round, and may still read it
	}
	check_polled_by(1, 0, PLACEMENT_NOBODY);
	assert_int_equal(detachments, 0);
	assert_int_equal(worker_round(0), 0);
	assert_int_equal(sent_on(2), 0); // they wait in the rx ring
	feed_many(1, ipv4(), 10);
	grace();
	assert_int_equal(detachments, 1);
	check_polled_by(1, 0, 1);
	rounds();
	assert_int_equal(sent_on(2), 20);
	assert_int_equal(packets(12, 0), 20);
	// Only worker 1 was needed: it owns the tx queue as well.
	check_polled_by(2, 0, 1);
	check_polled_by(3, 0, 0);
	check_polled_by(4, 0, 1);
	check_polled_by(4, 1, 0);
}

static void a_sleeping_worker_holds_up_no_move(void **state)
{
	rcu_worker_offline(0);
	move(1, 0, 1);
	for (unsigned i = 0; i < 10 && detachments == 0; i++) {
		rcu_poll();
		worker_round(1);
	}
	assert_int_equal(detachments, 1);
	rcu_worker_online(0);
	feed_many(1, ipv4(), 10);
	assert_int_equal(worker_round(0), 0); // it wakes, and leaves it alone
	assert_int_equal(worker_round(1), 10);
	assert_int_equal(sent_on(2), 10);
}

static void each_queue_of_a_port_moves_alone(void **state)
{
	move(4, 0, 0);
	grace();
	check_polled_by(4, 0, 0);
	check_polled_by(4, 1, 0);
	move(4, 1, 1);
	grace();
	check_polled_by(4, 0, 0);
	check_polled_by(4, 1, 1);
	assert_int_equal(detachments, 2);
}

static void a_queue_on_its_way_does_not_turn_round(void **state)
{
	move(1, 0, 1);
	assert_int_equal(placement_move(ports[1].id, 0, 0, detached, NULL), -EBUSY);
	move(3, 0, 1); // another may
	grace();
	assert_int_equal(detachments, 2);
	check_polled_by(1, 0, 1);
	check_polled_by(3, 0, 1);
}

static void a_queue_that_is_there_already_stays(void **state)
{
	move(1, 0, 0);
	assert_int_equal(detachments, 1); // at once
	check_polled_by(1, 0, 0);
}

static void detach_and_attach(unsigned cloud)
{
	struct port_info info;
	char error[256];

	port_detach(ports[cloud].id, detached, NULL);
	grace();
	assert_int_equal(port_attach(ports[cloud].device, &info, error, sizeof(error)), 0);
}

static void a_placement_outlives_the_port(void **state)
{
	move(4, 0, 0);
	grace();
	detach_and_attach(4);
	check_polled_by(4, 0, 0);
	check_polled_by(4, 1, 0);
	// What another port of the exchange does is nothing to it.
	detach_and_attach(1);
	check_polled_by(4, 0, 0);
	check_polled_by(1, 0, 0);
}

static void a_port_may_go_while_its_queue_is_on_its_way(void **state)
{
	move(1, 0, 1);
	port_detach(ports[1].id, detached, NULL);
	grace();
	assert_int_equal(detachments, 2); // both are told
	for (unsigned worker = 0; worker < WORKERS; worker++)
		assert_false(polls(worker, 1, 0));

	struct port_info info;
	char error[256];

	assert_int_equal(port_attach(ports[1].device, &info, error, sizeof(error)), 0);
	check_polled_by(1, 0, 1); // as the operator said
}

static void another_port_may_come_while_a_queue_is_on_its_way(void **state)
{
	port_detach(ports[3].id, detached, NULL);
	grace();
	move(1, 0, 1);

	struct port_info info;
	char error[256];

	assert_int_equal(port_attach(ports[3].device, &info, error, sizeof(error)), 0);
	check_polled_by(1, 0, PLACEMENT_NOBODY); // all lists are new, and it is in none
	check_polled_by(3, 0, 0);
	grace();
	check_polled_by(1, 0, 1);
}

// On lcores.

// Frames of cloud 1 carry a number: each must leave, once, in order.
static void check_numbers(unsigned *next)
{
	struct rte_mbuf *sent;

	while ((sent = ring_port_sent(&ports[2])) != NULL) {
		unsigned id = get16(rte_pktmbuf_mtod(sent, uint8_t *) + ETHER_BYTES + 4);

		check(id == (*next & 0xffff), "%u instead of %u", id, *next & 0xffff);
		++*next;
		rte_pktmbuf_free(sent);
	}
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// Until both queues of port 4 have shown since 'since' that they are polled.
static bool both_beat_since(const uint64_t *beats, uint64_t since)
{
	for (unsigned i = 0; i < 10000; i++) {
		if (__atomic_load_n(&beats[0], __ATOMIC_RELAXED) > since &&
		    __atomic_load_n(&beats[3], __ATOMIC_RELAXED) > since)
			return true;
		usleep(1000);
	}
	return false;
}

static void who_polls_a_queue_shows_it_where_he_is_told_to(void **state)
{
	static uint64_t beats[6];
	uint64_t last;

	memset(beats, 0, sizeof(beats));
	assert_int_equal(placement_beat(ports[4].id, beats, 3), 0);
	assert_int_equal(workers_start(), 0);
	assert_true(both_beat_since(beats, monotonic_ns() - 1));
	assert_true(both_beat_since(beats, monotonic_ns())); // again and again
	assert_true(beats[0] <= monotonic_ns() && beats[3] <= monotonic_ns());
	assert_int_equal(beats[1] | beats[2] | beats[4] | beats[5], 0);

	// Whoever takes a queue over goes on with it; nobody does when it is to end.
	move(4, 1, 1);
	while (detachments == 0)
		rcu_poll();
	assert_true(both_beat_since(beats, monotonic_ns()));
	detachments = 0;
	assert_int_equal(placement_beat(ports[4].id, NULL, 0), 0);
	rcu_call(detached, NULL);
	while (detachments == 0)
		rcu_poll();
	last = __atomic_load_n(&beats[0], __ATOMIC_RELAXED);
	usleep(30000); // six times what lies between two
	assert_true(__atomic_load_n(&beats[0], __ATOMIC_RELAXED) == last);
	workers_stop();
}

static void moves_under_running_workers_lose_and_reorder_nothing(void **state)
{
	unsigned fed = 0;
	unsigned seen = 0;

	assert_int_equal(workers_start(), 0);
	for (unsigned i = 0; i < 400; i++) {
		detachments = 0;
		move(1, 0, !placement_worker(ports[1].id, 0));
		while (detachments == 0) {
			for (unsigned n = random_below(32); n > 0 && fed - seen < 1000; n--) {
				struct frame frame = ipv4(.id = fed++ & 0xffff);

				feed(1, &frame);
			}
			check_numbers(&seen);
			rcu_poll();
		}
	}
	for (unsigned i = 0; seen < fed; i++) {
		check(i < 100000, "%u of %u frames", seen, fed);
		usleep(100);
		check_numbers(&seen);
	}
	workers_stop();
	assert_in_range(seen, 100, UINT32_MAX);
	assert_int_equal(packets(12, 0), seen);
}

static unsigned lying; // frames on the tx ring when grace ended
static bool over;

static void note_end(void *arg)
{
	lying = rte_ring_count(ports[2].tx[0]);
	over = true;
}

// ICMP errors of cloud 1, and with 'all' what lies on port 2.
static void throw_away(bool all)
{
	struct rte_mbuf *mbuf;

	while ((mbuf = ring_port_sent(&ports[1])) != NULL)
		rte_pktmbuf_free(mbuf);
	while (all && (mbuf = ring_port_sent(&ports[2])) != NULL)
		rte_pktmbuf_free(mbuf);
}

static void feed_some(void)
{
	struct frame frame = ipv4();

	if (rte_ring_count(ports[1].rx[0]) < 256)
		feed_many(1, frame, 1 + random_below(64));
}

static void running_workers_send_nothing_after_the_answer(void **state)
{
	unsigned passed = 0;

	assert_int_equal(workers_start(), 0);
	for (unsigned i = 0; i < 150; i++) {
		publish_table(1, links, COUNT(links));
		for (unsigned j = random_below(20); j > 0; j--) {
			feed_some();
			throw_away(false);
			rcu_poll();
			if (random_below(3) == 0)
				usleep(random_below(400)); // long enough for workers to sleep
		}
		passed += rte_ring_count(ports[2].tx[0]);
		throw_away(true);

		over = false;
		publish_table(1, NULL, 0);
		rcu_call(note_end, NULL);
		while (!over) {
			if (random_below(8) == 0)
				feed_some();
			throw_away(false);
			rcu_poll();
		}
		usleep(random_below(1000));
		check(rte_ring_count(ports[2].tx[0]) == lying,
		      "change %u: %u frames passed after it", i,
		      rte_ring_count(ports[2].tx[0]) - lying);
		throw_away(true);
	}
	workers_stop();
	assert_in_range(passed, 1000, 1000000);

	struct worker_count count;

	counters_read_worker(0, &count);
	assert_in_range(count.busy_tsc, 1, count.total_tsc);
}

static void workers_stop_and_leave_no_one_waiting(void **state)
{
	assert_int_equal(workers_start(), 0);
	workers_stop();
	feed_many(1, ipv4(), 1);

	struct frame frame = arp();

	// A frame on a ring that nobody will empty must not hold up the end.
	assert_true(worker_inject(pool_buffer(worker_pool(), &frame), ports[2].id));
	rcu_call(detached, NULL);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(detachments, 1);
}

static void attach(unsigned cloud)
{
	struct port_info info;
	char error[256];

	if (port_attach(ports[cloud].device, &info, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_int_equal(info.id, ports[cloud].id);
	publish_table((uint16_t)cloud, links, COUNT(links));
	publish_ingress((uint16_t)cloud);
	publish_egress((uint16_t)cloud, info.id, MTU, true);
	assert_int_equal(port_set_cloud(info.id, cloud_vlan(cloud), (uint16_t)cloud), 0);
}

static int set_up_lcores(void **state)
{
	detachments = 0;
	assert_int_equal(workers_init(WORKERS, BUFFERS), 0);
	assert_int_equal(punt_init(), 0);
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		attach(cloud);
	return 0;
}

static int set_up(void **state)
{
	set_up_lcores(state);
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		rcu_worker_register(worker);
		rcu_worker_online(worker);
	}
	grace();
	return 0;
}

static int tear_down(void **state)
{
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		rcu_worker_register(worker);
		rcu_worker_online(worker);
	}
	rounds();
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		if (exchange.ports[ports[cloud].id] != NULL)
			port_detach(ports[cloud].id, detached, NULL);
	grace();
	placement_forget();
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		rcu_worker_offline(worker);
		rcu_worker_unregister(worker);
	}
	exchange_clear();
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		sent_on(cloud);
	punt_free();
	assert_true(rte_mempool_full(worker_pool())); // no buffer was lost
	workers_free();
	return 0;
}

static int start(void **state)
{
	eal_start(WORKERS);
	ring_port_create(&ports[1], "one", 1, PORT_RING);
	ring_port_create(&ports[2], "two", 1, PORT_RING);
	ring_port_create(&ports[3], "three", 1, PORT_RING);
	ring_port_create(&ports[4], "four", 2, PORT_RING);
	for (unsigned cloud = 1; cloud <= CLOUDS; cloud++)
		assert_int_equal(ports[cloud].id, cloud - 1); // who owns which queue rests on it
	return 0;
}

static int end(void **state)
{
	rte_eal_cleanup();
	return 0;
}

#define worker_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define lcore_test(f) cmocka_unit_test_setup_teardown(f, set_up_lcores, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(a_frame_leaves_by_the_port_of_the_destination),
		worker_test(a_worker_without_the_tx_queue_hands_over_to_its_owner),
		worker_test(a_worker_with_a_tx_queue_of_its_own_sends_itself),
		worker_test(order_is_kept_within_a_flow),
		worker_test(every_frame_is_counted_once),
		worker_test(a_burst_for_several_interconnects_is_counted_by_each),
		worker_test(a_frame_in_several_buffers_is_dropped),
		worker_test(a_tag_that_the_driver_stripped_is_the_frames_tag),
		worker_test(what_the_port_does_not_take_is_counted_as_tx_full),
		worker_test(what_the_port_does_not_take_at_once_is_counted_as_tx_full),
		worker_test(what_is_lost_counts_for_the_cloud_that_it_came_from),
		worker_test(what_waits_for_a_port_is_not_overtaken),
		worker_test(an_icmp_error_that_is_lost_is_not_one_more_drop_of_the_cloud),
		worker_test(what_the_owner_does_not_fetch_is_counted_as_tx_ring_full),
		worker_test(what_is_larger_than_the_mtu_leaves_in_fragments_and_counts_once),
		worker_test(without_buffers_for_all_fragments_none_leaves),
		worker_test(each_fragment_that_the_port_does_not_take_is_counted),
		worker_test(a_port_that_is_removed_under_way_takes_nothing),
		worker_test(a_port_outlives_all_but_its_last_user),
		worker_test(a_port_that_is_none_is_refused),
		worker_test(an_icmp_error_comes_back_and_is_rate_limited),
		worker_test(packet_too_big_tells_the_mtu_and_shares_the_rate),
		worker_test(punts_are_rate_limited_by_cloud_and_kind),
		worker_test(a_full_punt_ring_is_counted),
		worker_test(the_control_thread_sends_by_the_owner_of_a_queue),
		worker_test(a_sleeping_owner_sends_nothing_by_an_old_table),
		worker_test(an_owner_in_the_middle_of_its_round_sends_nothing_by_an_old_table),
		worker_test(grace_ends_though_frames_keep_coming),
		worker_test(queues_are_dealt_out_in_turn),
		worker_test(a_queue_is_polled_by_its_new_worker_once_the_old_one_let_go),
		worker_test(a_sleeping_worker_holds_up_no_move),
		worker_test(each_queue_of_a_port_moves_alone),
		worker_test(a_queue_on_its_way_does_not_turn_round),
		worker_test(a_queue_that_is_there_already_stays),
		worker_test(a_placement_outlives_the_port),
		worker_test(a_port_may_go_while_its_queue_is_on_its_way),
		worker_test(another_port_may_come_while_a_queue_is_on_its_way),
		lcore_test(moves_under_running_workers_lose_and_reorder_nothing),
		lcore_test(who_polls_a_queue_shows_it_where_he_is_told_to),
		lcore_test(running_workers_send_nothing_after_the_answer),
		lcore_test(workers_stop_and_leave_no_one_waiting),
	};

	int failed;

	random_start();
	quickly = true;
	failed = cmocka_run_group_tests_name("worker: the quick way", tests, start, NULL);
	quickly = false;
	return failed + cmocka_run_group_tests_name("worker: the stages", tests, NULL, end);
}
