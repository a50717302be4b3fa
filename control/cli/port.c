// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

#include <stdio.h>

static int port_list(const struct args *args)
{
	static const char *const titles[] = {
		"PORT", "DRIVER", "LINK",    ">RXQ",	">TXQ",	  ">CLOUDS",
		">RX",	">TX",	  ">MISSED", ">ERRORS", "REASON", NULL,
	};
	json_t *ports = client_list("port.list", json_object()), *port;
	struct table *table;
	size_t i;

	if (!ports)
		return REFUSED;
	if (output_json_mode)
		return output_json(ports);
	table = table_new(titles);
	json_array_foreach(ports, i, port) {
		table_text(table, text_at(port, "port"));
		table_text(table, text_or(port, "driver", "-"));
		table_text(table, text_at(port, "link"));
		table_number(table, number_at(port, "rx_queues"));
		table_number(table, number_at(port, "tx_queues"));
		table_number(table, (json_int_t)json_array_size(list_at(port, "clouds")));
		table_number(table, number_at(port, "rx_packets"));
		table_number(table, number_at(port, "tx_packets"));
		table_number(table, number_at(port, "rx_missed"));
		table_number(table, number_at(port, "rx_errors") + number_at(port, "tx_errors"));
		table_text(table, text_or(port, "reason", "-"));
	}
	json_decref(ports);
	return table_print(table);
}

static void block_number(struct table *block, const char *name, json_int_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, number);
	block_text(block, name, text);
}

static void add_clouds(struct table *block, const json_t *port)
{
	const json_t *cloud, *vlan;
	char text[128];
	size_t i;

	json_array_foreach(list_at(port, "clouds"), i, cloud) {
		vlan = json_object_get(cloud, "vlan");
		snprintf(text, sizeof(text), "%s", text_at(cloud, "name"));
		if (json_is_integer(vlan))
			snprintf(
				text, sizeof(text), "%s, VLAN %" JSON_INTEGER_FORMAT,
				text_at(cloud, "name"), json_integer_value(vlan)
			);
		block_text(block, i == 0 ? "clouds" : "", text);
	}
}

static void add_speed(struct table *block, const json_t *port)
{
	char text[32];

	if (!json_is_integer(json_object_get(port, "speed_mbps")))
		return;
	snprintf(
		text, sizeof(text), "%" JSON_INTEGER_FORMAT " Mbit/s", number_at(port, "speed_mbps")
	);
	block_text(block, "speed", text);
}

static int print_port(json_t *port, bool all)
{
	struct table *block = block_new();
	const char *name;
	json_t *value;

	block_text(block, "port", text_at(port, "port"));
	block_text(block, "driver", text_or(port, "driver", "-"));
	block_text(block, "link", text_at(port, "link"));
	block_text(block, "reason", text_or(port, "reason", "-"));
	add_speed(block, port);
	block_text(block, "MAC", text_or(port, "mac", "-"));
	block_number(block, "largest MTU", number_at(port, "mtu_max"));
	block_number(block, "rx queues", number_at(port, "rx_queues"));
	block_number(block, "tx queues", number_at(port, "tx_queues"));
	json_object_foreach(json_object_get(port, "xstats"), name, value)
		if (all || json_integer_value(value) != 0)
			block_number(block, name, json_integer_value(value));
	add_clouds(block, port);
	json_decref(port);
	return table_print(block);
}

static int port_show(const struct args *args)
{
	json_t *port = client_object("port.show", json_pack("{s:s}", "port", args->words[0]));

	if (!port)
		return REFUSED;
	return output_json_mode ? output_json(port) : print_port(port, args_value(args, "--all"));
}

static const struct option show_options[] = {
	{"--all", .help = "also the statistics that are zero"},
	{},
};

const struct command port_commands[] = {
	{"port", "list", NULL, "list the T0 ports: driver, link, queues, what they carried", NULL,
	 port_list},
	{"port", "show", "PORT", "show one T0 port, with the statistics of its driver",
	 show_options, port_show},
	{},
};
