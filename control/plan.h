// SPDX-License-Identifier: BSD-3-Clause
// What leads from the region as it is to the region that a file asks for.
//
// A plan holds the whole next region, checked by the rules, and the steps to it in the order in
// which a store takes them: what goes first, then what changes, then what comes. Nothing is touched
// by making one, so that a dry run is a plan that is shown and thrown away. Control thread.
//
// A cloud is kept where its location, port, VLAN, gateway, router and network block are: MTU,
// router MAC and segments change in place. Otherwise it is re-created, with another id, and so are
// its interconnects. No id of the region now is given to something new in the same plan: until the
// workers have let go of the old tables these may still lead there.
#pragma once

#include "refusal.h"
#include "region.h"
#include "rules.h"
#include "wanted.h"

enum step_kind {
	STEP_INTERCONNECT_DELETE,
	STEP_SEGMENT_DELETE,
	STEP_CLOUD_DELETE, // with what segments and grants it has
	STEP_CLOUD_SET, // MTU, router MAC
	STEP_CLOUD_CREATE, // with its segments
	STEP_SEGMENT_CREATE,
	STEP_INTERCONNECT_CREATE,
	STEP_GRANT, // ROLE_NONE: removed
};

// Pointers lead into the next region; what is deleted is found in the region now.
struct step {
	enum step_kind kind;
	struct cloud *cloud; // of CLOUD_ and SEGMENT_ steps
	struct interconnect *interconnect;
	struct segment segment;
	struct grant grant;
};

// A line for people: "create", "delete", "change" or "re-create" an object, and what of it.
struct plan_line {
	char action[12];
	char object[16]; // "cloud", "segment", "interconnect", "grant"
	char name[2 * NAME_SIZE + 8]; // "pc1", "pc1/web", "pc1 <-> pc2", "uid:1001 on pc1"
	char text[384];
};

struct plan {
	struct region next;
	struct step *steps;
	unsigned n_steps;
	struct plan_line *lines; // none: nothing to do
	unsigned n_lines;
};

struct plan_options {
	bool prune; // what the file does not name goes
	bool confirmed; // that routed address spaces do not overlap
};

// Returns 0; or -1 with the refusal of a rule, beginning with the path of the object in the file,
// and nothing to free.
int plan_make(
	const struct region *now, const struct principal *principal, const struct wanted *wanted,
	const struct plan_options *options, struct plan *plan, struct refusal *refusal
);

// Frees what the plan still holds; plan->next too, unless it was taken out.
void plan_free(struct plan *plan);
