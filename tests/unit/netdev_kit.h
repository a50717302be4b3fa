// SPDX-License-Identifier: BSD-3-Clause
// What netdev_test.c is made of: a namespace of its own for each test, frames to send, and a
// witness of what comes back.
#pragma once

#include "control/netdev.h"
#include "control/netdev_internal.h"
#include "control/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// after those it needs
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define KIT_STEPS 1000 // of at most 10 ms
#define KIT_TICK 100 // steps: as often as the daemon sees to what failed
#define KIT_FRAMES 256

struct witness {
	unsigned n_frames;
	struct {
		size_t length;
		uint8_t bytes[256]; // its beginning
	} frames[KIT_FRAMES];
	unsigned n_router;
	bool resolved;
	struct mac mac;
	uint16_t cloud; // of the last frame or router
};

struct kit {
	char netns[32];
	struct event_base *base;
	struct netdevs *netdevs;
	struct witness witness;
};

static void witness_frame(uint16_t cloud, const uint8_t *frame, size_t length, void *arg)
{
	struct witness *witness = arg;

	witness->cloud = cloud;
	if (witness->n_frames == KIT_FRAMES)
		return;
	witness->frames[witness->n_frames].length = length;
	memcpy(witness->frames[witness->n_frames++].bytes, frame, length < 256 ? length : 256);
}

static void witness_router(uint16_t cloud, const struct mac *mac, void *arg)
{
	struct witness *witness = arg;

	witness->cloud = cloud;
	witness->n_router++;
	witness->resolved = mac;
	if (mac)
		witness->mac = *mac;
}

static struct netdev_callbacks witness_callbacks(struct witness *witness)
{
	return (struct netdev_callbacks){witness_frame, witness_router, witness};
}

static bool router_is(const struct witness *witness, const struct mac *mac)
{
	return witness->n_router && witness->resolved == (mac != NULL) &&
		(!mac || !memcmp(&witness->mac, mac, sizeof(*mac)));
}

static void assert_router(const struct witness *witness, const struct mac *mac)
{
	assert_true(router_is(witness, mac));
}

// Waiting.

static void kit_wake(evutil_socket_t fd, short what, void *arg)
{
}

static void kit_step(struct kit *kit)
{
	const struct timeval step = {.tv_usec = 10000};
	struct event *wake = evtimer_new(kit->base, kit_wake, NULL);

	event_add(wake, &step);
	event_base_loop(kit->base, EVLOOP_ONCE);
	event_free(wake);
}

// The kernel answers while we write: all that will come is there already.
static void kit_settle(struct kit *kit)
{
	for (unsigned i = 0; i < 5; i++)
		kit_step(kit);
}

static bool kit_until_router(struct kit *kit, const struct mac *mac)
{
	for (unsigned i = 0; i < KIT_STEPS; i++) {
		if (router_is(&kit->witness, mac))
			return true;
		kit_step(kit);
	}
	return false;
}

// Namespaces and commands inside.

static void kit_name(char name[static 32])
{
	static unsigned n;

	snprintf(name, 32, "t0x-test-%d-%u", getpid(), n++);
}

static void kit_remove_netns(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	umount2(path, MNT_DETACH);
	unlink(path);
}

struct kit_command {
	const char *text;
	const char *expected;
	unsigned lines;
	bool found;
	int status;
};

static int kit_command_inside(void *arg)
{
	struct kit_command *command = arg;
	char line[1024];
	FILE *pipe = popen(command->text, "r");

	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		command->lines++;
		if (command->expected && strstr(line, command->expected))
			command->found = true;
	}
	command->status = pclose(pipe);
	return 0;
}

static struct kit_command kit_command(struct kit *kit, const char *text, const char *expected)
{
	struct kit_command command = {.text = text, .expected = expected};

	assert_int_equal(netns_run(kit->netdevs->netns, kit_command_inside, &command), 0);
	return command;
}

static void kit_run(struct kit *kit, const char *text)
{
	if (kit_command(kit, text, NULL).status)
		fail_msg("%s", text);
}

static bool kit_shows(struct kit *kit, const char *text, const char *expected)
{
	return kit_command(kit, text, expected).found;
}

static unsigned kit_count_lines(struct kit *kit, const char *text)
{
	return kit_command(kit, text, NULL).lines;
}

static bool kit_until_command(struct kit *kit, const char *text)
{
	char quiet[256];

	snprintf(quiet, sizeof(quiet), "{ %s; } 2>&1", text);
	for (unsigned i = 0; i < KIT_STEPS; i++) {
		if (!kit_command(kit, quiet, NULL).status)
			return true;
		kit_step(kit);
	}
	return false;
}

static void kit_open(struct kit *kit)
{
	const struct netdev_callbacks callbacks = witness_callbacks(&kit->witness);
	char error[256];

	kit->netdevs = netdevs_open(kit->base, kit->netns, &callbacks, error, sizeof(error));
	if (!kit->netdevs)
		fail_msg("%s", error);
}

static int kit_setup(void **state)
{
	struct kit *kit = calloc(1, sizeof(*kit));

	kit->base = event_base_new();
	kit_name(kit->netns);
	kit_open(kit);
	*state = kit;
	return 0;
}

static int kit_teardown(void **state)
{
	struct kit *kit = *state;

	netdevs_close(kit->netdevs);
	kit_remove_netns(kit->netns);
	event_base_free(kit->base);
	free(kit);
	return 0;
}

// What a daemon's death and the next one's start are to the kernel.
static void kit_reopen(struct kit *kit)
{
	netdevs_close(kit->netdevs);
	kit_open(kit);
}

// Cloud N: gateway 169.254.N.1/30, router 169.254.N.2.
static struct netdev *kit_attach(
	struct kit *kit, uint16_t cloud, const struct mac *mac, const struct mac *static_mac
)
{
	struct prefix gateway[FAMILIES] = {0};
	struct addr router[FAMILIES] = {0};
	char error[256] = "";

	gateway[0] = (struct prefix){addr_from_ipv4(0xa9fe0001u + (cloud << 8)), 30};
	router[0] = addr_from_ipv4(0xa9fe0002u + (cloud << 8));
	return netdev_attach(
		kit->netdevs, cloud, mac, 1500, gateway, router, static_mac, error, sizeof(error)
	);
}

// Gateway 2001:db8:1::1/126, router 2001:db8:1::2, no IPv4.
static struct netdev *kit_attach_ipv6(
	struct kit *kit, uint16_t cloud, const struct mac *mac, uint16_t mtu
)
{
	struct prefix gateway[FAMILIES] = {0};
	struct addr router[FAMILIES] = {0};
	char error[256] = "";

	assert_int_equal(prefix_parse("2001:db8:1::1/126", &gateway[1]), 0);
	assert_int_equal(addr_parse("2001:db8:1::2", &router[1]), 0);
	return netdev_attach(
		kit->netdevs, cloud, mac, mtu, gateway, router, NULL, error, sizeof(error)
	);
}

// Both families of the above.
static struct netdev *kit_attach_both(struct kit *kit, uint16_t cloud, const struct mac *mac)
{
	struct prefix gateway[FAMILIES] = {0};
	struct addr router[FAMILIES] = {0};
	char error[256] = "";

	assert_int_equal(prefix_parse("169.254.1.1/30", &gateway[0]), 0);
	assert_int_equal(addr_parse("169.254.1.2", &router[0]), 0);
	assert_int_equal(prefix_parse("2001:db8:1::1/126", &gateway[1]), 0);
	assert_int_equal(addr_parse("2001:db8:1::2", &router[1]), 0);
	return netdev_attach(
		kit->netdevs, cloud, mac, 1500, gateway, router, NULL, error, sizeof(error)
	);
}

// The netdev own0, which is no TAP of ours, for a cloud with the addresses of kit_attach_both().
static struct netdev *kit_attach_own(
	struct kit *kit, const char *gateway_text, const struct mac *mac, char error[static 320]
)
{
	struct prefix gateway[FAMILIES] = {0};
	struct addr router[FAMILIES] = {0};

	assert_int_equal(prefix_parse(gateway_text, &gateway[0]), 0);
	assert_int_equal(addr_parse("169.254.1.2", &router[0]), 0);
	assert_int_equal(prefix_parse("2001:db8:1::1/126", &gateway[1]), 0);
	assert_int_equal(addr_parse("2001:db8:1::2", &router[1]), 0);
	return netdev_attach_own(
		kit->netdevs, 1, "own0", mac, 1500, gateway, router, NULL, error, 320
	);
}

static bool kit_knows_router(struct kit *kit, struct mac *mac)
{
	struct addr router[FAMILIES] = {0};

	assert_int_equal(addr_parse("169.254.1.2", &router[0]), 0);
	return netdevs_router(kit->netdevs, "own0", router, mac);
}

// Frames. What the kernel sent is looked at through copies: its bytes have no alignment.

static void kit_put_ethernet(
	uint8_t *frame, const struct mac *destination, const struct mac *source, uint16_t type
)
{
	struct ether_header header = {.ether_type = htons(type)};

	memcpy(header.ether_dhost, destination, ETH_ALEN);
	memcpy(header.ether_shost, source, ETH_ALEN);
	memcpy(frame, &header, sizeof(header));
}

static uint16_t kit_checksum(const void *data, size_t length, uint32_t sum)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void kit_send_arp(
	struct netdev *netdev, uint16_t operation, const struct mac *from, const char *sender,
	const char *target
)
{
	static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	bool request = operation == ARPOP_REQUEST;
	uint8_t frame[60] = {0};
	struct ether_arp arp = {
		.ea_hdr =
			{
				htons(ARPHRD_ETHER),
				htons(ETHERTYPE_IP),
				ETH_ALEN,
				4,
				htons(operation),
			},
	};

	kit_put_ethernet(frame, request ? &broadcast : &netdev->mac, from, ETHERTYPE_ARP);
	memcpy(arp.arp_sha, from, ETH_ALEN);
	if (!request)
		memcpy(arp.arp_tha, &netdev->mac, ETH_ALEN);
	assert_int_equal(inet_pton(AF_INET, sender, arp.arp_spa), 1);
	assert_int_equal(inet_pton(AF_INET, target, arp.arp_tpa), 1);
	memcpy(frame + ETH_HLEN, &arp, sizeof(arp));
	netdev_write(netdev, frame, sizeof(frame));
}

// ARP of an operation that the kernel sent: replies that say where 'address' is, requests that ask.
static unsigned kit_count_arp(struct kit *kit, uint16_t operation, const char *address)
{
	uint8_t wanted[4] = {0};
	struct ether_header header;
	struct ether_arp arp;
	unsigned n = 0;

	if (address)
		assert_int_equal(inet_pton(AF_INET, address, wanted), 1);
	for (unsigned i = 0; i < kit->witness.n_frames; i++) {
		memcpy(&header, kit->witness.frames[i].bytes, sizeof(header));
		memcpy(&arp, kit->witness.frames[i].bytes + sizeof(header), sizeof(arp));
		n += header.ether_type == htons(ETHERTYPE_ARP) &&
			arp.ea_hdr.ar_op == htons(operation) &&
			(!address ||
			 !memcmp(operation == ARPOP_REPLY ? arp.arp_spa : arp.arp_tpa, wanted, 4));
	}
	return n;
}

// What the kernel is asked to send may be lost while a link comes up.
static bool kit_until_asked(struct kit *kit, const char *address)
{
	for (unsigned i = 1; i <= KIT_STEPS; i++) {
		if (kit_count_arp(kit, ARPOP_REQUEST, address))
			return true;
		kit_step(kit);
		if (i % KIT_TICK == 0)
			netdevs_tick(kit->netdevs);
	}
	return false;
}

static void kit_send_echo(
	struct netdev *netdev, const struct mac *to, const struct mac *from, const char *source,
	const char *destination
)
{
	uint8_t frame[60] = {0};
	struct ip ip = {
		.ip_hl = 5,
		.ip_v = 4,
		.ip_len = htons(46),
		.ip_ttl = 64,
		.ip_p = IPPROTO_ICMP,
	};
	uint8_t icmp[26] = {ICMP_ECHO};
	uint16_t sum;

	kit_put_ethernet(frame, to, from, ETHERTYPE_IP);
	assert_int_equal(inet_pton(AF_INET, source, &ip.ip_src), 1);
	assert_int_equal(inet_pton(AF_INET, destination, &ip.ip_dst), 1);
	ip.ip_sum = kit_checksum(&ip, sizeof(ip), 0);
	sum = kit_checksum(icmp, sizeof(icmp), 0);
	memcpy(icmp + 2, &sum, sizeof(sum));
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memcpy(frame + ETH_HLEN + sizeof(ip), icmp, sizeof(icmp));
	netdev_write(netdev, frame, sizeof(frame));
}

static unsigned kit_count_echo_replies(struct kit *kit)
{
	unsigned n = 0;

	for (unsigned i = 0; i < kit->witness.n_frames; i++) {
		const uint8_t *frame = kit->witness.frames[i].bytes;

		n += frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_ICMP &&
			frame[34] == ICMP_ECHOREPLY;
	}
	return n;
}

// Solicitations of an address or advertisements of it that the kernel sent.
static unsigned kit_count_nd(struct kit *kit, uint8_t type, const char *target)
{
	uint8_t wanted[16];
	unsigned n = 0;

	assert_int_equal(inet_pton(AF_INET6, target, wanted), 1);
	for (unsigned i = 0; i < kit->witness.n_frames; i++) {
		const uint8_t *frame = kit->witness.frames[i].bytes;

		n += frame[12] == 0x86 && frame[20] == IPPROTO_ICMPV6 && frame[54] == type &&
			!memcmp(frame + 62, wanted, 16);
	}
	return n;
}

static bool kit_until_nd(struct kit *kit, uint8_t type, const char *target)
{
	for (unsigned i = 0; i < KIT_STEPS; i++) {
		if (kit_count_nd(kit, type, target))
			return true;
		kit_step(kit);
	}
	return false;
}

// A neighbour solicitation or a solicited advertisement with the sender's MAC (RFC 4861 4.3, 4.4).
static void kit_send_nd(
	struct netdev *netdev, uint8_t type, const struct mac *to, const struct mac *from,
	const char *sender, const char *destination, const char *target
)
{
	struct {
		struct ip6_hdr ip;
		struct nd_neighbor_advert advert;
		uint8_t option[8];
	} packet = {0};
	uint8_t frame[ETH_HLEN + sizeof(packet)];

	packet.ip.ip6_flow = htonl(6u << 28);
	packet.ip.ip6_plen = htons(sizeof(packet) - sizeof(packet.ip));
	packet.ip.ip6_nxt = IPPROTO_ICMPV6;
	packet.ip.ip6_hlim = 255;
	assert_int_equal(inet_pton(AF_INET6, sender, &packet.ip.ip6_src), 1);
	assert_int_equal(inet_pton(AF_INET6, destination, &packet.ip.ip6_dst), 1);
	assert_int_equal(inet_pton(AF_INET6, target, &packet.advert.nd_na_target), 1);
	packet.advert.nd_na_type = type;
	packet.option[0] = ND_OPT_SOURCE_LINKADDR;
	if (type == ND_NEIGHBOR_ADVERT) {
		packet.advert.nd_na_flags_reserved = ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE;
		packet.option[0] = ND_OPT_TARGET_LINKADDR;
	}
	packet.option[1] = 1;
	memcpy(packet.option + 2, from, ETH_ALEN);
	// The pseudo-header is the two addresses, the length and the next header (RFC 8200 8.1).
	packet.advert.nd_na_cksum = kit_checksum(
		&packet.ip.ip6_src, sizeof(packet) - offsetof(struct ip6_hdr, ip6_src),
		sizeof(packet) - sizeof(packet.ip) + IPPROTO_ICMPV6
	);
	kit_put_ethernet(frame, to, from, ETHERTYPE_IPV6);
	memcpy(frame + ETH_HLEN, &packet, sizeof(packet));
	netdev_write(netdev, frame, sizeof(frame));
}

static long kit_read_number(const char *path)
{
	long number = -1;
	FILE *file = fopen(path, "re");

	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}
