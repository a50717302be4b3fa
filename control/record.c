// SPDX-License-Identifier: BSD-3-Clause
#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int64_t record_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct event record_event(
	const struct principal *principal, const char *action, const char *cloud, const char *peer,
	const char *format, ...
)
{
	struct event event = {.at = record_now()};
	va_list args;

	snprintf(
		event.principal, sizeof(event.principal), "%s", principal ? principal->name : "t0xd"
	);
	snprintf(event.action, sizeof(event.action), "%s", action);
	snprintf(event.cloud, sizeof(event.cloud), "%s", cloud);
	snprintf(event.peer, sizeof(event.peer), "%s", peer ? peer : "");
	snprintf(
		event.object, sizeof(event.object), "%s%s%s", cloud, peer ? " <-> " : "", event.peer
	);
	va_start(args, format);
	vsnprintf(event.text, sizeof(event.text), format, args);
	va_end(args);
	return event;
}
