// SPDX-License-Identifier: BSD-3-Clause
// A list inside a sentence: the first few items, then "and N more". Refusals name what stands in
// the way with it, however much that is.
#pragma once

#include <stddef.h>

#define LISTING_ITEMS 10

struct listing {
	unsigned n; // items added
	unsigned n_shown; // of these in 'text'
	size_t used;
	char text[1500]; // leaves room for the rest of a refusal
};

// Add an item; one that does not fit is only counted. A listing starts zeroed.
void listing_add(struct listing *listing, const char *separator, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// The items, with " and N more" where not all are shown; "none" for an empty listing.
const char *listing_text(struct listing *listing);
