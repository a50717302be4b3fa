// SPDX-License-Identifier: BSD-3-Clause
#include "rates.h"

#include <stdio.h>
#include <stdlib.h>

static json_int_t count_at(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static const char *name_at(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

// How much a counter has grown.
static double growth(const json_t *before, const json_t *now, const char *member)
{
	json_int_t was = count_at(before, member), is = count_at(now, member);

	return (double)(is >= was ? is - was : is);
}

// The items of a list by the texts of three of their members.
struct key {
	const char *members[3];
};

static const struct key interconnect_key = {{"cloud", "peer", "name"}};
static const struct key drop_key = {{"cloud", "reason", "where"}};

#define KEY_SIZE 256

static const char *make_key(char text[static KEY_SIZE], const json_t *item, const struct key *key)
{
	snprintf(
		text, KEY_SIZE, "%s\n%s\n%s", name_at(item, key->members[0]),
		name_at(item, key->members[1]), name_at(item, key->members[2])
	);
	return text;
}

static json_t *index_by(const json_t *list, const struct key *key)
{
	json_t *index = json_object(), *item;
	char text[KEY_SIZE];
	size_t i;

	json_array_foreach(list, i, item)
		json_object_set(index, make_key(text, item, key), item);
	return index;
}

static const json_t *find(const json_t *index, const json_t *item, const struct key *key)
{
	char text[KEY_SIZE];

	return json_object_get(index, make_key(text, item, key));
}

// Lists, busiest first

struct weighed {
	json_t *item;
	double weight;
};

static int compare(const void *a, const void *b)
{
	const struct weighed *one = a, *other = b;

	return (one->weight < other->weight) - (one->weight > other->weight);
}

struct list {
	struct weighed *items;
	size_t n;
};

static struct list list_for(const json_t *source)
{
	struct list list = {.items = calloc(json_array_size(source) + 1, sizeof(*list.items))};

	if (!list.items)
		abort();
	return list;
}

static void list_add(struct list *list, json_t *item, double weight)
{
	list->items[list->n++] = (struct weighed){item, weight};
}

static json_t *list_sorted(struct list *list)
{
	json_t *array = json_array();

	qsort(list->items, list->n, sizeof(*list->items), compare);
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, list->items[i].item);
	free(list->items);
	return array;
}

// Sections

static json_t *direction(
	const json_t *before, const json_t *now, const char *name, double seconds, double *bits
)
{
	const json_t *was = json_object_get(before, name), *is = json_object_get(now, name);
	double rate = 8 * growth(was, is, "bytes") / seconds;

	*bits += rate;
	return json_pack(
		"{s:f, s:f}", "packets_per_second", growth(was, is, "packets") / seconds,
		"bits_per_second", rate
	);
}

static json_t *interconnects(const json_t *before, const json_t *now, double seconds)
{
	const json_t *source = json_object_get(now, "interconnects");
	json_t *index = index_by(json_object_get(before, "interconnects"), &interconnect_key);
	struct list list = list_for(source);
	const json_t *item;
	size_t i;

	json_array_foreach(source, i, item) {
		const json_t *was = find(index, item, &interconnect_key);
		double bits = 0;
		json_t *there = direction(was, item, "cloud_to_peer", seconds, &bits);
		json_t *back = direction(was, item, "peer_to_cloud", seconds, &bits);

		list_add(
			&list,
			json_pack(
				"{s:s, s:s, s:s, s:o, s:o}", "cloud", name_at(item, "cloud"),
				"peer", name_at(item, "peer"), "name", name_at(item, "name"),
				"cloud_to_peer", there, "peer_to_cloud", back
			),
			bits
		);
	}
	json_decref(index);
	return list_sorted(&list);
}

static json_t *drops(const json_t *before, const json_t *now, double seconds)
{
	const json_t *source = json_object_get(now, "drops");
	json_t *index = index_by(json_object_get(before, "drops"), &drop_key);
	struct list list = list_for(source);
	const json_t *item;
	size_t i;

	json_array_foreach(source, i, item) {
		double rate = growth(find(index, item, &drop_key), item, "packets") / seconds;

		if (rate > 0)
			list_add(
				&list,
				json_pack(
					"{s:O?, s:s, s:s, s:f}", "cloud",
					json_object_get(item, "cloud"), "reason",
					name_at(item, "reason"), "where", name_at(item, "where"),
					"packets_per_second", rate
				),
				rate
			);
	}
	json_decref(index);
	return list_sorted(&list);
}

static json_t *workers(const json_t *before, const json_t *now)
{
	const json_t *source = json_object_get(now, "workers");
	const json_t *was_all = json_object_get(before, "workers");
	json_t *list = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach(source, i, item) {
		const json_t *was = json_array_get(was_all, i);
		double total = growth(was, item, "total_cycles");
		double busy = growth(was, item, "busy_cycles");

		json_array_append_new(
			list,
			json_pack(
				"{s:I, s:f}", "worker", count_at(item, "worker"), "busy_ratio",
				total > 0 ? busy / total : 0
			)
		);
	}
	return list;
}

json_t *rates_between(const json_t *before, const json_t *now, double seconds)
{
	return json_pack(
		"{s:o, s:o, s:o}", "interconnects", interconnects(before, now, seconds), "drops",
		drops(before, now, seconds), "workers", workers(before, now)
	);
}
