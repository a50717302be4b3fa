// SPDX-License-Identifier: BSD-3-Clause
#include "tap.h"

#include "netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP_NONE 0
#define ADDRESS_PROTOCOL 0x74 // who set an address: t0xd; likewise
#define GROUP_LEAVING 0x743078 // "t0x"; the group's number has no meaning to anyone else

int tap_open(const char *name, int *ifindex)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	memccpy(request.ifr_name, name, '\0', sizeof(request.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETPERSIST, 1) ||
	    ioctl(fd, TUNSETOFFLOAD, 0))
		goto fail;
	*ifindex = (int)if_nametoindex(name);
	if (!*ifindex)
		goto fail;
	return fd;
fail:
	ret = -errno;
	close(fd);
	return ret;
}

static struct ifinfomsg *prepare_link(union netlink_request *request, int ifindex)
{
	struct ifinfomsg *header = netlink_prepare(request, RTM_SETLINK, 0, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	header->ifi_index = ifindex;
	return header;
}

static int take_down(struct mnl_socket *socket, int ifindex, uint32_t group)
{
	union netlink_request request;

	prepare_link(&request, ifindex)->ifi_change = IFF_UP;
	mnl_attr_put_u32(&request.header, IFLA_GROUP, group);
	return netlink_request(socket, &request);
}

int tap_up(struct mnl_socket *socket, int ifindex)
{
	union netlink_request request;
	struct ifinfomsg *header = prepare_link(&request, ifindex);

	header->ifi_change = IFF_UP;
	header->ifi_flags = IFF_UP;
	return netlink_request(socket, &request);
}

int tap_set_mtu(struct mnl_socket *socket, int ifindex, uint16_t mtu)
{
	union netlink_request request;

	prepare_link(&request, ifindex);
	mnl_attr_put_u32(&request.header, IFLA_MTU, mtu);
	return netlink_request(socket, &request);
}

static int set_mac(struct mnl_socket *socket, int ifindex, const struct mac *mac)
{
	union netlink_request request;

	prepare_link(&request, ifindex);
	mnl_attr_put(&request.header, IFLA_ADDRESS, sizeof(mac->bytes), mac->bytes);
	return netlink_request(socket, &request);
}

static void prepare_address(
	union netlink_request *request, uint16_t type, int ifindex, const struct prefix *address
)
{
	size_t bytes = family_bits(address->addr.family) / 8;
	uint16_t flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	struct ifaddrmsg *header = netlink_prepare(request, type, flags, sizeof(*header));

	header->ifa_family = address->addr.family == FAMILY_IPV6 ? AF_INET6 : AF_INET;
	header->ifa_prefixlen = address->len;
	header->ifa_index = (unsigned)ifindex;
	if (type == RTM_NEWADDR && address->addr.family == FAMILY_IPV6)
		header->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(&request->header, IFA_LOCAL, bytes, address->addr.bytes);
	mnl_attr_put(&request->header, IFA_ADDRESS, bytes, address->addr.bytes);
	if (type == RTM_NEWADDR)
		mnl_attr_put_u8(&request->header, IFA_PROTO, ADDRESS_PROTOCOL); // since 5.18
}

int tap_add_address(struct mnl_socket *socket, int ifindex, const struct prefix *address)
{
	union netlink_request request;

	prepare_address(&request, RTM_NEWADDR, ifindex, address);
	return netlink_request(socket, &request);
}

int tap_remove_address(struct mnl_socket *socket, int ifindex, const struct prefix *address)
{
	union netlink_request request;
	int ret;

	prepare_address(&request, RTM_DELADDR, ifindex, address);
	ret = netlink_request(socket, &request);
	// Secondary addresses go with their primary one.
	return ret == -EADDRNOTAVAIL ? 0 : ret;
}

struct prefix tap_link_local(const struct mac *mac)
{
	const uint8_t *m = mac->bytes;

	return (struct prefix){
		.addr =
			{
				FAMILY_IPV6,
				{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe,
				 m[3], m[4], m[5]},
			},
		.len = 64,
	};
}

// Some addresses of one netdev. A TAP of ours has at most three.
#define FOUND_MAX 16
struct found {
	int ifindex;
	unsigned n;
	struct prefix addresses[FOUND_MAX];
	bool ours[FOUND_MAX]; // by their protocol
};
#define PASSES_MAX 64

static int find_address(const struct nlmsghdr *message, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr, *local = NULL;
	struct found *found = arg;
	struct prefix address = {.len = 0};
	bool ours = false;

	if (message->nlmsg_type != RTM_NEWADDR || !netlink_holds(message, sizeof(*header)) ||
	    header->ifa_index != (unsigned)found->ifindex || found->n == FOUND_MAX)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, message, sizeof(*header)) {
		// IPv6 has IFA_LOCAL on point-to-point addresses only.
		if (mnl_attr_get_type(attr) == IFA_LOCAL ||
		    (mnl_attr_get_type(attr) == IFA_ADDRESS && !local))
			local = attr;
		if (mnl_attr_get_type(attr) == IFA_PROTO &&
		    mnl_attr_validate(attr, MNL_TYPE_U8) >= 0)
			ours = mnl_attr_get_u8(attr) == ADDRESS_PROTOCOL;
	}
	address.addr.family = header->ifa_family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
	address.len = header->ifa_prefixlen;
	if (!local || mnl_attr_get_payload_len(local) != family_bits(address.addr.family) / 8)
		return MNL_CB_OK;
	memcpy(address.addr.bytes, mnl_attr_get_payload(local), mnl_attr_get_payload_len(local));
	found->ours[found->n] = ours;
	found->addresses[found->n++] = address;
	return MNL_CB_OK;
}

static int find_addresses(struct mnl_socket *socket, struct found *found)
{
	union netlink_request request;
	struct ifaddrmsg *header;
	int ret;

	do {
		found->n = 0;
		header = netlink_prepare(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(*header));
		header->ifa_index = (unsigned)found->ifindex;
		ret = netlink_query(socket, &request, find_address, found);
	} while (ret == -EINTR);
	return ret;
}

static int remove_addresses(struct mnl_socket *socket, int ifindex)
{
	struct found found = {.ifindex = ifindex};
	int ret;

	for (unsigned passes = 0; passes < PASSES_MAX; passes++) {
		ret = find_addresses(socket, &found);
		if (ret || !found.n)
			return ret;
		for (unsigned i = 0; i < found.n; i++) {
			ret = tap_remove_address(socket, ifindex, &found.addresses[i]);
			if (ret)
				return ret;
		}
	}
	return -EBUSY; // somebody adds them as fast as they go
}

static bool is_wanted(const struct prefix *address, const struct prefix *wanted, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_equal(address, &wanted[i]))
			return true;
	return false;
}

static bool is_link_local(const struct prefix *address)
{
	return address->addr.family == FAMILY_IPV6 && address->addr.bytes[0] == 0xfe &&
		(address->addr.bytes[1] & 0xc0) == 0x80;
}

int tap_keep_addresses(
	struct mnl_socket *socket, int ifindex, const struct prefix *wanted, unsigned n,
	struct prefix *foreign
)
{
	struct found found = {.ifindex = ifindex};
	bool is_foreign = false;
	int ret = find_addresses(socket, &found);

	for (unsigned i = 0; i < found.n && !ret; i++) {
		const struct prefix *address = &found.addresses[i];

		if (is_wanted(address, wanted, n))
			continue;
		if (found.ours[i]) {
			ret = tap_remove_address(socket, ifindex, address);
		} else if (!is_link_local(address)) {
			is_foreign = true;
			*foreign = *address;
		}
	}
	return !ret && is_foreign ? -EADDRINUSE : ret;
}

int tap_reset(struct mnl_socket *socket, int ifindex, int fd, const struct mac *mac, uint16_t mtu)
{
	uint8_t frame[64];
	int ret;

	// Down flushes the neighbours, permanent ones too, and the IPv6 addresses.
	ret = take_down(socket, ifindex, GROUP_NONE);
	if (!ret)
		ret = remove_addresses(socket, ifindex);
	if (!ret)
		ret = set_mac(socket, ifindex, mac);
	if (!ret)
		ret = tap_set_mtu(socket, ifindex, mtu);
	// What the kernel sent while the TAP was open and as it had been is not for the T0 port.
	while (!ret && read(fd, frame, sizeof(frame)) > 0)
		continue;
	return ret;
}

int tap_set_carrier(int fd, bool on)
{
	int carrier = on;

	return ioctl(fd, TUNSETCARRIER, &carrier) ? -errno : 0;
}

int tap_leave(struct mnl_socket *socket, int ifindex)
{
	return take_down(socket, ifindex, GROUP_LEAVING);
}

int taps_sweep(struct mnl_socket *socket)
{
	union netlink_request request;
	int ret;

	netlink_prepare(&request, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&request.header, IFLA_GROUP, GROUP_LEAVING);
	ret = netlink_request(socket, &request);
	return ret == -ENODEV ? 0 : ret; // none left
}

struct selection {
	bool (*leaves)(const char *name, const void *arg);
	const void *arg;
	int *ifindexes;
	unsigned n;
};

static int select_link(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct selection *selection = arg;
	const struct nlattr *attr;
	const char *name = NULL;
	int *more;

	if (message->nlmsg_type != RTM_NEWLINK || !netlink_holds(message, sizeof(*header)))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, message, sizeof(*header)) {
		if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attr);
	}
	if (!name || !selection->leaves(name, selection->arg))
		return MNL_CB_OK;
	more = realloc(selection->ifindexes, (selection->n + 1) * sizeof(*more));
	if (!more)
		return MNL_CB_ERROR;
	selection->ifindexes = more;
	more[selection->n++] = header->ifi_index;
	return MNL_CB_OK;
}

int taps_leave_if(
	struct mnl_socket *socket, bool (*leaves)(const char *name, const void *arg),
	const void *arg
)
{
	struct selection selection = {.leaves = leaves, .arg = arg};
	union netlink_request request;
	int ret, left = 0;

	do {
		selection.n = 0;
		netlink_prepare(&request, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
		ret = netlink_query(socket, &request, select_link, &selection);
	} while (ret == -EINTR);
	for (unsigned i = 0; i < selection.n && !ret; i++)
		left += !tap_leave(socket, selection.ifindexes[i]);
	free(selection.ifindexes);
	return ret ? ret : left;
}
