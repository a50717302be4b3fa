// SPDX-License-Identifier: BSD-3-Clause
// Programs that forward the same traffic from perfect NICs, measured in turn: each runs for a slice
// of time while the others are stopped, so that what the machine does besides hits all alike.
#pragma once

#define CONTESTANTS_MAX 16

struct contestant {
	const char *name;
	int pid;
	const char *counters; // file with its struct nic_counters
};

struct slices {
	struct contestant contestants[CONTESTANTS_MAX];
	unsigned n;
	const char *reference; // name of the one that ratios are to
	unsigned rounds;
	double seconds; // of a slice
};

// Measure, print a JSON object on stdout and progress on stderr. 0, or -1 with the reason on
// stderr.
int slices_run(const struct slices *slices);
