// SPDX-License-Identifier: BSD-3-Clause
// Workers: each polls its rx queues and takes every packet from end to end.
#pragma once

#include "exchange.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

// Create pools, hand-over rings and the state of n workers. 'buffers' is the number of mbufs.
// 0 or -errno. Control thread, after rte_eal_init().
int workers_init(unsigned n, unsigned buffers);

// Launch them on the EAL worker lcores, in the order of their lcore ids. 0 or -errno.
int workers_start(void);

// Let them finish their loop and wait for them. Control thread.
void workers_stop(void);
void workers_free(void);

unsigned workers_count(void);

// The CPU that it runs on: the first, if it has several; -1 where no lcore is its own (in tests).
int worker_cpu(unsigned worker);

// The pool that ports without a socket receive into, see pools.h.
struct rte_mempool *worker_pool(void);

// A fresh buffer for a frame of the control thread's, or NULL.
struct rte_mbuf *worker_buffer(void);

// Send a frame by the worker that owns a tx queue of the port. Takes the mbuf and returns true, or
// returns false when its ring is full or the port is unknown. Control thread.
bool worker_inject(struct rte_mbuf *mbuf, uint16_t port);

// The longest that an idle worker may sleep, in ns: what the rx rings can absorb. Control thread,
// when ports come and go.
void workers_set_sleep(uint64_t ns);

// One round of a worker's loop, for tests that run without lcores: polls, forwards, flushes,
// reports quiescence. Returns how many packets it moved.
unsigned worker_round(unsigned worker);
