// SPDX-License-Identifier: BSD-3-Clause
#include "link.h"

#include "log.h"
#include "netlink.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "link"
#define RETRY_SECONDS 1

struct link {
	char *name;
	unsigned references;
	int ifindex; // 0 while there is no netdev of that name
	bool up;
	bool seen; // in the dump that is being read
	bool changed; // to be reported
};

struct links {
	void (*on_change)(const char *netdev, bool up, void *arg);
	void *arg;
	struct mnl_socket *socket; // requests
	struct mnl_socket *listener; // RTMGRP_LINK
	struct event *heard;
	struct event *report;
	struct event *retry; // of a dump that failed
	struct link **array; // sorted by name
	unsigned n;
};

// What one RTM_NEWLINK or RTM_DELLINK says.
struct state {
	int ifindex;
	const char *name;
	bool exists;
	bool up;
};

// Where the name is in the array, or belongs.
static unsigned position(const struct links *links, const char *name)
{
	unsigned low = 0, high = links->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (strcmp(links->array[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct link *find(const struct links *links, const char *name)
{
	unsigned i = position(links, name);

	return i < links->n && !strcmp(links->array[i]->name, name) ? links->array[i] : NULL;
}

// Callbacks come from the event loop alone, never from inside link_watch().
static void report_soon(struct links *links)
{
	event_active(links->report, EV_TIMEOUT, 0);
}

static void set(struct links *links, struct link *link, int ifindex, bool up)
{
	link->ifindex = ifindex;
	if (link->up == up)
		return;
	link->up = up;
	link->changed = true;
	report_soon(links);
}

static int parse(const struct nlmsghdr *message, struct state *state)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    !netlink_holds(message, sizeof(*header)))
		return -EBADMSG;
	// Bridges tell of their ports in the same words, also of one that only leaves the bridge.
	if (header->ifi_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	*state = (struct state){
		.ifindex = header->ifi_index,
		.exists = message->nlmsg_type == RTM_NEWLINK,
		.up = message->nlmsg_type == RTM_NEWLINK && (header->ifi_flags & IFF_UP) &&
			(header->ifi_flags & IFF_RUNNING),
	};
	mnl_attr_for_each(attr, message, sizeof(*header)) {
		if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			state->name = mnl_attr_get_str(attr);
	}
	return state->name ? 0 : -EBADMSG;
}

static int hear_link(const struct nlmsghdr *message, void *arg)
{
	struct links *links = arg;
	struct state state;
	struct link *link;

	if (parse(message, &state))
		return MNL_CB_OK;
	// A netdev that we knew by another name was renamed: the old name is gone.
	for (unsigned i = 0; i < links->n; i++) {
		link = links->array[i];
		if (link->ifindex == state.ifindex && strcmp(link->name, state.name))
			set(links, link, 0, false);
	}
	link = find(links, state.name);
	// The end of a predecessor of the same name is no news of the one that follows.
	if (!link || (!state.exists && link->ifindex != state.ifindex))
		return MNL_CB_OK;
	link->seen = true;
	set(links, link, state.exists ? state.ifindex : 0, state.up);
	return MNL_CB_OK;
}

static void dump(struct links *links)
{
	static const struct timeval later = {.tv_sec = RETRY_SECONDS};
	union netlink_request request;
	int ret;

	for (unsigned i = 0; i < links->n; i++)
		links->array[i]->seen = false;
	netlink_prepare(&request, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	ret = netlink_query(links->socket, &request, hear_link, links);
	if (ret) {
		LOG(WARNING, "event=links_not_read why=" LOG_TEXT, log_text(strerror(-ret)));
		event_add(links->retry, &later);
		return;
	}
	for (unsigned i = 0; i < links->n; i++) {
		if (!links->array[i]->seen)
			set(links, links->array[i], 0, false);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	dump(arg);
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	struct links *links = arg;

	if (!netlink_listen(links->listener, hear_link, links))
		return;
	LOG(NOTICE, "event=link_messages_lost");
	dump(links);
}

// The state of one name, now.
static int query(struct links *links, const char *name)
{
	union netlink_request request;

	netlink_prepare(&request, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(&request.header, IFLA_IFNAME, name);
	return netlink_query(links->socket, &request, hear_link, links);
}

// The callback may watch and unwatch, so that the array moves: a pass may miss some, the last pass
// finds none.
static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct links *links = arg;
	struct link *link;
	bool found;

	do {
		found = false;
		for (unsigned i = 0; i < links->n; i++) {
			link = links->array[i];
			if (!link->changed)
				continue;
			found = true;
			link->changed = false;
			link->references++; // its name lives until the callback is back
			links->on_change(link->name, link->up, links->arg);
			link_unwatch(links, link->name);
		}
	} while (found);
}

static struct link *insert(struct links *links, const char *name)
{
	unsigned i = position(links, name);
	struct link **array;
	struct link *link;

	array = realloc(links->array, (links->n + 1) * sizeof(struct link *));
	if (!array)
		return NULL;
	links->array = array;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->name = strdup(name);
	if (!link->name) {
		free(link);
		return NULL;
	}
	memmove(&array[i + 1], &array[i], (links->n - i) * sizeof(struct link *));
	array[i] = link;
	links->n++;
	return link;
}

int link_watch(struct links *links, const char *netdev)
{
	struct link *link = find(links, netdev);

	if (!link) {
		link = insert(links, netdev);
		if (!link)
			return -ENOMEM;
		// What fails is a netdev that does not exist, or whose name is none: it is down.
		if (strlen(netdev) < IFNAMSIZ)
			(void)query(links, netdev);
	}
	link->references++;
	link->changed = true; // tell every watcher what was found
	report_soon(links);
	return 0;
}

void link_unwatch(struct links *links, const char *netdev)
{
	struct link *link = find(links, netdev);
	unsigned i;

	if (!link || --link->references)
		return;
	i = position(links, netdev);
	links->n--;
	memmove(&links->array[i], &links->array[i + 1], (links->n - i) * sizeof(struct link *));
	free(link->name);
	free(link);
}

bool link_is_up(const struct links *links, const char *netdev)
{
	const struct link *link = find(links, netdev);

	return link && link->up;
}

struct links *links_open(
	struct event_base *base, void (*on_change)(const char *netdev, bool up, void *arg),
	void *arg, char *error, size_t size
)
{
	struct links *links = calloc(1, sizeof(*links));
	int ret = ENOMEM;

	if (!links)
		goto fail;
	links->on_change = on_change;
	links->arg = arg;
	links->socket = netlink_open();
	if (links->socket)
		links->listener = netlink_open_listener(RTMGRP_LINK);
	if (!links->listener) {
		ret = errno;
		goto fail;
	}
	links->heard = event_new(
		base, mnl_socket_get_fd(links->listener), EV_READ | EV_PERSIST, on_heard, links
	);
	links->report = event_new(base, -1, 0, on_report, links);
	links->retry = evtimer_new(base, on_retry, links);
	if (!links->heard || !links->report || !links->retry || event_add(links->heard, NULL))
		goto fail;
	return links;
fail:
	snprintf(error, size, "cannot listen to link states: %s", strerror(ret));
	links_close(links);
	errno = ret;
	return NULL;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	if (links->heard)
		event_free(links->heard);
	if (links->report)
		event_free(links->report);
	if (links->retry)
		event_free(links->retry);
	if (links->listener)
		mnl_socket_close(links->listener);
	if (links->socket)
		mnl_socket_close(links->socket);
	for (unsigned i = 0; i < links->n; i++) {
		free(links->array[i]->name);
		free(links->array[i]);
	}
	free(links->array);
	free(links);
}
