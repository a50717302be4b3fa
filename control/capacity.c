// SPDX-License-Identifier: BSD-3-Clause
#include "capacity.h"

#include <string.h>

struct table_sizes {
	unsigned own[CLOUD_ID_MAX + 1]; // routed prefixes of the cloud itself
	unsigned all[CLOUD_ID_MAX + 1]; // with those of its peers
};

static void count_tables(const struct region *region, struct table_sizes *sizes)
{
	memset(sizes, 0, sizeof(*sizes));
	for (unsigned i = 0; i < region->n_clouds; i++) {
		const struct cloud *cloud = region->clouds[i];

		sizes->own[cloud->id] = cloud_routed_prefixes(cloud, NULL, 0);
		sizes->all[cloud->id] = sizes->own[cloud->id];
	}
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		uint16_t cloud = region->interconnects[i]->cloud->id;
		uint16_t peer = region->interconnects[i]->peer->id;

		sizes->all[cloud] += sizes->own[peer];
		sizes->all[peer] += sizes->own[cloud];
	}
}

static int check_table(
	const struct table_sizes *sizes, const struct cloud *cloud, unsigned more,
	struct refusal *refusal
)
{
	unsigned n = sizes->all[cloud->id] + more;

	if (n <= TABLE_MAX_ROUTES)
		return 0;
	return refuse(
		refusal, REFUSAL_limit_reached,
		"the table of cloud %s would hold %u routes: the limit is %d; route fewer or wider "
		"segments",
		cloud->name, n, TABLE_MAX_ROUTES
	);
}

int capacity_check_segment(
	const struct region *region, const struct cloud *cloud, const struct segment *segment,
	struct refusal *refusal
)
{
	struct cloud grown = {.segments = (struct segment *)segment, .n_segments = 1};
	unsigned more = cloud_routed_prefixes(&grown, NULL, 0);
	struct table_sizes sizes;

	count_tables(region, &sizes);
	if (check_table(&sizes, cloud, more, refusal) < 0)
		return -1;
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		const struct interconnect *interconnect = region->interconnects[i];

		if (interconnect->cloud != cloud && interconnect->peer != cloud)
			continue;
		if (check_table(&sizes, interconnect_other(interconnect, cloud), more, refusal) < 0)
			return -1;
	}
	return 0;
}

int capacity_check_interconnect(
	const struct region *region, const struct cloud *a, const struct cloud *b,
	struct refusal *refusal
)
{
	struct table_sizes sizes;

	count_tables(region, &sizes);
	if (check_table(&sizes, a, sizes.own[b->id], refusal) < 0)
		return -1;
	return check_table(&sizes, b, sizes.own[a->id], refusal);
}
