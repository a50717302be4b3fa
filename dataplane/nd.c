// SPDX-License-Identifier: BSD-3-Clause
#include "nd.h"

#include "parse.h"

#include <rte_ip.h>

#define HOP_LIMIT 255 // nobody beyond the link can send it (RFC 4861 3.1)
#define SOLICITATION 135
#define ADVERTISEMENT 136
#define FLAG_SOLICITED 0x40

// Both messages begin alike.
struct nd_message {
	uint8_t type;
	uint8_t code;
	rte_be16_t checksum;
	uint8_t flags; // of an advertisement
	uint8_t reserved[3];
	uint8_t target[16];
	uint8_t options[];
};

#define OPTION_UNIT 8
#define HEADER sizeof(struct rte_ipv6_hdr)

static const struct addr6 all_nodes = {0xff02000000000000, 1};

static struct addr6 solicited_node(struct addr6 addr)
{
	return (struct addr6){0xff02000000000000, 0x1ff000000 | (addr.lower & 0xffffff)};
}

// All options have a length, and end within the message.
static bool options_are_whole(const uint8_t *options, unsigned length)
{
	unsigned size;

	for (unsigned at = 0; at < length; at += size) {
		if (length - at < 2)
			return false;
		size = options[at + 1] * OPTION_UNIT;
		if (size == 0 || size > length - at)
			return false;
	}
	return true;
}

static bool checksum_is_right(const uint8_t *ip, unsigned length)
{
	uint32_t sum = rte_ipv6_phdr_cksum((const void *)ip, 0);

	sum += rte_raw_cksum(ip + HEADER, length - HEADER);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

// What RFC 4861 7.1.1 and 7.1.2 ask of either message, addresses aside.
static bool is_valid(const uint8_t *ip, unsigned length)
{
	const struct nd_message *message = (const void *)(ip + HEADER);

	return length >= HEADER + sizeof(*message) &&
		ip[offsetof(struct rte_ipv6_hdr, hop_limits)] == HOP_LIMIT && message->code == 0 &&
		options_are_whole(message->options, length - HEADER - sizeof(*message)) &&
		checksum_is_right(ip, length);
}

// A source that the router may have.
static bool is_of_router(const struct ingress *ingress, struct addr6 source)
{
	if (addr6_is_link_local(source))
		return !addr6_equal(source, ingress->link_local);
	return addr6_equal(source, ingress->router6);
}

static bool is_ours(const struct ingress *ingress, struct addr6 addr)
{
	return addr6_equal(addr, ingress->gateway6) || addr6_equal(addr, ingress->link_local);
}

static bool asks_for_us(
	const struct ingress *ingress, struct addr6 destination, struct addr6 target
)
{
	return is_ours(ingress, target) &&
		(addr6_equal(destination, target) ||
		 addr6_equal(destination, solicited_node(target)));
}

// To all nodes only about the address that we use, and unasked (RFC 4861 7.1.2).
static bool tells_of_router(
	const struct ingress *ingress, struct addr6 source, struct addr6 destination,
	const struct nd_message *message
)
{
	struct addr6 target = read_addr6(message->target);
	bool of_router = addr6_equal(target, ingress->router6);

	if (addr6_equal(destination, all_nodes))
		return of_router && !(message->flags & FLAG_SOLICITED);
	return is_ours(ingress, destination) &&
		(of_router || (addr6_is_link_local(target) && addr6_equal(target, source)));
}

bool nd_may_go_up(const struct ingress *ingress, const uint8_t *ip, unsigned length)
{
	const struct nd_message *message = (const void *)(ip + HEADER);
	struct addr6 source = read_addr6(ip + offsetof(struct rte_ipv6_hdr, src_addr));
	struct addr6 destination = read_addr6(ip + offsetof(struct rte_ipv6_hdr, dst_addr));

	if (!is_of_router(ingress, source) || !is_valid(ip, length))
		return false;
	if (message->type == SOLICITATION)
		return asks_for_us(ingress, destination, read_addr6(message->target));
	return message->type == ADVERTISEMENT &&
		tells_of_router(ingress, source, destination, message);
}

bool nd_may_go_down(const uint8_t *ip, unsigned length)
{
	const struct nd_message *message = (const void *)(ip + HEADER);

	return length >= HEADER + sizeof(*message) &&
		ip[offsetof(struct rte_ipv6_hdr, proto)] == IPPROTO_ICMPV6 &&
		ip[offsetof(struct rte_ipv6_hdr, hop_limits)] == HOP_LIMIT &&
		(message->type == SOLICITATION || message->type == ADVERTISEMENT);
}
