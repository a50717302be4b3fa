// SPDX-License-Identifier: BSD-3-Clause
// The quick way: whole bursts at once, by the widest vectors that this CPU has.
//
// quick.c is compiled once for each width. What it does is what the stages of packet.h do, for
// packets that are plain and good; all others it leaves to them.
#pragma once

#include "exchange.h"

#include <rte_mbuf.h>

enum simd {
	SIMD_NONE, // what Debian's DPDK demands of any CPU: SSE4.2
	SIMD_AVX2,
	SIMD_AVX512, // F, BW, DQ, VL
	SIMD_COUNT
};

#define QUICK_MAX 64 // of one burst

// What the quick way has made of a burst.
struct quick_burst {
	uint64_t rest; // bit i: mbufs[i] is left to the stages, untouched
	uint16_t cloud; // all that is not came from; 0: see 'clouds'
	unsigned n;
	uint16_t clouds[QUICK_MAX + 16]; // [n] where each came from, and room for too many

	// What to send, rewritten, one group after the other, in the order of 'clouds'. A burst
	// that goes out whole is where it came in.
	unsigned n_sends;
	struct quick_send {
		uint16_t port;
		uint16_t n;
		struct rte_mbuf **mbufs; // [n]
	} sends[QUICK_MAX];

	struct rte_mbuf *mbufs[QUICK_MAX + 8]; // that groups of a part of the burst point to
};

struct quick {
	const char *name;

	// Forward what is plain and good among n frames that a port received, n <= QUICK_MAX.
	// 'mbufs' has room for QUICK_MAX: what stands behind the n is written over. What goes is
	// counted as traffic.
	void (*forward
	)(const struct port_map *map, struct rte_mbuf **mbufs, unsigned n,
	  struct counters *counters, struct quick_burst *burst);

	// leaves[i] becomes what table_lookup_ipv4() finds in tables[i] for addrs[i], n <=
	// QUICK_MAX, for which all arrays have room.
	void (*lookup_ipv4
	)(const struct table *const *tables, const uint32_t *addrs, leaf_t *leaves, unsigned n);

	// The same by the upper and lower halves of IPv6 addresses.
	void (*lookup_ipv6
	)(const struct table *const *tables, const uint64_t *uppers, const uint64_t *lowers,
	  leaf_t *leaves, unsigned n);

	// The same in one table: what takes several tables does not know that they are alike.
	void (*lookup_ipv4_in_one
	)(const struct table *table, const uint32_t *addrs, leaf_t *leaves, unsigned n);
	void (*lookup_ipv6_in_one
	)(const struct table *table, const uint64_t *uppers, const uint64_t *lowers, leaf_t *leaves,
	  unsigned n);
};

// In use; NULL until chosen. worker: ro
extern const struct quick *quick;

// Use the best that this CPU has and that is not above 'most'. Before workers_init(), which
// otherwise uses the best of all.
void quick_choose(enum simd most);

// The one of a width, or NULL when this CPU has not got it: for tests.
const struct quick *quick_of(enum simd simd);

// "none", "avx2", "avx512" to the width, or -1.
int simd_of(const char *name);
