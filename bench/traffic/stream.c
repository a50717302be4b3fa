// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int send_command(const struct options *o)
{
	char payload[FRAME_MAX] = {0};
	const char *any = is_ipv6(o->to) ? "::" : "0.0.0.0";
	struct endpoint to = endpoint(o->to ? o->to : "(none)", o->port);
	struct endpoint local = endpoint(o->from ? o->from : any, o->source_port);
	int fd = bound_socket(&local, SOCK_DGRAM);
	struct pace pace = pace_start(o);
	uint64_t errors = 0, first = 0;

	say_ready(o);
	for (; pace_next(&pace); pace.n++) {
		mark_write((struct mark *)payload, o->stream, pace.n);
		if (!first)
			first = now_ns(CLOCK_REALTIME);
		if (sendto(fd, payload, o->size, 0, &to.any, to.length) < 0)
			errors++;
	}
	pace_report(o, &pace, errors, first);
	return 0;
}

struct arrivals {
	uint64_t received, duplicate, reordered, expected, foreign;
	uint64_t first_ns, last_ns, gap_ns;
	uint8_t *seen; // one bit a sequence number
	size_t seen_size;
	FILE *log;
};

static void arrivals_note(struct arrivals *a, uint64_t seq, uint64_t at)
{
	size_t byte = (size_t)(seq / 8);
	if (seq >> 32) { // not a number that send would reach: do not let it size memory
		a->foreign++;
		return;
	}
	if (byte >= a->seen_size) {
		size_t size = (byte + 1) * 2 + 4096;
		a->seen = realloc(a->seen, size);
		if (!a->seen)
			die("sequence numbers");
		memset(a->seen + a->seen_size, 0, size - a->seen_size);
		a->seen_size = size;
	}
	if (a->last_ns && at > a->last_ns && at - a->last_ns > a->gap_ns)
		a->gap_ns = at - a->last_ns;
	if (!a->first_ns)
		a->first_ns = at;
	a->last_ns = at;
	if (a->log)
		fprintf(a->log, "%llu.%09llu %llu\n", at / NS, at % NS, (unsigned long long)seq);

	if (a->seen[byte] & (1u << seq % 8)) {
		a->duplicate++;
		return;
	}
	a->seen[byte] |= (uint8_t)(1u << seq % 8);
	a->received++;
	if (seq < a->expected)
		a->reordered++;
	else
		a->expected = seq + 1;
}

static int tcp_listener(const struct options *o)
{
	struct endpoint local = endpoint(NULL, o->port);
	int fd = bound_socket(&local, SOCK_STREAM | SOCK_NONBLOCK);
	if (listen(fd, 64))
		die("TCP listener");
	return fd;
}

int receive_command(const struct options *o)
{
	struct arrivals a = {0};
	char buffer[FRAME_MAX];
	uint64_t end = deadline(o), last = 0, at, accepted = 0;
	struct endpoint local = endpoint(o->from, o->port);
	struct pollfd fds[2] = {
		{.fd = bound_socket(&local, SOCK_DGRAM), .events = POLLIN},
		{.fd = o->listen_tcp ? tcp_listener(o) : -1, .events = POLLIN},
	};

	want_stamps(fds[0].fd);
	a.log = o->arrivals ? fopen(o->arrivals, "w") : NULL;
	if (o->arrivals && !a.log)
		die(o->arrivals);
	if (a.log)
		setlinebuf(a.log); // scripts read it while it grows
	say_ready(o);
	while (wait_readable(fds, 2, o, end, last)) {
		ssize_t length;
		while ((length = receive_stamped(fds[0].fd, buffer, sizeof(buffer), &at)) >= 0) {
			struct mark m;
			last = now_ns(CLOCK_MONOTONIC);
			if ((size_t)length < sizeof(m) || memcmp(buffer, MAGIC, MAGIC_LEN)) {
				a.foreign++;
				continue;
			}
			memcpy(&m, buffer, sizeof(m));
			if (o->stream && ntohl(m.stream) != o->stream)
				a.foreign++;
			else
				arrivals_note(&a, be64toh(m.seq), at);
		}
		int peer = fds[1].fd >= 0 ? accept(fds[1].fd, NULL, NULL) : -1;
		if (peer >= 0) {
			accepted++;
			close(peer);
		}
	}

	FILE *f = report_open(o);
	fprintf(f, "{\"stream\":%u,\"received\":%llu", o->stream, (unsigned long long)a.received);
	fprintf(f, ",\"lost\":%llu", (unsigned long long)(a.expected - a.received));
	fprintf(f, ",\"duplicate\":%llu", (unsigned long long)a.duplicate);
	fprintf(f, ",\"reordered\":%llu", (unsigned long long)a.reordered);
	fprintf(f, ",\"foreign\":%llu", (unsigned long long)a.foreign);
	fprintf(f, ",\"accepted\":%llu", (unsigned long long)accepted);
	fprintf(f, ",\"largest_gap_ms\":%.3f", (double)a.gap_ns / 1e6);
	report_time(f, "first_at", a.first_ns);
	report_time(f, "last_at", a.last_ns);
	report_close(f);
	free(a.seen);
	return 0;
}
