// SPDX-License-Identifier: BSD-3-Clause
#include "output.h"

#include "command.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool output_json_mode;

static const char *missing_member; // the first that an answer should have had

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static char *held; // where refusals are kept, or NULL
static size_t held_size;

void output_hold_refusals(char *text, size_t size)
{
	held = text;
	held_size = size;
}

void output_line(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	make_printable(text);
	puts(text);
	free(text);
}

int output_refuse(const char *code, const char *format, ...)
{
	va_list args;
	char *text;
	json_t *object;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	fflush(stdout);
	if (held) {
		make_printable(text);
		snprintf(held, held_size, "%s", text);
	} else if (output_json_mode) {
		object = json_pack("{s:s, s:s}", "code", code, "text", text);
		json_dumpf(object, stderr, 0);
		fputc('\n', stderr);
		json_decref(object);
	} else {
		make_printable(text);
		fprintf(stderr, "t0xctl: %s: %s\n", code, text);
	}
	free(text);
	return REFUSED;
}

int output_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return DONE;
	fputs("t0xctl: the output could not be written\n", stderr);
	return REFUSED;
}

int output_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
	return output_flush();
}

int output_check(void)
{
	if (!missing_member)
		return DONE;
	return output_refuse(
		"bad_answer",
		"t0xd's answer lacks a proper \"%s\": t0xctl %s and t0xd may be of different versions",
		missing_member, T0X_VERSION
	);
}

int output_result(json_t *result, const char *format, ...)
{
	va_list args;
	char *text;

	if (!result)
		return REFUSED;
	if (output_json_mode)
		return output_json(result);
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	json_decref(result); // the sentence has been made of it
	if (output_check() == DONE) {
		make_printable(text);
		puts(text);
	}
	free(text);
	return missing_member ? REFUSED : output_flush();
}

bool output_is_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool output_confirm(const char *format, ...)
{
	char answer[16] = "";
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" [y/N] ", stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		fputc('\n', stderr);
	answer[strcspn(answer, "\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

// Members

static void note_missing(const char *member)
{
	if (!missing_member)
		missing_member = member;
}

const char *text_at(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (json_is_string(value))
		return json_string_value(value);
	note_missing(member);
	return "";
}

const char *text_or(const json_t *object, const char *member, const char *fallback)
{
	const json_t *value = json_object_get(object, member);

	return value && !json_is_null(value) ? text_at(object, member) : fallback;
}

const char *texts_at(const json_t *object, const char *member)
{
	static char buffers[8][256];
	static unsigned next;
	char *text = buffers[next++ % 8];
	const json_t *list = list_at(object, member);
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *item = json_string_value(json_array_get(list, i));

		if (!item || used + strlen(item) + 2 > sizeof(buffers[0])) {
			note_missing(member);
			break;
		}
		used += (size_t)sprintf(text + used, "%s%s", i ? "," : "", item);
	}
	return text;
}

json_int_t number_at(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_integer(value))
		note_missing(member);
	return json_integer_value(value);
}

bool bool_at(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_boolean(value))
		note_missing(member);
	return json_is_true(value);
}

const json_t *list_at(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_array(value))
		note_missing(member);
	return value;
}

// Tables

#define COLUMNS_MAX 12

struct table {
	const char *titles[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX];
	unsigned n_columns;
	bool block; // no titles
	char **cells; // row by row
	size_t n_cells;
};

// Columns that UTF-8 text takes: its characters, not its bytes.
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

struct table *table_new(const char *const titles[])
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		abort();
	for (unsigned n = 0; titles[n]; n++) {
		assert(n < COLUMNS_MAX);
		table->titles[n] = titles[n];
		table->widths[n] = width_of(titles[n]) - (titles[n][0] == '>');
		table->n_columns++;
	}
	return table;
}

void table_text(struct table *table, const char *text)
{
	unsigned column = table->n_cells % table->n_columns;
	char *cell = strdup(text);

	// Room for 16 more each time it is used up.
	if (table->n_cells % 16 == 0)
		table->cells = realloc(table->cells, (table->n_cells + 16) * sizeof(char *));
	if (!cell || !table->cells)
		abort();
	make_printable(cell);
	table->cells[table->n_cells++] = cell;
	if (width_of(cell) > table->widths[column])
		table->widths[column] = width_of(cell);
}

void table_number(struct table *table, json_int_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, number);
	table_text(table, text);
}

struct table *block_new(void)
{
	static const char *const columns[] = {"", "", NULL};
	struct table *table = table_new(columns);

	table->block = true;
	return table;
}

void block_text(struct table *table, const char *name, const char *text)
{
	table_text(table, name);
	table_text(table, text);
}

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]) &&
		!(terminal && strcmp(terminal, "dumb") == 0);
}

static const char *state_colour(const char *text)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{"Active", "\033[32m"},	  {"Connected", "\033[32m"}, {"Building", "\033[33m"},
		{"Deleting", "\033[33m"}, {"Failed", "\033[31m"},    {"Disconnected", "\033[31m"},
	};

	for (unsigned i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].state, text) == 0)
			return colours[i].colour;
	return NULL;
}

static void print_cell(
	const struct table *table, unsigned column, const char *text, const char *colour
)
{
	int padding = (int)(table->widths[column] - width_of(text));
	bool right = table->titles[column][0] == '>';
	bool last = column + 1 == table->n_columns;

	if (right)
		printf("%*s", padding, "");
	printf("%s%s%s", colour ? colour : "", text, colour ? "\033[0m" : "");
	if (!right && !last)
		printf("%*s", padding, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

int table_print(struct table *table)
{
	bool colour = wants_colour();

	assert(table->n_columns > 0);
	if (output_check() != DONE) {
		table_free(table);
		return REFUSED;
	}
	for (unsigned i = 0; i < table->n_columns && !table->block; i++)
		print_cell(table, i, table->titles[i] + (table->titles[i][0] == '>'), NULL);
	for (size_t i = 0; i < table->n_cells; i++) {
		unsigned column = i % table->n_columns;
		const char *text = table->cells[i];

		print_cell(
			table, column, text,
			colour && (table->block || strcmp(table->titles[column], "STATE") == 0)
				? state_colour(text)
				: NULL
		);
	}
	table_free(table);
	return output_flush();
}
