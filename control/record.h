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

// The events of changes that are made alone or with many others (change.h, apply.h).
struct event record_cloud_create(const struct principal *principal, const struct cloud *cloud);
struct event record_cloud_set(const struct principal *principal, const struct cloud *cloud);
struct event record_cloud_delete(const struct principal *principal, const struct cloud *cloud);
struct event record_segment_create(
	const struct principal *principal, const struct cloud *cloud, const struct segment *segment
);
struct event record_segment_delete(
	const struct principal *principal, const struct cloud *cloud, const struct segment *segment
);
struct event record_interconnect_create(
	const struct principal *principal, const struct interconnect *interconnect
);
// 'before': the role that is removed where the grant's is ROLE_NONE.
struct event record_grant(
	const struct principal *principal, const struct grant *grant, enum role before
);

// Now, in ms since 1970 UTC.
int64_t record_now(void);
