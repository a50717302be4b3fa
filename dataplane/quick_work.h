// SPDX-License-Identifier: BSD-3-Clause
// One burst on its way through the quick way, an element a packet. Included by quick.c only.
#pragma once

#include "quick.h"
#include "quick_vector.h"

#include <string.h>

#define ETHERTYPE_AT 12
#define L2_BYTES 14
#define TAG_BYTES 4
#define IPV4_BYTES 20
#define IPV6_BYTES 40
// Vectors begin this long before the IP header: ethertype and IPv4 header are 32 bytes then.
#define LEAD 12

// Arrays have room for whole vectors.
struct work {
	unsigned n;
	uint64_t good; // bit i: packet i, so far
	uint64_t ipv6; // bit i: packet i is IPv6, if it is good
	uint64_t tagged; // bit i: packet i came with a tag
	struct rte_mbuf **mbufs;
	uint8_t *start[QUICK_MAX] __attribute__((aligned(64))); // LEAD bytes before the IP header
	uint32_t tags[QUICK_MAX]; // on a trunk: the 4 bytes from the ethertype on, then which
				  // element of the port's map tells the cloud
	uint32_t room[QUICK_MAX]; // bytes of frame from the IP header on
	uint32_t length[QUICK_MAX]; // of the packet: IP header and what it says to follow
	uint32_t source[QUICK_MAX]; // as keys, of IPv4
	uint32_t destination[QUICK_MAX];
	uint32_t hop[QUICK_MAX]; // of IPv4: TTL, protocol and checksum as they will be, in the
				 // order of the wire
	leaf_t leaves[QUICK_MAX]; // of destinations
	uint16_t clouds[QUICK_MAX]; // that they came from
	const struct table *tables[QUICK_MAX]; // of these; when they are several
};

static inline uint64_t all_of(unsigned n)
{
	return n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

// To whole vectors.
static inline unsigned round_up(unsigned n)
{
	return (n + LANES - 1) / LANES * LANES;
}

static inline uint64_t load64(const void *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t load32(const void *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint16_t load16(const void *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint8_t *frame_of(const struct work *work, size_t i)
{
	return work->start[i] - (L2_BYTES - LEAD);
}

static inline uint8_t *header_of(const struct work *work, size_t i)
{
	return work->start[i] + LEAD;
}
