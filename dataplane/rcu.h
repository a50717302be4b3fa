// SPDX-License-Identifier: BSD-3-Clause
// When an object that workers may still read can be freed.
//
// Everything that workers read (tables, egresses, ingresses, port maps, poll lists) is immutable
// and reached through one published pointer. To change it, the control thread builds a new object,
// swaps the pointer (release, pairs with the workers' acquire in published()), and hands the old
// one to rcu_call(). Each worker reports quiescence once a loop, at a point where it holds no such
// pointer and has flushed its tx buffers and what it handed to other workers. A worker that sleeps
// is offline and holds up nobody.
//
// A grace period here is two passes of rte_rcu_qsbr over all workers, with a wait between them.
// After the first pass no worker reads the old object. But a packet that a worker decided by it may
// still lie in the hand-over ring of a tx queue's owner, who had reported, or gone to sleep, before
// it arrived: so all that the rings hold at that moment must first be taken off them. The second
// pass then makes every owner flush what it took. Others may have to be waited for as well, such as
// the kernel's programs that forward beside the workers (rcu_watch). So after a grace period not
// only the object is unreachable: no frame that was decided by it will still be sent.
//
// Callbacks gather while a grace period runs and then share the next one: a thousand changes wait
// for one. The control thread never spins: it calls rcu_poll() from its event loop.
#pragma once

#include <stdbool.h>

// n workers will register. Returns 0 or -ENOMEM. Control thread, before the workers.
int rcu_init(unsigned n);
void rcu_free(void);

// What lies between workers, or elsewhere beyond their sight: 'mark' notes it, 'passed' says
// whether all that was noted has since been taken. Up to two may watch; a grace period waits for
// both. Control thread, while no grace period runs.
#define RCU_WATCHES_MAX 2
void rcu_watch(void (*mark)(void), bool (*passed)(void));

// Call fn(arg) on the control thread after a grace period that starts from now. Memory for the
// note itself that cannot be had ends the process: the caller could not undo what it published.
void rcu_call(void (*fn)(void *), void *arg);

// Run the callbacks that are due. Returns how many are still waiting. Control thread.
unsigned rcu_poll(void);

// Return when each worker has been through a quiescent point, or is asleep: what it was in the
// middle of has ended. One pass, not the two of a grace period: frames may still lie between
// workers. For threads that are neither a worker nor the control thread; before rcu_init() and
// after rcu_free() it returns at once.
void rcu_wait(void);

// For the loop of a worker, by its number.
void rcu_worker_register(unsigned worker);
void rcu_worker_unregister(unsigned worker);
void rcu_worker_online(unsigned worker);
void rcu_worker_offline(unsigned worker);
void rcu_worker_quiescent(unsigned worker);

// Load a published pointer. Pairs with publish(): what the control thread wrote to the object
// before is visible.
#define published(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)

// Swap a published pointer and return the old value. Pairs with published(). Control thread.
#define publish(pointer, object) __atomic_exchange_n(&(pointer), (object), __ATOMIC_ACQ_REL)
