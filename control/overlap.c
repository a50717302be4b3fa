// SPDX-License-Identifier: BSD-3-Clause
#include "overlap.h"

#include "listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTED_MAX (FAMILIES * (1 + SEGMENTS_MAX)) // of one cloud

struct routed {
	const struct cloud *cloud;
	const struct segment *added; // the segment that they are of, if not all of the cloud's
	unsigned n;
	struct prefix prefixes[ROUTED_MAX];
};

static void collect(struct routed *routed, const struct cloud *cloud)
{
	unsigned n = cloud_routed_prefixes(cloud, routed->prefixes, ROUTED_MAX);

	routed->cloud = cloud;
	routed->added = NULL;
	routed->n = n < ROUTED_MAX ? n : ROUTED_MAX;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

// In order those inside a prefix follow it.
static void collect_sorted(struct routed *routed, const struct cloud *cloud)
{
	collect(routed, cloud);
	qsort(routed->prefixes, routed->n, sizeof(routed->prefixes[0]), compare);
}

// The prefixes that a new segment brings, one a family: they are in order.
static void collect_segment(
	struct routed *routed, const struct cloud *cloud, const struct segment *segment
)
{
	routed->cloud = cloud;
	routed->added = segment;
	routed->n = 0;
	for (unsigned family = 0; family < FAMILIES; family++) {
		const struct prefix *address = &segment->gateway_address[family];

		if (address->addr.family != FAMILY_NONE)
			routed->prefixes[routed->n++] = prefix_network(address);
	}
}

// Whose a prefix is, in words

#define OWNED_SIZE (PREFIX_STRLEN + 2 * NAME_SIZE + 32)

static const char *segment_of(
	const struct cloud *cloud, const struct segment *added, const struct prefix *prefix
)
{
	if (added)
		return added->name;
	for (unsigned i = 0; i < cloud->n_segments; i++) {
		for (unsigned family = 0; family < FAMILIES; family++) {
			struct prefix network =
				prefix_network(&cloud->segments[i].gateway_address[family]);

			if (cloud->segments[i].routed && prefix_equal(&network, prefix))
				return cloud->segments[i].name;
		}
	}
	return NULL;
}

// "segment web 172.16.1.0/24 of pc1", "network block 10.1.0.0/22 of pc1".
static const char *describe(
	const struct cloud *cloud, const struct segment *added, const struct prefix *prefix,
	char text[static OWNED_SIZE]
)
{
	unsigned family = family_index(prefix->addr.family);
	bool is_block = !added && prefix_equal(prefix, &cloud->network_block[family]);
	const char *segment = is_block ? NULL : segment_of(cloud, added, prefix);
	char prefix_text[PREFIX_STRLEN];

	snprintf(
		text, OWNED_SIZE, "%s%s %s of %s", segment ? "segment " : "network block",
		segment ? segment : "", prefix_format(prefix, prefix_text), cloud->name
	);
	return text;
}

static void add_pair(
	struct listing *pairs, const struct routed *mine, const struct prefix *my_prefix,
	const struct cloud *other, const struct prefix *other_prefix, const char *whose
)
{
	char mine_text[OWNED_SIZE], other_text[OWNED_SIZE];

	if (pairs->n >= LISTING_ITEMS)
		listing_add(pairs, "", "%s", "");
	else
		listing_add(
			pairs, "; ", "%s overlaps %s (%s)",
			describe(mine->cloud, mine->added, my_prefix, mine_text),
			describe(other, NULL, other_prefix, other_text), whose
		);
}

// Finding pairs

// Pairs within one cloud, sorted.
static void find_inside(struct listing *pairs, const struct routed *routed)
{
	char whose[NAME_SIZE + 16];

	snprintf(whose, sizeof(whose), "inside %s", routed->cloud->name);
	for (unsigned i = 0; i < routed->n; i++) {
		for (unsigned j = i + 1; j < routed->n; j++) {
			if (!prefix_overlaps(&routed->prefixes[i], &routed->prefixes[j]))
				break;
			add_pair(
				pairs, routed, &routed->prefixes[i], routed->cloud,
				&routed->prefixes[j], whose
			);
		}
	}
}

static unsigned first_not_before(const struct routed *routed, const struct prefix *prefix)
{
	unsigned low = 0;
	unsigned high = routed->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (prefix_compare(&routed->prefixes[middle], prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// Pairs of 'mine', which is sorted and disjoint in itself, with the routed prefixes of another
// cloud. What lies inside another's prefix follows the place where it would stand; what holds it
// stands just before.
static void find_between(
	struct listing *pairs, const struct routed *mine, const struct cloud *other,
	const char *whose
)
{
	struct routed theirs;

	collect(&theirs, other);
	for (unsigned i = 0; i < theirs.n; i++) {
		const struct prefix *prefix = &theirs.prefixes[i];
		unsigned at = first_not_before(mine, prefix);

		if (at > 0 && prefix_overlaps(&mine->prefixes[at - 1], prefix))
			at--;
		while (at < mine->n && prefix_overlaps(&mine->prefixes[at], prefix))
			add_pair(pairs, mine, &mine->prefixes[at++], other, prefix, whose);
	}
}

static int refuse_pairs(struct listing *pairs, struct refusal *refusal)
{
	if (pairs->n == 0)
		return 0;
	return refuse(
		refusal, REFUSAL_overlapping_prefixes,
		"routed prefixes overlap: %s; renumber one of each pair, or make it a segment that "
		"is not routed",
		listing_text(pairs)
	);
}

int overlap_check_cloud(const struct cloud *cloud, struct refusal *refusal)
{
	struct listing pairs = {};
	struct routed routed;

	collect_sorted(&routed, cloud);
	find_inside(&pairs, &routed);
	return refuse_pairs(&pairs, refusal);
}

// Pairs of 'mine' with the other peers of the cloud that 'mine' is about to enter the table of.
static void find_with_peers(
	struct listing *pairs, const struct routed *mine, const struct cloud *cloud
)
{
	char whose[2 * NAME_SIZE + 32];

	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct cloud *peer = interconnect_other(cloud->interconnects[i], cloud);

		if (peer == mine->cloud)
			continue;
		snprintf(whose, sizeof(whose), "%s is another peer of %s", peer->name, cloud->name);
		find_between(pairs, mine, peer, whose);
	}
}

int overlap_check_interconnect(
	const struct cloud *a, const struct cloud *b, struct refusal *refusal
)
{
	struct listing pairs = {};
	struct routed of_a, of_b;

	collect_sorted(&of_a, a);
	collect_sorted(&of_b, b);
	find_inside(&pairs, &of_a);
	find_inside(&pairs, &of_b);
	find_between(&pairs, &of_a, b, "between the two clouds");
	find_with_peers(&pairs, &of_b, a);
	find_with_peers(&pairs, &of_a, b);
	return refuse_pairs(&pairs, refusal);
}

// A set of clouds, by id.
struct cloud_set {
	uint64_t bits[CLOUD_ID_MAX / 64 + 1];
};

static bool contains(const struct cloud_set *set, const struct cloud *cloud)
{
	return set->bits[cloud->id / 64] >> cloud->id % 64 & 1;
}

static void insert(struct cloud_set *set, const struct cloud *cloud)
{
	set->bits[cloud->id / 64] |= UINT64_C(1) << cloud->id % 64;
}

// Pairs of a new segment with its own cloud and with that cloud's peers.
static void find_in_own_table(
	struct listing *pairs, const struct routed *mine, struct cloud_set *seen
)
{
	const struct cloud *cloud = mine->cloud;
	char whose[2 * NAME_SIZE + 32];

	snprintf(whose, sizeof(whose), "inside %s", cloud->name);
	find_between(pairs, mine, cloud, whose);
	insert(seen, cloud);
	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct cloud *peer = interconnect_other(cloud->interconnects[i], cloud);

		snprintf(whose, sizeof(whose), "%s is a peer of %s", peer->name, cloud->name);
		find_between(pairs, mine, peer, whose);
		insert(seen, peer);
	}
}

// Pairs with the other peers of a peer, each cloud once.
static void find_in_table_of_peer(
	struct listing *pairs, const struct routed *mine, const struct cloud *peer,
	struct cloud_set *seen
)
{
	char whose[2 * NAME_SIZE + 32];

	for (unsigned i = 0; i < peer->n_interconnects; i++) {
		const struct cloud *other = interconnect_other(peer->interconnects[i], peer);

		if (contains(seen, other))
			continue;
		insert(seen, other);
		snprintf(whose, sizeof(whose), "%s is another peer of %s", other->name, peer->name);
		find_between(pairs, mine, other, whose);
	}
}

int overlap_check_segment(
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
)
{
	struct listing pairs = {};
	struct cloud_set seen = {};
	struct routed mine;

	collect_segment(&mine, cloud, segment);
	find_in_own_table(&pairs, &mine, &seen);
	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		find_in_table_of_peer(
			&pairs, &mine, interconnect_other(cloud->interconnects[i], cloud), &seen
		);
	return refuse_pairs(&pairs, refusal);
}

// Transit networks

static int refuse_transit(
	const struct prefix *transit, const struct cloud *cloud, const char *what,
	const struct prefix *prefix, const struct cloud *other, struct refusal *refusal
)
{
	char transit_text[PREFIX_STRLEN], text[PREFIX_STRLEN];

	return refuse(
		refusal, REFUSAL_transit_overlap,
		"transit network %s of %s overlaps %s %s of %s: give one of them another range, "
		"transit networks are shared with nothing in the whole exchange",
		prefix_format(transit, transit_text), cloud->name, what,
		prefix_format(prefix, text), other->name
	);
}

// The transit networks of one cloud against routed prefixes.
static int check_routed(
	const struct cloud *cloud, const struct routed *routed, struct refusal *refusal
)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		struct prefix transit = prefix_network(&cloud->gateway[family]);

		if (transit.addr.family == FAMILY_NONE)
			continue;
		for (unsigned i = 0; i < routed->n; i++) {
			if (prefix_overlaps(&transit, &routed->prefixes[i]))
				return refuse_transit(
					&transit, cloud, "the routed prefix", &routed->prefixes[i],
					routed->cloud, refusal
				);
		}
	}
	return 0;
}

static int check_transits(
	const struct cloud *cloud, const struct cloud *other, struct refusal *refusal
)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		struct prefix mine = prefix_network(&cloud->gateway[family]);
		struct prefix theirs = prefix_network(&other->gateway[family]);

		if (prefix_overlaps(&mine, &theirs))
			return refuse_transit(
				&mine, cloud, "the transit network", &theirs, other, refusal
			);
	}
	return 0;
}

int transit_check_cloud(
	const struct region *region, const struct cloud *cloud, struct refusal *refusal
)
{
	struct routed mine, theirs;

	collect(&mine, cloud);
	if (check_routed(cloud, &mine, refusal) < 0)
		return -1;
	for (unsigned i = 0; i < region->n_clouds; i++) {
		const struct cloud *other = region->clouds[i];

		collect(&theirs, other);
		if (check_transits(cloud, other, refusal) < 0 ||
		    check_routed(cloud, &theirs, refusal) < 0 ||
		    check_routed(other, &mine, refusal) < 0)
			return -1;
	}
	return 0;
}

int transit_check_segment(
	const struct region *region, const struct cloud *cloud, const struct segment *segment,
	struct refusal *refusal
)
{
	struct routed mine;

	collect_segment(&mine, cloud, segment);
	for (unsigned i = 0; i < region->n_clouds; i++) {
		if (check_routed(region->clouds[i], &mine, refusal) < 0)
			return -1;
	}
	return 0;
}
