// SPDX-License-Identifier: BSD-3-Clause
#include "sequence.h"

#include <string.h>

static uint64_t *word_of(struct sequence *sequence, uint64_t number)
{
	return &sequence->seen[number % SEQUENCE_WINDOW / 64];
}

// Forget the numbers that share their bits with those from 'next' to below 'end'.
static void advance(struct sequence *sequence, uint64_t end)
{
	if (end - sequence->next >= SEQUENCE_WINDOW) {
		memset(sequence->seen, 0, sizeof(sequence->seen));
		sequence->next = end;
		return;
	}
	while (sequence->next < end) {
		uint64_t n = 64 - sequence->next % 64;

		if (n > end - sequence->next)
			n = end - sequence->next;
		*word_of(sequence, sequence->next) &=
			~(UINT64_MAX >> (64 - n) << sequence->next % 64);
		sequence->next += n;
	}
}

enum sequence_verdict sequence_see(struct sequence *sequence, uint64_t number)
{
	uint64_t bit = UINT64_C(1) << number % 64;
	enum sequence_verdict verdict = SEQUENCE_LATE;

	if (number >= sequence->next) {
		advance(sequence, number + 1);
		verdict = SEQUENCE_NEW;
	} else if (number + SEQUENCE_WINDOW < sequence->next || (*word_of(sequence, number) & bit)) {
		return SEQUENCE_DUPLICATE;
	}
	*word_of(sequence, number) |= bit;
	return verdict;
}
