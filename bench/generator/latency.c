// SPDX-License-Identifier: BSD-3-Clause
#include "latency.h"

#define STEP_BITS 5
_Static_assert(1 << STEP_BITS == LATENCY_STEPS, "a power of two");

// The value's highest bit says which octave, the next five which step of it.
static unsigned bucket_of(uint64_t ticks)
{
	unsigned octave;

	if (ticks < LATENCY_STEPS)
		return (unsigned)ticks;
	octave = 63u - (unsigned)__builtin_clzll(ticks) - STEP_BITS;
	return octave * LATENCY_STEPS + (unsigned)(ticks >> octave);
}

// The middle of a bucket.
static uint64_t value_of(unsigned bucket)
{
	unsigned octave = bucket / LATENCY_STEPS;

	if (octave == 0)
		return bucket;
	octave--;
	return ((uint64_t)(bucket % LATENCY_STEPS + LATENCY_STEPS) << octave) +
		(UINT64_C(1) << octave) / 2;
}

void latency_add(struct latency *latency, uint64_t ticks)
{
	latency->samples++;
	latency->buckets[bucket_of(ticks)]++;
}

uint64_t latency_quantile(const struct latency *latency, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)latency->samples);
	uint64_t sum = 0;

	if (wanted == 0)
		wanted = latency->samples != 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS && wanted != 0; i++) {
		sum += latency->buckets[i];
		if (sum >= wanted)
			return value_of(i);
	}
	return 0;
}
