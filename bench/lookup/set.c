// SPDX-License-Identifier: BSD-3-Clause
#include "set.h"

#include "kit.h"

#include <errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <string.h>

#define MIB (1 << 20)

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;
	size_t bytes = 0;

	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	return bytes;
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static double median(double *samples, unsigned n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return samples[n / 2];
}

// The next table. 0 or a positive errno.
static int make_table(
	struct set *set, const struct routes *routes, double *create_us, double *fill_us
)
{
	size_t before = heap_bytes();
	double began = now(), created;
	void *table = set->structure->create(routes);
	int result = table ? 0 : errno;

	created = now();
	*create_us = (created - began) * 1e6;
	if (!table)
		return result;
	if (set->structure->fill)
		result = -set->structure->fill(table, routes);
	*fill_us = (now() - created) * 1e6;
	if (set->n == 0)
		set->bytes = set->structure->bytes ? set->structure->bytes(table)
						   : heap_bytes() - before;
	set->tables[set->n++] = table;
	return result;
}

// 0, or -1 with the reason in 'cannot'.
static int make_tables(
	struct set *set, const struct routes *clouds, unsigned n, size_t memory,
	char cannot[static SET_CANNOT_BYTES]
)
{
	double *create_us = take(n, sizeof(double)), *fill_us = take(n, sizeof(double));
	int error = 0;

	while (set->n < n && error == 0 && set->bytes * n <= memory)
		error = make_table(set, &clouds[set->n], &create_us[set->n], &fill_us[set->n]);
	if (error != 0)
		snprintf(
			cannot, SET_CANNOT_BYTES, "table %u of %u: %s", set->n + 1, n,
			strerror(error)
		);
	else if (set->bytes * n > memory)
		snprintf(
			cannot, SET_CANNOT_BYTES, "%.1f MiB a table make %.1f GiB",
			(double)set->bytes / MIB, (double)set->bytes * n / MIB / 1024
		);
	set->create_us = median(create_us, n);
	set->fill_us = median(fill_us, n);
	free(create_us);
	free(fill_us);
	return cannot[0] == '\0' ? 0 : -1;
}

struct set *set_make(
	const struct structure *structure, const struct routes *clouds, unsigned n,
	const struct keys *keys, size_t memory, char cannot[static SET_CANNOT_BYTES]
)
{
	struct set *set = take(1, sizeof(*set));

	set->structure = structure;
	set->tables = take(n, sizeof(void *));
	set->of_keys = take(keys->n, sizeof(void *));
	cannot[0] = '\0';
	if (make_tables(set, clouds, n, memory, cannot) < 0) {
		set_free(set);
		return NULL;
	}
	for (unsigned i = 0; i < keys->n; i++)
		set->of_keys[i] = set->tables[keys->clouds[i]];
	return set;
}

void set_free(struct set *set)
{
	if (!set)
		return;
	for (unsigned i = 0; i < set->n; i++)
		set->structure->free(set->tables[i]);
	free(set->tables);
	free(set->of_keys);
	free(set);
}
