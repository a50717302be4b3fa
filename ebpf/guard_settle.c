// SPDX-License-Identifier: BSD-3-Clause
// The kernel's own grace period: membarrier(2) returns when every CPU has left the programs that
// ran when it was called. That takes the kernel some 10 to 30 ms, so a thread waits for it.
#include "guard_internal.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Where the kernel has no such call, as with nohz_full: many times what it would have taken.
void guard_wait_for_kernel(void)
{
	static const struct timespec long_enough = {.tv_nsec = 200000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
		nanosleep(&long_enough, NULL);
}

static void *settle(void *arg)
{
	struct guard *guard = arg;
	uint64_t asked;

	pthread_mutex_lock(&guard->lock);
	while (!guard->ending) {
		if (guard->asked == guard->done) {
			pthread_cond_wait(&guard->wanted, &guard->lock);
			continue;
		}
		asked = guard->asked;
		pthread_mutex_unlock(&guard->lock);
		guard_wait_for_kernel();
		pthread_mutex_lock(&guard->lock);
		guard->done = asked;
	}
	pthread_mutex_unlock(&guard->lock);
	return NULL;
}

int guard_settler_start(struct guard *guard)
{
	sigset_t all, before;
	int code;

	pthread_mutex_init(&guard->lock, NULL);
	pthread_cond_init(&guard->wanted, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&guard->settler, NULL, settle, guard);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0)
		return guard_fail(-code, "no thread for the guard: %s", strerror(code));
	guard->has_settler = true;
	return 0;
}

void guard_settler_stop(struct guard *guard)
{
	if (!guard->has_settler)
		return;
	pthread_mutex_lock(&guard->lock);
	guard->ending = true;
	pthread_cond_signal(&guard->wanted);
	pthread_mutex_unlock(&guard->lock);
	pthread_join(guard->settler, NULL);
	guard->has_settler = false;
}

void guard_settle(struct guard *guard)
{
	if (!guard->touched)
		return;
	guard->touched = false;
	pthread_mutex_lock(&guard->lock);
	guard->asked++;
	pthread_cond_signal(&guard->wanted);
	pthread_mutex_unlock(&guard->lock);
}

bool guard_settled(struct guard *guard)
{
	bool settled;

	pthread_mutex_lock(&guard->lock);
	settled = guard->asked == guard->done;
	pthread_mutex_unlock(&guard->lock);
	return settled;
}
