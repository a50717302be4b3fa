// SPDX-License-Identifier: BSD-3-Clause
// How long frames were on their way: a histogram, whose steps are a thirty-second of the value.
#pragma once

#include <stdint.h>

#define LATENCY_STEPS 32 // a power of two; below it values are exact
#define LATENCY_BUCKETS (60 * LATENCY_STEPS)

struct latency {
	uint64_t samples;
	uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t ticks);

// The value that this share (0 to 1) of the samples does not exceed, to a thirty-second; 0 without.
uint64_t latency_quantile(const struct latency *latency, double share);
