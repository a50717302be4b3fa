// SPDX-License-Identifier: BSD-3-Clause
// Which numbers of a flow have come, each exactly once: new, late, or seen before.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// More than all the buffers on a frame's way hold. A number that is older than that is taken for
// one seen before, so that no error is ever hidden.
#define SEQUENCE_WINDOW (1u << 17)

struct sequence {
	uint64_t next; // the highest number seen, and one
	uint64_t seen[SEQUENCE_WINDOW / 64]; // bit n % SEQUENCE_WINDOW, for the window below 'next'
};

enum sequence_verdict {
	SEQUENCE_NEW, // the highest so far
	SEQUENCE_LATE, // a higher one came before
	SEQUENCE_DUPLICATE,
};

enum sequence_verdict sequence_see(struct sequence *sequence, uint64_t number);
