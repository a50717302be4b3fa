// SPDX-License-Identifier: BSD-3-Clause
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct refusal *refusal, enum refusal_code code, const char *format, ...)
{
	va_list args;

	refusal->code = code;
	va_start(args, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, args);
	va_end(args);
	return -1;
}

const char *refusal_code_name(enum refusal_code code)
{
	static const char *const names[] = {
		[REFUSAL_none] = "none",
#define REFUSAL_NAME(code) [REFUSAL_##code] = #code,
		REFUSAL_CODES(REFUSAL_NAME)
#undef REFUSAL_NAME
	};

	return names[code];
}
