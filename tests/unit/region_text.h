// SPDX-License-Identifier: BSD-3-Clause
// What a region is, as a text in one order: a file's and the daemon's word for it compare equal
// when they mean the same.
#pragma once

#include "control/json.h"

#include <stdlib.h>
#include <string.h>

static inline int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline char *sorted(json_t *list)
{
	size_t n = json_array_size(list), size = 1;
	char **texts = calloc(n + 1, sizeof(*texts));
	char *all;

	for (size_t i = 0; i < n; i++) {
		texts[i] = json_dumps(json_array_get(list, i), JSON_COMPACT | JSON_SORT_KEYS);
		size += strlen(texts[i]) + 1;
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	all = calloc(1, size);
	for (size_t i = 0; i < n; i++) {
		strcat(strcat(all, texts[i]), "\n");
		free(texts[i]);
	}
	free(texts);
	return all;
}

// An interconnect from its lower end, with its default name left out.
static inline void straighten(json_t *one)
{
	const char *cloud = json_string_value(json_object_get(one, "cloud"));
	const char *peer = json_string_value(json_object_get(one, "peer"));
	const char *name = json_string_value(json_object_get(one, "name"));

	if (name && strcmp(name, peer) == 0)
		json_object_del(one, "name");
	if (strcmp(cloud, peer) > 0) {
		json_t *was = json_incref(json_object_get(one, "cloud"));

		json_object_set(one, "cloud", json_object_get(one, "peer"));
		json_object_set_new(one, "peer", was);
	}
}

static inline char *normal(json_t *region)
{
	json_t *copy = json_deep_copy(region);
	json_t *item;
	char *text, *parts[3];
	size_t i;

	json_array_foreach(json_object_get(copy, "interconnects"), i, item)
		straighten(item);
	json_array_foreach(json_object_get(copy, "clouds"), i, item) {
		char *segments = sorted(json_object_get(item, "segments"));

		json_object_set_new(item, "segments", json_string(segments));
		free(segments);
	}
	parts[0] = sorted(json_object_get(copy, "clouds"));
	parts[1] = sorted(json_object_get(copy, "interconnects"));
	parts[2] = sorted(json_object_get(copy, "grants"));
	text = malloc(strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]) + 1);
	strcpy(text, parts[0]);
	strcat(strcat(text, parts[1]), parts[2]);
	for (i = 0; i < 3; i++)
		free(parts[i]);
	json_decref(copy);
	return text;
}

static inline char *normal_of(const struct region *region)
{
	json_t *object = region_to_json(region);
	char *text = normal(object);

	json_decref(object);
	return text;
}
