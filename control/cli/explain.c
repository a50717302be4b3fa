// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int explain(const struct args *args)
{
	json_t *params = json_pack(
		"{s:s, s:s, s:s}", "cloud", args->words[0], "source", args->words[1], "destination",
		args->words[2]
	);
	json_t *answer;
	struct table *block;

	args_set(args, "--ttl", params, "ttl");
	args_set(args, "--size", params, "size");
	answer = client_object("explain", params);
	if (!answer)
		return REFUSED;
	if (output_json_mode)
		return output_json(answer);
	block = block_new();
	block_text(block, "verdict", text_at(answer, "verdict"));
	if (*text_or(answer, "reason", ""))
		block_text(block, "reason", text_at(answer, "reason"));
	block_text(block, "where", text_at(answer, "where"));
	block_text(block, "because", text_at(answer, "text"));
	block_text(block, "prefix", text_or(answer, "prefix", "-"));
	block_text(block, "interconnect", text_or(answer, "interconnect", "-"));
	block_text(block, "egress cloud", text_or(answer, "egress_cloud", "-"));
	json_decref(answer);
	return table_print(block);
}

static const struct option options[] = {
	{"--ttl", "N", .help = "TTL or hop limit with which the packet arrives (default 64)",
	 .number = true},
	{"--size", "N", .help = "bytes of IP, header included (default 84)", .number = true},
	{},
};

const struct command explain_commands[] = {
	{"explain", NULL, "CLOUD SRC DST",
	 "say what happens to a packet that arrives from a cloud\n\n"
	 "The real decision is run on a made-up UDP packet from SRC to DST; nothing is sent.",
	 options, explain},
	{},
};
