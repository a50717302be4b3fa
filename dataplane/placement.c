// SPDX-License-Identifier: BSD-3-Clause
#include "placement.h"

#include "exchange.h"
#include "queues.h"
#include "worker.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(WORKERS_MAX < PLACEMENT_NOBODY, "a worker is not nobody");

static struct placed {
	char name[RTE_ETH_NAME_MAX_LEN]; // of the port
	uint16_t n; // rx queues; 0: no port
	uint8_t worker[QUEUES_MAX];
	uint64_t *beats; // see placement_beat(), or NULL
	unsigned stride;
} ports[RTE_MAX_ETHPORTS];

// What the operator said.
struct wish {
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t queue;
	uint8_t worker;
};

static struct wish *wishes;
static unsigned n_wishes;

static struct wish *find_wish(const char *name, uint16_t queue)
{
	for (unsigned i = 0; i < n_wishes; i++)
		if (wishes[i].queue == queue && strcmp(wishes[i].name, name) == 0)
			return &wishes[i];
	return NULL;
}

// Returns 0 or -ENOMEM.
static int wish(const char *name, uint16_t queue, unsigned worker)
{
	struct wish *found = find_wish(name, queue);

	if (found == NULL) {
		struct wish *grown = realloc(wishes, (n_wishes + 1) * sizeof(*wishes));

		if (grown == NULL)
			return -ENOMEM;
		wishes = grown;
		found = &wishes[n_wishes++];
		snprintf(found->name, sizeof(found->name), "%s", name);
		found->queue = queue;
	}
	found->worker = (uint8_t)worker;
	return 0;
}

void placement_forget(void)
{
	free(wishes);
	wishes = NULL;
	n_wishes = 0;
}

static uint64_t *beat_of(const struct placed *placed, uint16_t queue)
{
	return placed->beats != NULL ? &placed->beats[(size_t)queue * placed->stride] : NULL;
}

// Publish each worker's poll list anew. Returns 0, or -ENOMEM and all are as they were.
static int publish_polls(void)
{
	struct poll_list *lists[WORKERS_MAX] = {};
	unsigned n_workers = workers_count();
	unsigned total = 0;

	for (unsigned id = 0; id < RTE_MAX_ETHPORTS; id++)
		total += ports[id].n;
	for (unsigned i = 0; i < n_workers; i++) {
		lists[i] = malloc(sizeof(struct poll_list) + total * sizeof(struct poll_queue));
		if (lists[i] == NULL)
			goto fail;
		lists[i]->n = 0;
	}
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		for (uint16_t queue = 0; queue < ports[id].n; queue++) {
			struct poll_list *list;

			if (ports[id].worker[queue] == PLACEMENT_NOBODY)
				continue;
			list = lists[ports[id].worker[queue]];
			list->queue[list->n++] =
				(struct poll_queue){id, queue, beat_of(&ports[id], queue)};
		}
	}
	for (unsigned i = 0; i < n_workers; i++)
		exchange_set_poll(i, lists[i]);
	return 0;
fail:
	for (unsigned i = 0; i < n_workers; i++)
		free(lists[i]);
	return -ENOMEM;
}

int placement_add(uint16_t port, const char *name, uint16_t rx_queues)
{
	struct placed *placed = &ports[port];
	int code;

	snprintf(placed->name, sizeof(placed->name), "%s", name);
	placed->n = rx_queues;
	placed->beats = NULL;
	for (uint16_t queue = 0; queue < rx_queues; queue++) {
		const struct wish *said = find_wish(name, queue);

		placed->worker[queue] = said ? said->worker : (port + queue) % workers_count();
	}
	code = publish_polls();
	if (code < 0)
		placed->n = 0;
	return code;
}

int placement_beat(uint16_t port, uint64_t *beats, unsigned stride)
{
	ports[port].beats = beats;
	ports[port].stride = stride;
	return publish_polls();
}

void placement_remove(uint16_t port)
{
	ports[port].n = 0;
	if (publish_polls() < 0)
		abort(); // the port would be closed under the one who polls it
}

unsigned placement_worker(uint16_t port, uint16_t queue)
{
	return ports[port].worker[queue];
}

struct move {
	uint16_t port;
	uint16_t queue;
	uint8_t worker;
	void (*done)(void *arg);
	void *arg;
};

// The old owner has let go. Callbacks run in the order in which they were noted, and a port is
// removed by one: if it goes meanwhile, its id has not been given out again.
static void take_over(void *arg)
{
	struct move *move = arg;
	struct placed *placed = &ports[move->port];

	if (move->queue < placed->n) {
		placed->worker[move->queue] = move->worker;
		if (publish_polls() < 0)
			abort(); // nobody would ever poll it
	}
	move->done(move->arg);
	free(move);
}

int placement_move(
	uint16_t port, uint16_t queue, unsigned worker, void (*done)(void *arg), void *arg
)
{
	struct placed *placed = &ports[port];
	uint8_t before = placed->worker[queue];
	struct move *move;

	if (before == PLACEMENT_NOBODY)
		return -EBUSY;
	move = malloc(sizeof(*move));
	if (move == NULL || wish(placed->name, queue, worker) < 0) {
		free(move);
		return -ENOMEM;
	}
	if (before == worker) {
		free(move);
		done(arg);
		return 0;
	}
	*move = (struct move){port, queue, (uint8_t)worker, done, arg};
	placed->worker[queue] = PLACEMENT_NOBODY;
	if (publish_polls() < 0) {
		placed->worker[queue] = before;
		wish(placed->name, queue, before); // there is one: needs no memory
		free(move);
		return -ENOMEM;
	}
	rcu_call(take_over, move);
	return 0;
}
