// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int interconnect_create(const struct args *args)
{
	const char *cloud = args->words[0], *peer = args->words[1];
	json_t *params = json_pack("{s:s, s:s}", "cloud", cloud, "peer", peer), *interconnect;
	bool confirmed = args_value(args, "--confirm-no-overlap");
	const char *reason;

	// Without a terminal nobody can be asked: t0xd then refuses, and says what is missing.
	if (!confirmed && output_is_interactive()) {
		confirmed = output_confirm(
			"Do the routed address spaces of %s and %s not overlap?", cloud, peer
		);
		if (!confirmed) {
			json_decref(params);
			return output_refuse(
				"not_confirmed",
				"nothing was done: compare t0xctl route list %s with t0xctl route "
				"list %s",
				cloud, peer
			);
		}
	}
	if (confirmed)
		json_object_set_new(params, "confirm_no_overlap", json_true());
	if (args_value(args, "--no-wait"))
		json_object_set_new(params, "wait", json_false());
	args_set(args, "--name", params, "name");
	interconnect = client_object("interconnect.create", params);
	reason = text_or(interconnect, "reason", "");
	return output_result(
		interconnect, "interconnect %s of %s and %s: %s%s%s", text_at(interconnect, "name"),
		text_at(interconnect, "cloud"), text_at(interconnect, "peer"),
		text_at(interconnect, "state"), *reason ? ", " : "", reason
	);
}

static int interconnect_list(const struct args *args)
{
	static const char *const titles[] = {"NAME", "CLOUD", "PEER", "STATE", "REASON", NULL};
	json_t *params = json_object();
	json_t *interconnects, *one;
	struct table *table;
	size_t i;

	if (args->n_words > 0)
		json_object_set_new(params, "cloud", json_string(args->words[0]));
	interconnects = client_list("interconnect.list", params);
	if (!interconnects)
		return REFUSED;
	if (output_json_mode)
		return output_json(interconnects);
	table = table_new(titles);
	json_array_foreach(interconnects, i, one) {
		table_text(table, text_at(one, "name"));
		table_text(table, text_at(one, "cloud"));
		table_text(table, text_at(one, "peer"));
		table_text(table, text_at(one, "state"));
		table_text(table, text_or(one, "reason", "-"));
	}
	json_decref(interconnects);
	return table_print(table);
}

static void add_counters(
	struct table *block, const json_t *interconnect, const char *direction, const char *from,
	const char *to
)
{
	const json_t *counters =
		json_object_get(json_object_get(interconnect, "counters"), direction);
	char name[160], text[80];

	snprintf(name, sizeof(name), "%s to %s", from, to);
	snprintf(
		text, sizeof(text),
		"%" JSON_INTEGER_FORMAT " packets, %" JSON_INTEGER_FORMAT " bytes",
		number_at(counters, "packets"), number_at(counters, "bytes")
	);
	block_text(block, name, text);
}

static int interconnect_show(const struct args *args)
{
	json_t *one = client_object(
		"interconnect.show",
		json_pack("{s:s, s:s}", "cloud", args->words[0], "name", args->words[1])
	);
	const char *cloud, *peer;
	struct table *block;

	if (!one)
		return REFUSED;
	if (output_json_mode)
		return output_json(one);
	cloud = text_at(one, "cloud");
	peer = text_at(one, "peer");
	block = block_new();
	block_text(block, "name", text_at(one, "name"));
	block_text(block, "cloud", cloud);
	block_text(block, "peer", peer);
	block_text(block, "state", text_at(one, "state"));
	if (*text_or(one, "reason", ""))
		block_text(block, "reason", text_at(one, "reason"));
	block_text(block, "created", text_at(one, "created_at"));
	block_text(block, "created by", text_at(one, "created_by"));
	add_counters(block, one, "cloud_to_peer", cloud, peer);
	add_counters(block, one, "peer_to_cloud", peer, cloud);
	json_decref(one);
	return table_print(block);
}

static int interconnect_delete(const struct args *args)
{
	const char *cloud = args->words[0], *name = args->words[1];
	json_t *result;

	if (!args_value(args, "--yes") && output_is_interactive() &&
	    !output_confirm("Delete interconnect %s of %s? All traffic over it ends.", name, cloud))
		return output_refuse("not_confirmed", "nothing was deleted");
	result = client_object(
		"interconnect.delete", json_pack("{s:s, s:s}", "cloud", cloud, "name", name)
	);
	return output_result(result, "interconnect %s of %s deleted", name, cloud);
}

static const struct option create_options[] = {
	{"--name", "NAME", .help = "what to call it (default the peer's name)"},
	{"--confirm-no-overlap", NULL,
	 .help = "the routed address spaces do not overlap: do not ask"},
	{"--no-wait", NULL, .help = "do not wait until traffic passes"},
	{},
};

static const struct option delete_options[] = {{"--yes", NULL, .help = "do not ask"}, {}};

const struct command interconnect_commands[] = {
	{"interconnect", "create", "CLOUD PEER", "let two clouds exchange their routed prefixes",
	 create_options, interconnect_create},
	{"interconnect", "list", "[CLOUD]", "list the interconnects, or those of a cloud", NULL,
	 interconnect_list},
	{"interconnect", "show", "CLOUD NAME", "show an interconnect and its counters", NULL,
	 interconnect_show},
	{"interconnect", "delete", "CLOUD NAME", "end the exchange between two clouds",
	 delete_options, interconnect_delete},
	{},
};
