// SPDX-License-Identifier: BSD-3-Clause
// The commands of t0xctl as data: what one takes, how it is explained, and who runs it.
//
// Usage lines, help and all checks of a command line are derived from these tables. Each noun has a
// file with its table; main.c lists the tables.
#pragma once

#include <jansson.h>
#include <stdbool.h>

// Exit statuses; part of the interface.
#define DONE 0
#define REFUSED 1 // by t0xd, or it cannot be reached
#define USAGE 2 // the command line makes no sense

struct option {
	const char *name; // "--mtu"
	const char *value; // what it takes, as help calls it: "N"; NULL: a flag
	const char *help;
	bool required;
	bool number; // a whole number, checked here; its range is t0xd's business
	bool list; // may be given once a family
};

struct args;

struct command {
	const char *noun; // "cloud"
	const char *verb; // "create", or NULL: the noun alone is the command
	const char *words; // what follows: "CLOUD [NAME]", or NULL for nothing
	const char *help; // the first line is its summary
	const struct option *options; // ends with a NULL name; NULL for none
	int (*run)(const struct args *args);
};

#define ARGS_MAX 32

// A command line that has the right form.
struct args {
	const struct command *command;
	const char *words[ARGS_MAX]; // those behind noun and verb
	unsigned n_words;
	struct {
		const struct option *option;
		const char *value;
	} options[ARGS_MAX];
	unsigned n_options;
};

// Value of an option, NULL when not given; of a flag, "".
const char *args_value(const struct args *args, const char *name);

// Set a member of 'params' if the option was given: a string, a number, or a list of strings, as
// the option is declared.
void args_set(const struct args *args, const char *name, json_t *params, const char *member);

// Check the words of a command line and run its command, or print help. Returns the exit status.
// 'nouns' ends with NULL; each is the table of one noun, which ends with a NULL noun.
int command_line(int argc, char **argv, const struct command *const nouns[]);

// The tables.
extern const struct command cloud_commands[];
extern const struct command segment_commands[];
extern const struct command interconnect_commands[];
extern const struct command route_commands[];
extern const struct command explain_commands[];
extern const struct command grant_commands[];
extern const struct command stats_commands[];
extern const struct command event_commands[];
extern const struct command region_commands[];
extern const struct command apply_commands[];
extern const struct command port_commands[];
extern const struct command log_commands[];
extern const struct command worker_commands[];
