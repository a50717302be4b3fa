// SPDX-License-Identifier: BSD-3-Clause
// What of IPv6 neighbour discovery (RFC 4861) passes between a T0 router and the kernel.
//
// Up goes what asks for us and what answers us: solicitations of the router for our gateway, or for
// the link-local address from which the kernel solicits; advertisements of the router about itself,
// asked for or, when a standby takes over, to all nodes. The router is known by its address on the
// transit network; of its link-local addresses nothing is known but that they are link-local, so
// none of ours is taken for one of them, and the control thread keeps only one at a time.
//
// Nothing else: no router solicitation or advertisement, no redirect, no listener discovery. Of the
// groups of a link none is needed but the solicited-node groups of our two addresses, and all
// nodes.
#pragma once

#include "exchange.h"

#include <stdbool.h>
#include <stdint.h>

static inline bool addr6_is_link_local(struct addr6 addr)
{
	return addr.upper >> 54 == 0xfe80 >> 6;
}

static inline bool addr6_is_group(struct addr6 addr)
{
	return addr.upper >> 56 == 0xff;
}

// A group that ends with the link: ff02::/16.
static inline bool addr6_is_link_group(struct addr6 addr)
{
	return addr.upper >> 48 == 0xff02;
}

// May a packet from the cloud go up to the kernel? 'ip' points to 'length' bytes of IPv6, header
// and at least one byte more, with ICMPv6 behind the header. All that RFC 4861 7.1 demands is
// checked, the checksum too. Worker.
bool nd_may_go_up(const struct ingress *ingress, const uint8_t *ip, unsigned length);

// Is a packet of the kernel's, of 'length' bytes and at least a header, a neighbour solicitation or
// advertisement? Control thread.
bool nd_may_go_down(const uint8_t *ip, unsigned length);
