// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"
#include "watch.h"

#include <stdio.h>

// All sections are made before the first is printed: an answer that lacks something prints nothing.
struct section {
	const char *title;
	const char *member;
	const char *columns[6];
	void (*add)(struct table *table, const json_t *item);
	struct table *table;
	size_t n; // items
};

static void add_direction(
	struct table *table, const json_t *item, const char *from, const char *to,
	const char *direction
)
{
	const json_t *count = json_object_get(item, direction);

	table_text(table, text_at(item, from));
	table_text(table, text_at(item, to));
	table_text(table, text_at(item, "name"));
	table_number(table, number_at(count, "packets"));
	table_number(table, number_at(count, "bytes"));
}

static void add_interconnect(struct table *table, const json_t *item)
{
	add_direction(table, item, "cloud", "peer", "cloud_to_peer");
	add_direction(table, item, "peer", "cloud", "peer_to_cloud");
}

// What could not be attributed to a cloud has none.
static void add_cloud_name(struct table *table, const json_t *item)
{
	table_text(table, text_or(item, "cloud", "(none)"));
}

static void add_received(struct table *table, const json_t *item)
{
	add_cloud_name(table, item);
	table_number(table, number_at(item, "received"));
}

static void add_drop(struct table *table, const json_t *item)
{
	add_cloud_name(table, item);
	table_text(table, text_at(item, "reason"));
	table_text(table, text_at(item, "where"));
	table_number(table, number_at(item, "packets"));
	table_text(table, text_at(item, "text"));
}

static void add_punt(struct table *table, const json_t *item)
{
	add_cloud_name(table, item);
	table_text(table, text_at(item, "reason"));
	table_text(table, text_at(item, "where"));
	table_number(table, number_at(item, "packets"));
}

static void add_guard(struct table *table, const json_t *item)
{
	add_cloud_name(table, item);
	table_number(table, number_at(item, "steered"));
	table_number(table, number_at(item, "forwarded"));
}

static void add_icmp(struct table *table, const json_t *item)
{
	add_cloud_name(table, item);
	table_number(table, number_at(item, "sent"));
	table_number(table, number_at(item, "limited"));
}

static void add_worker(struct table *table, const json_t *item)
{
	char text[32];

	snprintf(
		text, sizeof(text), "%.1f %%",
		100 * json_number_value(json_object_get(item, "busy_ratio"))
	);
	table_number(table, number_at(item, "worker"));
	table_text(table, text);
}

static struct section sections[] = {
	{"Forwarded",
	 "interconnects",
	 {"FROM", "TO", "INTERCONNECT", ">PACKETS", ">BYTES"},
	 .add = add_interconnect},
	{"Received", "clouds", {"CLOUD", ">PACKETS"}, .add = add_received},
	{"Dropped", "drops", {"CLOUD", "REASON", "WHERE", ">PACKETS", "MEANING"}, .add = add_drop},
	{"To the control netdev",
	 "punts",
	 {"CLOUD", "REASON", "WHERE", ">PACKETS"},
	 .add = add_punt},
	{"Guard",
	 "guard",
	 {"CLOUD", ">TO THE DATA PLANE", ">FORWARDED BY THE KERNEL"},
	 .add = add_guard},
	{"ICMP errors", "icmp", {"CLOUD", ">SENT", ">OVER THE RATE"}, .add = add_icmp},
	{"Workers, busy since the start", "workers", {">WORKER", ">BUSY"}, .add = add_worker},
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static void make_section(struct section *section, const json_t *answer)
{
	const json_t *list = list_at(answer, section->member);
	const json_t *item;
	size_t i;

	section->table = table_new(section->columns);
	json_array_foreach(list, i, item)
		section->add(section->table, item);
	section->n = json_array_size(list);
}

static int print_section(const struct section *section, bool first)
{
	if (!first)
		putchar('\n');
	puts(section->title);
	return table_print(section->table);
}

static int print_sections(void)
{
	int status = output_check();
	bool first = true;

	for (unsigned i = 0; i < SECTIONS; i++) {
		if (status == DONE && sections[i].n > 0) {
			status = print_section(&sections[i], first);
			first = false;
		} else {
			table_free(sections[i].table);
		}
	}
	return status;
}

static const char *mebibytes(const json_t *object, const char *member, char text[static 32])
{
	snprintf(text, 32, "%.1f MiB", (double)number_at(object, member) / (1 << 20));
	return text;
}

// Only the administrator is told.
static int print_memory(const json_t *memory)
{
	const json_t *tables = json_object_get(memory, "tables");
	const json_t *mbufs = json_object_get(memory, "mbufs");
	const json_t *process = json_object_get(memory, "process");
	struct table *block = block_new();
	char text[128], bytes[32];

	snprintf(
		text, sizeof(text),
		"%" JSON_INTEGER_FORMAT " with %" JSON_INTEGER_FORMAT " routes, %.1f KiB",
		number_at(tables, "count"), number_at(tables, "routes"),
		(double)number_at(tables, "bytes") / 1024
	);
	block_text(block, "tables", text);
	snprintf(
		text, sizeof(text), "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " in use",
		number_at(mbufs, "in_use"), number_at(mbufs, "total")
	);
	block_text(block, "packet buffers", text);
	block_text(block, "heap of DPDK", mebibytes(process, "heap_bytes", bytes));
	block_text(block, "resident", mebibytes(process, "resident_bytes", bytes));
	puts("\nMemory");
	return table_print(block);
}

static int stats(const struct args *args)
{
	json_t *answer, *memory;
	int status;

	if (args_value(args, "--watch"))
		return watch_stats(args);
	answer = client_object("stats", json_object());
	if (!answer)
		return REFUSED;
	if (output_json_mode)
		return output_json(answer);
	for (unsigned i = 0; i < SECTIONS; i++)
		make_section(&sections[i], answer);
	memory = json_incref(json_object_get(answer, "memory"));
	json_decref(answer);
	status = print_sections();
	if (status == DONE && memory)
		status = print_memory(memory);
	json_decref(memory);
	return status;
}

static const struct option stats_options[] = {
	{"--watch", .help = "rates, live; without a terminal one line of JSON each time"},
	{"--interval", "SECONDS", .help = "between two looks (1)", .number = true},
	{},
};

const struct command stats_commands[] = {
	{"stats", NULL, NULL, "show what was forwarded, dropped (and why), and answered",
	 stats_options, stats},
	{},
};
