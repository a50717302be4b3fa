// SPDX-License-Identifier: BSD-3-Clause
#include "rcu.h"

#include <errno.h>
#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_STEP_NS 50000

struct callback {
	void (*fn)(void *);
	void *arg;
};

struct batch {
	struct callback *callback;
	unsigned n;
	unsigned room;
};

// Of a grace period, in order (rcu.h).
enum step {
	STEP_NONE, // none runs
	STEP_FIRST_PASS,
	STEP_HANDED_OVER,
	STEP_SECOND_PASS,
};

// What workers read each round, on a line that nobody writes.
static struct {
	struct rte_rcu_qsbr *qsbr;
} __rte_cache_aligned shared;

_Static_assert(sizeof(shared) == RTE_CACHE_LINE_SIZE, "away from what the control thread writes");

static struct batch gathering; // waits for the running grace period to end
static struct batch waiting; // what the running grace period is for
static enum step step;
static uint64_t token; // of the running pass
static struct {
	void (*mark)(void);
	bool (*passed)(void);
} watches[RCU_WATCHES_MAX];
static unsigned n_watches;

// Held by who waits in rcu_wait(), so that what it looks at does not come and go meanwhile.
static pthread_mutex_t waits = PTHREAD_MUTEX_INITIALIZER;

static void set_qsbr(struct rte_rcu_qsbr *qsbr)
{
	pthread_mutex_lock(&waits);
	shared.qsbr = qsbr;
	pthread_mutex_unlock(&waits);
}

int rcu_init(unsigned n)
{
	size_t size = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(n), RTE_CACHE_LINE_SIZE);
	struct rte_rcu_qsbr *qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (qsbr == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(qsbr, n) != 0) {
		free(qsbr);
		return -EINVAL;
	}
	set_qsbr(qsbr);
	return 0;
}

void rcu_free(void)
{
	struct rte_rcu_qsbr *qsbr = shared.qsbr;

	set_qsbr(NULL);
	free(qsbr);
	free(gathering.callback);
	free(waiting.callback);
	gathering = (struct batch){};
	waiting = (struct batch){};
	step = STEP_NONE;
	n_watches = 0;
}

void rcu_watch(void (*mark)(void), bool (*passed)(void))
{
	if (n_watches == RCU_WATCHES_MAX)
		abort();
	watches[n_watches].mark = mark;
	watches[n_watches++].passed = passed;
}

void rcu_call(void (*fn)(void *), void *arg)
{
	if (gathering.n == gathering.room) {
		unsigned room = gathering.room ? 2 * gathering.room : 64;
		struct callback *grown = realloc(gathering.callback, room * sizeof(*grown));

		if (grown == NULL) {
			fputs("t0xd: out of memory while retiring an object\n", stderr);
			abort();
		}
		gathering.callback = grown;
		gathering.room = room;
	}
	gathering.callback[gathering.n++] = (struct callback){fn, arg};
}

static void step_begin(enum step next)
{
	step = next;
	if (step != STEP_HANDED_OVER) {
		token = rte_rcu_qsbr_start(shared.qsbr);
		return;
	}
	for (unsigned i = 0; i < n_watches; i++)
		watches[i].mark();
}

static bool step_ended(void)
{
	if (step != STEP_HANDED_OVER)
		return rte_rcu_qsbr_check(shared.qsbr, token, false) == 1;
	for (unsigned i = 0; i < n_watches; i++)
		if (!watches[i].passed())
			return false;
	return true;
}

unsigned rcu_poll(void)
{
	if (step == STEP_NONE && gathering.n > 0) {
		struct batch swap = waiting;

		waiting = gathering;
		gathering = swap;
		step_begin(STEP_FIRST_PASS);
	}
	while (step != STEP_NONE && step_ended()) {
		if (step != STEP_SECOND_PASS) {
			step_begin(step + 1);
			continue;
		}
		step = STEP_NONE;

		// A callback may call rcu_call(): that gathers for the next period.
		unsigned n = waiting.n;

		waiting.n = 0;
		for (unsigned i = 0; i < n; i++)
			waiting.callback[i].fn(waiting.callback[i].arg);
	}
	return waiting.n + gathering.n;
}

void rcu_wait(void)
{
	const struct timespec step_time = {.tv_nsec = WAIT_STEP_NS};

	pthread_mutex_lock(&waits);
	if (shared.qsbr != NULL) {
		uint64_t awaited = rte_rcu_qsbr_start(shared.qsbr);

		while (rte_rcu_qsbr_check(shared.qsbr, awaited, false) != 1)
			nanosleep(&step_time, NULL);
	}
	pthread_mutex_unlock(&waits);
}

void rcu_worker_register(unsigned worker)
{
	rte_rcu_qsbr_thread_register(shared.qsbr, worker);
}

void rcu_worker_unregister(unsigned worker)
{
	rte_rcu_qsbr_thread_unregister(shared.qsbr, worker);
}

void rcu_worker_online(unsigned worker)
{
	rte_rcu_qsbr_thread_online(shared.qsbr, worker);
}

void rcu_worker_offline(unsigned worker)
{
	rte_rcu_qsbr_thread_offline(shared.qsbr, worker);
}

void rcu_worker_quiescent(unsigned worker)
{
	rte_rcu_qsbr_quiescent(shared.qsbr, worker);
}
