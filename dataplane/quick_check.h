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

// Are the frames sent to our MAC address? Its last four bytes are the first word of the headers.
static inline lanes are_ours(const struct work *work, unsigned at, lanes word, uint64_t mac)
{
	half_lanes first = {};

	for (unsigned i = 0; i < LANES; i++)
		first[i] = load16(frame_of(work, at + i));
	return half_lanes_spread(first == (uint16_t)mac) & (lanes)(word == (uint32_t)(mac >> 16));
}

// Bits of the good among a vector of packets; those of what is IPv6 go to 'ipv6', unchecked. 'mac'
// is ours, or 0 when that has been looked at.
static inline uint32_t check_lanes(
	struct work *work, unsigned at, const bool by_mac, uint64_t mac, uint32_t *ipv6
)
{
	lanes words[8]; // [0]: MAC from byte 2, [2]: up to the ethertype, [3]: version, length,
			// [5]: TTL, protocol, checksum, [6]: source, [7]: destination
	lanes sum = {}, length, room, type, ours, good;

	load_words(&work->start[at], words);
	room = lanes_load(&work->room[at]);
	for (unsigned i = 3; i < 8; i++)
		sum += (words[i] & 0xffffu) + (words[i] >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	length = (words[3] >> 24) | (words[3] >> 8 & 0xff00u);
	type = words[2] >> 16;
	ours = by_mac ? are_ours(work, at, words[0], mac) : ~(lanes){};
	good = ours & (lanes)(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) &
		(lanes)((words[3] & 0xffu) == 0x45u) & (lanes)(sum == 0xffffu) &
		(lanes)(length >= IPV4_BYTES) &
		(lanes)((signed_lanes)length <= (signed_lanes)room) &
		(lanes)((words[5] & 0xffu) > 1u);
	*ipv6 = lanes_mask(ours & (lanes)(type == RTE_BE16(RTE_ETHER_TYPE_IPV6)));

	lanes_store(&work->length[at], length);
	lanes_store(&work->source[at], lanes_swap32(words[6]) ^ KEY_FLIP);
	lanes_store(&work->destination[at], lanes_swap32(words[7]) ^ KEY_FLIP);
	lanes_store(&work->hop[at], next_hop(words[5]));
	return lanes_mask(good);
}

// IPv6: RFC 8200 section 3. Extension headers that a router or all on the way may have to look at
// are not plain: hop-by-hop options (0), routing (43) and destination options (60).

#define NOT_PLAIN6 (1ull << 0 | 1ull << 43 | 1ull << 60)

static inline bool is_plain6(uint8_t next_header)
{
	return next_header > 63 || (NOT_PLAIN6 >> next_header & 1) == 0;
}

static inline bool check6_one(struct work *work, unsigned i)
{
	const uint8_t *ip = header_of(work, i);
	uint32_t payload = rte_be_to_cpu_16(load16(ip + 4));

	work->length[i] = payload + IPV6_BYTES;
	return (ip[0] >> 4 == 6) & (payload != 0) & is_plain6(ip[6]) & (ip[7] > 1) &
		((int32_t)work->length[i] <= (int32_t)work->room[i]);
}

// Of the packets 'which', all IPv6: what is good.
static inline uint64_t check6(struct work *work, uint64_t which)
{
	uint64_t good = 0;

	for (; which != 0; which &= which - 1) {
		unsigned i = (unsigned)__builtin_ctzll(which);

		good |= (uint64_t)check6_one(work, i) << i;
	}
	return good;
}

// Both. Leaves in 'good' what is good, and in 'ipv6' what of it is IPv6.
static inline void check(struct work *work, const bool by_mac, uint64_t mac)
{
	uint64_t good = 0;

	for (unsigned at = 0; at < work->n; at += LANES) {
		uint32_t ipv6;

		good |= (uint64_t)check_lanes(work, at, by_mac, mac, &ipv6) << at;
		work->ipv6 |= (uint64_t)ipv6 << at;
	}
	work->ipv6 &= work->good;
	if (work->ipv6 != 0)
		work->ipv6 = check6(work, work->ipv6);
	work->good = (work->good & good) | work->ipv6;
}
