// SPDX-License-Identifier: BSD-3-Clause
#include "netdev_internal.h"

#include "log.h"
#include "netns.h"
#include "sysctl.h"
#include "tap.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "netdev"
#define FRAMES_MAX 64 // read a wake-up, so that one TAP cannot keep the others waiting
#define IPV6_MTU_MIN 1280 // RFC 8200 section 5

void netdev_name(uint16_t cloud, char name[static 16])
{
	snprintf(name, 16, "t0x%u", (unsigned)cloud);
}

void netdev_stop(struct netdev *netdev)
{
	if (!netdev->running)
		return;
	netdev->running = false;
	if (netdev->readable)
		event_free(netdev->readable);
	netdev->readable = NULL;
	netdevs_leave(netdev);
	if (netdev->fd >= 0)
		close(netdev->fd);
	netdev->fd = -1;
	memset(netdev->entry, 0, sizeof(netdev->entry));
	netdev->link_local = (struct addr){0};
}

// Its owner may detach any netdev while it looks at the frame.
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct netdev *netdev = arg;
	struct netdevs *netdevs = netdev->netdevs;
	const struct netdev_callbacks *callbacks = &netdevs->callbacks;
	uint16_t cloud = netdev->cloud;
	ssize_t length = 0;

	for (unsigned i = 0; i < FRAMES_MAX && netdevs->by_cloud[cloud] == netdev; i++) {
		length = read(fd, netdevs->frame, sizeof(netdevs->frame));
		if (length <= 0)
			break;
		callbacks->on_frame(cloud, netdevs->frame, (size_t)length, callbacks->arg);
	}
	if (length >= 0 || errno == EAGAIN || errno == EINTR)
		return;
	// Somebody deleted the TAP; netdevs_tick() makes another.
	LOG(ERROR, "event=tap_lost tap=t0x%u why=" LOG_TEXT, (unsigned)cloud,
	    log_text(strerror(errno)));
	netdev_stop(netdev);
	router_changed(netdev);
	router_report(netdevs);
}

struct inside {
	char name[16];
	bool ipv6;
	int ifindex;
	char *error;
	size_t size;
};

// In the namespace of the netdevs, which may be ours.
static int run_inside(const struct netdevs *netdevs, int (*function)(void *arg), void *arg)
{
	return netdevs->netns < 0 ? function(arg) : netns_run(netdevs->netns, function, arg);
}

static int find_inside(void *arg)
{
	struct inside *inside = arg;

	inside->ifindex = (int)if_nametoindex(inside->name);
	return inside->ifindex ? 0 : -ENODEV;
}

static int open_inside(void *arg)
{
	struct inside *inside = arg;

	return tap_open(inside->name, &inside->ifindex);
}

static int configure_inside(void *arg)
{
	struct inside *inside = arg;

	return sysctl_netdev(inside->name, inside->ipv6, inside->error, inside->size);
}

static int add_addresses(struct netdev *netdev)
{
	struct mnl_socket *socket = netdev->netdevs->socket;
	struct prefix link_local = tap_link_local(&netdev->mac);
	int ret = 0;

	for (unsigned f = 0; f < FAMILIES && !ret; f++) {
		if (netdev->gateway[f].addr.family != FAMILY_NONE)
			ret = tap_add_address(socket, netdev->ifindex, &netdev->gateway[f]);
	}
	// The kernel solicits IPv6 neighbours from a link-local address or not at all, whatever
	// other address it has (Linux, ndisc_send_ns); RFC 4291 2.8 asks for one anyway.
	if (!ret && netdev_has_ipv6(netdev))
		ret = tap_add_address(socket, netdev->ifindex, &link_local);
	return ret;
}

static int failed(const struct inside *inside, const char *what, int ret)
{
	snprintf(
		inside->error, inside->size, "cannot %s control netdev %s: %s", what, inside->name,
		strerror(-ret)
	);
	return ret;
}

// From nothing, or from whatever an earlier life left, to a TAP that answers. On failure the caller
// removes what is there.
static int start_tap(struct netdev *netdev, struct inside inside)
{
	struct netdevs *netdevs = netdev->netdevs;
	int ret;

	ret = run_inside(netdevs, open_inside, &inside);
	if (ret < 0)
		return failed(&inside, "create", ret);
	netdev->fd = ret;
	netdev->ifindex = inside.ifindex;
	netdev->running = true;
	netdevs_enter(netdev);
	ret = tap_reset(netdevs->socket, netdev->ifindex, netdev->fd, &netdev->mac, netdev->mtu);
	if (ret)
		return failed(&inside, "set MAC and MTU of", ret);
	ret = run_inside(netdevs, configure_inside, &inside);
	if (ret)
		return ret;
	ret = tap_up(netdevs->socket, netdev->ifindex);
	if (!ret)
		ret = add_addresses(netdev);
	if (ret)
		return failed(&inside, "set addresses of", ret);
	netdev->readable =
		event_new(netdevs->base, netdev->fd, EV_READ | EV_PERSIST, on_readable, netdev);
	return !netdev->readable || event_add(netdev->readable, NULL)
		? failed(&inside, "listen on", -ENOMEM)
		: 0;
}

// Refuse what is another's, before anything is set.
static int take_addresses(struct netdev *netdev, const struct inside *inside)
{
	struct prefix wanted[FAMILIES + 1] = {tap_link_local(&netdev->mac)}, foreign;
	char text[PREFIX_STRLEN];
	int ret;

	for (unsigned f = 0; f < FAMILIES; f++)
		wanted[f + 1] = netdev->gateway[f];
	ret = tap_keep_addresses(
		netdev->netdevs->socket, netdev->ifindex, wanted, FAMILIES + 1, &foreign
	);
	if (ret == -EADDRINUSE)
		snprintf(
			inside->error, inside->size,
			"netdev %s has the address %s, which is not its gateway's: the clouds would reach "
			"this host by it. Take it off (ip address del %s dev %s), or give t0x a netdev "
			"of its own",
			inside->name, prefix_format(&foreign, text), text, inside->name
		);
	else if (ret)
		failed(inside, "read the addresses of", ret);
	return ret;
}

static int start_own(struct netdev *netdev, struct inside inside)
{
	int ret;

	ret = run_inside(netdev->netdevs, find_inside, &inside);
	if (ret)
		return failed(&inside, "find", ret);
	netdev->ifindex = inside.ifindex;
	ret = take_addresses(netdev, &inside);
	if (ret)
		return ret;
	netdev->running = true;
	netdevs_enter(netdev);
	ret = run_inside(netdev->netdevs, configure_inside, &inside);
	if (ret)
		return ret;
	ret = tap_up(netdev->netdevs->socket, netdev->ifindex);
	if (!ret)
		ret = add_addresses(netdev);
	if (ret)
		return failed(&inside, "set addresses of", ret);
	// The netdev is no new one: the kernel tells only of what changes.
	router_recall(netdev);
	return 0;
}

static int start(struct netdev *netdev, char *error, size_t size)
{
	struct inside inside = {
		.ipv6 = netdev_has_ipv6(netdev),
		.error = error,
		.size = size,
	};
	int ret;

	netdev_name(netdev->cloud, inside.name);
	if (netdev->own[0])
		memcpy(inside.name, netdev->own, sizeof(inside.name));
	if (inside.ipv6 && netdev->mtu < IPV6_MTU_MIN)
		return failed(&inside, "give an MTU below 1280 and IPv6 to", -EINVAL);
	ret = netdev->own[0] ? start_own(netdev, inside) : start_tap(netdev, inside);
	if (ret || !netdev->link_up)
		return ret; // netdev_link() asks
	ret = router_ask(netdev);
	return ret ? failed(&inside, "set the router of", ret) : 0;
}

struct netdev *netdev_attach_own(
	struct netdevs *netdevs, uint16_t cloud, const char *name, const struct mac *mac,
	uint16_t mtu, const struct prefix gateway[FAMILIES], const struct addr router[FAMILIES],
	const struct mac *static_router_mac, char *error, size_t size
)
{
	struct netdev *netdev;
	int ret;

	if (!cloud || cloud > CLOUD_ID_MAX || netdevs->by_cloud[cloud]) {
		snprintf(error, size, "cloud id %u cannot have another control netdev", cloud);
		errno = EEXIST;
		return NULL;
	}
	netdev = calloc(1, sizeof(*netdev));
	if (!netdev) {
		snprintf(error, size, "no memory for control netdev t0x%u", cloud);
		errno = ENOMEM;
		return NULL;
	}
	netdev->netdevs = netdevs;
	netdev->cloud = cloud;
	netdev->mac = *mac;
	netdev->mtu = mtu;
	netdev->fd = -1;
	netdev->link_up = true;
	snprintf(netdev->own, sizeof(netdev->own), "%s", name);
	memcpy(netdev->gateway, gateway, sizeof(netdev->gateway));
	memcpy(netdev->router, router, sizeof(netdev->router));
	if (static_router_mac) {
		netdev->has_static_mac = true;
		netdev->static_mac = *static_router_mac;
	}
	netdevs->by_cloud[cloud] = netdev;
	ret = start(netdev, error, size);
	if (ret) {
		netdev_detach(netdev);
		errno = -ret;
		return NULL;
	}
	return netdev;
}

struct netdev *netdev_attach(
	struct netdevs *netdevs, uint16_t cloud, const struct mac *mac, uint16_t mtu,
	const struct prefix gateway[FAMILIES], const struct addr router[FAMILIES],
	const struct mac *static_router_mac, char *error, size_t size
)
{
	return netdev_attach_own(
		netdevs, cloud, "", mac, mtu, gateway, router, static_router_mac, error, size
	);
}

int netdev_set(struct netdev *netdev, uint16_t mtu, const struct mac *static_router_mac)
{
	bool learn = netdev->has_static_mac && !static_router_mac;
	int ret = 0;

	if (netdev_has_ipv6(netdev) && mtu < IPV6_MTU_MIN)
		return -EINVAL;
	netdev->has_static_mac = static_router_mac != NULL;
	if (static_router_mac)
		netdev->static_mac = *static_router_mac;
	if (netdev->mtu != mtu && netdev->fd >= 0)
		ret = tap_set_mtu(netdev->netdevs->socket, netdev->ifindex, mtu);
	netdev->mtu = mtu;
	if (learn) { // the router counts as unresolved until the kernel has found it
		memset(netdev->entry, 0, sizeof(netdev->entry));
		memset(&netdev->reported, 0, sizeof(netdev->reported));
	}
	if (!netdev->running || ret)
		return ret;
	if (learn)
		ret = router_forget(netdev);
	if (!ret && (netdev->link_up || netdev->has_static_mac))
		ret = router_ask(netdev);
	return ret;
}

void netdevs_disown(struct netdevs *netdevs, const char *name)
{
	struct inside inside = {};
	struct prefix foreign;

	snprintf(inside.name, sizeof(inside.name), "%s", name);
	if (run_inside(netdevs, find_inside, &inside) == 0)
		(void)tap_keep_addresses(netdevs->socket, inside.ifindex, NULL, 0, &foreign);
}

bool netdevs_router(
	struct netdevs *netdevs, const char *name, const struct addr router[FAMILIES],
	struct mac *mac
)
{
	struct inside inside = {};
	struct lladdr found;

	snprintf(inside.name, sizeof(inside.name), "%s", name);
	if (run_inside(netdevs, find_inside, &inside))
		return false;
	found = router_find(netdevs, inside.ifindex, router);
	if (found.resolved)
		*mac = found.mac;
	return found.resolved;
}

// Its settings stay: they answer for nothing without addresses.
static void leave_own(struct netdev *netdev)
{
	struct mnl_socket *socket = netdev->netdevs->socket;
	struct prefix link_local = tap_link_local(&netdev->mac);

	(void)router_forget(netdev);
	for (unsigned f = 0; f < FAMILIES; f++)
		if (netdev->gateway[f].addr.family != FAMILY_NONE)
			(void)tap_remove_address(socket, netdev->ifindex, &netdev->gateway[f]);
	if (netdev_has_ipv6(netdev))
		(void)tap_remove_address(socket, netdev->ifindex, &link_local);
}

void netdev_detach(struct netdev *netdev)
{
	struct netdevs *netdevs;
	bool has_tap;

	if (!netdev)
		return;
	netdevs = netdev->netdevs;
	has_tap = netdev->fd >= 0;
	router_unchanged(netdev);
	if (netdev->running && netdev->own[0])
		leave_own(netdev);
	netdev_stop(netdev);
	if (has_tap && !tap_leave(netdevs->socket, netdev->ifindex))
		netdevs_sweep_soon(netdevs);
	netdevs->by_cloud[netdev->cloud] = NULL;
	free(netdev);
}

void netdev_write(struct netdev *netdev, const uint8_t *frame, size_t length)
{
	if (netdev->fd < 0)
		return;
	router_limit(netdev, frame, length);
	// The kernel's answer, if any, is in the TAP's queue when this returns. Frames that it does
	// not take are lost, as on any wire.
	if (write(netdev->fd, frame, length) < 0)
		LOG(DEBUG, "event=frame_refused tap=t0x%u why=" LOG_TEXT, (unsigned)netdev->cloud,
		    log_text(strerror(errno)));
}

// Carrier rather than taking the TAP down: addresses, routes and permanent entries stay, so coming
// back is one ioctl and nothing can be forgotten on the way up, while the kernel stops to send. The
// kernel also evicts learned entries when it notices, up to a second later (linkwatch); deleting
// the router's ourselves makes the end of the old MAC certain even if the link is back by then.
void netdev_link(struct netdev *netdev, bool up)
{
	netdev->link_up = up;
	if (!netdev->running)
		return;
	if (netdev->fd >= 0)
		(void)tap_set_carrier(netdev->fd, up); // kernels before 5.0 cannot
	else if (up)
		(void)add_addresses(netdev); // who took it down took those of IPv6
	if (up)
		(void)router_ask(netdev); // netdevs_tick() sees to what failed
	else if (!netdev->has_static_mac)
		(void)router_forget(netdev);
}

void netdev_restart(struct netdev *netdev)
{
	char error[256];

	if (!start(netdev, error, sizeof(error))) {
		if (netdev->fd >= 0)
			(void)tap_set_carrier(netdev->fd, netdev->link_up);
		LOG(NOTICE, "event=tap_restored tap=t0x%u", (unsigned)netdev->cloud);
		return;
	}
	LOG(DEBUG, "event=tap_not_restored why=" LOG_TEXT, log_text(error));
	netdev_stop(netdev);
}
