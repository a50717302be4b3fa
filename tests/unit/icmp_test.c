// SPDX-License-Identifier: BSD-3-Clause
// The ICMP error that a dropped packet turns into: byte for byte, and when there must be none.
//
// Interconnects: 1-2, 4-2 (4 is tagged, VLAN 104), 1-5 (the port of 5 is down), 1-6 (the router of
// 6 is unresolved).
#include "dataplane/icmp.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEADROOM 128
#define QUOTE_MAX (576 - 28)

static const struct link links[] = {{1, 2, 12}, {2, 4, 24}, {1, 5, 15}, {1, 6, 16}};

struct icmp_case {
	const char *text;
	struct frame frame;
	uint16_t port; // and cloud; 1 when left out
	enum drop_reason reason; // that the stages give
	uint8_t type;
	uint8_t code;
	uint16_t mtu;
};

static unsigned l3_of(const struct frame *frame)
{
	return get16(frame->bytes + 12) == 0x8100 ? ETHER_BYTES + TAG_BYTES : ETHER_BYTES;
}

// The error as RFC 792, 1191 and 1812 4.3.2 want it, built by other code.
static struct frame expected_error(const struct icmp_case *c)
{
	unsigned cloud = c->port ? c->port : 1;
	const uint8_t *packet = c->frame.bytes + l3_of(&c->frame);
	unsigned quoted = get16(packet + 2) < QUOTE_MAX ? get16(packet + 2) : QUOTE_MAX;
	struct mac router = mac_router(cloud);
	struct mac ours = mac_ours(cloud);
	uint8_t header[20] = {0x45, 0xc0};
	uint8_t icmp[8] = {c->type, c->code};
	struct frame out = {};

	frame_put(&out, &router, 6);
	frame_put(&out, &ours, 6);
	if (cloud_vlan(cloud) != 0) {
		frame_put16(&out, 0x8100);
		frame_put16(&out, cloud_vlan(cloud));
	}
	frame_put16(&out, 0x0800);
	put16(header + 2, 28 + quoted);
	put16(header + 6, FLAG_DF);
	header[8] = 64;
	header[9] = IPPROTO_ICMP;
	put32(header + 12, 0xa9fe0001 | cloud << 8);
	memcpy(header + 16, packet + 12, 4);
	ipv4_seal(header, 20);
	frame_put(&out, header, 20);
	put16(icmp + 6, c->mtu);
	frame_put(&out, icmp, 8);
	frame_put(&out, packet, quoted);

	uint8_t *at = out.bytes + out.length - quoted - 8;

	put16(at + 2, checksum(at, 8 + quoted));
	return out;
}

// Run the stages, and then ask for the error.
static bool error_of(
	const struct frame *frame, uint16_t port, unsigned headroom, const struct egress *back,
	struct packet *packet
)
{
	struct rte_mbuf *mbuf = buffer_make(frame->bytes, frame->length, headroom);

	*packet = packet_of(mbuf);
	run_stages(port, packet, 1);
	return icmp_error_make(packet, back, packet->egress != NULL ? packet->egress->mtu : 0);
}

static void an_error_has_the_right_bytes(void **state)
{
	const struct l2 from4 = {.cloud = 4, .tagged = true, .tci = 0x6000 | 104};
	const struct icmp_case cases[] = {
		{"no interconnect", ipv4(.destination = PC3), 0, DROP_no_interconnect, 3, 0, 0},
		{"TTL 1", ipv4(.ttl = 1), 0, DROP_ttl_exceeded, 11, 0, 0},
		{"TTL 0", ipv4(.ttl = TTL_ZERO), 0, DROP_ttl_exceeded, 11, 0, 0},
		{"too large, DF", ipv4(.payload = 1481, .fragment = FLAG_DF), 0, DROP_frag_needed,
		 3, 4, 1500},
		{"port down", ipv4(.destination = "10.5.0.2"), 0, DROP_egress_down, 3, 1, 0},
		{"router unresolved", ipv4(.destination = "10.6.0.2"), 0, DROP_router_unresolved, 3,
		 1, 0},
		{"tagged", ipv4(.l2 = from4, .source = "10.4.0.2", .ttl = 1), 4, DROP_ttl_exceeded,
		 11, 0, 0},
		{"as much as can be quoted", ipv4(.ttl = 1, .payload = QUOTE_MAX - 20), 0,
		 DROP_ttl_exceeded, 11, 0, 0},
		{"one byte more", ipv4(.ttl = 1, .payload = QUOTE_MAX - 19), 0, DROP_ttl_exceeded,
		 11, 0, 0},
		{"an odd number of bytes", ipv4(.ttl = 1, .payload = 27), 0, DROP_ttl_exceeded, 11,
		 0, 0},
		{"nothing behind the header", ipv4(.ttl = 1, .payload = NO_PAYLOAD), 0,
		 DROP_ttl_exceeded, 11, 0, 0},
		{"padding is not quoted", ipv4(.ttl = 1, .payload = 1, .padding = 25), 0,
		 DROP_ttl_exceeded, 11, 0, 0},
		{"options are quoted",
		 ipv4(.ttl = 1, .options = "\7\7\4\0\0\0\0", .options_length = 7), 0,
		 DROP_ttl_exceeded, 11, 0, 0},
		{"marked packets are answered with TOS 0xc0 as well", ipv4(.ttl = 1, .tos = 0xff),
		 0, DROP_ttl_exceeded, 11, 0, 0},
		{"the first fragment", ipv4(.ttl = 1, .fragment = FLAG_MF, .payload = 24), 0,
		 DROP_ttl_exceeded, 11, 0, 0},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		uint16_t port = cases[i].port ? cases[i].port : 1;
		struct frame expected = expected_error(&cases[i]);
		struct packet packet;

		check(error_of(
			      &cases[i].frame, port, HEADROOM, exchange.clouds[port].egress, &packet
		      ),
		      "%s: no error", cases[i].text);
		check(packet.reason == cases[i].reason, "%s: %s", cases[i].text,
		      drop_reason_name(packet.reason));
		check(packet.mbuf->data_len == expected.length &&
			      packet.mbuf->pkt_len == expected.length &&
			      packet.length == expected.length,
		      "%s: %u bytes instead of %u", cases[i].text, packet.mbuf->data_len,
		      expected.length);
		check(packet.frame == rte_pktmbuf_mtod(packet.mbuf, uint8_t *), "%s",
		      cases[i].text);
		check(memcmp(packet.frame, expected.bytes, expected.length) == 0, "%s: other bytes",
		      cases[i].text);
		buffer_free(packet.mbuf);
	}
}

static void every_reason_asks_for_the_error_it_should(void **state)
{
	// All others are silent.
	static const enum icmp_error owed[DROP_REASON_COUNT] = {
		[DROP_no_interconnect] = ICMP_ERROR_NET_UNREACHABLE,
		[DROP_ttl_exceeded] = ICMP_ERROR_TIME_EXCEEDED,
		[DROP_frag_needed] = ICMP_ERROR_FRAG_NEEDED,
		[DROP_egress_down] = ICMP_ERROR_HOST_UNREACHABLE,
		[DROP_router_unresolved] = ICMP_ERROR_HOST_UNREACHABLE,
	};

	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		assert_int_equal(drop_reason_icmp(reason), owed[reason]);
}

static void check_no_error(
	const char *text, const struct frame *frame, unsigned headroom, const struct egress *back
)
{
	struct packet packet;

	check(!error_of(frame, 1, headroom, back, &packet), "%s: an error", text);
	check(packet.verdict == VERDICT_DROP, "%s: not even dropped", text);
	check(packet.mbuf->data_len == frame->length && packet.mbuf->data_off == headroom &&
		      memcmp(packet.frame, frame->bytes, frame->length) == 0,
	      "%s: the packet was touched", text);
	buffer_free(packet.mbuf);
}

static void no_error_where_none_may_be(void **state)
{
#define DYING_ICMP(t, ...) ipv4(.ttl = 1, .protocol = IPPROTO_ICMP, .icmp_type = (t), ##__VA_ARGS__)
	const struct {
		const char *text;
		struct frame frame;
	} cases[] = {
		{"later fragment", ipv4(.ttl = 1, .fragment = FRAGMENT_AT(1480))},
		{"fragment in between", ipv4(.ttl = 1, .fragment = FLAG_MF | FRAGMENT_AT(8))},
		{"spoofed", ipv4(.ttl = 1, .source = "10.9.0.1")},
		{"spoofed, to nowhere", ipv4(.source = PC2, .destination = "8.8.8.8")},
		{"martian source", ipv4(.ttl = 1, .source = "127.0.0.1")},
		{"from nobody", ipv4(.ttl = 1, .source = "0.0.0.0")},
		{"from a group", ipv4(.ttl = 1, .source = "224.0.0.1")},
		{"from everybody", ipv4(.ttl = 1, .source = "255.255.255.255")},
		{"to a group", ipv4(.ttl = 1, .destination = "224.0.0.5")},
		{"to everybody", ipv4(.ttl = 1, .destination = "255.255.255.255")},
		{"by a broadcast frame", ipv4(.ttl = 1, .l2 = {.to = MAC_BROADCAST})},
		{"the router's own error", DYING_ICMP(11, .source = "169.254.1.2")},
		{"of the router, to nowhere",
		 ipv4(.source = "169.254.1.2", .destination = PC3, .protocol = IPPROTO_ICMP,
		      .icmp_type = 3)},
		{"hairpin", ipv4(.destination = "10.1.0.9")},
		{"bad checksum", ipv4(.ttl = 1, .checksum_off = 1)},
		{"source route", ipv4(.ttl = 1, .options = "\x83\3\4", .options_length = 3)},
		{"to the gateway", ipv4(.ttl = 1, .destination = "169.254.1.1")},
		{"ICMP without a type", DYING_ICMP(8, .payload = NO_PAYLOAD)},
		{"ICMP without a type, padded",
		 DYING_ICMP(8, .payload = NO_PAYLOAD, .padding = 26)},
	};
#undef DYING_ICMP

	for (unsigned i = 0; i < COUNT(cases); i++)
		check_no_error(cases[i].text, &cases[i].frame, HEADROOM, exchange.clouds[1].egress);
}

static void of_icmp_only_queries_are_answered(void **state)
{
	static const bool query[256] = {
		[0] = true,  [8] = true,  [13] = true, [14] = true,
		[15] = true, [16] = true, [17] = true, [18] = true,
	};

	for (unsigned type = 0; type < 256; type++) {
		struct frame frame = ipv4(.ttl = 1, .protocol = IPPROTO_ICMP, .icmp_type = type);
		struct packet packet;

		check(error_of(&frame, 1, HEADROOM, exchange.clouds[1].egress, &packet) ==
			      query[type],
		      "type %u", type);
		buffer_free(packet.mbuf);
	}
}

static void no_error_without_a_way_back(void **state)
{
	struct frame frame = ipv4(.ttl = 1);

	check_no_error("no egress", &frame, HEADROOM, NULL);
	check_no_error("not usable", &frame, HEADROOM, exchange.clouds[6].egress);
}

static void no_error_without_a_gateway_to_send_it_from(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct frame frame = ipv4(.ttl = 1);

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway = 0;
	ingress->router = 0;
	exchange_set_ingress(1, ingress);
	check_no_error("no gateway", &frame, HEADROOM, exchange.clouds[1].egress);
}

static void no_error_without_headroom_for_it(void **state)
{
	// 14 + 20 + 8 bytes in front of the packet, of which the old L2 header gives 14.
	struct frame frame = ipv4(.ttl = 1);
	struct packet packet;

	check_no_error("26 bytes", &frame, 26, exchange.clouds[1].egress);
	assert_true(error_of(&frame, 1, 28, exchange.clouds[1].egress, &packet));
	assert_int_equal(packet.mbuf->data_off, 0);
	buffer_free(packet.mbuf);
}

static int set_up(void **state)
{
	assert_int_equal(rcu_init(1), 0);
	for (uint16_t cloud = 1; cloud <= 6; cloud++)
		publish_cloud(cloud, links, COUNT(links));
	exchange_set_egress(5, NULL);
	publish_egress(6, 6, MTU, false);
	return 0;
}

static int tear_down(void **state)
{
	exchange_clear();
	rcu_free();
	return 0;
}

#define case_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_test(an_error_has_the_right_bytes),
		case_test(every_reason_asks_for_the_error_it_should),
		case_test(no_error_where_none_may_be),
		case_test(of_icmp_only_queries_are_answered),
		case_test(no_error_without_a_way_back),
		case_test(no_error_without_a_gateway_to_send_it_from),
		case_test(no_error_without_headroom_for_it),
	};

	random_start();
	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
