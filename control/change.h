// SPDX-License-Identifier: BSD-3-Clause
// The way of a change: rules -> store -> program -> answer and event.
//
// Each function validates by the rules, commits to the store, programs the data plane, waits for
// the grace period without blocking, and then calls 'done' exactly once: with refusal NULL when the
// change holds, else with what was refused (then nothing has changed). 'done' may run before the
// function returns. One change at a time: the RPC layer sees to it. Control thread.
#pragma once

#include "refusal.h"
#include "region.h"
#include "rules.h"

struct exchange_control; // control.h

typedef void (*change_done)(const struct refusal *refusal, void *arg);

void change_cloud_create(
	struct exchange_control *control, const struct principal *principal,
	const struct cloud *cloud, change_done done, void *arg
);
void change_cloud_set(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const struct cloud_settings *settings, change_done done, void *arg
);
void change_cloud_delete(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	change_done done, void *arg
);
void change_segment_create(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const struct segment *segment, change_done done, void *arg
);
void change_segment_delete(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const char *segment, change_done done, void *arg
);

// 'name' NULL: the default. With wait false 'done' is called after the commit, before the grace
// period has ended.
void change_interconnect_create(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const char *peer, const char *name, bool confirmed, bool wait, change_done done, void *arg
);
void change_interconnect_delete(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const char *name, change_done done, void *arg
);

// role ROLE_NONE removes the grant (grant_not_found when there is none).
void change_grant(
	struct exchange_control *control, const struct principal *principal, const char *grantee,
	const char *cloud, enum role role, change_done done, void *arg
);
