// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int segment_create(const struct args *args)
{
	json_t *params = json_pack(
		"{s:s, s:s, s:b}", "cloud", args->words[0], "name", args->words[1], "routed",
		!args_value(args, "--not-routed")
	);
	json_t *segment;

	args_set(args, "--gateway-address", params, "gateway_address");
	segment = client_object("segment.create", params);
	return output_result(
		segment, "segment %s of %s created: %s", text_at(segment, "name"), args->words[0],
		bool_at(segment, "routed") ? "routed" : "not routed"
	);
}

static int segment_list(const struct args *args)
{
	static const char *const titles[] = {"NAME", "GATEWAY ADDRESS", "ROUTED", NULL};
	json_t *segments = client_list("segment.list", json_pack("{s:s}", "cloud", args->words[0]));
	struct table *table;
	json_t *segment;
	size_t i;

	if (!segments)
		return REFUSED;
	if (output_json_mode)
		return output_json(segments);
	table = table_new(titles);
	json_array_foreach(segments, i, segment) {
		table_text(table, text_at(segment, "name"));
		table_text(table, texts_at(segment, "gateway_address"));
		table_text(table, bool_at(segment, "routed") ? "yes" : "no");
	}
	json_decref(segments);
	return table_print(table);
}

static int segment_delete(const struct args *args)
{
	json_t *result = client_object(
		"segment.delete",
		json_pack("{s:s, s:s}", "cloud", args->words[0], "name", args->words[1])
	);

	return output_result(result, "segment %s of %s deleted", args->words[1], args->words[0]);
}

static const struct option create_options[] = {
	{"--gateway-address", "ADDR/LEN", .help = "the T0's address on the segment; one a family",
	 .required = true, .list = true},
	{"--not-routed", NULL, .help = "keep the segment inside the cloud"},
	{},
};

const struct command segment_commands[] = {
	{"segment", "create", "CLOUD NAME", "add a workload network to a cloud", create_options,
	 segment_create},
	{"segment", "list", "CLOUD", "list the workload networks of a cloud", NULL, segment_list},
	{"segment", "delete", "CLOUD NAME", "remove a workload network", NULL, segment_delete},
	{},
};
