// SPDX-License-Identifier: BSD-3-Clause
#include "interrupt.h"

#include "link_bell.h"
#include "rcu.h"

#include <dlfcn.h>
#include <errno.h>
#include <rte_interrupts.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool calling; // within interrupt_call(). Interrupt thread: rw

// Is it a driver that calls, on the interrupt thread and by itself?
static bool is_driver(void)
{
	return rte_thread_is_intr() && !calling;
}

static void let_bursts_end(void)
{
	if (is_driver())
		rcu_wait();
}

// In place of EAL's and libc's, for all that the dynamic linker binds:

// The port has been marked as not connected. All else is still there: descriptors that a burst may
// write to, and whose numbers others will get, are closed after this.
int rte_intr_callback_unregister(
	const struct rte_intr_handle *handle, rte_intr_callback_fn fn, void *arg
)
{
	static typeof(rte_intr_callback_unregister) *next;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "rte_intr_callback_unregister");
	let_bursts_end();
	if (is_driver() && rte_intr_type_get(handle) == RTE_INTR_HANDLE_EXT) // memif's
		link_bell_ring();
	return next(handle, fn, arg);
}

// A connection is being made, and not yet marked as such. A burst that looked for the rings before,
// and found none or those of the last connection, must end before it could take them for connected.
// EAL itself maps at places of its choice, and with locks held: that is not meant.
void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
	long result = syscall(SYS_mmap, address, size, protection, flags, fd, offset);

	if (result != -1 && address == NULL && flags == MAP_SHARED) {
		let_bursts_end();
		if (is_driver())
			link_bell_ring();
	}
	return (void *)result;
}

// Calls, for which a bell is rung there. Not by an alarm of EAL's, which must be idle at its end.

struct call {
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static int bell = -1;
static struct call *wanted; // control: wo before it rings, interrupt thread: ro when it hears it

static void on_bell(void *arg)
{
	struct call *call = wanted;
	eventfd_t rings;

	eventfd_read(bell, &rings);
	calling = true;
	call->fn(call->arg);
	calling = false;
	sem_post(&call->done);
}

static int bell_hang(void)
{
	struct rte_intr_handle *handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (handle != NULL && bell >= 0 && rte_intr_fd_set(handle, bell) == 0 &&
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_EXT) == 0 &&
	    rte_intr_callback_register(handle, on_bell, NULL) == 0) {
		rte_intr_instance_free(handle); // EAL has a copy
		return 0;
	}
	rte_intr_instance_free(handle);
	if (bell >= 0)
		close(bell);
	bell = -1;
	return -ENOMEM;
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		; // a signal
}

void interrupt_call(void (*fn)(void *arg), void *arg)
{
	struct call call = {.fn = fn, .arg = arg};

	if (bell < 0 && bell_hang() < 0) {
		fn(arg);
		return;
	}
	sem_init(&call.done, 0, 0);
	wanted = &call;
	eventfd_write(bell, 1);
	wait_for(&call.done);
	sem_destroy(&call.done);
}

static void park(void *arg)
{
	sem_post(arg);
	for (;;)
		pause();
}

void interrupt_park(void)
{
	static struct call call = {.fn = park};
	static sem_t parked;

	if (bell < 0)
		return; // no call was made
	sem_init(&parked, 0, 0);
	call.arg = &parked;
	wanted = &call;
	eventfd_write(bell, 1);
	wait_for(&parked);
}
