// SPDX-License-Identifier: BSD-3-Clause
// region.apply {"region", "dry_run", "prune", "confirm_no_overlap", "progress"}; see method.h.
// Answers {"changes": [{"action","object","name","text"}]}.
#pragma once

#include "rpc.h"

void method_region_apply(
	struct rpc_call *call, const struct principal *principal, json_t *params, void *arg
);
