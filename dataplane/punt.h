// SPDX-License-Identifier: BSD-3-Clause
// Between workers and the control thread: frames that the kernel is to answer, and its answers.
//
// Up: workers put punted frames, already through the allow-list and within their rate, on one
// bounded ring; the first on an empty ring rings a bell (an eventfd), so that an idle control
// thread sleeps. Down: what the kernel sends on a control netdev is checked, gets the T0 port's L2
// header, and goes to the worker that owns the port's tx queue.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

// Create the ring and the bell. 0 or -errno. Control thread, before the workers.
int punt_init(void);
void punt_free(void);

// Readable when frames wait. For the control thread's event loop.
int punt_bell(void);

// Hand a frame up. Takes the mbuf and returns true, or returns false when the ring is full.
// Worker.
bool punt_put(struct rte_mbuf *mbuf, uint16_t cloud);

// Take the frames that wait (at most a bounded number a call) and pass each, untagged, to 'fn'.
// Returns true when more wait. Control thread.
bool punt_take(
	void (*fn)(uint16_t cloud, const uint8_t *frame, size_t length, void *arg), void *arg
);

// Send a frame of the kernel's, untagged, at an even address, to the T0 router of a cloud. Only ARP
// for or about our gateway, IP from a gateway address, and neighbour discovery from our link-local
// address leave; anything else is refused.
//
// Returns 0; -EPERM refused; -ENOENT cloud not attached; -ENOBUFS no buffer or ring full. Control
// thread.
int punt_send(uint16_t cloud, const uint8_t *frame, size_t length);
