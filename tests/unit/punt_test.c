// SPDX-License-Identifier: BSD-3-Clause
// Frames between workers and the control thread: the ring and its bell up, the allow-list down.
#include "dataplane/port.h"
#include "dataplane/punt.h"
#include "dataplane/worker.h"
#include "fixture.h"
#include "frame_ipv6.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BUFFERS 4095
#define RING_HOLDS 1023
#define TAKE_MAX 256

static struct ring_port port;
static struct ring_port port4;

static bool rings(int timeout_ms)
{
	struct pollfd bell = {.fd = punt_bell(), .events = POLLIN};

	return poll(&bell, 1, timeout_ms) == 1;
}

// What was taken last.
struct taken {
	unsigned n;
	uint16_t cloud;
	struct frame frame;
};

static void take(uint16_t cloud, const uint8_t *frame, size_t length, void *arg)
{
	struct taken *taken = arg;

	taken->n++;
	taken->cloud = cloud;
	taken->frame.length = (unsigned)length;
	memcpy(taken->frame.bytes, frame, length);
}

static void put(const struct frame *frame, uint16_t cloud)
{
	assert_true(punt_put(pool_buffer(worker_pool(), frame), cloud));
}

static void a_frame_put_is_taken_with_its_cloud(void **state)
{
	struct frame frame = arp();
	struct taken taken = {};

	assert_false(punt_take(take, &taken));
	assert_int_equal(taken.n, 0);
	put(&frame, 4095);
	assert_false(punt_take(take, &taken));
	assert_int_equal(taken.n, 1);
	assert_int_equal(taken.cloud, 4095);
	assert_int_equal(taken.frame.length, frame.length);
	assert_memory_equal(taken.frame.bytes, frame.bytes, frame.length);
}

static void a_tag_does_not_go_up(void **state)
{
	struct frame tagged = arp(.l2 = {.cloud = 4, .tagged = true, .tci = 0xe000 | 104});
	struct frame untagged = arp(.l2 = {.cloud = 4});
	struct taken taken = {};

	put(&tagged, 4);
	punt_take(take, &taken);
	assert_int_equal(taken.frame.length, untagged.length);
	assert_memory_equal(taken.frame.bytes, untagged.bytes, untagged.length);
}

static void the_bell_rings_while_frames_wait_and_is_silent_when_they_are_taken(void **state)
{
	struct frame frame = arp();
	struct taken taken = {};

	assert_false(rings(0));
	put(&frame, 1);
	assert_true(rings(0));
	put(&frame, 1);
	put(&frame, 1);
	assert_true(rings(0));
	assert_false(punt_take(take, &taken));
	assert_int_equal(taken.n, 3);
	assert_false(rings(0));
	put(&frame, 1); // and again
	assert_true(rings(0));
	assert_false(punt_take(take, &taken));
	assert_false(rings(0));
}

static void a_take_is_bounded_and_says_that_more_wait(void **state)
{
	struct frame frame = arp();
	struct taken taken = {};

	for (unsigned i = 0; i < TAKE_MAX + 10; i++)
		put(&frame, 1);
	assert_true(punt_take(take, &taken));
	assert_int_equal(taken.n, TAKE_MAX);
	assert_false(punt_take(take, &taken));
	assert_int_equal(taken.n, TAKE_MAX + 10);
	assert_false(rings(0));
}

static void a_full_ring_takes_no_more(void **state)
{
	struct frame frame = arp();
	struct taken taken = {};
	struct rte_mbuf *more = pool_buffer(worker_pool(), &frame);

	for (unsigned i = 0; i < RING_HOLDS; i++)
		put(&frame, 1);
	assert_false(punt_put(more, 1));
	assert_true(rings(0));
	while (punt_take(take, &taken))
		;
	assert_int_equal(taken.n, RING_HOLDS);
	assert_true(punt_put(more, 1)); // it is still the caller's
	assert_true(rings(0));
	punt_take(take, &taken);
	assert_int_equal(taken.n, RING_HOLDS + 1);
}

static void the_bell_rings_after_a_start_with_frames_left_behind(void **state)
{
	struct frame frame = arp();
	struct taken taken = {};

	put(&frame, 1);
	punt_free(); // frees what was on the ring
	assert_int_equal(punt_init(), 0);
	assert_false(rings(0));
	assert_false(punt_take(take, &taken));
	assert_int_equal(taken.n, 0);

	punt_free();
	assert_int_equal(punt_init(), 0);
	put(&frame, 1);
	punt_free();
	assert_int_equal(punt_init(), 0);
	put(&frame, 1);
	assert_true(rings(0));
	punt_take(take, &taken);
	assert_int_equal(taken.n, 1);
}

// Two threads put, one takes and sleeps on the bell in between.

#define PRODUCERS 2
#define EACH 20000

static void *produce(void *arg)
{
	unsigned producer = (unsigned)(uintptr_t)arg;

	for (uint32_t i = 0; i < EACH; i++) {
		struct rte_mbuf *mbuf;

		while ((mbuf = rte_pktmbuf_alloc(worker_pool())) == NULL)
			sched_yield();
		memset(rte_pktmbuf_append(mbuf, 64), 0, 64);
		put32(rte_pktmbuf_mtod(mbuf, uint8_t *), i);
		while (!punt_put(mbuf, (uint16_t)producer))
			sched_yield();
		if (i % 7 == 0)
			sched_yield();
	}
	return NULL;
}

static unsigned next[PRODUCERS];

static void in_order(uint16_t cloud, const uint8_t *frame, size_t length, void *arg)
{
	assert_in_range(cloud, 0, PRODUCERS - 1);
	assert_int_equal(get32(frame), next[cloud]);
	next[cloud]++;
}

static void no_wake_up_is_lost(void **state)
{
	pthread_t threads[PRODUCERS];

	for (unsigned i = 0; i < PRODUCERS; i++) {
		next[i] = 0;
		assert_int_equal(
			pthread_create(&threads[i], NULL, produce, (void *)(uintptr_t)i), 0
		);
	}
	while (next[0] < EACH || next[1] < EACH) {
		// As control/main.c does: wait for the bell, unless more is known to wait.
		if (!rings(5000))
			fail_msg("asleep with %u and %u taken", next[0], next[1]);
		while (punt_take(in_order, NULL))
			;
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	// A bell may ring once for nothing, but not for ever.
	punt_take(in_order, NULL);
	assert_false(rings(0));
}

// Down. What the kernel sends on the control netdev of cloud 1: from our MAC, untagged.

static struct frame of_kernel(struct frame frame)
{
	struct mac to = mac_router(1);
	struct mac from = MAC_OTHER; // the TAP's

	memcpy(frame.bytes, &to, 6);
	memcpy(frame.bytes + 6, &from, 6);
	return frame;
}

static struct frame shortened(struct frame frame, unsigned length)
{
	frame.length = length;
	return frame;
}

static void only_frames_of_the_gateway_leave(void **state)
{
	const char *gateway = "169.254.1.1";
	const char *router = "169.254.1.2";
	const struct {
		const char *text;
		struct frame frame;
		int code;
	} cases[] = {
		{"ARP reply of the gateway",
		 arp(.sender = gateway, .target = router, .operation = ARP_REPLY), 0},
		{"ARP request of the gateway", arp(.sender = gateway, .target = router), 0},
		{"ARP announcement of the gateway", arp(.sender = gateway), 0},
		{"ARP of another", arp(.sender = router), -EPERM},
		{"ARP of nobody", arp(.sender = "0.0.0.0"), -EPERM},
		{"ARP of a peer's gateway", arp(.sender = "169.254.2.1"), -EPERM},
		{"short ARP", arp(.sender = gateway, .shorter = 1), -EPERM},
		{"IPv4 of the gateway",
		 ipv4(.source = gateway, .destination = router, .protocol = IPPROTO_ICMP), 0},
		{"IPv4 of another", ipv4(.destination = router), -EPERM},
		{"IPv4 of the router", ipv4(.source = router), -EPERM},
		{"IGMP of nobody",
		 ipv4(.source = "0.0.0.0", .destination = "224.0.0.22", .protocol = 2), -EPERM},
		{"IPv4 header of 20 bytes",
		 ipv4(.source = gateway, .destination = router, .payload = NO_PAYLOAD), 0},
		{"IPv4 header cut", shortened(ipv4(.source = gateway, .destination = router), 33),
		 -EPERM},
		{"solicitation of the gateway",
		 nd(.source = GATEWAY_6, .target = ROUTER_6, .destination = "ff02::1:ff00:2"), 0},
		{"solicitation of our link-local address",
		 nd(.source = LINK_LOCAL, .target = ROUTER_6, .destination = "ff02::1:ff00:2"), 0},
		{"solicitation of another link-local address",
		 nd(.source = ROUTER_LINK_LOCAL, .target = ROUTER_6), -EPERM},
		{"solicitation of nobody (a probe)", nd(.source = "::", OPTIONS(NO_OPTIONS)),
		 -EPERM},
		{"solicitation of the router", nd(.source = ROUTER_6), -EPERM},
		{"solicitation of a peer's gateway", nd(.source = "fd00:2:ffff::1"), -EPERM},
		{"advertisement of the gateway",
		 nd(.type = ADVERTISEMENT, .source = GATEWAY_6, .destination = ROUTER_6), 0},
		{"advertisement of our link-local address",
		 nd(.type = ADVERTISEMENT, .source = LINK_LOCAL, .target = LINK_LOCAL,
		    .destination = ROUTER_LINK_LOCAL),
		 0},
		{"solicitation of our link-local address with hop limit 254",
		 nd(.source = LINK_LOCAL, .hop_limit = 254), -EPERM},
		{"router solicitation", nd(.type = 133, .source = LINK_LOCAL), -EPERM},
		{"router advertisement", nd(.type = 134, .source = LINK_LOCAL), -EPERM},
		{"redirect", nd(.type = 137, .source = LINK_LOCAL), -EPERM},
		{"listener report", nd(.type = 143, .source = LINK_LOCAL), -EPERM},
		{"listener report behind options",
		 ipv6(EXTENSIONS(HOP_BY_HOP, "\x3a\0\5\2\0\0\1\0"), .source = LINK_LOCAL,
		      .hop_limit = 255, .icmp_type = SOLICITATION),
		 -EPERM},
		{"UDP of our link-local address", ipv6(.source = LINK_LOCAL, .hop_limit = 255),
		 -EPERM},
		{"one byte of ICMP of our link-local address",
		 ipv6(.source = LINK_LOCAL, .next = ICMP6, .hop_limit = 255, .payload = 1,
		      .icmp_type = SOLICITATION),
		 -EPERM},
		{"IPv6 of the gateway", ipv6(.source = GATEWAY_6, .destination = ROUTER_6), 0},
		{"IPv6 of another", ipv6(.destination = ROUTER_6), -EPERM},
		{"IPv6 of the router", ipv6(.source = ROUTER_6), -EPERM},
		{"IPv6 header of 40 bytes",
		 shortened(ipv6(.source = GATEWAY_6, .destination = ROUTER_6), 54), 0},
		{"IPv6 header cut",
		 shortened(ipv6(.source = GATEWAY_6, .destination = ROUTER_6), 53), -EPERM},
		{"IPv6 in name only", l2_frame((struct l2){}, 0x86dd), -EPERM},
		{"LLDP", l2_frame((struct l2){}, 0x88cc), -EPERM},
		{"tagged", arp(.l2 = {.tagged = true, .tci = 5}, .sender = gateway), -EPERM},
		{"half an Ethernet header", shortened(arp(), 13), -EPERM},
		{"nothing", shortened(arp(), 0), -EPERM},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct frame frame = of_kernel(cases[i].frame);
		struct mac ours = mac_ours(1);
		// At the end of a block, so that a sanitizer sees what is read beyond.
		uint8_t *copy = malloc(frame.length ? frame.length : 1);
		struct rte_mbuf *sent;

		assert_non_null(copy);
		memcpy(copy, frame.bytes, frame.length);
		check(punt_send(1, copy, frame.length) == cases[i].code, "%s", cases[i].text);
		free(copy);
		worker_round(0);
		sent = ring_port_sent(&port);
		if (cases[i].code < 0) {
			check(sent == NULL, "%s: sent", cases[i].text);
			continue;
		}
		memcpy(frame.bytes + 6, &ours, 6); // from our MAC on the T0 port
		check(sent != NULL && sent->data_len == frame.length &&
			      memcmp(rte_pktmbuf_mtod(sent, void *), frame.bytes, frame.length) ==
				      0,
		      "%s: other bytes", cases[i].text);
		rte_pktmbuf_free(sent);
		assert_null(ring_port_sent(&port));
	}
}

static void a_tagged_cloud_gets_its_tag(void **state)
{
	struct frame frame = arp(.l2 = {.cloud = 4}, .sender = "169.254.4.1");
	struct frame expected =
		arp(.l2 = {.cloud = 4, .tagged = true, .tci = 104}, .sender = "169.254.4.1");
	struct mac ours = mac_ours(4);
	struct rte_mbuf *sent;

	assert_int_equal(punt_send(4, frame.bytes, frame.length), 0);
	memcpy(expected.bytes + 6, &ours, 6);
	worker_round(0);
	assert_null(ring_port_sent(&port));
	sent = ring_port_sent(&port4);
	assert_non_null(sent);
	assert_int_equal(sent->data_len, expected.length);
	assert_memory_equal(rte_pktmbuf_mtod(sent, void *), expected.bytes, expected.length);
	rte_pktmbuf_free(sent);
}

static void arp_leaves_while_the_router_is_unresolved(void **state)
{
	struct frame frame = arp(.sender = "169.254.1.1");

	publish_egress(1, port.id, MTU, false);
	assert_int_equal(punt_send(1, frame.bytes, frame.length), 0);
	worker_round(0);
	assert_int_equal(ring_port_drain(&port), 1);
}

static void a_cloud_without_port_or_gateway_sends_nothing(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct frame frame = arp(.sender = "0.0.0.0");
	struct frame of_nobody = ipv6(.source = "::");
	struct frame probe = nd(.source = "::");

	assert_int_equal(punt_send(2, frame.bytes, frame.length), -ENOENT);
	assert_non_null(ingress);
	exchange_set_ingress(1, ingress);
	assert_int_equal(punt_send(1, frame.bytes, frame.length), -EPERM);
	assert_int_equal(punt_send(1, of_nobody.bytes, of_nobody.length), -EPERM);
	assert_int_equal(punt_send(1, probe.bytes, probe.length), -EPERM);
	exchange_set_egress(1, NULL);
	assert_int_equal(punt_send(1, frame.bytes, frame.length), -ENOENT);
}

static void what_does_not_fit_a_buffer_or_the_ring_is_refused(void **state)
{
	static uint8_t huge[RTE_MBUF_DEFAULT_DATAROOM + 1];
	struct frame frame = arp(.sender = "169.254.1.1");
	unsigned sent = 0;

	memcpy(huge, frame.bytes, frame.length);
	assert_int_equal(punt_send(1, huge, sizeof(huge)), -ENOBUFS);
	assert_int_equal(punt_send(1, huge, sizeof(huge) - 1), 0);
	worker_round(0);
	assert_int_equal(ring_port_drain(&port), 1);

	// Until the buffers, or the ring, are used up: no more, and nothing is lost of them.
	while (punt_send(1, frame.bytes, frame.length) == 0)
		sent++;
	assert_in_range(sent, BUFFERS / 2, BUFFERS);
	assert_int_equal(punt_send(1, frame.bytes, frame.length), -ENOBUFS);
}

static void publish_on(uint16_t cloud, const struct ring_port *on)
{
	publish_table(cloud, NULL, 0);
	publish_ingress(cloud);
	publish_egress(cloud, on->id, MTU, true);
	assert_int_equal(port_set_cloud(on->id, cloud_vlan(cloud), cloud), 0);
}

static int set_up(void **state)
{
	struct port_info info;
	char error[256];

	assert_int_equal(workers_init(1, BUFFERS), 0);
	assert_int_equal(punt_init(), 0);
	assert_int_equal(port_attach(port.device, &info, error, sizeof(error)), 0);
	assert_int_equal(port_attach(port4.device, &info, error, sizeof(error)), 0);
	publish_on(1, &port);
	publish_on(4, &port4);
	return 0;
}

static void detached(void *arg)
{
}

static int tear_down(void **state)
{
	port_detach(port.id, detached, NULL);
	port_detach(port4.id, detached, NULL);
	while (worker_round(0) > 0)
		;
	exchange_clear();
	ring_port_drain(&port);
	ring_port_drain(&port4);
	punt_free();
	assert_true(rte_mempool_full(worker_pool())); // no buffer was lost
	workers_free();
	return 0;
}

static int start(void **state)
{
	eal_start(0);
	ring_port_create(&port, "one", 1, 4096);
	ring_port_create(&port4, "four", 1, 64);
	return 0;
}

static int end(void **state)
{
	rte_eal_cleanup();
	return 0;
}

#define punt_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		punt_test(a_frame_put_is_taken_with_its_cloud),
		punt_test(a_tag_does_not_go_up),
		punt_test(the_bell_rings_while_frames_wait_and_is_silent_when_they_are_taken),
		punt_test(a_take_is_bounded_and_says_that_more_wait),
		punt_test(a_full_ring_takes_no_more),
		punt_test(the_bell_rings_after_a_start_with_frames_left_behind),
		punt_test(no_wake_up_is_lost),
		punt_test(only_frames_of_the_gateway_leave),
		punt_test(a_tagged_cloud_gets_its_tag),
		punt_test(arp_leaves_while_the_router_is_unresolved),
		punt_test(a_cloud_without_port_or_gateway_sends_nothing),
		punt_test(what_does_not_fit_a_buffer_or_the_ring_is_refused),
	};

	return cmocka_run_group_tests_name("punt", tests, start, end);
}
