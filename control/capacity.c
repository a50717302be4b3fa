// SPDX-License-Identifier: BSD-3-Clause
#include "capacity.h"

static unsigned routed(const struct cloud *cloud)
{
	return cloud_routed_prefixes(cloud, NULL, 0);
}

// Would the table of 'cloud' hold 'more' routes?
static int check_table(const struct cloud *cloud, unsigned more, struct refusal *refusal)
{
	unsigned n = routed(cloud) + more;

	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		n += routed(interconnect_other(cloud->interconnects[i], cloud));
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
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
)
{
	struct cloud grown = {.segments = (struct segment *)segment, .n_segments = 1};
	unsigned more = routed(&grown);

	if (check_table(cloud, more, refusal) < 0)
		return -1;
	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct cloud *peer = interconnect_other(cloud->interconnects[i], cloud);

		if (check_table(peer, more, refusal) < 0)
			return -1;
	}
	return 0;
}

int capacity_check_interconnect(
	const struct cloud *a, const struct cloud *b, struct refusal *refusal
)
{
	if (check_table(a, routed(b), refusal) < 0)
		return -1;
	return check_table(b, routed(a), refusal);
}
