// SPDX-License-Identifier: BSD-3-Clause
#include "params.h"

#include <string.h>

static const char *const kind_texts[] = {
	[PARAM_TEXT] = "a string",
	[PARAM_BOOL] = "true or false",
	[PARAM_NUMBER] = "a whole number",
};

static bool set_value(const struct param *param, const json_t *value)
{
	switch (param->kind & ~PARAM_OPTIONAL) {
	case PARAM_TEXT:
		*(const char **)param->value = json_string_value(value);
		return json_is_string(value);
	case PARAM_BOOL:
		*(bool *)param->value = json_is_true(value);
		return json_is_boolean(value);
	case PARAM_NUMBER:
		*(json_int_t *)param->value = json_integer_value(value);
		return json_is_integer(value);
	default:
		*(const json_t **)param->value = value;
		return true;
	}
}

static bool is_known(const char *name, const struct param *table)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name;
}

bool params_read(struct rpc_call *call, const json_t *params, const struct param *table)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)params, name, value) {
		if (is_known(name, table))
			continue;
		rpc_invalid_params(call, "%.80s: unknown member", name);
		return false;
	}
	for (const struct param *param = table; param->name; param++) {
		value = json_object_get(params, param->name);
		if (!value && (param->kind & PARAM_OPTIONAL))
			continue;
		if (value && set_value(param, value))
			continue;
		if (value)
			rpc_invalid_params(
				call, "%s: must be %s", param->name,
				kind_texts[param->kind & ~PARAM_OPTIONAL]
			);
		else
			rpc_invalid_params(call, "%s: missing", param->name);
		return false;
	}
	return true;
}
