// SPDX-License-Identifier: BSD-3-Clause
// t0x-traffic: marked traffic for the lab.
//
// Every frame it sends carries a mark (magic, stream, sequence number, time of sending) in its
// payload, so that one test can tell its own frames from everything else on a wire and from those
// of other tests. `ping -p` can send the mark's first 16 bytes too: see mark_pattern in the lab.
//
//   send      a paced UDP stream through the kernel's stack
//   receive   counts what arrived of it: lost, duplicate, reordered, largest gap
//   inject    crafted frames of IPv4 or IPv6, as wrong as asked for, straight onto a netdev
//   watch     counts marked frames arriving on a netdev, wherever in the frame the mark stands
//   scan      which TCP and UDP ports of an address answer
//
// Reports are JSON. Times are CLOCK_REALTIME seconds; arrivals are stamped by the kernel.
// SIGTERM and SIGINT end any command early, with its report.
#pragma once

#include <assert.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define MAGIC "T0XTRAF1"
#define MAGIC_LEN 8
#define NS 1000000000ull
#define FRAME_MAX 9216

// What every payload begins with. Network order.
struct mark {
	char magic[MAGIC_LEN];
	uint32_t stream;
	uint32_t zero;
	uint64_t seq;
	uint64_t sent_ns;
};
static_assert(sizeof(struct mark) == 32);

// What the command line gave, with its defaults.
struct options {
	const char *dev, *from, *to, *report, *ready, *arrivals, *tcp, *udp, *bad, *ip_option;
	const char *src_mac, *dst_mac, *quote_to, *extension, *target;
	uint16_t vlan[2];
	unsigned n_vlan, tpid, ethertype;
	unsigned port, source_port, stream, size, ttl, protocol, fragment, timeout_ms,
		until_idle_ms;
	int icmp_type, icmp_code;
	bool df, mf, listen_tcp;
	uint64_t count;
	double rate, seconds;
};

// Set by SIGTERM and SIGINT: every wait ends, and the command with its report.
extern volatile sig_atomic_t stopped;

// End with status 1 and the reason in errno; with status 2 and what was wrong on the command line.
void die(const char *what) __attribute__((noreturn));
void usage_error(const char *text, const char *value) __attribute__((noreturn));

uint64_t now_ns(clockid_t clock);

// An IPv4 address in network order, an IPv6 address; anything else is a usage error.
in_addr_t address(const char *text);
struct in6_addr address6(const char *text);
bool is_ipv6(const char *text);

// Either with a port, for a socket. NULL: any address, of both families where the kernel has both.
struct endpoint {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	};
};
struct endpoint endpoint(const char *text, unsigned port);

// A socket that is bound to an endpoint, and reusable at once.
int bound_socket(const struct endpoint *local, int type);

// Write a mark of now, to where there is room for it.
void mark_write(struct mark *m, unsigned stream, uint64_t seq);

// Tell the script that waits: from here on nothing is missed.
void say_ready(const struct options *o);

// The report, a JSON object: opened, filled by the caller from its '{' on, closed with its '}'.
FILE *report_open(const struct options *o);
void report_time(FILE *f, const char *name, uint64_t ns); // 0: null
void report_close(FILE *f);

// Sending at a rate: from pace_start(), while pace_next(), counting n up.
struct pace {
	uint64_t start, end, period, n, count;
};
struct pace pace_start(const struct options *o);
bool pace_next(struct pace *p);
void pace_report(const struct options *o, const struct pace *p, uint64_t errors, uint64_t first);

// Let the kernel stamp what this socket receives, and give it room.
void want_stamps(int fd);

// One datagram or frame and the kernel's stamp of it; length < 0 when there is none.
ssize_t receive_stamped(int fd, void *buffer, size_t size, uint64_t *at);

// Sleep until there is something to read or the end: false at the end.
// idle_since: when the last packet came (monotonic), 0 while none came
bool wait_readable(
	struct pollfd *fds, nfds_t n, const struct options *o, uint64_t end, uint64_t idle_since
);

// When --seconds are over, monotonic; UINT64_MAX: never.
uint64_t deadline(const struct options *o);

// A packet socket on --dev; protocol 0 receives nothing.
int packet_socket(const struct options *o, uint16_t protocol, struct sockaddr_ll *local);

// The Internet checksum, in network order.
uint16_t checksum(const void *data, size_t length);

// Write the IPv6 packet that inject is asked for, from a station with this MAC. Returns its length.
size_t packet_write_ipv6(
	const struct options *o, const uint8_t mac[ETH_ALEN], uint64_t seq, uint8_t *packet
);

// The commands. Each returns the exit status.
int send_command(const struct options *o);
int receive_command(const struct options *o);
int inject_command(const struct options *o);
int watch_command(const struct options *o);
int scan_command(const struct options *o);
