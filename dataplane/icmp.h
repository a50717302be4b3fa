// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about packets that were not forwarded (RFC 792, 1191, 1812 4.3.2; RFC 4443).
#pragma once

#include "packet.h"

#include <stdbool.h>

// Turn a dropped packet into the ICMP error that its sender is owed, in its own buffer.
//
// The error leaves by the port that the packet came in by, from the gateway address there, and
// quotes as much of the packet as fits 576 bytes, with IPv6 1,280. 'back' is the egress of the
// packet's own cloud, 'mtu' that of the egress that was too small for it (used for DROP_frag_needed
// only).
//
// Returns false, with the packet untouched, when none may be made: its reason asks for none; the
// packet is an ICMP error or a later fragment; its source has no business to be told; or there is
// no way back. Worker.
bool icmp_error_make(struct packet *packet, const struct egress *back, uint16_t mtu);
