// SPDX-License-Identifier: BSD-3-Clause
#include "neighbour.h"

#include "netlink.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>
#include <sys/socket.h>

// An entry in one of these states has an address that the kernel uses, fresh or being verified.
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

#define DUMP_TRIES 5

static size_t addr_bytes(const struct addr *addr)
{
	return family_bits(addr->family) / 8;
}

static enum family family_of(uint8_t kernel)
{
	return kernel == AF_INET ? FAMILY_IPV4 : kernel == AF_INET6 ? FAMILY_IPV6 : FAMILY_NONE;
}

int neighbour_parse(const struct nlmsghdr *message, struct neighbour *neighbour)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr, *dst = NULL, *lladdr = NULL;

	if ((message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) ||
	    !netlink_holds(message, sizeof(*header)))
		return -EBADMSG;
	memset(neighbour, 0, sizeof(*neighbour));
	neighbour->ifindex = header->ndm_ifindex;
	neighbour->addr.family = family_of(header->ndm_family);
	if (neighbour->addr.family == FAMILY_NONE || (header->ndm_flags & NTF_PROXY))
		return -EAFNOSUPPORT;
	mnl_attr_for_each(attr, message, sizeof(*header)) {
		if (mnl_attr_get_type(attr) == NDA_DST)
			dst = attr;
		else if (mnl_attr_get_type(attr) == NDA_LLADDR)
			lladdr = attr;
	}
	if (!dst || mnl_attr_get_payload_len(dst) != addr_bytes(&neighbour->addr))
		return -EBADMSG;
	memcpy(neighbour->addr.bytes, mnl_attr_get_payload(dst), addr_bytes(&neighbour->addr));
	if (message->nlmsg_type == RTM_DELNEIGH || !(header->ndm_state & NUD_USABLE) || !lladdr)
		return 0;
	if (mnl_attr_get_payload_len(lladdr) != sizeof(neighbour->mac.bytes))
		return -EAFNOSUPPORT;
	memcpy(neighbour->mac.bytes, mnl_attr_get_payload(lladdr), sizeof(neighbour->mac.bytes));
	neighbour->resolved = true;
	return 0;
}

static struct ndmsg *prepare(
	union netlink_request *request, uint16_t type, uint16_t flags, int ifindex,
	const struct addr *addr
)
{
	struct ndmsg *header = netlink_prepare(request, type, flags, sizeof(*header));

	header->ndm_family = addr->family == FAMILY_IPV6 ? AF_INET6 : AF_INET;
	header->ndm_ifindex = ifindex;
	mnl_attr_put(&request->header, NDA_DST, addr_bytes(addr), addr->bytes);
	return header;
}

static int ask(struct mnl_socket *socket, int ifindex, const struct addr *addr, uint32_t flags_ext)
{
	union netlink_request request;
	struct ndmsg *header;

	header = prepare(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, addr);
	header->ndm_flags = NTF_USE;
	if (flags_ext)
		mnl_attr_put_u32(&request.header, NDA_FLAGS_EXT, flags_ext);
	return netlink_request(socket, &request);
}

int neighbour_keep(struct mnl_socket *socket, int ifindex, const struct addr *addr)
{
	int ret = ask(socket, ifindex, addr, NTF_EXT_MANAGED);

	// Kernels before 5.16 do not know managed entries.
	if (ret == -EINVAL)
		ret = ask(socket, ifindex, addr, 0);
	return ret;
}

int neighbour_pin(
	struct mnl_socket *socket, int ifindex, const struct addr *addr, const struct mac *mac
)
{
	union netlink_request request;
	struct ndmsg *header;

	header = prepare(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, addr);
	header->ndm_state = NUD_PERMANENT;
	mnl_attr_put(&request.header, NDA_LLADDR, sizeof(mac->bytes), mac->bytes);
	return netlink_request(socket, &request);
}

int neighbour_forget(struct mnl_socket *socket, int ifindex, const struct addr *addr)
{
	union netlink_request request;
	int ret;

	prepare(&request, RTM_DELNEIGH, 0, ifindex, addr);
	ret = netlink_request(socket, &request);
	return ret == -ENOENT ? 0 : ret;
}

int neighbour_dump(struct mnl_socket *socket, mnl_cb_t callback, void *arg)
{
	union netlink_request request;
	int ret = -EINTR;

	for (unsigned i = 0; i < DUMP_TRIES && ret == -EINTR; i++) {
		netlink_prepare(&request, RTM_GETNEIGH, NLM_F_DUMP, sizeof(struct ndmsg));
		ret = netlink_query(socket, &request, callback, arg);
	}
	return ret;
}
