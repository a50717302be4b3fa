// SPDX-License-Identifier: BSD-3-Clause
#include "region.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void region_init(struct region *region)
{
	memset(region, 0, sizeof(*region));
}

static void free_cloud(struct cloud *cloud)
{
	free(cloud->segments);
	free(cloud->interconnects);
	free(cloud);
}

void region_free(struct region *region)
{
	for (unsigned i = 0; i < region->n_clouds; i++)
		free_cloud(region->clouds[i]);
	for (unsigned i = 0; i < region->n_interconnects; i++)
		free(region->interconnects[i]);
	free(region->clouds);
	free(region->interconnects);
	free(region->grants);
	region_init(region);
}

// Looking up

// Where a cloud of this name is, or where it would be inserted.
static unsigned cloud_position(const struct region *region, const char *name)
{
	unsigned low = 0;
	unsigned high = region->n_clouds;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (strcmp(region->clouds[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct cloud *region_cloud(const struct region *region, const char *name)
{
	unsigned at = cloud_position(region, name);

	if (at < region->n_clouds && strcmp(region->clouds[at]->name, name) == 0)
		return region->clouds[at];
	return NULL;
}

struct cloud *region_cloud_by_id(const struct region *region, uint16_t id)
{
	for (unsigned i = 0; i < region->n_clouds; i++) {
		if (region->clouds[i]->id == id)
			return region->clouds[i];
	}
	return NULL;
}

struct segment *cloud_segment(const struct cloud *cloud, const char *name)
{
	for (unsigned i = 0; i < cloud->n_segments; i++) {
		if (strcmp(cloud->segments[i].name, name) == 0)
			return &cloud->segments[i];
	}
	return NULL;
}

struct interconnect *region_between(const struct cloud *a, const struct cloud *b)
{
	const struct cloud *fewer = a->n_interconnects < b->n_interconnects ? a : b;
	const struct cloud *other = fewer == a ? b : a;

	for (unsigned i = 0; i < fewer->n_interconnects; i++) {
		if (interconnect_other(fewer->interconnects[i], fewer) == other)
			return fewer->interconnects[i];
	}
	return NULL;
}

struct interconnect *region_interconnect(const struct cloud *cloud, const char *name)
{
	struct interconnect *created_as = NULL;
	unsigned n_created_as = 0;

	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		struct interconnect *interconnect = cloud->interconnects[i];

		if (strcmp(interconnect_name_at(interconnect, cloud), name) == 0)
			return interconnect;
		if (strcmp(interconnect->name, name) == 0) {
			created_as = interconnect;
			n_created_as++;
		}
	}
	return n_created_as == 1 ? created_as : NULL;
}

const char *interconnect_name_at(const struct interconnect *interconnect, const struct cloud *end)
{
	bool named_after_peer = strcmp(interconnect->name, interconnect->peer->name) == 0;

	return named_after_peer ? interconnect_other(interconnect, end)->name : interconnect->name;
}

struct cloud *interconnect_other(const struct interconnect *interconnect, const struct cloud *end)
{
	return interconnect->cloud == end ? interconnect->peer : interconnect->cloud;
}

// Ids
//
// Of n objects at least one of the ids 1..n+1 is free, so that only these are looked at.

static void mark(uint64_t *taken, unsigned id)
{
	taken[id / 64] |= UINT64_C(1) << id % 64;
}

static bool is_marked(const uint64_t *taken, unsigned id)
{
	return taken[id / 64] >> id % 64 & 1;
}

static unsigned first_unmarked(const uint64_t *taken, unsigned last)
{
	for (unsigned id = 1; id <= last; id++) {
		if (!is_marked(taken, id))
			return id;
	}
	return 0;
}

static unsigned candidates(unsigned n_objects, unsigned id_max)
{
	return n_objects < id_max ? n_objects + 1 : id_max;
}

uint16_t region_free_cloud_id(const struct region *region)
{
	uint64_t taken[CLOUD_ID_MAX / 64 + 1];
	unsigned last = candidates(region->n_clouds, CLOUD_ID_MAX);

	memset(taken, 0, (last / 64 + 1) * sizeof(taken[0]));
	for (unsigned i = 0; i < region->n_clouds; i++) {
		if (region->clouds[i]->id <= last)
			mark(taken, region->clouds[i]->id);
	}
	return (uint16_t)first_unmarked(taken, last);
}

uint32_t region_free_interconnect_id(const struct region *region)
{
	uint64_t taken[INTERCONNECT_ID_MAX / 64 + 1]; // 128 KiB, of which one bit an object is used
	unsigned last = candidates(region->n_interconnects, INTERCONNECT_ID_MAX);

	memset(taken, 0, (last / 64 + 1) * sizeof(taken[0]));
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		if (region->interconnects[i]->id <= last)
			mark(taken, region->interconnects[i]->id);
	}
	return first_unmarked(taken, last);
}

// Adding and removing

// Room for one more of n pointers; NULL without memory. Arrays double whenever n is a power of two
// and never shrink, so that they need no capacity beside their count.
static void *room_for_pointer(void *array, unsigned n)
{
	if ((n & (n - 1)) != 0)
		return array;
	return realloc(array, (n ? 2 * (size_t)n : 1) * sizeof(void *));
}

struct cloud *region_add_cloud(struct region *region, const struct cloud *cloud)
{
	unsigned at = cloud_position(region, cloud->name);
	struct cloud **clouds;
	struct cloud *copy;

	clouds = room_for_pointer(region->clouds, region->n_clouds);
	if (!clouds)
		return NULL;
	region->clouds = clouds;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *cloud;
	copy->interconnects = NULL;
	copy->n_interconnects = 0;
	memmove(&clouds[at + 1], &clouds[at], (region->n_clouds - at) * sizeof(void *));
	clouds[at] = copy;
	region->n_clouds++;
	return copy;
}

// Room for one more in an array of interconnects. Returns 0 or -ENOMEM.
static int reserve(struct interconnect ***interconnects, unsigned n)
{
	struct interconnect **grown = room_for_pointer(*interconnects, n);

	if (!grown)
		return -ENOMEM;
	*interconnects = grown;
	return 0;
}

struct interconnect *region_add_interconnect(
	struct region *region, const struct interconnect *interconnect
)
{
	struct cloud *ends[] = {interconnect->cloud, interconnect->peer};
	struct interconnect *copy;

	if (reserve(&region->interconnects, region->n_interconnects) < 0 ||
	    reserve(&ends[0]->interconnects, ends[0]->n_interconnects) < 0 ||
	    reserve(&ends[1]->interconnects, ends[1]->n_interconnects) < 0)
		return NULL;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *interconnect;
	region->interconnects[region->n_interconnects++] = copy;
	for (unsigned i = 0; i < 2; i++)
		ends[i]->interconnects[ends[i]->n_interconnects++] = copy;
	return copy;
}

struct segment *cloud_add_segment(struct cloud *cloud, const struct segment *segment)
{
	struct segment *segments;

	segments = realloc(cloud->segments, (cloud->n_segments + 1) * sizeof(*segments));
	if (!segments)
		return NULL;
	cloud->segments = segments;
	segments[cloud->n_segments] = *segment;
	return &segments[cloud->n_segments++];
}

static void remove_grants(struct region *region, const struct cloud *cloud)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < region->n_grants; i++) {
		if (region->grants[i].cloud != cloud)
			region->grants[kept++] = region->grants[i];
	}
	region->n_grants = kept;
}

void region_remove_cloud(struct region *region, struct cloud *cloud)
{
	unsigned at = cloud_position(region, cloud->name);

	assert(region->clouds[at] == cloud);
	remove_grants(region, cloud);
	region->n_clouds--;
	memmove(&region->clouds[at], &region->clouds[at + 1],
		(region->n_clouds - at) * sizeof(void *));
	free_cloud(cloud);
}

// Most are removed soon after they came: from the end.
static void take_out(
	struct interconnect **interconnects, unsigned *n, const struct interconnect *interconnect
)
{
	unsigned at = --*n;

	while (interconnects[at] != interconnect)
		at--;
	memmove(&interconnects[at], &interconnects[at + 1], (*n - at) * sizeof(void *));
}

void region_remove_interconnect(struct region *region, struct interconnect *interconnect)
{
	struct cloud *ends[] = {interconnect->cloud, interconnect->peer};

	take_out(region->interconnects, &region->n_interconnects, interconnect);
	for (unsigned i = 0; i < 2; i++)
		take_out(ends[i]->interconnects, &ends[i]->n_interconnects, interconnect);
	free(interconnect);
}

void cloud_remove_segment(struct cloud *cloud, struct segment *segment)
{
	size_t at = (size_t)(segment - cloud->segments);

	cloud->n_segments--;
	memmove(segment, segment + 1, (cloud->n_segments - at) * sizeof(*segment));
}

// Grants

static struct grant *find_grant(
	const struct region *region, const char *principal, const struct cloud *cloud
)
{
	for (unsigned i = 0; i < region->n_grants; i++) {
		struct grant *grant = &region->grants[i];

		if (grant->cloud == cloud && strcmp(grant->principal, principal) == 0)
			return grant;
	}
	return NULL;
}

static void remove_grant(struct region *region, struct grant *grant)
{
	size_t at = (size_t)(grant - region->grants);

	region->n_grants--;
	memmove(grant, grant + 1, (region->n_grants - at) * sizeof(*grant));
}

static int add_grant(
	struct region *region, const char *principal, struct cloud *cloud, enum role role
)
{
	struct grant *grants;
	struct grant grant = {.cloud = cloud, .role = role};

	grants = realloc(region->grants, (region->n_grants + 1) * sizeof(*grants));
	if (!grants)
		return -ENOMEM;
	region->grants = grants;
	snprintf(grant.principal, sizeof(grant.principal), "%s", principal);
	grants[region->n_grants++] = grant;
	return 0;
}

int region_set_grant(
	struct region *region, const char *principal, struct cloud *cloud, enum role role
)
{
	struct grant *grant = find_grant(region, principal, cloud);

	if (!grant)
		return role == ROLE_NONE ? 0 : add_grant(region, principal, cloud, role);
	if (role == ROLE_NONE)
		remove_grant(region, grant);
	else
		grant->role = role;
	return 0;
}

enum role region_role(const struct region *region, const char *principal, const struct cloud *cloud)
{
	const struct grant *grant = find_grant(region, principal, cloud);

	return grant ? grant->role : ROLE_NONE;
}

const char *role_name(enum role role)
{
	static const char *const names[] = {
		[ROLE_NONE] = "none",
		[ROLE_READER] = "reader",
		[ROLE_CONTRIBUTOR] = "contributor",
	};

	return names[role];
}

enum role role_parse(const char *text)
{
	if (strcmp(text, "reader") == 0)
		return ROLE_READER;
	if (strcmp(text, "contributor") == 0)
		return ROLE_CONTRIBUTOR;
	return ROLE_NONE;
}

// Prefixes

static unsigned append_networks(
	const struct prefix given[FAMILIES], struct prefix *networks, unsigned max, unsigned n
)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		if (given[family].addr.family == FAMILY_NONE)
			continue;
		if (n < max)
			networks[n] = prefix_network(&given[family]);
		n++;
	}
	return n;
}

unsigned cloud_routed_prefixes(const struct cloud *cloud, struct prefix *prefixes, unsigned max)
{
	unsigned n = append_networks(cloud->network_block, prefixes, max, 0);

	for (unsigned i = 0; i < cloud->n_segments; i++) {
		if (cloud->segments[i].routed)
			n = append_networks(cloud->segments[i].gateway_address, prefixes, max, n);
	}
	return n;
}

// Text forms

void devargs_name(const char *devargs, char name[static DEVARGS_SIZE])
{
	size_t length = strcspn(devargs, ",");

	if (length >= DEVARGS_SIZE)
		length = DEVARGS_SIZE - 1;
	memcpy(name, devargs, length);
	name[length] = '\0';
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *found = c ? strchr(digits, c) : NULL;
	int value = found ? (int)(found - digits) : -1;

	return value >= 16 ? value - 6 : value;
}

int mac_parse(const char *text, struct mac *mac)
{
	static const struct mac zero;
	struct mac parsed;

	if (strlen(text) != MAC_STRLEN - 1)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(parsed.bytes); i++) {
		int high = hex_digit(text[3 * i]);
		int low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return -EINVAL;
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if ((parsed.bytes[0] & 1) != 0 || memcmp(&parsed, &zero, sizeof(parsed)) == 0)
		return -EINVAL;
	*mac = parsed;
	return 0;
}

const char *mac_format(const struct mac *mac, char text[static MAC_STRLEN])
{
	const uint8_t *b = mac->bytes;

	snprintf(
		text, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		b[5]
	);
	return text;
}
