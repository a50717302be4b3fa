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

struct event record_cloud_create(const struct principal *principal, const struct cloud *cloud)
{
	return record_event(
		principal, "cloud.create", cloud->name, NULL, "location %s, port %s",
		cloud->location, cloud->port
	);
}

struct event record_cloud_set(const struct principal *principal, const struct cloud *cloud)
{
	char text[MAC_STRLEN] = "learned";

	if (cloud->has_router_mac)
		mac_format(&cloud->router_mac, text);
	return record_event(
		principal, "cloud.set", cloud->name, NULL, "mtu %u, router MAC %s", cloud->mtu, text
	);
}

struct event record_cloud_delete(const struct principal *principal, const struct cloud *cloud)
{
	return record_event(principal, "cloud.delete", cloud->name, NULL, "deleted");
}

struct event record_segment_create(
	const struct principal *principal, const struct cloud *cloud, const struct segment *segment
)
{
	return record_event(
		principal, "segment.create", cloud->name, NULL, "%s, %s", segment->name,
		segment->routed ? "routed" : "not routed"
	);
}

struct event record_segment_delete(
	const struct principal *principal, const struct cloud *cloud, const struct segment *segment
)
{
	return record_event(principal, "segment.delete", cloud->name, NULL, "%s", segment->name);
}

struct event record_interconnect_create(
	const struct principal *principal, const struct interconnect *interconnect
)
{
	return record_event(
		principal, "interconnect.create", interconnect->cloud->name,
		interconnect->peer->name, "named %s", interconnect->name
	);
}

struct event record_grant(
	const struct principal *principal, const struct grant *grant, enum role before
)
{
	bool removed = grant->role == ROLE_NONE;

	return record_event(
		principal, removed ? "grant.delete" : "grant.create", grant->cloud->name, NULL,
		"%s %s", grant->principal, role_name(removed ? before : grant->role)
	);
}
