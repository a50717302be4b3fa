// SPDX-License-Identifier: BSD-3-Clause
// Gather: where the headers are, and whose the packets are. Included by quick.c only.
#pragma once

#include "quick_work.h"
#include "table_layout.h"

#include <rte_prefetch.h>

// For lanes without a packet: never good, so never written.
static uint8_t nothing[2 * L2_BYTES + IPV4_BYTES];
static struct rte_mbuf nobody = {.buf_addr = nothing, .data_off = TAG_BYTES, .nb_segs = 1};

// For clouds without a table.
static const struct {
	struct table head;
	union line root, node;
	union line root6, inner6, node6;
} no_table = {
	.head.has_local = true,
	.head.tree6 = &no_table.root6,
	.root.root.ends = {[0 ... ROOT_ENDS - 1] = INT32_MAX},
	.node.node.ends = {[0 ... NODE_RANGES - 1] = INT32_MAX},
	.root6.root6.ends = {[0 ... ROOT6_ENDS - 1] = INT64_MAX},
	.inner6.root6.ends = {[0 ... ROOT6_ENDS - 1] = INT64_MAX},
	.node6.node6.ends = {[0 ... NODE6_RANGES - 2] = INT64_MAX},
};

static __attribute__((noinline)) uint64_t find_odd_buffers(const struct work *work)
{
	uint64_t odd = 0;

	for (unsigned i = 0; i < work->n; i++) {
		const struct rte_mbuf *mbuf = work->mbufs[i];
		bool is_odd = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) ||
			mbuf->nb_segs != 1 || mbuf->data_off < TAG_BYTES;

		odd |= (uint64_t)is_odd << i;
	}
	return odd;
}

_Static_assert(
	offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, rearm_data) + 8,
	"read as one"
);

// Where the frames are and how long, by what their buffers tell, as if each had an L2 header of
// this length. Bit i of the result: the frame is in several buffers, has no room for a tag before
// it, or a NIC took its tag.
static inline uint64_t read_buffers(struct work *work, unsigned l2_length)
{
	// From the rearm data on: data_off, refcnt, nb_segs and port of 16 bits each, ol_flags.
	const __m128i odd_bits =
		_mm_set_epi64x((int64_t)RTE_MBUF_F_RX_VLAN_STRIPPED, (int64_t)0xfffe << 32);
	__m128i set = _mm_setzero_si128(), least = _mm_set1_epi64x(-1);

	for (unsigned at = 0; at < work->n; at += LANES)
#pragma GCC unroll 16
		for (unsigned i = at; i < at + LANES; i++) {
			const struct rte_mbuf *mbuf = work->mbufs[i];
			__m128i fields = _mm_load_si128((const void *)mbuf->rearm_data);
			uint8_t *start = rte_pktmbuf_mtod(mbuf, uint8_t *) + l2_length - LEAD;

			rte_prefetch0(start);
			work->start[i] = start;
			// Below 0 when it is too short.
			work->room[i] = (uint32_t)mbuf->data_len - l2_length;
			set = _mm_or_si128(set, _mm_and_si128(fields, odd_bits));
			least = _mm_min_epu16(least, fields);
		}
	if (_mm_testz_si128(set, set) && _mm_extract_epi16(least, 0) >= TAG_BYTES)
		return 0;
	return find_odd_buffers(work);
}

// On a trunk all are taken for tagged, until their tags are read.
static inline void gather(struct work *work, bool trunk)
{
	for (unsigned i = work->n; i < round_up(work->n); i++)
		work->mbufs[i] = &nobody;
	work->good = all_of(work->n) & ~read_buffers(work, L2_BYTES + (trunk ? TAG_BYTES : 0));
	work->ipv6 = 0;
	work->tagged = trunk ? all_of(work->n) : 0;
}

static inline const struct table *table_of(uint16_t cloud)
{
	const struct table *table = published(exchange.clouds[cloud].table);

	return table ? table : &no_table.head;
}

// Trunks: the first four bytes from the ethertype on are a tag's, or are not

#define TAG_TYPE ((uint32_t)RTE_BE16(RTE_ETHER_TYPE_VLAN)) // in the order of the wire
#define TAG_MASK (0xffffu | (uint32_t)RTE_BE16(VLAN_IDS - 1) << 16)

// From tags to indices of port_map.clouds. Bit i: packet i is tagged.
static inline uint32_t find_vlans(lanes *tags)
{
	lanes tagged = (lanes)((*tags & 0xffffu) == TAG_TYPE);
	lanes vlan = (*tags >> 24) | (*tags >> 8 & (uint32_t)(VLAN_IDS - 1) & 0xff00u);

	*tags = (vlan & tagged) | (~tagged & UNTAGGED);
	return lanes_mask(tagged);
}

// Do all belong to one cloud, by one tag? Takes from 'good' what is sent to other MAC addresses
// than ours. That a frame is long enough is checked with its headers: what is read of a shorter one
// is still in its buffer.
static inline bool one_tag(struct work *work, const struct port_map *map)
{
	const int frame = LEAD - L2_BYTES - TAG_BYTES; // from 'start' on
	const uint32_t mac_low = (uint32_t)map->mac, mac_high = (uint32_t)(map->mac >> 32);
	const uint32_t first = load32(work->start[0] + frame + ETHERTYPE_AT);
	// What is not tagged differs in what is no VLAN.
	const uint32_t mask = (first & 0xffffu) == TAG_TYPE ? TAG_MASK : 0xffffu;
	uint64_t ours = 0, same = 0;

	for (unsigned at = 0; at < work->n; at += LANES) {
		lanes words[4]; // [0] and half of [1]: destination MAC, [3]: tag, if it is one
		lanes differs;

		load_four(&work->start[at], frame, words);
		differs = (words[0] ^ mac_low) | ((words[1] & 0xffffu) ^ mac_high);
		ours |= (uint64_t)lanes_zero(differs) << at;
		same |= (uint64_t)lanes_zero((words[3] ^ first) & mask) << at;
		lanes_store(&work->tags[at], words[3]);
	}
	work->good &= ours;
	return (~same & all_of(work->n)) == 0;
}

// What came without a tag begins earlier.
static inline void move_starts(struct work *work)
{
	for (uint64_t left = all_of(work->n) & ~work->tagged; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		work->start[i] -= TAG_BYTES;
		work->room[i] += TAG_BYTES;
	}
}

// After one_tag(): true. Returns the cloud.
static inline uint16_t read_one_tag(struct work *work, const struct port_map *map)
{
	lanes first = lanes_load(work->tags);

	if (!(find_vlans(&first) & 1)) {
		work->tagged = 0;
		move_starts(work);
	}
	return map->clouds[first[0]];
}

// After one_tag(): false.
static inline void read_tags(struct work *work, const struct port_map *map)
{
	const unsigned n = work->n;
	uint64_t tagged = 0;

	for (unsigned at = 0; at < n; at += LANES) {
		lanes tags = lanes_load(&work->tags[at]);

		tagged |= (uint64_t)find_vlans(&tags) << at;
		lanes_store(&work->tags[at], tags);
	}
	work->tagged = tagged & all_of(n);
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		uint16_t cloud = map->clouds[work->tags[i]];
		const struct table *table = table_of(cloud);

		work->clouds[i] = cloud;
		work->tables[i] = table;
		rte_prefetch0(table_tree(table));
	}
	move_starts(work);
}
