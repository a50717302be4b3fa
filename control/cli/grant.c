// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int grant_create(const struct args *args)
{
	json_t *grant = client_object(
		"grant.create",
		json_pack(
			"{s:s, s:s, s:s}", "principal", args->words[0], "cloud", args->words[1],
			"role", args->words[2]
		)
	);

	return output_result(
		grant, "%s is %s of %s", args->words[0], args->words[2], args->words[1]
	);
}

static int grant_list(const struct args *args)
{
	static const char *const titles[] = {"PRINCIPAL", "CLOUD", "ROLE", NULL};
	json_t *grants = client_list("grant.list", json_object());
	struct table *table;
	json_t *grant;
	size_t i;

	if (!grants)
		return REFUSED;
	if (output_json_mode)
		return output_json(grants);
	table = table_new(titles);
	json_array_foreach(grants, i, grant) {
		table_text(table, text_at(grant, "principal"));
		table_text(table, text_at(grant, "cloud"));
		table_text(table, text_at(grant, "role"));
	}
	json_decref(grants);
	return table_print(table);
}

// A principal has one role a cloud: which one it was does not matter for taking it away.
static int grant_delete(const struct args *args)
{
	json_t *result = client_object(
		"grant.delete",
		json_pack("{s:s, s:s}", "principal", args->words[0], "cloud", args->words[1])
	);

	return output_result(
		result, "%s has no role on %s any more", args->words[0], args->words[1]
	);
}

const struct command grant_commands[] = {
	{"grant", "create", "PRINCIPAL CLOUD reader|contributor",
	 "give a principal a role on a cloud\n\n"
	 "PRINCIPAL is uid:N. A reader sees the cloud, its routes, interconnects and counters;\n"
	 "a contributor also changes its segments, and its interconnects with clouds of which\n"
	 "it is contributor, too. A role given before is replaced.",
	 NULL, grant_create},
	{"grant", "list", NULL, "list the roles that were given", NULL, grant_list},
	{"grant", "delete", "PRINCIPAL CLOUD [reader|contributor]",
	 "take a principal's role on a cloud away", NULL, grant_delete},
	{},
};
