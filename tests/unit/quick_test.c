// SPDX-License-Identifier: BSD-3-Clause
// The quick way against the stages: what it forwards they forward, to the last byte and by the same
// interconnect; what it leaves it has not touched; and what is plain and good it does not leave.
#include "dataplane/quick.h"

#include "fixture.h"
#include "frame_ipv6.h"

// A region at random: clouds 1 and 2 untagged on ports of their own, all others on a trunk, of
// which cloud 3 is the untagged one. Cloud N has prefixes in 10.N.0.0/16 and fd00:N::/32, some of
// these longer than half an address; cloud 1 so many that the head of its table cannot hold them,
// cloud 2 more than lines of their own can, cloud 1 so many peers that its tree has more than one
// level.
#define CLOUDS 40
#define INTERCONNECTS (CLOUDS * 101 + 1)
#define PORTS 3
#define TRUNK 3
#define HEADROOM_BYTES 128
#define GARBAGE_BYTES 64 // behind a frame, in its buffer
#define BURSTS 4000

static bool linked[CLOUDS + 1][CLOUDS + 1];
static unsigned n_prefixes[CLOUDS + 1];

static uint16_t port_of(unsigned cloud)
{
	return (uint16_t)(cloud < TRUNK ? cloud : TRUNK);
}

static uint16_t vlan_of(unsigned cloud)
{
	return (uint16_t)(cloud > TRUNK ? 100 + cloud : 0);
}

static uint32_t interconnect_of(unsigned a, unsigned b)
{
	return a < b ? a * 100 + b : b * 100 + a;
}

static void add_routes(struct route *routes, unsigned *n, unsigned cloud, leaf_t leaf)
{
	char text[PREFIX_STRLEN];

	for (unsigned i = 0; i < n_prefixes[cloud]; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/%u", cloud, i * 2, 24 + i % 3);
		routes[(*n)++] = (struct route){prefix_of(text), leaf};
		snprintf(text, sizeof(text), "fd00:%u:%u::/%u", cloud, i * 2, 48 + i % 4 * 24);
		routes[(*n)++] = (struct route){prefix_of(text), leaf};
	}
}

static void publish_routes(uint16_t cloud)
{
	static struct route routes[2 * CLOUDS * 100];
	const struct prefix holes[] = {prefix_of("10.1.4.1/32"), prefix_of("10.9.0.0/28")};
	struct table *table;
	unsigned n = 0;

	add_routes(routes, &n, cloud, leaf_local(cloud));
	for (uint16_t peer = 1; peer <= CLOUDS; peer++)
		if (linked[cloud][peer])
			add_routes(routes, &n, peer, leaf_via(peer, interconnect_of(cloud, peer)));
	table = table_build(routes, n, holes, 2);
	assert_non_null(table);
	exchange_set_table(cloud, table);
}

static void publish_ends(uint16_t cloud)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct mac ours = mac_ours(port_of(cloud)), router = mac_router(cloud);
	struct rte_ether_addr from, to;
	struct egress *egress;

	assert_non_null(ingress);
	memcpy(&ingress->mac, &ours, sizeof(ours));
	memcpy(&from, &ours, sizeof(ours));
	memcpy(&to, &router, sizeof(router));
	ingress->cloud = cloud;
	ingress->gateway = ip("169.254.0.1");
	ingress->router = ip("169.254.0.2");
	exchange_set_ingress(cloud, ingress);
	egress = egress_build(
		port_of(cloud), vlan_of(cloud), cloud % 5 == 0 ? 600 : 1500, &from,
		cloud % 11 == 0 ? NULL : &to
	);
	assert_non_null(egress);
	if (cloud % 13 == 0)
		egress_disable(egress, DROP_egress_down);
	exchange_set_egress(cloud, cloud % 17 == 0 ? NULL : egress);
	if (cloud % 17 == 0)
		free(egress);
}

static void publish_ports(void)
{
	for (uint16_t port = 1; port <= PORTS; port++) {
		struct port_map *map = calloc(1, sizeof(*map));
		struct mac mac = mac_ours(port);

		assert_non_null(map);
		memcpy(&map->mac, &mac, sizeof(mac));
		map->clouds[UNTAGGED] = port;
		map->trunk = port == TRUNK;
		for (uint16_t cloud = TRUNK + 1; port == TRUNK && cloud <= CLOUDS; cloud++)
			map->clouds[vlan_of(cloud)] = cloud;
		exchange_set_port(port, map);
	}
}

static void publish_region(void)
{
	// Local space in the head of a table up to 6, in two lines up to 16, in four up to 32.
	static const unsigned counts[] = {25, 90, 6, 7, 16, 17, 32, 33};

	for (unsigned a = 1; a <= CLOUDS; a++) {
		n_prefixes[a] = a <= RTE_DIM(counts) ? counts[a - 1] : 1 + random_below(8);
		for (unsigned b = 1; b < a; b++)
			linked[a][b] = linked[b][a] = b == 1 || random_below(3) == 0;
	}
	for (uint16_t cloud = 1; cloud <= CLOUDS; cloud++) {
		publish_routes(cloud);
		publish_ends(cloud);
	}
	publish_ports();
}

// An address of a cloud's, or one beside.
static const char *address(char text[static 32], unsigned cloud, bool inside)
{
	unsigned i = random_below(n_prefixes[cloud]);

	snprintf(
		text, 32, "10.%u.%u.%u", cloud, inside ? i * 2 : random_below(256),
		2 + (inside ? random_below(60) : random_below(250))
	);
	return text;
}

static const char *address6(char text[static 48], unsigned cloud)
{
	unsigned i = random_below(n_prefixes[cloud]);

	snprintf(text, 48, "fd00:%u:%u::%u", cloud, i * 2, random_below(60));
	return text;
}

static unsigned random_peer(unsigned cloud)
{
	unsigned peer;

	do
		peer = 1 + random_below(CLOUDS);
	while (!linked[cloud][peer]);
	return peer;
}

static unsigned random_cloud(uint16_t port)
{
	return port < TRUNK ? port : TRUNK + random_below(CLOUDS - TRUNK + 1);
}

static struct frame good_ipv6(unsigned cloud, unsigned to)
{
	char source[48], destination[48];

	return ipv6(.l2 = {.cloud = port_of(cloud),
			   .tagged = vlan_of(cloud) != 0,
			   .tci = random_below(8) << 13 | vlan_of(cloud)},
		    .source = address6(source, cloud), .destination = address6(destination, to),
		    .hop_limit = 2 + random_below(254),
		    .payload = (int)(1 + random_below(random_below(4) ? 60 : 1450)),
		    .traffic_class = random_below(256), .flow = random_below(1 << 20),
		    .padding = random_below(3) ? 0 : random_below(40));
}

static struct frame good_ipv4(unsigned cloud, unsigned to)
{
	char source[32], destination[32];

	return ipv4(.l2 = {.cloud = port_of(cloud),
			   .tagged = vlan_of(cloud) != 0,
			   .tci = random_below(8) << 13 | vlan_of(cloud)},
		    .source = address(source, cloud, true),
		    .destination = address(destination, to, true), .ttl = 2 + random_below(254),
		    .payload = (int)(1 + random_below(random_below(4) ? 60 : 1450)),
		    .fragment = random_below(4) ? 0 : random_below(65536), .tos = random_below(256),
		    .id = random_below(65536), .padding = random_below(3) ? 0 : random_below(40));
}

static struct frame good_frame(unsigned cloud, unsigned to)
{
	return random_below(3) ? good_ipv4(cloud, to) : good_ipv6(cloud, to);
}

// Where the IP header of a frame begins.
static unsigned header_at(const struct frame *frame)
{
	return get16(frame->bytes + 12) == 0x8100 ? 18 : 14;
}

static struct frame odd_ipv6(unsigned cloud)
{
	struct frame frame = good_ipv6(cloud, random_peer(cloud));
	uint8_t *header = frame.bytes + header_at(&frame);
	char text[48];

	switch (random_below(9)) {
	case 0:
		put_addr6(header + 8, address6(text, 1 + random_below(CLOUDS)));
		break;
	case 1:
		put_addr6(header + 24, address6(text, 1 + random_below(CLOUDS)));
		break;
	case 2:
		frame.length = random_below(frame.length + 1);
		break;
	case 3:
		header[7] = (uint8_t)random_below(3);
		break;
	case 4:
		put16(header + 4, random_below(4) ? random_below(1600) : 65535 - random_below(60));
		break;
	case 5:
		header[6] =
			(uint8_t[]){HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION}[random_below(4)];
		break;
	case 6: // beside a prefix longer than half an address
		header[(random_below(2) ? 8 : 24) + random_below(16)] ^=
			(uint8_t)(1u << random_below(8));
		break;
	default:
		break;
	}
	for (unsigned flips = random_below(3); flips > 0; flips--)
		frame.bytes[random_below(62)] ^= (uint8_t)(1u << random_below(8));
	return frame;
}

// Wrong in one way or another, or only unusual.
static struct frame odd_ipv4(unsigned cloud)
{
	struct frame frame = good_ipv4(cloud, random_peer(cloud));
	unsigned at = header_at(&frame);
	char text[32];

	switch (random_below(10)) {
	case 0:
		put32(frame.bytes + at + 12, ip(address(text, 1 + random_below(CLOUDS), false)));
		break;
	case 1:
		put32(frame.bytes + at + 16, ip(address(text, 1 + random_below(CLOUDS), false)));
		break;
	case 2:
		frame.length = random_below(frame.length + 1);
		break;
	case 3:
		frame.bytes[at + 8] = (uint8_t)random_below(3);
		break;
	case 4:
		put16(frame.bytes + at + 2, random_below(1600));
		break;
	case 5:
		put32(frame.bytes + at + 16, (uint32_t)random64());
		break;
	case 6:
		put32(frame.bytes + at + (random_below(2) ? 12 : 16),
		      random_below(2) ? ip("169.254.0.1") : ip("169.254.0.2"));
		break;
	default:
		break;
	}
	for (unsigned flips = random_below(3); flips > 0; flips--)
		frame.bytes[random_below(42)] ^= (uint8_t)(1u << random_below(8));
	if (random_below(3))
		ipv4_seal(frame.bytes + at, 20);
	return frame;
}

static struct frame odd_frame(unsigned cloud)
{
	return random_below(3) ? odd_ipv4(cloud) : odd_ipv6(cloud);
}

static struct rte_mbuf *buffer_of(const struct frame *frame, unsigned headroom)
{
	uint8_t bytes[FRAME_MAX + GARBAGE_BYTES];
	struct rte_mbuf *mbuf;

	memcpy(bytes, frame->bytes, frame->length);
	for (unsigned i = 0; i < GARBAGE_BYTES; i++)
		bytes[frame->length + i] = (uint8_t)random64();
	mbuf = buffer_make(bytes, frame->length + GARBAGE_BYTES, headroom);
	mbuf->data_len = (uint16_t)frame->length;
	mbuf->pkt_len = frame->length;
	return mbuf;
}

struct trial {
	uint16_t port;
	unsigned n;
	struct frame frames[QUICK_MAX];
	unsigned headroom[QUICK_MAX];
	struct rte_mbuf *mbufs[QUICK_MAX];
	struct packet expected[QUICK_MAX]; // after the stages
	struct quick_burst burst;
	struct traffic_count traffic[INTERCONNECTS][2];
};

// The i-th frame's place among those to send, and by which port; or fail.
static unsigned find_sent(const struct trial *trial, unsigned i, uint16_t *port)
{
	unsigned at = 0;

	for (unsigned s = 0; s < trial->burst.n_sends; s++)
		for (unsigned k = 0; k < trial->burst.sends[s].n; k++, at++)
			if (trial->burst.sends[s].mbufs[k] == trial->mbufs[i]) {
				*port = trial->burst.sends[s].port;
				return at;
			}
	fail_msg("frame %u is neither sent nor left", i);
	return 0;
}

// What is larger than the MTU of its egress is forwarded in fragments: by the worker, not by
// either.
static bool fits(const struct packet *expected)
{
	return expected->verdict == VERDICT_FORWARD && expected->ip_length <= expected->egress->mtu;
}

static void check_sent(const struct trial *trial, unsigned i)
{
	const struct packet *expected = &trial->expected[i];
	const struct rte_mbuf *mbuf = trial->mbufs[i];
	uint16_t port = 0, cloud;
	unsigned at = find_sent(trial, i, &port);

	check(expected->verdict == VERDICT_FORWARD, "forwarded what is to be dropped for %s",
	      drop_reason_name(expected->reason));
	check(fits(expected), "forwarded %u bytes whole", expected->ip_length);
	cloud = trial->burst.cloud ? trial->burst.cloud : trial->burst.clouds[at];
	check(port == expected->egress->port && cloud == expected->cloud, "port %u, cloud %u", port,
	      cloud);
	check(trial->burst.clouds[at] == cloud, "cloud %u", trial->burst.clouds[at]);
	check(mbuf->data_len == expected->length && mbuf->pkt_len == expected->length, "%u bytes",
	      mbuf->data_len);
	check(memcmp(rte_pktmbuf_mtod(mbuf, uint8_t *), expected->frame, expected->length) == 0,
	      "other bytes leave");
}

static void check_left(const struct trial *trial, unsigned i)
{
	const struct rte_mbuf *mbuf = trial->mbufs[i];
	const struct frame *frame = &trial->frames[i];

	check(mbuf->data_len == frame->length && mbuf->data_off == trial->headroom[i] &&
		      memcmp(rte_pktmbuf_mtod(mbuf, uint8_t *), frame->bytes, frame->length) == 0,
	      "frame %u was left and touched", i);
}

// Each interconnect and direction has been counted what went there, and no other.
static void check_counts(const struct trial *trial)
{
	static struct traffic_count expected[INTERCONNECTS][2];

	memset(expected, 0, sizeof(expected));
	for (unsigned i = 0; i < trial->n; i++) {
		const struct packet *packet = &trial->expected[i];
		leaf_t leaf = packet->leaf_destination;
		struct traffic_count *count;

		if (trial->burst.rest >> i & 1)
			continue;
		count = &expected[leaf_interconnect(leaf)][packet->cloud > leaf_cloud(leaf)];
		count->packets++;
		count->bytes += packet->ip_length;
	}
	assert_memory_equal(trial->traffic, expected, sizeof(expected));
}

static void run_trial(struct trial *trial, const struct quick *way)
{
	struct counters counters = {.traffic = trial->traffic};
	unsigned left = 0;

	for (unsigned i = 0; i < trial->n; i++) {
		trial->expected[i] = packet_of(buffer_of(&trial->frames[i], trial->headroom[i]));
		trial->mbufs[i] = buffer_of(&trial->frames[i], trial->headroom[i]);
	}
	run_stages(trial->port, trial->expected, trial->n);
	memset(trial->traffic, 0, sizeof(trial->traffic));
	way->forward(exchange.ports[trial->port], trial->mbufs, trial->n, &counters, &trial->burst);
	for (unsigned i = 0; i < trial->n; i++) {
		left += trial->burst.rest >> i & 1;
		if (trial->burst.rest >> i & 1)
			check_left(trial, i);
		else
			check_sent(trial, i);
	}
	check(trial->burst.n + left == trial->n, "%u sent, %u left, of %u", trial->burst.n, left,
	      trial->n);
	check_counts(trial);
}

static void end_trial(struct trial *trial)
{
	for (unsigned i = 0; i < trial->n; i++) {
		buffer_free(trial->mbufs[i]);
		buffer_free(trial->expected[i].mbuf);
	}
}

static void for_each_way(void (*run)(const struct quick *way))
{
	for (int simd = SIMD_NONE; simd < SIMD_COUNT; simd++) {
		const struct quick *way = quick_of((enum simd)simd);

		if (way)
			run(way);
		else
			print_message("this CPU has not got width %d\n", simd);
	}
}

static void run_mutated(const struct quick *way)
{
	static struct trial trial;
	uint64_t sent = 0, left = 0;

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		unsigned good_of_8 = random_below(9);

		trial.port = (uint16_t)(1 + random_below(PORTS));
		trial.n = 1 + random_below(QUICK_MAX);
		for (unsigned i = 0; i < trial.n; i++) {
			unsigned cloud = random_cloud(trial.port);

			trial.frames[i] = random_below(8) < good_of_8
				? good_frame(cloud, random_peer(cloud))
				: odd_frame(cloud);
			trial.headroom[i] = HEADROOM_BYTES;
		}
		run_trial(&trial, way);
		sent += trial.burst.n;
		left += trial.n - trial.burst.n;
		end_trial(&trial);
	}
	// Neither of the two is rare here, or nothing was tried.
	check(sent > BURSTS * 4 && left > BURSTS * 4, "%lu sent, %lu left", sent, left);
}

static void mutated_frames_fare_as_with_the_stages(void **state)
{
	for_each_way(run_mutated);
}

// Good frames from any clouds of a port.
static void fill_trial(struct trial *trial)
{
	trial->port = (uint16_t)(1 + random_below(PORTS));
	trial->n = 1 + random_below(QUICK_MAX);
	for (unsigned i = 0; i < trial->n; i++) {
		unsigned cloud = random_cloud(trial->port);

		trial->frames[i] = good_frame(cloud, random_peer(cloud));
		trial->headroom[i] = HEADROOM_BYTES;
	}
}

static void run_plain(const struct quick *way)
{
	static struct trial trial;

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		fill_trial(&trial);
		run_trial(&trial, way);
		for (unsigned i = 0; i < trial.n; i++)
			check((trial.burst.rest >> i & 1) == 0 || !fits(&trial.expected[i]),
			      "%s left a plain and good frame to the stages", way->name);
		end_trial(&trial);
	}
}

static void what_is_plain_and_good_goes_the_quick_way(void **state)
{
	for_each_way(run_plain);
}

// Whole and other bursts of one cloud each, by its tag.
static void run_clouds(const struct quick *way)
{
	static struct trial trial;

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		unsigned cloud = TRUNK + burst % (CLOUDS - TRUNK + 1);

		trial.port = TRUNK;
		trial.n = random_below(2) ? QUICK_MAX : 1 + random_below(QUICK_MAX);
		for (unsigned i = 0; i < trial.n; i++) {
			trial.frames[i] = burst % 2 && random_below(16) == 0
				? odd_frame(cloud)
				: good_frame(cloud, random_peer(cloud));
			trial.headroom[i] = HEADROOM_BYTES;
		}
		run_trial(&trial, way);
		end_trial(&trial);
	}
}

static void a_burst_of_one_cloud_fares_as_with_the_stages(void **state)
{
	for_each_way(run_clouds);
}

// One interconnect, a few, and more than are grouped: all of a burst on one port or two.
static void run_groups(const struct quick *way)
{
	static struct trial trial;

	for (unsigned kinds = 1; kinds <= 12; kinds++) {
		unsigned clouds[12], peers[12];

		trial.port = TRUNK;
		trial.n = QUICK_MAX;
		for (unsigned k = 0; k < kinds; k++) {
			clouds[k] = random_cloud(TRUNK);
			peers[k] = random_below(2) ? 1 : random_peer(clouds[k]);
		}
		for (unsigned i = 0; i < trial.n; i++) {
			trial.frames[i] = good_frame(clouds[i % kinds], peers[i % kinds]);
			trial.headroom[i] = HEADROOM_BYTES;
		}
		run_trial(&trial, way);
		end_trial(&trial);
	}
}

static void any_number_of_interconnects_in_a_burst_is_counted_apart(void **state)
{
	for_each_way(run_groups);
}

// Blocks of 16 that take a way of their own: of one family, all with a tag or all without, to where
// a tag is wanted or not, padded or not. Here they are the rule.

#define BLOCK 16

// A peer that takes all that fits 1500 bytes, with a tag or without one; or any, if there is none.
static unsigned plain_peer(unsigned cloud, bool tagged)
{
	for (unsigned first = random_below(CLOUDS), i = 0; i < CLOUDS; i++) {
		unsigned peer = 1 + (first + i) % CLOUDS;
		const struct egress *egress = exchange.clouds[peer].egress;

		if (linked[cloud][peer] && egress && egress->limits[tagged] == 1500)
			return peer;
	}
	return random_peer(cloud);
}

static unsigned ethertype(const struct frame *frame)
{
	return get16(frame->bytes + header_at(frame) - 2);
}

static bool is_padded(const struct frame *frame)
{
	unsigned at = header_at(frame);
	unsigned length = ethertype(frame) == 0x86dd ? 40 + get16(frame->bytes + at + 4)
						     : get16(frame->bytes + at + 2);

	return frame->length > at + length;
}

static struct frame block_frame(unsigned cloud, bool ipv6, bool tagged, bool padded)
{
	struct frame frame;

	if (random_below(200) == 0)
		return odd_frame(cloud);
	if (random_below(200) == 0)
		return good_frame(cloud, random_peer(cloud));
	do {
		unsigned peer = plain_peer(cloud, tagged);

		frame = ipv6 ? good_ipv6(cloud, peer) : good_ipv4(cloud, peer);
	} while (!padded && is_padded(&frame));
	return frame;
}

// From packet 'at' on: did a block go, of one family, all with a tag or all without? 'same':
// nothing but L2 headers has changed.
static bool block_went(const struct trial *trial, unsigned at, bool *ipv6, bool *tagged, bool *same)
{
	*ipv6 = ethertype(&trial->frames[at]) == 0x86dd;
	*same = true;
	for (unsigned i = at; i < at + BLOCK; i++) {
		const struct frame *frame = &trial->frames[i];
		bool now;

		if (trial->burst.rest >> i & 1 || ethertype(frame) != (*ipv6 ? 0x86dd : 0x0800))
			return false;
		now = trial->expected[i].egress->l2_length != ETHER_BYTES;
		if (i > at && now != *tagged)
			return false;
		*tagged = now;
		*same &= now == (header_at(frame) != ETHER_BYTES) && !is_padded(frame);
	}
	return true;
}

static void run_blocks(const struct quick *way)
{
	static struct trial trial;
	unsigned went[8] = {}; // a bit each: IPv6, tagged, same

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		bool ipv6 = random_below(2), tagged = random_below(2), same;
		bool padded = random_below(4) == 0;
		bool one = random_below(4) == 0; // cloud, without a tag

		trial.port = (uint16_t)(1 + random_below(PORTS));
		trial.n = random_below(4) ? QUICK_MAX : 1 + random_below(QUICK_MAX);
		for (unsigned i = 0; i < trial.n; i++) {
			unsigned cloud = one ? trial.port : random_cloud(trial.port);

			// The first goes elsewhere: what has too few like it ends the grouping.
			trial.frames[i] = i == 0 ? good_ipv4(cloud, random_peer(cloud))
						 : block_frame(cloud, ipv6, tagged, padded);
			trial.headroom[i] = HEADROOM_BYTES;
		}
		run_trial(&trial, way);
		for (unsigned at = 0; at + BLOCK <= trial.n; at += BLOCK)
			if (block_went(&trial, at, &ipv6, &tagged, &same))
				went[ipv6 * 4 + tagged * 2 + same]++;
		end_trial(&trial);
	}
	for (unsigned kind = 0; kind < 8; kind++)
		check(went[kind] > BURSTS / 80, "%s: %u whole blocks of IPv%u %s a tag, %s",
		      way->name, went[kind], kind & 4 ? 6 : 4, kind & 2 ? "with" : "without",
		      kind & 1 ? "as they came" : "not as they came");
}

static void blocks_of_one_kind_fare_as_with_the_stages(void **state)
{
	for_each_way(run_blocks);
}

// Buffers that the stages drop for having no room in front of the frame for a longer L2 header:
// none is written before its beginning.
static void run_headroom(const struct quick *way)
{
	static struct trial trial;
	unsigned refused = 0;

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		fill_trial(&trial);
		for (unsigned i = 0; i < trial.n; i++)
			trial.headroom[i] = 2 * random_below(TAG_BYTES); // even, as all are
		run_trial(&trial, way);
		for (unsigned i = 0; i < trial.n; i++)
			refused += trial.expected[i].verdict == VERDICT_DROP &&
				trial.expected[i].reason == DROP_bad_buffer;
		end_trial(&trial);
	}
	check(refused > BURSTS, "only %u without room", refused);
}

static void a_tag_is_not_written_where_there_is_no_room_for_it(void **state)
{
	for_each_way(run_headroom);
}

static int set_up(void **state)
{
	eal_start(0);
	assert_int_equal(rcu_init(1), 0);
	publish_region();
	return 0;
}

static int tear_down(void **state)
{
	exchange_clear();
	rcu_free();
	rte_eal_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutated_frames_fare_as_with_the_stages),
		cmocka_unit_test(what_is_plain_and_good_goes_the_quick_way),
		cmocka_unit_test(a_burst_of_one_cloud_fares_as_with_the_stages),
		cmocka_unit_test(any_number_of_interconnects_in_a_burst_is_counted_apart),
		cmocka_unit_test(blocks_of_one_kind_fare_as_with_the_stages),
		cmocka_unit_test(a_tag_is_not_written_where_there_is_no_room_for_it),
	};

	random_start();
	return cmocka_run_group_tests_name("quick", tests, set_up, tear_down);
}
