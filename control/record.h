// SPDX-License-Identifier: BSD-3-Clause
// Makes events.
#pragma once

#include "rules.h"
#include "store.h"

// An event of now. 'principal' NULL: it happened by itself ("t0xd"). 'peer' NULL: it is about one
// cloud. The object is "cloud" or "cloud <-> peer". Control thread.
struct event record_event(
	const struct principal *principal, const char *action, const char *cloud, const char *peer,
	const char *format, ...
) __attribute__((format(printf, 5, 6)));

// Now, in ms since 1970 UTC.
int64_t record_now(void);
