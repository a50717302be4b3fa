// SPDX-License-Identifier: BSD-3-Clause
// The tables' routes and the addresses that are looked up, with the right answers.
#pragma once

#include "dataplane/table.h"

#define BURST 64

// Of one cloud: the first few its own, the others of its peers, all prefixes different.
struct routes {
	unsigned n;
	struct route *route;
};

struct keys {
	unsigned n; // a multiple of BURST
	uint16_t *clouds; // [n] from 0: whose table is asked
	unsigned *answers; // [n] index of the right route
	uint32_t *ipv4; // [n] in host order
	uint64_t *uppers; // [n] halves of IPv6 addresses, in host order
	uint64_t *lowers;
	uint8_t (*ipv6)[16]; // [n] the same, in network order
};

enum order {
	ORDER_MIXED, // a cloud anew for each address
	ORDER_GROUPED, // one cloud for each burst
};

// Numbers that are the same in every run.
void random_seed(uint64_t seed);
uint64_t random64(void);

// n random prefixes: IPv4 of /20 to /28, IPv6 of /40 to /64. Ends the program without memory.
struct routes routes_make(enum family family, unsigned n);
void routes_free(struct routes *routes);

// n random addresses inside the prefixes of the clouds, answered by comparing with every prefix.
struct keys keys_make(
	enum family family, const struct routes *clouds, unsigned n_clouds, enum order order,
	unsigned n
);
void keys_free(struct keys *keys);
