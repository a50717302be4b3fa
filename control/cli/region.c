// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"
#include "command.h"
#include "output.h"

static int dump(const struct args *args)
{
	json_t *region = client_object("region.dump", json_object());

	return region ? output_json(region) : REFUSED;
}

const struct command region_commands[] = {
	{"dump", NULL, NULL, "print the whole region as JSON: clouds, interconnects, grants", NULL,
	 dump},
	{},
};
