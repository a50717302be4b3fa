// SPDX-License-Identifier: BSD-3-Clause
#include "address.h"

#include "dataplane/martian.h"

#include <stdio.h>

static const char *const family_names[FAMILIES] = {"IPv4", "IPv6"};

static bool is_given(const struct addr *addr)
{
	return addr->family != FAMILY_NONE;
}

// No part of it is routed.
static const struct martian *find_special(const struct prefix *network)
{
	for (unsigned i = 0; i < MARTIANS; i++) {
		if (prefix_overlaps(&martians[i].network, network))
			return &martians[i];
	}
	return NULL;
}

// May a host have this address within its network? Not the network's own address (in IPv6 that is
// the anycast address of all its routers) and not the IPv4 broadcast address; networks of two
// addresses have neither (RFC 3021, RFC 6164).
static bool is_host_address(const struct prefix *address)
{
	struct prefix network = prefix_network(address);
	uint32_t host_mask;

	if (family_bits(address->addr.family) - address->len <= 1)
		return true;
	if (addr_equal(&network.addr, &address->addr))
		return false;
	if (address->addr.family == FAMILY_IPV6)
		return true;
	host_mask = UINT32_MAX >> address->len;
	return (addr_ipv4(&address->addr) & host_mask) != host_mask;
}

// A prefix that is to be routed; 'what' and 'name' say whose it is.
static int check_routable(
	const struct prefix *network, const char *what, const char *name, struct refusal *refusal
)
{
	const struct martian *special = find_special(network);
	char text[PREFIX_STRLEN], special_text[PREFIX_STRLEN];

	prefix_format(network, text);
	if (network->len == 0)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"%s %s of %s is the default route, which is never exchanged: give the "
			"prefix that the cloud holds",
			what, text, name
		);
	if (special)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"%s %s of %s overlaps %s (%s), which cannot be routed between clouds: give "
			"a prefix of the cloud's own address plan",
			what, text, name, prefix_format(&special->network, special_text),
			special->what
		);
	return 0;
}

// A family without a gateway has no way to the T0 router.
static int check_reachable(
	const struct cloud *cloud, const struct prefix *network, const char *what, const char *name,
	struct refusal *refusal
)
{
	unsigned family = family_index(network->addr.family);
	char text[PREFIX_STRLEN];

	if (is_given(&cloud->gateway[family].addr))
		return 0;
	return refuse(
		refusal, REFUSAL_address_invalid,
		"%s %s of %s cannot be reached: cloud %s has no %s transit network; give the cloud "
		"a gateway and a router of that family",
		what, prefix_format(network, text), name, cloud->name, family_names[family]
	);
}

static int check_transit_network(
	const struct cloud *cloud, const struct prefix *gateway, struct refusal *refusal
)
{
	struct prefix network = prefix_network(gateway);
	unsigned host_bits = family_bits(gateway->addr.family) - gateway->len;
	const struct martian *special = find_special(&network);
	char text[PREFIX_STRLEN], special_text[PREFIX_STRLEN];

	if (host_bits != 1 && host_bits != 2)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"gateway %s of %s: a transit network joins two routers; its length is %s",
			prefix_format(gateway, text), cloud->name,
			gateway->addr.family == FAMILY_IPV6 ? "/126 or /127" : "/30 or /31"
		);
	if (special && !special->transit)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"gateway %s of %s is in %s (%s), which cannot be a transit network",
			prefix_format(gateway, text), cloud->name,
			prefix_format(&special->network, special_text), special->what
		);
	return 0;
}

static int check_transit_addresses(
	const struct cloud *cloud, const struct prefix *gateway, const struct addr *router,
	struct refusal *refusal
)
{
	struct prefix network = prefix_network(gateway);
	struct prefix router_on_it = {.addr = *router, .len = gateway->len};
	char address[ADDR_STRLEN], text[PREFIX_STRLEN];

	if (!prefix_contains(&network, router))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"router %s of %s is not in the transit network %s of its gateway",
			addr_format(router, address), cloud->name, prefix_format(&network, text)
		);
	if (addr_equal(router, &gateway->addr))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"router and gateway of %s are both %s: the gateway is the address of t0x, "
			"the router that of the T0",
			cloud->name, addr_format(router, address)
		);
	if (!is_host_address(gateway))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"gateway %s of %s is not a host address of its network",
			prefix_format(gateway, text), cloud->name
		);
	if (!is_host_address(&router_on_it))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"router %s of %s is not a host address of its network %s",
			addr_format(router, address), cloud->name, prefix_format(&network, text)
		);
	return 0;
}

static int check_transit(const struct cloud *cloud, unsigned family, struct refusal *refusal)
{
	const struct prefix *gateway = &cloud->gateway[family];
	const struct addr *router = &cloud->router[family];

	if (is_given(&gateway->addr) != is_given(router))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"cloud %s has an %s %s but no %s %s: give both, of the same transit network",
			cloud->name, family_names[family], is_given(router) ? "router" : "gateway",
			family_names[family], is_given(router) ? "gateway" : "router"
		);
	if (!is_given(router))
		return 0;
	if (check_transit_network(cloud, gateway, refusal) < 0)
		return -1;
	return check_transit_addresses(cloud, gateway, router, refusal);
}

static int check_network_block(
	const struct cloud *cloud, const struct prefix *block, struct refusal *refusal
)
{
	struct prefix network = prefix_network(block);
	char text[PREFIX_STRLEN], meant[PREFIX_STRLEN];

	if (!is_given(&block->addr))
		return 0;
	if (block->len != 0 && !prefix_equal(block, &network))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"network block %s of %s has host bits set: was %s meant?",
			prefix_format(block, text), cloud->name, prefix_format(&network, meant)
		);
	if (check_routable(&network, "network block", cloud->name, refusal) < 0)
		return -1;
	return check_reachable(cloud, block, "network block", cloud->name, refusal);
}

static bool any_given(const struct prefix prefixes[FAMILIES])
{
	return is_given(&prefixes[0].addr) || is_given(&prefixes[1].addr);
}

int address_check_segment(
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
)
{
	char name[2 * NAME_SIZE];
	char text[PREFIX_STRLEN];

	snprintf(name, sizeof(name), "%s/%s", cloud->name, segment->name);
	if (!any_given(segment->gateway_address))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"segment %s has no gateway address: give the address of the T0 router on "
			"it, with its length",
			name
		);
	for (unsigned family = 0; family < FAMILIES; family++) {
		const struct prefix *address = &segment->gateway_address[family];
		struct prefix network = prefix_network(address);

		if (!is_given(&address->addr))
			continue;
		if (!is_host_address(address))
			return refuse(
				refusal, REFUSAL_address_invalid,
				"gateway address %s of segment %s is the %s itself: give the "
				"address of the T0 router on the segment",
				prefix_format(address, text), name,
				prefix_equal(address, &network) ? "network" : "broadcast address"
			);
		if (!segment->routed)
			continue;
		if (check_routable(address, "segment", name, refusal) < 0 ||
		    check_reachable(cloud, address, "segment", name, refusal) < 0)
			return -1;
	}
	return 0;
}

int address_check_cloud(const struct cloud *cloud, struct refusal *refusal)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		if (check_transit(cloud, family, refusal) < 0)
			return -1;
	}
	if (!any_given(cloud->gateway))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"cloud %s has no gateway: give the address of t0x on the transit network, "
			"with its length, and the router's",
			cloud->name
		);
	if (!any_given(cloud->network_block))
		return refuse(
			refusal, REFUSAL_address_invalid,
			"cloud %s has no network block: give the range of its management network",
			cloud->name
		);
	for (unsigned family = 0; family < FAMILIES; family++) {
		if (check_network_block(cloud, &cloud->network_block[family], refusal) < 0)
			return -1;
	}
	for (unsigned i = 0; i < cloud->n_segments; i++) {
		if (address_check_segment(cloud, &cloud->segments[i], refusal) < 0)
			return -1;
	}
	return 0;
}

int address_check_router_mac(
	const struct cloud *cloud, const struct mac *mac, struct refusal *refusal
)
{
	char text[MAC_STRLEN];
	struct mac parsed;

	if (mac_parse(mac_format(mac, text), &parsed) == 0)
		return 0;
	return refuse(
		refusal, REFUSAL_address_invalid,
		"router MAC %s of %s is not the address of one station: give a unicast MAC", text,
		cloud->name
	);
}
