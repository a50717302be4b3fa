// SPDX-License-Identifier: BSD-3-Clause
// The state of interconnects and T0 ports as users see it (region.h).
#include "region.h"

#include <stdio.h>

bool cloud_connected(const struct cloud *cloud, char reason[static REASON_SIZE])
{
	const struct cloud_live *live = &cloud->live;
	const char *why = "";

	if (!live->port_attached)
		why = live->failure[0] ? live->failure : "port absent";
	else if (!live->link_up)
		why = "port down";
	else if (!live->router_resolved && !cloud->has_router_mac)
		why = "router unresolved";
	else if (live->guard_short)
		why = "guard lacks routes";
	snprintf(reason, REASON_SIZE, "%s", why);
	return !why[0];
}

// Which ends are not connected, and why: "pc1: port down; pc2: router unresolved".
static bool both_connected(const struct interconnect *interconnect, char reason[static REASON_SIZE])
{
	const struct cloud *ends[] = {interconnect->cloud, interconnect->peer};
	char why[REASON_SIZE];
	int used = 0;

	reason[0] = '\0';
	for (unsigned i = 0; i < 2 && used < REASON_SIZE; i++) {
		if (cloud_connected(ends[i], why))
			continue;
		used += snprintf(
			&reason[used], REASON_SIZE - (size_t)used, "%s%s: %s", used ? "; " : "",
			ends[i]->name, why
		);
	}
	return used == 0;
}

enum interconnect_state interconnect_state(
	const struct interconnect *interconnect, char reason[static REASON_SIZE]
)
{
	reason[0] = '\0';
	switch (interconnect->phase) {
	case PHASE_BUILDING:
		return STATE_BUILDING;
	case PHASE_DELETING:
		return STATE_DELETING;
	case PHASE_FAILED:
		snprintf(reason, REASON_SIZE, "%s", interconnect->failure);
		return STATE_FAILED;
	case PHASE_ACTIVE:
		break;
	}
	return both_connected(interconnect, reason) ? STATE_ACTIVE : STATE_DISCONNECTED;
}

const char *interconnect_state_name(enum interconnect_state state)
{
	static const char *const names[] = {
		[STATE_BUILDING] = "Building",	       [STATE_ACTIVE] = "Active",
		[STATE_DELETING] = "Deleting",	       [STATE_FAILED] = "Failed",
		[STATE_DISCONNECTED] = "Disconnected",
	};

	return names[state];
}
