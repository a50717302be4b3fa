// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int log_list(const struct args *args)
{
	static const char *const titles[] = {"MODULE", "LEVEL", NULL};
	json_t *modules = client_list("log.list", json_object()), *module;
	struct table *table;
	size_t i;

	if (!modules)
		return REFUSED;
	if (output_json_mode)
		return output_json(modules);
	table = table_new(titles);
	json_array_foreach(modules, i, module) {
		table_text(table, text_at(module, "module"));
		table_text(table, text_at(module, "level"));
	}
	json_decref(modules);
	return table_print(table);
}

static int log_set(const struct args *args)
{
	const char *level = args->words[0], *module = args->n_words > 1 ? args->words[1] : "*";
	json_t *params = json_pack("{s:s, s:s}", "level", level, "module", module);

	return output_result(
		client_object("log.set", params), "log level of %s: %s",
		args->n_words > 1 ? module : "all modules", level
	);
}

const struct command log_commands[] = {
	{"log", "list", NULL, "list the modules of t0xd and how much each logs", NULL, log_list},
	{"log", "set", "error|warning|notice|info|debug [MODULE]",
	 "let one module, or all, log more or less; until t0xd ends", NULL, log_set},
	{},
};
