// SPDX-License-Identifier: BSD-3-Clause
// EAL's interrupt thread, and what it must not do under a worker.
//
// When the other side of a memif port ends or comes, its driver takes the connection down or makes
// one on EAL's interrupt thread, and looks after nobody who is in a burst on that port: it marks
// the port as not connected, closes descriptors, unmaps the rings and frees what told of them, all
// at once. A worker that was in a burst would go on in memory that is gone, and t0xd with it: a
// cloud could end the exchange by ending itself.
//
// So interrupt.c has functions of its own in place of those that the driver calls at the right
// moments. On the interrupt thread, and only there, they wait until each worker has ended the burst
// that it may be in (rcu_wait()); bursts that begin later see the mark and leave the port alone.
// Those of memif ring the bell of the links (link_bell.h), too: the driver itself tells nobody.
// Only that thread waits; workers and other ports know nothing of it. Nobody may wait for the
// interrupt thread from within a worker's round, then.
#pragma once

// Run fn(arg) on the interrupt thread, where nothing else that a driver does there runs meanwhile,
// and return when it is done. There a worker is not waited for: what 'fn' takes down, no worker may
// poll. Control thread.
void interrupt_call(void (*fn)(void *arg), void *arg);

// Let nothing more happen on the interrupt thread, before rte_eal_cleanup(): EAL neither ends that
// thread nor forgets what drivers left registered, and takes away the memory in which both look for
// it. Control thread.
void interrupt_park(void);
