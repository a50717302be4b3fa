// SPDX-License-Identifier: BSD-3-Clause
// Control netdevs, as the kernel has them: needs root, and makes namespaces of its own.
#include "netdev_kit.h"

#include "control/link.h"
#include "control/neighbour.h"
#include "control/netdev_internal.h"
#include "control/netlink.h"
#include "control/netns.h"
#include "control/tap.h"

#include <fcntl.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct mac our_mac = {{0x02, 0, 0, 0, 0, 1}};
static const struct mac router_mac = {{0x02, 0, 0, 0, 0, 2}};
static const struct mac other_mac = {{0x02, 0, 0, 0, 0, 3}};

// Reading what the kernel says of a neighbour.

struct message_case {
	const char *name;
	uint16_t type;
	uint8_t family;
	uint16_t state;
	uint8_t flags;
	int dst_bytes; // -1: none
	int lladdr_bytes;
	int expected; // RESOLVED, UNRESOLVED or -errno
};

enum {
	UNRESOLVED,
	RESOLVED,
};

static const struct message_case reachable = {
	"reachable", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, 4, 6, RESOLVED,
};

static void build_message(union netlink_request *request, const struct message_case *c)
{
	static const uint8_t dst[16] = {169, 254, 1, 2};
	struct ndmsg *header = netlink_prepare(request, c->type, 0, sizeof(*header));

	header->ndm_family = c->family;
	header->ndm_ifindex = 7;
	header->ndm_state = c->state;
	header->ndm_flags = c->flags;
	if (c->dst_bytes >= 0)
		mnl_attr_put(&request->header, NDA_DST, (size_t)c->dst_bytes, dst);
	if (c->lladdr_bytes >= 0)
		mnl_attr_put(
			&request->header, NDA_LLADDR, (size_t)c->lladdr_bytes, router_mac.bytes
		);
}

static void neighbour_messages_are_read_or_refused(void **state)
{
	static const struct message_case cases[] = {
		{"reachable", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, 4, 6, RESOLVED},
		{"stale", RTM_NEWNEIGH, AF_INET, NUD_STALE, 0, 4, 6, RESOLVED},
		{"delay", RTM_NEWNEIGH, AF_INET, NUD_DELAY, 0, 4, 6, RESOLVED},
		{"probe", RTM_NEWNEIGH, AF_INET, NUD_PROBE, 0, 4, 6, RESOLVED},
		{"permanent", RTM_NEWNEIGH, AF_INET, NUD_PERMANENT, 0, 4, 6, RESOLVED},
		{"noarp", RTM_NEWNEIGH, AF_INET, NUD_NOARP, 0, 4, 6, RESOLVED},
		{"IPv6", RTM_NEWNEIGH, AF_INET6, NUD_REACHABLE, 0, 16, 6, RESOLVED},
		{"incomplete", RTM_NEWNEIGH, AF_INET, NUD_INCOMPLETE, 0, 4, -1, UNRESOLVED},
		{"failed with an old MAC", RTM_NEWNEIGH, AF_INET, NUD_FAILED, 0, 4, 6, UNRESOLVED},
		{"reachable without a MAC", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, 4, -1,
		 UNRESOLVED},
		{"deleted", RTM_DELNEIGH, AF_INET, NUD_REACHABLE, 0, 4, 6, UNRESOLVED},
		{"of a bridge", RTM_NEWNEIGH, AF_BRIDGE, NUD_REACHABLE, 0, 4, 6, -EAFNOSUPPORT},
		{"a proxy", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, NTF_PROXY, 4, 6, -EAFNOSUPPORT},
		{"not Ethernet", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, 4, 5, -EAFNOSUPPORT},
		{"IPv4 of 16 bytes", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, 16, 6, -EBADMSG},
		{"IPv6 of 4 bytes", RTM_NEWNEIGH, AF_INET6, NUD_REACHABLE, 0, 4, 6, -EBADMSG},
		{"no address", RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, -1, 6, -EBADMSG},
		{"another type", RTM_NEWADDR, AF_INET, NUD_REACHABLE, 0, 4, 6, -EBADMSG},
	};
	union netlink_request request;
	struct neighbour neighbour;
	int ret;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build_message(&request, &cases[i]);
		ret = neighbour_parse(&request.header, &neighbour);
		if ((ret ? ret : neighbour.resolved) != cases[i].expected)
			fail_msg("%s", cases[i].name);
		if (ret)
			continue;
		assert_int_equal(neighbour.ifindex, 7);
		if (neighbour.resolved)
			assert_memory_equal(&neighbour.mac, &router_mac, sizeof(router_mac));
	}
}

// In a buffer of just that length, so that the sanitizer sees any read beyond.
static void a_neighbour_message_cut_anywhere_is_never_read_beyond(void **state)
{
	union netlink_request request;
	struct neighbour neighbour;
	struct nlmsghdr *cut;

	build_message(&request, &reachable);
	for (uint32_t length = sizeof(*cut); length < request.header.nlmsg_len; length++) {
		cut = malloc(length);
		memcpy(cut, &request, length);
		cut->nlmsg_len = length;
		if (!neighbour_parse(cut, &neighbour))
			assert_false(neighbour.resolved);
		free(cut);
	}
}

static void only_the_router_on_its_own_netdev_counts(void **state)
{
	static struct netdevs netdevs;
	struct netdev netdev = {.netdevs = &netdevs, .cloud = 5, .ifindex = 7};
	struct witness witness = {0};
	union netlink_request request = {.bytes = ""};
	struct ndmsg *header = mnl_nlmsg_get_payload(&request.header);

	netdevs.callbacks = witness_callbacks(&witness);
	assert_int_equal(addr_parse("169.254.1.2", &netdev.router[0]), 0);
	netdevs_enter(&netdev);

	build_message(&request, &reachable);
	header->ndm_ifindex = 8;
	router_hear(&request.header, &netdevs);
	header->ndm_ifindex = 7 + NETDEV_BUCKETS;
	router_hear(&request.header, &netdevs);
	header->ndm_ifindex = -7;
	router_hear(&request.header, &netdevs);
	build_message(&request, &reachable);
	assert_int_equal(addr_parse("169.254.1.3", &netdev.router[0]), 0);
	router_hear(&request.header, &netdevs);
	router_report(&netdevs);
	assert_int_equal(witness.n_router, 0);

	assert_int_equal(addr_parse("169.254.1.2", &netdev.router[0]), 0);
	router_hear(&request.header, &netdevs);
	router_hear(&request.header, &netdevs);
	router_report(&netdevs);
	router_report(&netdevs);
	assert_int_equal(witness.n_router, 1);
	assert_int_equal(witness.cloud, 5);
	assert_router(&witness, &router_mac);
}

// Namespaces.

static void *thread_netns(void)
{
	static struct stat self;

	assert_int_equal(stat("/proc/thread-self/ns/net", &self), 0);
	return &self.st_ino;
}

static int note_inode(void *arg)
{
	*(ino_t *)arg = *(ino_t *)thread_netns();
	return 17;
}

static void a_namespace_is_made_adopted_and_left_again(void **state)
{
	ino_t home = *(ino_t *)thread_netns(), first = 0, second = 0;
	char name[32], path[64], error[256];
	int fd;

	kit_name(name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	// What a process leaves that died half-way.
	mkdir("/run/netns", 0755);
	close(open(path, O_CREAT | O_CLOEXEC, 0444));
	for (unsigned i = 0; i < 2; i++) {
		fd = netns_open(name, error, sizeof(error));
		assert_true(fd >= 0);
		assert_int_equal(netns_run(fd, note_inode, i ? &second : &first), 17);
		assert_true(*(ino_t *)thread_netns() == home);
		close(fd);
	}
	assert_true(first == second && first != home);
	kit_remove_netns(name);
}

static void a_namespace_of_a_bad_name_or_our_own_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b"};
	char name[32], path[64], error[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(netns_open(bad[i], error, sizeof(error)), -EINVAL);

	kit_name(name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	close(open(path, O_CREAT | O_CLOEXEC, 0444));
	assert_int_equal(mount("/proc/self/ns/net", path, "none", MS_BIND, NULL), 0);
	assert_int_equal(netns_open(name, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, path));
	kit_remove_netns(name);
}

// In a process of its own, with mounts of its own.
static int open_under_read_only_sysctls(const char *name)
{
	const struct netdev_callbacks callbacks = {0};
	struct event_base *base = event_base_new();
	char error[256];

	if (unshare(CLONE_NEWNS) || mount("", "/", "none", MS_PRIVATE | MS_REC, NULL) ||
	    mount("/proc/sys", "/proc/sys", "none", MS_BIND, NULL) ||
	    mount("", "/proc/sys", "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return 1;
	if (netdevs_open(base, name, &callbacks, error, sizeof(error)) || errno != EROFS)
		return 2;
	return strstr(error, "/proc/sys/net/ipv4/conf/all/forwarding") ? 0 : 3;
}

static void read_only_sysctls_are_told_clearly(void **state)
{
	char name[32];
	int status;
	pid_t child;

	kit_name(name);
	child = fork();
	if (!child)
		_exit(open_under_read_only_sysctls(name));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	kit_remove_netns(name);
}

// Attaching.

static void a_tap_has_what_it_was_given_and_nothing_else(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);

	assert_non_null(netdev);
	assert_true(kit_shows(kit, "ip -o link show t0x1", "link/ether 02:00:00:00:00:01"));
	assert_true(kit_shows(kit, "ip -o link show t0x1", "mtu 1500"));
	assert_true(kit_shows(kit, "ip -o link show t0x1", "LOWER_UP"));
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet 169.254.1.1/30"));
	assert_int_equal(kit_count_lines(kit, "ip -o addr show t0x1"), 1);
	assert_int_equal(kit_count_lines(kit, "ip -o link show"), 2);
	assert_true(kit_shows(kit, "ip -o link show lo", "UP"));
	assert_null(kit_attach(kit, 1, &our_mac, NULL));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(netdev_set(netdev, 1400, NULL), 0);
	assert_true(kit_shows(kit, "ip -o link show t0x1", "mtu 1400"));
}

static void the_kernel_only_answers_and_only_for_one_address(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} settings[] = {
		{"ipv4/conf/%s/forwarding", "0"},	{"ipv4/conf/%s/accept_redirects", "0"},
		{"ipv4/conf/%s/send_redirects", "0"},	{"ipv4/conf/%s/rp_filter", "0"},
		{"ipv4/conf/%s/arp_ignore", "1"},	{"ipv4/conf/%s/arp_announce", "2"},
		{"ipv4/conf/%s/arp_accept", "0"},	{"ipv4/conf/%s/proxy_arp", "0"},
		{"ipv6/conf/%s/disable_ipv6", "1"},	{"ipv6/conf/%s/forwarding", "0"},
		{"ipv6/conf/%s/accept_ra", "0"},	{"ipv6/conf/%s/autoconf", "0"},
		{"ipv6/conf/%s/accept_redirects", "0"}, {"ipv6/conf/%s/addr_gen_mode", "1"},
	};
	static const char *const netdevs[] = {"all", "default", "t0x1"};
	struct kit *kit = *state;
	char path[64], command[128];

	kit_attach(kit, 1, &our_mac, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) * 3; i++) {
		snprintf(path, sizeof(path), settings[i / 3].name, netdevs[i % 3]);
		snprintf(command, sizeof(command), "cat /proc/sys/net/%s", path);
		if (!kit_shows(kit, command, settings[i / 3].value))
			fail_msg("%s is not %s", path, settings[i / 3].value);
	}
	assert_true(kit_shows(kit, "cat /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts", "1"));
}

static void an_adopted_tap_keeps_nothing_of_its_earlier_life(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, &router_mac);
	int ifindex = netdev->ifindex;

	assert_true(kit_until_router(kit, &router_mac));
	kit_run(kit,
		"ip addr add 10.9.9.9/24 dev t0x1 && ip addr add 10.9.9.8/24 dev t0x1 && "
		"ip neigh replace 169.254.1.3 lladdr 02:00:00:00:00:09 dev t0x1 && "
		"echo 1 > /proc/sys/net/ipv4/conf/t0x1/forwarding && "
		"echo 0 > /proc/sys/net/ipv6/conf/t0x1/disable_ipv6 && "
		"ip addr add fe80::7/64 dev t0x1 && ip addr add 2001:db8::7/64 dev t0x1");
	kit_reopen(kit);
	netdev = kit_attach(kit, 1, &other_mac, NULL);
	assert_int_equal(netdev->ifindex, ifindex);
	assert_true(kit_shows(kit, "ip -o link show t0x1", "link/ether 02:00:00:00:00:03"));
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet 169.254.1.1/30"));
	assert_int_equal(kit_count_lines(kit, "ip -o addr show t0x1"), 1);
	assert_false(kit_shows(kit, "ip neigh show nud permanent", "t0x1"));
	assert_true(kit_shows(kit, "cat /proc/sys/net/ipv4/conf/t0x1/forwarding", "0"));
	kit_settle(kit);
	assert_int_equal(kit->witness.n_router, 1);
}

static void a_detached_tap_is_gone_unless_attached_again(void **state)
{
	struct kit *kit = *state;

	netdev_detach(kit_attach(kit, 1, &our_mac, NULL));
	netdev_detach(kit_attach(kit, 2, &our_mac, NULL));
	assert_false(kit_shows(kit, "ip -o link show up", "t0x"));
	assert_non_null(kit_attach(kit, 2, &our_mac, NULL));
	assert_true(kit_until_command(kit, "! ip link show t0x1"));
	assert_true(kit_shows(kit, "ip -o link show t0x2", "LOWER_UP"));
	netdev_detach(NULL);
}

static void orphans_are_deleted_and_nothing_else(void **state)
{
	struct kit *kit = *state;

	for (uint16_t id = 1; id <= 4; id++)
		kit_attach(kit, id, &our_mac, NULL);
	kit_reopen(kit);
	kit_run(kit,
		"ip tuntap add t0x77777 mode tap && ip tuntap add t0x02 mode tap && "
		"ip tuntap add t0xa mode tap && ip tuntap add t0x mode tap");
	kit_attach(kit, 2, &our_mac, NULL);
	assert_int_equal(netdevs_remove_orphans(kit->netdevs), 5);
	assert_int_equal(netdevs_remove_orphans(kit->netdevs), 0);
	assert_int_equal(kit_count_lines(kit, "ip -o link show"), 4); // lo, t0x2, t0xa, t0x
	assert_true(kit_shows(kit, "ip -o link show t0x2", "LOWER_UP"));
}

static void a_tap_deleted_by_somebody_is_made_again(void **state)
{
	struct kit *kit = *state;

	kit_attach(kit, 1, &our_mac, &router_mac);
	assert_true(kit_until_router(kit, &router_mac));
	kit_run(kit, "ip link del t0x1");
	assert_true(kit_until_router(kit, NULL));
	netdevs_tick(kit->netdevs);
	assert_true(kit_until_router(kit, &router_mac));
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet 169.254.1.1/30"));
}

// They stay raised afterwards: they are the host's, and a t0xd at work beside us may need them.
static void the_neighbour_limits_are_raised(void **state)
{
	static const long least[] = {8192, 16384, 32768};
	char path[64];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/neigh/default/gc_thresh%u", i + 1);
		if (access(path, W_OK))
			skip(); // not the initial namespace
		assert_true(kit_read_number(path) >= least[i]);
	}
}

// Answering.

static void arp_is_answered_for_the_gateway_of_that_port_alone(void **state)
{
	struct kit *kit = *state;
	struct netdev *one = kit_attach(kit, 1, &our_mac, NULL);

	kit_attach(kit, 2, &other_mac, NULL);
	kit_settle(kit);
	kit->witness.n_frames = 0;
	kit_send_arp(one, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.2.1");
	kit_send_arp(one, ARPOP_REQUEST, &router_mac, "169.254.1.2", "127.0.0.1");
	kit_send_arp(one, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.2");
	kit_settle(kit);
	assert_int_equal(kit_count_arp(kit, ARPOP_REPLY, NULL), 0);
	kit_send_arp(one, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.1");
	kit_settle(kit);
	assert_int_equal(kit_count_arp(kit, ARPOP_REPLY, NULL), 1);
	assert_int_equal(kit_count_arp(kit, ARPOP_REPLY, "169.254.1.1"), 1);
	assert_int_equal(kit->witness.cloud, 1);
}

static void an_echo_is_answered_once_and_a_broadcast_one_never(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);

	kit_attach(kit, 2, &other_mac, NULL);
	kit_send_arp(netdev, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.1");
	kit_send_echo(netdev, &our_mac, &router_mac, "169.254.1.2", "169.254.1.3");
	kit_settle(kit);
	assert_int_equal(kit_count_echo_replies(kit), 0);
	kit_send_echo(netdev, &our_mac, &router_mac, "169.254.1.2", "169.254.1.1");
	kit_settle(kit);
	assert_int_equal(kit_count_echo_replies(kit), 1);
	// Not routed either.
	kit_send_echo(netdev, &our_mac, &router_mac, "169.254.1.2", "169.254.2.2");
	kit_settle(kit);
	assert_int_equal(kit_count_echo_replies(kit), 1);
	assert_int_equal(kit->witness.cloud, 1);
}

static void frames_of_any_length_do_no_harm(void **state)
{
	static const uint8_t zeros[9300];
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);

	for (size_t length = 0; length < sizeof(zeros); length += length < 64 ? 1 : 1539)
		netdev_write(netdev, zeros, length);
	kit_send_arp(netdev, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.1");
	kit_settle(kit);
	assert_int_equal(kit_count_arp(kit, ARPOP_REPLY, "169.254.1.1"), 1);
}

// The router.

static void a_router_is_asked_for_found_and_lost(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);

	assert_true(kit_until_asked(kit, "169.254.1.2"));
	assert_int_equal(kit->witness.n_router, 0);
	kit_send_arp(netdev, ARPOP_REPLY, &router_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &router_mac));
	assert_true(kit_shows(kit, "ip neigh show dev t0x1", "managed"));
	assert_int_equal(kit->witness.cloud, 1);
	assert_int_equal(kit->witness.n_router, 1);

	kit_run(kit, "ip neigh del 169.254.1.2 dev t0x1");
	assert_true(kit_until_router(kit, NULL));
	kit->witness.n_frames = 0;
	netdevs_tick(kit->netdevs);
	assert_true(kit_until_asked(kit, "169.254.1.2"));
	kit_send_arp(netdev, ARPOP_REPLY, &other_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &other_mac));
	assert_int_equal(kit->witness.n_router, 3);
}

static void link_down_forgets_the_router_and_link_up_asks_anew(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);

	kit_send_arp(netdev, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &router_mac));
	netdev_link(netdev, false);
	assert_true(kit_until_router(kit, NULL));
	assert_true(kit_shows(kit, "ip -o link show t0x1", "NO-CARRIER"));
	kit->witness.n_frames = 0;
	netdevs_tick(kit->netdevs);
	kit_settle(kit);
	assert_int_equal(kit_count_arp(kit, ARPOP_REQUEST, NULL), 0);

	netdev_link(netdev, true);
	assert_true(kit_until_asked(kit, "169.254.1.2"));
	kit_send_arp(netdev, ARPOP_REPLY, &router_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &router_mac));
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet 169.254.1.1/30"));
}

static void a_static_mac_is_permanent_until_it_is_to_be_learned(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, &router_mac);

	assert_true(kit_until_router(kit, &router_mac));
	assert_true(kit_shows(kit, "ip neigh show dev t0x1", "PERMANENT"));
	netdev_link(netdev, false);
	netdev_link(netdev, true);
	assert_int_equal(netdev_set(netdev, 1500, &other_mac), 0);
	assert_true(kit_until_router(kit, &other_mac));
	assert_int_equal(kit_count_arp(kit, ARPOP_REQUEST, NULL), 0);

	assert_int_equal(netdev_set(netdev, 1500, NULL), 0);
	assert_true(kit_until_asked(kit, "169.254.1.2"));
	kit_send_arp(netdev, ARPOP_REPLY, &other_mac, "169.254.1.2", "169.254.1.1");
	kit->witness.n_router = 0;
	assert_true(kit_until_router(kit, &other_mac)); // said again, though it is the same
	assert_int_equal(kit->witness.n_router, 1);

	assert_int_equal(netdev_set(netdev, 1500, &router_mac), 0);
	assert_true(kit_until_router(kit, &router_mac));
	assert_true(kit_shows(kit, "ip neigh show dev t0x1", "PERMANENT"));
}

// More messages than the listener holds, none of which matters.
static void overflow(struct kit *kit, struct netdev *netdev)
{
	int fd = mnl_socket_get_fd(kit->netdevs->listener), small = 1;
	struct addr addr;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(addr_parse("169.254.1.3", &addr), 0);
	for (unsigned i = 0; i < 100; i++) {
		neighbour_pin(kit->netdevs->socket, netdev->ifindex, &addr, &our_mac);
		neighbour_forget(kit->netdevs->socket, netdev->ifindex, &addr);
	}
}

static void lost_messages_are_made_up_for(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach(kit, 1, &our_mac, NULL);
	struct netdev *other = kit_attach(kit, 2, &our_mac, &other_mac);

	kit_settle(kit);
	overflow(kit, netdev);
	kit_send_arp(netdev, ARPOP_REQUEST, &router_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &router_mac));
	overflow(kit, netdev);
	kit_run(kit, "ip neigh del 169.254.1.2 dev t0x1");
	assert_true(kit_until_router(kit, NULL));
	assert_true(other->reported.resolved); // what did not change was not lost by it
	assert_int_equal(kit->witness.n_router, 3);
}

static void advertise(struct netdev *netdev, const struct mac *mac)
{
	kit_send_nd(
		netdev, ND_NEIGHBOR_ADVERT, &our_mac, mac, "2001:db8:1::2", "fe80::ff:fe00:1",
		"2001:db8:1::2"
	);
}

// The kernel asks for the router, a little before it hears on all its addresses, and is told.
static bool find_router(struct kit *kit, struct netdev *netdev)
{
	if (!kit_until_nd(kit, ND_NEIGHBOR_SOLICIT, "2001:db8:1::2"))
		return false;
	kit_settle(kit);
	advertise(netdev, &router_mac);
	return kit_until_router(kit, &router_mac);
}

static void ipv6_is_on_where_there_is_a_gateway_and_finds_the_router(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev;

	netdev = kit_attach_ipv6(kit, 1, &our_mac, 1279);
	assert_null(netdev);
	assert_int_equal(errno, EINVAL);
	netdev = kit_attach_ipv6(kit, 1, &our_mac, 1500);
	assert_non_null(netdev);
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet6 2001:db8:1::1/126"));
	assert_true(kit_shows(kit, "ip -o addr show t0x1", "inet6 fe80::ff:fe00:1/64"));
	assert_int_equal(kit_count_lines(kit, "ip -o addr show t0x1"), 2);
	assert_true(find_router(kit, netdev));
	assert_int_equal(netdev_set(netdev, 1279, NULL), -EINVAL);
}

static void solicit(struct netdev *netdev, const char *sender, const char *target)
{
	static const struct mac group = {{0x33, 0x33, 0xff, 0, 0, 1}};

	kit_send_nd(
		netdev, ND_NEIGHBOR_SOLICIT, &group, &router_mac, sender, "ff02::1:ff00:1", target
	);
}

static void a_solicitation_is_answered_for_the_gateway_alone(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach_ipv6(kit, 1, &our_mac, 1500);

	kit_settle(kit);
	solicit(netdev, "2001:db8:1::2", "2001:db8:1::2"); // its own: nobody's business
	solicit(netdev, "2001:db8:1::2", "2001:db8:2::1");
	solicit(netdev, "2001:db8:1::2", "2001:db8:1::1");
	assert_true(kit_until_nd(kit, ND_NEIGHBOR_ADVERT, "2001:db8:1::1"));
	kit_settle(kit);
	assert_int_equal(kit_count_nd(kit, ND_NEIGHBOR_ADVERT, "2001:db8:1::1"), 1);
	assert_int_equal(kit_count_nd(kit, ND_NEIGHBOR_ADVERT, "2001:db8:1::2"), 0);
	assert_int_equal(kit_count_nd(kit, ND_NEIGHBOR_ADVERT, "2001:db8:2::1"), 0);
}

static void however_many_link_local_addresses_solicit_one_is_kept(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach_ipv6(kit, 1, &our_mac, 1500);
	char sender[ADDR_STRLEN];

	assert_true(find_router(kit, netdev));
	for (unsigned i = 0; i < 200; i++) {
		snprintf(sender, sizeof(sender), "fe80::%x", 0x100 + i);
		solicit(netdev, sender, "2001:db8:1::1");
	}
	kit_settle(kit);
	assert_int_equal(kit_count_lines(kit, "ip -6 neigh show dev t0x1 | grep fe80"), 1);
	assert_true(kit_shows(kit, "ip -6 neigh show dev t0x1", sender));
	assert_true(netdev->reported.resolved); // the router's own entry is another
	assert_int_equal(kit->witness.n_router, 1);
}

static void either_family_tells_the_routers_mac(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev = kit_attach_both(kit, 1, &our_mac);

	assert_true(find_router(kit, netdev));
	kit_send_arp(netdev, ARPOP_REQUEST, &other_mac, "169.254.1.2", "169.254.1.1");
	assert_true(kit_until_router(kit, &other_mac)); // IPv4's comes first
	kit_run(kit, "ip neigh del 169.254.1.2 dev t0x1");
	assert_true(kit_until_router(kit, &router_mac));
	kit_run(kit, "ip neigh del 2001:db8:1::2 dev t0x1");
	assert_true(kit_until_router(kit, NULL));
}

// Link states.

struct link_witness {
	struct links *links;
	unsigned n;
	char name[16];
	bool up;
	bool unwatch;
};

static void on_link(const char *netdev, bool up, void *arg)
{
	struct link_witness *witness = arg;

	witness->n++;
	witness->up = up;
	snprintf(witness->name, sizeof(witness->name), "%s", netdev);
	if (witness->unwatch)
		link_unwatch(witness->links, netdev);
}

static bool until_link(struct kit *kit, struct link_witness *witness, const char *name, bool up)
{
	for (unsigned i = 0; i < KIT_STEPS; i++) {
		if (witness->n && !strcmp(witness->name, name) && witness->up == up) {
			witness->n = 0;
			return true;
		}
		kit_step(kit);
	}
	return false;
}

static void overflow_links(struct kit *kit)
{
	int ifindex = (int)if_nametoindex("va");

	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(tap_set_mtu(kit->netdevs->socket, ifindex, 1400 + i % 2), 0);
}

static int watch_links(void *arg)
{
	struct kit *kit = arg;
	struct link_witness witness = {0};
	struct links *links;
	char error[256];

	links = witness.links = links_open(kit->base, on_link, &witness, error, sizeof(error));
	assert_non_null(links);
	assert_int_equal(link_watch(links, "va"), 0);
	assert_false(link_is_up(links, "va"));
	assert_int_equal(witness.n, 0); // never from inside
	assert_true(until_link(kit, &witness, "va", false));

	assert_int_equal(system("ip link add va type veth peer name vb"), 0);
	assert_int_equal(system("ip link set va up && ip link set vb up"), 0);
	assert_true(until_link(kit, &witness, "va", true));
	assert_true(link_is_up(links, "va"));
	assert_int_equal(system("ip link set vb down"), 0);
	assert_true(until_link(kit, &witness, "va", false));
	assert_int_equal(system("ip link set vb up"), 0);
	assert_true(until_link(kit, &witness, "va", true));

	// A second watcher learns what is, and one that leaves takes nothing from the other.
	assert_int_equal(link_watch(links, "va"), 0);
	assert_true(until_link(kit, &witness, "va", true));
	link_unwatch(links, "va");
	assert_int_equal(system("ip link set va down && ip link set va name vc"), 0);
	assert_true(until_link(kit, &witness, "va", false));
	assert_int_equal(system("ip link set vc up"), 0);
	assert_int_equal(link_watch(links, "vc"), 0);
	assert_true(link_is_up(links, "vc"));
	assert_true(until_link(kit, &witness, "vc", true));
	assert_int_equal(system("ip link set vc down && ip link set vc name va"), 0);
	assert_true(until_link(kit, &witness, "vc", false));
	assert_int_equal(system("ip link set va up"), 0);
	assert_true(until_link(kit, &witness, "va", true));
	assert_false(link_is_up(links, "vc"));
	assert_int_equal(link_watch(links, "a-name-too-long-for-any-netdev"), 0);
	assert_false(link_is_up(links, "a-name-too-long-for-any-netdev"));
	assert_true(until_link(kit, &witness, "a-name-too-long", false));

	// Gone unheard: the listener is full by then.
	overflow_links(kit);
	assert_int_equal(system("ip link del va"), 0);
	assert_true(until_link(kit, &witness, "va", false));
	witness.unwatch = true;
	assert_int_equal(link_watch(links, "vb"), 0);
	assert_true(until_link(kit, &witness, "vb", false));
	assert_false(link_is_up(links, "vb"));
	link_unwatch(links, "never-watched");
	links_close(links);
	links_close(NULL);
	return 0;
}

static void link_states_follow_a_veth(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(netns_run(kit->netdevs->netns, watch_links, kit), 0);
}

// A netdev that the port shares with the kernel.

#define OWN_MAC ((struct mac){{0x02, 0, 0, 0, 0, 0x51}})
#define OWN_NEIGHBOUR "02:00:00:00:00:52"

static void make_own(struct kit *kit)
{
	kit_run(kit, "ip link add own0 address 02:00:00:00:00:51 type veth peer name far0");
	kit_run(kit, "ip link set far0 up");
}

static void the_ports_own_netdev_gets_the_gateways_and_gives_them_back(void **state)
{
	struct kit *kit = *state;
	struct netdev *netdev;
	char error[320] = "";

	make_own(kit);
	netdev = kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error);
	if (!netdev)
		fail_msg("%s", error);
	assert_true(kit_shows(kit, "ip addr show dev own0", "169.254.1.1/30"));
	assert_true(kit_shows(kit, "ip addr show dev own0", "2001:db8:1::1/126"));
	assert_true(kit_shows(kit, "ip addr show dev own0", "fe80::ff:fe00:51/64"));
	assert_true(kit_shows(kit, "ip link show dev own0", ",UP"));
	assert_true(kit_shows(kit, "cat /proc/sys/net/ipv4/conf/own0/forwarding", "0"));
	assert_true(kit_shows(kit, "cat /proc/sys/net/ipv4/conf/own0/arp_ignore", "1"));
	assert_true(kit_shows(kit, "cat /proc/sys/net/ipv6/conf/own0/forwarding", "0"));
	kit_run(kit, "ip link set own0 down; ip link set own0 up"); // takes those of IPv6
	netdev_link(netdev, false);
	netdev_link(netdev, true);
	assert_true(kit_shows(kit, "ip addr show dev own0", "2001:db8:1::1/126"));
	netdev_detach(netdev);
	assert_int_equal(kit_count_lines(kit, "ip -o addr show dev own0"), 0);
	assert_int_equal(kit_count_lines(kit, "ip neigh show dev own0"), 0);
	assert_int_equal(kit_count_lines(kit, "ip -o link show dev own0"), 1); // not ours to delete
}

static void a_netdev_with_a_foreign_address_is_refused_by_name(void **state)
{
	static const char *const foreign[] = {"192.0.2.1/24", "2001:db8:9::1/64"};
	struct kit *kit = *state;
	char error[320], command[80];

	make_own(kit);
	kit_run(kit, "echo 0 >/proc/sys/net/ipv6/conf/own0/disable_ipv6");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "ip addr add %s dev own0", foreign[i]);
		kit_run(kit, command);
		assert_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
		assert_non_null(strstr(error, "own0"));
		assert_non_null(strstr(error, foreign[i]));
		snprintf(command, sizeof(command), "ip address del %s dev own0", foreign[i]);
		assert_non_null(strstr(error, command)); // how to mend it
		assert_int_equal(kit_count_lines(kit, "ip addr show dev own0 to 169.254.1.1"), 0);
		kit_run(kit, command);
	}
	kit_run(kit, "ip addr add fe80::1/64 dev own0"); // of the link alone: nobody's business
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
}

static void what_an_earlier_life_set_on_a_netdev_is_taken_for_ours(void **state)
{
	struct kit *kit = *state;
	char error[320] = "";

	make_own(kit);
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
	kit_reopen(kit);
	assert_true(kit_shows(kit, "ip addr show dev own0", "169.254.1.1/30")); // all the time
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
	kit_reopen(kit);
	assert_non_null(kit_attach_own(kit, "169.254.7.1/30", &OWN_MAC, error)); // another gateway
	assert_true(kit_shows(kit, "ip addr show dev own0", "169.254.7.1/30"));
	assert_false(kit_shows(kit, "ip addr show dev own0", "169.254.1.1/30"));
	kit_run(kit, "ip addr add 192.0.2.1/24 dev own0");
	kit_reopen(kit);
	netdevs_disown(kit->netdevs, "own0");
	assert_int_equal(
		kit_count_lines(kit, "ip -o addr show dev own0"), 1
	); // the last is not ours
	netdevs_disown(kit->netdevs, "own1"); // there is none: no harm
}

static void one_link_local_neighbour_stays_on_the_ports_own_netdev(void **state)
{
	struct kit *kit = *state;
	char error[320] = "", command[128];

	make_own(kit);
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
	for (unsigned i = 1; i <= 20; i++) {
		snprintf(
			command, sizeof(command),
			"ip neigh add fe80::a%u lladdr " OWN_NEIGHBOUR " dev own0 nud stale", i
		);
		kit_run(kit, command);
	}
	assert_true(
		kit_until_command(kit, "test \"$(ip neigh show dev own0 | grep -c fe80::a)\" = 1")
	);
	assert_true(kit_shows(kit, "ip neigh show dev own0", "fe80::a20"));
}

static void a_router_that_the_kernel_knows_is_known_at_once(void **state)
{
	static const struct mac expected = {{0x02, 0, 0, 0, 0, 0x52}};
	struct kit *kit = *state;
	char error[320] = "";
	struct mac mac;

	make_own(kit);
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
	assert_false(kit_knows_router(kit, &mac));
	kit_run(kit,
		"ip neigh replace 169.254.1.2 lladdr " OWN_NEIGHBOUR " dev own0 nud reachable");
	assert_true(kit_until_router(kit, &expected));
	kit_reopen(kit);
	memset(&kit->witness, 0, sizeof(kit->witness));
	assert_true(kit_knows_router(kit, &mac));
	assert_memory_equal(&mac, &expected, sizeof(mac));
	assert_non_null(kit_attach_own(kit, "169.254.1.1/30", &OWN_MAC, error));
	kit_settle(kit);
	assert_router(&kit->witness, &expected); // and it is told
}

#define IN_NAMESPACE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest anywhere[] = {
		cmocka_unit_test(neighbour_messages_are_read_or_refused),
		cmocka_unit_test(a_neighbour_message_cut_anywhere_is_never_read_beyond),
		cmocka_unit_test(only_the_router_on_its_own_netdev_counts),
	};
	const struct CMUnitTest as_root[] = {
		cmocka_unit_test(a_namespace_is_made_adopted_and_left_again),
		cmocka_unit_test(a_namespace_of_a_bad_name_or_our_own_is_refused),
		cmocka_unit_test(read_only_sysctls_are_told_clearly),
		IN_NAMESPACE(a_tap_has_what_it_was_given_and_nothing_else),
		IN_NAMESPACE(the_kernel_only_answers_and_only_for_one_address),
		IN_NAMESPACE(an_adopted_tap_keeps_nothing_of_its_earlier_life),
		IN_NAMESPACE(a_detached_tap_is_gone_unless_attached_again),
		IN_NAMESPACE(orphans_are_deleted_and_nothing_else),
		IN_NAMESPACE(a_tap_deleted_by_somebody_is_made_again),
		IN_NAMESPACE(the_neighbour_limits_are_raised),
		IN_NAMESPACE(arp_is_answered_for_the_gateway_of_that_port_alone),
		IN_NAMESPACE(an_echo_is_answered_once_and_a_broadcast_one_never),
		IN_NAMESPACE(frames_of_any_length_do_no_harm),
		IN_NAMESPACE(a_router_is_asked_for_found_and_lost),
		IN_NAMESPACE(link_down_forgets_the_router_and_link_up_asks_anew),
		IN_NAMESPACE(a_static_mac_is_permanent_until_it_is_to_be_learned),
		IN_NAMESPACE(lost_messages_are_made_up_for),
		IN_NAMESPACE(ipv6_is_on_where_there_is_a_gateway_and_finds_the_router),
		IN_NAMESPACE(a_solicitation_is_answered_for_the_gateway_alone),
		IN_NAMESPACE(however_many_link_local_addresses_solicit_one_is_kept),
		IN_NAMESPACE(either_family_tells_the_routers_mac),
		IN_NAMESPACE(the_ports_own_netdev_gets_the_gateways_and_gives_them_back),
		IN_NAMESPACE(a_netdev_with_a_foreign_address_is_refused_by_name),
		IN_NAMESPACE(what_an_earlier_life_set_on_a_netdev_is_taken_for_ours),
		IN_NAMESPACE(one_link_local_neighbour_stays_on_the_ports_own_netdev),
		IN_NAMESPACE(a_router_that_the_kernel_knows_is_known_at_once),
		IN_NAMESPACE(link_states_follow_a_veth),
	};
	int failed = cmocka_run_group_tests(anywhere, NULL, NULL);

	if (geteuid()) {
		print_message("the rest needs root: left out\n");
		return failed;
	}
	return failed + cmocka_run_group_tests(as_root, NULL, NULL);
}
