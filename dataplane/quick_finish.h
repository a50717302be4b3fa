// SPDX-License-Identifier: BSD-3-Clause
// Finish: rewrite, and group what to count and to send. Packets of one interconnect share all but
// what their own headers say. Included by quick.c only.
#pragma once

#include "quick_lookup.h"
#include "quick_rewrite.h"

// Interconnects in a burst that are taken one after the other, and how many packets each must have
// for that; of the rest each packet counts alone.
#define GROUPS_MAX 4
#define GROUP_MIN 6

#if LANES == 16

// The mbufs of some packets, in order. Writes up to 8 too many.
static inline unsigned pick(const struct work *work, uint64_t which, struct rte_mbuf **to)
{
#pragma GCC unroll 8
	for (unsigned at = 0; at < QUICK_MAX; at += 8) {
		__mmask8 mask = (__mmask8)(which >> at);

		_mm512_storeu_si512(
			to, _mm512_maskz_compress_epi64(mask, _mm512_loadu_si512(&work->mbufs[at]))
		);
		to += _mm_popcnt_u64(which >> at & 0xff);
	}
	return (unsigned)__builtin_popcountll(which);
}

static inline uint32_t sum_lengths(const struct work *work, uint64_t which)
{
	__m512i sum = _mm512_setzero_si512();

	for (unsigned at = 0; at < work->n; at += LANES)
		sum = _mm512_mask_add_epi32(
			sum, (__mmask16)(which >> at), sum, _mm512_loadu_si512(&work->length[at])
		);
	return (uint32_t)_mm512_reduce_add_epi32(sum);
}

// The clouds of some packets, in order. Writes up to 16 too many.
static inline void pick_clouds(const struct work *work, uint64_t which, uint16_t *to)
{
#pragma GCC unroll 4
	for (unsigned at = 0; at < QUICK_MAX; at += LANES) {
		__mmask16 mask = (__mmask16)(which >> at);
		__m512i clouds =
			_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)&work->clouds[at]));

		_mm256_storeu_si256(
			(void *)to, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(mask, clouds))
		);
		to += _mm_popcnt_u64(which >> at & 0xffff);
	}
}

#else

static inline unsigned pick(const struct work *work, uint64_t which, struct rte_mbuf **to)
{
	unsigned n = 0;

	for (; which != 0; which &= which - 1)
		to[n++] = work->mbufs[__builtin_ctzll(which)];
	return n;
}

static inline void pick_clouds(const struct work *work, uint64_t which, uint16_t *to)
{
	for (; which != 0; which &= which - 1)
		*to++ = work->clouds[__builtin_ctzll(which)];
}

static inline uint32_t sum_lengths(const struct work *work, uint64_t which)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < work->n; i++)
		sum += which >> i & 1 ? work->length[i] : 0;
	return sum;
}

#endif

// Bit i: the packet has no more bytes than 'limit'.
static inline uint64_t find_fitting(const struct work *work, uint32_t limit)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		found |= (uint64_t)lanes_at_most(lanes_load(&work->length[at]), lanes_set(limit))
			<< at;
	return found;
}

// Count and send

// Of packets by one interconnect from one cloud: the leaf tells the other end.
static inline struct traffic_count *count_of(
	struct traffic_count (*traffic)[2], leaf_t leaf, uint16_t cloud
)
{
	return &traffic[leaf_interconnect(leaf)][traffic_direction(cloud, leaf_cloud(leaf))];
}

static inline void count(struct traffic_count *total, uint64_t packets, uint64_t bytes)
{
	// Stores one by one: as one vector the next packet's load would wait for them.
	__atomic_store_n(&total->packets, total->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&total->bytes, total->bytes + bytes, __ATOMIC_RELAXED);
}

// One packet, by one load and one store. A load waits long for stores of another width: no group of
// the burst counts what this does. Readers take either half, which are written whole.
static inline void count_one(struct traffic_count *total, uint32_t bytes)
{
	__m128i one = _mm_set_epi64x((int64_t)bytes, 1);

	_mm_storeu_si128((void *)total, _mm_add_epi64(_mm_loadu_si128((const void *)total), one));
}

_Static_assert(
	offsetof(struct traffic_count, packets) == 0 &&
		offsetof(struct traffic_count, bytes) == 8 && sizeof(struct traffic_count) == 16,
	"one vector"
);

// 'mixed': they came from several clouds.
static inline void add_send(
	const struct work *work, struct quick_burst *burst, uint64_t which, uint16_t port,
	bool mixed
)
{
	struct rte_mbuf **mbufs = work->mbufs;
	unsigned n = work->n;

	if (which != all_of(n)) {
		mbufs = &burst->mbufs[burst->n];
		n = pick(work, which, mbufs);
	}
	if (mixed)
		pick_clouds(work, which, &burst->clouds[burst->n]);
	burst->sends[burst->n_sends++] = (struct quick_send){port, (uint16_t)n, mbufs};
	burst->n += n;
}

// NULL when the leaf leads nowhere.
static inline const struct egress *egress_of(leaf_t leaf)
{
	const struct egress *egress = published(exchange.clouds[leaf_cloud(leaf)].egress);

	return leaf_interconnect(leaf) != 0 ? egress : NULL;
}

// More interconnects than groups pay for: each packet for itself; only ports are still few.

// What leaves lead to, as offsets: a lane a packet.
struct targets {
	uint32_t slots[QUICK_MAX] __attribute__((aligned(64))); // from exchange.clouds
	uint32_t totals[QUICK_MAX]; // from 'traffic'
};

static inline void find_targets(const struct work *work, struct targets *targets)
{
	for (unsigned at = 0; at < work->n; at += LANES) {
		lanes leaf = lanes_load(&work->leaves[at]);
		lanes from = half_lanes_load(&work->clouds[at]);
		lanes to = leaf >> LEAF_INTERCONNECT_BITS;
		lanes up = (lanes)(from > to) & (uint32_t)sizeof(struct traffic_count);

		lanes_store(&targets->slots[at], to * (uint32_t)sizeof(struct cloud_slot));
		lanes_store(
			&targets->totals[at],
			(leaf & INTERCONNECT_ID_MAX) * (uint32_t)sizeof(struct traffic_count[2]) +
				up
		);
	}
}

static inline const struct egress *egress_at(const struct targets *targets, size_t i)
{
	const struct cloud_slot *slot =
		(const void *)((const char *)exchange.clouds + targets->slots[i]);

	return published(slot->egress);
}

static inline struct traffic_count *count_at(
	const struct targets *targets, struct traffic_count (*traffic)[2], size_t i
)
{
	return (void *)((char *)traffic + targets->totals[i]);
}

// Which packets go, and by which port.
struct sent {
	uint64_t which;
	uint8_t ports[QUICK_MAX] __attribute__((aligned(QUICK_MAX)));
};

_Static_assert(RTE_MAX_ETHPORTS <= UINT8_MAX + 1, "a byte a port");

// So many at a time take a way that asks of none what it is.
#define BLOCK 16

// A block of one family, all to go with a tag, or all without one: those that go otherwise, or
// nowhere, are left out. 'same': their frames begin and end where they did.
static inline void rewrite_kind(
	struct work *work, struct traffic_count (*traffic)[2], const struct targets *targets,
	size_t at, const bool ipv6, const bool tagged, const bool same, struct sent *sent
)
{
	const unsigned l2_length = L2_BYTES + (tagged ? TAG_BYTES : 0);
	uint32_t left = 0;

#pragma GCC unroll 16
	for (size_t i = 0; i < BLOCK; i++) {
		const struct egress *egress = egress_at(targets, at + i);
		uint32_t length = work->length[at + i];

		if (unlikely(!egress || length > egress->limits[tagged])) {
			left |= 1u << i;
			continue;
		}
		sent->ports[at + i] = (uint8_t)egress->port;
		count_one(count_at(targets, traffic, at + i), length);
		if (!same)
			rewrite_bounds(work, at + i, l2_length);
		if (ipv6)
			rewrite6(work, at + i, egress, tagged);
		else
			rewrite4(work, at + i, egress, tagged);
	}
	sent->which |= (uint64_t)(uint16_t)~left << at;
}

static inline void rewrite_block(
	struct work *work, struct traffic_count (*traffic)[2], const struct targets *targets,
	size_t at, const bool ipv6, bool tagged, bool same, struct sent *sent
)
{
	if (tagged && same)
		rewrite_kind(work, traffic, targets, at, ipv6, true, true, sent);
	else if (tagged)
		rewrite_kind(work, traffic, targets, at, ipv6, true, false, sent);
	else if (same)
		rewrite_kind(work, traffic, targets, at, ipv6, false, true, sent);
	else
		rewrite_kind(work, traffic, targets, at, ipv6, false, false, sent);
}

static __attribute__((noinline)) void rewrite_block4(
	struct work *work, struct traffic_count (*traffic)[2], const struct targets *targets,
	size_t at, bool tagged, bool same, struct sent *sent
)
{
	rewrite_block(work, traffic, targets, at, false, tagged, same, sent);
}

static __attribute__((noinline)) void rewrite_block6(
	struct work *work, struct traffic_count (*traffic)[2], const struct targets *targets,
	size_t at, bool tagged, bool same, struct sent *sent
)
{
	rewrite_block(work, traffic, targets, at, true, tagged, same, sent);
}

// Any packets.
static inline void rewrite_some(
	struct work *work, struct traffic_count (*traffic)[2], const struct targets *targets,
	uint64_t packets, uint64_t unpadded, struct sent *sent
)
{
	const uint64_t same[] = {
		find_same_bounds(work, unpadded, false), find_same_bounds(work, unpadded, true)};

	for (uint64_t left = packets; left != 0; left &= left - 1) {
		size_t i = (size_t)__builtin_ctzll(left);
		const struct egress *egress = egress_at(targets, i);
		uint32_t length = work->length[i];
		bool tagged;

		if (!egress || length > egress_limit(egress))
			continue;
		sent->which |= (uint64_t)1 << i;
		sent->ports[i] = (uint8_t)egress->port;
		count_one(count_at(targets, traffic, i), length);
		tagged = egress_is_tagged(egress);
		if (!(same[tagged] >> i & 1))
			rewrite_bounds(work, i, egress->l2_length);
		if (work->ipv6 >> i & 1)
			rewrite6(work, i, egress, tagged);
		else
			rewrite4(work, i, egress, tagged);
	}
}

// Packets of a block most often go as its first does.
static inline void rewrite_each(
	struct work *work, struct traffic_count (*traffic)[2], uint64_t packets, uint64_t unpadded,
	struct sent *sent
)
{
	struct targets targets;

	find_targets(work, &targets);
	for (size_t at = 0; at < work->n; at += BLOCK) {
		const uint64_t block = (((uint64_t)1 << BLOCK) - 1) << at;
		const struct egress *egress = egress_at(&targets, at);

		bool ipv4 = (packets & ~work->ipv6 & block) == block;
		bool ipv6 = (packets & work->ipv6 & block) == block;

		if ((ipv4 || ipv6) && egress) {
			bool tagged = egress_is_tagged(egress);
			bool same = (~find_same_bounds(work, unpadded, tagged) & block) == 0;

			if (ipv4)
				rewrite_block4(work, traffic, &targets, at, tagged, same, sent);
			else
				rewrite_block6(work, traffic, &targets, at, tagged, same, sent);
		}
		if ((packets & block & ~sent->which) != 0)
			rewrite_some(
				work, traffic, &targets, packets & block & ~sent->which, unpadded,
				sent
			);
	}
}

// Bit i: the leaf leads to a peer.
static inline uint64_t find_peers(const struct work *work)
{
	uint64_t local = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		local |= (uint64_t)lanes_zero(lanes_load(&work->leaves[at]) & INTERCONNECT_ID_MAX)
			<< at;
	return ~local;
}

static __attribute__((noinline)) void finish_each(
	struct work *work, struct quick_burst *burst, struct counters *counters, uint64_t packets,
	uint64_t unpadded, bool mixed
)
{
	struct sent sent = {.which = 0};
	uint64_t left;

	rewrite_each(work, counters->traffic, packets & find_peers(work), unpadded, &sent);
	work->good = (work->good & ~packets) | sent.which;
	left = sent.which;
	while (left != 0) {
		uint8_t port = sent.ports[__builtin_ctzll(left)];
		uint64_t same = find_byte(sent.ports, port) & left;

		add_send(work, burst, same, port, mixed);
		left &= ~same;
	}
}

// Packets that share an interconnect, and what finishing them needs.
struct group {
	uint64_t packets;
	const struct egress *egress; // or NULL
	struct traffic_count *total;
};

// Is a group too small to be worth a way of its own?
static inline bool is_thin(uint64_t group, uint64_t left)
{
	return __builtin_popcountll(group) < GROUP_MIN && __builtin_popcountll(left) > GROUP_MIN;
}

// Of packets 'left'. Returns how many groups, and leaves in 'left' what is in none. What the groups
// need is on its way to the cache then.
static inline unsigned find_groups(
	const struct work *work, struct traffic_count (*traffic)[2], uint64_t *left,
	struct group *groups
)
{
	unsigned n = 0;

	while (*left != 0 && n < GROUPS_MAX) {
		unsigned first = (unsigned)__builtin_ctzll(*left);
		leaf_t leaf = work->leaves[first];
		uint64_t same = find_equal(work->leaves, work->n, leaf) & *left;
		struct group *group = &groups[n];

		if (is_thin(same, *left))
			break;
		group->packets = same;
		group->egress = egress_of(leaf);
		group->total = count_of(traffic, leaf, work->clouds[first]);
		rte_prefetch0(group->egress);
		rte_prefetch0(group->total);
		*left &= ~same;
		n++;
	}
	return n;
}

static inline void finish_group(
	struct work *work, struct quick_burst *burst, const struct group *group, uint64_t unpadded,
	const bool mixed
)
{
	const struct egress *egress = group->egress;
	uint64_t fitting = egress ? group->packets & find_fitting(work, egress_limit(egress)) : 0;

	work->good &= ~(group->packets & ~fitting);
	if (fitting == 0)
		return;
	rewrite_group(work, fitting, unpadded, egress);
	count(group->total, (unsigned)__builtin_popcountll(fitting), sum_lengths(work, fitting));
	add_send(work, burst, fitting, egress->port, mixed);
}

static inline void finish(
	struct work *work, struct quick_burst *burst, struct counters *counters, const bool mixed
)
{
	uint64_t left = work->good, unpadded = find_unpadded(work);
	struct group groups[GROUPS_MAX];
	unsigned n = find_groups(work, counters->traffic, &left, groups);

	for (unsigned i = 0; i < n; i++)
		finish_group(work, burst, &groups[i], unpadded, mixed);
	if (left != 0)
		finish_each(work, burst, counters, left, unpadded, mixed);
}
