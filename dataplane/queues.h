// SPDX-License-Identifier: BSD-3-Clause
// How many queues a port gets, and how its frames are spread over them.
//
// One rx and one tx queue a worker, if the driver has as many; flows are spread by RSS where the
// port has it. A NIC spreads over the queues that are set up, however few. Not so some virtual
// drivers: on those frames come in on every queue that there is, so all are set up and polled.
// Where only the other side knows which queues it serves, t0x sends on the first alone, which
// everybody serves; the other workers hand over to its owner. Pure functions.
#pragma once

#include <rte_ethdev.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUES_MAX 128 // of a port; no driver without RSS has more

struct queues {
	uint16_t rx;
	uint16_t tx;
};

struct queues queues_choose(const struct rte_eth_dev_info *dev, unsigned workers);

// Ask for RSS over n rx queues in 'conf' as far as the port offers it: by addresses, and ports of
// TCP and UDP. A port without is left as it is.
void queues_spread(const struct rte_eth_dev_info *dev, uint16_t n, struct rte_eth_conf *conf);

// Devargs with as many queues as wanted, where the driver must be told so and they say nothing of
// it. Returns 'devargs' or, filled, 'text'.
const char *queues_devargs(const char *devargs, unsigned wanted, char *text, size_t size);
