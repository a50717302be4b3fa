// SPDX-License-Identifier: BSD-3-Clause
// What DPDK's af_packet driver does that a T0 port must not.
//
// The driver is a tap on a Linux netdev, and it puts each of its sockets into a fanout group with
// PACKET_FANOUT_FLAG_DEFRAG, also when there is one queue (drivers/net/af_packet, 22.11): the
// kernel then reassembles IPv4 fragments before we see them, by addresses and identification alone.
// That would lose what is larger than a ring slot, and, worse, join fragments that came from
// different clouds. There is no devarg against it, so this file stands between the driver and the C
// library: its setsockopt() takes that flag out of PACKET_FANOUT and passes everything else on. It
// also sees which sockets are the driver's.
#pragma once

#include <rte_ether.h>

// The driver's name, as in rte_eth_dev_info.
#define AF_PACKET_DRIVER "net_af_packet"

// Our MAC on such a port, from the netdev's: a neighbour of it. The kernel receives every frame as
// well; with this destination it takes them for another host's and lets them be.
void af_packet_choose_mac(struct rte_ether_addr *mac);

// How many frames the netdev had for the driver's sockets on it that found their rings full. The
// driver (22.11) does not ask. netdev: its index. Control thread.
uint64_t af_packet_missed(int netdev);
