// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

static void look_up_ipv4(struct packet *packet)
{
	packet->leaf_source = table_lookup_ipv4(packet->table, packet->source);
	packet->leaf_destination = table_lookup_ipv4(packet->table, packet->destination);
}

static void look_up_ipv6(struct packet *packet)
{
	packet->leaf_source =
		table_lookup_ipv6(packet->table, packet->source6.upper, packet->source6.lower);
	packet->leaf_destination = table_lookup_ipv6(
		packet->table, packet->destination6.upper, packet->destination6.lower
	);
}

void look_up(struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[i];

		if (packet->verdict != VERDICT_FORWARD)
			continue;
		if (packet->ipv6)
			look_up_ipv6(packet);
		else
			look_up_ipv4(packet);
		packet->egress =
			published(exchange.clouds[leaf_cloud(packet->leaf_destination)].egress);
	}
}

static void decide_one(struct packet *packet)
{
	const struct egress *egress = packet->egress;

	if (packet->leaf_source != leaf_local(packet->cloud) && !packet->router_error)
		packet_drop(packet, DROP_spoofed_source);
	else if (packet->leaf_destination == LEAF_NONE)
		packet_drop(packet, DROP_no_interconnect);
	else if (leaf_interconnect(packet->leaf_destination) == 0)
		packet_drop(packet, DROP_hairpin);
	else if (packet->ttl <= 1)
		packet_drop(packet, DROP_ttl_exceeded);
	else if (egress == NULL)
		packet_drop(packet, DROP_egress_down);
	else if (packet->ip_length > egress->mtu && packet->dont_fragment)
		packet_drop(packet, DROP_frag_needed);
	else if (!egress->usable)
		packet_drop(packet, (enum drop_reason)egress->unusable);
}

void decide(struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (packets[i].verdict == VERDICT_FORWARD)
			decide_one(&packets[i]);
}
