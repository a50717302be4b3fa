// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int event_list(const struct args *args)
{
	static const char *const titles[] = {"TIME", "WHO", "ACTION", "OBJECT", "TEXT", NULL};
	json_t *events = client_list("event.list", json_object());
	struct table *table;
	json_t *event;
	size_t i;

	if (!events)
		return REFUSED;
	if (output_json_mode)
		return output_json(events);
	table = table_new(titles);
	json_array_foreach(events, i, event) {
		table_text(table, text_at(event, "at"));
		table_text(table, text_at(event, "principal"));
		table_text(table, text_at(event, "action"));
		table_text(table, text_at(event, "object"));
		table_text(table, text_at(event, "text"));
	}
	json_decref(events);
	return table_print(table);
}

const struct command event_commands[] = {
	{"event", "list", NULL, "list the last 100 events: who did what, when and why", NULL,
	 event_list},
	{},
};
