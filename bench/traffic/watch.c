// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STREAM_MAX 64

struct stream_count {
	unsigned stream;
	uint64_t frames, first_ns, last_ns;
};

int watch_command(const struct options *o)
{
	struct stream_count streams[STREAM_MAX] = {0};
	struct sockaddr_ll local;
	uint8_t frame[FRAME_MAX];
	unsigned n = 0;
	uint64_t total = 0, end = deadline(o), last = 0, last_at = 0, at;
	int on = 1, fd = packet_socket(o, ETH_P_ALL, &local);
	struct pollfd fds = {.fd = fd, .events = POLLIN};

	want_stamps(fd);
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)))
		die("PACKET_IGNORE_OUTGOING");
	say_ready(o);
	while (wait_readable(&fds, 1, o, end, last)) {
		ssize_t length;
		while ((length = receive_stamped(fd, frame, sizeof(frame), &at)) >= 0) {
			uint8_t *m = memmem(frame, (size_t)length, MAGIC, MAGIC_LEN);
			uint32_t stream;
			unsigned i = 0;
			if (!m || m + MAGIC_LEN + sizeof(stream) > frame + length)
				continue;
			memcpy(&stream, m + MAGIC_LEN, sizeof(stream));
			stream = ntohl(stream);
			if (o->stream && stream != o->stream)
				continue;
			total++;
			last = now_ns(CLOCK_MONOTONIC);
			last_at = at;
			while (i < n && streams[i].stream != stream)
				i++;
			if (i == STREAM_MAX)
				continue; // still in the total
			n = i == n ? n + 1 : n;
			streams[i].stream = stream;
			streams[i].frames++;
			streams[i].last_ns = at;
			if (!streams[i].first_ns)
				streams[i].first_ns = at;
		}
	}

	struct tpacket_stats kernel = {0};
	socklen_t size = sizeof(kernel);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &size);
	FILE *f = report_open(o);
	fprintf(f, "{\"frames\":%llu", (unsigned long long)total);
	fprintf(f, ",\"missed\":%u", kernel.tp_drops); // not seen for want of room: must be 0
	report_time(f, "last_at", last_at);
	fputs(",\"streams\":[", f);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%s{\"stream\":%u", i ? "," : "", streams[i].stream);
		fprintf(f, ",\"frames\":%llu", (unsigned long long)streams[i].frames);
		report_time(f, "first_at", streams[i].first_ns);
		report_time(f, "last_at", streams[i].last_ns);
		fputc('}', f);
	}
	fputc(']', f);
	report_close(f);
	return 0;
}
