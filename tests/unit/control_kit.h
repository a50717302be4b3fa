// SPDX-License-Identifier: BSD-3-Clause
// What the tests of changes share: a control thread without a kernel side, with a real store, real
// ports of DPDK, one worker, and grace periods that end.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/control.h"
#include "control/grace.h"
#include "control/program.h"
#include "control/refusal.h"
#include "control/rules.h"
#include "control/store.h"
#include "dataplane/exchange.h"
#include "dataplane/worker.h"

#include <event2/event.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct exchange_control control;
static const struct principal root = {"uid:0", true};
static char directory[] = "/tmp/t0x-control-XXXXXX";

struct answer {
	bool given;
	bool refused;
	struct refusal refusal;
};

static void take_answer(const struct refusal *refusal, void *arg)
{
	struct answer *answer = arg;

	assert_false(answer->given); // exactly once
	answer->given = true;
	answer->refused = refusal != NULL;
	if (refusal != NULL)
		answer->refusal = *refusal;
}

static enum refusal_code wait_answer(struct answer *answer)
{
	for (unsigned i = 0; !answer->given && i < 10000; i++)
		event_base_loop(control.base, EVLOOP_ONCE);
	assert_true(answer->given);
	return answer->refused ? answer->refusal.code : REFUSAL_none;
}

static void settle(void)
{
	while (rcu_poll() > 0)
		;
	event_base_loop(control.base, EVLOOP_NONBLOCK);
}

static inline int start(void **state)
{
	char *argv[] = {(char *)"test",	       (char *)"--no-huge",   (char *)"-m",
			(char *)"256",	       (char *)"--no-pci",    (char *)"--no-shconf",
			(char *)"--lcores",    (char *)"0@(0-1),1@0", (char *)"--no-telemetry",
			(char *)"--log-level", (char *)"lib.*:error"};
	char error[256];
	struct event_config *config = event_config_new();

	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0 || workers_init(1, 4096) < 0)
		return -1;
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	control.base = event_base_new_with_config(config);
	event_config_free(config);
	if (grace_open(control.base) < 0 || mkdtemp(directory) == NULL)
		return -1;
	region_init(&control.region);
	control.store = store_open(directory, 0, error, sizeof(error));
	if (control.store == NULL)
		return -1;
	return workers_start();
}

static inline int stop(void **state)
{
	char command[64];

	workers_stop();
	settle();
	grace_close();
	region_free(&control.region);
	store_close(control.store);
	event_base_free(control.base);
	workers_free();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}
