// SPDX-License-Identifier: BSD-3-Clause
// Which worker polls which rx queue.
//
// Rx queue q of port p goes to worker (p + q) mod workers, unless the operator has said otherwise.
// What he said holds until t0xd ends, also when the port goes and comes back: it is known by name.
// Who polls a queue is nothing that a packet depends on; only one worker at a time may.
//
// So a queue moves in two steps. First the old owner's poll list is published without it; after a
// grace period, when that worker has begun a round without it, the new owner's is published with
// it. In between frames wait in the rx ring. What the old owner took has then been sent, so a flow
// keeps its order.
//
// Control thread.
#pragma once

#include <stdint.h>

#define PLACEMENT_NOBODY UINT8_MAX // on the way from one worker to another

// A port with so many rx queues (at most QUEUES_MAX) has come: have them polled. Returns 0 or
// -ENOMEM.
int placement_add(uint16_t port, const char *name, uint16_t rx_queues);

// It goes: after a grace period nobody polls it. Without memory the process ends.
void placement_remove(uint16_t port);

// Somebody beyond the process wants to know whether a port's queues are polled: whoever polls queue
// q writes CLOCK_MONOTONIC, in ns, to beats[q * stride], every few milliseconds and only while he
// gets round. Until placement_remove() and a grace period have passed the memory must stay. Returns
// 0 or -ENOMEM.
int placement_beat(uint16_t port, uint64_t *beats, unsigned stride);

// Who polls a queue that there is: a worker, or PLACEMENT_NOBODY.
unsigned placement_worker(uint16_t port, uint16_t queue);

// Give a queue that there is to a worker that there is. 'done' is called when he has it, by
// rcu_poll(), or at once where he had it before; with the port gone meanwhile it is called, too.
// Returns 0; -EBUSY while it is on its way elsewhere; -ENOMEM: nothing has changed.
int placement_move(
	uint16_t port, uint16_t queue, unsigned worker, void (*done)(void *arg), void *arg
);

// Forget what the operator said: for tests.
void placement_forget(void);
