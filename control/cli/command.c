// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"

#include "client.h"
#include "help.h"
#include "output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// A command line as it was read, before its command is known.
struct line {
	const struct command *const *nouns;
	const char *words[ARGS_MAX];
	unsigned n_words;
	struct args args;
	bool help;
	bool version;
	char error[256]; // the first, or ""
};

const char *args_value(const struct args *args, const char *name)
{
	for (unsigned i = 0; i < args->n_options; i++)
		if (strcmp(args->options[i].option->name, name) == 0)
			return args->options[i].value;
	return NULL;
}

void args_set(const struct args *args, const char *name, json_t *params, const char *member)
{
	json_t *list = NULL;

	for (unsigned i = 0; i < args->n_options; i++) {
		const struct option *option = args->options[i].option;
		const char *value = args->options[i].value;

		if (strcmp(option->name, name) != 0)
			continue;
		if (option->number) {
			json_object_set_new(params, member, json_integer(strtoll(value, NULL, 10)));
		} else if (option->list) {
			if (!list) {
				list = json_array();
				json_object_set_new(params, member, list);
			}
			json_array_append_new(list, json_string(value));
		} else {
			json_object_set_new(params, member, json_string(value));
		}
	}
}

// Keep the first error only: the others may follow from it.
__attribute__((format(printf, 2, 3))) static void complain(
	struct line *line, const char *format, ...
)
{
	va_list args;

	if (line->error[0])
		return;
	va_start(args, format);
	vsnprintf(line->error, sizeof(line->error), format, args);
	va_end(args);
}

static const struct option *find_option(const struct option *options, const char *name, size_t n)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == n && strncmp(options->name, name, n) == 0)
			return options;
	return NULL;
}

// An option may stand before the words that say of which command it is. That all commands agree on
// which options take a value makes it readable all the same.
static const struct option *find_any_option(
	const struct command *const nouns[], const char *name, size_t n
)
{
	static const struct option common[] = {
		{"-o", .value = "table|json"},
		{"--socket", .value = "PATH"},
		{},
	};
	const struct option *option = find_option(common, name, n);

	for (unsigned i = 0; nouns[i] && !option; i++)
		for (const struct command *c = nouns[i]; c->noun && !option; c++)
			option = find_option(c->options, name, n);
	return option;
}

static void take_option(struct line *line, const struct option *option, const char *value)
{
	struct args *args = &line->args;

	if (strcmp(option->name, "--socket") == 0) {
		client_socket = value;
	} else if (strcmp(option->name, "-o") == 0) {
		output_json_mode = strcmp(value, "json") == 0;
		if (!output_json_mode && strcmp(value, "table") != 0)
			complain(line, "-o: \"%.60s\" is neither table nor json", value);
	} else if (args->n_options == ARGS_MAX) {
		complain(line, "too many options");
	} else {
		args->options[args->n_options].option = option;
		args->options[args->n_options].value = value;
		args->n_options++;
	}
}

// Read the option at argv[i]. Returns the index of the last argument that belongs to it.
static int read_option(struct line *line, int argc, char **argv, int i)
{
	const char *arg = argv[i];
	bool is_short = arg[1] != '-';
	size_t n = is_short ? 2 : strcspn(arg, "=");
	const struct option *option = find_any_option(line->nouns, arg, n);
	const char *value = arg[n] == '=' ? arg + n + 1 : arg[n] ? arg + n : NULL;

	if (!option) {
		complain(line, "there is no option %.60s", arg);
	} else if (!option->value) {
		if (value)
			complain(line, "%s takes no value", option->name);
		take_option(line, option, "");
	} else if (value) {
		take_option(line, option, value);
	} else if (i + 1 < argc && strcmp(argv[i + 1], "--help") != 0) {
		take_option(line, option, argv[++i]);
	} else {
		complain(line, "%s needs a value: %s", option->name, option->value);
	}
	return i;
}

static void check_utf8(struct line *line, const char *arg)
{
	json_t *string = json_string(arg);

	if (!string)
		complain(line, "an argument is not UTF-8 text");
	json_decref(string);
}

static void read_line(struct line *line, int argc, char **argv)
{
	bool only_words = false;

	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		check_utf8(line, arg);
		if (strcmp(arg, "--help") == 0 || (!only_words && strcmp(arg, "-h") == 0))
			line->help = true;
		else if (!only_words && strcmp(arg, "--version") == 0)
			line->version = true;
		else if (!only_words && strcmp(arg, "--") == 0)
			only_words = true;
		else if (!only_words && arg[0] == '-' && arg[1])
			i = read_option(line, argc, argv, i);
		else if (line->n_words < ARGS_MAX)
			line->words[line->n_words++] = arg;
		else
			complain(line, "too many words");
	}
}

// The table of the noun that the line begins with, or NULL.
static const struct command *find_noun(const struct line *line)
{
	for (unsigned i = 0; line->nouns[i] && line->n_words > 0; i++)
		if (strcmp(line->nouns[i]->noun, line->words[0]) == 0)
			return line->nouns[i];
	return NULL;
}

// Fills line->args.command and its words if the line says which command it is.
static void find_command(struct line *line)
{
	struct args *args = &line->args;
	const struct command *command = find_noun(line);
	unsigned n = 1;

	for (; command && command->noun; command++) {
		n = command->verb ? 2 : 1;
		if (!command->verb ||
		    (line->n_words > 1 && strcmp(command->verb, line->words[1]) == 0))
			break;
	}
	if (!command || !command->noun)
		return;
	args->command = command;
	args->n_words = line->n_words - n;
	memcpy(args->words, line->words + n, args->n_words * sizeof(args->words[0]));
}

// Is a word one of "a|b", as the usage has it? A word that stands for a name may be anything.
static bool is_choice(const char *word, const char *choices, size_t length)
{
	const char *end = choices + length;

	if (!memchr(choices, '|', length))
		return true;
	while (choices < end) {
		size_t n = strcspn(choices, "|] ");

		if (strlen(word) == n && memcmp(word, choices, n) == 0)
			return true;
		choices += n + 1;
	}
	return false;
}

static void check_words(struct line *line)
{
	const struct args *args = &line->args;
	const char *word = args->command->words;
	unsigned n = 0;

	while (word && *word) {
		size_t length = strcspn(word, " ");

		if (n >= args->n_words && *word != '[')
			complain(line, "%.*s is missing", (int)length, word);
		else if (n < args->n_words && !is_choice(args->words[n], word + (*word == '['), length))
			complain(line, "\"%.60s\" is not %.*s", args->words[n], (int)length, word);
		n++;
		word += length;
		word += strspn(word, " ");
	}
	if (args->n_words > n)
		complain(line, "\"%.60s\" is one word too many", args->words[n]);
	for (unsigned i = 0; i < args->n_words; i++)
		if (!args->words[i][0])
			complain(line, "a word is empty");
}

static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 10 && !text[digits];
}

static void check_options(struct line *line)
{
	struct args *args = &line->args;
	const struct command *command = args->command;

	for (unsigned i = 0; i < args->n_options; i++) {
		const char *name = args->options[i].option->name;
		const char *value = args->options[i].value;
		const struct option *option = find_option(command->options, name, strlen(name));

		if (!option) {
			complain(
				line, "%s is no option of %s%s%s", name, command->noun,
				command->verb ? " " : "", command->verb ? command->verb : ""
			);
			return;
		}
		args->options[i].option = option; // it may have been found in another's table
		if (option->number && !is_number(value))
			complain(line, "%s: \"%.60s\" is not a whole number", name, value);
		for (unsigned j = 0; j < i && !option->list; j++)
			if (args->options[j].option == option)
				complain(line, "%s is given twice", name);
	}
	for (const struct option *option = command->options; option && option->name; option++)
		if (option->required && !args_value(args, option->name))
			complain(line, "%s %s is missing", option->name, option->value);
}

static void print_help(const struct line *line)
{
	if (line->args.command)
		help_command(line->args.command, stdout);
	else if (find_noun(line))
		help_noun(find_noun(line), stdout);
	else
		help_all(line->nouns, stdout);
}

static int print_usage(const struct line *line)
{
	fprintf(stderr, "t0xctl: %s\n", line->error);
	if (line->args.command)
		help_usage(line->args.command, stderr);
	else if (find_noun(line))
		fprintf(stderr, "usage: see t0xctl %s --help\n", find_noun(line)->noun);
	else
		fputs("usage: see t0xctl --help\n", stderr);
	return USAGE;
}

static void complain_no_command(struct line *line)
{
	const struct command *noun = find_noun(line);

	if (line->n_words == 0)
		complain(line, "a command is missing");
	else if (!noun)
		complain(line, "there is no command \"%.60s\"", line->words[0]);
	else if (line->n_words == 1)
		complain(line, "what to do with %s is missing", noun->noun);
	else
		complain(line, "there is no command \"%s %.60s\"", noun->noun, line->words[1]);
}

int command_line(int argc, char **argv, const struct command *const nouns[])
{
	struct line line = {.nouns = nouns};

	read_line(&line, argc, argv);
	find_command(&line);
	if (line.help) {
		print_help(&line);
		return output_flush();
	}
	if (line.version) {
		printf("t0xctl %s\n", T0X_VERSION);
		return output_flush();
	}
	if (line.args.command) {
		check_words(&line);
		check_options(&line);
	} else {
		complain_no_command(&line);
	}
	if (line.error[0])
		return print_usage(&line);
	return line.args.command->run(&line.args);
}
