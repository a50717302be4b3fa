// SPDX-License-Identifier: BSD-3-Clause
// The region that a file asks for: region.json, decoded strictly, and sorted so that what it says
// of an object is found quickly.
//
// What stands here is well-formed and says nothing twice. Whether it may be, the rules know.
// Control thread.
#pragma once

#include "refusal.h"
#include "region.h"

#include <jansson.h>

struct wanted_cloud {
	unsigned at; // its place in the file
	struct cloud cloud; // id 0, with its segments, nothing live
};

struct wanted_interconnect {
	unsigned at;
	char name[NAME_SIZE]; // the default where the file gives none
	char cloud[NAME_SIZE];
	char peer[NAME_SIZE];
};

struct wanted_grant {
	unsigned at;
	char principal[PRINCIPAL_SIZE];
	char cloud[NAME_SIZE];
	enum role role;
};

struct wanted {
	struct wanted_cloud *clouds; // by name
	unsigned n_clouds;
	struct wanted_interconnect *interconnects; // by pair
	unsigned n_interconnects;
	struct wanted_grant *grants; // by cloud and principal
	unsigned n_grants;
};

// Decode {"version":1,"clouds":[...],"interconnects":[...],"grants":[...]}. Returns 0, or -1 with a
// refusal as cloud_from_json() fills it, that begins with the path of what is wrong
// ("clouds[3].gateway: ..."); 'wanted' needs no wanted_free() then. An object that stands there
// twice is refused too.
int wanted_from_json(const json_t *region, struct wanted *wanted, struct refusal *refusal);
void wanted_free(struct wanted *wanted);

// What the file says of a cloud, of a pair whichever way round, of a grant; NULL: nothing.
const struct wanted_cloud *wanted_cloud(const struct wanted *wanted, const char *name);
const struct wanted_interconnect *wanted_interconnect(
	const struct wanted *wanted, const char *a, const char *b
);
const struct wanted_grant *wanted_grant(
	const struct wanted *wanted, const char *principal, const char *cloud
);

// Put the path of an object before the text of a refusal: "interconnects[7]: ...". Returns -1.
int wanted_refuse_at(struct refusal *refusal, const char *list, unsigned at);
