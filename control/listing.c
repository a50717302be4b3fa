// SPDX-License-Identifier: BSD-3-Clause
#include "listing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MORE_SIZE 32 // kept free for " and N more"

void listing_add(struct listing *listing, const char *separator, const char *format, ...)
{
	size_t room = sizeof(listing->text) - MORE_SIZE - listing->used;
	char item[512];
	int length;
	va_list args;

	va_start(args, format);
	vsnprintf(item, sizeof(item), format, args);
	va_end(args);
	if (listing->n++ != listing->n_shown || listing->n_shown == LISTING_ITEMS)
		return;
	length = snprintf(
		&listing->text[listing->used], room, "%s%s", listing->n_shown ? separator : "", item
	);
	if ((size_t)length >= room) {
		listing->text[listing->used] = '\0';
		return;
	}
	listing->used += (size_t)length;
	listing->n_shown++;
}

const char *listing_text(struct listing *listing)
{
	if (listing->n == 0)
		return "none";
	if (listing->n > listing->n_shown)
		snprintf(
			&listing->text[listing->used], sizeof(listing->text) - listing->used,
			" and %u more", listing->n - listing->n_shown
		);
	return listing->text;
}
