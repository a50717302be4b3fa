// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

#include <string.h>

static int cloud_create(const struct args *args)
{
	json_t *params = json_pack("{s:s}", "name", args->words[0]);
	json_t *cloud;

	args_set(args, "--location", params, "location");
	args_set(args, "--port", params, "port");
	args_set(args, "--vlan", params, "vlan");
	args_set(args, "--gateway", params, "gateway");
	args_set(args, "--router", params, "router");
	args_set(args, "--router-mac", params, "router_mac");
	args_set(args, "--network-block", params, "network_block");
	args_set(args, "--mtu", params, "mtu");
	cloud = client_object("cloud.create", params);
	return output_result(
		cloud, "cloud %s created: %s%s%s", text_at(cloud, "name"), text_at(cloud, "state"),
		*text_or(cloud, "reason", "") ? ", " : "", text_or(cloud, "reason", "")
	);
}

static void add_vlan(struct table *table, const json_t *cloud)
{
	if (json_object_get(cloud, "vlan"))
		table_number(table, number_at(cloud, "vlan"));
	else
		table_text(table, "-");
}

static int cloud_list(const struct args *args)
{
	static const char *const titles[] = {"NAME",   "LOCATION", "PORT",  ">VLAN",  "GATEWAY",
					     "ROUTER", "NETWORK",  "STATE", "REASON", NULL};
	json_t *clouds = client_list("cloud.list", json_object());
	struct table *table;
	json_t *cloud;
	size_t i;

	if (!clouds)
		return REFUSED;
	if (output_json_mode)
		return output_json(clouds);
	table = table_new(titles);
	json_array_foreach(clouds, i, cloud) {
		table_text(table, text_at(cloud, "name"));
		table_text(table, text_at(cloud, "location"));
		table_text(table, text_at(cloud, "port"));
		add_vlan(table, cloud);
		table_text(table, texts_at(cloud, "gateway"));
		table_text(table, texts_at(cloud, "router"));
		table_text(table, texts_at(cloud, "network_block"));
		table_text(table, text_at(cloud, "state"));
		table_text(table, text_or(cloud, "reason", "-"));
	}
	json_decref(clouds);
	return table_print(table);
}

static void add_segments(struct table *block, const json_t *segments)
{
	json_t *segment;
	char text[512];
	size_t i;

	json_array_foreach(segments, i, segment) {
		snprintf(
			text, sizeof(text), "%s %s%s", text_at(segment, "name"),
			texts_at(segment, "gateway_address"),
			bool_at(segment, "routed") ? "" : " (not routed)"
		);
		block_text(block, i == 0 ? "segments" : "", text);
	}
}

static int cloud_show(const struct args *args)
{
	json_t *cloud = client_object("cloud.show", json_pack("{s:s}", "name", args->words[0]));
	struct table *block;

	if (!cloud)
		return REFUSED;
	if (output_json_mode)
		return output_json(cloud);
	block = block_new();
	block_text(block, "name", text_at(cloud, "name"));
	block_text(block, "location", text_at(cloud, "location"));
	block_text(block, "state", text_at(cloud, "state"));
	if (*text_or(cloud, "reason", ""))
		block_text(block, "reason", text_at(cloud, "reason"));
	block_text(block, "port", text_at(cloud, "port"));
	table_text(block, "vlan");
	add_vlan(block, cloud);
	block_text(block, "gateway", texts_at(cloud, "gateway"));
	block_text(block, "gateway mac", text_or(cloud, "mac", "-"));
	block_text(block, "router", texts_at(cloud, "router"));
	block_text(block, "router mac", text_or(cloud, "resolved_router_mac", "not resolved"));
	block_text(block, "given router mac", text_or(cloud, "router_mac", "none: learned"));
	block_text(block, "network block", texts_at(cloud, "network_block"));
	table_text(block, "mtu");
	table_number(block, number_at(cloud, "mtu"));
	block_text(block, "created", text_at(cloud, "created_at"));
	block_text(block, "created by", text_at(cloud, "created_by"));
	add_segments(block, list_at(cloud, "segments"));
	json_decref(cloud);
	return table_print(block);
}

static int cloud_set(const struct args *args)
{
	json_t *params = json_pack("{s:s}", "name", args->words[0]);
	const char *mac = args_value(args, "--router-mac");
	json_t *cloud;

	args_set(args, "--mtu", params, "mtu");
	args_set(args, "--router-mac", params, "router_mac");
	if (mac && strcmp(mac, "learn") == 0)
		json_object_set_new(params, "router_mac", json_null());
	cloud = client_object("cloud.set", params);
	return output_result(
		cloud, "cloud %s: MTU %" JSON_INTEGER_FORMAT ", router MAC %s",
		text_at(cloud, "name"), number_at(cloud, "mtu"),
		text_or(cloud, "router_mac", "learned")
	);
}

static int cloud_delete(const struct args *args)
{
	json_t *result = client_object("cloud.delete", json_pack("{s:s}", "name", args->words[0]));

	return output_result(result, "cloud %s deleted", args->words[0]);
}

static const struct option create_options[] = {
	{"--location", "LOC", .help = "Azure region of the cloud", .required = true},
	{"--port", "DEVARGS",
	 .help = "ethdev port of its T0 router, such as net_af_packet0,iface=eth1",
	 .required = true},
	{"--vlan", "ID", .help = "VLAN on that port (default untagged)", .number = true},
	{"--gateway", "ADDR/LEN", .help = "our address on the transit network; one a family",
	 .required = true, .list = true},
	{"--router", "ADDR", .help = "the T0 router's address there; one a family",
	 .required = true, .list = true},
	{"--router-mac", "MAC", .help = "its MAC address (default learned)"},
	{"--network-block", "CIDR", .help = "management range of the cloud; one a family",
	 .required = true, .list = true},
	{"--mtu", "N", .help = "bytes of IP that the T0 router takes (default 1500)",
	 .number = true},
	{},
};

static const struct option set_options[] = {
	{"--mtu", "N", .help = "bytes of IP that the T0 router takes", .number = true},
	{"--router-mac", "MAC", .help = "the T0 router's MAC address, or \"learn\""},
	{},
};

const struct command cloud_commands[] = {
	{"cloud", "create", "NAME", "attach a private cloud", create_options, cloud_create},
	{"cloud", "list", NULL, "list the private clouds", NULL, cloud_list},
	{"cloud", "show", "NAME", "show a private cloud and its segments", NULL, cloud_show},
	{"cloud", "set", "NAME", "change MTU or router MAC of a private cloud", set_options,
	 cloud_set},
	{"cloud", "delete", "NAME", "detach a private cloud that has no interconnects", NULL,
	 cloud_delete},
	{},
};
