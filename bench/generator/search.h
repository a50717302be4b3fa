// SPDX-License-Identifier: BSD-3-Clause
// Throughput (RFC 2544 26.1): the highest rate at which no more than a share of the frames is lost.
//
// Halving the interval, until it is as narrow as asked for; then the rate found must hold in
// further trials. One that does not is an upper bound from then on, and the search goes on below
// it: a machine that stumbles now and then gives a lower rate, never one that did not hold.
#pragma once

#include <stdbool.h>

struct search {
	double tolerance; // share of frames that may be lost
	double resolution; // of the ceiling: how narrow is narrow enough
	unsigned confirmations;
};

struct search_result {
	double rate; // 0: none held, down to the resolution
	double loss; // the worst of the trials that confirmed it
	unsigned trials;
};

// A trial at a rate: the share of frames lost, 0 to 1; below 0 ends the search.
typedef double search_trial(double rate, void *arg);

// Returns 0, or -1 when a trial ended it.
int search_run(
	const struct search *search, double ceiling, search_trial *trial, void *arg,
	struct search_result *result
);
