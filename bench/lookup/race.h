// SPDX-License-Identifier: BSD-3-Clause
// Structures that look the same addresses up, in turn: in each round each runs for a slice of time,
// so that what the machine does besides hits all alike.
#pragma once

#include "structure.h"

struct race {
	enum family family;
	unsigned routes; // of each table
	unsigned clouds; // with a table each
	enum order order;
	unsigned rounds;
	double slice; // seconds
	size_t memory; // bytes that the tables of one structure may take
};

// Run it, and print it as a JSON object: rates in millions of lookups a second, one for each round.
// Returns how many lookups were answered wrong.
unsigned long race_run(const struct race *race);
