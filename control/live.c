// SPDX-License-Identifier: BSD-3-Clause
#include "live.h"

#include "change.h"
#include "dataplane/port.h"
#include "dataplane/punt.h"
#include "link.h"
#include "log.h"
#include "netdev.h"
#include "program.h"
#include "record.h"
#include "store.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "live"

// How many ticks to wait before an absent port is tried again.
#define RETRY_TICKS 3

static void report_cloud(struct exchange_control *control, struct cloud *cloud)
{
	char reason[REASON_SIZE];
	bool connected = cloud_connected(cloud, reason);

	if (connected == cloud->live.reported)
		return;
	cloud->live.reported = connected;

	struct event event = record_event(
		NULL, "cloud.state", cloud->name, NULL, "%s%s%s",
		connected ? "Connected" : "Disconnected", reason[0] ? ": " : "", reason
	);

	if (store_events(control->store, &event, 1) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
	LOG(NOTICE, "event=cloud_state cloud=%s state=%s reason=" LOG_TEXT, cloud->name,
	    connected ? "Connected" : "Disconnected", log_text(reason));
}

static void report_interconnect(struct exchange_control *control, struct interconnect *interconnect)
{
	char reason[REASON_SIZE];
	enum interconnect_state state = interconnect_state(interconnect, reason);

	// Building and Deleting are the business of the change that is on its way.
	if (state == interconnect->reported || state == STATE_BUILDING || state == STATE_DELETING)
		return;
	interconnect->reported = state;

	struct event event = record_event(
		NULL, "interconnect.state", interconnect->cloud->name, interconnect->peer->name,
		"%s%s%s", interconnect_state_name(state), reason[0] ? ": " : "", reason
	);

	if (store_events(control->store, &event, 1) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
}

static void report_interconnects(
	struct exchange_control *control, struct interconnect **interconnects, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		report_interconnect(control, interconnects[i]);
}

void live_report(struct exchange_control *control, struct cloud *cloud)
{
	struct region *region = &control->region;

	// One transaction for all: a trunk that goes down takes many interconnects along.
	bool begun = store_begin(control->store) == 0;

	if (cloud != NULL) {
		report_cloud(control, cloud);
		report_interconnects(control, cloud->interconnects, cloud->n_interconnects);
	} else {
		for (unsigned i = 0; i < region->n_clouds; i++)
			report_cloud(control, region->clouds[i]);
		report_interconnects(control, region->interconnects, region->n_interconnects);
	}
	if (begun && store_commit(control->store) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
}

void live_program(struct exchange_control *control, struct cloud *cloud)
{
	struct refusal refusal;

	if (cloud->live.port_attached && !cloud->deleting && program_cloud(cloud, &refusal) < 0)
		LOG(ERROR, "event=program_failed cloud=%s why=" LOG_TEXT, cloud->name,
		    log_text(refusal.text));
	live_report(control, cloud);
}

static int attach_netdev(
	struct exchange_control *control, struct cloud *cloud, struct refusal *refusal
)
{
	char error[256];

	if (control->netdevs == NULL)
		return 0;
	cloud->live.control = netdev_attach(
		control->netdevs, cloud->id, &cloud->live.mac, cloud->mtu, cloud->gateway,
		cloud->router, cloud->has_router_mac ? &cloud->router_mac : NULL, error,
		sizeof(error)
	);
	if (cloud->live.control == NULL)
		return refuse(
			refusal, REFUSAL_port_failed,
			"the control netdev of cloud %s cannot be made: %s", cloud->name, error
		);
	netdev_link(cloud->live.control, cloud->live.link_up);
	return 0;
}

int live_attach(
	struct exchange_control *control, struct cloud *cloud, bool *undo, struct refusal *refusal
)
{
	if (program_attach(cloud, undo, refusal) < 0)
		return -1;
	if (control->links != NULL && cloud->live.netdev_name[0] != '\0') {
		if (link_watch(control->links, cloud->live.netdev_name) < 0)
			return refuse(
				refusal, REFUSAL_out_of_memory,
				"no memory to watch the link of cloud %s", cloud->name
			);
		cloud->live.link_up = link_is_up(control->links, cloud->live.netdev_name);
	}
	// The workers first: the kernel asks for the router as soon as its netdev is up.
	if (program_cloud(cloud, refusal) < 0)
		return -1;
	return attach_netdev(control, cloud, refusal);
}

void live_detach(
	struct exchange_control *control, struct cloud *cloud, void (*done)(void *arg), void *arg
)
{
	struct cloud_live *live = &cloud->live;

	netdev_detach(live->control);
	live->control = NULL;
	live->router_resolved = false;
	if (control->links != NULL && live->netdev_name[0] != '\0')
		link_unwatch(control->links, live->netdev_name);
	program_detach(cloud, done, arg);
}

void live_on_router(uint16_t id, const struct mac *mac, void *arg)
{
	struct exchange_control *control = arg;
	struct cloud *cloud = region_cloud_by_id(&control->region, id);
	char text[MAC_STRLEN];

	if (cloud == NULL || cloud->deleting || cloud->has_router_mac)
		return;
	cloud->live.router_resolved = mac != NULL;
	if (mac != NULL)
		cloud->live.router_mac = *mac;
	LOG(INFO, "event=router cloud=%s mac=%s", cloud->name,
	    mac ? mac_format(mac, text) : "none");
	live_program(control, cloud);
}

void live_on_frame(uint16_t cloud, const uint8_t *frame, size_t length, void *arg)
{
	// What may not leave (IGMP and the like) is refused there, by design and in silence.
	punt_send(cloud, frame, length);
}

void live_on_punt(uint16_t id, const uint8_t *frame, size_t length, void *arg)
{
	struct exchange_control *control = arg;
	struct cloud *cloud = region_cloud_by_id(&control->region, id);

	if (cloud != NULL && cloud->live.control != NULL)
		netdev_write(cloud->live.control, frame, length);
}

static void set_link(struct exchange_control *control, struct cloud *cloud, bool up)
{
	if (cloud->live.link_up == up)
		return;
	cloud->live.link_up = up;
	if (cloud->live.control != NULL)
		netdev_link(cloud->live.control, up);
	live_program(control, cloud);
}

void live_on_link(const char *netdev, bool up, void *arg)
{
	struct exchange_control *control = arg;
	struct region *region = &control->region;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		struct cloud *cloud = region->clouds[i];

		if (cloud->live.port_attached && !cloud->deleting &&
		    strcmp(cloud->live.netdev_name, netdev) == 0)
			set_link(control, cloud, up);
	}
}

static void vanished(void *arg)
{
	LOG(NOTICE, "event=port_removed why=" LOG_TEXT, "its netdev vanished");
}

// A netdev that was deleted leaves a dead port behind, also when one of the same name follows.
static bool netdev_is_gone(const struct cloud *cloud)
{
	return cloud->live.netdev != 0 &&
		if_nametoindex(cloud->live.netdev_name) != cloud->live.netdev;
}

static void retry_attach(struct exchange_control *control, struct cloud *cloud)
{
	struct refusal refusal;
	bool undo;

	if (live_attach(control, cloud, &undo, &refusal) == 0) {
		LOG(NOTICE, "event=port_attached cloud=%s", cloud->name);
	} else if (undo) {
		snprintf(cloud->live.failure, sizeof(cloud->live.failure), "%.127s", refusal.text);
		live_detach(control, cloud, vanished, NULL);
	}
	live_report(control, cloud);
}

void live_tick(struct exchange_control *control)
{
	static unsigned ticks;
	struct region *region = &control->region;
	bool retry = ++ticks % RETRY_TICKS == 0;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		struct cloud *cloud = region->clouds[i];
		struct cloud_live *live = &cloud->live;

		if (cloud->deleting || live->detaching)
			continue;
		if (live->port_attached && netdev_is_gone(cloud)) {
			snprintf(live->failure, sizeof(live->failure), "port absent");
			live_detach(control, cloud, vanished, NULL);
			live_report(control, cloud);
		} else if (live->port_attached && live->netdev == 0) {
			set_link(control, cloud, port_link_up(live->port_id));
		} else if (!live->port_attached && retry) {
			retry_attach(control, cloud);
		}
	}
	if (control->netdevs != NULL)
		netdevs_tick(control->netdevs);
}
