// SPDX-License-Identifier: BSD-3-Clause
// Addresses and prefixes of both families: the words that every layer shares.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum family {
	FAMILY_NONE = 0, // absent: an optional address that was not given
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

// Objects that hold one entry a family (gateway, router, network block) keep it at this index.
#define FAMILIES 2
static inline unsigned family_index(enum family family)
{
	return family == FAMILY_IPV6;
}

struct addr {
	uint8_t family; // enum family
	uint8_t bytes[16]; // network order; an IPv4 address fills the first 4, the rest is zero
};

// As a network the bits behind 'len' are zero; as an address with its length (a gateway) they
// need not be.
struct prefix {
	struct addr addr;
	uint8_t len; // bits
};

// An IPv6 address as the fast path compares and looks it up: its halves in host order.
struct addr6 {
	uint64_t upper;
	uint64_t lower;
};

static inline bool addr6_equal(struct addr6 a, struct addr6 b)
{
	return a.upper == b.upper && a.lower == b.lower;
}

#define ADDR_STRLEN 46
#define PREFIX_STRLEN 50

// Bits of an address of the family: 32 or 128.
static inline unsigned family_bits(enum family family)
{
	return family == FAMILY_IPV6 ? 128 : 32;
}

// Parse "192.0.2.1" or "2001:db8::1". Returns 0, or -EINVAL and leaves 'addr' untouched.
int addr_parse(const char *text, struct addr *addr);

// Parse "ADDR/LEN" with any host bits. Returns 0 or -EINVAL.
int prefix_parse(const char *text, struct prefix *prefix);

// Write the usual text form into 'text' and return it. FAMILY_NONE gives "".
const char *addr_format(const struct addr *addr, char text[static ADDR_STRLEN]);
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_STRLEN]);

bool addr_equal(const struct addr *a, const struct addr *b);

// Total order: family, then address bytes, then length.
int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);

// The network of an address with its length: host bits cleared.
struct prefix prefix_network(const struct prefix *prefix);

// Is 'addr' inside 'prefix'? False for different families.
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);

// Do two prefixes share an address? False for different families.
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

// The IPv4 address in host order. The family must be FAMILY_IPV4.
uint32_t addr_ipv4(const struct addr *addr);

// An IPv4 address from host order.
struct addr addr_from_ipv4(uint32_t host_order);

// The halves of an IPv6 address. The family must be FAMILY_IPV6.
struct addr6 addr_ipv6(const struct addr *addr);
