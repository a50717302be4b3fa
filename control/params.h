// SPDX-License-Identifier: BSD-3-Clause
// The parameters of an RPC method: declared as a table, read strictly.
//
//	const char *cloud;
//	bool wait = true;
//	const struct param table[] = {
//		{"cloud", PARAM_TEXT, &cloud},
//		{"wait", PARAM_BOOL | PARAM_OPTIONAL, &wait},
//		{},
//	};
//
//	if (!params_read(call, params, table))
//		return;
#pragma once

#include "rpc.h"

enum param_kind {
	PARAM_TEXT, // const char *, valid as long as the parameters
	PARAM_BOOL, // bool
	PARAM_NUMBER, // json_int_t: a whole number
	PARAM_ANY, // const json_t *, of any type
	PARAM_OPTIONAL = 0x10, // absent: the value is left as it was
};

struct param {
	const char *name;
	unsigned kind;
	void *value;
};

// Read 'params' into the values of 'table', which ends with a NULL name. Returns true; or false
// when the call has been answered: a member is unknown, missing, or of another type.
bool params_read(struct rpc_call *call, const json_t *params, const struct param *table);
