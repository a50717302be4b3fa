// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCAN_BATCH 256

enum verdict { UNASKED, SILENT, OPEN, REFUSED, UNREACHABLE, VERDICTS };
static const char *const verdict_name[VERDICTS] = {"", "silent", "open", "refused", "unreachable"};

static void ports_parse(const char *text, enum verdict verdict[65536])
{
	while (text && *text) {
		char *end;
		unsigned long low = strtoul(text, &end, 10), high = low;
		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		if (end == text || !low || high > 65535 || low > high || (*end && *end != ','))
			usage_error("not a list of ports", text);
		for (; low <= high; low++)
			verdict[low] = SILENT;
		text = *end ? end + 1 : end;
	}
}

static enum verdict verdict_of(int error)
{
	if (error == 0)
		return OPEN;
	return error == ECONNREFUSED || error == ECONNRESET || error == ENOPROTOOPT ? REFUSED
										    : UNREACHABLE;
}

// Ask one port: SILENT means that the answer, if any, is still to come.
static enum verdict probe(const struct options *o, int fd, unsigned port, int type)
{
	struct endpoint to = endpoint(o->to, port), local = endpoint(o->from, 0);
	struct mark m;
	if (o->from && bind(fd, &local.any, local.length))
		die(o->from);
	if (connect(fd, &to.any, to.length) && errno != EINPROGRESS)
		return verdict_of(errno);
	mark_write(&m, o->stream, port);
	if (type == SOCK_DGRAM && send(fd, &m, sizeof(m), 0) < 0)
		return verdict_of(errno);
	return SILENT;
}

static void scan_batch(
	const struct options *o, int type, const unsigned *ports, unsigned n,
	enum verdict verdict[65536]
)
{
	struct pollfd fds[SCAN_BATCH];
	unsigned waiting = 0;
	uint64_t end = now_ns(CLOCK_MONOTONIC) + o->timeout_ms * 1000000ull;

	for (unsigned i = 0; i < n; i++) {
		int family = is_ipv6(o->to) ? AF_INET6 : AF_INET;
		int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			die("socket");
		short events = type == SOCK_STREAM ? POLLOUT : POLLIN;
		verdict[ports[i]] = probe(o, fd, ports[i], type);
		bool open = verdict[ports[i]] == SILENT;
		if (!open)
			close(fd);
		fds[i] = (struct pollfd){.fd = open ? fd : -1, .events = events};
		waiting += open;
	}
	while (waiting && wait_readable(fds, n, o, end, 0)) {
		for (unsigned i = 0; i < n; i++) {
			int error = 0;
			socklen_t size = sizeof(error);
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
			verdict[ports[i]] = verdict_of(error);
			close(fds[i].fd);
			fds[i].fd = -1;
			waiting--;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	}
}

static unsigned scan_protocol(
	const struct options *o, FILE *f, const char *name, int type, const char *list
)
{
	static enum verdict verdict[65536];
	unsigned ports[SCAN_BATCH], n = 0, count[VERDICTS] = {0};

	memset(verdict, 0, sizeof(verdict));
	ports_parse(list, verdict);
	for (unsigned port = 1; port < 65536; port++) {
		if (verdict[port] == SILENT)
			ports[n++] = port;
		if (n == SCAN_BATCH || (n && port == 65535)) {
			scan_batch(o, type, ports, n, verdict);
			n = 0;
		}
	}
	fprintf(f, "\"%s\":{", name);
	for (enum verdict v = OPEN; v < VERDICTS; v++) {
		fprintf(f, "\"%s\":[", verdict_name[v]);
		for (unsigned port = 1; port < 65536; port++) {
			if (verdict[port] == v)
				fprintf(f, "%s%u", count[v]++ ? "," : "", port);
			else if (v == OPEN && verdict[port] == SILENT)
				count[SILENT]++;
		}
		fputs("],", f);
	}
	fprintf(f, "\"silent\":%u},", count[SILENT]);
	return count[OPEN] + count[REFUSED];
}

int scan_command(const struct options *o)
{
	struct options once = *o;
	FILE *f = report_open(o);
	if (!o->to)
		usage_error("--to is missing", NULL);
	once.until_idle_ms = 0;
	fprintf(f, "{\"to\":\"%s\",", o->to);
	unsigned answered = scan_protocol(&once, f, "tcp", SOCK_STREAM, o->tcp);
	answered += scan_protocol(&once, f, "udp", SOCK_DGRAM, o->udp);
	fprintf(f, "\"answered\":%u", answered);
	report_close(f);
	return 0;
}
