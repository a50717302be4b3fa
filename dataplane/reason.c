// SPDX-License-Identifier: BSD-3-Clause
#include "reason.h"

static const struct {
	const char *name;
	const char *text;
	enum icmp_error icmp;
} drops[DROP_REASON_COUNT] = {
#define DROP_ROW(name, icmp, text) [DROP_##name] = {#name, text, ICMP_ERROR_##icmp},
	DROP_REASONS(DROP_ROW)
#undef DROP_ROW
};

static const struct {
	const char *name;
	const char *text;
} punts[PUNT_REASON_COUNT] = {
#define PUNT_ROW(name, rate, burst, text) [PUNT_##name] = {#name, text},
	PUNT_REASONS(PUNT_ROW)
#undef PUNT_ROW
};

const char *drop_reason_name(enum drop_reason reason)
{
	return drops[reason].name;
}

const char *drop_reason_text(enum drop_reason reason)
{
	return drops[reason].text;
}

enum icmp_error drop_reason_icmp(enum drop_reason reason)
{
	return drops[reason].icmp;
}

const char *punt_reason_name(enum punt_reason reason)
{
	return punts[reason].name;
}

const char *punt_reason_text(enum punt_reason reason)
{
	return punts[reason].text;
}
