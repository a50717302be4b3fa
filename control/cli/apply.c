// SPDX-License-Identifier: BSD-3-Clause
// Make the region equal to a file.
#include "client.h"
#include "command.h"
#include "output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Progress is shown from the first second on.

static time_t began;
static bool shown;

static void show_progress(const json_t *params)
{
	if (time(NULL) - began < 1)
		return;
	shown = true;
	fprintf(stderr, "\r\033[K%s: %lld of %lld", text_at(params, "what"),
		(long long)number_at(params, "done"), (long long)number_at(params, "total"));
	fflush(stderr);
}

static void clear_progress(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
}

// The file, "-": stdin. NULL when what is wrong with it has been printed.
static json_t *load(const char *path)
{
	const size_t flags = JSON_REJECT_DUPLICATES;
	bool is_stdin = strcmp(path, "-") == 0;
	json_error_t error;
	json_t *region =
		is_stdin ? json_loadf(stdin, flags, &error) : json_load_file(path, flags, &error);

	if (region)
		return region;
	if (error.line < 0)
		output_refuse("file_unreadable", "%s", error.text);
	else
		output_refuse(
			"file_invalid", "%s, line %d, column %d: %s; nothing was changed",
			is_stdin ? "standard input" : path, error.line, error.column, error.text
		);
	return NULL;
}

static json_t *ask(const json_t *region, const struct args *args, bool dry_run, bool confirmed)
{
	bool interactive = output_is_interactive() && !output_json_mode;
	json_t *params = json_pack(
		"{s:O, s:b, s:b, s:b, s:b}", "region", region, "dry_run", (int)dry_run, "prune",
		(int)!args_value(args, "--no-prune"), "confirm_no_overlap", (int)confirmed,
		"progress", (int)(interactive && !dry_run)
	);
	json_t *answer;

	began = time(NULL);
	answer = client_call_long("region.apply", params, show_progress);
	clear_progress();
	return answer;
}

// The changes, as a diff: + created, - deleted, ~ changed in place, -/+ deleted and created again.

static const struct {
	const char *action, *sign, *summary;
} actions[] = {
	{"create", "+", "to create"},
	{"change", "~", "to change"},
	{"re-create", "-/+", "to re-create"},
	{"delete", "-", "to delete"},
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static unsigned action_of(const json_t *change)
{
	const char *word = text_at(change, "action");
	unsigned i = 0;

	while (i < ACTIONS - 1 && strcmp(actions[i].action, word) != 0)
		i++;
	return i;
}

static int print_changes(const json_t *changes, bool done)
{
	static const char *const titles[] = {"", "OBJECT", "NAME", "WHAT", NULL};
	struct table *table = table_new(titles);
	unsigned counts[ACTIONS] = {};
	const char *separator = "";
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change) {
		unsigned action = action_of(change);

		counts[action]++;
		table_text(table, actions[action].sign);
		table_text(table, text_at(change, "object"));
		table_text(table, text_at(change, "name"));
		table_text(table, text_at(change, "text"));
	}
	if (table_print(table) != DONE)
		return REFUSED;
	for (unsigned a = 0; a < ACTIONS; a++) {
		if (counts[a] == 0)
			continue;
		printf("%s%u %s%s", separator, counts[a], done ? "" : "to ",
		       actions[a].summary + 3);
		separator = ", ";
	}
	puts(done ? ": done" : "");
	return output_flush();
}

static int print_answer(json_t *answer, bool done)
{
	const json_t *changes = list_at(answer, "changes");
	int status = output_check();

	if (status != DONE || output_json_mode) {
		return status == DONE ? output_json(answer) : status;
	} else if (json_array_size(changes) == 0) {
		puts("nothing to do: the region is as the file says");
		status = output_flush();
	} else {
		status = print_changes(changes, done);
	}
	json_decref(answer);
	return status;
}

static bool creates_interconnects(const json_t *answer)
{
	const json_t *change;
	size_t i;

	json_array_foreach(list_at(answer, "changes"), i, change)
		if (strcmp(text_at(change, "object"), "interconnect") == 0 &&
		    strcmp(text_at(change, "action"), "delete") != 0)
			return true;
	return false;
}

// On a terminal: show what would be done, and ask what has to be confirmed. Returns whether to go
// on; otherwise 'status' is the exit status.
static bool confirm(const json_t *region, const struct args *args, int *status)
{
	json_t *plan = ask(region, args, true, false);
	bool needed;

	*status = REFUSED;
	if (!plan)
		return false;
	needed = creates_interconnects(plan);
	if (!needed) {
		json_decref(plan);
		return true;
	}
	*status = print_answer(plan, false);
	if (*status != DONE)
		return false;
	if (output_confirm(
		    "Interconnects are created. Do the routed address spaces of their clouds not "
		    "overlap, with each other and with those of other peers?"
	    ))
		return true;
	*status =
		output_refuse("not_confirmed", "nothing was changed: the confirmation is missing");
	return false;
}

static int apply(const struct args *args)
{
	bool dry_run = args_value(args, "--dry-run");
	bool confirmed = args_value(args, "--confirm-no-overlap");
	bool interactive = output_is_interactive() && !output_json_mode;
	json_t *region, *answer;
	int status;

	region = load(args->words[0]);
	if (!region)
		return REFUSED;
	if (interactive && !dry_run && !confirmed) {
		if (!confirm(region, args, &status)) {
			json_decref(region);
			return status;
		}
		confirmed = true;
	}
	answer = ask(region, args, dry_run, confirmed);
	json_decref(region);
	return answer ? print_answer(answer, !dry_run) : REFUSED;
}

static const struct option apply_options[] = {
	{"--dry-run", .help = "only show what would be done"},
	{"--no-prune", .help = "keep what the file does not name"},
	{"--confirm-no-overlap",
	 .help = "the routed address spaces that interconnects join do not overlap"},
	{},
};

const struct command apply_commands[] = {
	{"apply", NULL, "FILE",
	 "make the region equal to a file: only the difference, all or nothing\n"
	 "FILE is what dump prints, - is standard input. What is not named there is deleted,\n"
	 "unless --no-prune says otherwise. Shown are: + what is created, - deleted, ~ changed\n"
	 "in place, -/+ deleted and created again, since it cannot be changed in place.",
	 apply_options, apply},
	{},
};
