// SPDX-License-Identifier: BSD-3-Clause
// What happens to a packet, as a table of cases: frame in, verdict and reason, frame out. The
// stages run in worker.c's order, on buffers that end where the frame ends.
//
// Interconnects: 1-2, 2-3, 1-4 (4 is tagged, VLAN 104), 4-7 (7 is tagged, VLAN 107), 1-5 (the port
// of 5 is down), 1-6 (the router of 6 is unresolved). Cloud N is on port N; port 9 has none.
#pragma once

#include "fixture.h"
#include "frame_ipv6.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEADROOM 128

static const struct link links[] = {
	{1, 2, 12}, {2, 3, 23}, {1, 4, 14}, {4, 7, 47}, {1, 5, 15}, {1, 6, 16},
};

// Only what non-transitivity is about.
static const struct link chain[] = {{1, 2, 12}, {2, 3, 23}};

struct packet_case {
	const char *text;
	struct frame frame;
	uint16_t port; // it came in by; 1 when left out
	enum verdict verdict;
	unsigned reason;
	unsigned to; // cloud that it is forwarded to
};

#define PASSES_TO(cloud) .verdict = VERDICT_FORWARD, .to = (cloud)
#define DROPS(name) .verdict = VERDICT_DROP, .reason = DROP_##name
#define PUNTS(name) .verdict = VERDICT_PUNT, .reason = PUNT_##name

// Which reasons the cases of this file gave.
static bool seen_drops[DROP_REASON_COUNT];
static bool seen_punts[PUNT_REASON_COUNT];

static inline const char *verdict_text(enum verdict verdict, unsigned reason)
{
	switch (verdict) {
	case VERDICT_FORWARD:
		return "forward";
	case VERDICT_DROP:
		return reason < DROP_REASON_COUNT ? drop_reason_name(reason) : "drop for ?";
	case VERDICT_PUNT:
		return reason < PUNT_REASON_COUNT ? punt_reason_name(reason) : "punt for ?";
	}
	return "no verdict";
}

// Where the IP header of a frame stands.
static inline unsigned l3_of(const struct frame *frame)
{
	return get16(frame->bytes + 12) == 0x8100 ? ETHER_BYTES + TAG_BYTES : ETHER_BYTES;
}

static inline bool is_ipv6(const struct frame *frame)
{
	return get16(frame->bytes + l3_of(frame) - 2) == 0x86dd;
}

// Bytes of the packet at 'packet', as it says itself.
static inline unsigned packet_bytes(const uint8_t *packet, bool of_ipv6)
{
	return of_ipv6 ? IPV6_BYTES + get16(packet + 4) : get16(packet + 2);
}

// A frame that came in by a port, behind all stages. packet.mbuf is to be freed.
static inline struct packet run_frame(const struct frame *frame, uint16_t port)
{
	struct packet packet = packet_of(buffer_make(frame->bytes, frame->length, HEADROOM));

	run_stages(port, &packet, 1);
	return packet;
}

// What must leave for cloud 'to': its L2 header, one hop less, the checksum made anew, no padding.
static inline struct frame forwarded(const struct frame *in, unsigned to)
{
	const uint8_t *packet = in->bytes + l3_of(in);
	bool of_ipv6 = is_ipv6(in);
	struct mac router = mac_router(to);
	struct mac ours = mac_ours(to);
	struct frame out = {};

	frame_put(&out, &router, 6);
	frame_put(&out, &ours, 6);
	if (cloud_vlan(to) != 0) {
		frame_put16(&out, 0x8100);
		frame_put16(&out, cloud_vlan(to));
	}
	frame_put16(&out, of_ipv6 ? 0x86dd : 0x0800);

	uint8_t *header = out.bytes + out.length;

	frame_put(&out, packet, packet_bytes(packet, of_ipv6));
	header[of_ipv6 ? 7 : 8]--;
	if (!of_ipv6)
		ipv4_seal(header, header_bytes(header));
	return out;
}

static inline void check_out(
	const char *text, const struct packet *packet, const struct frame *expected
)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	check(mbuf->data_len == expected->length && mbuf->pkt_len == expected->length,
	      "%s: %u bytes leave instead of %u", text, mbuf->data_len, expected->length);
	check(packet->frame == rte_pktmbuf_mtod(mbuf, uint8_t *) &&
		      packet->length == mbuf->data_len,
	      "%s: packet and buffer disagree", text);
	check(memcmp(packet->frame, expected->bytes, expected->length) == 0,
	      "%s: other bytes leave", text);
}

static inline void check_case(const struct packet_case *c)
{
	struct packet packet = run_frame(&c->frame, c->port ? c->port : 1);

	check(packet.verdict == c->verdict &&
		      (c->verdict == VERDICT_FORWARD || packet.reason == c->reason),
	      "%s: %s instead of %s", c->text, verdict_text(packet.verdict, packet.reason),
	      verdict_text(c->verdict, c->reason));
	if (c->verdict == VERDICT_FORWARD) {
		struct frame expected = forwarded(&c->frame, c->to);

		check(packet.egress == exchange.clouds[c->to].egress, "%s: egress", c->text);
		check_out(c->text, &packet, &expected);
	} else {
		check(packet.mbuf->data_len == c->frame.length &&
			      memcmp(packet.frame, c->frame.bytes, c->frame.length) == 0,
		      "%s: the frame was touched", c->text);
	}
	buffer_free(packet.mbuf);
}

static inline void check_goes_nowhere(
	const struct frame *frame, const char *source, const char *destination
)
{
	struct packet packet = run_frame(frame, 1);

	check(packet.verdict == VERDICT_DROP, "%s to %s: %s", source, destination,
	      verdict_text(packet.verdict, packet.reason));
	buffer_free(packet.mbuf);
}

// Cut short anywhere, a frame goes nowhere, unless only padding was lost.
static inline void check_truncations(const struct packet_case *c)
{
	unsigned l3 = l3_of(&c->frame);
	unsigned whole = l3 + 28; // of ARP

	if (c->frame.length >= l3 + 20 && get16(c->frame.bytes + l3 - 2) == 0x0800)
		whole = l3 + packet_bytes(c->frame.bytes + l3, false);
	if (c->frame.length >= l3 + IPV6_BYTES && is_ipv6(&c->frame))
		whole = l3 + packet_bytes(c->frame.bytes + l3, true);
	for (unsigned length = 0; length < c->frame.length; length++) {
		struct rte_mbuf *mbuf = buffer_make(c->frame.bytes, length, HEADROOM);
		struct packet packet = packet_of(mbuf);

		run_stages(c->port ? c->port : 1, &packet, 1);
		if (packet.verdict != VERDICT_DROP)
			check(length >= whole && packet.verdict == c->verdict,
			      "%s, cut to %u bytes: %s", c->text, length,
			      verdict_text(packet.verdict, packet.reason));
		buffer_free(mbuf);
	}
}

// The same cases as one burst: none has to do with its neighbours.
static inline void check_burst(const struct packet_case *cases, unsigned n, uint16_t port)
{
	struct packet packets[BURST_MAX];
	const struct packet_case *of[BURST_MAX];
	unsigned filled = 0;

	for (unsigned i = 0; i < n; i++) {
		if ((cases[i].port ? cases[i].port : 1) == port && filled < BURST_MAX) {
			of[filled] = &cases[i];
			packets[filled++] = packet_of(
				buffer_make(cases[i].frame.bytes, cases[i].frame.length, HEADROOM)
			);
		}
	}
	run_stages(port, packets, filled);
	for (unsigned i = 0; i < filled; i++) {
		check(packets[i].verdict == of[i]->verdict &&
			      (packets[i].verdict == VERDICT_FORWARD ||
			       packets[i].reason == of[i]->reason),
		      "%s, in a burst: %s", of[i]->text,
		      verdict_text(packets[i].verdict, packets[i].reason));
		buffer_free(packets[i].mbuf);
	}
}

static inline void check_cases(const struct packet_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		check_case(&cases[i]);
		check_truncations(&cases[i]);
		if (cases[i].verdict == VERDICT_DROP)
			seen_drops[cases[i].reason] = true;
		if (cases[i].verdict == VERDICT_PUNT)
			seen_punts[cases[i].reason] = true;
	}
	for (uint16_t port = 1; port < 10; port++)
		check_burst(cases, n, port);
}

static inline struct frame cut(struct frame frame, unsigned length)
{
	frame.length = length;
	return frame;
}

static inline void publish_links(const struct link *of, unsigned n)
{
	for (uint16_t cloud = 1; cloud <= 7; cloud++)
		publish_cloud(cloud, of, n);
	exchange_set_egress(5, NULL);
	publish_egress(6, 6, MTU, false);
	while (rcu_poll() > 0)
		;
}

static inline int set_up(void **state)
{
	assert_int_equal(rcu_init(1), 0);
	publish_links(links, COUNT(links));
	return 0;
}

static inline int tear_down(void **state)
{
	exchange_clear();
	rcu_free();
	return 0;
}

#define case_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
