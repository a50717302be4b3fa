// SPDX-License-Identifier: BSD-3-Clause
// The region of packet_kit.h once more, behind the guard: what 'exchange' holds the guard is told
// too, and every case is put to both.
//
// Port N is the netdev "tN", in a network namespace of the test's own. Nothing is ever sent there:
// the programs are run on frames that the test gives them (BPF_PROG_TEST_RUN).
#pragma once

#include "ebpf/guard.h"
#include "packet_kit.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PORTS 10 // by number; 8 is left out
#define FRAME_MIN ETHER_BYTES // of BPF_PROG_TEST_RUN
#define FLAGS_ALL (GUARD_KERNEL_FORWARDS | GUARD_KERNEL_ANSWERS)

struct guard_case {
	const char *text;
	struct frame frame;
	uint16_t port; // it came in by; 1 when left out
	enum guard_verdict verdict;
	unsigned reason;
	unsigned to; // cloud that it is forwarded to
	bool alone; // the data plane sees it otherwise, by design
};

#define FORWARDS_TO(cloud) .verdict = GUARD_FORWARD, .to = (cloud)
#define REFUSES(name) .verdict = GUARD_DROP, .reason = DROP_##name
#define PASSES(name) .verdict = GUARD_PASS, .reason = PUNT_##name

static struct guard *guard;
static struct guard_netdev *netdevs[PORTS];

static inline const char *netdev_name(unsigned port)
{
	static char name[16];

	snprintf(name, sizeof(name), "t%u", port);
	return name;
}

static inline bool is_port(unsigned port)
{
	return port > 0 && port < PORTS && port != 8;
}

// The namespaces

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
		close(fd);
	}
}

// May this process load programs, and have namespaces of its own?
static inline bool is_permitted(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "permitted", 4, 4, 1, NULL);

	if (fd < 0)
		return false;
	close(fd);
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0;
}

// No IPv6 of the kernel's own: it would send, and be counted.
static inline void make_netdevs(void)
{
	static const char *const pairs[] = {"1 2", "3 4", "5 6", "7 9"};

	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	for (unsigned i = 0; i < COUNT(pairs); i++) {
		char command[192];
		char a = pairs[i][0], b = pairs[i][2];

		snprintf(
			command, sizeof(command),
			"ip link add t%c type veth peer name t%c && ip link set t%c up && "
			"ip link set t%c up",
			a, b, a, b
		);
		check(system(command) == 0, "%s", command);
	}
}

// What the guard is told

static inline unsigned region_routes(
	struct route *routes, uint16_t cloud, const struct link *of, unsigned n
)
{
	unsigned n_routes = cloud_routes(routes, cloud, leaf_local(cloud));

	for (unsigned i = 0; i < n; i++) {
		uint16_t peer = of[i].a == cloud ? of[i].b : of[i].a;

		if (of[i].a == cloud || of[i].b == cloud)
			n_routes += cloud_routes(routes + n_routes, peer, leaf_via(peer, of[i].id));
	}
	return n_routes;
}

static inline void guard_routes_of(uint16_t cloud, const struct link *of, unsigned n)
{
	struct route routes[64];
	unsigned n_routes = region_routes(routes, cloud, of, n);

	guard_close_routes(guard, cloud, routes, n_routes, NULL, 0);
	assert_int_equal(guard_open_routes(guard, cloud, routes, n_routes, NULL, 0), 0);
}

static inline uint16_t guard_vlan(unsigned cloud)
{
	return cloud_vlan(cloud) ? cloud_vlan(cloud) : GUARD_UNTAGGED;
}

static inline void guard_port_of(uint16_t cloud, unsigned flags)
{
	const struct ingress *ingress = exchange.ingresses[cloud];
	struct guard_port port = {
		.cloud = cloud,
		.flags = (uint16_t)flags,
		.gateway = ingress->gateway,
		.router = ingress->router,
		.gateway6 = {ingress->gateway6.upper, ingress->gateway6.lower},
		.router6 = {ingress->router6.upper, ingress->router6.lower},
		.link_local = {ingress->link_local.upper, ingress->link_local.lower},
	};

	memcpy(port.mac, &ingress->mac, sizeof(port.mac));
	assert_int_equal(
		guard_set_port(guard, guard_ifindex(netdevs[cloud]), guard_vlan(cloud), &port), 0
	);
}

static inline void guard_egress_of(uint16_t cloud)
{
	const struct egress *egress = exchange.clouds[cloud].egress;
	struct guard_egress out = {};

	if (egress == NULL) {
		assert_int_equal(guard_set_egress(guard, cloud, 0, NULL), 0);
		return;
	}
	memcpy(out.l2, egress->l2, sizeof(out.l2));
	out.l2_length = egress->l2_length;
	out.usable = egress->usable;
	out.unusable = egress->unusable;
	out.mtu = egress->mtu;
	assert_int_equal(guard_set_egress(guard, cloud, guard_ifindex(netdevs[cloud]), &out), 0);
}

// As publish_links() for the data plane.
static inline void guard_links(const struct link *of, unsigned n, unsigned flags)
{
	for (uint16_t cloud = 1; cloud <= 7; cloud++) {
		guard_routes_of(cloud, of, n);
		guard_port_of(cloud, flags);
		guard_egress_of(cloud);
		assert_int_equal(guard_count_cloud(guard, cloud), 0);
	}
	assert_int_equal(guard_count_cloud(guard, 0), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(guard_count_traffic(guard, of[i].id, of[i].a, of[i].b), 0);
}

static inline void guard_flags(unsigned flags)
{
	for (uint16_t cloud = 1; cloud <= 7; cloud++)
		guard_port_of(cloud, flags);
}

static inline int attach_all(void)
{
	int code = 0;

	for (unsigned port = 0; port < PORTS && code == 0; port++)
		if (is_port(port))
			code = guard_attach(guard, netdev_name(port), &netdevs[port]);
	return code;
}

// What it says and does

static inline const char *guard_text(enum guard_verdict verdict, unsigned reason)
{
	switch (verdict) {
	case GUARD_DROP:
		return reason < DROP_REASON_COUNT ? drop_reason_name(reason) : "drop for ?";
	case GUARD_PASS:
		return reason < PUNT_REASON_COUNT ? punt_reason_name(reason) : "pass for ?";
	case GUARD_STEER:
		return "steer";
	case GUARD_FORWARD:
		return "forward";
	}
	return "no verdict";
}

static inline struct guard_explanation explain_frame_on(unsigned port, const struct frame *frame)
{
	struct guard_explanation found;

	check(guard_explain(netdevs[port], frame->bytes, frame->length, &found) == 0, "%s",
	      guard_error());
	return found;
}

static inline int action_of(enum guard_verdict verdict)
{
	return verdict == GUARD_DROP ? XDP_DROP : verdict == GUARD_PASS ? XDP_PASS : XDP_REDIRECT;
}

static inline __u64 *counter_of(
	struct guard_count *count, enum guard_verdict verdict, unsigned reason
)
{
	switch (verdict) {
	case GUARD_DROP:
		return &count->drops[reason];
	case GUARD_PASS:
		return &count->punts[reason];
	case GUARD_STEER:
		return &count->steered;
	case GUARD_FORWARD:
		return &count->forwarded;
	}
	return NULL;
}

// Run it: the action, the bytes that leave and the counts are those of the verdict.
static inline void check_run(
	const char *text, unsigned port, const struct frame *frame,
	const struct guard_explanation *found, unsigned to
)
{
	static uint8_t bytes[FRAME_MAX + 64];
	uint16_t cloud = (uint16_t)found->cloud;
	uint32_t interconnect = leaf_interconnect(found->destination);
	struct guard_count before, after;
	struct guard_traffic sent, sent_after;
	struct frame expected = found->verdict == GUARD_FORWARD ? forwarded(frame, to) : *frame;
	size_t length = frame->length;

	check(guard_read_cloud(guard, cloud, &before), "%s: no counts of %u", text, cloud);
	guard_read_traffic(guard, interconnect, cloud, &sent);
	memcpy(bytes, frame->bytes, frame->length);

	int action = guard_run(netdevs[port], bytes, &length, sizeof(bytes));

	check(action == action_of(found->verdict), "%s: action %d", text, action);
	check(length == expected.length, "%s: %zu bytes leave instead of %u", text, length,
	      expected.length);
	check(memcmp(bytes, expected.bytes, length) == 0, "%s: other bytes leave", text);
	guard_read_cloud(guard, cloud, &after);
	guard_read_traffic(guard, interconnect, cloud, &sent_after);
	(*counter_of(&before, found->verdict, found->reason))++;
	check(memcmp(&before, &after, sizeof(after)) == 0, "%s: counted otherwise", text);
	if (found->verdict == GUARD_FORWARD) {
		sent.packets++;
		sent.bytes += packet_bytes(frame->bytes + l3_of(frame), is_ipv6(frame));
	}
	check(memcmp(&sent, &sent_after, sizeof(sent)) == 0, "%s: traffic of %u", text,
	      interconnect);
}

// The same frame through the stages up to decide().
static inline struct packet ask_data_plane(unsigned port, const struct frame *frame)
{
	struct rte_mbuf *mbuf = buffer_make(frame->bytes, frame->length, HEADROOM);
	struct packet packet = packet_of(mbuf);

	attribute(published(exchange.ports[port]), &packet, 1);
	parse(&packet, 1);
	look_up(&packet, 1);
	decide(&packet, 1);
	buffer_free(mbuf);
	return packet;
}

// Are the two of one mind? The engine is the kernel.
static inline bool agrees(const struct guard_explanation *found, const struct packet *packet)
{
	switch (packet->verdict) {
	case VERDICT_FORWARD:
		return found->verdict == GUARD_FORWARD;
	case VERDICT_DROP:
		return found->verdict == GUARD_DROP && found->reason == packet->reason;
	case VERDICT_PUNT:
		return found->verdict == GUARD_PASS && found->reason == packet->reason;
	}
	return false;
}

static inline void check_guard_case(const struct guard_case *c)
{
	unsigned port = c->port ? c->port : 1;
	struct guard_explanation found = explain_frame_on(port, &c->frame);
	struct packet packet = ask_data_plane(port, &c->frame);

	check(found.verdict == c->verdict && found.reason == c->reason, "%s: %s instead of %s",
	      c->text, guard_text(found.verdict, found.reason), guard_text(c->verdict, c->reason));
	check(agrees(&found, &packet) == !c->alone, "%s: the data plane says %s", c->text,
	      verdict_text(packet.verdict, packet.reason));
	check_run(c->text, port, &c->frame, &found, c->to);
	if (c->verdict == GUARD_DROP)
		seen_drops[c->reason] = true;
	if (c->verdict == GUARD_PASS)
		seen_punts[c->reason] = true;
}

static inline void check_guard_cases(const struct guard_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		check_guard_case(&cases[i]);
}

// An AF_XDP socket as the data plane's driver has one

#define UMEM_FRAMES 64
#define UMEM_FRAME 4096

struct xdp_socket {
	int fd;
	void *umem;
};

static inline void set_xdp(int fd, int option, const void *value, socklen_t size)
{
	check(setsockopt(fd, SOL_XDP, option, value, size) == 0, "option %d: %s", option,
	      strerror(errno));
}

// The map of the program that is attached, as libxdp finds it.
static inline int xsks_map_of(unsigned port)
{
	__u32 ids[64];
	struct bpf_prog_info program = {.nr_map_ids = COUNT(ids), .map_ids = (uintptr_t)ids};
	__u32 size = sizeof(program), id = 0;
	int found = -1;

	assert_int_equal(bpf_xdp_query_id((int)guard_ifindex(netdevs[port]), 0, &id), 0);

	int fd = bpf_prog_get_fd_by_id(id);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &program, &size), 0);
	assert_string_equal(program.name, "xsk_def_prog");
	close(fd);
	for (__u32 i = 0; i < program.nr_map_ids && found < 0; i++) {
		struct bpf_map_info map = {};
		int candidate = bpf_map_get_fd_by_id(ids[i]);

		size = sizeof(map);
		assert_int_equal(bpf_obj_get_info_by_fd(candidate, &map, &size), 0);
		if (strcmp(map.name, "xsks_map") == 0)
			found = candidate;
		else
			close(candidate);
	}
	assert_true(found >= 0);
	return found;
}

static inline struct xdp_socket xdp_socket_open(unsigned port)
{
	struct xdp_socket xsk = {.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
	size_t size = UMEM_FRAMES * UMEM_FRAME;
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = guard_ifindex(netdevs[port]),
		.sxdp_flags = XDP_COPY,
	};
	int ring = UMEM_FRAMES, code = -1;
	__u32 queue = 0;
	int map = xsks_map_of(port);

	check(xsk.fd >= 0, "no AF_XDP socket: %s", strerror(errno));
	xsk.umem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(xsk.umem != MAP_FAILED);

	const struct xdp_umem_reg umem = {
		.addr = (uintptr_t)xsk.umem,
		.len = size,
		.chunk_size = UMEM_FRAME,
	};

	set_xdp(xsk.fd, XDP_UMEM_REG, &umem, sizeof(umem));
	set_xdp(xsk.fd, XDP_UMEM_FILL_RING, &ring, sizeof(ring));
	set_xdp(xsk.fd, XDP_UMEM_COMPLETION_RING, &ring, sizeof(ring));
	set_xdp(xsk.fd, XDP_RX_RING, &ring, sizeof(ring));
	// The kernel lets go of the queue some time after the socket before was closed.
	for (unsigned i = 0; i < 1000 && code != 0; i++) {
		code = bind(xsk.fd, (struct sockaddr *)&address, sizeof(address));
		if (code != 0)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	check(code == 0, "bind: %s", strerror(errno));
	check(bpf_map_update_elem(map, &queue, &xsk.fd, BPF_ANY) == 0, "xsks_map: %s",
	      strerror(errno));
	close(map);
	return xsk;
}

static inline void xdp_socket_close(struct xdp_socket *xsk)
{
	close(xsk->fd);
	munmap(xsk->umem, UMEM_FRAMES * UMEM_FRAME);
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void beat_at(unsigned port, uint64_t at)
{
	__atomic_store_n(guard_beats(netdevs[port]), at, __ATOMIC_RELEASE);
}
