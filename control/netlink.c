// SPDX-License-Identifier: BSD-3-Clause
#include "netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE 32768 // the kernel fills at most this much of a dump at a time
#define LISTENER_RCVBUF (8 << 20) // some 10,000 messages
#define LISTEN_MAX 1024 // reads a wake-up; the event loop comes back for the rest

static struct mnl_socket *open_bound(unsigned groups, int flags)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (socket && mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(socket);
		return NULL;
	}
	return socket;
}

struct mnl_socket *netlink_open(void)
{
	struct mnl_socket *socket = open_bound(0, 0);
	int on = 1;

	// Dumps look at their filters (ifindex) only on sockets that ask for it; kernels
	// before 4.20 do not know the option and dump more, so callers check again.
	if (socket)
		(void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return socket;
}

struct mnl_socket *netlink_open_listener(unsigned groups)
{
	struct mnl_socket *socket = open_bound(groups, SOCK_NONBLOCK);
	int bytes = LISTENER_RCVBUF, fd;

	if (!socket)
		return NULL;
	fd = mnl_socket_get_fd(socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return socket;
}

void *netlink_prepare(union netlink_request *request, uint16_t type, uint16_t flags, size_t extra)
{
	struct nlmsghdr *header;

	memset(request, 0, sizeof(*request));
	header = mnl_nlmsg_put_header(request->bytes);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	return mnl_nlmsg_put_extra_header(header, extra);
}

bool netlink_holds(const struct nlmsghdr *message, size_t extra)
{
	return message->nlmsg_len >= NLMSG_LENGTH(extra) && message->nlmsg_len % NLMSG_ALIGNTO == 0;
}

// Reading on until nothing waits also ends a dump that was broken off.
static void discard(struct mnl_socket *socket)
{
	char buffer[ANSWER_SIZE];
	int fd = mnl_socket_get_fd(socket);

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == EINTR)
		continue;
}

static int exchange(
	struct mnl_socket *socket, struct nlmsghdr *header, mnl_cb_t callback, void *arg
)
{
	static unsigned sequence; // control thread
	_Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	unsigned portid = mnl_socket_get_portid(socket);
	ssize_t length;
	int ret;

	header->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length < 0 && errno == EINTR) {
			ret = MNL_CB_OK;
			continue;
		}
		ret = length < 0
			? MNL_CB_ERROR
			: mnl_cb_run(
				  buffer, (size_t)length, header->nlmsg_seq, portid, callback, arg
			  );
	} while (ret > MNL_CB_STOP);
	if (ret == MNL_CB_STOP)
		return 0;
	ret = errno ? -errno : -EIO;
	discard(socket);
	return ret;
}

int netlink_request(struct mnl_socket *socket, union netlink_request *request)
{
	request->header.nlmsg_flags |= NLM_F_ACK;
	return exchange(socket, &request->header, NULL, NULL);
}

int netlink_query(
	struct mnl_socket *socket, union netlink_request *request, mnl_cb_t callback, void *arg
)
{
	// A dump ends by NLMSG_DONE, a single answer only by the acknowledgement behind it.
	if ((request->header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->header.nlmsg_flags |= NLM_F_ACK;
	return exchange(socket, &request->header, callback, arg);
}

int netlink_listen(struct mnl_socket *listener, mnl_cb_t callback, void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	bool lost = false;
	ssize_t length;

	// After a loss everything that waits must go: it is older than what its owner now asks for,
	// and would undo it.
	for (unsigned i = 0; i < LISTEN_MAX || lost; i++) {
		length = mnl_socket_recvfrom(listener, buffer, sizeof(buffer));
		if (length >= 0)
			(void)mnl_cb_run(buffer, (size_t)length, 0, 0, callback, arg);
		else if (errno == ENOBUFS || errno == ENOSPC)
			lost = true; // ENOSPC: libmnl's word for a message cut short
		else if (errno != EINTR)
			break;
	}
	return lost ? -ENOBUFS : 0;
}
