// SPDX-License-Identifier: BSD-3-Clause
// t0xctl: a thin client of t0xd's RPC.
#include "command.h"

static const struct command *const nouns[] = {
	cloud_commands,	       segment_commands,
	interconnect_commands, route_commands,
	explain_commands,      grant_commands,
	stats_commands,	       event_commands,
	region_commands,       apply_commands,
	port_commands,	       worker_commands,
	log_commands,	       NULL,
};

int main(int argc, char **argv)
{
	return command_line(argc, argv, nouns);
}
