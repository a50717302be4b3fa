// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"
#include "watch.h"

#include <stdio.h>
#include <unistd.h>

#define FOLLOW_SECONDS 0.5
#define KEPT 10000 // t0xd's EVENTS_KEPT: asking for as many loses none

static int print_table(const json_t *events)
{
	static const char *const titles[] = {"TIME", "WHO", "ACTION", "OBJECT", "TEXT", NULL};
	struct table *table = table_new(titles);
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event) {
		table_text(table, text_at(event, "at"));
		table_text(table, text_at(event, "principal"));
		table_text(table, text_at(event, "action"));
		table_text(table, text_at(event, "object"));
		table_text(table, text_at(event, "text"));
	}
	return table_print(table);
}

// One line an event, as it happens.
static void print_line(const json_t *event)
{
	if (output_json_mode) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	output_line(
		"%s  %s  %s  %s  %s", text_at(event, "at"), text_at(event, "principal"),
		text_at(event, "action"), text_at(event, "object"), text_at(event, "text")
	);
}

// Prints and remembers the newest. Returns the exit status.
static int print_new(const json_t *events, json_int_t *seen)
{
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event) {
		print_line(event);
		*seen = number_at(event, "seq");
	}
	return output_check() == DONE ? output_flush() : REFUSED;
}

// t0xd may be away for a while: its events are kept.
static int follow(json_t *params)
{
	json_t *events = client_list("event.list", params);
	json_int_t seen = 0;
	char away[256];
	int status = events ? print_new(events, &seen) : REFUSED;

	json_decref(events);
	watch_begin();
	output_hold_refusals(away, sizeof(away));
	while (status == DONE && watch_wait(FOLLOW_SECONDS)) {
		events = client_list(
			"event.list", json_pack("{s:I, s:i}", "after", seen, "max", KEPT)
		);
		if (events)
			status = print_new(events, &seen);
		json_decref(events);
	}
	output_hold_refusals(NULL, 0);
	watch_end();
	return status;
}

static int event_list(const struct args *args)
{
	json_t *params = json_object();
	json_t *events;
	int status;

	args_set(args, "--limit", params, "max");
	if (args_value(args, "--follow"))
		return follow(params);
	events = client_list("event.list", params);
	if (!events)
		return REFUSED;
	if (output_json_mode)
		return output_json(events);
	status = print_table(events);
	json_decref(events);
	return status;
}

static const struct option list_options[] = {
	{"--follow", .help = "go on with each event as it happens"},
	{"--limit", "N", .help = "how many of the last ones (100)", .number = true},
	{},
};

const struct command event_commands[] = {
	{"event", "list", NULL, "list the last events: who did what, when and why", list_options,
	 event_list},
	{},
};
