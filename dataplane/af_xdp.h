// SPDX-License-Identifier: BSD-3-Clause
// AF_XDP ports: what DPDK's driver leaves to us.
#pragma once

#define AF_XDP_DRIVER "net_af_xdp"

// How many rx queues the netdev of the devargs has, as the driver counts them: combined channels. 1
// where the netdev has none, or does not exist. Control thread.
unsigned af_xdp_queues(const char *devargs);
