// SPDX-License-Identifier: BSD-3-Clause
// Make the region equal to a wanted one, as one change: all or nothing.
//
//	plan -> attach new ports -> build tables -> commit -> publish -> connect -> grace -> answer
//
// Up to the commit everything can be undone; it is one transaction, and with it the next region
// takes the place of the present one. What follows can only succeed, or leave a cloud Disconnected
// with the reason, as after a restart: the store holds the whole already. Long stages run in slices
// from the event loop, so that links, neighbours and readers are served in between; forwarding
// never waits. Other changes must: the RPC layer sees to it. Control thread.
#pragma once

#include "plan.h"

struct exchange_control; // control.h

// How far it has got: "attaching ports", 12 of 1000.
typedef void (*apply_progress)(const char *what, unsigned done, unsigned total, void *arg);

// The end, exactly once: 'plan' with the lines of what was done, or with a dry run would be; or the
// refusal, and nothing has changed.
typedef void (*apply_done)(const struct refusal *refusal, const struct plan *plan, void *arg);

struct apply_request {
	struct wanted wanted; // taken
	struct plan_options options;
	bool dry_run;
	apply_progress progress; // NULL: nobody is interested
	apply_done done;
	void *arg;
};

void apply_region(
	struct exchange_control *control, const struct principal *principal,
	struct apply_request *request
);
