// SPDX-License-Identifier: BSD-3-Clause
// The region: all clouds, segments, interconnects and grants that this exchange knows.
//
// It is the control thread's picture in memory of what the store holds, plus the live state of the
// T0 ports. Only the control thread touches it. Rules (rules.h) read it and refuse; changes
// (change.h) alter it after the store has committed; nothing else writes to it.
//
// Addresses: arrays [FAMILIES] hold one entry a family at family_index(); an absent one has
// family FAMILY_NONE.
#pragma once

#include "dataplane/prefix.h"
#include "dataplane/table.h"

#include <stdbool.h>
#include <stdint.h>

#define NAME_SIZE 64 // with the final NUL
#define LOCATION_SIZE 64
#define DEVARGS_SIZE 256
#define PRINCIPAL_SIZE 32
#define REASON_SIZE 128
#define SEGMENTS_MAX 1000 // a cloud
#define VLAN_NONE 0 // an untagged T0 port; tags are 1..4094
#define MTU_DEFAULT 1500
#define MTU_MIN 576 // RFC 791: what every IPv4 link is asked to take
#define MTU_MAX 9216

struct mac {
	uint8_t bytes[6];
};

struct segment {
	char name[NAME_SIZE];
	struct prefix gateway_address[FAMILIES]; // address of the T0 on it, with its length
	bool routed;
};

// What the control thread sees of a T0 port, changing all the time; never stored.
struct cloud_live {
	bool port_attached; // the ethdev exists and is started
	bool detaching; // on its way to not attached, program_detach() is not done yet
	bool link_up;
	unsigned sudden_links; // changes of it between two ticks, less one each tick: live.c
	bool link_watched; // of the netdev behind the port (link.h)
	bool router_resolved; // the router's MAC is known
	bool reported; // connected, as of the last event; control/change.c
	unsigned unconfirmed_ticks; // until the router, known from an earlier life, counts as lost
	struct mac router_mac; // valid if resolved
	struct mac mac; // ours on the T0 port, valid if attached
	uint16_t port_id; // ethdev port, valid if attached
	uint16_t mtu_max; // what the port takes, valid if attached
	unsigned netdev; // ifindex of the Linux netdev behind the port, or 0
	char netdev_name[16]; // its name, or ""
	struct netdev *control; // its control netdev (netdev.h), or NULL
	struct guarded *guarded; // the guard on its port (guarding.h), or NULL
	bool guard_short; // which lacks routes of it, since the kernel has no room for them
	bool report_due; // that has changed, and no event tells it yet
	char failure[REASON_SIZE]; // why the port could not be attached, or ""
};

struct cloud {
	uint16_t id; // 1..CLOUD_ID_MAX, kept in the store, never of two clouds
	char name[NAME_SIZE];
	char location[LOCATION_SIZE];
	char port[DEVARGS_SIZE]; // devargs as given; the port's name is what stands before the
				 // first ','
	uint16_t vlan; // VLAN_NONE or 1..4094
	struct prefix gateway[FAMILIES]; // our address on the transit network, with its length
	struct addr router[FAMILIES];
	bool has_router_mac; // a static one was given
	struct mac router_mac;
	struct prefix network_block[FAMILIES];
	uint16_t mtu; // bytes of IP
	struct segment *segments;
	unsigned n_segments;
	struct interconnect **interconnects; // of this cloud, at either end; in the order of
					     // creation; the region sees to it
	unsigned n_interconnects;
	int64_t created_at; // ms since 1970 UTC
	char created_by[PRINCIPAL_SIZE];
	bool deleting; // a delete is on its way
	struct cloud_live live;
};

// Where an interconnect is in its life. What users see is interconnect_state().
enum interconnect_phase {
	PHASE_BUILDING, // committed, not yet published
	PHASE_ACTIVE,
	PHASE_DELETING, // committed, not yet out of the tables
	PHASE_FAILED, // could not be programmed; 'failure' says why
};

enum interconnect_state {
	STATE_BUILDING,
	STATE_ACTIVE,
	STATE_DELETING,
	STATE_FAILED,
	STATE_DISCONNECTED,
};

struct interconnect {
	uint32_t id; // 1..INTERCONNECT_ID_MAX
	char name[NAME_SIZE]; // as given, or the peer's name
	struct cloud *cloud; // the end that it was created from
	struct cloud *peer;
	enum interconnect_phase phase;
	enum interconnect_state reported; // the state of the last event; control/change.c
	char failure[REASON_SIZE];
	int64_t created_at;
	char created_by[PRINCIPAL_SIZE];
};

enum role {
	ROLE_NONE,
	ROLE_READER,
	ROLE_CONTRIBUTOR,
};

struct grant {
	char principal[PRINCIPAL_SIZE]; // "uid:N"
	struct cloud *cloud;
	enum role role;
};

struct region {
	struct cloud **clouds; // sorted by name
	unsigned n_clouds;
	struct interconnect **interconnects; // in the order of creation
	unsigned n_interconnects;
	struct grant *grants;
	unsigned n_grants;
};

void region_init(struct region *region);
void region_free(struct region *region);

// Look up by name; NULL if there is none.
struct cloud *region_cloud(const struct region *region, const char *name);
struct cloud *region_cloud_by_id(const struct region *region, uint16_t id);
struct segment *cloud_segment(const struct cloud *cloud, const char *name);

// The interconnect between two clouds, whichever way it was created, in any phase; NULL if none.
struct interconnect *region_between(const struct cloud *a, const struct cloud *b);

// An interconnect by one of its ends and its name there. An interconnect that was created without
// a name is called after the *other* end at either of them; the name as created works at both ends
// where only one interconnect of that cloud answers to it.
struct interconnect *region_interconnect(const struct cloud *cloud, const char *name);

// The name of an interconnect as seen from one end: what must be unique within that cloud.
const char *interconnect_name_at(const struct interconnect *interconnect, const struct cloud *end);

// The other end.
struct cloud *interconnect_other(const struct interconnect *interconnect, const struct cloud *end);

// Smallest id not in use, or 0 when all are.
uint16_t region_free_cloud_id(const struct region *region);
uint32_t region_free_interconnect_id(const struct region *region);

// Insert a copy of what is given; returns the object in the region, or NULL without memory.
// cloud->segments is taken over (the region frees it), unless NULL is returned;
// cloud->interconnects begins empty. The caller has seen to it that names and ids are unique.
// cloud_add_segment() may move the segments of the cloud.
struct cloud *region_add_cloud(struct region *region, const struct cloud *cloud);
struct interconnect *region_add_interconnect(
	struct region *region, const struct interconnect *interconnect
);
struct segment *cloud_add_segment(struct cloud *cloud, const struct segment *segment);

// Remove and free. Removing a cloud removes its grants. The caller has seen to it that no
// interconnect refers to the cloud.
void region_remove_cloud(struct region *region, struct cloud *cloud);
void region_remove_interconnect(struct region *region, struct interconnect *interconnect);
void cloud_remove_segment(struct cloud *cloud, struct segment *segment);

// Set (ROLE_NONE: remove) the role of a principal on a cloud. Returns 0 or -ENOMEM.
int region_set_grant(
	struct region *region, const char *principal, struct cloud *cloud, enum role role
);
enum role region_role(
	const struct region *region, const char *principal, const struct cloud *cloud
);

// The routed prefixes of a cloud: network blocks, then routed segments. Returns how many it has;
// writes at most 'max' of them, as networks.
unsigned cloud_routed_prefixes(const struct cloud *cloud, struct prefix *prefixes, unsigned max);

// What users see: derived from the phase and from the live state of both ends. 'reason' is
// filled with why an interconnect is Failed or Disconnected, else with "".
enum interconnect_state interconnect_state(
	const struct interconnect *interconnect, char reason[static REASON_SIZE]
);
const char *interconnect_state_name(enum interconnect_state state); // "Building", "Active", ...

// The same for one T0 port. Returns whether it is connected.
bool cloud_connected(const struct cloud *cloud, char reason[static REASON_SIZE]);

// "reader", "contributor". role_parse returns ROLE_NONE for anything else.
const char *role_name(enum role role);
enum role role_parse(const char *text);

// What stands before the first comma of devargs, cut to the size of 'name'.
void devargs_name(const char *devargs, char name[static DEVARGS_SIZE]);

// Parse "aa:bb:cc:dd:ee:ff" of a unicast, non-zero address. Returns 0 or -EINVAL.
int mac_parse(const char *text, struct mac *mac);
#define MAC_STRLEN 18
const char *mac_format(const struct mac *mac, char text[static MAC_STRLEN]);
