// SPDX-License-Identifier: BSD-3-Clause
// Check: is the packet plain and good, by its headers alone? Included by quick.c only.
#pragma once

#include "quick_work.h"
#include "table_layout.h"

#include <rte_byteorder.h>

// IPv4: RFC 1812 5.2.2, for a header without options

// One less of TTL, which is the first of four bytes in the order of the wire; the checksum, their
// last two, makes good for it (RFC 1624, equation 3).
static inline lanes next_hop(lanes hop)
{
	lanes carry = (lanes)(hop >= 0xfffe0000u) & 0x10000u;

	return hop + 0xffffu + carry;
}

// Headers are checked a vector of packets at a time, by words from LEAD bytes before the IP header
// on: [2] ends with the ethertype, [3] begins the IP header. What must be equal is gathered in one
// vector of differences, what must not be below 0 in another: one comparison for all.
#define NEGATIVE 0x80000000u

// Bits of the good. [3]: version, length, [5]: TTL, protocol, checksum, [6]: source,
// [7]: destination.
static inline uint32_t check4_lanes(
	struct work *work, unsigned at, const lanes *words, lanes room, lanes type
)
{
	lanes high, low, sum, length, differs, below;

	// The sum of ten halves, from that of the high ones and that of all, in which the low ones
	// carried into the high ones.
	high = ((words[3] >> 16) + (words[4] >> 16)) + ((words[5] >> 16) + (words[6] >> 16)) +
		(words[7] >> 16);
	low = ((words[3] + words[4]) + (words[5] + words[6])) + words[7] - (high << 16);
	sum = high + low;
	// Folded once: so few halves give 0xffff now or never.
	sum = (sum & 0xffffu) + (sum >> 16);
	length = (words[3] >> 24) | (words[3] >> 8 & 0xff00u);
	differs = (type ^ RTE_BE16(RTE_ETHER_TYPE_IPV4)) | ((words[3] & 0xffu) ^ 0x45u) |
		(sum ^ 0xffffu);
	below = (length - IPV4_BYTES) | (room - length) | ((words[5] & 0xffu) - 2u);

	lanes_store(&work->length[at], length);
	lanes_store(&work->source[at], lanes_swap32(words[6]) ^ KEY_FLIP);
	lanes_store(&work->destination[at], lanes_swap32(words[7]) ^ KEY_FLIP);
	lanes_store(&work->hop[at], next_hop(words[5]));
	return lanes_zero(differs | (below & NEGATIVE));
}

// IPv6: RFC 8200 section 3. Extension headers that a router or all on the way may have to look at
// are not plain: hop-by-hop options (0), routing (43) and destination options (60).
static inline uint32_t find_plain6(lanes next_header)
{
	return ~(
		lanes_zero(next_header) | lanes_zero(next_header ^ 43u) |
		lanes_zero(next_header ^ 60u)
	);
}

// Bits of the good, when there is some IPv6. [3]: version, [4]: payload length, next header, hop
// limit.
static inline uint32_t check6_lanes(
	struct work *work, unsigned at, const lanes *words, lanes room, lanes type
)
{
	lanes ipv6 = (lanes)(type == RTE_BE16(RTE_ETHER_TYPE_IPV6));
	lanes payload = (words[4] >> 8 & 0xffu) | (words[4] << 8 & 0xff00u);
	lanes length = payload + IPV6_BYTES;
	lanes differs = (type ^ RTE_BE16(RTE_ETHER_TYPE_IPV6)) | ((words[3] & 0xf0u) ^ 0x60u);
	lanes below = (payload - 1u) | (room - length) | ((words[4] >> 24) - 2u);

	lanes_store(&work->length[at], (lanes_load(&work->length[at]) & ~ipv6) | (length & ipv6));
	return lanes_zero(differs | (below & NEGATIVE)) & find_plain6(words[4] >> 16 & 0xffu);
}

// Bits of the good. Those of IPv6 go to 'ipv6', and are not in the result.
static inline uint32_t check_lanes(struct work *work, unsigned at, uint32_t *ipv6)
{
	lanes words[8], room = lanes_load(&work->room[at]), type;
	uint32_t good;

	load_words(&work->start[at], words);
	type = words[2] >> 16;
	*ipv6 = lanes_zero(type ^ RTE_BE16(RTE_ETHER_TYPE_IPV6));
	good = check4_lanes(work, at, words, room, type);
	if (*ipv6 != 0)
		*ipv6 = check6_lanes(work, at, words, room, type);
	return good;
}

// Which frames are sent to our MAC address, as mac_word() has it?

static __attribute__((noinline)) uint64_t find_ours(const struct work *work, uint64_t mac)
{
	uint64_t ours = 0;

	for (unsigned i = 0; i < work->n; i++)
		ours |= (uint64_t)((load64(frame_of(work, i)) ^ mac) << 16 == 0) << i;
	return ours;
}

// Leaves them in 'good'. Most often it is all of them.
static inline void check_mac(struct work *work, uint64_t mac)
{
	const __m128i ours = _mm_cvtsi64_si128((int64_t)mac);
	__m128i differs = _mm_setzero_si128();

#pragma GCC unroll 4
	for (unsigned i = 0; i < work->n; i++)
		differs = _mm_or_si128(
			differs,
			_mm_xor_si128(_mm_loadu_si128((const void *)frame_of(work, i)), ours)
		);
	if ((uint64_t)_mm_cvtsi128_si64(differs) << 16 != 0)
		work->good &= find_ours(work, mac);
}

// Both families, and the MAC address, unless 'by_mac' is false: it has been looked at. Leaves in
// 'good' what is good, and in 'ipv6' what of it is IPv6.
static inline void check(struct work *work, const bool by_mac, uint64_t mac)
{
	uint64_t good = 0;

	for (unsigned at = 0; at < work->n; at += LANES) {
		uint32_t ipv6;

		good |= (uint64_t)check_lanes(work, at, &ipv6) << at;
		work->ipv6 |= (uint64_t)ipv6 << at;
	}
	if (by_mac) // now that the frames are in the cache
		check_mac(work, mac);
	work->ipv6 &= work->good;
	work->good &= good | work->ipv6;
}
