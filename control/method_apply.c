// SPDX-License-Identifier: BSD-3-Clause
#include "method_apply.h"

#include "apply.h"
#include "control.h"
#include "json.h"
#include "params.h"

static json_t *changes_to_json(const struct plan *plan)
{
	json_t *changes = json_array();
	int bad = !changes;

	for (unsigned i = 0; i < plan->n_lines; i++) {
		const struct plan_line *line = &plan->lines[i];

		bad |= json_array_append_new(
			changes,
			json_pack(
				"{s:s, s:s, s:o, s:o}", "action", line->action, "object",
				line->object, "name", text_to_json(line->name), "text",
				text_to_json(line->text)
			)
		);
	}
	if (!bad)
		return json_pack("{s:o}", "changes", changes);
	json_decref(changes);
	return NULL;
}

static void on_progress(const char *what, unsigned done, unsigned total, void *arg)
{
	rpc_progress(arg, what, done, total);
}

static void on_done(const struct refusal *refusal, const struct plan *plan, void *arg)
{
	struct rpc_call *call = arg;

	if (refusal)
		rpc_refuse(call, refusal);
	else
		rpc_answer(call, changes_to_json(plan));
}

void method_region_apply(
	struct rpc_call *call, const struct principal *principal, json_t *params, void *arg
)
{
	struct apply_request request = {.done = on_done, .arg = call, .options.prune = true};
	const json_t *region = NULL;
	bool progress = false;
	struct refusal refusal;
	const struct param table[] = {
		{"region", PARAM_ANY, &region},
		{"dry_run", PARAM_BOOL | PARAM_OPTIONAL, &request.dry_run},
		{"prune", PARAM_BOOL | PARAM_OPTIONAL, &request.options.prune},
		{"confirm_no_overlap", PARAM_BOOL | PARAM_OPTIONAL, &request.options.confirmed},
		{"progress", PARAM_BOOL | PARAM_OPTIONAL, &progress},
		{},
	};

	if (!params_read(call, params, table))
		return;
	if (rule_admin(principal, "apply a region", &refusal) < 0) {
		rpc_refuse(call, &refusal);
		return;
	}
	if (wanted_from_json(region, &request.wanted, &refusal) < 0) {
		if (refusal.code == REFUSAL_none)
			rpc_invalid_params(call, "%s", refusal.text);
		else
			rpc_refuse(call, &refusal);
		return;
	}
	// What would have to be confirmed is what a dry run is to show.
	request.options.confirmed |= request.dry_run;
	request.progress = progress ? on_progress : NULL;
	apply_region(arg, principal, &request);
}
