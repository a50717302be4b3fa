// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

uint16_t checksum(const void *data, size_t length)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (length & 1)
		sum += (uint32_t)p[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void mac_parse(const char *text, uint8_t mac[ETH_ALEN])
{
	int used = 0;
	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &used) != 6 ||
	    text[used])
		usage_error("not a MAC address", text);
}

// UDP over IPv4: the checksum covers a pseudo header, here put together by hand.
static void udp_checksum(const struct iphdr *ip, struct udphdr *udp, size_t length)
{
	uint8_t covered[12 + FRAME_MAX];
	memcpy(covered, &ip->saddr, 8);
	covered[8] = 0;
	covered[9] = IPPROTO_UDP;
	memcpy(covered + 10, &udp->len, 2);
	udp->check = 0;
	memcpy(covered + 12, udp, length);
	udp->check = checksum(covered, 12 + length);
}

static size_t ip_options_write(const char *name, in_addr_t to, uint8_t *at)
{
	if (!name)
		return 0;
	if (!strcmp(name, "nop")) {
		memset(at, IPOPT_NOP, 4);
		return 4;
	}
	bool route = !strcmp(name, "lsrr"), record = !strcmp(name, "rr");
	if (!route && !record)
		usage_error("--ip-option takes nop, rr or lsrr", name);
	at[0] = route ? IPOPT_LSRR : IPOPT_RR;
	at[1] = 7;
	at[2] = 4;
	memcpy(at + 3, &to, 4);
	at[7] = IPOPT_END;
	return 8;
}

static void ip_write(const struct options *o, struct iphdr *ip, size_t header, size_t length)
{
	unsigned flags = (o->df ? IP_DF : 0u) | (o->mf ? IP_MF : 0u);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = (unsigned char)(header / 4),
		.tot_len = htons((uint16_t)length),
		.id = htons(0x7078),
		.frag_off = htons((uint16_t)(flags | o->fragment)),
		.ttl = (uint8_t)o->ttl,
		.protocol = (uint8_t)(o->icmp_type >= 0 ? IPPROTO_ICMP : o->protocol),
		.saddr = address(o->from),
		.daddr = address(o->to),
	};
}

// Make one thing about the header wrong, and only one: the checksum is right for the rest.
static void ip_spoil(struct iphdr *ip, const char *bad, size_t header)
{
	if (bad && !strcmp(bad, "version"))
		ip->version = 5;
	else if (bad && !strcmp(bad, "ihl"))
		ip->ihl = 4;
	else if (bad && !strcmp(bad, "long"))
		ip->tot_len = htons((uint16_t)(ntohs(ip->tot_len) + 100));
	else if (bad && !strcmp(bad, "short"))
		ip->tot_len = htons((uint16_t)(header - 4));
	else if (bad && strcmp(bad, "checksum"))
		usage_error("--bad takes checksum, version, ihl, long or short", bad);
	ip->check = checksum(ip, header);
	if (bad && !strcmp(bad, "checksum"))
		ip->check ^= 0x5555;
}

// What an ICMP error is about: a UDP packet from where the error goes to --quote-to.
static size_t quote_write(const struct options *o, uint8_t *at)
{
	struct iphdr *ip = (struct iphdr *)at;
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	ip_write(o, ip, sizeof(*ip), sizeof(*ip) + sizeof(*udp) + sizeof(struct mark));
	ip->frag_off = 0;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = address(o->to);
	ip->daddr = address(o->quote_to ? o->quote_to : o->from);
	ip->check = checksum(ip, sizeof(*ip));
	udp->source = udp->dest = htons((uint16_t)o->port);
	udp->len = htons(sizeof(*udp) + sizeof(struct mark));
	return sizeof(*ip) + sizeof(*udp);
}

// Write the IPv4 packet; returns its length.
static size_t packet_write_ipv4(const struct options *o, uint64_t seq, uint8_t *packet)
{
	struct iphdr *ip = (struct iphdr *)packet;
	size_t header =
		sizeof(*ip) + ip_options_write(o->ip_option, address(o->to), packet + sizeof(*ip));
	uint8_t *l4 = packet + header, *payload = l4;
	if (o->icmp_type >= 0) {
		payload += sizeof(struct icmphdr);
		if (o->icmp_type != ICMP_ECHO && o->icmp_type != ICMP_ECHOREPLY)
			payload += quote_write(o, payload);
	} else if (o->protocol == IPPROTO_UDP) {
		payload += sizeof(struct udphdr);
	}
	memset(payload, 0, o->size);
	struct mark m;
	mark_write(&m, o->stream, seq);
	memcpy(payload, &m, sizeof(m));
	size_t l4_length = (size_t)(payload - l4) + o->size;

	ip_write(o, ip, header, header + l4_length);
	ip_spoil(ip, o->bad, header);
	if (o->icmp_type >= 0) {
		struct icmphdr icmp = {
			.type = (uint8_t)o->icmp_type,
			.code = (uint8_t)o->icmp_code,
			.un.echo = {.id = htons(0x7430), .sequence = htons((uint16_t)seq)},
		};
		if (o->icmp_type == ICMP_DEST_UNREACH && o->icmp_code == ICMP_FRAG_NEEDED)
			icmp.un.frag.mtu = htons(1000);
		memcpy(l4, &icmp, sizeof(icmp));
		icmp.checksum = checksum(l4, l4_length);
		memcpy(l4, &icmp, sizeof(icmp));
	} else if (o->protocol == IPPROTO_UDP) {
		struct udphdr *udp = (struct udphdr *)l4;
		udp->source = htons((uint16_t)(o->source_port ? o->source_port : o->port));
		udp->dest = htons((uint16_t)o->port);
		udp->len = htons((uint16_t)l4_length);
		udp_checksum(ip, udp, l4_length);
	}
	return header + l4_length;
}

// Write the whole frame; returns its length.
static size_t frame_write(
	const struct options *o, const uint8_t mac[ETH_ALEN], uint64_t seq, uint8_t *frame
)
{
	uint8_t *p = frame + 2 * ETH_ALEN;
	mac_parse(o->dst_mac, frame);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	for (unsigned i = 0; i < o->n_vlan; i++, p += 4) {
		uint16_t tag[2] = {
			htons(i ? ETHERTYPE_VLAN : (uint16_t)o->tpid), htons(o->vlan[i])};
		memcpy(p, tag, 4);
	}
	unsigned own_type = is_ipv6(o->to) ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	uint16_t type = htons((uint16_t)(o->ethertype ? o->ethertype : own_type));
	memcpy(p, &type, 2);
	p += 2;
	return (size_t)(p - frame) +
		(is_ipv6(o->to) ? packet_write_ipv6(o, mac, seq, p) : packet_write_ipv4(o, seq, p));
}

int inject_command(const struct options *o)
{
	uint8_t frame[FRAME_MAX + 256], mac[ETH_ALEN];
	struct sockaddr_ll local;
	struct ifreq request = {0};
	int fd = packet_socket(o, 0, &local); // protocol 0: this socket receives nothing
	uint64_t errors = 0, first = 0;

	if (!o->dst_mac)
		usage_error("--dst-mac is missing", NULL);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", o->dev);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		die(o->dev);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	if (o->src_mac)
		mac_parse(o->src_mac, mac);

	struct pace pace = pace_start(o);
	say_ready(o);
	for (; pace_next(&pace); pace.n++) {
		size_t length = frame_write(o, mac, pace.n, frame);
		if (!first)
			first = now_ns(CLOCK_REALTIME);
		if (send(fd, frame, length, 0) < 0)
			errors++;
	}
	pace_report(o, &pace, errors, first);
	return errors ? 1 : 0;
}
