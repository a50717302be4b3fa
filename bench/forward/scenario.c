// SPDX-License-Identifier: BSD-3-Clause
#include "scenario.h"

#include "bench/nic/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Prefixes stand one in each slot, so that none overlaps: a /20 of 16.0.0.0 and on, or a /48 of
// 2001::/16. Their lengths are those of segments, /20 to /28, and /48 to /64.
#define SLOT_BITS 12
#define FIRST_SLOT 0x10000000u
#define SLOTS_MAX 200000
#define BURST 64
#define PREFIXES_MAX 1000
#define PORT_NAME "net_null%u"

struct network {
	uint8_t address[16]; // of the family's length
	unsigned length;
};

struct maker {
	const struct scenario *scenario;
	struct network *networks; // [clouds][prefixes]
	unsigned (*pairs)[2];
	unsigned n_pairs;
	unsigned *peers; // [clouds][clouds - 1], the first n_peers[cloud] of each
	unsigned *n_peers;
	uint64_t random;
};

static uint32_t random_below(struct maker *maker, uint32_t n)
{
	maker->random ^= maker->random << 13;
	maker->random ^= maker->random >> 7;
	maker->random ^= maker->random << 17;
	return (uint32_t)((maker->random >> 32) * n >> 32);
}

// Clouds count from 0 here. In a star, cloud 0 has the first port for itself, if it can.
static bool is_apart(const struct scenario *scenario, unsigned cloud)
{
	return scenario->star && scenario->ports > 1 && cloud == 0;
}

static unsigned port_of(const struct scenario *scenario, unsigned cloud)
{
	if (is_apart(scenario, cloud))
		return 0;
	if (scenario->star && scenario->ports > 1)
		return 1 + (cloud - 1) % (scenario->ports - 1);
	return cloud % scenario->ports;
}

// Clouds that share a port all have a VLAN there.
static unsigned vlan_of(const struct scenario *scenario, unsigned cloud)
{
	bool shared = scenario->clouds > scenario->ports && !is_apart(scenario, cloud);

	return scenario->vlan || shared ? 2 + cloud : 0;
}

// Region

static void make_network(struct maker *maker, struct network *network, unsigned slot)
{
	if (maker->scenario->family == 4) {
		unsigned length = 20 + random_below(maker, 9);
		uint32_t offset = random_below(maker, 1u << SLOT_BITS) & -(1u << (32 - length));
		uint32_t address = htonl(FIRST_SLOT + (slot << SLOT_BITS) + offset);

		memcpy(network->address, &address, sizeof(address));
		network->length = length;
		return;
	}

	uint16_t groups[4] = {htons(0x2001), htons((uint16_t)(slot >> 16)), htons((uint16_t)slot)};

	network->length = 48 + random_below(maker, 17);
	groups[3] =
		htons((uint16_t)(random_below(maker, 1 << 16) & -(1u << (64 - network->length))));
	memcpy(network->address, groups, sizeof(groups));
}

static struct network *network_of(const struct maker *maker, unsigned cloud, unsigned i)
{
	return &maker->networks[cloud * maker->scenario->prefixes + i];
}

static void make_networks(struct maker *maker)
{
	unsigned n = maker->scenario->clouds * maker->scenario->prefixes;

	for (unsigned i = 0; i < n; i++)
		make_network(maker, &maker->networks[i], i);
}

static void pair(struct maker *maker, unsigned a, unsigned b)
{
	unsigned room = maker->scenario->clouds;

	maker->pairs[maker->n_pairs][0] = a;
	maker->pairs[maker->n_pairs++][1] = b;
	maker->peers[a * room + maker->n_peers[a]++] = b;
	maker->peers[b * room + maker->n_peers[b]++] = a;
}

static unsigned distance(unsigned a, unsigned b, unsigned n)
{
	unsigned straight = b - a;

	return straight < n - straight ? straight : n - straight;
}

static void make_pairs(struct maker *maker)
{
	const struct scenario *scenario = maker->scenario;
	unsigned n = scenario->clouds;

	for (unsigned a = 0; a < n; a++)
		for (unsigned b = a + 1; b < n; b++) {
			bool near =
				scenario->degree == 0 || distance(a, b, n) <= scenario->degree / 2;

			if (scenario->star ? a == 0 : near)
				pair(maker, a, b);
		}
}

// The k-th address of a network, as text with the network's length.
static json_t *address_text(const struct maker *maker, const struct network *network, unsigned k)
{
	uint8_t address[16];
	char text[INET6_ADDRSTRLEN];
	unsigned last = maker->scenario->family == 4 ? 3 : 15;

	memcpy(address, network->address, sizeof(address));
	address[last] = (uint8_t)(address[last] + k);
	inet_ntop(maker->scenario->family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	return json_sprintf("%s/%u", text, network->length);
}

static json_t *transit(const struct maker *maker, unsigned cloud, unsigned k, bool length)
{
	if (maker->scenario->family == 6)
		return json_sprintf("fd00:%x:ffff::%u%s", cloud + 1, k, length ? "/126" : "");
	return json_sprintf(
		"169.254.%u.%u%s", 16 + cloud / 64, cloud % 64 * 4 + k, length ? "/30" : ""
	);
}

static json_t *cloud_json(const struct maker *maker, unsigned cloud)
{
	const struct scenario *scenario = maker->scenario;
	unsigned vlan = vlan_of(scenario, cloud);
	json_t *segments = json_array();
	json_t *object;

	for (unsigned i = 1; i < scenario->prefixes; i++)
		json_array_append_new(
			segments,
			json_pack(
				"{s:o, s:b, s:[o]}", "name", json_sprintf("s%u", i), "routed", 1,
				"gateway_address",
				address_text(maker, network_of(maker, cloud, i), 1)
			)
		);
	object = json_pack(
		"{s:o, s:s, s:o, s:[o], s:[o], s:o, s:[o], s:i, s:o}", "name",
		json_sprintf("c%u", cloud + 1), "location", "westeurope", "port",
		json_sprintf(PORT_NAME, port_of(scenario, cloud)), "gateway",
		transit(maker, cloud, 1, true), "router", transit(maker, cloud, 2, false),
		"router_mac", json_sprintf("02:54:30:00:%02x:%02x", cloud >> 8, cloud & 0xff),
		"network_block", address_text(maker, network_of(maker, cloud, 0), 0), "mtu", 1500,
		"segments", segments
	);
	if (vlan > 0)
		json_object_set_new(object, "vlan", json_integer(vlan));
	return object;
}

static json_t *region_json(const struct maker *maker)
{
	json_t *clouds = json_array();
	json_t *interconnects = json_array();

	for (unsigned i = 0; i < maker->scenario->clouds; i++)
		json_array_append_new(clouds, cloud_json(maker, i));
	for (unsigned i = 0; i < maker->n_pairs; i++) {
		unsigned peer = maker->pairs[i][1] + 1;

		json_array_append_new(
			interconnects,
			json_pack(
				"{s:o, s:o, s:o}", "name", json_sprintf("c%u", peer), "cloud",
				json_sprintf("c%u", maker->pairs[i][0] + 1), "peer",
				json_sprintf("c%u", peer)
			)
		);
	}
	return json_pack(
		"{s:i, s:o, s:o, s:[]}", "version", 1, "clouds", clouds, "interconnects",
		interconnects, "grants"
	);
}

// Files

static FILE *open_file(const struct maker *maker, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", maker->scenario->directory, name);
	file = fopen(path, "w");
	if (!file)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return file;
}

static int close_file(FILE *file)
{
	if (fclose(file) == 0)
		return 0;
	perror("cannot write");
	return -1;
}

static int write_region(const struct maker *maker)
{
	FILE *file = open_file(maker, "region.json");
	json_t *region;
	int result;

	if (!file)
		return -1;
	region = region_json(maker);
	result = region ? json_dumpf(region, file, JSON_INDENT(1)) : -1;
	json_decref(region);
	return close_file(file) < 0 ? -1 : result;
}

// As l3fwd reads them: R<prefix> <port>. It has one table for all.
static int write_rules(const struct maker *maker)
{
	const struct scenario *scenario = maker->scenario;
	FILE *file = open_file(maker, "rules");

	if (!file)
		return -1;
	for (unsigned cloud = 0; cloud < scenario->clouds; cloud++)
		for (unsigned i = 0; i < scenario->prefixes; i++) {
			json_t *text = address_text(maker, network_of(maker, cloud, i), 0);

			fprintf(file, "R%s %u\n", json_string_value(text),
				port_of(scenario, cloud));
			json_decref(text);
		}
	return close_file(file);
}

// Traffic

static void pick_address(struct maker *maker, unsigned cloud, uint8_t *address)
{
	const struct network *network =
		network_of(maker, cloud, random_below(maker, maker->scenario->prefixes));
	unsigned bits = maker->scenario->family == 4 ? 32 : 128;

	memcpy(address, network->address, bits / 8);
	for (unsigned bit = network->length; bit < bits; bit++)
		if (random_below(maker, 2))
			address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static uint16_t ipv4_checksum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

// Simple IMIX: 7 of 64, 4 of 594, 1 of 1518 bytes with FCS.
static unsigned pick_length(struct maker *maker)
{
	unsigned of_12;

	if (maker->scenario->length > 0)
		return maker->scenario->length;
	of_12 = random_below(maker, 12);
	return of_12 < 7 ? 60 : of_12 < 11 ? 590 : 1514;
}

static void make_frame(
	struct maker *maker, struct frame_record *record, unsigned cloud, unsigned peer
)
{
	unsigned vlan = vlan_of(maker->scenario, cloud);
	uint8_t *ip = record->head + 14;
	unsigned length = pick_length(maker) - 14;

	record->port = (uint16_t)port_of(maker->scenario, cloud);
	record->queue = (uint16_t)random_below(maker, maker->scenario->queues);
	memcpy(record->head + 6, "\x02\x54\x30\x00", 4);
	put16(record->head + 10, cloud);
	if (vlan > 0) {
		put16(record->head + 12, 0x8100);
		put16(record->head + 14, vlan);
		ip += 4;
	}
	put16(ip - 2, maker->scenario->family == 4 ? 0x0800 : 0x86dd);
	if (maker->scenario->family == 4) {
		memcpy(ip, (const uint8_t[]){0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_UDP}, 10);
		put16(ip + 2, length);
		pick_address(maker, cloud, ip + 12);
		pick_address(maker, peer, ip + 16);
		put16(ip + 10, ipv4_checksum(ip));
		put16(ip + 24, length - 20);
	} else {
		memcpy(ip, (const uint8_t[]){0x60, 0, 0, 0, 0, 0, IPPROTO_UDP, 64}, 8);
		put16(ip + 4, length - 40);
		pick_address(maker, cloud, ip + 8);
		pick_address(maker, peer, ip + 24);
		put16(ip + 44, length - 40);
	}
	record->length = (uint16_t)(ip - record->head + length);
}

static int write_frames(struct maker *maker)
{
	const struct scenario *scenario = maker->scenario;
	struct frames_head head = {FRAMES_MAGIC, scenario->frames, scenario->ports};
	FILE *file = open_file(maker, "frames");
	unsigned cloud = 0;

	if (!file)
		return -1;
	fwrite(&head, sizeof(head), 1, file);
	for (unsigned i = 0; i < scenario->frames; i++) {
		struct frame_record record = {};

		if (scenario->order == ORDER_RANDOM)
			cloud = scenario->star ? 0 : random_below(maker, scenario->clouds);
		else if (i > 0 && i % BURST == 0)
			cloud = (cloud + 1) % scenario->clouds;
		make_frame(
			maker, &record, cloud,
			maker
				->peers[cloud * scenario->clouds +
					random_below(maker, maker->n_peers[cloud])]
		);
		fwrite(&record, sizeof(record), 1, file);
	}
	return close_file(file);
}

static int check(const struct scenario *scenario)
{
	const char *wrong = NULL;

	if (scenario->clouds < 2 || scenario->clouds > 1000)
		wrong = "clouds: 2 to 1000";
	else if (scenario->ports < 1 || scenario->ports > 16 || scenario->ports > scenario->clouds)
		wrong = "ports: 1 to 16, and not more than clouds";
	else if (scenario->degree % 2 != 0 || scenario->degree >= scenario->clouds)
		wrong = "degree: even, and below the number of clouds";
	else if (scenario->prefixes < 1 || scenario->prefixes > PREFIXES_MAX)
		wrong = "prefixes: 1 to 1000 a cloud";
	else if (scenario->clouds * scenario->prefixes > SLOTS_MAX)
		wrong = "prefixes: too many in all";
	else if (scenario->queues < 1 || scenario->queues > NIC_QUEUES_MAX)
		wrong = "queues: 1 to 4";
	else if (scenario->family != 4 && scenario->family != 6)
		wrong = "family: 4 or 6";
	else if (scenario->length != 0 && (scenario->length < 60 || scenario->length > 1514))
		wrong = "length: 60 to 1514, or 0 for IMIX";
	if (wrong)
		fprintf(stderr, "scenario: %s\n", wrong);
	return wrong ? -1 : 0;
}

int scenario_write(const struct scenario *scenario)
{
	struct maker maker = {.scenario = scenario, .random = 0x9e3779b97f4a7c15};
	size_t n = scenario->clouds;
	int result = -1;

	if (check(scenario) < 0)
		return -1;
	maker.networks = calloc(n * scenario->prefixes, sizeof(struct network));
	maker.pairs = calloc(n * n, sizeof(*maker.pairs));
	maker.peers = calloc(n * n, sizeof(unsigned));
	maker.n_peers = calloc(n, sizeof(unsigned));
	if (maker.networks && maker.pairs && maker.peers && maker.n_peers) {
		make_networks(&maker);
		make_pairs(&maker);
		result = write_region(&maker) < 0 || write_rules(&maker) < 0 ? -1
									     : write_frames(&maker);
	}
	free(maker.networks);
	free(maker.pairs);
	free(maker.peers);
	free(maker.n_peers);
	return result;
}
