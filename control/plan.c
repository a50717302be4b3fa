// SPDX-License-Identifier: BSD-3-Clause
#include "plan.h"

#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fate {
	FATE_KEPT,
	FATE_RECREATED,
	FATE_DELETED,
};

// A plan in the making.
struct making {
	const struct region *now;
	const struct principal *principal;
	const struct wanted *wanted;
	const struct plan_options *options;
	struct plan *plan;
	struct refusal *refusal;
	bool out_of_memory; // of steps and lines: looked at in the end
	unsigned room_steps, room_lines;
	uint16_t cloud_id; // where to look for a free one
	uint32_t interconnect_id;
	uint64_t cloud_ids[CLOUD_ID_MAX / 64 + 1]; // in use, now or next
	uint64_t *interconnect_ids;
};

static int refuse_memory(struct refusal *refusal)
{
	return refuse(
		refusal, REFUSAL_out_of_memory,
		"no memory for the next region: free some on this host and try again"
	);
}

// Lists that grow

static void *grow(struct making *making, void *list, unsigned n, unsigned *room, size_t size)
{
	void *grown;

	if (n < *room)
		return list;
	grown = realloc(list, (*room ? 2 * (size_t)*room : 64) * size);
	if (!grown) {
		making->out_of_memory = true;
		return NULL;
	}
	*room = *room ? 2 * *room : 64;
	return grown;
}

static void add_step(struct making *making, const struct step *step)
{
	struct plan *plan = making->plan;
	struct step *steps =
		grow(making, plan->steps, plan->n_steps, &making->room_steps, sizeof(*steps));

	if (!steps)
		return;
	plan->steps = steps;
	steps[plan->n_steps++] = *step;
}

__attribute__((format(printf, 5, 6))) static void add_line(
	struct making *making, const char *action, const char *object, const char *name,
	const char *format, ...
)
{
	struct plan *plan = making->plan;
	struct plan_line *lines =
		grow(making, plan->lines, plan->n_lines, &making->room_lines, sizeof(*lines));
	struct plan_line *line;
	va_list args;

	if (!lines)
		return;
	plan->lines = lines;
	line = &lines[plan->n_lines++];
	snprintf(line->action, sizeof(line->action), "%s", action);
	snprintf(line->object, sizeof(line->object), "%s", object);
	snprintf(line->name, sizeof(line->name), "%s", name);
	va_start(args, format);
	vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
}

// Ids that neither region uses

static void take_id(uint64_t *ids, unsigned id)
{
	ids[id / 64] |= UINT64_C(1) << id % 64;
}

static unsigned next_id(uint64_t *ids, unsigned from, unsigned max)
{
	while (from <= max && (ids[from / 64] >> from % 64 & 1) != 0)
		from++;
	if (from > max)
		return 0;
	take_id(ids, from);
	return from;
}

static int collect_ids(struct making *making)
{
	const struct region *now = making->now;

	making->interconnect_ids = calloc(INTERCONNECT_ID_MAX / 64 + 1, sizeof(uint64_t));
	if (!making->interconnect_ids)
		return refuse_memory(making->refusal);
	for (unsigned i = 0; i < now->n_clouds; i++)
		take_id(making->cloud_ids, now->clouds[i]->id);
	for (unsigned i = 0; i < now->n_interconnects; i++)
		take_id(making->interconnect_ids, now->interconnects[i]->id);
	making->cloud_id = 1;
	making->interconnect_id = 1;
	return 0;
}

// What differs, in words

struct text {
	char text[384];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void text_add(
	struct text *text, const char *format, ...
)
{
	size_t room = sizeof(text->text) - text->used;
	va_list args;
	int n;

	va_start(args, format);
	n = snprintf(&text->text[text->used], room, "%s", text->used ? ", " : "");
	if ((size_t)n < room)
		n += vsnprintf(&text->text[text->used + (size_t)n], room - (size_t)n, format, args);
	va_end(args);
	text->used += (size_t)n < room ? (size_t)n : room - 1;
}

static const char *prefixes_text(const struct prefix prefixes[FAMILIES], char *text, size_t size)
{
	char one[PREFIX_STRLEN];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < FAMILIES; i++)
		if (prefixes[i].addr.family != FAMILY_NONE && used < size)
			used += (size_t)snprintf(
				&text[used], size - used, "%s%s", used ? " " : "",
				prefix_format(&prefixes[i], one)
			);
	return text;
}

#define PREFIXES_SIZE (FAMILIES * (PREFIX_STRLEN + 1))

static bool prefixes_equal(const struct prefix a[FAMILIES], const struct prefix b[FAMILIES])
{
	for (unsigned i = 0; i < FAMILIES; i++) {
		if (a[i].addr.family != b[i].addr.family)
			return false;
		if (a[i].addr.family != FAMILY_NONE && !prefix_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

static void differ_prefixes(
	struct text *text, const char *what, const struct prefix now[FAMILIES],
	const struct prefix next[FAMILIES]
)
{
	char was[PREFIXES_SIZE], is[PREFIXES_SIZE];

	if (!prefixes_equal(now, next))
		text_add(
			text, "%s %s -> %s", what, prefixes_text(now, was, sizeof(was)),
			prefixes_text(next, is, sizeof(is))
		);
}

static void differ_routers(
	struct text *text, const struct addr now[FAMILIES], const struct addr next[FAMILIES]
)
{
	for (unsigned i = 0; i < FAMILIES; i++) {
		char was[ADDR_STRLEN] = "none", is[ADDR_STRLEN] = "none";

		if (now[i].family != FAMILY_NONE)
			addr_format(&now[i], was);
		if (next[i].family != FAMILY_NONE)
			addr_format(&next[i], is);
		if (strcmp(was, is) != 0)
			text_add(text, "router %s -> %s", was, is);
	}
}

// Why a cloud cannot stay the one that it is; "": it can.
static void differ_clouds(struct text *text, const struct cloud *now, const struct cloud *next)
{
	*text = (struct text){};
	if (strcmp(now->location, next->location) != 0)
		text_add(text, "location %s -> %s", now->location, next->location);
	if (strcmp(now->port, next->port) != 0)
		text_add(text, "port %.120s -> %.120s", now->port, next->port);
	if (now->vlan != next->vlan)
		text_add(text, "VLAN %u -> %u", now->vlan, next->vlan);
	differ_prefixes(text, "gateway", now->gateway, next->gateway);
	differ_routers(text, now->router, next->router);
	differ_prefixes(text, "network block", now->network_block, next->network_block);
}

static const char *mac_or_learned(const struct cloud *cloud, char text[static MAC_STRLEN])
{
	return cloud->has_router_mac ? mac_format(&cloud->router_mac, text) : "learned";
}

// What of a cloud is to be set. Returns whether anything is.
static bool differ_settings(
	struct text *text, const struct cloud *now, const struct cloud *next,
	struct cloud_settings *settings
)
{
	char was[MAC_STRLEN], is[MAC_STRLEN];
	const char *before = mac_or_learned(now, was), *after = mac_or_learned(next, is);

	*text = (struct text){};
	*settings = (struct cloud_settings){.has_mtu = now->mtu != next->mtu, .mtu = next->mtu};
	if (settings->has_mtu)
		text_add(text, "mtu %u -> %u", now->mtu, next->mtu);
	if (strcmp(before, after) != 0) {
		settings->has_router_mac = next->has_router_mac;
		settings->learn_router_mac = !next->has_router_mac;
		settings->router_mac = next->router_mac;
		text_add(text, "router MAC %s -> %s", before, after);
	}
	return text->used > 0;
}

static bool segments_equal(const struct segment *a, const struct segment *b)
{
	return a->routed == b->routed && prefixes_equal(a->gateway_address, b->gateway_address);
}

static const char *segment_text(const struct segment *segment, char *text, size_t size)
{
	char addresses[PREFIXES_SIZE];

	snprintf(
		text, size, "%s%s",
		prefixes_text(segment->gateway_address, addresses, sizeof(addresses)),
		segment->routed ? "" : ", not routed"
	);
	return text;
}

#define SEGMENT_TEXT_SIZE (PREFIXES_SIZE + 16)

// What goes, and what stays: the next region without anything new

static enum fate cloud_fate(const struct making *making, const struct cloud *cloud)
{
	const struct wanted_cloud *wanted = wanted_cloud(making->wanted, cloud->name);
	struct text text;

	if (!wanted)
		return making->options->prune ? FATE_DELETED : FATE_KEPT;
	differ_clouds(&text, cloud, &wanted->cloud);
	return text.used ? FATE_RECREATED : FATE_KEPT;
}

static bool has_segment(const struct cloud *cloud, const struct segment *segment)
{
	const struct segment *same = cloud_segment(cloud, segment->name);

	return same && segments_equal(same, segment);
}

// The segments of a cloud that stay as they are; the others leave.
static int keep_segments(
	struct making *making, const struct cloud *now, const struct wanted_cloud *wanted,
	struct cloud *next
)
{
	for (unsigned i = 0; i < now->n_segments; i++) {
		const struct segment *segment = &now->segments[i];
		bool named = wanted && cloud_segment(&wanted->cloud, segment->name);
		bool stays = named ? has_segment(&wanted->cloud, segment)
				   : !wanted || !making->options->prune;
		char name[2 * NAME_SIZE], text[SEGMENT_TEXT_SIZE];

		if (stays) {
			if (!cloud_add_segment(next, segment))
				return refuse_memory(making->refusal);
			continue;
		}
		add_step(
			making,
			&(struct step){STEP_SEGMENT_DELETE, .cloud = next, .segment = *segment}
		);
		snprintf(name, sizeof(name), "%s/%s", now->name, segment->name);
		if (!named)
			add_line(
				making, "delete", "segment", name, "%s",
				segment_text(segment, text, sizeof(text))
			);
	}
	return 0;
}

static int keep_cloud(struct making *making, const struct cloud *now)
{
	const struct wanted_cloud *wanted = wanted_cloud(making->wanted, now->name);
	struct cloud copy = *now;
	struct cloud *next;

	copy.segments = NULL;
	copy.n_segments = 0;
	next = region_add_cloud(&making->plan->next, &copy);
	if (!next)
		return refuse_memory(making->refusal);
	return keep_segments(making, now, wanted, next);
}

static int keep_clouds(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < now->n_clouds; i++) {
		const struct cloud *cloud = now->clouds[i];

		if (cloud_fate(making, cloud) == FATE_KEPT && keep_cloud(making, cloud) < 0)
			return -1;
	}
	return 0;
}

// Does the file call an interconnect what it is called at either end?
static bool is_called(
	const struct interconnect *interconnect, const struct wanted_interconnect *wanted
)
{
	bool same_way = strcmp(interconnect->cloud->name, wanted->cloud) == 0;
	struct interconnect like = {
		.cloud = same_way ? interconnect->cloud : interconnect->peer,
		.peer = same_way ? interconnect->peer : interconnect->cloud,
	};

	snprintf(like.name, sizeof(like.name), "%s", wanted->name);
	return strcmp(interconnect_name_at(&like, like.cloud),
		      interconnect_name_at(interconnect, like.cloud)) == 0 &&
		strcmp(interconnect_name_at(&like, like.peer),
		       interconnect_name_at(interconnect, like.peer)) == 0;
}

// The same one in the next region; NULL: it does not stay.
static const struct interconnect *kept_as(
	const struct making *making, const struct interconnect *interconnect
)
{
	const struct cloud *cloud = region_cloud(&making->plan->next, interconnect->cloud->name);
	const struct cloud *peer = region_cloud(&making->plan->next, interconnect->peer->name);

	return cloud && peer ? region_between(cloud, peer) : NULL;
}

static void pair_name(char name[static 2 * NAME_SIZE + 8], const char *cloud, const char *peer)
{
	snprintf(name, 2 * NAME_SIZE + 8, "%s <-> %s", cloud, peer);
}

// An interconnect whose delete failed half-way does not stay, whatever the file says.
static int keep_interconnect(struct making *making, struct interconnect *now)
{
	const struct wanted_interconnect *wanted =
		wanted_interconnect(making->wanted, now->cloud->name, now->peer->name);
	struct interconnect copy = *now;
	char name[2 * NAME_SIZE + 8];

	copy.cloud = region_cloud(&making->plan->next, now->cloud->name);
	copy.peer = region_cloud(&making->plan->next, now->peer->name);
	if (copy.cloud && copy.peer && now->phase != PHASE_DELETING &&
	    (wanted ? is_called(now, wanted) : !making->options->prune))
		return region_add_interconnect(&making->plan->next, &copy)
			? 0
			: refuse_memory(making->refusal);
	add_step(making, &(struct step){STEP_INTERCONNECT_DELETE, .interconnect = now});
	pair_name(name, now->cloud->name, now->peer->name);
	if (!wanted && (making->options->prune || now->phase == PHASE_DELETING))
		add_line(making, "delete", "interconnect", name, "named %s", now->name);
	return 0;
}

static int keep_interconnects(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < now->n_interconnects; i++)
		if (keep_interconnect(making, now->interconnects[i]) < 0)
			return -1;
	return 0;
}

static void delete_clouds(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < now->n_clouds; i++) {
		struct cloud *cloud = now->clouds[i];
		enum fate fate = cloud_fate(making, cloud);

		if (fate == FATE_KEPT)
			continue;
		add_step(making, &(struct step){STEP_CLOUD_DELETE, .cloud = cloud});
		if (fate == FATE_DELETED)
			add_line(
				making, "delete", "cloud", cloud->name, "location %s, port %s",
				cloud->location, cloud->port
			);
	}
}

static int keep_grants(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < now->n_grants; i++) {
		const struct grant *grant = &now->grants[i];
		struct cloud *cloud = region_cloud(&making->plan->next, grant->cloud->name);

		if (cloud &&
		    region_set_grant(&making->plan->next, grant->principal, cloud, grant->role) < 0)
			return refuse_memory(making->refusal);
	}
	return 0;
}

// What changes, and what comes

static int set_clouds(struct making *making)
{
	for (unsigned i = 0; i < making->wanted->n_clouds; i++) {
		const struct wanted_cloud *wanted = &making->wanted->clouds[i];
		struct cloud *cloud = region_cloud(&making->plan->next, wanted->cloud.name);
		struct cloud_settings settings;
		struct text text;

		if (!cloud || !differ_settings(&text, cloud, &wanted->cloud, &settings))
			continue;
		if (rule_cloud_set(
			    &making->plan->next, making->principal, cloud, &settings,
			    making->refusal
		    ) < 0)
			return wanted_refuse_at(making->refusal, "clouds", wanted->at);
		cloud->mtu = wanted->cloud.mtu;
		cloud->has_router_mac = wanted->cloud.has_router_mac;
		cloud->router_mac = wanted->cloud.router_mac;
		add_step(making, &(struct step){STEP_CLOUD_SET, .cloud = cloud});
		add_line(making, "change", "cloud", cloud->name, "%s", text.text);
	}
	return 0;
}

// Without pruning a cloud that is re-created takes along the segments that the file does not name.
static int fill_segments(
	struct making *making, const struct cloud *before, const struct cloud *wanted,
	struct cloud *cloud
)
{
	bool takes_along = before && !making->options->prune;

	cloud->segments = NULL;
	cloud->n_segments = 0;
	for (unsigned i = 0; takes_along && i < before->n_segments; i++)
		if (!cloud_segment(wanted, before->segments[i].name) &&
		    !cloud_add_segment(cloud, &before->segments[i]))
			return refuse_memory(making->refusal);
	for (unsigned i = 0; i < wanted->n_segments; i++)
		if (!cloud_add_segment(cloud, &wanted->segments[i]))
			return refuse_memory(making->refusal);
	return 0;
}

static void tell_cloud(struct making *making, const struct cloud *before, const struct cloud *cloud)
{
	struct text text = {};

	if (before) {
		differ_clouds(&text, before, cloud);
		add_line(making, "re-create", "cloud", cloud->name, "because of %s", text.text);
		return;
	}
	text_add(&text, "location %s", cloud->location);
	text_add(&text, "port %.100s", cloud->port);
	if (cloud->vlan != VLAN_NONE)
		text_add(&text, "VLAN %u", cloud->vlan);
	if (cloud->n_segments > 0)
		text_add(&text, "%u segment%s", cloud->n_segments, &"s"[cloud->n_segments == 1]);
	add_line(making, "create", "cloud", cloud->name, "%s", text.text);
}

static int create_cloud(struct making *making, const struct wanted_cloud *wanted)
{
	const struct cloud *before = region_cloud(making->now, wanted->cloud.name);
	struct region *next = &making->plan->next;
	struct cloud cloud = wanted->cloud;
	struct cloud *added;

	if (fill_segments(making, before, &wanted->cloud, &cloud) < 0)
		goto fail;
	if (rule_cloud_create(next, making->principal, &cloud, making->refusal) < 0) {
		wanted_refuse_at(making->refusal, "clouds", wanted->at);
		goto fail;
	}
	cloud.id = (uint16_t)next_id(making->cloud_ids, making->cloud_id, CLOUD_ID_MAX);
	if (cloud.id == 0) {
		refuse(making->refusal, REFUSAL_limit_reached,
		       "cloud %s needs an id that no cloud of now has, and all %d are taken: apply the "
		       "change in two parts",
		       cloud.name, CLOUD_ID_MAX);
		goto fail;
	}
	making->cloud_id = cloud.id;
	cloud.created_at = record_now();
	snprintf(cloud.created_by, sizeof(cloud.created_by), "%s", making->principal->name);
	added = region_add_cloud(next, &cloud);
	if (!added) {
		refuse_memory(making->refusal);
		goto fail;
	}
	add_step(making, &(struct step){STEP_CLOUD_CREATE, .cloud = added});
	tell_cloud(making, before, added);
	return 0;
fail:
	free(cloud.segments);
	return -1;
}

static int create_clouds(struct making *making)
{
	for (unsigned i = 0; i < making->wanted->n_clouds; i++) {
		const struct wanted_cloud *wanted = &making->wanted->clouds[i];

		if (!region_cloud(&making->plan->next, wanted->cloud.name) &&
		    create_cloud(making, wanted) < 0)
			return -1;
	}
	return 0;
}

static int create_segment(
	struct making *making, const struct wanted_cloud *wanted, struct cloud *cloud,
	const struct segment *segment
)
{
	const struct cloud *before = region_cloud(making->now, cloud->name);
	const struct segment *was = cloud_segment(before, segment->name);
	char name[2 * NAME_SIZE], text[SEGMENT_TEXT_SIZE], was_text[SEGMENT_TEXT_SIZE];

	if (rule_segment_create(
		    &making->plan->next, making->principal, cloud, segment, making->refusal
	    ) < 0)
		return wanted_refuse_at(making->refusal, "clouds", wanted->at);
	if (!cloud_add_segment(cloud, segment))
		return refuse_memory(making->refusal);
	add_step(making, &(struct step){STEP_SEGMENT_CREATE, .cloud = cloud, .segment = *segment});
	segment_text(segment, text, sizeof(text));
	snprintf(name, sizeof(name), "%s/%s", cloud->name, segment->name);
	if (was)
		add_line(
			making, "change", "segment", name, "%s -> %s",
			segment_text(was, was_text, sizeof(was_text)), text
		);
	else
		add_line(making, "create", "segment", name, "%s", text);
	return 0;
}

// Of clouds that were kept: others came with theirs.
static int create_segments(struct making *making)
{
	for (unsigned i = 0; i < making->wanted->n_clouds; i++) {
		const struct wanted_cloud *wanted = &making->wanted->clouds[i];
		struct cloud *cloud = region_cloud(&making->plan->next, wanted->cloud.name);

		for (unsigned j = 0; j < wanted->cloud.n_segments; j++) {
			const struct segment *segment = &wanted->cloud.segments[j];

			if (!cloud_segment(cloud, segment->name) &&
			    create_segment(making, wanted, cloud, segment) < 0)
				return -1;
		}
	}
	return 0;
}

static void tell_interconnect(
	struct making *making, const struct interconnect *before,
	const struct interconnect *interconnect
)
{
	char name[2 * NAME_SIZE + 8];

	pair_name(name, interconnect->cloud->name, interconnect->peer->name);
	if (!before)
		add_line(making, "create", "interconnect", name, "named %s", interconnect->name);
	else if (strcmp(before->name, interconnect->name) != 0)
		add_line(
			making, "re-create", "interconnect", name, "name %s -> %s", before->name,
			interconnect->name
		);
	else
		add_line(making, "re-create", "interconnect", name, "with its cloud");
}

static int create_interconnect(
	struct making *making, const char *cloud, const char *peer, const char *name
)
{
	struct interconnect interconnect = {.reported = STATE_BUILDING, .phase = PHASE_ACTIVE};
	struct interconnect *existing, *added;
	const struct cloud *was_cloud, *was_peer;

	if (rule_interconnect_create(
		    &making->plan->next, making->principal, cloud, peer, name,
		    making->options->confirmed, &interconnect.cloud, &interconnect.peer, &existing,
		    making->refusal
	    ) < 0)
		return -1;
	interconnect.id =
		next_id(making->interconnect_ids, making->interconnect_id, INTERCONNECT_ID_MAX);
	if (interconnect.id == 0)
		return refuse(
			making->refusal, REFUSAL_limit_reached,
			"all %u ids of interconnects are taken: apply the change in two parts",
			INTERCONNECT_ID_MAX
		);
	making->interconnect_id = interconnect.id;
	snprintf(interconnect.name, sizeof(interconnect.name), "%s", name);
	interconnect.created_at = record_now();
	snprintf(
		interconnect.created_by, sizeof(interconnect.created_by), "%s",
		making->principal->name
	);
	added = region_add_interconnect(&making->plan->next, &interconnect);
	if (!added)
		return refuse_memory(making->refusal);
	add_step(making, &(struct step){STEP_INTERCONNECT_CREATE, .interconnect = added});
	was_cloud = region_cloud(making->now, cloud);
	was_peer = region_cloud(making->now, peer);
	tell_interconnect(
		making, was_cloud && was_peer ? region_between(was_cloud, was_peer) : NULL, added
	);
	return 0;
}

// Those of the file, in its order of pairs; and without pruning those that went with a cloud that
// is re-created.
static int create_interconnects(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < making->wanted->n_interconnects; i++) {
		const struct wanted_interconnect *wanted = &making->wanted->interconnects[i];
		const struct cloud *cloud = region_cloud(&making->plan->next, wanted->cloud);
		const struct cloud *peer = region_cloud(&making->plan->next, wanted->peer);

		if (cloud && peer && cloud != peer && region_between(cloud, peer))
			continue;
		if (create_interconnect(making, wanted->cloud, wanted->peer, wanted->name) < 0)
			return wanted_refuse_at(making->refusal, "interconnects", wanted->at);
	}
	for (unsigned i = 0; !making->options->prune && i < now->n_interconnects; i++) {
		const struct interconnect *one = now->interconnects[i];

		if (one->phase == PHASE_DELETING || kept_as(making, one))
			continue;
		if (create_interconnect(making, one->cloud->name, one->peer->name, one->name) < 0)
			return -1;
	}
	return 0;
}

// Grants

static int set_grant(
	struct making *making, const char *principal, const char *cloud_name, enum role role,
	enum role before
)
{
	struct step step = {.kind = STEP_GRANT, .grant.role = role};
	char name[PRINCIPAL_SIZE + NAME_SIZE + 8];

	if (rule_grant(
		    &making->plan->next, making->principal, principal, cloud_name,
		    &step.grant.cloud, making->refusal
	    ) < 0)
		return -1;
	if (region_set_grant(&making->plan->next, principal, step.grant.cloud, role) < 0)
		return refuse_memory(making->refusal);
	snprintf(step.grant.principal, sizeof(step.grant.principal), "%s", principal);
	add_step(making, &step);
	snprintf(name, sizeof(name), "%s on %s", principal, cloud_name);
	if (role == ROLE_NONE)
		add_line(making, "delete", "grant", name, "%s", role_name(before));
	else if (before == ROLE_NONE)
		add_line(making, "create", "grant", name, "%s", role_name(role));
	else if (role != before)
		add_line(
			making, "change", "grant", name, "%s -> %s", role_name(before),
			role_name(role)
		);
	return 0;
}

// Grants of clouds that stay, or come back: the file's word, or without one their own.
static int change_grants(struct making *making)
{
	const struct region *now = making->now;

	for (unsigned i = 0; i < now->n_grants; i++) {
		const struct grant *grant = &now->grants[i];
		const struct cloud *cloud = region_cloud(&making->plan->next, grant->cloud->name);
		const struct wanted_grant *wanted =
			wanted_grant(making->wanted, grant->principal, grant->cloud->name);
		enum role role = wanted		 ? wanted->role
			: making->options->prune ? ROLE_NONE
						 : grant->role;

		// Of a cloud that is re-created the next region has none yet.
		if (!cloud || role == region_role(&making->plan->next, grant->principal, cloud)) {
			char name[PRINCIPAL_SIZE + NAME_SIZE + 8];

			snprintf(
				name, sizeof(name), "%s on %s", grant->principal, grant->cloud->name
			);
			if (cloud && role == ROLE_NONE)
				add_line(
					making, "delete", "grant", name, "%s",
					role_name(grant->role)
				);
			continue;
		}
		if (set_grant(making, grant->principal, cloud->name, role, grant->role) < 0)
			return -1;
	}
	for (unsigned i = 0; i < making->wanted->n_grants; i++) {
		const struct wanted_grant *wanted = &making->wanted->grants[i];
		const struct cloud *cloud = region_cloud(&making->plan->next, wanted->cloud);

		if (cloud &&
		    region_role(&making->plan->next, wanted->principal, cloud) == wanted->role)
			continue;
		if (set_grant(making, wanted->principal, wanted->cloud, wanted->role, ROLE_NONE) <
		    0)
			return wanted_refuse_at(making->refusal, "grants", wanted->at);
	}
	return 0;
}

// The story

static int make(struct making *making)
{
	if (rule_admin(making->principal, "apply a region", making->refusal) < 0 ||
	    collect_ids(making) < 0)
		return -1;
	if (keep_clouds(making) < 0 || keep_interconnects(making) < 0)
		return -1;
	delete_clouds(making);
	if (keep_grants(making) < 0 || set_clouds(making) < 0 || create_clouds(making) < 0 ||
	    create_segments(making) < 0 || create_interconnects(making) < 0 ||
	    change_grants(making) < 0)
		return -1;
	return making->out_of_memory ? refuse_memory(making->refusal) : 0;
}

int plan_make(
	const struct region *now, const struct principal *principal, const struct wanted *wanted,
	const struct plan_options *options, struct plan *plan, struct refusal *refusal
)
{
	struct making making = {
		.now = now,
		.principal = principal,
		.wanted = wanted,
		.options = options,
		.plan = plan,
		.refusal = refusal,
	};
	int result;

	*plan = (struct plan){};
	region_init(&plan->next);
	result = make(&making);
	free(making.interconnect_ids);
	if (result < 0)
		plan_free(plan);
	return result;
}

void plan_free(struct plan *plan)
{
	region_free(&plan->next);
	free(plan->steps);
	free(plan->lines);
	*plan = (struct plan){};
}
