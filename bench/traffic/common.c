// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_ROOM (16 << 20) // receive buffer: a second of 1,000 packets/s is far below it

volatile sig_atomic_t stopped;

void die(const char *what)
{
	fprintf(stderr, "t0x-traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

void usage_error(const char *text, const char *value)
{
	fprintf(stderr, "t0x-traffic: %s%s%s\n", text, value ? ": " : "", value ? value : "");
	exit(2);
}

uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

in_addr_t address(const char *text)
{
	struct in_addr a;
	if (!text || inet_pton(AF_INET, text, &a) != 1)
		usage_error("not an IPv4 address", text ? text : "(none)");
	return a.s_addr;
}

struct in6_addr address6(const char *text)
{
	struct in6_addr a;
	if (!text || inet_pton(AF_INET6, text, &a) != 1)
		usage_error("not an IPv6 address", text ? text : "(none)");
	return a;
}

bool is_ipv6(const char *text)
{
	return text && strchr(text, ':');
}

static bool kernel_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

struct endpoint endpoint(const char *text, unsigned port)
{
	struct endpoint e = {.length = sizeof(e.ipv4)};
	if (is_ipv6(text) || (!text && kernel_has_ipv6())) {
		e.length = sizeof(e.ipv6);
		e.ipv6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6,
			.sin6_port = htons((uint16_t)port),
			.sin6_addr = text ? address6(text) : in6addr_any,
		};
	} else {
		e.ipv4 = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = text ? address(text) : INADDR_ANY,
		};
	}
	return e;
}

int bound_socket(const struct endpoint *local, int type)
{
	int on = 1, off = 0, fd = socket(local->any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (type & SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (local->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &local->any, local->length))
		die("bind");
	return fd;
}

void mark_write(struct mark *m, unsigned stream, uint64_t seq)
{
	*m = (struct mark){
		.stream = htonl(stream),
		.seq = htobe64(seq),
		.sent_ns = htobe64(now_ns(CLOCK_REALTIME)),
	};
	memcpy(m->magic, MAGIC, MAGIC_LEN);
}

void say_ready(const struct options *o)
{
	FILE *f = o->ready ? fopen(o->ready, "w") : NULL;
	if (f)
		fclose(f);
	else if (o->ready)
		die(o->ready);
}

FILE *report_open(const struct options *o)
{
	FILE *f = o->report ? fopen(o->report, "w") : stdout;
	if (!f)
		die(o->report);
	return f;
}

void report_time(FILE *f, const char *name, uint64_t ns)
{
	if (ns)
		fprintf(f, ",\"%s\":%llu.%09llu", name, ns / NS, ns % NS);
	else
		fprintf(f, ",\"%s\":null", name);
}

void report_close(FILE *f)
{
	if (fputs("}\n", f) == EOF || (f == stdout ? fflush(f) : fclose(f)))
		die("report");
}

struct pace pace_start(const struct options *o)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	if (o->rate <= 0)
		usage_error("--rate must be above 0", NULL);
	return (struct pace){
		.start = start,
		.end = o->seconds > 0 ? start + (uint64_t)(o->seconds * NS) : UINT64_MAX,
		.period = (uint64_t)(NS / o->rate),
		.count = o->count ? o->count : (o->seconds > 0 ? UINT64_MAX : 1),
	};
}

// Wait for the moment of the next packet. Late ones follow without a pause, so the rate holds.
bool pace_next(struct pace *p)
{
	uint64_t at = p->start + p->n * p->period;
	struct timespec t = {.tv_sec = (time_t)(at / NS), .tv_nsec = (long)(at % NS)};
	if (p->n >= p->count || at >= p->end)
		return false;
	while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	return !stopped;
}

void pace_report(const struct options *o, const struct pace *p, uint64_t errors, uint64_t first)
{
	FILE *f = report_open(o);
	fprintf(f, "{\"stream\":%u,\"sent\":%llu", o->stream, (unsigned long long)(p->n - errors));
	fprintf(f, ",\"errors\":%llu", (unsigned long long)errors);
	report_time(f, "first_at", first);
	report_time(f, "last_at", now_ns(CLOCK_REALTIME));
	report_close(f);
}

void want_stamps(int fd)
{
	int on = 1, room = SOCKET_ROOM;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		die("SO_TIMESTAMPNS");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(
			fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)
		); // not root: what it gives
}

ssize_t receive_stamped(int fd, void *buffer, size_t size, uint64_t *at)
{
	char control[256];
	struct iovec iov = {.iov_base = buffer, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (length < 0)
		return length;
	*at = now_ns(CLOCK_REALTIME);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			*at = (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
		}
	}
	return length;
}

bool wait_readable(
	struct pollfd *fds, nfds_t n, const struct options *o, uint64_t end, uint64_t idle_since
)
{
	while (!stopped) {
		uint64_t now = now_ns(CLOCK_MONOTONIC), until = end;
		if (o->until_idle_ms && idle_since) {
			uint64_t idle_end = idle_since + o->until_idle_ms * 1000000ull;
			until = idle_end < end ? idle_end : end;
		}
		if (now >= until)
			return false;
		uint64_t left = until - now;
		struct timespec t = {.tv_sec = (time_t)(left / NS), .tv_nsec = (long)(left % NS)};
		int ready = ppoll(fds, n, until == UINT64_MAX ? NULL : &t, NULL);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			die("poll");
	}
	return false;
}

uint64_t deadline(const struct options *o)
{
	uint64_t span = (uint64_t)(o->seconds * NS);
	return o->seconds > 0 ? now_ns(CLOCK_MONOTONIC) + span : UINT64_MAX;
}

int packet_socket(const struct options *o, uint16_t protocol, struct sockaddr_ll *local)
{
	if (!o->dev)
		usage_error("--dev is missing", NULL);
	*local = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(o->dev),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || !local->sll_ifindex || bind(fd, (struct sockaddr *)local, sizeof(*local)))
		die(o->dev);
	return fd;
}
