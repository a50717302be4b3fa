// SPDX-License-Identifier: BSD-3-Clause
// What the generator answers, one JSON object a line.
#pragma once

#include "search.h"
#include "trial.h"

// A trial: sums, latency, and each flow and cloud by name. NULL without memory.
json_t *report_trial(const struct trial *trial, const struct result *result);

// One search. 'ceiling' is what the ports took at full speed. NULL without memory.
json_t *report_search(
	const char *size, const struct search *search, double ceiling,
	const struct search_result *found
);

// Print and forget it. 0, or -1 when it is NULL or nobody listens.
int report_print(json_t *object);
