// SPDX-License-Identifier: BSD-3-Clause
#include "netdev_internal.h"

#include "log.h"
#include "netlink.h"
#include "netns.h"
#include "sysctl.h"
#include "tap.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "netdev"
#define LO_IFINDEX 1

static const struct timeval sweep_delay = {.tv_usec = 200000};

static struct netdev **bucket(struct netdevs *netdevs, int ifindex)
{
	return &netdevs->by_ifindex[(unsigned)ifindex % NETDEV_BUCKETS];
}

struct netdev *netdevs_find(struct netdevs *netdevs, int ifindex)
{
	struct netdev *netdev = *bucket(netdevs, ifindex);

	while (netdev && netdev->ifindex != ifindex)
		netdev = netdev->next;
	return netdev;
}

void netdevs_enter(struct netdev *netdev)
{
	struct netdev **head = bucket(netdev->netdevs, netdev->ifindex);

	netdev->next = *head;
	*head = netdev;
}

void netdevs_leave(struct netdev *netdev)
{
	struct netdev **link = bucket(netdev->netdevs, netdev->ifindex);

	while (*link && *link != netdev)
		link = &(*link)->next;
	if (*link)
		*link = netdev->next;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct netdevs *netdevs = arg;
	int ret = taps_sweep(netdevs->socket);

	if (ret)
		LOG(WARNING, "event=taps_not_deleted why=" LOG_TEXT, log_text(strerror(-ret)));
}

void netdevs_sweep_soon(struct netdevs *netdevs)
{
	if (!evtimer_pending(netdevs->sweep, NULL))
		event_add(netdevs->sweep, &sweep_delay);
}

// "t0x<digits>" is ours; anything else somebody else put there.
static bool is_orphan(const char *name, const void *arg)
{
	const struct netdevs *netdevs = arg;
	const char *digits = name + strlen("t0x");
	char own[16];
	unsigned long id;

	if (strncmp(name, "t0x", strlen("t0x")) || !*digits || digits[strspn(digits, "0123456789")])
		return false;
	id = strtoul(digits, NULL, 10);
	if (id > CLOUD_ID_MAX || !netdevs->by_cloud[id])
		return true;
	netdev_name((uint16_t)id, own);
	return strcmp(name, own) != 0;
}

unsigned netdevs_remove_orphans(struct netdevs *netdevs)
{
	int n = taps_leave_if(netdevs->socket, is_orphan, netdevs);

	if (n < 0) {
		LOG(WARNING, "event=orphans_not_found why=" LOG_TEXT, log_text(strerror(-n)));
		return 0;
	}
	if (n > 0) {
		LOG(NOTICE, "event=orphans_removed taps=%d", n);
		on_sweep(-1, 0, netdevs);
	}
	return (unsigned)n;
}

static void tick(struct netdev *netdev)
{
	if (!netdev->running)
		netdev_restart(netdev);
	else if (netdev->link_up)
		router_ask_unresolved(netdev);
}

void netdevs_tick(struct netdevs *netdevs)
{
	if (netdevs->resync) {
		router_resync(netdevs);
		if (!netdevs->resync)
			router_report(netdevs);
	}
	for (unsigned id = 1; id <= CLOUD_ID_MAX; id++) {
		if (netdevs->by_cloud[id])
			tick(netdevs->by_cloud[id]);
	}
}

static int open_sockets(void *arg)
{
	struct netdevs *netdevs = arg;

	netdevs->socket = netlink_open();
	if (!netdevs->socket)
		return -errno;
	netdevs->listener = netlink_open_listener(RTMGRP_NEIGH);
	return netdevs->listener ? 0 : -errno;
}

struct complaint {
	char *error;
	size_t size;
};

static int configure_namespace(void *arg)
{
	struct complaint *complaint = arg;

	return sysctl_namespace(complaint->error, complaint->size);
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	router_listen(arg);
}

// Returns 0 or -errno and 'error' filled.
static int start(struct netdevs *netdevs, const char *netns, char *error, size_t size)
{
	struct complaint complaint = {.error = error, .size = size};
	int ret;

	if (netns) {
		netdevs->netns = netns_open(netns, error, size);
		if (netdevs->netns < 0)
			return netdevs->netns;
		ret = netns_run(netdevs->netns, configure_namespace, &complaint);
		if (ret)
			return ret;
		ret = netns_run(netdevs->netns, open_sockets, netdevs);
		if (!ret)
			ret = tap_up(netdevs->socket, LO_IFINDEX);
	} else {
		ret = open_sockets(netdevs);
	}
	if (ret) {
		snprintf(
			error, size, "cannot use netlink in network namespace %s: %s",
			netns ? netns : "(this one)", strerror(-ret)
		);
		return ret;
	}
	netdevs->heard = event_new(
		netdevs->base, mnl_socket_get_fd(netdevs->listener), EV_READ | EV_PERSIST, on_heard,
		netdevs
	);
	netdevs->sweep = evtimer_new(netdevs->base, on_sweep, netdevs);
	if (!netdevs->heard || !netdevs->sweep || event_add(netdevs->heard, NULL)) {
		snprintf(error, size, "no memory for the events of control netdevs");
		return -ENOMEM;
	}
	return 0;
}

struct netdevs *netdevs_open(
	struct event_base *base, const char *netns, const struct netdev_callbacks *callbacks,
	char *error, size_t size
)
{
	struct netdevs *netdevs = calloc(1, sizeof(*netdevs));
	int ret;

	if (!netdevs) {
		snprintf(error, size, "no memory for control netdevs");
		errno = ENOMEM;
		return NULL;
	}
	netdevs->base = base;
	netdevs->callbacks = *callbacks;
	netdevs->netns = -1;
	ret = start(netdevs, netns, error, size);
	if (ret) {
		netdevs_close(netdevs);
		errno = -ret;
		return NULL;
	}
	sysctl_raise_neighbours();
	return netdevs;
}

void netdevs_close(struct netdevs *netdevs)
{
	if (!netdevs)
		return;
	for (unsigned id = 1; id <= CLOUD_ID_MAX; id++) {
		if (netdevs->by_cloud[id]) {
			netdev_stop(netdevs->by_cloud[id]);
			free(netdevs->by_cloud[id]);
		}
	}
	if (netdevs->sweep) {
		if (evtimer_pending(netdevs->sweep, NULL))
			on_sweep(-1, 0, netdevs);
		event_free(netdevs->sweep);
	}
	if (netdevs->heard)
		event_free(netdevs->heard);
	if (netdevs->listener)
		mnl_socket_close(netdevs->listener);
	if (netdevs->socket)
		mnl_socket_close(netdevs->socket);
	if (netdevs->netns >= 0)
		close(netdevs->netns);
	free(netdevs);
}
