// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include "access.h"
#include "address.h"
#include "capacity.h"
#include "listing.h"
#include "log.h"
#include "name.h"
#include "overlap.h"

#include <stdio.h>
#include <string.h>

#define MTU_MIN_IPV6 1280 // RFC 8200 section 5

// Clouds

static int check_mtu(const struct cloud *cloud, uint16_t mtu, struct refusal *refusal)
{
	bool has_ipv6 = cloud->gateway[family_index(FAMILY_IPV6)].addr.family != FAMILY_NONE;
	unsigned min = has_ipv6 ? MTU_MIN_IPV6 : MTU_MIN;

	if (mtu >= min && mtu <= MTU_MAX)
		return 0;
	return refuse(
		refusal, REFUSAL_limit_reached,
		"MTU %u of %s is out of limits: give %u to %u bytes of IP%s", mtu, cloud->name, min,
		MTU_MAX, has_ipv6 ? " (IPv6 needs the larger minimum)" : ""
	);
}

// What can never be, whatever else the region holds.
static int check_new_cloud(const struct cloud *cloud, struct refusal *refusal)
{
	if (name_check("cloud", cloud->name, refusal) < 0 ||
	    name_check_location(cloud, refusal) < 0 || name_check_port(cloud, refusal) < 0 ||
	    check_mtu(cloud, cloud->mtu, refusal) < 0)
		return -1;
	if (cloud->has_router_mac &&
	    address_check_router_mac(cloud, &cloud->router_mac, refusal) < 0)
		return -1;
	if (cloud->n_segments > SEGMENTS_MAX)
		return refuse(
			refusal, REFUSAL_limit_reached,
			"cloud %s would have %u segments: the limit is %d", cloud->name,
			cloud->n_segments, SEGMENTS_MAX
		);
	for (unsigned i = 0; i < cloud->n_segments; i++) {
		const struct segment *segment = &cloud->segments[i];

		if (name_check("segment", segment->name, refusal) < 0)
			return -1;
		if (cloud_segment(cloud, segment->name) != segment)
			return refuse(
				refusal, REFUSAL_name_in_use,
				"cloud %s has two segments named %s: give each its own name",
				cloud->name, segment->name
			);
	}
	return address_check_cloud(cloud, refusal);
}

static int check_port_of(
	const struct cloud *cloud, const struct cloud *other, struct refusal *refusal
)
{
	char name[DEVARGS_SIZE], other_name[DEVARGS_SIZE];

	devargs_name(cloud->port, name);
	devargs_name(other->port, other_name);
	if (strcmp(name, other_name) != 0)
		return 0;
	if (strcmp(cloud->port, other->port) != 0)
		return refuse(
			refusal, REFUSAL_port_in_use,
			"port %s is used by cloud %s with other devargs (%s): give the same, or "
			"another port",
			name, other->name, other->port
		);
	if (cloud->vlan == VLAN_NONE || other->vlan == VLAN_NONE)
		return refuse(
			refusal, REFUSAL_port_in_use,
			"port %s is used by cloud %s, %s: give another port; only clouds that all "
			"have a VLAN share one",
			name, other->name, other->vlan == VLAN_NONE ? "untagged" : "tagged"
		);
	if (cloud->vlan == other->vlan)
		return refuse(
			refusal, REFUSAL_port_in_use,
			"VLAN %u of port %s is used by cloud %s: give another VLAN or port",
			cloud->vlan, name, other->name
		);
	return 0;
}

static int check_admin_of(
	const struct principal *principal, const char *verb, const struct cloud *cloud,
	struct refusal *refusal
)
{
	char what[NAME_SIZE + 32];

	snprintf(what, sizeof(what), "%s cloud %s", verb, cloud->name);
	return rule_admin(principal, what, refusal);
}

int rule_cloud_create(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
)
{
	if (check_new_cloud(cloud, refusal) < 0)
		return -1;
	if (rule_admin(principal, "create clouds", refusal) < 0)
		return -1;
	if (region_cloud(region, cloud->name))
		return refuse(
			refusal, REFUSAL_name_in_use,
			"there is a cloud named %s: choose another name", cloud->name
		);
	for (unsigned i = 0; i < region->n_clouds; i++) {
		if (check_port_of(cloud, region->clouds[i], refusal) < 0)
			return -1;
	}
	if (transit_check_cloud(region, cloud, refusal) < 0 ||
	    overlap_check_cloud(cloud, refusal) < 0)
		return -1;
	if (region->n_clouds >= CLOUD_ID_MAX)
		return refuse(
			refusal, REFUSAL_limit_reached,
			"cloud %s would be one too many: the limit is %u clouds; delete one first",
			cloud->name, CLOUD_ID_MAX
		);
	return 0;
}

int rule_cloud_set(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const struct cloud_settings *settings, struct refusal *refusal
)
{
	if (access_check_not_deleting(cloud, refusal) < 0)
		return -1;
	if (settings->has_mtu && check_mtu(cloud, settings->mtu, refusal) < 0)
		return -1;
	if (settings->has_router_mac && settings->learn_router_mac)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"the router MAC of %s is either given or learned: ask for one of the two",
			cloud->name
		);
	if (settings->has_router_mac &&
	    address_check_router_mac(cloud, &settings->router_mac, refusal) < 0)
		return -1;
	return check_admin_of(principal, "change", cloud, refusal);
}

int rule_cloud_delete(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
)
{
	struct listing names = {};

	if (access_check_not_deleting(cloud, refusal) < 0)
		return -1;
	if (check_admin_of(principal, "delete", cloud, refusal) < 0)
		return -1;
	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		listing_add(
			&names, ", ", "%s (with %s)",
			interconnect_name_at(cloud->interconnects[i], cloud),
			interconnect_other(cloud->interconnects[i], cloud)->name
		);
	if (names.n == 0)
		return 0;
	return refuse(
		refusal, REFUSAL_cloud_in_use, "cloud %s has interconnects: %s; delete them first",
		cloud->name, listing_text(&names)
	);
}

// Segments

int rule_segment_create(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const struct segment *segment, struct refusal *refusal
)
{
	if (access_check_not_deleting(cloud, refusal) < 0 ||
	    name_check("segment", segment->name, refusal) < 0 ||
	    address_check_segment(cloud, segment, refusal) < 0 ||
	    access_check_write(region, principal, cloud, refusal) < 0)
		return -1;
	if (cloud_segment(cloud, segment->name))
		return refuse(
			refusal, REFUSAL_name_in_use,
			"cloud %s has a segment named %s: choose another name", cloud->name,
			segment->name
		);
	if (segment->routed &&
	    (transit_check_segment(region, cloud, segment, refusal) < 0 ||
	     overlap_check_segment(cloud, segment, refusal) < 0))
		return -1;
	if (cloud->n_segments >= SEGMENTS_MAX)
		return refuse(
			refusal, REFUSAL_limit_reached,
			"segment %s of %s would be one too many: the limit is %d segments a cloud",
			segment->name, cloud->name, SEGMENTS_MAX
		);
	return capacity_check_segment(cloud, segment, refusal);
}

int rule_segment_delete(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const char *name, struct refusal *refusal
)
{
	if (access_check_not_deleting(cloud, refusal) < 0 ||
	    access_check_write(region, principal, cloud, refusal) < 0)
		return -1;
	if (cloud_segment(cloud, name))
		return 0;
	return refuse(
		refusal, REFUSAL_segment_not_found,
		"cloud %s has no segment " LOG_TEXT
		": t0xctl segment list %s shows those there are",
		cloud->name, log_text(name), cloud->name
	);
}

// Interconnects

// Refuse, naming each of the two clouds that the caller may not write.
static int check_may_join(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const struct cloud *peer, struct refusal *refusal
)
{
	if (access_may_write(region, principal, cloud))
		return access_check_write(region, principal, peer, refusal);
	if (access_may_write(region, principal, peer))
		return access_check_write(region, principal, cloud, refusal);
	return refuse(
		refusal, REFUSAL_no_write_access,
		"%s may change neither cloud %s nor cloud %s: the role contributor is missing on "
		"both; root grants it (t0xctl grant create %s CLOUD contributor)",
		principal->name, cloud->name, peer->name, principal->name
	);
}

// Does a request with this name, or none, mean the interconnect that exists?
static bool is_same_request(
	const struct interconnect *existing, const struct cloud *cloud, const char *name
)
{
	if (!name || !name[0])
		return true;
	return strcmp(name, existing->name) == 0 ||
		strcmp(name, interconnect_name_at(existing, cloud)) == 0;
}

static int check_pair_free(
	const struct interconnect *existing, const struct cloud *cloud, const char *name,
	struct refusal *refusal
)
{
	const char *known_as = interconnect_name_at(existing, cloud);
	const char *other = interconnect_other(existing, cloud)->name;

	if (existing->phase == PHASE_DELETING)
		return refuse(
			refusal, REFUSAL_already_interconnected,
			"interconnect %s of %s and %s is being deleted: try again when it is gone",
			known_as, cloud->name, other
		);
	if (is_same_request(existing, cloud, name))
		return 0;
	return refuse(
		refusal, REFUSAL_already_interconnected,
		"%s and %s are interconnected as %s: use that one, or delete it to give it another "
		"name",
		cloud->name, other, known_as
	);
}

static int check_location_shared(
	const struct cloud *cloud, const struct cloud *peer, struct refusal *refusal
)
{
	if (strcasecmp(cloud->location, peer->location) == 0)
		return 0;
	return refuse(
		refusal, REFUSAL_different_location,
		"%s is in %s and %s in %s: an interconnect joins clouds of one location; between "
		"locations use ExpressRoute Global Reach",
		cloud->name, cloud->location, peer->name, peer->location
	);
}

// The name that a new interconnect would have at one of its ends must be free there.
static int check_name_free_at(
	const struct interconnect *new, const struct cloud *end, struct refusal *refusal
)
{
	const char *name = interconnect_name_at(new, end);

	for (unsigned i = 0; i < end->n_interconnects; i++) {
		const struct interconnect *other = end->interconnects[i];

		if (strcmp(interconnect_name_at(other, end), name) != 0)
			continue;
		return refuse(
			refusal, REFUSAL_name_in_use,
			"cloud %s has an interconnect named %s (with %s): choose another name "
			"(--name)",
			end->name, name, interconnect_other(other, end)->name
		);
	}
	return 0;
}

static int check_names_free(
	struct cloud *cloud, struct cloud *peer, const char *name, struct refusal *refusal
)
{
	struct interconnect new = {.cloud = cloud, .peer = peer};

	memcpy(new.name, name, strlen(name) + 1);
	if (check_name_free_at(&new, cloud, refusal) < 0)
		return -1;
	return check_name_free_at(&new, peer, refusal);
}

// What stands in the way of a new interconnect of two clouds that have none.
static int check_may_exist(
	const struct region *region, struct cloud *cloud, struct cloud *peer, const char *name,
	bool confirmed, struct refusal *refusal
)
{
	if (check_location_shared(cloud, peer, refusal) < 0)
		return -1;
	if (!confirmed)
		return refuse(
			refusal, REFUSAL_not_confirmed,
			"confirm that the routed address spaces of %s and %s do not overlap, with "
			"each other and with those of their other peers (--confirm-no-overlap)",
			cloud->name, peer->name
		);
	if (overlap_check_interconnect(cloud, peer, refusal) < 0 ||
	    check_names_free(cloud, peer, name, refusal) < 0)
		return -1;
	if (region->n_interconnects >= INTERCONNECT_ID_MAX)
		return refuse(
			refusal, REFUSAL_limit_reached,
			"the interconnect of %s and %s would be one too many: the limit is %u; "
			"delete one first",
			cloud->name, peer->name, INTERCONNECT_ID_MAX
		);
	return capacity_check_interconnect(cloud, peer, refusal);
}

int rule_interconnect_create(
	const struct region *region, const struct principal *principal, const char *cloud_name,
	const char *peer_name, const char *name, bool confirmed, struct cloud **ret_cloud,
	struct cloud **ret_peer, struct interconnect **ret_existing, struct refusal *refusal
)
{
	bool named = name && name[0];
	struct interconnect *existing;
	struct cloud *cloud, *peer;

	cloud = rule_find_cloud(region, cloud_name, refusal);
	peer = cloud ? rule_find_cloud(region, peer_name, refusal) : NULL;
	if (!peer)
		return -1;
	if (cloud == peer)
		return refuse(
			refusal, REFUSAL_same_cloud,
			"both ends are %s: an interconnect joins two clouds", cloud->name
		);
	if (check_may_join(region, principal, cloud, peer, refusal) < 0)
		return -1;
	if (named && name_check("interconnect", name, refusal) < 0)
		return -1;
	existing = region_between(cloud, peer);
	if (existing ? check_pair_free(existing, cloud, name, refusal) < 0
		     : check_may_exist(
			       region, cloud, peer, named ? name : peer->name, confirmed, refusal
		       ) < 0)
		return -1;
	*ret_cloud = cloud;
	*ret_peer = peer;
	*ret_existing = existing;
	return 0;
}

// Those of a cloud's interconnects that the caller may see, from either end.
static void list_readable(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct listing *names
)
{
	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct interconnect *interconnect = cloud->interconnects[i];
		const struct cloud *other = interconnect_other(interconnect, cloud);

		if (rule_may_read(region, principal, cloud) ||
		    rule_may_read(region, principal, other))
			listing_add(names, ", ", "%s", interconnect_name_at(interconnect, cloud));
	}
}

static int refuse_unknown_interconnect(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	const char *name, struct refusal *refusal
)
{
	struct listing names = {};

	list_readable(region, principal, cloud, &names);
	if (names.n == 0 && !rule_may_read(region, principal, cloud))
		return access_check_write(region, principal, cloud, refusal);
	return refuse(
		refusal, REFUSAL_interconnect_not_found,
		"cloud %s has no interconnect " LOG_TEXT "; it has: %s", cloud->name,
		log_text(name), listing_text(&names)
	);
}

int rule_interconnect_delete(
	const struct region *region, const struct principal *principal, const char *cloud_name,
	const char *name, struct interconnect **ret_interconnect, struct refusal *refusal
)
{
	struct cloud *cloud = rule_find_cloud(region, cloud_name, refusal);
	struct interconnect *interconnect;
	struct cloud *other;

	if (!cloud)
		return -1;
	interconnect = region_interconnect(cloud, name);
	if (!interconnect)
		return refuse_unknown_interconnect(region, principal, cloud, name, refusal);
	other = interconnect_other(interconnect, cloud);
	if (!access_may_write(region, principal, other) &&
	    access_check_write(region, principal, cloud, refusal) < 0)
		return -1;
	*ret_interconnect = interconnect;
	return 0;
}

// Grants

int rule_grant(
	const struct region *region, const struct principal *principal, const char *grantee,
	const char *cloud, struct cloud **ret_cloud, struct refusal *refusal
)
{
	struct cloud *found = rule_find_cloud(region, cloud, refusal);

	if (!found)
		return -1;
	if (name_check_principal(grantee, refusal) < 0)
		return -1;
	if (rule_admin(principal, "grant roles", refusal) < 0)
		return -1;
	*ret_cloud = found;
	return 0;
}
