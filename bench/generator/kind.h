// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with the frames of a flow, if anything, and under which reason t0xd must count
// them. Without a reason they must arrive.
#pragma once

#define IPV4 1
#define IPV6 2

// KIND(name, families, reason of the drop, text)
#define KINDS(KIND) \
	KIND(valid, IPV4 | IPV6, NULL, "must arrive, or be counted as lost on the way") \
	KIND(forbidden, IPV4 | IPV6, "no_interconnect", "to a cloud without an interconnect") \
	KIND(spoofed, IPV4 | IPV6, "spoofed_source", "from an address of the cloud it goes to") \
	KIND(hairpin, IPV4 | IPV6, "hairpin", "to the cloud it comes from") \
	KIND(ttl, IPV4 | IPV6, "ttl_exceeded", "with one hop to live") \
	KIND(mac, IPV4 | IPV6, "not_for_us", "to another MAC") \
	KIND(vlan, IPV4 | IPV6, "unknown_vlan", "with the tag of nobody's VLAN") \
	KIND(version, IPV4 | IPV6, "bad_version", "of IP version 5") \
	KIND(length, IPV4 | IPV6, "bad_length", "that announce a byte more than there is") \
	KIND(truncated, IPV4 | IPV6, "too_short", "that end within the IP header") \
	KIND(martian, IPV4 | IPV6, "martian_source", "from the loopback address") \
	KIND(link_local, IPV4 | IPV6, "martian_destination", "to a link-local address") \
	KIND(multicast, IPV4 | IPV6, "multicast", "to a group") \
	KIND(large, IPV4 | IPV6, "frag_needed", \
	     "of a byte more than an MTU of 1500, not to be cut") \
	KIND(fragments, IPV4, NULL, \
	     "larger than an MTU of 1500, and must arrive in two fragments") \
	KIND(ethertype, IPV4, "unknown_ethertype", "of a local experimental ethertype") \
	KIND(checksum, IPV4, "bad_checksum", "with a wrong header checksum") \
	KIND(header_length, IPV4, "bad_header_length", "whose header ends before its end") \
	KIND(source_route, IPV4, "source_route", "with a loose source route")

enum kind {
#define KIND_ENUM(name, families, reason, text) KIND_##name,
	KINDS(KIND_ENUM)
#undef KIND_ENUM
		KIND_COUNT
};
