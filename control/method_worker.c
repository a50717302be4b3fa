// SPDX-License-Identifier: BSD-3-Clause
// The workers: what each polls and sends on, and moving an rx queue from one to another.
#include "control.h"
#include "dataplane/counters.h"
#include "dataplane/placement.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "grace.h"
#include "log.h"
#include "method_read.h"
#include "params.h"
#include "record.h"
#include "store.h"

#include <errno.h>
#include <rte_build_config.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_MODULE "worker"

static bool may(struct rpc_call *call, const struct principal *principal, const char *what)
{
	struct refusal refusal;

	if (rule_admin(principal, what, &refusal) == 0)
		return true;
	rpc_refuse(call, &refusal);
	return false;
}

// Append those of n queues of a port that are the worker's by 'whose'. Returns 0 or -1.
static int add_queues(
	json_t *list, unsigned worker, uint16_t id, const char *port, uint16_t n,
	unsigned (*whose)(uint16_t id, uint16_t queue)
)
{
	int bad = 0;

	for (uint16_t queue = 0; queue < n; queue++)
		if (whose(id, queue) == worker)
			bad |= json_array_append_new(
				list, json_pack("{s:s, s:i}", "port", port, "queue", queue)
			);
	return bad;
}

// What the drivers tell of each port, asked once for all workers.
struct ports {
	struct {
		bool there;
		struct port_status status;
	} port[RTE_MAX_ETHPORTS];
};

static json_t *worker_to_json(unsigned worker, const struct ports *ports)
{
	json_t *rx = json_array(), *tx = json_array();
	struct worker_count count;
	int bad = !rx || !tx;
	double ratio;

	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		const struct port_status *port = &ports->port[id].status;

		if (!ports->port[id].there)
			continue;
		bad |= add_queues(rx, worker, id, port->name, port->rx_queues, placement_worker);
		bad |= add_queues(tx, worker, id, port->name, port->tx_queues, port_tx_worker);
	}
	if (bad) {
		json_decref(rx);
		json_decref(tx);
		return NULL;
	}
	counters_read_worker(worker, &count);
	ratio = count.total_tsc ? (double)count.busy_tsc / (double)count.total_tsc : 0;
	return json_pack(
		"{s:i, s:i, s:f, s:o, s:o}", "worker", (int)worker, "cpu", worker_cpu(worker),
		"busy_ratio", ratio, "rx_queues", rx, "tx_queues", tx
	);
}

METHOD(method_worker_list)
{
	const struct param table[] = {{}};
	struct ports ports;
	json_t *list;
	int bad;

	if (!params_read(call, params, table) || !may(call, principal, "look at workers"))
		return;
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++)
		ports.port[id].there = port_status(id, &ports.port[id].status);
	list = json_array();
	bad = !list;
	for (unsigned i = 0; i < workers_count(); i++)
		bad |= json_array_append_new(list, worker_to_json(i, &ports));
	if (bad) {
		json_decref(list);
		list = NULL;
	}
	rpc_answer(call, list);
}

// A queue on its way.
struct set {
	struct rpc_call *call;
	struct exchange_control *control;
	struct principal principal;
	struct port_status port;
	uint16_t id;
	uint16_t queue;
	unsigned from;
	unsigned to;
};

static void record(const struct set *set)
{
	struct event event = record_event(
		&set->principal, "worker.set", "", NULL, "rx queue %u: from worker %u to %u",
		set->queue, set->from, set->to
	);

	snprintf(event.object, sizeof(event.object), "%s", set->port.name);
	if (store_events(set->control->store, &event, 1) < 0)
		LOG(ERROR, "event=lost why=" LOG_TEXT, log_text(store_error(set->control->store)));
	LOG(NOTICE, "event=queue_moved port=%s queue=%u from=%u to=%u", set->port.name, set->queue,
	    set->from, set->to);
}

static void set_done(void *arg)
{
	struct set *set = arg;

	if (set->from != set->to)
		record(set);
	rpc_answer(
		set->call,
		json_pack(
			"{s:s, s:i, s:i}", "port", set->port.name, "queue", set->queue, "worker",
			(int)set->to
		)
	);
	free(set);
}

// Is there such a queue, and such a worker? Fills id and port of 'set'. Returns 0 or -1.
static int check_set(
	struct set *set, const char *port, json_int_t queue, json_int_t worker,
	struct refusal *refusal
)
{
	if (!port_find(port, &set->id) || !port_status(set->id, &set->port))
		return refuse(
			refusal, REFUSAL_port_not_found,
			"no T0 port named \"%.80s\" is attached: t0xctl port list shows those there are",
			port
		);
	if (queue < 0 || queue >= set->port.rx_queues)
		return refuse(
			refusal, REFUSAL_queue_not_found,
			"port %s has no rx queue %" JSON_INTEGER_FORMAT
			": it has %u, counted from 0",
			set->port.name, queue, set->port.rx_queues
		);
	if (worker < 0 || worker >= workers_count())
		return refuse(
			refusal, REFUSAL_worker_not_found,
			"there is no worker %" JSON_INTEGER_FORMAT
			": there are %u, counted from 0; t0xd --workers gives each a CPU",
			worker, workers_count()
		);
	return 0;
}

METHOD(method_worker_set)
{
	json_int_t queue = 0, worker = 0;
	const char *port = NULL;
	const struct param table[] = {
		{"port", PARAM_TEXT, &port},
		{"queue", PARAM_NUMBER, &queue},
		{"worker", PARAM_NUMBER, &worker},
		{},
	};
	struct refusal refusal;
	struct set *set;

	if (!params_read(call, params, table) || !may(call, principal, "place rx queues"))
		return;
	set = calloc(1, sizeof(*set));
	if (!set) {
		rpc_answer(call, NULL);
		return;
	}
	set->call = call;
	set->control = arg;
	set->principal = *principal;
	if (check_set(set, port, queue, worker, &refusal) < 0) {
		rpc_refuse(call, &refusal);
		free(set);
		return;
	}
	set->queue = (uint16_t)queue;
	set->from = placement_worker(set->id, set->queue);
	set->to = (unsigned)worker;
	// Changes come one after the other, so that no queue is on its way here.
	if (placement_move(set->id, set->queue, set->to, set_done, set) < 0) {
		rpc_answer(call, NULL);
		free(set);
		return;
	}
	grace_start();
}
