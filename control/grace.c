// SPDX-License-Identifier: BSD-3-Clause
#include "grace.h"

#include "dataplane/rcu.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>

// Workers pass a quiescent point every few microseconds, or are asleep and do not count.
#define POLL_INTERVAL_US 50

static struct event *timer;

static void poll_again(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval interval = {.tv_usec = POLL_INTERVAL_US};

	if (rcu_poll() > 0)
		event_add(timer, &interval);
}

int grace_open(struct event_base *base)
{
	timer = evtimer_new(base, poll_again, NULL);
	return timer != NULL ? 0 : -ENOMEM;
}

void grace_close(void)
{
	if (timer != NULL)
		event_free(timer);
	timer = NULL;
}

void grace_start(void)
{
	const struct timeval now = {};

	// From the loop and not from here: callbacks must not run inside the one who published.
	if (timer != NULL && !evtimer_pending(timer, NULL))
		evtimer_add(timer, &now);
}
