// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "help.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUES_SIZE 4096

// "net_af_packet1/0 net_af_packet2/1"; one that has no room is left out, and those behind it.
static void add_queues(struct table *table, const json_t *worker, const char *member)
{
	const json_t *list = list_at(worker, member), *queue;
	char text[QUEUES_SIZE] = "-";
	size_t length = 0, i;

	json_array_foreach(list, i, queue) {
		char one[128];
		int n = snprintf(
			one, sizeof(one), "%s%s/%" JSON_INTEGER_FORMAT, i ? " " : "",
			text_at(queue, "port"), number_at(queue, "queue")
		);

		if (n < 0 || (size_t)n >= sizeof(one) || length + (size_t)n >= sizeof(text))
			break;
		memcpy(text + length, one, (size_t)n + 1);
		length += (size_t)n;
	}
	table_text(table, text);
}

static int worker_list(const struct args *args)
{
	static const char *const titles[] = {
		">WORKER", ">CPU", ">BUSY", "RX QUEUES", "TX QUEUES", NULL,
	};
	json_t *workers = client_list("worker.list", json_object()), *worker;
	struct table *table;
	size_t i;

	if (!workers)
		return REFUSED;
	if (output_json_mode)
		return output_json(workers);
	table = table_new(titles);
	json_array_foreach(workers, i, worker) {
		char text[32];

		snprintf(
			text, sizeof(text), "%.1f %%",
			100 * json_number_value(json_object_get(worker, "busy_ratio"))
		);
		table_number(table, number_at(worker, "worker"));
		table_number(table, number_at(worker, "cpu"));
		table_text(table, text);
		add_queues(table, worker, "rx_queues");
		add_queues(table, worker, "tx_queues");
	}
	json_decref(workers);
	return table_print(table);
}

static bool read_number(const struct args *args, unsigned i, const char *what, json_int_t *number)
{
	const char *word = args->words[i];
	size_t digits = strspn(word, "0123456789");

	if (digits > 0 && digits < 10 && !word[digits]) {
		*number = strtoll(word, NULL, 10);
		return true;
	}
	fprintf(stderr, "t0xctl: %s: \"%.60s\" is not a whole number\n", what, word);
	help_usage(args->command, stderr);
	return false;
}

static int worker_set(const struct args *args)
{
	const char *port = args->words[0];
	json_int_t queue, worker;

	if (!read_number(args, 1, "QUEUE", &queue) || !read_number(args, 2, "WORKER", &worker))
		return USAGE;
	return output_result(
		client_object(
			"worker.set",
			json_pack("{s:s, s:I, s:I}", "port", port, "queue", queue, "worker", worker)
		),
		"rx queue %" JSON_INTEGER_FORMAT " of %s: worker %" JSON_INTEGER_FORMAT, queue,
		port, worker
	);
}

const struct command worker_commands[] = {
	{"worker", "list", NULL, "list the workers: CPU, load, and the queues of ports each has",
	 NULL, worker_list},
	{"worker", "set", "PORT QUEUE WORKER",
	 "let a worker poll an rx queue of a T0 port; until t0xd ends", NULL, worker_set},
	{},
};
