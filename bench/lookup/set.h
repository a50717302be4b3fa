// SPDX-License-Identifier: BSD-3-Clause
// The tables of all clouds, made alike.
#pragma once

#include "structure.h"

struct set {
	const struct structure *structure;
	unsigned n;
	void **tables; // [n]
	void **of_keys; // the table of each key
	size_t bytes; // of the first table
	double create_us, fill_us; // medians
};

#define SET_CANNOT_BYTES 120

// Make the tables of the first n clouds, in which the keys will be looked up, unless they took more
// than 'memory' bytes. NULL with the reason in 'cannot' when it is not to be.
struct set *set_make(
	const struct structure *structure, const struct routes *clouds, unsigned n,
	const struct keys *keys, size_t memory, char cannot[static SET_CANNOT_BYTES]
);

// NULL is fine.
void set_free(struct set *set);
