// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int route_list(const struct args *args)
{
	static const char *const titles[] = {"PREFIX", "ORIGIN", "CLOUD", "INTERCONNECT", NULL};
	json_t *routes = client_list("route.list", json_pack("{s:s}", "cloud", args->words[0]));
	struct table *table;
	json_t *route;
	size_t i;

	if (!routes)
		return REFUSED;
	if (output_json_mode)
		return output_json(routes);
	table = table_new(titles);
	json_array_foreach(routes, i, route) {
		table_text(table, text_at(route, "prefix"));
		table_text(table, text_at(route, "origin"));
		table_text(table, text_or(route, "cloud", "-"));
		table_text(table, text_or(route, "interconnect", "-"));
	}
	json_decref(routes);
	return table_print(table);
}

const struct command route_commands[] = {
	{"route", "list", "CLOUD", "list what the table of a cloud holds", NULL, route_list},
	{},
};
