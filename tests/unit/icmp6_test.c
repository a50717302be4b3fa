// SPDX-License-Identifier: BSD-3-Clause
// The ICMPv6 error that a dropped packet turns into: byte for byte, and when there must be none.
#include "dataplane/icmp.h"
#include "packet_kit.h"

#define QUOTE_MAX (1280 - 48)

struct icmp_case {
	const char *text;
	struct frame frame;
	uint16_t port; // and cloud; 1 when left out
	enum drop_reason reason; // that the stages give
	uint8_t type;
	uint8_t code;
	uint32_t mtu;
};

// The error as RFC 4443 wants it, built by other code.
static struct frame expected_error(const struct icmp_case *c)
{
	unsigned cloud = c->port ? c->port : 1;
	const uint8_t *packet = c->frame.bytes + l3_of(&c->frame);
	unsigned length = packet_bytes(packet, true);
	unsigned quoted = length < QUOTE_MAX ? length : QUOTE_MAX;
	struct mac router = mac_router(cloud);
	struct mac ours = mac_ours(cloud);
	uint8_t error[IPV6_BYTES + 8 + QUOTE_MAX] = {0x6c};
	struct frame out = {};

	frame_put(&out, &router, 6);
	frame_put(&out, &ours, 6);
	if (cloud_vlan(cloud) != 0) {
		frame_put16(&out, 0x8100);
		frame_put16(&out, cloud_vlan(cloud));
	}
	frame_put16(&out, 0x86dd);
	put16(error + 4, 8 + quoted);
	error[6] = ICMP6;
	error[7] = 64;
	put_addr6(error + 8, GATEWAY_6);
	error[8 + 3] = (uint8_t)cloud;
	memcpy(error + 24, packet + 8, 16);
	error[40] = c->type;
	error[41] = c->code;
	put32(error + 44, c->mtu);
	memcpy(error + 48, packet, quoted);
	icmp6_seal(error);
	frame_put(&out, error, 48 + quoted);
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
		{"no interconnect", ipv6(.destination = PC3_6), 0, DROP_no_interconnect, 1, 0, 0},
		{"hop limit 1", ipv6(.hop_limit = 1), 0, DROP_ttl_exceeded, 3, 0, 0},
		{"hop limit 0", ipv6(.hop_limit = TTL_ZERO), 0, DROP_ttl_exceeded, 3, 0, 0},
		{"too big", ipv6(.payload = 1461), 0, DROP_frag_needed, 2, 0, 1500},
		{"port down", ipv6(.destination = "fd00:5:1::2"), 0, DROP_egress_down, 1, 3, 0},
		{"router unresolved", ipv6(.destination = "fd00:6:1::2"), 0, DROP_router_unresolved,
		 1, 3, 0},
		{"tagged", ipv6(.l2 = from4, .source = "fd00:4:1::2", .hop_limit = 1), 4,
		 DROP_no_interconnect, 1, 0, 0},
		{"as much as can be quoted", ipv6(.hop_limit = 1, .payload = QUOTE_MAX - 40), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"one byte more", ipv6(.hop_limit = 1, .payload = QUOTE_MAX - 39), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"an odd number of bytes", ipv6(.hop_limit = 1, .payload = 27), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"one byte behind the header", ipv6(.hop_limit = 1, .payload = 1), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"padding is not quoted", ipv6(.hop_limit = 1, .payload = 1, .padding = 5), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"extension headers are quoted",
		 ipv6(EXTENSIONS(DESTINATION, "\x11\0\1\4\0\0\0\0"), .hop_limit = 1), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"marked packets are answered with class 0xc0 as well",
		 ipv6(.hop_limit = 1, .traffic_class = 0xff, .flow = 0x12345), 0, DROP_ttl_exceeded,
		 3, 0, 0},
		{"the first fragment",
		 ipv6(EXTENSIONS(FRAGMENT, "\x11\0\0\1\0\0\0\7"), .hop_limit = 1), 0,
		 DROP_ttl_exceeded, 3, 0, 0},
		{"a later fragment, of UDP, that is too big",
		 ipv6(EXTENSIONS(FRAGMENT, "\x11\0\5\xa9\0\0\0\7"), .payload = 1453), 0,
		 DROP_frag_needed, 2, 0, 1500},
		{"encrypted", ipv6(.next = ESP, .hop_limit = 1), 0, DROP_ttl_exceeded, 3, 0, 0},
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
		check_out(cases[i].text, &packet, &expected);
		check(expected.length <= 1280 + 18, "%s: %u bytes", cases[i].text, expected.length);
		buffer_free(packet.mbuf);
	}
}

// Every sum that one's complement can come to, its two zeros too.
static void the_checksum_is_right_whatever_is_quoted(void **state)
{
	for (unsigned i = 0; i < 65536 + 1000; i++) {
		struct icmp_case c = {
			"checksum", ipv6(.hop_limit = 1, .payload = (int)(2 + random_below(80))),
			0,	    DROP_ttl_exceeded,
			3,	    0,
			0};
		struct frame expected;
		struct packet packet;

		put16(c.frame.bytes + ETHER_BYTES + IPV6_BYTES, i & 0xffff);
		expected = expected_error(&c);
		assert_true(error_of(&c.frame, 1, HEADROOM, exchange.clouds[1].egress, &packet));
		check_out(c.text, &packet, &expected);
		assert_int_equal(icmp6_checksum(packet.frame + ETHER_BYTES, packet.length - 54), 0);
		buffer_free(packet.mbuf);
	}
}

static void check_no_error(
	const char *text, const struct frame *frame, unsigned headroom, const struct egress *back
)
{
	struct packet packet;

	check(!error_of(frame, 1, headroom, back, &packet), "%s: an error", text);
	check(packet.verdict != VERDICT_FORWARD, "%s: not even dropped", text);
	check(packet.mbuf->data_len == frame->length && packet.mbuf->data_off == headroom &&
		      memcmp(packet.frame, frame->bytes, frame->length) == 0,
	      "%s: the packet was touched", text);
	buffer_free(packet.mbuf);
}

static void no_error_where_none_may_be(void **state)
{
#define DYING(...) ipv6(.hop_limit = 1, ##__VA_ARGS__)
	const struct {
		const char *text;
		struct frame frame;
	} cases[] = {
		{"later fragment of ICMP", DYING(EXTENSIONS(FRAGMENT, "\x3a\0\5\xa8\0\0\0\7"))},
		{"later fragment of nobody knows what",
		 DYING(EXTENSIONS(FRAGMENT, "\x3c\0\5\xa8\0\0\0\7"))},
		{"half a fragment header", DYING(.next = FRAGMENT, .payload = 7)},
		{"first fragment with options cut off",
		 DYING(EXTENSIONS(FRAGMENT, "\x3c\0\0\1\0\0\0\7"), .payload = 3)},
		{"first fragment of an error",
		 DYING(EXTENSIONS(FRAGMENT, "\x3a\0\0\1\0\0\0\7"), .icmp_type = 3)},
		{"an error behind options",
		 DYING(EXTENSIONS(DESTINATION, "\x3a\0\1\4\0\0\0\0"), .icmp_type = 1)},
		{"spoofed", DYING(.source = "fd00:9:1::1")},
		{"spoofed, to nowhere", ipv6(.source = PC2_6, .destination = "2001:db8::8")},
		{"spoofed, too big", ipv6(.source = PC3_6, .payload = 1461)},
		{"from nobody", DYING(.source = "::")},
		{"from ourselves", DYING(.source = "::1")},
		{"from a group", DYING(.source = "ff02::1")},
		{"from a link-local address", DYING(.source = ROUTER_LINK_LOCAL)},
		{"to a group", DYING(.destination = "ff05::1")},
		{"to a group of the link", DYING(.destination = ALL_NODES)},
		{"by a group's frame", DYING(.l2 = {.to = mac_group("ff02::2")})},
		{"by a broadcast frame", DYING(.l2 = {.to = MAC_BROADCAST})},
		{"the router's own error",
		 DYING(.source = ROUTER_6, .next = ICMP6, .icmp_type = 3)},
		{"of the router, to nowhere",
		 ipv6(.source = ROUTER_6, .destination = PC3_6, .next = ICMP6, .icmp_type = 1)},
		{"of the router, too big",
		 ipv6(.source = ROUTER_6, .next = ICMP6, .icmp_type = 2, .payload = 1461)},
		{"hairpin", ipv6(.destination = "fd00:1:1::9")},
		{"source route", DYING(EXTENSIONS(ROUTING, "\x11\0\0\1\0\0\0\0"))},
		{"malformed", DYING(EXTENSIONS(DESTINATION, "\x11\x7f\1\4\0\0\0\0"))},
		{"to the gateway", DYING(.destination = GATEWAY_6)},
		{"ICMP without a type, padded",
		 DYING(EXTENSIONS(DESTINATION, "\x3a\0\1\4\0\0\0\0"), .payload = NO_PAYLOAD,
		       .padding = 9)},
	};
#undef DYING

	for (unsigned i = 0; i < COUNT(cases); i++)
		check_no_error(cases[i].text, &cases[i].frame, HEADROOM, exchange.clouds[1].egress);
}

static void of_icmp_only_what_is_no_error_and_no_redirect_is_answered(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		struct frame frame = ipv6(.hop_limit = 1, .next = ICMP6, .icmp_type = type);
		struct packet packet;

		check(error_of(&frame, 1, HEADROOM, exchange.clouds[1].egress, &packet) ==
			      (type >= 128 && type != 137),
		      "type %u", type);
		buffer_free(packet.mbuf);
	}
}

static void no_error_without_a_way_back(void **state)
{
	struct frame frame = ipv6(.hop_limit = 1);

	check_no_error("no egress", &frame, HEADROOM, NULL);
	check_no_error("not usable", &frame, HEADROOM, exchange.clouds[6].egress);
}

static void no_error_without_a_gateway_to_send_it_from(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct frame frame = ipv6(.hop_limit = 1);

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway6 = ingress->router6 = ingress->link_local = (struct addr6){};
	exchange_set_ingress(1, ingress);
	check_no_error("no gateway", &frame, HEADROOM, exchange.clouds[1].egress);
}

static void no_error_without_headroom_for_it(void **state)
{
	// 14 + 40 + 8 bytes in front of the packet, of which the old L2 header gives 14.
	struct frame frame = ipv6(.hop_limit = 1);
	struct packet packet;

	check_no_error("46 bytes", &frame, 46, exchange.clouds[1].egress);
	assert_true(error_of(&frame, 1, 48, exchange.clouds[1].egress, &packet));
	assert_int_equal(packet.mbuf->data_off, 0);
	buffer_free(packet.mbuf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_test(an_error_has_the_right_bytes),
		case_test(the_checksum_is_right_whatever_is_quoted),
		case_test(no_error_where_none_may_be),
		case_test(of_icmp_only_what_is_no_error_and_no_redirect_is_answered),
		case_test(no_error_without_a_way_back),
		case_test(no_error_without_a_gateway_to_send_it_from),
		case_test(no_error_without_headroom_for_it),
	};

	random_start();
	return cmocka_run_group_tests_name("icmp6", tests, NULL, NULL);
}
