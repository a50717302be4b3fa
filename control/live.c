// SPDX-License-Identifier: BSD-3-Clause
#include "live.h"

#include "change.h"
#include "dataplane/port.h"
#include "dataplane/punt.h"
#include "guarding.h"
#include "link.h"
#include "log.h"
#include "netdev.h"
#include "program.h"
#include "record.h"
#include "store.h"

#include <event2/event.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "live"

// How many ticks to wait before an absent port is tried again.
#define RETRY_TICKS 3

// How many, until a router counts as lost that is known from an earlier life alone.
#define CONFIRM_TICKS 10

// A guest may come and go as often as it likes, and each time is an event that is kept: so many in
// a row are acted upon at once, and one more each tick.
#define SUDDEN_LINKS_MAX 10

#define REPORT_DELAY_MS 10
#define REPORT_START_MS 2000 // time for neighbours to be found

// Control netdevs made at once: some milliseconds, in which no request is read.
#define NETDEVS_SLICE 2

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

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct exchange_control *control = arg;

	control->report_due = false;
	live_report(control, NULL);
}

static void report_in(struct exchange_control *control, unsigned ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};
	int code;

	if (control->report_due)
		return;
	code = event_base_once(control->base, -1, EV_TIMEOUT, on_report, control, &delay);
	control->report_due = code == 0;
}

// A little later, so that findings that come together, as all the routers of a trunk do, are one
// transaction.
static void report_soon(struct exchange_control *control)
{
	report_in(control, REPORT_DELAY_MS);
}

// A restart is one event, not one for each object: all count as they were before, and those that
// have not come back after a while are told.
static void report_start(struct exchange_control *control)
{
	struct region *region = &control->region;
	struct event event = record_event(
		NULL, "t0xd.start", "", NULL, "version %s, %u clouds, %u interconnects",
		T0X_VERSION, region->n_clouds, region->n_interconnects
	);

	for (unsigned i = 0; i < region->n_clouds; i++)
		region->clouds[i]->live.reported = true;
	for (unsigned i = 0; i < region->n_interconnects; i++)
		region->interconnects[i]->reported = STATE_ACTIVE;
	if (store_events(control->store, &event, 1) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
	report_in(control, REPORT_START_MS);
}

void live_program(struct exchange_control *control, struct cloud *cloud)
{
	struct refusal refusal;

	if (cloud->live.port_attached && !cloud->deleting && program_cloud(cloud, &refusal) < 0)
		LOG(ERROR, "event=program_failed cloud=%s why=" LOG_TEXT, cloud->name,
		    log_text(refusal.text));
	report_soon(control);
}

// Behind the guard the kernel answers on the port's netdev itself, where nothing has a tag.
static bool shares_netdev(const struct cloud *cloud)
{
	return cloud->live.guarded != NULL && cloud->vlan == VLAN_NONE;
}

static int attach_netdev(
	struct exchange_control *control, struct cloud *cloud, struct refusal *refusal
)
{
	bool own = shares_netdev(cloud);
	char error[320];

	if (control->netdevs == NULL || cloud->live.control != NULL)
		return 0;
	if (!own && cloud->live.netdev_name[0] != '\0' && cloud->live.guarded == NULL)
		netdevs_disown(control->own_netdevs, cloud->live.netdev_name);
	cloud->live.control = netdev_attach_own(
		own ? control->own_netdevs : control->netdevs, cloud->id,
		own ? cloud->live.netdev_name : "", &cloud->live.mac, cloud->mtu, cloud->gateway,
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

// After a restart the kernel still knows the router of a netdev that it has had all the time, and
// of a TAP the guard knows by which MAC it has forwarded: that is to be confirmed.
static void recall_router(struct exchange_control *control, struct cloud *cloud)
{
	struct cloud_live *live = &cloud->live;

	if (control->own_netdevs == NULL || live->guarded == NULL || cloud->has_router_mac ||
	    live->router_resolved)
		return;
	if (shares_netdev(cloud)) {
		live->router_resolved = netdevs_router(
			control->own_netdevs, live->netdev_name, cloud->router, &live->router_mac
		);
	} else if (guarding_router(cloud, &live->router_mac)) {
		live->router_resolved = true;
		live->unconfirmed_ticks = CONFIRM_TICKS;
	}
}

static void confirm_router(struct exchange_control *control, struct cloud *cloud)
{
	if (cloud->live.unconfirmed_ticks > 0 && --cloud->live.unconfirmed_ticks == 0)
		live_on_router(cloud->id, NULL, control);
}

static void detached(void *arg)
{
	LOG(NOTICE, "event=port_removed cloud=%s", ((const struct cloud *)arg)->name);
}

void live_give_up(
	struct exchange_control *control, struct cloud *cloud, const struct refusal *refusal
)
{
	snprintf(cloud->live.failure, sizeof(cloud->live.failure), "%.127s", refusal->text);
	live_detach(control, cloud, detached, cloud);
}

static int watch_link(
	struct exchange_control *control, struct cloud *cloud, struct refusal *refusal
)
{
	struct cloud_live *live = &cloud->live;

	if (control->links == NULL || live->netdev_name[0] == '\0')
		return 0;
	if (link_watch(control->links, live->netdev_name) < 0)
		return refuse(
			refusal, REFUSAL_out_of_memory, "no memory to watch the link of cloud %s",
			cloud->name
		);
	live->link_watched = true;
	live->link_up = link_is_up(control->links, live->netdev_name);
	return 0;
}

// Without the control netdev.
static int connect_port(
	struct exchange_control *control, struct cloud *cloud, struct refusal *refusal
)
{
	if (watch_link(control, cloud, refusal) < 0)
		return -1;
	recall_router(control, cloud);
	return program_cloud(cloud, refusal);
}

int live_connect(struct exchange_control *control, struct cloud *cloud, struct refusal *refusal)
{
	// The workers first: the kernel asks for the router as soon as its netdev is up.
	if (connect_port(control, cloud, refusal) < 0)
		return -1;
	return attach_netdev(control, cloud, refusal);
}

int live_attach(
	struct exchange_control *control, struct cloud *cloud, bool *undo, struct refusal *refusal
)
{
	if (program_attach(cloud, undo, refusal) < 0)
		return -1;
	return live_connect(control, cloud, refusal);
}

static void tell_failure(const struct cloud *cloud, const struct refusal *refusal)
{
	LOG(WARNING, "event=port_failed cloud=%s why=" LOG_TEXT, cloud->name,
	    log_text(refusal->text));
}

void live_try_attach(struct exchange_control *control, struct cloud *cloud)
{
	struct refusal refusal;
	bool undo;

	if (live_attach(control, cloud, &undo, &refusal) == 0)
		return;
	tell_failure(cloud, &refusal);
	if (undo)
		live_give_up(control, cloud, &refusal);
}

// At start the workers need no control netdev, and a thousand take a second: they come after the
// first packets, those first whose routers are yet to be found. What then is left over from an
// earlier life belongs to nobody.

static bool lacks_netdev(const struct cloud *cloud)
{
	return cloud->live.port_attached && !cloud->live.detaching && !cloud->deleting &&
		cloud->live.control == NULL;
}

static struct cloud *next_without_netdev(const struct region *region)
{
	struct cloud *found = NULL;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		struct cloud *cloud = region->clouds[i];

		if (!lacks_netdev(cloud))
			continue;
		if (!cloud->has_router_mac)
			return cloud;
		if (found == NULL)
			found = cloud;
	}
	return found;
}

static void netdevs_soon(struct exchange_control *control);

static void on_netdevs(evutil_socket_t fd, short what, void *arg)
{
	struct exchange_control *control = arg;
	struct refusal refusal;

	for (unsigned i = 0; i < NETDEVS_SLICE; i++) {
		struct cloud *cloud = next_without_netdev(&control->region);

		if (cloud == NULL) {
			netdevs_remove_orphans(control->netdevs);
			return;
		}
		if (attach_netdev(control, cloud, &refusal) < 0) {
			tell_failure(cloud, &refusal);
			live_give_up(control, cloud, &refusal);
		}
	}
	netdevs_soon(control);
}

static void netdevs_soon(struct exchange_control *control)
{
	// Not zero, at which the loop would call again without looking at anything else.
	static const struct timeval soon = {.tv_usec = 1};

	if (event_base_once(control->base, -1, EV_TIMEOUT, on_netdevs, control, &soon) < 0)
		LOG(ERROR, "event=no_memory what=control_netdevs");
}

void live_start(struct exchange_control *control)
{
	const struct region *region = &control->region;
	struct refusal refusal;
	bool undo = false;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		struct cloud *cloud = region->clouds[i];

		if (program_attach(cloud, &undo, &refusal) == 0 &&
		    connect_port(control, cloud, &refusal) == 0)
			continue;
		tell_failure(cloud, &refusal);
		if (undo)
			live_give_up(control, cloud, &refusal);
	}
	if (control->netdevs != NULL)
		netdevs_soon(control);
	report_start(control);
}

void live_settings(struct exchange_control *control, struct cloud *cloud, bool had_router_mac)
{
	if (cloud->has_router_mac) {
		cloud->live.router_resolved = true;
		cloud->live.router_mac = cloud->router_mac;
	} else if (had_router_mac) {
		cloud->live.router_resolved = false; // until the kernel has found it
	}
	program_want_mtu(cloud);
	live_program(control, cloud);
	if (cloud->live.control != NULL)
		netdev_set(
			cloud->live.control, cloud->mtu,
			cloud->has_router_mac ? &cloud->router_mac : NULL
		);
}

void live_detach(
	struct exchange_control *control, struct cloud *cloud, void (*done)(void *arg), void *arg
)
{
	struct cloud_live *live = &cloud->live;

	netdev_detach(live->control);
	live->control = NULL;
	live->router_resolved = false;
	if (live->link_watched)
		link_unwatch(control->links, live->netdev_name);
	live->link_watched = false;
	program_detach(cloud, done, arg);
}

void live_on_router(uint16_t id, const struct mac *mac, void *arg)
{
	struct exchange_control *control = arg;
	struct cloud *cloud = region_cloud_by_id(&control->region, id);
	char text[MAC_STRLEN];

	if (cloud == NULL || cloud->deleting || cloud->has_router_mac)
		return;
	cloud->live.unconfirmed_ticks = 0;
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

// A netdev that was deleted leaves a dead port behind, also when one of the same name follows.
static bool netdev_is_gone(const struct cloud *cloud)
{
	return cloud->live.netdev != 0 &&
		if_nametoindex(cloud->live.netdev_name) != cloud->live.netdev;
}

// Until another try attaches it.
static void leave_port(struct exchange_control *control, struct cloud *cloud, const char *reason)
{
	snprintf(cloud->live.failure, sizeof(cloud->live.failure), "%s", reason);
	live_detach(control, cloud, detached, cloud);
	live_report(control, cloud);
}

static void retry_attach(struct exchange_control *control, struct cloud *cloud)
{
	struct refusal refusal;
	bool undo;

	if (live_attach(control, cloud, &undo, &refusal) == 0)
		LOG(NOTICE, "event=port_attached cloud=%s", cloud->name);
	else if (undo)
		live_give_up(control, cloud, &refusal);
	live_report(control, cloud);
}

// The guard has one engine forward in place of the other.

static const struct cloud *cloud_on(const struct region *region, unsigned netdev)
{
	for (unsigned i = 0; i < region->n_clouds; i++)
		if (region->clouds[i]->live.netdev == netdev)
			return region->clouds[i];
	return NULL;
}

static void on_switch(unsigned netdev, unsigned queue, bool kernel, int64_t at, void *arg)
{
	struct exchange_control *control = arg;
	const struct cloud *cloud = cloud_on(&control->region, netdev);
	struct event event;

	if (cloud == NULL)
		return; // of a cloud that has gone since
	event = record_event(
		NULL, "guard.engine", cloud->name, NULL,
		"%s forwards what comes in on %s, queue %u", kernel ? "kernel" : "dataplane",
		cloud->live.netdev_name, queue
	);
	event.at = at;
	if (store_events(control->store, &event, 1) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
	LOG(NOTICE, "event=engine cloud=%s netdev=%s queue=%u engine=%s", cloud->name,
	    cloud->live.netdev_name, queue, kernel ? "kernel" : "dataplane");
}

// One transaction for all: while t0xd was dead there may have been many.
static void take_switches(struct exchange_control *control)
{
	bool begun = store_begin(control->store) == 0;

	guarding_take_switches(on_switch, control);
	if (begun && store_commit(control->store) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(control->store)));
}

// What the guard lacks is tried again, cloud by cloud until one still lacks some: the kernel has no
// room for the others either. Returns false then.
static bool open_again(struct exchange_control *control, struct cloud *cloud, bool room)
{
	if (cloud->live.guard_short && room) {
		program_open(cloud);
		room = !cloud->live.guard_short;
	}
	if (cloud->live.report_due)
		live_report(control, cloud);
	cloud->live.report_due = false;
	return room;
}

void live_read_links(struct exchange_control *control)
{
	for (unsigned i = 0; i < control->region.n_clouds; i++) {
		struct cloud *cloud = control->region.clouds[i];
		struct cloud_live *live = &cloud->live;

		if (!live->port_attached || live->detaching || cloud->deleting || live->netdev != 0)
			continue;

		bool up = port_link_up(live->port_id);

		if (up == live->link_up || live->sudden_links == SUDDEN_LINKS_MAX)
			continue;
		live->sudden_links++;
		set_link(control, cloud, up);
	}
}

void live_tick(struct exchange_control *control)
{
	static unsigned ticks;
	struct region *region = &control->region;
	bool retry = ++ticks % RETRY_TICKS == 0;
	bool room = true;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		struct cloud *cloud = region->clouds[i];
		struct cloud_live *live = &cloud->live;

		if (cloud->deleting || live->detaching)
			continue;
		confirm_router(control, cloud);
		if (live->sudden_links > 0)
			live->sudden_links--;
		room = open_again(control, cloud, room);
		if (live->port_attached && netdev_is_gone(cloud)) {
			leave_port(control, cloud, "port absent");
		} else if (live->port_attached && live->netdev == 0) {
			set_link(control, cloud, port_link_up(live->port_id));
			if (port_lost(live->port_id))
				leave_port(control, cloud, "port down");
		} else if (!live->port_attached && retry) {
			retry_attach(control, cloud);
		}
	}
	if (control->netdevs != NULL) {
		netdevs_tick(control->netdevs);
		netdevs_tick(control->own_netdevs);
	}
	take_switches(control);
}
