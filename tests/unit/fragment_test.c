// SPDX-License-Identifier: BSD-3-Clause
// Fragments: put together again by the naive way of RFC 791, they are the packet that came.
//
// Interconnects: 1-2, 1-4 (4 is tagged, VLAN 104). The buffers that packets come in end where the
// frame ends.
#include "dataplane/fragment.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEADROOM 128
#define BUFFERS 63
#define MTU_LEAST 576
#define IP_MOST 2030 // of a buffer
#define PC4 "10.4.0.2"

static const struct link links[] = {{1, 2, 12}, {1, 4, 14}};
static struct rte_mempool *buffers;

// Options that RFC 791 has copied into each fragment, and others.
#define ALERT "\x94\4\0\0" // router alert
#define RECORD "\7\7\4\0\0\0\0" // record route
#define STREAM "\x88\4\1\2" // stream identifier

static struct rte_mbuf *fragments[FRAGMENTS_MAX];
static struct packet packet;
static unsigned n_fragments;

// Take a frame of cloud 1 through the stages, and cut it.
static void cut(const struct frame *frame, uint16_t mtu)
{
	publish_egress(2, 2, mtu, true);
	publish_egress(4, 4, mtu, true);
	packet = packet_of(buffer_make(frame->bytes, frame->length, HEADROOM));
	run_stages(1, &packet, 1);
	check(packet.verdict == VERDICT_FORWARD, "%s", drop_reason_name(packet.reason));
	n_fragments = fragment(&packet, buffers, fragments);
}

static void let_go(void)
{
	for (unsigned i = 0; i < n_fragments; i++)
		rte_pktmbuf_free(fragments[i]);
	buffer_free(packet.mbuf);
	assert_int_equal(rte_mempool_avail_count(buffers), BUFFERS); // no buffer was lost
	while (rcu_poll() > 0)
		;
}

static unsigned offset_of(const uint8_t *ip)
{
	return (get16(ip + 6) & 0x1fff) * 8;
}

// What the stages made of the packet, L2 header included: fragments must come from that.
static struct frame rewritten(void)
{
	struct frame frame = {};

	frame_put(&frame, packet.frame, packet.length);
	return frame;
}

// One fragment: of the right frame, size and header.
static void check_fragment(const struct frame *whole, unsigned i, unsigned mtu, unsigned header)
{
	const struct rte_mbuf *mbuf = fragments[i];
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	unsigned l2 = packet.egress->l2_length;
	const uint8_t *ip = frame + l2;
	const uint8_t *from = whole->bytes + l2;
	unsigned length = get16(ip + 2);
	bool more = i + 1 < n_fragments || (get16(from + 6) & FLAG_MF);

	check(mbuf->nb_segs == 1 && mbuf->pkt_len == mbuf->data_len, "%u: not one buffer", i);
	check(mbuf->data_len == l2 + length, "%u: %u bytes of frame", i, mbuf->data_len);
	check(memcmp(frame, whole->bytes, l2) == 0, "%u: L2 header", i);
	check(length <= mtu, "%u: %u bytes, MTU %u", i, length, mtu);
	check(ip[0] == (0x40 | header / 4), "%u: header begins with %#x", i, ip[0]);
	check(checksum(ip, header) == 0, "%u: checksum", i);
	check(ip[1] == from[1] && memcmp(ip + 4, from + 4, 2) == 0, "%u: TOS or id", i);
	check(ip[8] == 63 && ip[9] == from[9], "%u: TTL %u, protocol %u", i, ip[8], ip[9]);
	check(memcmp(ip + 12, from + 12, 8) == 0, "%u: addresses", i);
	check((get16(ip + 6) & 0xe000) == ((get16(from + 6) & 0xc000) | (more ? FLAG_MF : 0)),
	      "%u of %u: flags %#x", i, n_fragments, get16(ip + 6));
	check(i + 1 == n_fragments || (length - header) % 8 == 0, "%u: %u bytes of payload", i,
	      length - header);
	check(length > header, "%u is empty", i);
}

// Reassembly without cleverness: each byte to its place, each place once. 'headers' tells how long
// the header of the first fragment is and that of the others.
static void check_whole(const struct frame *whole, unsigned mtu, const unsigned headers[2])
{
	static uint8_t payload[65536 + IP_MOST];
	static bool filled[sizeof(payload)];
	unsigned l2 = packet.egress->l2_length;
	const uint8_t *from = whole->bytes + l2;
	unsigned length = get16(from + 2) - header_bytes(from);
	unsigned base = offset_of(from);
	unsigned next = base;

	memset(filled, 0, sizeof(filled));
	for (unsigned i = 0; i < n_fragments; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod(fragments[i], const uint8_t *) + l2;
		unsigned header = headers[i > 0];

		check_fragment(whole, i, mtu, header);
		check(offset_of(ip) == next, "%u: at %u instead of %u", i, offset_of(ip), next);
		for (unsigned byte = 0; byte < get16(ip + 2) - header; byte++, next++) {
			check(!filled[next], "byte %u twice", next);
			filled[next] = true;
			payload[next] = ip[header + byte];
		}
	}
	check(next == base + length, "%u bytes of %u", next - base, length);
	check(memcmp(payload + base, from + header_bytes(from), length) == 0, "other bytes");
}

static void cut_and_check(const struct frame *frame, uint16_t mtu, const unsigned headers[2])
{
	struct frame whole;

	cut(frame, mtu);
	whole = rewritten();
	check(n_fragments >= 2, "MTU %u, %u bytes: %u fragments", mtu, packet.ip_length,
	      n_fragments);
	check_whole(&whole, mtu, headers);
	let_go();
}

// 8 steps of the MTU, so that each remainder by 8 occurs, and every size around a border between
// one fragment more and one less.
static void every_size_around_the_borders_comes_together_again(void **state)
{
	static const unsigned plain[2] = {20, 20};
	static const unsigned from[] = {MTU_LEAST, 680, 1000, 1492};

	for (unsigned i = 0; i < COUNT(from); i++) {
		for (unsigned mtu = from[i]; mtu <= from[i] + 8; mtu++) {
			unsigned step = (mtu - 20) / 8 * 8; // payload of a fragment

			for (unsigned size = mtu + 1; size <= IP_MOST; size++) {
				unsigned rest = (size - 20) % step;
				struct frame frame = ipv4(.payload = (int)size - 20, .id = size);

				if (size > mtu + 10 && rest > 10 && rest < step - 10)
					continue;
				cut(&frame, (uint16_t)mtu);

				struct frame whole = rewritten();

				check(n_fragments == (size - 20 + step - 1) / step,
				      "MTU %u, %u bytes: %u fragments", mtu, size, n_fragments);
				check_whole(&whole, mtu, plain);
				let_go();
			}
		}
	}
}

static void only_options_that_are_to_be_copied_are_in_later_fragments(void **state)
{
#define OPTIONS(bytes) .options = (bytes), .options_length = sizeof(bytes) - 1
	const struct {
		const char *text;
		struct frame frame;
		const char *copied;
		unsigned length;
	} cases[] = {
		{"none is", ipv4(OPTIONS(RECORD), .payload = 1800), "", 0},
		{"NOPs are not", ipv4(OPTIONS("\1\1\1\1\1\1\1\1"), .payload = 1800), "", 0},
		{"the only one", ipv4(OPTIONS(ALERT), .payload = 1800), ALERT, 4},
		{"the first", ipv4(OPTIONS(ALERT RECORD), .payload = 1800), ALERT, 4},
		{"the last", ipv4(OPTIONS(RECORD "\1" ALERT), .payload = 1800), ALERT, 4},
		{"two of three", ipv4(OPTIONS(ALERT RECORD "\1" STREAM), .payload = 1800),
		 ALERT STREAM, 8},
		{"one of odd length", ipv4(OPTIONS("\x82\3\1" RECORD), .payload = 1800),
		 "\x82\3\1\0", 4},
		{"as many as there may be",
		 ipv4(OPTIONS(ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT),
		      .payload = 1800),
		 ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT ALERT, 40},
		{"none behind END", ipv4(OPTIONS("\1\0\x94\4"), .payload = 1800), "", 0},
	};
#undef OPTIONS

	for (unsigned i = 0; i < COUNT(cases); i++) {
		for (uint16_t mtu = MTU_LEAST; mtu <= MTU_LEAST + 8; mtu++) {
			const uint8_t *header = cases[i].frame.bytes + ETHER_BYTES;
			const unsigned headers[2] = {header_bytes(header), 20 + cases[i].length};

			cut(&cases[i].frame, mtu);

			struct frame whole = rewritten();

			check_whole(&whole, mtu, headers);
			for (unsigned j = 0; j < n_fragments; j++)
				check(memcmp(rte_pktmbuf_mtod(fragments[j], uint8_t *) +
						     ETHER_BYTES + 20,
					     j == 0 ? (const void *)(header + 20) : cases[i].copied,
					     headers[j > 0] - 20) == 0,
				      "%s: options of fragment %u", cases[i].text, j);
			let_go();
		}
	}
}

static void a_fragment_is_cut_further(void **state)
{
	static const unsigned plain[2] = {20, 20};
	static const unsigned with_option[2] = {24, 24};
	static const struct {
		unsigned fragment;
		int payload;
	} cases[] = {
		{FLAG_MF, 1600},
		{FLAG_MF | FRAGMENT_AT(1480), 1600},
		{FRAGMENT_AT(1480), 1601},
		{FRAGMENT_AT(60000), 1999},
		{0x8000 | FLAG_MF | FRAGMENT_AT(8), 1600}, // with the reserved bit
		{FRAGMENT_AT(63536), 1999}, // to the last byte that can be counted
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct frame frame =
			ipv4(.fragment = cases[i].fragment, .payload = cases[i].payload, .id = i);

		cut_and_check(&frame, 1500, plain);
		cut_and_check(&frame, 579, plain);
	}

	// In a later fragment every option is one that was to be copied.
	struct frame frame =
		ipv4(.fragment = FRAGMENT_AT(1480), .payload = 1601, .options = RECORD,
		     .options_length = 4);

	frame.bytes[ETHER_BYTES + 20 + 1] = 4;
	ipv4_seal(frame.bytes + ETHER_BYTES, 24);
	cut_and_check(&frame, 1000, with_option);
}

static void a_malformed_fragment_is_not_cut(void **state)
{
	static const struct {
		const char *text;
		unsigned fragment;
		int payload;
	} cases[] = {
		{"one byte beyond the longest packet", FRAGMENT_AT(63536), 2000},
		{"far beyond", 0x1fff, 1600},
		{"more follow, at no multiple of 8", FLAG_MF, 1601},
		{"the same in between", FLAG_MF | FRAGMENT_AT(1480), 1607},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct frame frame =
			ipv4(.fragment = cases[i].fragment, .payload = cases[i].payload);

		cut(&frame, 1500);
		check(n_fragments == 0 && packet.verdict == VERDICT_DROP &&
			      packet.reason == DROP_bad_fragment,
		      "%s: %u fragments", cases[i].text, n_fragments);
		let_go();
	}
}

static void each_has_the_tag_of_the_egress(void **state)
{
	static const unsigned plain[2] = {20, 20};
	struct frame frame = ipv4(.destination = PC4, .payload = 1900);

	cut_and_check(&frame, 1400, plain);
}

static void the_packet_stays_as_it_was(void **state)
{
	struct frame frame = ipv4(.payload = 1900, .padding = 3);
	struct frame before;

	cut(&frame, 1500);
	before = rewritten();
	assert_int_equal(before.length, ETHER_BYTES + 1920);
	assert_int_equal(packet.mbuf->data_len, before.length);
	assert_int_equal(packet.mbuf->pkt_len, before.length);
	assert_ptr_equal(rte_pktmbuf_mtod(packet.mbuf, uint8_t *), packet.frame);
	// All but TTL and checksum is as it came.
	assert_memory_equal(before.bytes + ETHER_BYTES + 12, frame.bytes + ETHER_BYTES + 12, 1908);
	let_go();
}

static void without_buffers_for_all_there_are_none(void **state)
{
	struct frame frame = ipv4(.payload = 1999);
	struct rte_mbuf *taken[BUFFERS];

	assert_int_equal(rte_pktmbuf_alloc_bulk(buffers, taken, BUFFERS), 0);
	for (unsigned left = 0; left <= 4; left++) {
		cut(&frame, MTU_LEAST); // 552 bytes each: four
		check(n_fragments == (left < 4 ? 0 : 4), "%u buffers: %u fragments", left,
		      n_fragments);
		if (left < 4) {
			assert_int_equal(packet.verdict, VERDICT_DROP);
			assert_int_equal(packet.reason, DROP_no_buffer);
		}
		for (unsigned i = 0; i < n_fragments; i++)
			rte_pktmbuf_free(fragments[i]);
		buffer_free(packet.mbuf);
		check(rte_mempool_avail_count(buffers) == left, "%u buffers, then %u", left,
		      rte_mempool_avail_count(buffers));
		rte_pktmbuf_free(taken[left]);
	}
	for (unsigned i = 5; i < BUFFERS; i++)
		rte_pktmbuf_free(taken[i]);
	while (rcu_poll() > 0)
		;
}

static void random_packets_come_together_again(void **state)
{
	static const char *const options[] = {"", ALERT, ALERT STREAM, ALERT ALERT STREAM};

	for (unsigned i = 0; i < 20000; i++) {
		unsigned mtu = MTU_LEAST + random_below(1500 - MTU_LEAST);
		unsigned n_options = random_below(COUNT(options));
		unsigned header = 20 + 4 * n_options;
		unsigned size = mtu + 1 + random_below(IP_MOST - mtu);
		unsigned at = random_below(2) ? 8 * random_below(7000) : 0;
		bool more = random_below(2);
		unsigned payload = (size - header) & (more ? ~7u : ~0u);
		const unsigned headers[2] = {header, header};
		struct frame frame =
			ipv4(.payload = (int)payload, .id = random_below(0x10000),
			     .fragment = (more ? FLAG_MF : 0) | FRAGMENT_AT(at),
			     .tos = random_below(256), .protocol = 1 + random_below(255),
			     .options = options[n_options], .options_length = header - 20,
			     .destination = random_below(2) ? PC2 : PC4,
			     .padding = random_below(4));

		if (payload + header <= mtu)
			continue;
		for (unsigned j = ETHER_BYTES + header; j < frame.length; j++)
			frame.bytes[j] = (uint8_t)random64();
		cut_and_check(&frame, (uint16_t)mtu, headers);
	}
}

static int start(void **state)
{
	eal_start(0);
	buffers = rte_pktmbuf_pool_create(
		"fragments", BUFFERS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY
	);
	assert_non_null(buffers);
	assert_int_equal(rcu_init(1), 0);
	for (uint16_t cloud = 1; cloud <= 4; cloud++)
		publish_cloud(cloud, links, COUNT(links));
	return 0;
}

static int end(void **state)
{
	exchange_clear();
	rcu_free();
	rte_mempool_free(buffers);
	rte_eal_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_around_the_borders_comes_together_again),
		cmocka_unit_test(only_options_that_are_to_be_copied_are_in_later_fragments),
		cmocka_unit_test(a_fragment_is_cut_further),
		cmocka_unit_test(a_malformed_fragment_is_not_cut),
		cmocka_unit_test(each_has_the_tag_of_the_egress),
		cmocka_unit_test(the_packet_stays_as_it_was),
		cmocka_unit_test(without_buffers_for_all_there_are_none),
		cmocka_unit_test(random_packets_come_together_again),
	};

	random_start();
	return cmocka_run_group_tests_name("fragment", tests, start, end);
}
