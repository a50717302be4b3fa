// SPDX-License-Identifier: BSD-3-Clause
// Rewrite: what of a packet changes on its way, in its frame. Included by quick.c only.
#pragma once

#include "quick_work.h"

// Bit i: nothing stands behind the packet in its frame.
static inline uint64_t find_unpadded(const struct work *work)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		found |= (uint64_t
			 )lanes_equal(lanes_load(&work->length[at]), lanes_load(&work->room[at]))
			<< at;
	return found;
}

// Where the frame begins, and ends: what stands behind the packet is the sender's padding, which
// stays in its cloud.
static inline void rewrite_bounds(struct work *work, size_t i, unsigned l2_length)
{
	struct rte_mbuf *mbuf = work->mbufs[i];
	unsigned l2_before = L2_BYTES + (work->tagged >> i & 1) * TAG_BYTES;
	uint16_t length = (uint16_t)(l2_length + work->length[i]);

	mbuf->data_off = (uint16_t)(mbuf->data_off + l2_before - l2_length);
	mbuf->data_len = length;
	mbuf->pkt_len = length;
}

// Bit i: a frame with a tag, or without one, begins and ends where packet i's did.
static inline uint64_t find_same_bounds(const struct work *work, uint64_t unpadded, bool tagged)
{
	return unpadded & (tagged ? work->tagged : ~work->tagged);
}

static inline bool egress_is_tagged(const struct egress *egress)
{
	return egress->l2_length != L2_BYTES;
}

// Bytes of IP that it takes now.
static inline uint32_t egress_limit(const struct egress *egress)
{
	return egress->limits[egress_is_tagged(egress)];
}

static inline void rewrite_l2(
	uint8_t *ip, const struct egress *egress, uint64_t last, const bool tagged
)
{
	if (tagged)
		memcpy(ip - L2_BYTES - TAG_BYTES, egress->l2, 2 * sizeof(uint64_t));
	else
		memcpy(ip - L2_BYTES, egress->l2, sizeof(uint64_t));
	memcpy(ip - sizeof(uint64_t), &last, sizeof(uint64_t));
}

static inline void rewrite4(
	struct work *work, size_t i, const struct egress *egress, const bool tagged
)
{
	uint8_t *ip = header_of(work, i);

	memcpy(ip + 8, &work->hop[i], sizeof(uint32_t));
	rewrite_l2(ip, egress, egress->last, tagged);
}

// All of a burst, to one untagged egress. The first two bytes of the IP header are stored again
// with what stands before it.
static inline void rewrite4_all(struct work *work, const struct egress *egress)
{
	const __m128i l2 = _mm_loadu_si128((const void *)egress->l2);

#pragma GCC unroll 4
	for (unsigned i = 0; i < work->n; i++) {
		uint8_t *ip = header_of(work, i);

		memcpy(ip + 8, &work->hop[i], sizeof(uint32_t));
		_mm_storeu_si128((void *)(ip - L2_BYTES), _mm_insert_epi16(l2, load16(ip), 7));
	}
}

static inline void rewrite6(
	struct work *work, size_t i, const struct egress *egress, const bool tagged
)
{
	uint8_t *ip = header_of(work, i);

	ip[7]--; // hop limit
	rewrite_l2(ip, egress, egress->last6, tagged);
}

static inline void rewrite_group(
	struct work *work, uint64_t which, uint64_t unpadded, const struct egress *egress
)
{
	const struct egress out = *egress; // nothing that is written below can change it
	const bool tagged = egress_is_tagged(&out);
	uint64_t left;

	if (!tagged && which == all_of(work->n) && work->ipv6 == 0)
		rewrite4_all(work, &out);
	else
		for (left = which & ~work->ipv6; left != 0; left &= left - 1)
			rewrite4(work, (unsigned)__builtin_ctzll(left), &out, tagged);
	for (left = which & work->ipv6; left != 0; left &= left - 1)
		rewrite6(work, (unsigned)__builtin_ctzll(left), &out, tagged);
	for (left = which & ~find_same_bounds(work, unpadded, tagged); left != 0; left &= left - 1)
		rewrite_bounds(work, (unsigned)__builtin_ctzll(left), out.l2_length);
}
