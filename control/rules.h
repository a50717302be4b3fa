// SPDX-License-Identifier: BSD-3-Clause
// The rules of the region: who may do what, and what may stand beside what.
//
// Pure functions over the region: no I/O, no change. Each returns 0, or -1 with the refusal filled
// in. The order of the checks is part of the interface: what does not exist, then what can never
// be, then who asks, then what stands in the way. Control thread.
#pragma once

#include "refusal.h"
#include "region.h"

struct principal {
	char name[PRINCIPAL_SIZE]; // "uid:N"
	bool admin; // root or the daemon's own uid: may do everything
};

// May the principal see the cloud? (Lists leave out what one may not see; naming such a cloud is
// refused as cloud_not_found.)
bool rule_may_read(
	const struct region *region, const struct principal *principal, const struct cloud *cloud
);

// Find a cloud for reading: refuses cloud_not_found, also when it may not be seen.
struct cloud *rule_readable_cloud(
	const struct region *region, const struct principal *principal, const char *name,
	struct refusal *refusal
);

// Find a cloud to act on: refuses cloud_not_found, also while it is being deleted. Who may act on
// it is the business of the rule that follows.
struct cloud *rule_find_cloud(
	const struct region *region, const char *name, struct refusal *refusal
);

// Only the administrator: creating clouds, deleting and setting them, grants.
int rule_admin(const struct principal *principal, const char *what, struct refusal *refusal);

// A new cloud, all members but id, created_* and live filled in: names, location, addresses,
// transit networks, port and VLAN, MTU, overlaps inside the cloud, limits.
int rule_cloud_create(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
);

struct cloud_settings {
	bool has_mtu;
	uint16_t mtu;
	bool has_router_mac;
	bool learn_router_mac; // back from a static one to learning it
	struct mac router_mac;
};
int rule_cloud_set(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const struct cloud_settings *settings, struct refusal *refusal
);
int rule_cloud_delete(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
);

// A new segment of a cloud. A routed one is checked against its own cloud, its peers, the peers of
// its peers, and the transit networks; one that is not routed only for well-formed addresses.
int rule_segment_create(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const struct segment *segment, struct refusal *refusal
);
int rule_segment_delete(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const char *name, struct refusal *refusal
);

// A new interconnect between two clouds given by name. 'name' NULL or "" stands for the default.
//
// Returns 0 and both clouds in ret_*; 'ret_existing' is the interconnect that an identical request
// created before (then nothing is to be done), or NULL.
int rule_interconnect_create(
	const struct region *region, const struct principal *principal, const char *cloud,
	const char *peer, const char *name, bool confirmed, struct cloud **ret_cloud,
	struct cloud **ret_peer, struct interconnect **ret_existing, struct refusal *refusal
);

// Contributor of either end may delete.
int rule_interconnect_delete(
	const struct region *region, const struct principal *principal, const char *cloud,
	const char *name, struct interconnect **ret_interconnect, struct refusal *refusal
);

int rule_grant(
	const struct region *region, const struct principal *principal, const char *grantee,
	const char *cloud, struct cloud **ret_cloud, struct refusal *refusal
);

// Names of clouds, segments and interconnects: a letter or digit, then letters, digits, '-', '_'
// and '.', 63 characters at most.
bool rule_name_valid(const char *name);
