// SPDX-License-Identifier: BSD-3-Clause
// t0xd: one control thread, which is this one, and the workers of the data plane.
//
// The table of modules below says what starts and in which order; what was started stops in
// reverse.
#include "control.h"
#include "dataplane/interrupt.h"
#include "dataplane/link_bell.h"
#include "dataplane/punt.h"
#include "dataplane/rcu.h"
#include "dataplane/worker.h"
#include "grace.h"
#include "guarding.h"
#include "link.h"
#include "live.h"
#include "log.h"
#include "log_dpdk.h"
#include "method.h"
#include "netdev.h"
#include "options.h"
#include "program.h"
#include "record.h"
#include "rpc.h"
#include "store.h"
#include "telemetry.h"

#include <errno.h>
#include <event2/event.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>

#define LOG_MODULE "main"

// What drivers tell of links is acted upon so much later, at once for all: some tell while the
// change is still under way.
#define LINKS_DELAY_MS 20

#define LOCK_WAIT_MS 5000 // for a predecessor that is dying

struct daemon {
	struct options options;
	struct exchange_control control;
	struct event *punted;
	struct event *links_told;
	struct event *links_due;
	struct event *tick;
	struct event *signals[2];
	bool eal_up;
	char error[512]; // why a module did not start
};

static int fail(struct daemon *daemon, const char *what, int code)
{
	snprintf(daemon->error, sizeof(daemon->error), "%s: %s", what, strerror(-code));
	return -1;
}

// The event loop.

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct daemon *daemon = arg;

	LOG(NOTICE, "event=signal number=%d", (int)signal_number);
	daemon->control.stopping = true;
	event_base_loopbreak(daemon->control.base);
}

static int loop_start(struct daemon *daemon)
{
	struct event_config *config = event_config_new();
	static const int numbers[2] = {SIGTERM, SIGINT};

	if (config == NULL)
		return fail(daemon, "event loop", -ENOMEM);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	daemon->control.base = event_base_new_with_config(config);
	event_config_free(config);
	if (daemon->control.base == NULL)
		return fail(daemon, "event loop", -ENOMEM);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < 2; i++) {
		daemon->signals[i] =
			evsignal_new(daemon->control.base, numbers[i], on_signal, daemon);
		if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) < 0)
			return fail(daemon, "signals", -ENOMEM);
	}
	return grace_open(daemon->control.base) < 0 ? fail(daemon, "grace", -ENOMEM) : 0;
}

static void loop_stop(struct daemon *daemon)
{
	grace_close();
	for (unsigned i = 0; i < 2; i++)
		if (daemon->signals[i] != NULL)
			event_free(daemon->signals[i]);
	if (daemon->control.base != NULL)
		event_base_free(daemon->control.base);
}

// The store, and the region from it.

static int store_start(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;

	region_init(&control->region);
	control->store = store_open(
		daemon->options.state, LOCK_WAIT_MS, daemon->error, sizeof(daemon->error)
	);
	if (control->store == NULL)
		return -1;
	if (store_load(control->store, &control->region) < 0) {
		snprintf(daemon->error, sizeof(daemon->error), "%s", store_error(control->store));
		return -1;
	}
	return 0;
}

static void store_stop(struct daemon *daemon)
{
	region_free(&daemon->control.region);
	store_close(daemon->control.store);
}

// DPDK.

static int eal_start(struct daemon *daemon)
{
	char **argv;
	int argc = options_eal(&daemon->options, &argv);

	if (argc < 0) {
		snprintf(daemon->error, sizeof(daemon->error), "DPDK cannot start without memory");
		return -1;
	}
	if (log_dpdk_open() < 0)
		return fail(daemon, "log of DPDK", -ENOMEM);
	if (rte_eal_init(argc, argv) < 0) {
		snprintf(
			daemon->error, sizeof(daemon->error),
			"DPDK's EAL did not start (%s); its own lines above say why. With hugepages: is a "
			"hugetlbfs mounted on /dev/hugepages, and are there enough of them?",
			rte_strerror(rte_errno)
		);
		return -1;
	}
	daemon->eal_up = true;
	// For dpdk-dumpcap: costs nothing until it captures. Without shared memory there is none.
	if (rte_pdump_init() < 0)
		LOG(INFO, "event=no_capture why=" LOG_TEXT, log_text(rte_strerror(rte_errno)));
	return 0;
}

static void eal_stop(struct daemon *daemon)
{
	if (!daemon->eal_up)
		return;
	rte_pdump_uninit();
	interrupt_park();
	link_bell_free();
	rte_eal_cleanup();
}

// Pool, rings, counters; the workers start later, when there is something to read.

static int dataplane_start(struct daemon *daemon)
{
	int code;

	quick_choose(daemon->options.max_simd);
	code = workers_init(daemon->options.n_workers, daemon->options.buffers);
	if (code < 0)
		return fail(daemon, "packet buffers and rings (are there enough hugepages?)", code);
	code = punt_init();
	if (code < 0)
		return fail(daemon, "punt ring", code);
	code = link_bell_init();
	return code < 0 ? fail(daemon, "link bell", code) : 0;
}

static void dataplane_stop(struct daemon *daemon)
{
	punt_free();
	workers_free();
}

// The guard in the kernel.

static int guard_start(struct daemon *daemon)
{
	return guarding_open(
		daemon->options.guard, daemon->options.fail_over,
		options_instance(&daemon->options), daemon->error, sizeof(daemon->error)
	);
}

static void guard_stop(struct daemon *daemon)
{
	guarding_close();
}

// The kernel's side: control netdevs and links.

static int kernel_start(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;
	const struct netdev_callbacks callbacks = {live_on_frame, live_on_router, control};
	char netns[32];

	snprintf(netns, sizeof(netns), "%s-control", options_instance(&daemon->options));
	control->netdevs = netdevs_open(
		control->base, netns, &callbacks, daemon->error, sizeof(daemon->error)
	);
	if (control->netdevs == NULL)
		return -1;
	control->own_netdevs =
		netdevs_open(control->base, NULL, &callbacks, daemon->error, sizeof(daemon->error));
	if (control->own_netdevs == NULL)
		return -1;
	control->links = links_open(
		control->base, live_on_link, control, daemon->error, sizeof(daemon->error)
	);
	return control->links == NULL ? -1 : 0;
}

static void kernel_stop(struct daemon *daemon)
{
	links_close(daemon->control.links);
	netdevs_close(daemon->control.own_netdevs);
	netdevs_close(daemon->control.netdevs);
}

// The region, into the data plane: before the first packet.

// What a crash interrupted: Deleting is completed, Building is programmed with all others.
static int complete_interrupted(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;
	struct region *region = &control->region;

	for (unsigned i = region->n_interconnects; i-- > 0;) {
		struct interconnect *interconnect = region->interconnects[i];
		struct event event = record_event(
			NULL, "interconnect.deleted", interconnect->cloud->name,
			interconnect->peer->name, "gone, was named %s; completed after a restart",
			interconnect->name
		);

		if (interconnect->phase == PHASE_BUILDING)
			interconnect->phase = PHASE_ACTIVE;
		if (interconnect->phase != PHASE_DELETING)
			continue;
		if (store_interconnect_delete(control->store, interconnect, &event, 1) < 0) {
			snprintf(
				daemon->error, sizeof(daemon->error), "%s",
				store_error(control->store)
			);
			return -1;
		}
		program_forget_interconnect(interconnect);
		region_remove_interconnect(region, interconnect);
	}
	return 0;
}

static int region_start(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;
	struct region *region = &control->region;
	struct refusal refusal;
	struct program *program;

	if (complete_interrupted(daemon) < 0)
		return -1;
	program = program_prepare(region->clouds, region->n_clouds, &refusal);
	if (program == NULL) {
		snprintf(daemon->error, sizeof(daemon->error), "%.500s", refusal.text);
		return -1;
	}
	program_publish(program);
	guarding_keep(region);
	live_start(control);
	guarding_remove_orphans();

	int code = workers_start();

	return code < 0 ? fail(daemon, "starting the workers", code) : 0;
}

static void ignore(void *arg)
{
}

// Give the ports back, so that drivers take their leave of the other side.
static void region_stop(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;
	struct region *region = &control->region;

	guarding_leave();
	workers_stop();
	for (unsigned i = 0; i < region->n_clouds; i++)
		if (region->clouds[i]->live.port_attached && !region->clouds[i]->live.detaching)
			program_detach(region->clouds[i], ignore, NULL);
	while (rcu_poll() > 0)
		; // no worker is registered any more, and the guard has been settled
}

// Timers, and the bells of punt ring and links.

static void on_punted(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	if (punt_take(live_on_punt, &daemon->control))
		event_active(daemon->punted, EV_READ, 0);
}

static void on_links_told(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval delay = {.tv_usec = LINKS_DELAY_MS * 1000};
	struct daemon *daemon = arg;

	link_bell_silence();
	if (!event_pending(daemon->links_due, EV_TIMEOUT, NULL))
		event_add(daemon->links_due, &delay);
}

static void on_links_due(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	live_read_links(&daemon->control);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	live_tick(&daemon->control);
}

static int events_start(struct daemon *daemon)
{
	const struct timeval second = {.tv_sec = 1};
	struct event_base *base = daemon->control.base;

	daemon->punted = event_new(base, punt_bell(), EV_READ | EV_PERSIST, on_punted, daemon);
	daemon->links_told =
		event_new(base, link_bell(), EV_READ | EV_PERSIST, on_links_told, daemon);
	daemon->links_due = event_new(base, -1, 0, on_links_due, daemon);
	daemon->tick = event_new(base, -1, EV_PERSIST, on_tick, daemon);
	if (daemon->punted == NULL || daemon->links_told == NULL || daemon->links_due == NULL ||
	    daemon->tick == NULL || event_add(daemon->punted, NULL) < 0 ||
	    event_add(daemon->links_told, NULL) < 0 || event_add(daemon->tick, &second) < 0)
		return fail(daemon, "events", -ENOMEM);
	return 0;
}

static void events_stop(struct daemon *daemon)
{
	if (daemon->punted != NULL)
		event_free(daemon->punted);
	if (daemon->links_told != NULL)
		event_free(daemon->links_told);
	if (daemon->links_due != NULL)
		event_free(daemon->links_due);
	if (daemon->tick != NULL)
		event_free(daemon->tick);
}

// The door.

static int rpc_start(struct daemon *daemon)
{
	struct exchange_control *control = &daemon->control;

	control->rpc = rpc_open(
		control->base, daemon->options.socket, methods, control, daemon->error,
		sizeof(daemon->error)
	);
	return control->rpc == NULL ? -1 : 0;
}

static int telemetry_start(struct daemon *daemon)
{
	int code = telemetry_open(&daemon->control);

	return code < 0 ? fail(daemon, "telemetry", code) : 0;
}

static void telemetry_stop(struct daemon *daemon)
{
	telemetry_close();
}

static void rpc_stop(struct daemon *daemon)
{
	rpc_close(daemon->control.rpc);
}

static const struct module {
	const char *name;
	int (*start)(struct daemon *daemon); // 0, or -1 with daemon->error
	void (*stop)(struct daemon *daemon); // also after a start that failed half-way
} modules[] = {
	{"loop", loop_start, loop_stop},
	{"store", store_start, store_stop},
	{"eal", eal_start, eal_stop},
	{"dataplane", dataplane_start, dataplane_stop},
	{"guard", guard_start, guard_stop},
	{"kernel", kernel_start, kernel_stop},
	{"region", region_start, region_stop},
	{"events", events_start, events_stop},
	{"telemetry", telemetry_start, telemetry_stop},
	{"rpc", rpc_start, rpc_stop},
};

#define MODULES (sizeof(modules) / sizeof(modules[0]))

// The state is locked: a t0xd that runs keeps its guard.
static int remove_guard(struct daemon *daemon)
{
	struct store *store =
		store_open(daemon->options.state, 0, daemon->error, sizeof(daemon->error));
	int code = store != NULL ? 0 : -1;

	if (code == 0)
		code = guarding_open(
			GUARDING_OFF, FAIL_OVER_DROP, options_instance(&daemon->options),
			daemon->error, sizeof(daemon->error)
		);
	store_close(store);
	if (code == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "t0xd: %s\n", daemon->error);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int parsed = options_parse(argc, argv, &daemon.options);
	int status = EXIT_SUCCESS;
	unsigned started = 0;

	if (parsed != 0)
		return parsed > 0 ? EXIT_SUCCESS : 2;
	if (daemon.options.remove_guard)
		return remove_guard(&daemon);
	prctl(PR_SET_TIMERSLACK, 1UL); // grace periods are waited for in steps of 50 us
	while (started < MODULES && status == EXIT_SUCCESS) {
		if (modules[started++].start(&daemon) == 0)
			continue;
		fprintf(stderr, "t0xd: %s\n", daemon.error);
		status = EXIT_FAILURE;
	}
	if (status == EXIT_SUCCESS) {
		LOG(NOTICE, "event=ready version=%s workers=%u simd=%s clouds=%u interconnects=%u",
		    T0X_VERSION, daemon.options.n_workers, quick->name,
		    daemon.control.region.n_clouds, daemon.control.region.n_interconnects);
		sd_notify(0, "READY=1");
		event_base_dispatch(daemon.control.base);
		sd_notify(0, "STOPPING=1");
	}
	while (started > 0)
		modules[--started].stop(&daemon);
	return status;
}
