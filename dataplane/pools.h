// SPDX-License-Identifier: BSD-3-Clause
// Packet buffers: one pool, and on a host of several NUMA sockets one more for each further socket
// that has a port, so that a NIC writes to memory of its own socket.
//
// The first pool is on the socket of the first worker. A pool that cannot be had where it should be
// is no failure: the first one serves all. Control thread; any thread may take buffers.
#pragma once

#include <rte_mempool.h>

// Make the first pool, of 'buffers', on socket 'home' of 'sockets', or SOCKET_ID_ANY. 0 or -errno.
int pools_init(unsigned buffers, int home, unsigned sockets);
void pools_free(void);

// The pool for a port on this socket: made when the first one asks. SOCKET_ID_ANY, and what is no
// socket: the first pool.
struct rte_mempool *pools_on(int socket);

// Buffers of all pools, and how many of them are taken.
void pools_count(unsigned *total, unsigned *in_use);
