// SPDX-License-Identifier: BSD-3-Clause
#include "apply.h"

#include "control.h"
#include "dataplane/rcu.h"
#include "grace.h"
#include "live.h"
#include "log.h"
#include "program.h"
#include "record.h"
#include "store.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_MODULE "apply"
#define SLICE_NS 10000000 // how long the event loop waits for a slice

struct applying {
	struct exchange_control *control;
	struct principal principal;
	struct apply_request request;
	struct plan plan;
	struct refusal refusal; // of what is being undone
	struct event *turn; // the next slice
	bool (*slice)(struct applying *applying, struct step *step); // false: refused
	void (*then)(struct applying *applying); // after the last slice
	const char *what; // is going on
	unsigned at; // the step that is next
	struct region before; // the region that was, from the commit on
	unsigned leaving; // clouds of it on their way off their ports
};

static void applying_free(struct applying *applying)
{
	if (applying->turn)
		event_free(applying->turn);
	wanted_free(&applying->request.wanted);
	plan_free(&applying->plan);
	region_free(&applying->before);
	free(applying);
}

static void finish(struct applying *applying, const struct refusal *refusal)
{
	applying->request.done(refusal, refusal ? NULL : &applying->plan, applying->request.arg);
	applying_free(applying);
}

// The next step is after a grace period, or at once when nothing is under way: not inside the
// caller.
static void after_grace(struct applying *applying, void (*fn)(void *))
{
	rcu_call(fn, applying);
	grace_start();
}

// Slices

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void undo(struct applying *applying);

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {};
	struct applying *applying = arg;
	int64_t end = now_ns() + SLICE_NS;

	while (applying->at < applying->plan.n_steps && now_ns() < end) {
		if (!applying->slice(applying, &applying->plan.steps[applying->at])) {
			undo(applying);
			return;
		}
		applying->at++;
	}
	if (applying->request.progress)
		applying->request.progress(
			applying->what, applying->at, applying->plan.n_steps, applying->request.arg
		);
	if (applying->at < applying->plan.n_steps)
		event_add(applying->turn, &soon);
	else
		applying->then(applying);
}

// Run 'slice' over all steps of the plan, then 'then'.
static void run_slices(
	struct applying *applying, const char *what,
	bool (*slice)(struct applying *, struct step *), void (*then)(struct applying *)
)
{
	static const struct timeval soon = {};

	applying->what = what;
	applying->slice = slice;
	applying->then = then;
	applying->at = 0;
	event_add(applying->turn, &soon);
}

// Undo: new clouds give their ports back.

static void undone(void *arg)
{
	struct applying *applying = arg;

	if (applying->leaving > 0 && --applying->leaving > 0)
		return;

	struct refusal refusal = applying->refusal;

	finish(applying, &refusal);
}

static void undo(struct applying *applying)
{
	const struct plan *plan = &applying->plan;

	for (unsigned i = 0; i < plan->n_steps; i++) {
		struct cloud *cloud = plan->steps[i].cloud;

		if (plan->steps[i].kind != STEP_CLOUD_CREATE || !cloud->live.port_attached)
			continue;
		applying->leaving++;
		program_detach(cloud, undone, applying);
	}
	if (applying->leaving == 0)
		undone(applying);
}

// Attach the ports of new clouds: what the host does not have is found out before the commit.

static bool same_port(const struct cloud *a, const struct cloud *b)
{
	size_t n = strcspn(a->port, ",");

	return strcspn(b->port, ",") == n && strncmp(a->port, b->port, n) == 0;
}

// A port whose name a cloud of now holds with other devargs is free only after the commit; one that
// its own cloud has already been waiting for needs no second proof of its absence.
static bool attaches_later(const struct applying *applying, const struct cloud *cloud)
{
	const struct region *region = &applying->control->region;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		const struct cloud *other = region->clouds[i];

		if (!same_port(cloud, other))
			continue;
		if (other->live.port_attached && strcmp(cloud->port, other->port) != 0)
			return true;
		if (!other->live.port_attached && strcmp(cloud->port, other->port) == 0)
			return true;
		if (other->live.port_attached)
			return false;
	}
	return false;
}

static bool attach_port(struct applying *applying, struct step *step)
{
	bool attached;

	if (step->kind != STEP_CLOUD_CREATE || attaches_later(applying, step->cloud))
		return true;
	return program_attach(step->cloud, &attached, &applying->refusal) == 0;
}

// Build the tables that will differ.

static void touch(struct cloud **touched, struct cloud *cloud)
{
	touched[cloud->id] = cloud;
}

static void touch_with_peers(struct cloud **touched, struct cloud *cloud)
{
	touch(touched, cloud);
	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		touch(touched, interconnect_other(cloud->interconnects[i], cloud));
}

// The clouds of the next region whose tables the plan changes, by id.
static void find_touched(const struct plan *plan, struct cloud **touched)
{
	for (unsigned i = 0; i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];
		const struct interconnect *interconnect = step->interconnect;
		struct cloud *end;

		switch (step->kind) {
		case STEP_CLOUD_CREATE:
			touch(touched, step->cloud);
			break;
		case STEP_SEGMENT_CREATE:
		case STEP_SEGMENT_DELETE:
			if (step->segment.routed)
				touch_with_peers(touched, step->cloud);
			break;
		case STEP_INTERCONNECT_CREATE:
		case STEP_INTERCONNECT_DELETE:
			// Of a delete the ends are those of now: the next may have other ids.
			end = region_cloud(&plan->next, interconnect->cloud->name);
			if (end)
				touch(touched, end);
			end = region_cloud(&plan->next, interconnect->peer->name);
			if (end)
				touch(touched, end);
			break;
		case STEP_CLOUD_DELETE:
		case STEP_CLOUD_SET:
		case STEP_GRANT:
			break;
		}
	}
}

static struct program *build_tables(const struct plan *plan, struct refusal *refusal)
{
	struct cloud **touched = calloc(CLOUD_ID_MAX + 1, sizeof(struct cloud *));
	struct program *program = NULL;
	unsigned n = 0;

	if (!touched) {
		refuse(refusal, REFUSAL_out_of_memory, "no memory for the tables of the region");
		return NULL;
	}
	find_touched(plan, touched);
	for (unsigned id = 0; id <= CLOUD_ID_MAX; id++)
		if (touched[id])
			touched[n++] = touched[id];
	program = program_prepare(touched, n, refusal);
	free(touched);
	return program;
}

// Commit: one transaction.

// Of a grant that goes: the role that it was.
static enum role role_now(const struct applying *applying, const struct grant *grant)
{
	const struct region *now = &applying->control->region;
	const struct cloud *cloud = region_cloud(now, grant->cloud->name);

	return cloud ? region_role(now, grant->principal, cloud) : ROLE_NONE;
}

static void store_step(struct applying *applying, const struct step *step)
{
	struct store *store = applying->control->store;
	const struct principal *who = &applying->principal;
	const struct interconnect *interconnect = step->interconnect;
	const struct cloud *cloud = step->cloud;
	struct event event;

	// A write that fails dooms the whole transaction: the commit tells.
	switch (step->kind) {
	case STEP_INTERCONNECT_DELETE:
		event = record_event(
			who, "interconnect.deleted", interconnect->cloud->name,
			interconnect->peer->name, "gone, was named %s", interconnect->name
		);
		store_interconnect_delete(store, interconnect, &event, 1);
		break;
	case STEP_SEGMENT_DELETE:
		event = record_segment_delete(who, cloud, &step->segment);
		store_segment_delete(store, cloud, step->segment.name, &event, 1);
		break;
	case STEP_CLOUD_DELETE:
		event = record_cloud_delete(who, cloud);
		store_cloud_delete(store, cloud, &event, 1);
		break;
	case STEP_CLOUD_SET:
		event = record_cloud_set(who, cloud);
		store_cloud_update(store, cloud, &event, 1);
		break;
	case STEP_CLOUD_CREATE:
		event = record_cloud_create(who, cloud);
		store_cloud_insert(store, cloud, &event, 1);
		break;
	case STEP_SEGMENT_CREATE:
		event = record_segment_create(who, cloud, &step->segment);
		store_segment_insert(store, cloud, &step->segment, &event, 1);
		break;
	case STEP_INTERCONNECT_CREATE:
		event = record_interconnect_create(who, interconnect);
		store_interconnect_insert(store, interconnect, &event, 1);
		break;
	case STEP_GRANT:
		event = record_grant(who, &step->grant, role_now(applying, &step->grant));
		store_grant_set(store, &step->grant, &event, 1);
		break;
	}
}

static int commit(struct applying *applying)
{
	struct store *store = applying->control->store;
	const struct plan *plan = &applying->plan;

	if (store_begin(store) == 0) {
		for (unsigned i = 0; i < plan->n_steps; i++)
			store_step(applying, &plan->steps[i]);
		if (store_commit(store) == 0)
			return 0;
	}
	return refuse(
		&applying->refusal, REFUSAL_store_failed,
		"the change was not made, because it could not be stored: %s; make room on the disk "
		"or mend it, and try again",
		store_error(store)
	);
}

// Swap: what is alive in the present region goes on in the next.

static void take_over_clouds(const struct region *now, const struct region *next)
{
	for (unsigned i = 0; i < next->n_clouds; i++) {
		struct cloud *cloud = next->clouds[i];
		const struct cloud *was = region_cloud(now, cloud->name);

		if (was && was->id == cloud->id)
			cloud->live = was->live;
	}
}

// Those that are kept stand in the same order in both, before those that are new.
static void take_over_interconnects(const struct region *now, const struct region *next)
{
	unsigned at = 0;

	for (unsigned i = 0; i < now->n_interconnects && at < next->n_interconnects; i++) {
		const struct interconnect *was = now->interconnects[i];
		struct interconnect *interconnect = next->interconnects[at];

		if (was->id != interconnect->id)
			continue;
		interconnect->reported = was->reported;
		at++;
	}
}

static void swap_regions(struct applying *applying)
{
	struct region *now = &applying->control->region;
	struct region *next = &applying->plan.next;

	take_over_clouds(now, next);
	take_over_interconnects(now, next);
	applying->before = *now;
	*now = *next;
	region_init(next);
}

// Publish: the tables first, so that what leaves is in none when it goes, and what comes is in all
// when its first frame arrives.

static void begin_counters(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];

		if (step->kind == STEP_CLOUD_CREATE)
			program_new_cloud(step->cloud->id);
		else if (step->kind == STEP_INTERCONNECT_CREATE)
			program_new_interconnect(step->interconnect);
	}
}

static void left(void *arg)
{
	struct applying *applying = arg;

	applying->leaving--;
}

static void publish_step(struct applying *applying, const struct step *step)
{
	struct cloud *cloud = step->cloud;

	if (step->kind == STEP_CLOUD_DELETE && cloud->live.port_attached) {
		cloud->deleting = true;
		applying->leaving++;
		live_detach(applying->control, cloud, left, applying);
	} else if (step->kind == STEP_CLOUD_SET) {
		const struct cloud *was = region_cloud(&applying->before, cloud->name);

		live_settings(applying->control, cloud, was->has_router_mac);
	} else if (step->kind == STEP_INTERCONNECT_CREATE) {
		step->interconnect->phase = PHASE_BUILDING; // until the grace period has ended
	}
}

// Connect new clouds, and in the end say how everything stands.

static bool connect_cloud(struct applying *applying, struct step *step)
{
	struct cloud *cloud = step->cloud;
	struct refusal refusal;

	if (step->kind == STEP_CLOUD_CREATE && cloud->live.port_attached &&
	    live_connect(applying->control, cloud, &refusal) < 0) {
		LOG(WARNING, "event=port_failed cloud=%s why=" LOG_TEXT, cloud->name,
		    log_text(refusal.text));
		live_give_up(applying->control, cloud, &refusal);
	}
	return true;
}

static void applied(void *arg)
{
	struct applying *applying = arg;
	const struct plan *plan = &applying->plan;

	for (unsigned i = 0; i < plan->n_steps; i++) {
		struct cloud *cloud = plan->steps[i].cloud;

		if (plan->steps[i].kind == STEP_INTERCONNECT_CREATE)
			plan->steps[i].interconnect->phase = PHASE_ACTIVE;
		else if (plan->steps[i].kind == STEP_CLOUD_CREATE && !cloud->live.port_attached &&
			 !cloud->live.detaching)
			live_try_attach(applying->control, cloud); // its port is free by now
		else if (plan->steps[i].kind == STEP_CLOUD_DELETE)
			program_forget(cloud->id);
		else if (plan->steps[i].kind == STEP_INTERCONNECT_DELETE)
			program_forget_interconnect(plan->steps[i].interconnect);
	}
	live_report(applying->control, NULL);
	LOG(NOTICE, "event=applied clouds=%u interconnects=%u steps=%u",
	    applying->control->region.n_clouds, applying->control->region.n_interconnects,
	    plan->n_steps);
	finish(applying, NULL);
}

static void connected(struct applying *applying)
{
	after_grace(applying, applied);
}

static void commit_and_publish(struct applying *applying)
{
	const struct plan *plan = &applying->plan;
	struct program *program = build_tables(plan, &applying->refusal);

	if (!program || commit(applying) < 0) {
		program_discard(program);
		undo(applying);
		return;
	}
	swap_regions(applying);
	begin_counters(plan);
	program_publish(program);
	for (unsigned i = 0; i < plan->n_steps; i++)
		publish_step(applying, &plan->steps[i]);
	LOG(INFO, "event=committed steps=%u", plan->n_steps);
	run_slices(applying, "connecting clouds", connect_cloud, connected);
}

// What waits for a grace period refers to clouds and interconnects of the region now: these must be
// done before it is replaced.
static bool is_settled(const struct region *region)
{
	for (unsigned i = 0; i < region->n_clouds; i++)
		if (region->clouds[i]->live.detaching)
			return false;
	for (unsigned i = 0; i < region->n_interconnects; i++)
		if (region->interconnects[i]->phase == PHASE_BUILDING)
			return false;
	return true;
}

static int check_mtus(const struct applying *applying, struct refusal *refusal)
{
	const struct plan *plan = &applying->plan;

	for (unsigned i = 0; i < plan->n_steps; i++) {
		struct cloud set;

		if (plan->steps[i].kind != STEP_CLOUD_SET)
			continue;
		set = *plan->steps[i].cloud;
		set.live = region_cloud(&applying->control->region, set.name)->live;
		if (program_check_mtu(&set, refusal) < 0)
			return -1;
	}
	return 0;
}

static void try_commit(void *arg)
{
	struct applying *applying = arg;

	if (applying->control->stopping)
		return;
	if (!is_settled(&applying->control->region))
		after_grace(applying, try_commit);
	else if (check_mtus(applying, &applying->refusal) < 0)
		undo(applying);
	else
		commit_and_publish(applying);
}

static void ports_attached(struct applying *applying)
{
	try_commit(applying);
}

// The beginning

static void begin(void *arg)
{
	struct applying *applying = arg;
	struct exchange_control *control = applying->control;

	if (control->stopping)
		return;
	if (!is_settled(&control->region)) {
		after_grace(applying, begin);
		return;
	}
	if (plan_make(
		    &control->region, &applying->principal, &applying->request.wanted,
		    &applying->request.options, &applying->plan, &applying->refusal
	    ) < 0) {
		struct refusal refusal = applying->refusal;

		finish(applying, &refusal);
	} else if (applying->request.dry_run || applying->plan.n_steps == 0) {
		finish(applying, NULL);
	} else {
		run_slices(applying, "attaching ports", attach_port, ports_attached);
	}
}

void apply_region(
	struct exchange_control *control, const struct principal *principal,
	struct apply_request *request
)
{
	struct applying *applying = calloc(1, sizeof(*applying));
	struct refusal refusal;

	if (applying)
		applying->turn = evtimer_new(control->base, on_turn, applying);
	if (!applying || !applying->turn) {
		free(applying);
		wanted_free(&request->wanted);
		refuse(&refusal, REFUSAL_out_of_memory,
		       "t0xd has no memory left: free some on this host and try again");
		request->done(&refusal, NULL, request->arg);
		return;
	}
	applying->control = control;
	applying->principal = *principal;
	applying->request = *request;
	begin(applying);
}
