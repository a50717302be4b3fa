// SPDX-License-Identifier: BSD-3-Clause
#include "exchange.h"

#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>

struct exchange exchange;

static void retire_table(void *table)
{
	table_free(table);
}

void exchange_set_table(uint16_t cloud, struct table *table)
{
	const struct table *old = publish(exchange.clouds[cloud].table, table);

	if (old != NULL)
		rcu_call(retire_table, (void *)old);
}

void exchange_set_ingress(uint16_t cloud, struct ingress *ingress)
{
	const struct ingress *old = publish(exchange.ingresses[cloud], ingress);

	if (old != NULL)
		rcu_call(free, (void *)old);
}

void exchange_set_egress(uint16_t cloud, struct egress *egress)
{
	const struct egress *old = publish(exchange.clouds[cloud].egress, egress);

	if (old != NULL)
		rcu_call(free, (void *)old);
}

void exchange_set_port(uint16_t port, struct port_map *map)
{
	const struct port_map *old = publish(exchange.ports[port], map);

	if (old != NULL)
		rcu_call(free, (void *)old);
}

void exchange_set_poll(unsigned worker, struct poll_list *list)
{
	const struct poll_list *old = publish(exchange.polls[worker], list);

	if (old != NULL)
		rcu_call(free, (void *)old);
}

struct egress *egress_build(
	uint16_t port, uint16_t vlan, uint16_t mtu, const struct rte_ether_addr *ours,
	const struct rte_ether_addr *router
)
{
	struct egress *egress = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*egress));
	struct rte_ether_hdr header = {.src_addr = *ours};
	rte_be16_t type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	rte_be16_t type6 = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6);

	if (egress == NULL)
		return NULL;
	memset(egress, 0, sizeof(*egress));
	egress->port = port;
	egress->mtu = mtu;
	egress->usable = true;
	egress->limits[vlan != 0] = mtu;
	if (router != NULL)
		header.dst_addr = *router;
	else
		egress_disable(egress, DROP_router_unresolved);

	if (vlan == 0) {
		header.ether_type = type;
		egress->l2_length = sizeof(header);
		memcpy(egress->l2, &header, sizeof(header));
	} else {
		struct rte_vlan_hdr tag = {rte_cpu_to_be_16(vlan), type};

		header.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
		egress->l2_length = sizeof(header) + sizeof(tag);
		memcpy(egress->l2, &header, sizeof(header));
		memcpy(egress->l2 + sizeof(header), &tag, sizeof(tag));
	}
	memcpy(&egress->last, egress->l2 + egress->l2_length - sizeof(uint64_t), sizeof(uint64_t));
	egress->last6 = egress->last;
	memcpy((uint8_t *)&egress->last6 + sizeof(uint64_t) - sizeof(type6), &type6, sizeof(type6));
	return egress;
}

void egress_disable(struct egress *egress, enum drop_reason reason)
{
	egress->usable = false;
	egress->limits[0] = egress->limits[1] = 0;
	egress->unusable = (uint8_t)reason;
}
