// SPDX-License-Identifier: BSD-3-Clause
// A token bucket in one word, by virtual scheduling (the GCRA of ITU-T I.371).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t next; // when the bucket would be full again, in ticks
};

// Take one token. 'interval' is ticks a token, 'burst' how many a full bucket holds. One thread.
static inline bool bucket_take(
	struct bucket *bucket, uint64_t now, uint64_t interval, unsigned burst
)
{
	uint64_t next = bucket->next > now ? bucket->next : now;

	if (next - now > interval * (burst - 1))
		return false;
	bucket->next = next + interval;
	return true;
}
