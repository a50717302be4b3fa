// SPDX-License-Identifier: BSD-3-Clause
// The generator's own ports: every one that EAL has probed, one queue each way.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>

// Start them all. Returns how many there are, or -1 with the reason on stderr.
int ports_start(void);
void ports_stop(void);

struct rte_mempool *ports_pool(void);

// Has every port a peer? Drivers that cannot tell say yes.
bool ports_up(unsigned n);

// Frames that came for a port since it was started and that it had no room for, as far as its
// driver or the kernel tells.
uint64_t ports_missed(uint16_t port);
