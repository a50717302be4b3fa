// SPDX-License-Identifier: BSD-3-Clause
// Talking to rtnetlink: requests that wait for their answer, and listening.
//
// A request socket answers at once: the kernel works in the sender's context. A listening socket
// never blocks; when the kernel had more to say than it holds, netlink_listen() returns -ENOBUFS
// and its owner must ask for everything again on a request socket.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

#define NETLINK_REQUEST_SIZE 512

// For one request. Aligned as netlink headers and attributes need it.
union netlink_request {
	struct nlmsghdr header;
	char bytes[NETLINK_REQUEST_SIZE];
};

// Open in the namespace that the thread is in. The socket stays there. NULL with errno.
struct mnl_socket *netlink_open(void);
struct mnl_socket *netlink_open_listener(unsigned groups); // RTMGRP_...

// Start a message: header and 'extra' zeroed bytes of its family's header, which are returned.
void *netlink_prepare(union netlink_request *request, uint16_t type, uint16_t flags, size_t extra);

// Does a message have its family's header of 'extra' bytes, and whole attributes behind it? The
// kernel pads them all, and libmnl's loop over attributes takes the padding for granted.
bool netlink_holds(const struct nlmsghdr *message, size_t extra);

// Send and wait for the acknowledgement. Returns 0 or -errno of the kernel.
int netlink_request(struct mnl_socket *socket, union netlink_request *request);

// The same for a request that is answered by messages: each goes to 'callback', which returns
// MNL_CB_OK. A dump that changed under way is -EINTR: ask again.
int netlink_query(
	struct mnl_socket *socket, union netlink_request *request, mnl_cb_t callback, void *arg
);

// Hand what waits to 'callback', much of it at a time. Returns 0, or -ENOBUFS when messages were
// lost: then nothing waits any more, and what a dump says from now on is newer than all that came.
int netlink_listen(struct mnl_socket *listener, mnl_cb_t callback, void *arg);
