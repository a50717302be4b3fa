// SPDX-License-Identifier: BSD-3-Clause
// BPF_PROG_TEST_RUN runs the program many times over one frame and tells the mean time. It does not
// give the frame back as it was: what the guard forwards comes again as the guard has left it. So
// the egress here writes a header that is addressed to the guard itself, and the frame begins with
// a TTL of 255: REPEAT times it is forwarded and never drops. The redirect itself, by which the
// frame would leave, is not run.
#include "guard_bench.h"

#include "ebpf/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPEAT 200u // below the TTL
#define CALLS 20u // a round; each takes milliseconds to begin
#define FROM 1 // clouds
#define TO 2
#define INTERCONNECT 1
#define UMEM_BYTES (64 << 12)

static const uint8_t our_mac[ETH_ALEN] = {2, 0x54, 0x30, 0, 0, 1};
static const uint8_t router_mac[ETH_ALEN] = {2, 0x54, 0x30, 0, 0, 2};

// FROM has 10.N.0.0/24 and fd00:N::/32, TO has 172.N.0.0/24 and fd01:N::/32; 198.18.0.1 is
// nobody's.
enum engine { ANY, DATAPLANE, KERNEL };

static const struct kase {
	const char *name;
	const char *source;
	const char *destination;
	enum engine engine;
	uint16_t vlan; // 0: none
	int action;
	bool empty; // by a program of one instruction: what the measurement itself takes
} cases[] = {
	{"nothing", "10.0.0.1", "172.0.0.1", ANY, 0, XDP_DROP, true},
	{"drop: unknown VLAN", "10.0.0.1", "172.0.0.1", ANY, 7, XDP_DROP, false},
	{"drop: spoofed source", "198.18.0.1", "172.0.0.1", ANY, 0, XDP_DROP, false},
	{"drop: no interconnect", "10.0.0.1", "198.18.0.1", ANY, 0, XDP_DROP, false},
	{"drop: no interconnect, IPv6", "fd00:0::1", "fd02::1", ANY, 0, XDP_DROP, false},
	{"steer", "10.0.0.1", "172.0.0.1", DATAPLANE, 0, XDP_REDIRECT, false},
	{"steer, IPv6", "fd00:0::1", "fd01:0::1", DATAPLANE, 0, XDP_REDIRECT, false},
	{"forward", "10.0.0.1", "172.0.0.1", KERNEL, 0, XDP_REDIRECT, false},
	{"forward, IPv6", "fd00:0::1", "fd01:0::1", KERNEL, 0, XDP_REDIRECT, false},
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

struct bench {
	struct guard *guard;
	struct guard_netdev *from;
	struct guard_netdev *to;
	int program; // attached to 'from'
	int empty;
	int socket; // AF_XDP, of queue 0 of 'from'
	void *umem;
};

static int fail(const char *what)
{
	fprintf(stderr, "t0x-bench-guard: %s: %s\n", what, strerror(errno));
	return -1;
}

static int fail_guard(void)
{
	fprintf(stderr, "t0x-bench-guard: %s\n", guard_error());
	return -1;
}

// What the guard is told

static struct route route_of(const char *format, unsigned n, leaf_t leaf)
{
	struct route route = {.leaf = leaf};
	char text[PREFIX_STRLEN];

	snprintf(text, sizeof(text), format, n);
	if (prefix_parse(text, &route.prefix) < 0)
		abort();
	return route;
}

static int set_routes(struct guard *guard, unsigned prefixes)
{
	struct route *routes = calloc(4UL * prefixes, sizeof(*routes));
	leaf_t there = leaf_via(TO, INTERCONNECT);
	unsigned n = 0;
	int code;

	if (routes == NULL)
		return fail("routes");
	for (unsigned i = 0; i < prefixes; i++) {
		routes[n++] = route_of("10.%u.0.0/24", i, leaf_local(FROM));
		routes[n++] = route_of("172.%u.0.0/24", i, there);
		routes[n++] = route_of("fd00:%x::/32", i, leaf_local(FROM));
		routes[n++] = route_of("fd01:%x::/32", i, there);
	}
	guard_close_routes(guard, FROM, routes, n, NULL, 0);
	code = guard_open_routes(guard, FROM, routes, n, NULL, 0);
	free(routes);
	return code < 0 ? fail_guard() : 0;
}

static int set_clouds(struct bench *bench)
{
	struct guard_port port = {
		.cloud = FROM,
		.flags = GUARD_KERNEL_FORWARDS | GUARD_KERNEL_ANSWERS,
		.gateway = 0xa9fe0101,
		.router = 0xa9fe0102,
		.gateway6 = {0xfd000001ffff0000, 1},
		.router6 = {0xfd000001ffff0000, 2},
	};
	struct guard_egress egress = {.l2_length = ETH_HLEN, .usable = 1, .mtu = 1500};

	memcpy(port.mac, our_mac, ETH_ALEN);
	memcpy(egress.l2, our_mac, ETH_ALEN); // and so it comes again
	memcpy(egress.l2 + ETH_ALEN, router_mac, ETH_ALEN);
	egress.l2[2 * ETH_ALEN] = ETH_P_IP >> 8;
	if (guard_count_cloud(bench->guard, FROM) < 0 ||
	    guard_count_traffic(bench->guard, INTERCONNECT, FROM, TO) < 0 ||
	    guard_set_egress(bench->guard, TO, guard_ifindex(bench->to), &egress) < 0 ||
	    guard_set_port(bench->guard, guard_ifindex(bench->from), GUARD_UNTAGGED, &port) < 0)
		return fail_guard();
	return 0;
}

// A socket for the guard to steer to; nobody reads it.

static int map_of(int program, const char *name)
{
	__u32 ids[64];
	struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		return -1;
	for (unsigned i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = {};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		size = sizeof(map);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &size) == 0 &&
		    strcmp(map.name, name) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errno = ENOENT;
	return -1;
}

static int open_socket(struct bench *bench)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = guard_ifindex(bench->from),
		.sxdp_flags = XDP_COPY,
	};
	struct xdp_umem_reg umem = {.len = UMEM_BYTES, .chunk_size = 4096};
	int entries = 64, map = map_of(bench->program, "xsks_map");
	__u32 queue = 0;

	bench->umem =
		mmap(NULL, UMEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bench->umem == MAP_FAILED)
		return fail("umem");
	umem.addr = (uintptr_t)bench->umem;
	bench->socket = socket(AF_XDP, SOCK_RAW, 0);
	if (bench->socket < 0 ||
	    setsockopt(bench->socket, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) < 0 ||
	    setsockopt(bench->socket, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) < 0 ||
	    setsockopt(
		    bench->socket, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)
	    ) < 0 ||
	    setsockopt(bench->socket, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) < 0 ||
	    bind(bench->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail("AF_XDP socket");
	if (map < 0 || bpf_map_update_elem(map, &queue, &bench->socket, BPF_ANY) < 0)
		return fail("xsks_map");
	close(map);
	return 0;
}

static int load_empty(void)
{
	const struct bpf_insn drop[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "BSD", drop, 2, NULL);
}

static int set_up(struct bench *bench, const char *from, const char *to, unsigned prefixes)
{
	__u32 id = 0;

	bench->guard = guard_open(NULL);
	if (bench->guard == NULL || guard_live(bench->guard) < 0 ||
	    guard_attach(bench->guard, from, &bench->from) < 0 ||
	    guard_attach(bench->guard, to, &bench->to) < 0)
		return fail_guard();
	if (set_routes(bench->guard, prefixes) < 0 || set_clouds(bench) < 0)
		return -1;
	bench->empty = load_empty();
	if (bench->empty < 0 || bpf_xdp_query_id((int)guard_ifindex(bench->from), 0, &id) < 0)
		return fail("program");
	bench->program = bpf_prog_get_fd_by_id(id);
	return bench->program < 0 ? fail("program") : open_socket(bench);
}

// Runs

static struct bench_frame frame_of(const struct kase *kase)
{
	struct bench_frame frame = {
		.vlan = kase->vlan,
		.source = kase->source,
		.destination = kase->destination,
	};

	memcpy(frame.to, our_mac, ETH_ALEN);
	memcpy(frame.from, router_mac, ETH_ALEN);
	return frame;
}

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static double sample(const struct bench *bench, const struct kase *kase)
{
	const struct bench_frame what = frame_of(kase);
	uint8_t frame[BENCH_FRAME_MAX], out[2 * BENCH_FRAME_MAX];
	size_t length = frame_write(frame, &what);
	struct xdp_md context = {
		.data_end = (__u32)length,
		.ingress_ifindex = guard_ifindex(bench->from),
	};
	uint64_t sum = 0;

	for (unsigned i = 0; i < CALLS; i++) {
		struct bpf_test_run_opts options = {
			.sz = sizeof(options),
			.data_in = frame,
			.data_size_in = (__u32)length,
			.data_out = out,
			.data_size_out = sizeof(out),
			.ctx_in = &context,
			.ctx_size_in = sizeof(context),
			.repeat = REPEAT,
		};

		__atomic_store_n(
			guard_beats(bench->from), kase->engine == DATAPLANE ? now() : 0,
			__ATOMIC_RELAXED
		);
		if (bpf_prog_test_run_opts(kase->empty ? bench->empty : bench->program, &options) <
		    0)
			return fail("BPF_PROG_TEST_RUN");
		if ((int)options.retval != kase->action) {
			fprintf(stderr, "t0x-bench-guard: %s: XDP action %u instead of %d\n",
				kase->name, options.retval, kase->action);
			return -1;
		}
		sum += options.duration;
	}
	return (double)sum / CALLS;
}

// Every case did what its name says, and nothing else: by the guard's own counts.
static bool counts_are_right(const struct bench *bench, unsigned rounds)
{
	const uint64_t each = (uint64_t)rounds * CALLS * REPEAT;
	struct guard_count sum;

	guard_read_cloud(bench->guard, FROM, &sum);
	if (sum.steered == 2 * each && sum.forwarded == 2 * each &&
	    sum.drops[DROP_spoofed_source] == each && sum.drops[DROP_no_interconnect] == 2 * each)
		return true;
	fprintf(stderr, "t0x-bench-guard: the guard's counts are not those of what was run\n");
	return false;
}

static void print(const double *samples, unsigned prefixes, unsigned rounds)
{
	printf("{\"prefixes\":%u,\"repeat\":%u,\"calls\":%u,\"cases\":[", prefixes, REPEAT, CALLS);
	for (unsigned i = 0; i < N_CASES; i++) {
		printf("%s{\"name\":\"%s\",\"ns\":[", i > 0 ? "," : "", cases[i].name);
		for (unsigned round = 0; round < rounds; round++)
			printf("%s%.1f", round > 0 ? "," : "", samples[round * N_CASES + i]);
		printf("]}");
	}
	printf("]}\n");
}

static int measure(const struct bench *bench, unsigned prefixes, unsigned rounds)
{
	double *samples = calloc((size_t)rounds * N_CASES, sizeof(*samples));
	int code = samples != NULL ? 0 : fail("samples");

	for (unsigned i = 0; code == 0 && i < rounds * N_CASES; i++) {
		samples[i] = sample(bench, &cases[i % N_CASES]);
		code = samples[i] < 0 ? -1 : 0;
	}
	if (code == 0 && !counts_are_right(bench, rounds))
		code = -1;
	if (code == 0)
		print(samples, prefixes, rounds);
	free(samples);
	return code;
}

int measure_cost(const char *from, const char *to, unsigned prefixes, unsigned rounds)
{
	struct bench bench = {.program = -1, .empty = -1, .socket = -1};
	int code = set_up(&bench, from, to, prefixes);

	if (code == 0)
		code = measure(&bench, prefixes, rounds);
	if (bench.socket >= 0)
		close(bench.socket);
	guard_detach(bench.from);
	guard_detach(bench.to);
	guard_close(bench.guard);
	return code;
}
