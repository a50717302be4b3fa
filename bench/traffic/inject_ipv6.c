// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#define OPTION_UNKNOWN 253 // RFC 4727: nobody acts on it

// The checksum of UDP and ICMPv6 covers a pseudo header, here put together by hand.
static uint16_t upper_checksum(
	const struct ip6_hdr *ip, unsigned protocol, const void *upper, size_t length
)
{
	uint8_t covered[40 + FRAME_MAX + 256] = {0};
	uint32_t n = htonl((uint32_t)length);
	memcpy(covered, &ip->ip6_src, 32);
	memcpy(covered + 32, &n, 4);
	covered[39] = (uint8_t)protocol;
	memcpy(covered + 40, upper, length);
	return checksum(covered, 40 + length);
}

static void header_write(const struct options *o, struct ip6_hdr *ip, unsigned next, size_t payload)
{
	*ip = (struct ip6_hdr){
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons((uint16_t)payload),
		.ip6_nxt = (uint8_t)next,
		.ip6_hlim = (uint8_t)o->ttl,
		.ip6_src = address6(o->from),
		.ip6_dst = address6(o->to),
	};
}

// Each extension header gets its kind written to where the one before says what follows, and says
// itself where its successor's goes.
static uint8_t *extension_write(
	uint8_t **kind_at, unsigned kind, const uint8_t bytes[8], uint8_t *at
)
{
	**kind_at = (uint8_t)kind;
	*kind_at = at;
	memcpy(at, bytes, 8);
	return at + 8;
}

static uint8_t *extensions_write(const struct options *o, uint8_t **kind_at, uint8_t *at)
{
	static const uint8_t options[8] = {0, 0, 1, 4}, long_options[8] = {0, 200, 1, 4};
	static const uint8_t route0[8] = {0, 0, 0, 1}, route4[8] = {0, 0, 4, 1};
	const char *name = o->extension ? o->extension : "";
	unsigned offset = o->fragment << 3 | o->mf;

	if (!strcmp(name, "hop"))
		at = extension_write(kind_at, IPPROTO_HOPOPTS, options, at);
	else if (!strcmp(name, "dst"))
		at = extension_write(kind_at, IPPROTO_DSTOPTS, options, at);
	else if (!strcmp(name, "rh0"))
		at = extension_write(kind_at, IPPROTO_ROUTING, route0, at);
	else if (!strcmp(name, "rh4"))
		at = extension_write(kind_at, IPPROTO_ROUTING, route4, at);
	else if (!strcmp(name, "twice"))
		for (unsigned i = 0; i < 2; i++)
			at = extension_write(kind_at, IPPROTO_HOPOPTS, options, at);
	else if (!strcmp(name, "cut"))
		at = extension_write(kind_at, IPPROTO_DSTOPTS, long_options, at);
	else if (*name)
		usage_error("--extension takes hop, dst, rh0, rh4, twice or cut", name);
	if (offset) {
		uint8_t fragment[8] = {0,   0,	(uint8_t)(offset >> 8), (uint8_t)offset, 0, 0,
				       't', 'x'};
		at = extension_write(kind_at, IPPROTO_FRAGMENT, fragment, at);
	}
	return at;
}

// What an ICMP error is about: a UDP packet from where the error goes to --quote-to.
static size_t quote_write(const struct options *o, uint8_t *at)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)at;
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	header_write(o, ip, IPPROTO_UDP, sizeof(*udp) + sizeof(struct mark));
	ip->ip6_src = address6(o->to);
	ip->ip6_dst = address6(o->quote_to ? o->quote_to : o->from);
	udp->source = udp->dest = htons((uint16_t)o->port);
	udp->len = htons(sizeof(*udp) + sizeof(struct mark));
	return sizeof(*ip) + sizeof(*udp);
}

// The target and options of neighbour discovery: the sender's MAC, and one that holds the payload.
static size_t nd_write(const struct options *o, const uint8_t mac[ETH_ALEN], uint8_t *at)
{
	struct in6_addr target = address6(o->target ? o->target : o->to);
	bool advertisement = o->icmp_type == ND_NEIGHBOR_ADVERT;
	size_t head = sizeof(target);
	if (o->size % 8)
		usage_error("--size of neighbour discovery must be in units of 8", NULL);
	memset(at, 0, head + 16);
	memcpy(at, &target, sizeof(target));
	at[head] = advertisement ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR;
	at[head + 1] = 1;
	memcpy(at + head + 2, mac, ETH_ALEN);
	at[head + 8] = OPTION_UNKNOWN;
	at[head + 9] = (uint8_t)((8 + o->size) / 8);
	return head + 16;
}

static size_t icmp_write(
	const struct options *o, const uint8_t mac[ETH_ALEN], uint64_t seq, uint8_t *at
)
{
	struct icmp6_hdr icmp = {
		.icmp6_type = (uint8_t)o->icmp_type,
		.icmp6_code = (uint8_t)o->icmp_code,
	};
	size_t more = 0;
	if (o->icmp_type == ICMP6_PACKET_TOO_BIG)
		icmp.icmp6_mtu = htonl(1280);
	else if (o->icmp_type == ICMP6_ECHO_REQUEST || o->icmp_type == ICMP6_ECHO_REPLY)
		icmp.icmp6_id = htons(0x7430), icmp.icmp6_seq = htons((uint16_t)seq);
	else if (o->icmp_type == ND_NEIGHBOR_ADVERT)
		icmp.icmp6_data32[0] = ND_NA_FLAG_OVERRIDE;
	if (o->icmp_type < ICMP6_ECHO_REQUEST)
		more = quote_write(o, at + sizeof(icmp));
	else if (o->icmp_type == ND_NEIGHBOR_SOLICIT || o->icmp_type == ND_NEIGHBOR_ADVERT)
		more = nd_write(o, mac, at + sizeof(icmp));
	memcpy(at, &icmp, sizeof(icmp));
	return sizeof(icmp) + more;
}

// Make one thing about the header wrong, and only one.
static void header_spoil(struct ip6_hdr *ip, const char *bad)
{
	uint16_t payload = ntohs(ip->ip6_plen);
	if (!strcmp(bad, "version"))
		ip->ip6_flow = htonl(5u << 28);
	else if (!strcmp(bad, "long"))
		ip->ip6_plen = htons((uint16_t)(payload + 100));
	else if (!strcmp(bad, "jumbo"))
		ip->ip6_plen = 0;
	else
		usage_error("--bad takes version, long or jumbo with IPv6", bad);
}

size_t packet_write_ipv6(
	const struct options *o, const uint8_t mac[ETH_ALEN], uint64_t seq, uint8_t *packet
)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)packet;
	unsigned protocol = o->icmp_type >= 0 ? IPPROTO_ICMPV6 : o->protocol;
	uint8_t *kind_at = packet + offsetof(struct ip6_hdr, ip6_nxt);
	uint8_t *upper, *payload;
	struct mark m;

	header_write(o, ip, protocol, 0);
	upper = payload = extensions_write(o, &kind_at, packet + sizeof(*ip));
	*kind_at = (uint8_t)protocol;
	if (o->icmp_type >= 0)
		payload += icmp_write(o, mac, seq, upper);
	else if (protocol == IPPROTO_UDP)
		payload += sizeof(struct udphdr);
	memset(payload, 0, o->size);
	mark_write(&m, o->stream, seq);
	memcpy(payload, &m, sizeof(m));

	size_t length = (size_t)(payload - upper) + o->size;
	ip->ip6_plen = htons((uint16_t)(upper + length - packet - sizeof(*ip)));
	if (o->icmp_type >= 0) {
		uint16_t sum = upper_checksum(ip, protocol, upper, length);
		memcpy(upper + offsetof(struct icmp6_hdr, icmp6_cksum), &sum, sizeof(sum));
	} else if (protocol == IPPROTO_UDP) {
		struct udphdr udp = {
			.source = htons((uint16_t)(o->source_port ? o->source_port : o->port)),
			.dest = htons((uint16_t)o->port),
			.len = htons((uint16_t)length),
		};
		memcpy(upper, &udp, sizeof(udp));
		udp.check = upper_checksum(ip, protocol, upper, length);
		memcpy(upper, &udp, sizeof(udp));
	}
	if (o->bad)
		header_spoil(ip, o->bad);
	return (size_t)(upper - packet) + length;
}
