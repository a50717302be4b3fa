// SPDX-License-Identifier: BSD-3-Clause
#include "rebuild.h"

#include "dataplane/martian.h"
#include "kit.h"
#include "routes.h"

// As the control thread builds them, routes in no order. Returns the bytes of all tables.
static size_t build_all(struct table **tables, const struct routes *clouds, unsigned n)
{
	struct prefix holes[MARTIANS];
	size_t bytes = 0;

	for (unsigned i = 0; i < MARTIANS; i++)
		holes[i] = martians[i].network;
	for (unsigned i = 0; i < n; i++) {
		tables[i] = table_build(clouds[i].route, clouds[i].n, holes, MARTIANS);
		if (!tables[i]) {
			perror("table_build");
			exit(1);
		}
		bytes += table_bytes(tables[i]);
	}
	return bytes;
}

void rebuild_run(unsigned n, unsigned routes, unsigned rounds)
{
	struct routes *clouds = take(n, sizeof(*clouds));
	struct table **tables = take(n, sizeof(struct table *));
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		clouds[i] = routes_make(FAMILY_IPV4, routes);
	printf("{\"tables\":%u,\"routes\":%u,\"us\":[", n, routes);
	for (unsigned round = 0; round < rounds; round++) {
		double began = now();

		bytes = build_all(tables, clouds, n);
		for (unsigned i = 0; i < n; i++)
			table_free(tables[i]);
		printf("%s%.1f", round ? "," : "", (now() - began) * 1e6);
	}
	printf("],\"bytes\":%zu}", bytes);
	for (unsigned i = 0; i < n; i++)
		routes_free(&clouds[i]);
	free(clouds);
	free(tables);
}
