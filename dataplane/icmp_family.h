// SPDX-License-Identifier: BSD-3-Clause
// What differs between the families in an ICMP error. For icmp.c and the files beside it only.
#pragma once

#include "packet.h"

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>

// One layout does for both: ICMPv6 has the MTU in 32 bits.
struct icmp_header {
	uint8_t type;
	uint8_t code;
	rte_be16_t checksum;
	rte_be16_t unused;
	rte_be16_t mtu; // RFC 1191 4, RFC 4443 3.2; else zero
};

struct icmp_family {
	unsigned headers; // bytes of IP and ICMP header in front of what is quoted
	unsigned size_max; // bytes of IP of the whole error

	// May the packet be answered by an error, as far as it alone tells?
	bool (*may_answer)(const struct packet *packet);

	// Write the headers in front of 'quote', of which 'quoted' bytes follow; the ICMP header
	// comes without its checksum.
	void (*write
	)(const struct packet *packet, const struct icmp_header *header, uint8_t *quote,
	  unsigned quoted);
};

extern const struct icmp_family icmp_ipv4;
extern const struct icmp_family icmp_ipv6;
