// SPDX-License-Identifier: BSD-3-Clause
// The generator: its frames are what they say, its books miss nothing, its search finds what is
// there.
#include "bench/generator/account.h"
#include "bench/generator/search.h"
#include "bench/generator/trial.h"

#include <math.h>
#include <rte_ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> // needs those above

#define PC1 \
	"{\"name\":\"pc1\",\"port\":0,\"networks\":[\"10.1.0.0/22\",\"fd00:1::/48\"]," \
	"\"gateway_mac\":\"02:00:00:00:00:01\",\"router_mac\":\"02:00:00:00:01:02\"}"
#define PC2 \
	"{\"name\":\"pc2\",\"port\":1,\"vlan\":20,\"networks\":[\"10.2.0.0/22\",\"fd00:2::/48\"]," \
	"\"gateway_mac\":\"02:00:00:00:00:02\",\"router_mac\":\"02:00:00:00:02:02\"}"
#define CLOUDS "\"clouds\":[" PC1 "," PC2 "]"

static int update(struct description *description, const char *text, char *error)
{
	json_t *object = json_loads(text, 0, NULL);
	int code;

	assert_non_null(object);
	code = description_update(description, object, 2, error);
	json_decref(object);
	return code;
}

// One flow between pc1 and pc2.
static struct description described(const char *from, const char *to, const char *kind, int family)
{
	struct description description = {.hops = 1};
	char text[1024], error[ERROR_SIZE] = "";

	snprintf(
		text, sizeof(text),
		"{" CLOUDS
		",\"flows\":[{\"from\":\"%s\",\"to\":\"%s\",\"kind\":\"%s\",\"family\":%d}]}",
		from, to, kind, family
	);
	if (update(&description, text, error) < 0)
		fail_msg("%s", error);
	return description;
}

static struct frame built(const struct description *description, unsigned size)
{
	uint64_t random = 1;
	struct frame frame;

	assert_int_equal(frame_build(description, 0, size, 0, &random, &frame), 0);
	return frame;
}

// What t0xd makes of a frame of pc1, for pc2: returns its length.
static unsigned forwarded(const struct frame *frame, uint64_t sequence, uint8_t *bytes)
{
	static const uint8_t l2[18] = {2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 20};
	uint8_t sent[FRAME_BYTES_MAX];
	unsigned length = frame->length - frame->l3;

	frame_write(frame, sequence, sent);
	memcpy(bytes, l2, sizeof(l2));
	memcpy(bytes + 16, sent + frame->l3 - 2, 2); // ethertype
	memcpy(bytes + 18, sent + frame->l3, length);
	if (bytes[18] >> 4 == 4) {
		struct rte_ipv4_hdr *ip = (void *)(bytes + 18);

		ip->time_to_live--;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		((struct rte_ipv6_hdr *)(bytes + 18))->hop_limits--;
	}
	return length + 18;
}

static void frames_have_their_size_and_right_checksums(void **state)
{
	for (int family = 4; family <= 6; family += 2) {
		struct description description = described("pc2", "pc1", "valid", family);
		unsigned least = family == 4 ? 64 : 82; // with VLAN, IPv6, UDP and mark

		for (unsigned size = FRAME_SIZE_MIN; size <= FRAME_SIZE_MAX; size++) {
			struct frame frame = built(&description, size);
			uint8_t bytes[FRAME_BYTES_MAX];

			assert_int_equal(frame.length + FRAME_CRC, size > least ? size : least);
			for (uint64_t sequence = 0; sequence < 4; sequence++) {
				const uint8_t *ip = bytes + frame.l3;
				const void *udp = ip + frame.udp;

				frame_write(&frame, sequence * 0x0123456789abcdef, bytes);
				if (family == 4) {
					assert_int_equal(rte_ipv4_cksum((const void *)ip), 0);
					assert_int_equal(
						rte_ipv4_udptcp_cksum_verify((const void *)ip, udp),
						0
					);
				} else {
					assert_int_equal(
						rte_ipv6_udptcp_cksum_verify((const void *)ip, udp),
						0
					);
				}
			}
			frame_free(&frame);
		}
		description_free(&description);
	}
}

static void addresses_are_of_the_networks(void **state)
{
	struct description description = described("pc1", "pc2", "valid", 4);
	uint64_t random = 7;

	for (unsigned i = 0; i < 1000; i++) {
		struct frame frame;

		assert_int_equal(frame_build(&description, 0, 64, 0, &random, &frame), 0);

		const struct rte_ipv4_hdr *ip = (const void *)(frame.bytes + frame.l3);

		assert_int_equal(rte_be_to_cpu_32(ip->src_addr) & ~0x3ffu, RTE_IPV4(10, 1, 0, 0));
		assert_int_equal(rte_be_to_cpu_32(ip->dst_addr) & ~0x3ffu, RTE_IPV4(10, 2, 0, 0));
		frame_free(&frame);
	}
	description_free(&description);
}

static struct flow_count received(
	struct account *account, uint16_t port, const uint8_t *bytes, unsigned length
)
{
	account_receive(account, port, 0, bytes, length, 0);
	return account->flows[0].count;
}

// An account of one frame, and what it is made from.
static void open_books(
	struct account *account, const struct description *description, struct frame *frame
)
{
	assert_int_equal(account_open(account, description), 0);
	account->frames = frame;
	account->n_frames = 1;
}

static void close_books(
	struct account *account, struct description *description, struct frame *frame
)
{
	account_close(account);
	frame_free(frame);
	description_free(description);
}

static void a_single_bit_that_changed_is_seen(void **state)
{
	for (int family = 4; family <= 6; family += 2) {
		struct description description = described("pc1", "pc2", "valid", family);
		struct frame frame = built(&description, 128);
		uint8_t bytes[FRAME_BYTES_MAX], scratch[FRAME_BYTES_MAX];
		struct account account;

		open_books(&account, &description, &frame);
		account_write(&account, &frame, 0, scratch);
		account_write(&account, &frame, 0, scratch);
		for (unsigned bit = 0; bit < frame.length * 8u; bit++) {
			unsigned length = forwarded(&frame, 1, bytes);

			// Source MAC, VLAN priority: t0xd's to choose.
			if ((bit / 8 >= 6 && bit / 8 < 12) || bit / 8 == 14)
				continue;
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(received(&account, 1, bytes, length).received, 0);
		}
		unsigned length = forwarded(&frame, 1, bytes);

		assert_int_equal(received(&account, 1, bytes, length - 1).received, 0);
		bytes[length] = 0;
		assert_int_equal(received(&account, 1, bytes, length + 1).received, 0);
		assert_int_equal(received(&account, 1, bytes, length).received, 1);
		assert_int_equal(account.flows[0].count.duplicate, 0);
		close_books(&account, &description, &frame);
	}
}

static void each_frame_is_in_one_place_of_the_books(void **state)
{
	struct description description = described("pc1", "pc2", "valid", 4);
	struct frame frame = built(&description, 64);
	uint8_t bytes[FRAME_BYTES_MAX];
	struct account account;
	unsigned length;

	open_books(&account, &description, &frame);
	for (unsigned i = 0; i < 5; i++)
		account_write(&account, &frame, 0, bytes);
	account_unwrite(&account, &frame, true);

	length = forwarded(&frame, 0, bytes);
	assert_int_equal(received(&account, 1, bytes, length).received, 1);
	assert_int_equal(received(&account, 1, bytes, length).duplicate, 1);
	length = forwarded(&frame, 3, bytes);
	assert_int_equal(received(&account, 1, bytes, length).received, 2);
	length = forwarded(&frame, 1, bytes);
	assert_int_equal(received(&account, 1, bytes, length).reordered, 1);
	length = forwarded(&frame, 4, bytes); // was not sent after all
	assert_int_equal(received(&account, 1, bytes, length).corrupt, 1);
	length = forwarded(&frame, 2, bytes);
	assert_int_equal(received(&account, 0, bytes, length).unexpected, 1); // another port
	bytes[15] = 21;
	assert_int_equal(received(&account, 1, bytes, length).unexpected, 2); // another VLAN
	bytes[15] = 20;
	bytes[5] ^= 1;
	assert_int_equal(received(&account, 1, bytes, length).corrupt, 2); // another router
	length = forwarded(&frame, 2, bytes);
	memset(bytes + 18 + 28, 0, 4);
	received(&account, 1, bytes, length);
	assert_int_equal(account.clouds[1].other, 1); // no mark
	bytes[15] = 21;
	received(&account, 1, bytes, length);
	assert_int_equal(account.stray, 1);

	struct flow_count sum = account_sum(&account, false);

	assert_int_equal(sum.sent, 4);
	assert_int_equal(sum.refused, 1);
	assert_int_equal(sum.received, 3);
	close_books(&account, &description, &frame);
}

// However it was spoilt: should it come through, that is seen.
static void a_frame_that_must_not_come_is_unexpected(void **state)
{
	for (int family = 4; family <= 6; family += 2)
		for (enum kind kind = KIND_valid; kind < KIND_COUNT; kind++) {
			static const uint8_t families[] = {
#define KIND_FAMILIES(name, families, reason, text) families,
				KINDS(KIND_FAMILIES)
#undef KIND_FAMILIES
			};
			if (kind == KIND_truncated || !kind_reason(kind) ||
			    !(families[kind] & (family == 4 ? IPV4 : IPV6)))
				continue;

			struct description description = described(
				"pc1", kind == KIND_hairpin ? "pc1" : "pc2", kind_name(kind), family
			);
			struct frame frame = built(&description, 128);
			uint8_t bytes[FRAME_BYTES_MAX];
			struct account account;

			open_books(&account, &description, &frame);
			account_write(&account, &frame, 0, bytes);
			// An ethertype of its own hides an IPv4 header from nobody here.
			if (received(&account, 1, bytes, frame.length).unexpected != 1)
				fail_msg("%s, IPv%d: not recognised", kind_name(kind), family);
			close_books(&account, &description, &frame);
		}
}

// The bytes of IP of a frame of a kind, without a VLAN tag, as they are sent.
static unsigned ip_of(const char *kind, int family, unsigned size, uint8_t *ip)
{
	struct description description = described("pc1", "pc2", kind, family);
	struct frame frame = built(&description, size);
	unsigned length = frame.length - frame.l3;
	uint8_t bytes[FRAME_BYTES_MAX];

	assert_int_equal(frame.l3, RTE_ETHER_HDR_LEN);
	frame_write(&frame, 1, bytes);
	memcpy(ip, bytes + frame.l3, length);
	frame_free(&frame);
	description_free(&description);
	return length;
}

// And in nothing else: no other reason may come first.
static void frames_of_ipv6_are_wrong_in_what_their_kind_says(void **state)
{
	static const uint8_t own[6] = {0xfd, 0, 0, 1}, peer[6] = {0xfd, 0, 0, 2};
	static const uint8_t loopback[16] = {[15] = 1};

	for (enum kind kind = KIND_valid; kind < KIND_COUNT; kind++) {
		uint8_t bytes[FRAME_BYTES_MAX];
		const struct rte_ipv6_hdr *ip = (const void *)bytes;
		unsigned length;

		if (kind == KIND_hairpin || kind == KIND_ethertype || kind == KIND_checksum ||
		    kind == KIND_header_length || kind == KIND_source_route ||
		    kind == KIND_fragments || kind == KIND_vlan)
			continue;
		length = ip_of(kind_name(kind), 6, 128, bytes);
		assert_int_equal(
			length,
			kind == KIND_truncated	     ? 10
				: kind == KIND_large ? 1501
						     : 110
		);
		assert_int_equal(bytes[0] >> 4, kind == KIND_version ? 5 : 6);
		if (kind == KIND_truncated)
			continue;
		assert_int_equal(
			rte_be_to_cpu_16(ip->payload_len) + 40, length + (kind == KIND_length)
		);
		assert_int_equal(ip->hop_limits, kind == KIND_ttl ? 1 : 64);
		if (kind == KIND_martian)
			assert_memory_equal(ip->src_addr, loopback, 16);
		else
			assert_memory_equal(ip->src_addr, kind == KIND_spoofed ? peer : own, 6);
		if (kind == KIND_multicast)
			assert_int_equal(ip->dst_addr[0], 0xff);
		else if (kind == KIND_link_local)
			assert_int_equal(ip->dst_addr[0] << 8 | ip->dst_addr[1], 0xfe80);
		else
			assert_memory_equal(ip->dst_addr, peer, 6);
	}
}

// Whatever size was asked for.
static void what_is_large_is_so_by_its_kind(void **state)
{
	static const unsigned sizes[] = {FRAME_SIZE_MIN, FRAME_SIZE_MAX};
	uint8_t bytes[FRAME_BYTES_MAX];
	const struct rte_ipv4_hdr *ip = (const void *)bytes;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ip_of("large", 6, sizes[i], bytes), 1501);
		assert_int_equal(ip_of("large", 4, sizes[i], bytes), 1501);
		assert_int_equal(ip->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
		assert_int_equal(ip_of("fragments", 4, sizes[i], bytes), 1520);
		assert_int_equal(ip->fragment_offset, 0);
		assert_int_equal(rte_ipv4_cksum(ip), 0);
		assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, ip + 1), 0);
	}
	assert_true(ip_of("link_local", 4, 64, bytes) > 0);
	assert_int_equal(rte_be_to_cpu_32(ip->dst_addr) >> 16, 0xa9fe);
}

// What t0xd makes of the fragments of a frame of pc1, for pc2, by MTU 1500: returns its length.
static unsigned fragmented(
	const struct frame *frame, uint64_t sequence, unsigned fragment, uint8_t *bytes
)
{
	unsigned length = forwarded(frame, sequence, bytes);
	struct rte_ipv4_hdr *ip = (void *)(bytes + 18);
	unsigned payload = fragment == 0 ? 1480 : length - 18 - 20 - 1480;

	memmove(ip + 1, (uint8_t *)(ip + 1) + fragment * 1480, payload);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(payload + 20));
	ip->fragment_offset = fragment == 0 ? RTE_BE16(0x2000) : RTE_BE16(1480 / 8);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return 18 + 20 + payload;
}

static void each_fragment_is_in_one_place_of_the_books(void **state)
{
	struct description description = described("pc1", "pc2", "fragments", 4);
	struct frame frame = built(&description, 64);
	uint8_t bytes[FRAME_BYTES_MAX];
	struct account account;

	open_books(&account, &description, &frame);
	for (unsigned i = 0; i < 3; i++)
		account_write(&account, &frame, 0, bytes);
	account_unwrite(&account, &frame, false);
	assert_int_equal(account.flows[0].count.sent, 2);
	assert_int_equal(account.flows[0].count.cuts, 2);

	received(&account, 1, bytes, fragmented(&frame, 1, 1, bytes));
	received(&account, 1, bytes, fragmented(&frame, 0, 0, bytes));
	received(&account, 1, bytes, fragmented(&frame, 1, 0, bytes));
	assert_int_equal(account.flows[0].count.received, 3);
	assert_int_equal(account.flows[0].count.reordered, 0); // each keeps its own order
	received(&account, 1, bytes, fragmented(&frame, 1, 0, bytes));
	assert_int_equal(account.flows[0].count.duplicate, 1);
	received(&account, 1, bytes, forwarded(&frame, 0, bytes));
	assert_int_equal(account.flows[0].count.corrupt, 1); // uncut
	received(&account, 0, bytes, fragmented(&frame, 0, 1, bytes));
	assert_int_equal(account.flows[0].count.unexpected, 1); // another port
	received(&account, 1, bytes, fragmented(&frame, 0, 1, bytes));

	struct flow_count sum = account_sum(&account, true);

	assert_int_equal(sum.received, sum.sent + sum.cuts);
	close_books(&account, &description, &frame);
}

static void a_bit_of_a_fragment_that_changed_is_seen(void **state)
{
	struct description description = described("pc1", "pc2", "fragments", 4);
	struct frame frame = built(&description, 64);
	uint8_t bytes[FRAME_BYTES_MAX];
	struct account account;

	open_books(&account, &description, &frame);
	account_write(&account, &frame, 0, bytes);
	account_write(&account, &frame, 0, bytes);
	for (unsigned fragment = 0; fragment < FRAGMENTS; fragment++) {
		unsigned length = fragmented(&frame, 1, fragment, bytes);

		for (unsigned bit = 18 * 8; bit < length * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			received(&account, 1, bytes, length);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		received(&account, 1, bytes, length - 1);
		assert_int_equal(account.flows[0].count.received, fragment);
		received(&account, 1, bytes, length);
		assert_int_equal(account.flows[0].count.received, fragment + 1);
	}
	close_books(&account, &description, &frame);
}

static void numbers_are_new_late_or_seen_before(void **state)
{
	static const struct {
		uint64_t number;
		enum sequence_verdict verdict;
	} cases[] = {
		{0, SEQUENCE_NEW},
		{0, SEQUENCE_DUPLICATE},
		{2, SEQUENCE_NEW},
		{1, SEQUENCE_LATE},
		{1, SEQUENCE_DUPLICATE},
		{64, SEQUENCE_NEW},
		{63, SEQUENCE_LATE},
		{SEQUENCE_WINDOW, SEQUENCE_NEW}, // shares its bit with 0
		{1, SEQUENCE_DUPLICATE}, // at the end of the window
		{3, SEQUENCE_LATE},
		{SEQUENCE_WINDOW + 70, SEQUENCE_NEW},
		{SEQUENCE_WINDOW + 64, SEQUENCE_LATE}, // its bit was that of 64
		{5, SEQUENCE_DUPLICATE}, // too old to tell
		{SEQUENCE_WINDOW * 5ull, SEQUENCE_NEW},
		{SEQUENCE_WINDOW * 5ull - 1, SEQUENCE_LATE},
		{SEQUENCE_WINDOW * 5ull, SEQUENCE_DUPLICATE},
	};
	struct sequence *sequence = calloc(1, sizeof(*sequence));

	assert_non_null(sequence);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (sequence_see(sequence, cases[i].number) != cases[i].verdict)
			fail_msg("case %u", i);
	free(sequence);
}

static void quantiles_are_within_a_thirty_second(void **state)
{
	struct latency *latency = calloc(1, sizeof(*latency));

	assert_non_null(latency);
	assert_int_equal(latency_quantile(latency, 0.5), 0);
	for (uint64_t value = 1; value <= 100000; value++)
		latency_add(latency, value);
	for (double share = 0.01; share < 1; share += 0.01)
		assert_true(
			fabs((double)latency_quantile(latency, share) / (share * 100000) - 1) <
			1.0 / 32
		);
	latency_add(latency, UINT64_MAX);
	free(latency);
}

// What is lost at a rate by one that forwards 'capacity'.
struct device {
	double capacity;
	unsigned noise; // one trial in so many loses a tenth; 0: none
	unsigned trials;
	unsigned held; // in a row, at the rate last tried
	double rate;
};

static double device_trial(double rate, void *arg)
{
	struct device *device = arg;
	double loss = rate > device->capacity ? 1 - device->capacity / rate : 0;

	device->trials++;
	if (device->noise && rand() % (int)device->noise == 0)
		loss = 0.1;
	device->held = loss > 0 ? 0 : rate == device->rate ? device->held + 1 : 1;
	device->rate = rate;
	return loss;
}

static void the_search_finds_the_rate_of_a_device(void **state)
{
	static const double capacities[] = {1e4, 3.3e5, 5e5, 9.99e5, 1e6, 2e6};

	for (unsigned i = 0; i < sizeof(capacities) / sizeof(*capacities); i++) {
		const struct search search = {.resolution = 0.005, .confirmations = 2};
		struct device device = {.capacity = capacities[i]};
		double highest = fmin(capacities[i], 1e6);
		struct search_result result;

		assert_int_equal(search_run(&search, 1e6, device_trial, &device, &result), 0);
		assert_true(result.rate <= highest && result.rate >= highest - 5000);
		assert_true(result.loss == 0);
		assert_int_equal(result.trials, device.trials);
	}
}

static void a_device_that_always_loses_has_no_rate(void **state)
{
	const struct search search = {.tolerance = 0.005, .resolution = 0.02, .confirmations = 2};
	struct device device = {.capacity = 0};
	struct search_result result;

	assert_int_equal(search_run(&search, 1e6, device_trial, &device, &result), 0);
	assert_true(result.rate == 0);
	assert_in_range(result.trials, 1, 12);
}

static void the_rate_found_has_held_as_often_as_asked(void **state)
{
	const struct search search = {.resolution = 0.02, .confirmations = 3};

	srand(1);
	for (unsigned i = 0; i < 500; i++) {
		struct device device = {.capacity = 6e5, .noise = 5};
		struct search_result result;

		assert_int_equal(search_run(&search, 1e6, device_trial, &device, &result), 0);
		assert_true(result.rate <= 6e5);
		assert_in_range(result.trials, 1, 300);
		if (result.rate > 0)
			assert_true(device.rate == result.rate && device.held >= 3);
	}
}

static double failing_trial(double rate, void *arg)
{
	return -1;
}

static void a_trial_that_fails_ends_the_search(void **state)
{
	const struct search search = {.resolution = 0.02};
	struct search_result result;

	assert_int_equal(search_run(&search, 1e6, failing_trial, NULL, &result), -1);
}

static void descriptions_that_make_no_sense_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{\"clouds\":[" PC1 "]}", "flows"},
		{"{\"clouds\":[" PC1 "," PC1 "],\"flows\":[]}", "twice"},
		{"{\"clouds\":[{\"name\":\"pc1\",\"port\":2,\"networks\":[\"10.1.0.0/22\"],"
		 "\"gateway_mac\":\"02:00:00:00:00:01\",\"router_mac\":\"02:00:00:00:01:02\"}],\"flows\":[]}",
		 "port"},
		{"{" CLOUDS ",\"flows\":[]}", "flows"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc3\"}]}", "pc3"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"speed\":1}]}", "speed"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"kind\":\"odd\"}]}",
		 "odd"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"share\":0}]}", "share"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"family\":5}]}",
		 "family"},
		{"{" CLOUDS
		 ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"kind\":\"checksum\",\"family\":6}]}",
		 "family"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"kind\":\"hairpin\"}]}",
		 "hairpin"},
		{"{" CLOUDS
		 ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"kind\":\"fragments\",\"family\":6}]}",
		 "family"},
		{"{" CLOUDS ",\"flows\":[{\"from\":\"pc1\",\"to\":\"pc2\",\"addresses\":0}]}",
		 "addresses"},
		{"{\"hops\":2}", "hops"},
		{"{\"hops\":\"one\"}", "hops"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct description description = described("pc1", "pc2", "valid", 4);
		struct description before = description;
		char error[ERROR_SIZE] = "";

		assert_int_equal(update(&description, cases[i][0], error), -1);
		if (!strstr(error, cases[i][1]))
			fail_msg("case %u says \"%s\"", i, error);
		assert_memory_equal(&description, &before, sizeof(before));
		description_free(&description);
	}
}

static void sizes_are_those_of_ethernet(void **state)
{
	struct trial trial = {};

	assert_int_equal(trial_sizes("imix", &trial), 0);
	assert_int_equal(trial.n_sizes, 3);
	assert_int_equal(trial_sizes("64", &trial), 0);
	assert_int_equal(trial_sizes("1518", &trial), 0);
	assert_int_equal(trial.n_sizes, 1);
	assert_int_equal(trial_sizes("63", &trial), -1);
	assert_int_equal(trial_sizes("1519", &trial), -1);
	assert_int_equal(trial_sizes("64b", &trial), -1);
	assert_int_equal(trial_sizes("", &trial), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_have_their_size_and_right_checksums),
		cmocka_unit_test(addresses_are_of_the_networks),
		cmocka_unit_test(a_single_bit_that_changed_is_seen),
		cmocka_unit_test(each_frame_is_in_one_place_of_the_books),
		cmocka_unit_test(a_frame_that_must_not_come_is_unexpected),
		cmocka_unit_test(frames_of_ipv6_are_wrong_in_what_their_kind_says),
		cmocka_unit_test(what_is_large_is_so_by_its_kind),
		cmocka_unit_test(each_fragment_is_in_one_place_of_the_books),
		cmocka_unit_test(a_bit_of_a_fragment_that_changed_is_seen),
		cmocka_unit_test(numbers_are_new_late_or_seen_before),
		cmocka_unit_test(quantiles_are_within_a_thirty_second),
		cmocka_unit_test(the_search_finds_the_rate_of_a_device),
		cmocka_unit_test(a_device_that_always_loses_has_no_rate),
		cmocka_unit_test(the_rate_found_has_held_as_often_as_asked),
		cmocka_unit_test(a_trial_that_fails_ends_the_search),
		cmocka_unit_test(descriptions_that_make_no_sense_are_refused),
		cmocka_unit_test(sizes_are_those_of_ethernet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
