// SPDX-License-Identifier: BSD-3-Clause
#include "help.h"

#include <string.h>

static void print_synopsis(const struct command *command, FILE *out)
{
	fprintf(out, "t0xctl %s", command->noun);
	if (command->verb)
		fprintf(out, " %s", command->verb);
	if (command->words)
		fprintf(out, " %s", command->words);
	for (const struct option *option = command->options; option && option->name; option++) {
		fprintf(out, option->required ? " %s" : " [%s", option->name);
		if (option->value)
			fprintf(out, " %s", option->value);
		if (!option->required)
			fputc(']', out);
	}
	fputc('\n', out);
}

void help_usage(const struct command *command, FILE *out)
{
	fputs("usage: ", out);
	print_synopsis(command, out);
}

static void print_option(const char *name, const char *value, const char *help, FILE *out)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s", name, value ? " " : "", value ? value : "");
	fprintf(out, "  %-30s %s\n", left, help);
}

static void print_common_options(FILE *out)
{
	print_option("-o", "table|json", "what to print (default table)", out);
	print_option("--socket", "PATH", "where t0xd listens (default /run/t0x/t0x.sock)", out);
	print_option("--help", NULL, "this text; of a command, anywhere on its line", out);
}

void help_command(const struct command *command, FILE *out)
{
	help_usage(command, out);
	fprintf(out, "\n%s\n\nOptions:\n", command->help);
	for (const struct option *option = command->options; option && option->name; option++)
		print_option(option->name, option->value, option->help, out);
	print_common_options(out);
}

static void print_summary(const struct command *command, FILE *out)
{
	char left[80];

	snprintf(
		left, sizeof(left), "%s%s%s%s%s", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "", command->words ? " " : "",
		command->words ? command->words : ""
	);
	fprintf(out, "  %-50s %.*s\n", left, (int)strcspn(command->help, "\n"), command->help);
}

void help_noun(const struct command *commands, FILE *out)
{
	for (const struct command *command = commands; command->noun; command++) {
		fputs(command == commands ? "usage: " : "       ", out);
		print_synopsis(command, out);
	}
	fputs("\nCommands:\n", out);
	for (const struct command *command = commands; command->noun; command++)
		print_summary(command, out);
	fprintf(out, "\nOf each command: t0xctl %s ... --help\n", commands->noun);
}

void help_all(const struct command *const nouns[], FILE *out)
{
	fputs("usage: t0xctl COMMAND ... [-o table|json] [--socket PATH]\n\n"
	      "Looks at and changes the private clouds and interconnects of t0xd on this host.\n\n"
	      "Commands:\n",
	      out);
	for (unsigned i = 0; nouns[i]; i++)
		for (const struct command *command = nouns[i]; command->noun; command++)
			print_summary(command, out);
	fputs("\nOptions, anywhere on the line:\n", out);
	print_common_options(out);
	print_option("--version", NULL, "the version of t0xctl", out);
	fputs("\nExit status: 0 done, 1 refused or t0xd not reached, 2 wrong usage.\n", out);
}
