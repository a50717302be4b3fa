// SPDX-License-Identifier: BSD-3-Clause
#include "netdev_internal.h"

#include "log.h"
#include "neighbour.h"
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <net/ethernet.h>
#include <netinet/ip6.h>
#include <string.h>

#define LOG_MODULE "router"

static bool lladdr_equal(const struct lladdr *a, const struct lladdr *b)
{
	return a->resolved == b->resolved &&
		(!a->resolved || !memcmp(&a->mac, &b->mac, sizeof(a->mac)));
}

void router_changed(struct netdev *netdev)
{
	if (netdev->changed)
		return;
	netdev->changed = true;
	netdev->next_changed = netdev->netdevs->changed;
	netdev->netdevs->changed = netdev;
}

void router_unchanged(struct netdev *netdev)
{
	struct netdev **link = &netdev->netdevs->changed;

	while (*link && *link != netdev)
		link = &(*link)->next_changed;
	if (*link)
		*link = netdev->next_changed;
	netdev->changed = false;
}

// Both are of one T0 router: the first that is resolved will do.
static const struct lladdr *deciding_entry(const struct lladdr entry[FAMILIES])
{
	const struct lladdr *ipv4 = &entry[family_index(FAMILY_IPV4)];

	return ipv4->resolved ? ipv4 : &entry[family_index(FAMILY_IPV6)];
}

// Only after all waiting messages were read: of several changes in a row the last one counts, and
// a callback may detach any netdev.
void router_report(struct netdevs *netdevs)
{
	const struct netdev_callbacks *callbacks = &netdevs->callbacks;
	struct netdev *netdev;
	struct mac mac;

	while ((netdev = netdevs->changed)) {
		const struct lladdr *entry = deciding_entry(netdev->entry);

		router_unchanged(netdev);
		if (lladdr_equal(entry, &netdev->reported))
			continue;
		netdev->reported = *entry;
		mac = entry->mac;
		callbacks->on_router(netdev->cloud, entry->resolved ? &mac : NULL, callbacks->arg);
	}
}

static bool is_link_local(const struct addr *addr)
{
	return addr->family == FAMILY_IPV6 && addr->bytes[0] == 0xfe &&
		(addr->bytes[1] & 0xc0) == 0x80;
}

// Of a netdev's link-local neighbours only the last one stays.
static void keep_last(struct netdev *netdev, const struct addr *addr)
{
	struct addr *last = &netdev->link_local;

	if (addr_equal(addr, last))
		return;
	if (last->family != FAMILY_NONE)
		(void)neighbour_forget(netdev->netdevs->socket, netdev->ifindex, last);
	*last = *addr;
}

int router_hear(const struct nlmsghdr *message, void *arg)
{
	struct netdevs *netdevs = arg;
	struct neighbour neighbour;
	struct netdev *netdev;
	unsigned f;

	if (neighbour_parse(message, &neighbour))
		return MNL_CB_OK;
	netdev = netdevs_find(netdevs, neighbour.ifindex);
	f = family_index(neighbour.addr.family);
	// On a netdev of its own the kernel takes frames that do not pass us.
	if (netdev && netdev->own[0] && neighbour.resolved && is_link_local(&neighbour.addr))
		keep_last(netdev, &neighbour.addr);
	if (netdev && addr_equal(&neighbour.addr, &netdev->router[f])) {
		netdev->entry[f] = (struct lladdr){neighbour.resolved, neighbour.mac};
		router_changed(netdev);
	}
	return MNL_CB_OK;
}

// Forget and ask: an entry that is gone is in no dump.
void router_resync(struct netdevs *netdevs)
{
	int ret;

	for (unsigned id = 1; id <= CLOUD_ID_MAX; id++) {
		if (!netdevs->by_cloud[id])
			continue;
		memset(netdevs->by_cloud[id]->entry, 0, sizeof(netdevs->by_cloud[id]->entry));
		router_changed(netdevs->by_cloud[id]);
	}
	ret = neighbour_dump(netdevs->socket, router_hear, netdevs);
	netdevs->resync = ret != 0;
	if (ret)
		LOG(WARNING, "event=neighbours_not_read why=" LOG_TEXT, log_text(strerror(-ret)));
}

struct search {
	int ifindex;
	const struct addr *router; // [FAMILIES]
	struct lladdr entry[FAMILIES];
};

static int hear_one(const struct nlmsghdr *message, void *arg)
{
	struct search *search = arg;
	struct neighbour neighbour;
	unsigned f;

	if (neighbour_parse(message, &neighbour) || neighbour.ifindex != search->ifindex)
		return MNL_CB_OK;
	f = family_index(neighbour.addr.family);
	if (addr_equal(&neighbour.addr, &search->router[f]))
		search->entry[f] = (struct lladdr){neighbour.resolved, neighbour.mac};
	return MNL_CB_OK;
}

struct lladdr router_find(struct netdevs *netdevs, int ifindex, const struct addr router[FAMILIES])
{
	struct search search = {.ifindex = ifindex, .router = router};

	(void)neighbour_dump(netdevs->socket, hear_one, &search); // else it is to be found anew
	return *deciding_entry(search.entry);
}

void router_recall(struct netdev *netdev)
{
	struct netdevs *netdevs = netdev->netdevs;

	if (neighbour_dump(netdevs->socket, router_hear, netdevs))
		netdevs->resync = true; // netdevs_tick() does it
	event_active(netdevs->heard, EV_READ, 0);
}

void router_listen(struct netdevs *netdevs)
{
	if (netlink_listen(netdevs->listener, router_hear, netdevs)) {
		LOG(NOTICE, "event=neighbour_messages_lost");
		router_resync(netdevs);
	}
	if (!netdevs->resync)
		router_report(netdevs);
}

static int ask(struct netdev *netdev, unsigned f)
{
	struct mnl_socket *socket = netdev->netdevs->socket;

	if (netdev->router[f].family == FAMILY_NONE)
		return 0;
	if (netdev->has_static_mac)
		return neighbour_pin(
			socket, netdev->ifindex, &netdev->router[f], &netdev->static_mac
		);
	return neighbour_keep(socket, netdev->ifindex, &netdev->router[f]);
}

int router_ask(struct netdev *netdev)
{
	int ret = 0;

	for (unsigned f = 0; f < FAMILIES && !ret; f++)
		ret = ask(netdev, f);
	return ret;
}

void router_ask_unresolved(struct netdev *netdev)
{
	for (unsigned f = 0; f < FAMILIES; f++) {
		if (!netdev->entry[f].resolved)
			(void)ask(netdev, f); // again with the next tick
	}
}

void router_limit(struct netdev *netdev, const uint8_t *frame, size_t length)
{
	const struct ether_header *ether = (const void *)frame;
	const struct ip6_hdr *ip = (const void *)(frame + sizeof(*ether));
	struct addr source = {.family = FAMILY_IPV6};

	if (length < sizeof(*ether) + sizeof(*ip) || ether->ether_type != htons(ETHERTYPE_IPV6))
		return;
	memcpy(source.bytes, (const uint8_t *)ip + offsetof(struct ip6_hdr, ip6_src), 16);
	if (is_link_local(&source))
		keep_last(netdev, &source);
}

int router_forget(struct netdev *netdev)
{
	struct mnl_socket *socket = netdev->netdevs->socket;
	int ret = 0;

	for (unsigned f = 0; f < FAMILIES && !ret; f++) {
		if (netdev->router[f].family != FAMILY_NONE)
			ret = neighbour_forget(socket, netdev->ifindex, &netdev->router[f]);
	}
	return ret;
}
