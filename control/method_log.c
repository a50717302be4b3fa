// SPDX-License-Identifier: BSD-3-Clause
// How much the log tells, of which module.
#include "json.h"
#include "log.h"
#include "method_read.h"
#include "params.h"

static bool may(struct rpc_call *call, const struct principal *principal)
{
	struct refusal refusal;

	if (rule_admin(principal, "look at and change log levels", &refusal) == 0)
		return true;
	rpc_refuse(call, &refusal);
	return false;
}

METHOD(method_log_list)
{
	const struct param table[] = {{}};
	json_t *list;
	const char *module, *level;
	int bad;

	if (!params_read(call, params, table) || !may(call, principal))
		return;
	list = json_array();
	bad = !list;
	for (unsigned i = 0; (module = log_module(i, &level)); i++)
		bad |= json_array_append_new(
			list, json_pack("{s:s, s:s}", "module", module, "level", level)
		);
	if (bad) {
		json_decref(list);
		list = NULL;
	}
	rpc_answer(call, list);
}

METHOD(method_log_set)
{
	const char *module = "*", *level = NULL;
	const struct param table[] = {
		{"level", PARAM_TEXT, &level},
		{"module", PARAM_TEXT | PARAM_OPTIONAL, &module},
		{},
	};
	char error[256];

	if (!params_read(call, params, table) || !may(call, principal))
		return;
	if (log_set_level(module, level, error, sizeof(error)) < 0)
		rpc_invalid_params(call, "%s", error);
	else
		rpc_answer(call, json_object());
}
