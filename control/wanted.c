// SPDX-License-Identifier: BSD-3-Clause
#include "wanted.h"

#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 96

// Put a path before the text of a refusal. Returns -1.
__attribute__((format(printf, 2, 3))) static int refuse_at(
	struct refusal *refusal, const char *format, ...
)
{
	char text[sizeof(refusal->text)];
	char path[PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	memcpy(text, refusal->text, sizeof(text));
	return refuse(refusal, refusal->code, "%s%s", path, text);
}

int wanted_refuse_at(struct refusal *refusal, const char *list, unsigned at)
{
	return refuse_at(refusal, "%s[%u]: ", list, at);
}

static int refuse_shape(struct refusal *refusal, const char *text)
{
	return refuse(refusal, REFUSAL_none, "%s", text);
}

static int refuse_memory(struct refusal *refusal)
{
	return refuse(
		refusal, REFUSAL_out_of_memory,
		"no memory for the region of the file: free some on this host and try again"
	);
}

// Members

static int read_name(
	const json_t *object, const char *member, char *text, size_t size, struct refusal *refusal
)
{
	const json_t *value = json_object_get(object, member);

	if (!value)
		return refuse(refusal, REFUSAL_none, ".%s: missing", member);
	if (!json_is_string(value))
		return refuse(refusal, REFUSAL_none, ".%s: must be a string", member);
	if (json_string_length(value) >= size)
		return refuse(
			refusal, REFUSAL_name_invalid, ".%s: longer than %zu characters", member,
			size - 1
		);
	memcpy(text, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int check_members(const json_t *object, const char *const known[], struct refusal *refusal)
{
	const char *member;
	json_t *value;

	if (!json_is_object(object))
		return refuse_shape(refusal, ": must be an object");
	json_object_foreach((json_t *)object, member, value) {
		unsigned i = 0;

		while (known[i] && strcmp(known[i], member) != 0)
			i++;
		if (!known[i])
			return refuse(refusal, REFUSAL_none, ".%.60s: unknown member", member);
	}
	return 0;
}

// A list that may be absent: NULL and 0 entries then. 'size' is that of what an entry becomes.
static int read_list(
	const json_t *object, const char *member, size_t size, const json_t **list, void **entries,
	struct refusal *refusal
)
{
	*list = json_object_get(object, member);
	*entries = NULL;
	if (*list && !json_is_array(*list)) {
		refuse(refusal, REFUSAL_none, ".%s: must be a list", member);
		return -1;
	}
	*entries = calloc(json_array_size(*list) + 1, size); // never nothing
	if (*entries)
		return 0;
	refuse_memory(refusal);
	return -1;
}

// Objects

static int read_segments(const json_t *object, struct cloud *cloud, struct refusal *refusal)
{
	const json_t *list, *value;
	void *segments;
	size_t i;

	if (read_list(object, "segments", sizeof(struct segment), &list, &segments, refusal) < 0)
		return -1;
	cloud->segments = segments;
	if (json_array_size(list) > SEGMENTS_MAX)
		return refuse(
			refusal, REFUSAL_limit_reached,
			".segments: %zu of them, the limit is %d segments a cloud",
			json_array_size(list), SEGMENTS_MAX
		);
	json_array_foreach(list, i, value) {
		const char *dot = json_is_object(value) ? "." : ": ";

		if (segment_from_json(value, &cloud->segments[i], refusal) < 0)
			return refuse_at(refusal, ".segments[%zu]%s", i, dot);
		cloud->n_segments++;
		if (cloud_segment(cloud, cloud->segments[i].name) != &cloud->segments[i]) {
			refuse(refusal, REFUSAL_name_in_use,
			       "another segment of this cloud is named %s: give each its own name",
			       cloud->segments[i].name);
			return refuse_at(refusal, ".segments[%zu]: ", i);
		}
	}
	return 0;
}

static int read_cloud(const json_t *value, struct cloud *cloud, struct refusal *refusal)
{
	json_t *bare;
	int result;

	if (!json_is_object(value))
		return refuse_shape(refusal, ": must be an object");
	bare = json_copy((json_t *)value);
	if (!bare)
		return refuse_memory(refusal);
	json_object_del(bare, "segments");
	result = cloud_from_json(bare, cloud, refusal);
	json_decref(bare);
	return result < 0 ? refuse_at(refusal, ".") : read_segments(value, cloud, refusal);
}

static int read_clouds(const json_t *region, struct wanted *wanted, struct refusal *refusal)
{
	const json_t *list, *value;
	void *clouds;
	size_t i;

	if (read_list(region, "clouds", sizeof(struct wanted_cloud), &list, &clouds, refusal) < 0)
		return -1;
	wanted->clouds = clouds;
	json_array_foreach(list, i, value) {
		struct wanted_cloud *one = &wanted->clouds[wanted->n_clouds++];

		one->at = (unsigned)i;
		if (read_cloud(value, &one->cloud, refusal) < 0)
			return refuse_at(refusal, ".clouds[%zu]", i);
	}
	return 0;
}

static int read_interconnect(
	const json_t *value, struct wanted_interconnect *one, struct refusal *refusal
)
{
	static const char *const known[] = {"name", "cloud", "peer", NULL};

	if (check_members(value, known, refusal) < 0 ||
	    read_name(value, "cloud", one->cloud, sizeof(one->cloud), refusal) < 0 ||
	    read_name(value, "peer", one->peer, sizeof(one->peer), refusal) < 0)
		return -1;
	memcpy(one->name, one->peer, sizeof(one->name));
	if (!json_object_get(value, "name"))
		return 0;
	return read_name(value, "name", one->name, sizeof(one->name), refusal);
}

static int read_interconnects(const json_t *region, struct wanted *wanted, struct refusal *refusal)
{
	const json_t *list, *value;
	void *entries;
	size_t i;

	if (read_list(
		    region, "interconnects", sizeof(struct wanted_interconnect), &list, &entries,
		    refusal
	    ) < 0)
		return -1;
	wanted->interconnects = entries;
	json_array_foreach(list, i, value) {
		struct wanted_interconnect *one = &wanted->interconnects[wanted->n_interconnects++];

		one->at = (unsigned)i;
		if (read_interconnect(value, one, refusal) < 0)
			return refuse_at(refusal, ".interconnects[%zu]", i);
	}
	return 0;
}

static int read_grant(const json_t *value, struct wanted_grant *one, struct refusal *refusal)
{
	static const char *const known[] = {"principal", "cloud", "role", NULL};
	char role[16];

	if (check_members(value, known, refusal) < 0 ||
	    read_name(value, "principal", one->principal, sizeof(one->principal), refusal) < 0 ||
	    read_name(value, "cloud", one->cloud, sizeof(one->cloud), refusal) < 0 ||
	    read_name(value, "role", role, sizeof(role), refusal) < 0)
		return -1;
	one->role = role_parse(role);
	if (one->role != ROLE_NONE)
		return 0;
	return refuse(
		refusal, REFUSAL_none, ".role: \"%.16s\" is neither reader nor contributor", role
	);
}

static int read_grants(const json_t *region, struct wanted *wanted, struct refusal *refusal)
{
	const json_t *list, *value;
	void *entries;
	size_t i;

	if (read_list(region, "grants", sizeof(struct wanted_grant), &list, &entries, refusal) < 0)
		return -1;
	wanted->grants = entries;
	json_array_foreach(list, i, value) {
		struct wanted_grant *one = &wanted->grants[wanted->n_grants++];

		one->at = (unsigned)i;
		if (read_grant(value, one, refusal) < 0)
			return refuse_at(refusal, ".grants[%zu]", i);
	}
	return 0;
}

// Order

static int compare_clouds(const void *a, const void *b)
{
	const struct wanted_cloud *one = a, *other = b;

	return strcmp(one->cloud.name, other->cloud.name);
}

static const char *first_end(const struct wanted_interconnect *one)
{
	return strcmp(one->cloud, one->peer) < 0 ? one->cloud : one->peer;
}

static const char *second_end(const struct wanted_interconnect *one)
{
	return strcmp(one->cloud, one->peer) < 0 ? one->peer : one->cloud;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct wanted_interconnect *one = a, *other = b;
	int order = strcmp(first_end(one), first_end(other));

	return order ? order : strcmp(second_end(one), second_end(other));
}

static int compare_grants(const void *a, const void *b)
{
	const struct wanted_grant *one = a, *other = b;
	int order = strcmp(one->cloud, other->cloud);

	return order ? order : strcmp(one->principal, other->principal);
}

// Sorts 'n' entries, each of which begins with its place in the file. Returns 0, or -1 with a
// refusal when two are equal; 'code' and 'text' say what that is.
static int sort(
	void *entries, unsigned n, size_t size, int (*compare)(const void *, const void *),
	const char *list, enum refusal_code code, const char *text, struct refusal *refusal
)
{
	if (n == 0)
		return 0;
	qsort(entries, n, size, compare);
	for (unsigned i = 1; i < n; i++) {
		const unsigned *one = (const void *)((const char *)entries + (i - 1) * size);
		const unsigned *other = (const void *)((const char *)entries + i * size);

		if (compare(one, other) != 0)
			continue;
		return refuse(
			refusal, code, ".%s[%u] and [%u]: %s", list, *one < *other ? *one : *other,
			*one < *other ? *other : *one, text
		);
	}
	return 0;
}

static int sort_all(struct wanted *wanted, struct refusal *refusal)
{
	if (sort(wanted->clouds, wanted->n_clouds, sizeof(wanted->clouds[0]), compare_clouds,
		 "clouds", REFUSAL_name_in_use, "the same name twice: give each cloud its own name",
		 refusal) < 0 ||
	    sort(wanted->interconnects, wanted->n_interconnects, sizeof(wanted->interconnects[0]),
		 compare_pairs, "interconnects", REFUSAL_already_interconnected,
		 "the same pair of clouds twice: a pair has one interconnect", refusal) < 0)
		return -1;
	return sort(
		wanted->grants, wanted->n_grants, sizeof(wanted->grants[0]), compare_grants,
		"grants", REFUSAL_name_in_use,
		"the same principal and cloud twice: a principal has one role on a cloud", refusal
	);
}

// The door

static int check_version(const json_t *region, struct refusal *refusal)
{
	const json_t *version = json_object_get(region, "version");

	if (!version)
		return refuse_shape(refusal, ".version: missing; this t0x reads version 1");
	if (json_is_integer(version) && json_integer_value(version) == 1)
		return 0;
	return refuse_shape(refusal, ".version: this t0x reads version 1 and no other");
}

static int read_all(const json_t *region, struct wanted *wanted, struct refusal *refusal)
{
	static const char *const known[] = {"version", "clouds", "interconnects", "grants", NULL};

	if (check_members(region, known, refusal) < 0 || check_version(region, refusal) < 0 ||
	    read_clouds(region, wanted, refusal) < 0 ||
	    read_interconnects(region, wanted, refusal) < 0 ||
	    read_grants(region, wanted, refusal) < 0)
		return -1;
	return sort_all(wanted, refusal);
}

int wanted_from_json(const json_t *region, struct wanted *wanted, struct refusal *refusal)
{
	memset(wanted, 0, sizeof(*wanted));
	if (read_all(region, wanted, refusal) == 0)
		return 0;
	wanted_free(wanted);
	// Paths were put together from dots; the first says nothing.
	if (refusal->text[0] == '.')
		memmove(refusal->text, refusal->text + 1, strlen(refusal->text));
	else if (refusal->text[0] == ':')
		refuse_at(refusal, "the region");
	return -1;
}

void wanted_free(struct wanted *wanted)
{
	for (unsigned i = 0; i < wanted->n_clouds; i++)
		free(wanted->clouds[i].cloud.segments);
	free(wanted->clouds);
	free(wanted->interconnects);
	free(wanted->grants);
	memset(wanted, 0, sizeof(*wanted));
}

static void *find(
	const void *key, const void *entries, unsigned n, size_t size,
	int (*compare)(const void *, const void *)
)
{
	return n ? bsearch(key, entries, n, size, compare) : NULL;
}

const struct wanted_cloud *wanted_cloud(const struct wanted *wanted, const char *name)
{
	struct wanted_cloud key = {};

	snprintf(key.cloud.name, sizeof(key.cloud.name), "%s", name);
	return find(&key, wanted->clouds, wanted->n_clouds, sizeof(key), compare_clouds);
}

const struct wanted_interconnect *wanted_interconnect(
	const struct wanted *wanted, const char *a, const char *b
)
{
	struct wanted_interconnect key = {};

	snprintf(key.cloud, sizeof(key.cloud), "%s", a);
	snprintf(key.peer, sizeof(key.peer), "%s", b);
	return find(
		&key, wanted->interconnects, wanted->n_interconnects, sizeof(key), compare_pairs
	);
}

const struct wanted_grant *wanted_grant(
	const struct wanted *wanted, const char *principal, const char *cloud
)
{
	struct wanted_grant key = {};

	snprintf(key.principal, sizeof(key.principal), "%s", principal);
	snprintf(key.cloud, sizeof(key.cloud), "%s", cloud);
	return find(&key, wanted->grants, wanted->n_grants, sizeof(key), compare_grants);
}
