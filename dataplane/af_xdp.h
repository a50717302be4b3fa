// SPDX-License-Identifier: BSD-3-Clause
// AF_XDP ports: what DPDK's driver leaves to us.
//
// The driver (22.11) does not end what it began. When a port is closed, its sockets stay open, so
// that the kernel keeps the queues and refuses them to the next port on the netdev; and the buffers
// that lie in the sockets' rings are lost to their pool, 2,048 and more a queue. So here is known
// which sockets came with a port, and when it goes their rings are emptied and they are closed.
//
// Control thread.
#pragma once

#include <rte_mempool.h>
#include <stdint.h>

#define AF_XDP_DRIVER "net_af_xdp"

// How many rx queues the netdev of the devargs has, as the driver counts them: combined channels. 1
// where the netdev has none, or does not exist.
unsigned af_xdp_queues(const char *devargs);

// Before a port's queues are set up, and after it or a failure: its sockets are those that have
// come since. The kernel gives a queue back some time after its socket was closed: if that was a
// moment ago, the first waits.
void af_xdp_begin(void);
void af_xdp_end(uint16_t port);

// The port is stopped, and nobody polls it: give the buffers in its rings, which are of 'pool',
// back.
void af_xdp_empty(uint16_t port, const struct rte_mempool *pool);

// The port has been closed: so are its sockets.
void af_xdp_close(uint16_t port);
