// SPDX-License-Identifier: BSD-3-Clause
// What the commands of telemetry.h answer. Nobody but telemetry.c includes this. Control thread.
#pragma once

#include "region.h"

struct rte_tel_data;
struct telemetry_request;

typedef void telemetry_answer(
	const struct region *region, const char *parameters, struct telemetry_request *request
);

struct telemetry_request {
	telemetry_answer *answer;
	const char *parameters; // NULL: none
	struct rte_tel_data *data; // to fill
	int result; // 0, or -ENOENT, -EINVAL by the answer
	enum { TELEMETRY_WAITS, TELEMETRY_RUNS, TELEMETRY_DONE } state;
	struct telemetry_request *next;
};

telemetry_answer telemetry_clouds, telemetry_interconnects, telemetry_drops, telemetry_workers;
