// SPDX-License-Identifier: BSD-3-Clause
// t0x-traffic: marked traffic for the lab.
//
// Every frame it sends carries a mark (magic, stream, sequence number, time of sending) in its
// payload, so that one test can tell its own frames from everything else on a wire and from those
// of other tests. `ping -p` can send the mark's first 16 bytes too: see mark_pattern in the lab.
//
//   send      a paced UDP stream through the kernel's stack
//   receive   counts what arrived of it: lost, duplicate, reordered, largest gap
//   inject    crafted IPv4 frames, as wrong as asked for, straight onto a netdev
//   watch     counts marked frames arriving on a netdev, wherever in the frame the mark stands
//   scan      which TCP and UDP ports of an address answer
//
// Reports are JSON. Times are CLOCK_REALTIME seconds; arrivals are stamped by the kernel.
// SIGTERM and SIGINT end any command early, with its report.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAGIC "T0XTRAF1"
#define MAGIC_LEN 8
#define NS 1000000000ull
#define FRAME_MAX 9216
#define STREAM_MAX 64
#define SCAN_BATCH 256
#define SOCKET_ROOM (16 << 20) // receive buffer: a second of 1,000 packets/s is far below it

// What every payload begins with. Network order.
struct mark {
	char magic[MAGIC_LEN];
	uint32_t stream;
	uint32_t zero;
	uint64_t seq;
	uint64_t sent_ns;
};
static_assert(sizeof(struct mark) == 32);

struct options {
	const char *dev, *from, *to, *report, *ready, *arrivals, *tcp, *udp, *bad, *ip_option;
	const char *src_mac, *dst_mac, *quote_to;
	uint16_t vlan[2];
	unsigned n_vlan, tpid, ethertype;
	unsigned port, source_port, stream, size, ttl, protocol, fragment, timeout_ms,
		until_idle_ms;
	int icmp_type, icmp_code;
	bool df, mf, listen_tcp;
	uint64_t count;
	double rate, seconds;
};

static volatile sig_atomic_t stopped;

static void stop(int signum)
{
	stopped = signum;
}

static void die(const char *what)
{
	fprintf(stderr, "t0x-traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage_error(const char *text, const char *value)
{
	fprintf(stderr, "t0x-traffic: %s%s%s\n", text, value ? ": " : "", value ? value : "");
	exit(2);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static in_addr_t address(const char *text)
{
	struct in_addr a;
	if (!text || inet_pton(AF_INET, text, &a) != 1)
		usage_error("not an IPv4 address", text ? text : "(none)");
	return a.s_addr;
}

static void mark_write(struct mark *m, unsigned stream, uint64_t seq)
{
	*m = (struct mark){
		.stream = htonl(stream),
		.seq = htobe64(seq),
		.sent_ns = htobe64(now_ns(CLOCK_REALTIME)),
	};
	memcpy(m->magic, MAGIC, MAGIC_LEN);
}

// Tell the script that waits: from here on nothing is missed.
static void say_ready(const struct options *o)
{
	FILE *f = o->ready ? fopen(o->ready, "w") : NULL;
	if (f)
		fclose(f);
	else if (o->ready)
		die(o->ready);
}

static FILE *report_open(const struct options *o)
{
	FILE *f = o->report ? fopen(o->report, "w") : stdout;
	if (!f)
		die(o->report);
	return f;
}

static void report_time(FILE *f, const char *name, uint64_t ns)
{
	if (ns)
		fprintf(f, ",\"%s\":%llu.%09llu", name, ns / NS, ns % NS);
	else
		fprintf(f, ",\"%s\":null", name);
}

static void report_close(FILE *f)
{
	if (fputs("}\n", f) == EOF || (f == stdout ? fflush(f) : fclose(f)))
		die("report");
}

// ---- pacing -------------------------------------------------------------------------------

struct pace {
	uint64_t start, end, period, n, count;
};

static struct pace pace_start(const struct options *o)
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
static bool pace_next(struct pace *p)
{
	uint64_t at = p->start + p->n * p->period;
	struct timespec t = {.tv_sec = (time_t)(at / NS), .tv_nsec = (long)(at % NS)};
	if (p->n >= p->count || at >= p->end)
		return false;
	while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	return !stopped;
}

static void pace_report(
	const struct options *o, const struct pace *p, uint64_t errors, uint64_t first
)
{
	FILE *f = report_open(o);
	fprintf(f, "{\"stream\":%u,\"sent\":%llu", o->stream, (unsigned long long)(p->n - errors));
	fprintf(f, ",\"errors\":%llu", (unsigned long long)errors);
	report_time(f, "first_at", first);
	report_time(f, "last_at", now_ns(CLOCK_REALTIME));
	report_close(f);
}

// ---- send ---------------------------------------------------------------------------------

static int udp_socket(const char *from, unsigned port)
{
	struct sockaddr_in local = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = from ? address(from) : INADDR_ANY,
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)))
		die("UDP socket");
	return fd;
}

static int send_command(const struct options *o)
{
	char payload[FRAME_MAX] = {0};
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)o->port),
		.sin_addr.s_addr = address(o->to),
	};
	int fd = udp_socket(o->from, o->source_port);
	struct pace pace = pace_start(o);
	uint64_t errors = 0, first = 0;

	say_ready(o);
	for (; pace_next(&pace); pace.n++) {
		mark_write((struct mark *)payload, o->stream, pace.n);
		if (!first)
			first = now_ns(CLOCK_REALTIME);
		if (sendto(fd, payload, o->size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			errors++;
	}
	pace_report(o, &pace, errors, first);
	return 0;
}

// ---- receive ------------------------------------------------------------------------------

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

static void want_stamps(int fd)
{
	int on = 1, room = SOCKET_ROOM;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		die("SO_TIMESTAMPNS");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(
			fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)
		); // not root: what it gives
}

// One datagram or frame and the kernel's stamp of it; length < 0 when there is none.
static ssize_t receive_stamped(int fd, void *buffer, size_t size, uint64_t *at)
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

// Sleep until there is something to read or the end: false at the end.
// idle_since: when the last packet came (monotonic), 0 while none came
static bool wait_readable(
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

static uint64_t deadline(const struct options *o)
{
	uint64_t span = (uint64_t)(o->seconds * NS);
	return o->seconds > 0 ? now_ns(CLOCK_MONOTONIC) + span : UINT64_MAX;
}

static int tcp_listener(const struct options *o)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)) || listen(fd, 64))
		die("TCP listener");
	return fd;
}

static int receive_command(const struct options *o)
{
	struct arrivals a = {0};
	char buffer[FRAME_MAX];
	uint64_t end = deadline(o), last = 0, at, accepted = 0;
	struct pollfd fds[2] = {
		{.fd = udp_socket(o->from, o->port), .events = POLLIN},
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

// ---- inject -------------------------------------------------------------------------------

static uint16_t checksum(const void *data, size_t length)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (length & 1)
		sum += (uint32_t)p[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void mac_parse(const char *text, uint8_t mac[ETH_ALEN])
{
	int used = 0;
	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &used) != 6 ||
	    text[used])
		usage_error("not a MAC address", text);
}

// UDP over IPv4: the checksum covers a pseudo header, here put together by hand.
static void udp_checksum(const struct iphdr *ip, struct udphdr *udp, size_t length)
{
	uint8_t covered[12 + FRAME_MAX];
	memcpy(covered, &ip->saddr, 8);
	covered[8] = 0;
	covered[9] = IPPROTO_UDP;
	memcpy(covered + 10, &udp->len, 2);
	udp->check = 0;
	memcpy(covered + 12, udp, length);
	udp->check = checksum(covered, 12 + length);
}

static size_t ip_options_write(const char *name, in_addr_t to, uint8_t *at)
{
	if (!name)
		return 0;
	if (!strcmp(name, "nop")) {
		memset(at, IPOPT_NOP, 4);
		return 4;
	}
	bool route = !strcmp(name, "lsrr"), record = !strcmp(name, "rr");
	if (!route && !record)
		usage_error("--ip-option takes nop, rr or lsrr", name);
	at[0] = route ? IPOPT_LSRR : IPOPT_RR;
	at[1] = 7;
	at[2] = 4;
	memcpy(at + 3, &to, 4);
	at[7] = IPOPT_END;
	return 8;
}

static void ip_write(const struct options *o, struct iphdr *ip, size_t header, size_t length)
{
	unsigned flags = (o->df ? IP_DF : 0u) | (o->mf ? IP_MF : 0u);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = (unsigned char)(header / 4),
		.tot_len = htons((uint16_t)length),
		.id = htons(0x7078),
		.frag_off = htons((uint16_t)(flags | o->fragment)),
		.ttl = (uint8_t)o->ttl,
		.protocol = (uint8_t)(o->icmp_type >= 0 ? IPPROTO_ICMP : o->protocol),
		.saddr = address(o->from),
		.daddr = address(o->to),
	};
}

// Make one thing about the header wrong, and only one: the checksum is right for the rest.
static void ip_spoil(struct iphdr *ip, const char *bad, size_t header)
{
	if (bad && !strcmp(bad, "version"))
		ip->version = 5;
	else if (bad && !strcmp(bad, "ihl"))
		ip->ihl = 4;
	else if (bad && !strcmp(bad, "long"))
		ip->tot_len = htons((uint16_t)(ntohs(ip->tot_len) + 100));
	else if (bad && !strcmp(bad, "short"))
		ip->tot_len = htons((uint16_t)(header - 4));
	else if (bad && strcmp(bad, "checksum"))
		usage_error("--bad takes checksum, version, ihl, long or short", bad);
	ip->check = checksum(ip, header);
	if (bad && !strcmp(bad, "checksum"))
		ip->check ^= 0x5555;
}

// What an ICMP error is about: a UDP packet from where the error goes to --quote-to.
static size_t quote_write(const struct options *o, uint8_t *at)
{
	struct iphdr *ip = (struct iphdr *)at;
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	ip_write(o, ip, sizeof(*ip), sizeof(*ip) + sizeof(*udp) + sizeof(struct mark));
	ip->frag_off = 0;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = address(o->to);
	ip->daddr = address(o->quote_to ? o->quote_to : o->from);
	ip->check = checksum(ip, sizeof(*ip));
	udp->source = udp->dest = htons((uint16_t)o->port);
	udp->len = htons(sizeof(*udp) + sizeof(struct mark));
	return sizeof(*ip) + sizeof(*udp);
}

// Write the whole frame; returns its length.
static size_t frame_write(
	const struct options *o, const uint8_t mac[ETH_ALEN], uint64_t seq, uint8_t *frame
)
{
	uint8_t *p = frame + 2 * ETH_ALEN;
	mac_parse(o->dst_mac, frame);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	for (unsigned i = 0; i < o->n_vlan; i++, p += 4) {
		uint16_t tag[2] = {
			htons(i ? ETHERTYPE_VLAN : (uint16_t)o->tpid), htons(o->vlan[i])};
		memcpy(p, tag, 4);
	}
	uint16_t type = htons((uint16_t)o->ethertype);
	memcpy(p, &type, 2);
	p += 2;

	struct iphdr *ip = (struct iphdr *)p;
	size_t header =
		sizeof(*ip) + ip_options_write(o->ip_option, address(o->to), p + sizeof(*ip));
	uint8_t *l4 = p + header, *payload = l4;
	if (o->icmp_type >= 0) {
		payload += sizeof(struct icmphdr);
		if (o->icmp_type != ICMP_ECHO && o->icmp_type != ICMP_ECHOREPLY)
			payload += quote_write(o, payload);
	} else if (o->protocol == IPPROTO_UDP) {
		payload += sizeof(struct udphdr);
	}
	memset(payload, 0, o->size);
	struct mark m;
	mark_write(&m, o->stream, seq);
	memcpy(payload, &m, sizeof(m));
	size_t l4_length = (size_t)(payload - l4) + o->size;

	ip_write(o, ip, header, header + l4_length);
	ip_spoil(ip, o->bad, header);
	if (o->icmp_type >= 0) {
		struct icmphdr icmp = {
			.type = (uint8_t)o->icmp_type,
			.code = (uint8_t)o->icmp_code,
			.un.echo = {.id = htons(0x7430), .sequence = htons((uint16_t)seq)},
		};
		if (o->icmp_type == ICMP_DEST_UNREACH && o->icmp_code == ICMP_FRAG_NEEDED)
			icmp.un.frag.mtu = htons(1000);
		memcpy(l4, &icmp, sizeof(icmp));
		icmp.checksum = checksum(l4, l4_length);
		memcpy(l4, &icmp, sizeof(icmp));
	} else if (o->protocol == IPPROTO_UDP) {
		struct udphdr *udp = (struct udphdr *)l4;
		udp->source = htons((uint16_t)(o->source_port ? o->source_port : o->port));
		udp->dest = htons((uint16_t)o->port);
		udp->len = htons((uint16_t)l4_length);
		udp_checksum(ip, udp, l4_length);
	}
	return (size_t)(l4 - frame) + l4_length;
}

static int packet_socket(const struct options *o, uint16_t protocol, struct sockaddr_ll *local)
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

static int inject_command(const struct options *o)
{
	uint8_t frame[FRAME_MAX + 256], mac[ETH_ALEN];
	struct sockaddr_ll local;
	struct ifreq request = {0};
	int fd = packet_socket(o, 0, &local); // protocol 0: this socket receives nothing
	uint64_t errors = 0, first = 0;

	if (!o->dst_mac)
		usage_error("--dst-mac is missing", NULL);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", o->dev);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		die(o->dev);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	if (o->src_mac)
		mac_parse(o->src_mac, mac);

	struct pace pace = pace_start(o);
	say_ready(o);
	for (; pace_next(&pace); pace.n++) {
		size_t length = frame_write(o, mac, pace.n, frame);
		if (!first)
			first = now_ns(CLOCK_REALTIME);
		if (send(fd, frame, length, 0) < 0)
			errors++;
	}
	pace_report(o, &pace, errors, first);
	return errors ? 1 : 0;
}

// ---- watch --------------------------------------------------------------------------------

struct stream_count {
	unsigned stream;
	uint64_t frames, first_ns, last_ns;
};

static int watch_command(const struct options *o)
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

// ---- scan ---------------------------------------------------------------------------------

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
	struct sockaddr_in local = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	struct mark m;
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = address(o->to);
	if (o->from)
		local.sin_addr.s_addr = address(o->from);
	if (o->from && bind(fd, (struct sockaddr *)&local, sizeof(local)))
		die(o->from);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
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
		int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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

static int scan_command(const struct options *o)
{
	struct options once = *o;
	FILE *f = report_open(o);
	once.until_idle_ms = 0;
	fprintf(f, "{\"to\":\"%s\",", o->to);
	unsigned answered = scan_protocol(&once, f, "tcp", SOCK_STREAM, o->tcp);
	answered += scan_protocol(&once, f, "udp", SOCK_DGRAM, o->udp);
	fprintf(f, "\"answered\":%u", answered);
	report_close(f);
	return 0;
}

// ---- command line -------------------------------------------------------------------------

static const struct command {
	const char *name;
	int (*run)(const struct options *);
	const char *help;
} commands[] = {
	{"send", send_command,
	 "--to ADDR --port N --rate R (--count N | --seconds S) [--from ADDR] [--source-port N]\n"
	 "            [--size BYTES] [--stream ID]"},
	{"receive", receive_command,
	 "--port N [--from ADDR] [--seconds S] [--until-idle MS] [--stream ID] [--tcp-listen]\n"
	 "            [--arrivals FILE]"},
	{"inject", inject_command,
	 "--dev IF --dst-mac MAC --from ADDR --to ADDR [--src-mac MAC] [--vlan ID [--vlan ID]]\n"
	 "            [--tpid HEX] [--ethertype HEX] [--ttl N] [--df] [--mf] [--fragment OFFSET/8]\n"
	 "            [--ip-option nop|rr|lsrr] [--protocol N] [--icmp TYPE.CODE] [--quote-to ADDR]\n"
	 "            [--port N] [--source-port N] [--size BYTES] [--stream ID]\n"
	 "            [--bad checksum|version|ihl|long|short] [--count N] [--rate R] [--seconds S]"},
	{"watch", watch_command, "--dev IF [--seconds S] [--until-idle MS] [--stream ID]"},
	{"scan", scan_command,
	 "--to ADDR [--from ADDR] [--tcp PORTS] [--udp PORTS] [--timeout MS]   # PORTS: 22,80-90"},
};

static int usage(FILE *f)
{
	fputs("usage: t0x-traffic COMMAND OPTIONS [--report FILE] [--ready FILE]\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
	return f == stdout ? 0 : 2;
}

static unsigned number(const char *text, int base, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);
	if (end == text || *end || value > max)
		usage_error("not a number in range", text);
	return (unsigned)value;
}

static double real(const char *text)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end || value < 0)
		usage_error("not a number in range", text);
	return value;
}

enum { TEXT, NUMBER, HEX, REAL, FLAG, SPECIAL };
static struct options given = {
	.tpid = ETHERTYPE_VLAN,
	.ethertype = ETHERTYPE_IP,
	.port = 9000,
	.size = 64,
	.ttl = 64,
	.protocol = IPPROTO_UDP,
	.timeout_ms = 500,
	.rate = 1000,
	.icmp_type = -1,
};

static const struct {
	const char *name;
	int kind;
	void *value;
	unsigned long max;
} option_table[] = {
	{"dev", TEXT, &given.dev, 0},
	{"from", TEXT, &given.from, 0},
	{"to", TEXT, &given.to, 0},
	{"report", TEXT, &given.report, 0},
	{"ready", TEXT, &given.ready, 0},
	{"arrivals", TEXT, &given.arrivals, 0},
	{"tcp", TEXT, &given.tcp, 0},
	{"udp", TEXT, &given.udp, 0},
	{"bad", TEXT, &given.bad, 0},
	{"ip-option", TEXT, &given.ip_option, 0},
	{"src-mac", TEXT, &given.src_mac, 0},
	{"dst-mac", TEXT, &given.dst_mac, 0},
	{"quote-to", TEXT, &given.quote_to, 0},
	{"tpid", HEX, &given.tpid, 0xffff},
	{"ethertype", HEX, &given.ethertype, 0xffff},
	{"port", NUMBER, &given.port, 65535},
	{"source-port", NUMBER, &given.source_port, 65535},
	{"stream", NUMBER, &given.stream, UINT32_MAX},
	{"size", NUMBER, &given.size, FRAME_MAX - 256},
	{"ttl", NUMBER, &given.ttl, 255},
	{"protocol", NUMBER, &given.protocol, 255},
	{"fragment", NUMBER, &given.fragment, IP_OFFMASK},
	{"timeout", NUMBER, &given.timeout_ms, 60000},
	{"until-idle", NUMBER, &given.until_idle_ms, 600000},
	{"rate", REAL, &given.rate, 0},
	{"seconds", REAL, &given.seconds, 0},
	{"df", FLAG, &given.df, 0},
	{"mf", FLAG, &given.mf, 0},
	{"tcp-listen", FLAG, &given.listen_tcp, 0},
	{"count", SPECIAL, NULL, 0},
	{"vlan", SPECIAL, NULL, 0},
	{"icmp", SPECIAL, NULL, 0},
};
#define N_OPTIONS (sizeof(option_table) / sizeof(*option_table))

static void special_option(const char *name, const char *text)
{
	if (!strcmp(name, "count")) {
		given.count = number(text, 10, UINT32_MAX);
	} else if (!strcmp(name, "vlan") && given.n_vlan < 2) {
		given.vlan[given.n_vlan++] = (uint16_t)number(text, 0, 0xffff); // the whole TCI
	} else if (!strcmp(name, "icmp") && sscanf(text, "%d.%d", &given.icmp_type, &given.icmp_code) == 2 && given.icmp_type >= 0) {
		return;
	} else {
		usage_error(name, text);
	}
}

static void options_read(int argc, char **argv)
{
	struct option longopts[N_OPTIONS + 1] = {0};
	int i;
	for (size_t k = 0; k < N_OPTIONS; k++)
		longopts[k] = (struct option){
			.name = option_table[k].name,
			.has_arg = option_table[k].kind == FLAG ? no_argument : required_argument,
		};
	for (int c; (c = getopt_long(argc, argv, "", longopts, &i)) != -1;) {
		if (c == '?')
			exit(2);
		void *value = option_table[i].value;
		switch (option_table[i].kind) {
		case TEXT:
			*(const char **)value = optarg;
			break;
		case NUMBER:
			*(unsigned *)value = number(optarg, 10, option_table[i].max);
			break;
		case HEX:
			*(unsigned *)value = number(optarg, 16, option_table[i].max);
			break;
		case REAL:
			*(double *)value = real(optarg);
			break;
		case FLAG:
			*(bool *)value = true;
			break;
		default:
			special_option(option_table[i].name, optarg);
		}
	}
	if (optind < argc)
		usage_error("not understood", argv[optind]);
	if (given.size < sizeof(struct mark))
		usage_error("--size must hold the mark of 32 bytes", NULL);
}

int main(int argc, char **argv)
{
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return usage(argc < 2 ? stderr : stdout);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		struct sigaction action = {.sa_handler = stop}; // no SA_RESTART: a wait ends
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
		options_read(argc - 1, argv + 1);
		return commands[i].run(&given);
	}
	return usage(stderr);
}
