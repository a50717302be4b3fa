// SPDX-License-Identifier: BSD-3-Clause
#include "change.h"

#include "control.h"
#include "dataplane/rcu.h"
#include "grace.h"
#include "live.h"
#include "log.h"
#include "program.h"
#include "record.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "change"

// A change that waits for its grace period.
struct change {
	struct exchange_control *control;
	struct cloud *cloud;
	struct interconnect *interconnect;
	struct event event; // of its completion
	struct refusal refusal; // of a change that is being undone
	change_done done; // NULL when answered already
	void *arg;
};

static struct change *change_new(struct exchange_control *control, change_done done, void *arg)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->control = control;
	change->done = done;
	change->arg = arg;
	return change;
}

// Answer and forget.
static void finish(struct change *change, const struct refusal *refusal)
{
	if (change->done != NULL)
		change->done(refusal, change->arg);
	free(change);
}

static void refuse_memory(change_done done, void *arg)
{
	struct refusal refusal;

	refuse(&refusal, REFUSAL_out_of_memory,
	       "t0xd has no memory left: free some on this host and "
	       "try again");
	done(&refusal, arg);
}

static int refuse_store(struct exchange_control *control, struct refusal *refusal)
{
	return refuse(
		refusal, REFUSAL_store_failed,
		"the change was not made, because it could not be stored: "
		"%s; make room on the disk or mend it, and try again",
		store_error(control->store)
	);
}

static void wait_grace(struct change *change, void (*then)(void *))
{
	rcu_call(then, change);
	grace_start();
}

static void finish_done(void *arg)
{
	finish(arg, NULL);
}

static void finish_refused(void *arg)
{
	struct change *change = arg;
	struct refusal refusal = change->refusal;

	finish(change, &refusal);
}

// A cloud and its direct peers: whose tables hold its prefixes. Returns how many; the array, which
// the caller frees, is NULL without memory.
static unsigned with_peers(struct cloud *cloud, struct cloud ***ret_clouds)
{
	struct cloud **clouds = malloc((cloud->n_interconnects + 1) * sizeof(struct cloud *));
	unsigned n = 0;

	*ret_clouds = clouds;
	if (clouds == NULL)
		return 0;
	clouds[n++] = cloud;
	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		clouds[n++] = interconnect_other(cloud->interconnects[i], cloud);
	return n;
}

static struct program *prepare_with_peers(struct cloud *cloud, struct refusal *refusal)
{
	struct program *program = NULL;
	struct cloud **clouds;
	unsigned n = with_peers(cloud, &clouds);

	if (clouds == NULL)
		refuse(refusal, REFUSAL_out_of_memory,
		       "no memory for the tables of cloud %s and its "
		       "peers",
		       cloud->name);
	else
		program = program_prepare(clouds, n, refusal);
	free(clouds);
	return program;
}

// Clouds.

static void forget_cloud(struct exchange_control *control, struct cloud *cloud)
{
	program_forget(cloud->id);
	region_remove_cloud(&control->region, cloud);
}

static void cloud_create_undone(void *arg)
{
	struct change *change = arg;

	forget_cloud(change->control, change->cloud);
	finish_refused(change);
}

static void cloud_create_undo(struct change *change, bool attached)
{
	change->cloud->deleting = true;
	if (attached)
		live_detach(change->control, change->cloud, cloud_create_undone, change);
	else
		wait_grace(change, cloud_create_undone);
}

void change_cloud_create(
	struct exchange_control *control, const struct principal *principal,
	const struct cloud *given, change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct cloud cloud = *given;
	bool attached = false;

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_cloud_create(&control->region, principal, given, &change->refusal) < 0) {
		finish_refused(change);
		return;
	}
	cloud.id = region_free_cloud_id(&control->region);
	cloud.created_at = record_now();
	snprintf(cloud.created_by, sizeof(cloud.created_by), "%s", principal->name);
	change->cloud = region_add_cloud(&control->region, &cloud);
	if (change->cloud == NULL) {
		free(change);
		refuse_memory(done, arg);
		return;
	}

	// The table before the port: a frame that comes in finds it.
	struct program *program = program_prepare(&change->cloud, 1, &change->refusal);

	if (program == NULL) {
		cloud_create_undo(change, false);
		return;
	}
	program_new_cloud(change->cloud->id);
	program_publish(program);
	if (live_attach(control, change->cloud, &attached, &change->refusal) < 0) {
		cloud_create_undo(change, attached);
		return;
	}

	struct event event = record_cloud_create(principal, change->cloud);

	if (store_cloud_insert(control->store, change->cloud, &event, 1) < 0) {
		refuse_store(control, &change->refusal);
		cloud_create_undo(change, true);
		return;
	}
	live_report(control, change->cloud);
	wait_grace(change, finish_done);
}

void change_cloud_set(
	struct exchange_control *control, const struct principal *principal, const char *name,
	const struct cloud_settings *settings, change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct cloud *cloud = region_cloud(&control->region, name);

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_find_cloud(&control->region, name, &change->refusal) == NULL ||
	    rule_cloud_set(&control->region, principal, cloud, settings, &change->refusal) < 0) {
		finish_refused(change);
		return;
	}

	struct cloud before = *cloud;

	if (settings->has_mtu)
		cloud->mtu = settings->mtu;
	if (settings->has_router_mac || settings->learn_router_mac) {
		cloud->has_router_mac = settings->has_router_mac;
		cloud->router_mac = settings->router_mac;
	}

	struct event event = record_cloud_set(principal, cloud);
	int error = program_check_mtu(cloud, &change->refusal);

	if (error == 0 && store_cloud_update(control->store, cloud, &event, 1) < 0)
		error = refuse_store(control, &change->refusal);
	if (error < 0) {
		cloud->mtu = before.mtu;
		cloud->has_router_mac = before.has_router_mac;
		cloud->router_mac = before.router_mac;
		finish_refused(change);
		return;
	}

	live_settings(control, cloud, before.has_router_mac);
	wait_grace(change, finish_done);
}

static void cloud_deleted(void *arg)
{
	struct change *change = arg;

	forget_cloud(change->control, change->cloud);
	finish(change, NULL);
}

void change_cloud_delete(
	struct exchange_control *control, const struct principal *principal, const char *name,
	change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct cloud *cloud = region_cloud(&control->region, name);

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_find_cloud(&control->region, name, &change->refusal) == NULL ||
	    rule_cloud_delete(&control->region, principal, cloud, &change->refusal) < 0) {
		finish_refused(change);
		return;
	}

	struct event event = record_cloud_delete(principal, cloud);

	if (store_cloud_delete(control->store, cloud, &event, 1) < 0) {
		refuse_store(control, &change->refusal);
		finish_refused(change);
		return;
	}
	change->cloud = cloud;
	cloud->deleting = true;
	if (cloud->live.port_attached && !cloud->live.detaching)
		live_detach(control, cloud, cloud_deleted, change);
	else
		wait_grace(change, cloud_deleted); // behind a detach that may be on its way
}

// Segments.

void change_segment_create(
	struct exchange_control *control, const struct principal *principal, const char *name,
	const struct segment *given, change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct cloud *cloud = region_cloud(&control->region, name);
	struct program *program = NULL;
	struct segment *segment;

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_find_cloud(&control->region, name, &change->refusal) == NULL ||
	    rule_segment_create(&control->region, principal, cloud, given, &change->refusal) < 0) {
		finish_refused(change);
		return;
	}
	segment = cloud_add_segment(cloud, given);
	if (segment == NULL) {
		free(change);
		refuse_memory(done, arg);
		return;
	}
	if (segment->routed) {
		program = prepare_with_peers(cloud, &change->refusal);
		if (program == NULL)
			goto undo;
	}

	struct event event = record_segment_create(principal, cloud, segment);

	if (store_segment_insert(control->store, cloud, segment, &event, 1) < 0) {
		refuse_store(control, &change->refusal);
		goto undo;
	}
	if (program != NULL)
		program_publish(program);
	wait_grace(change, finish_done);
	return;
undo:
	program_discard(program);
	cloud_remove_segment(cloud, segment);
	finish_refused(change);
}

void change_segment_delete(
	struct exchange_control *control, const struct principal *principal, const char *name,
	const char *segment_name, change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct cloud *cloud = region_cloud(&control->region, name);
	struct program *program = NULL;

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_find_cloud(&control->region, name, &change->refusal) == NULL ||
	    rule_segment_delete(
		    &control->region, principal, cloud, segment_name, &change->refusal
	    ) < 0) {
		finish_refused(change);
		return;
	}

	struct segment *segment = cloud_segment(cloud, segment_name);
	bool routed = segment->routed;
	struct event event = record_segment_delete(principal, cloud, segment);

	if (routed) {
		// The tables as they will be without it.
		segment->routed = false;
		program = prepare_with_peers(cloud, &change->refusal);
		segment->routed = true;
		if (program == NULL) {
			finish_refused(change);
			return;
		}
	}
	if (store_segment_delete(control->store, cloud, segment_name, &event, 1) < 0) {
		program_discard(program);
		refuse_store(control, &change->refusal);
		finish_refused(change);
		return;
	}
	cloud_remove_segment(cloud, segment);
	if (program != NULL)
		program_publish(program);
	wait_grace(change, finish_done);
}

// Interconnects.

static void interconnect_built(void *arg)
{
	struct change *change = arg;
	struct exchange_control *control = change->control;
	struct interconnect *interconnect = change->interconnect;
	char reason[REASON_SIZE];

	// Not when a delete came in behind an answer that did not wait.
	if (interconnect->phase == PHASE_BUILDING) {
		interconnect->phase = PHASE_ACTIVE;
		interconnect->reported = interconnect_state(interconnect, reason);

		struct event event = record_event(
			NULL, "interconnect.state", interconnect->cloud->name,
			interconnect->peer->name, "%s%s%s",
			interconnect_state_name(interconnect->reported), reason[0] ? ": " : "",
			reason
		);

		// It was committed as Building, which a restart programs again: nothing is lost.
		if (store_interconnect_set_phase(control->store, interconnect, &event, 1) < 0)
			LOG(ERROR, "event=phase_not_stored interconnect=%s why=" LOG_TEXT,
			    interconnect->name, log_text(store_error(control->store)));
	}
	finish(change, NULL);
}

void change_interconnect_create(
	struct exchange_control *control, const struct principal *principal, const char *cloud_name,
	const char *peer_name, const char *name, bool confirmed, bool wait, change_done done,
	void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct interconnect interconnect = {.phase = PHASE_BUILDING, .reported = STATE_BUILDING};
	struct interconnect *existing;
	struct program *program;

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_interconnect_create(
		    &control->region, principal, cloud_name, peer_name, name, confirmed,
		    &interconnect.cloud, &interconnect.peer, &existing, &change->refusal
	    ) < 0) {
		finish_refused(change);
		return;
	}
	if (existing != NULL) {
		wait_grace(change, finish_done);
		return;
	}
	interconnect.id = region_free_interconnect_id(&control->region);
	snprintf(
		interconnect.name, sizeof(interconnect.name), "%s",
		name != NULL && name[0] != '\0' ? name : interconnect.peer->name
	);
	interconnect.created_at = record_now();
	snprintf(interconnect.created_by, sizeof(interconnect.created_by), "%s", principal->name);
	change->interconnect = region_add_interconnect(&control->region, &interconnect);
	if (change->interconnect == NULL) {
		free(change);
		refuse_memory(done, arg);
		return;
	}

	struct cloud *const ends[] = {interconnect.cloud, interconnect.peer};

	program = program_prepare(ends, 2, &change->refusal);
	if (program == NULL)
		goto undo;

	struct event event = record_interconnect_create(principal, change->interconnect);

	if (store_interconnect_insert(control->store, change->interconnect, &event, 1) < 0) {
		refuse_store(control, &change->refusal);
		goto undo;
	}
	program_new_interconnect(change->interconnect);
	program_publish(program);
	if (!wait) {
		change->done = NULL;
		done(NULL, arg);
	}
	wait_grace(change, interconnect_built);
	return;
undo:
	program_discard(program);
	region_remove_interconnect(&control->region, change->interconnect);
	finish_refused(change);
}

static void interconnect_gone(void *arg)
{
	struct change *change = arg;
	struct exchange_control *control = change->control;

	change->event.at = record_now();
	if (store_interconnect_delete(control->store, change->interconnect, &change->event, 1) <
	    0) {
		refuse(&change->refusal, REFUSAL_store_failed,
		       "the interconnect %s forwards nothing any more, but could not be removed from the "
		       "store: %s; delete it again, or restart t0xd, which completes it",
		       change->interconnect->name, store_error(control->store));
		finish_refused(change);
		return;
	}
	program_forget_interconnect(change->interconnect);
	region_remove_interconnect(&control->region, change->interconnect);
	finish(change, NULL);
}

void change_interconnect_delete(
	struct exchange_control *control, const struct principal *principal, const char *cloud,
	const char *name, change_done done, void *arg
)
{
	struct change *change = change_new(control, done, arg);
	struct interconnect *interconnect;

	if (change == NULL) {
		refuse_memory(done, arg);
		return;
	}
	if (rule_interconnect_delete(
		    &control->region, principal, cloud, name, &interconnect, &change->refusal
	    ) < 0) {
		finish_refused(change);
		return;
	}

	struct cloud *const ends[] = {interconnect->cloud, interconnect->peer};
	enum interconnect_phase before = interconnect->phase;
	struct event deleting = record_event(
		principal, "interconnect.delete", ends[0]->name, ends[1]->name,
		"Deleting, named %s", interconnect->name
	);
	struct program *program;

	change->interconnect = interconnect;
	change->event = record_event(
		principal, "interconnect.deleted", ends[0]->name, ends[1]->name,
		"gone, was named %s", interconnect->name
	);
	interconnect->phase = PHASE_DELETING;
	program = program_prepare(ends, 2, &change->refusal);
	if (program == NULL)
		goto undo;
	if (store_interconnect_set_phase(control->store, interconnect, &deleting, 1) < 0) {
		refuse_store(control, &change->refusal);
		goto undo;
	}
	program_publish(program);
	wait_grace(change, interconnect_gone);
	return;
undo:
	program_discard(program);
	interconnect->phase = before;
	finish_refused(change);
}

// Grants.

void change_grant(
	struct exchange_control *control, const struct principal *principal, const char *grantee,
	const char *cloud, enum role role, change_done done, void *arg
)
{
	struct grant grant = {.role = role};
	struct refusal refusal;

	if (rule_grant(&control->region, principal, grantee, cloud, &grant.cloud, &refusal) < 0) {
		done(&refusal, arg);
		return;
	}
	snprintf(grant.principal, sizeof(grant.principal), "%s", grantee);

	enum role before = region_role(&control->region, grantee, grant.cloud);
	struct event event = record_grant(principal, &grant, before);

	if (role == ROLE_NONE && before == ROLE_NONE)
		refuse(&refusal, REFUSAL_grant_not_found, "%s has no grant on cloud %s", grantee,
		       cloud);
	else if (region_set_grant(&control->region, grantee, grant.cloud, role) < 0)
		refuse(&refusal, REFUSAL_out_of_memory, "no memory for the grant");
	else if (store_grant_set(control->store, &grant, &event, 1) == 0) {
		done(NULL, arg);
		return;
	} else {
		refuse_store(control, &refusal);
		region_set_grant(&control->region, grantee, grant.cloud, before);
	}
	done(&refusal, arg);
}
