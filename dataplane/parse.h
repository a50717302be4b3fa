// SPDX-License-Identifier: BSD-3-Clause
// How bytes of a frame are read, and what the files behind parse() share.
//
// parse.c has the frame, ARP and IPv4, parse_ipv6.c IPv6, and nd.c what of neighbour discovery is
// let through.
#pragma once

#include "packet.h"

static inline uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t read32(const uint8_t *bytes)
{
	return (uint32_t)read16(bytes) << 16 | read16(bytes + 2);
}

static inline uint64_t read64(const uint8_t *bytes)
{
	return (uint64_t)read32(bytes) << 32 | read32(bytes + 4);
}

static inline struct addr6 read_addr6(const uint8_t *bytes)
{
	return (struct addr6){read64(bytes), read64(bytes + 8)};
}

// One frame with the ethertype of IPv6.
void parse_ipv6(struct packet *packet);
