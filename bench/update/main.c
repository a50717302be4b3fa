// SPDX-License-Identifier: BSD-3-Clause
// t0x-bench-update: creates and deletes one interconnect again and again, and watches where its
// frames arrive. Runs in the namespace of the receiving T0 router; t0xd is reached by its socket.
//
// For each create: how long until the answer, and until the first frame. For each delete: how long
// until the answer, and how long before it the last frame came. A frame after the answer is late,
// which must not be. Frames are stamped by the kernel as they arrive.
#include "bench/traffic/traffic.h"
#include "rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SILENCE_NS (2 * NS) // no frame for so long after a create: nothing passes
#define FD_RPC 0
#define FD_FRAMES 1

enum { CREATE_ANSWER, CREATE_FIRST, DELETE_ANSWER, DELETE_MARGIN, TIMES };
struct sample {
	double us[TIMES];
};

struct changes {
	struct options options; // of the packet socket
	const char *socket, *cloud, *peer;
	unsigned n; // creates, each with its delete
	uint64_t quiet_ns; // after a delete, while nothing may come
	struct pollfd fds[2];

	// Of the change under way.
	uint64_t first, last; // frames since it was asked for; 0: none
	uint64_t ended; // when the delete was answered; 0 while the interconnect may be there

	uint64_t frames, late, worst_late_ns, silent;
	struct sample *samples; // [n]
};

static void note_frame(struct changes *changes, uint64_t at)
{
	changes->frames++;
	if (changes->ended && at > changes->ended) {
		changes->late++;
		if (at - changes->ended > changes->worst_late_ns)
			changes->worst_late_ns = at - changes->ended;
	}
	if (!changes->first)
		changes->first = at;
	changes->last = at;
}

static void take_frames(struct changes *changes)
{
	uint8_t frame[FRAME_MAX];
	uint64_t at;
	ssize_t length;

	while ((length = receive_stamped(changes->fds[FD_FRAMES].fd, frame, sizeof(frame), &at)) >=
	       0) {
		const uint8_t *mark = memmem(frame, (size_t)length, MAGIC, MAGIC_LEN);
		uint32_t stream;

		if (!mark || mark + MAGIC_LEN + sizeof(stream) > frame + length)
			continue;
		memcpy(&stream, mark + MAGIC_LEN, sizeof(stream));
		if (ntohl(stream) == changes->options.stream)
			note_frame(changes, at);
	}
}

// Sleep until something comes, or the time has.
static void sleep_until(struct changes *changes, uint64_t until)
{
	uint64_t now = now_ns(CLOCK_REALTIME), left = until > now ? until - now : 0;
	struct timespec t = {.tv_sec = (time_t)(left / NS), .tv_nsec = (long)(left % NS)};

	if (ppoll(changes->fds, 2, &t, NULL) < 0 && errno != EINTR)
		die("poll");
}

// Returns when the answer came.
static uint64_t await_answer(struct changes *changes)
{
	for (;;) {
		uint64_t now;

		sleep_until(changes, now_ns(CLOCK_REALTIME) + NS);
		now = now_ns(CLOCK_REALTIME);
		if (changes->fds[FD_RPC].revents && rpc_answered(changes->fds[FD_RPC].fd))
			return now;
		if (changes->fds[FD_FRAMES].revents)
			take_frames(changes);
	}
}

static double us_between(uint64_t from, uint64_t to)
{
	return ((double)to - (double)from) / 1e3;
}

static void create_one(struct changes *changes, struct sample *sample)
{
	uint64_t asked = now_ns(CLOCK_REALTIME), answered;

	take_frames(changes); // of before: late ones
	changes->ended = changes->first = 0;
	rpc_create(changes->fds[FD_RPC].fd, changes->cloud, changes->peer);
	answered = await_answer(changes);
	while (!changes->first && now_ns(CLOCK_REALTIME) < answered + SILENCE_NS) {
		sleep_until(changes, answered + SILENCE_NS);
		take_frames(changes);
	}
	changes->silent += !changes->first;
	sample->us[CREATE_ANSWER] = us_between(asked, answered);
	sample->us[CREATE_FIRST] =
		us_between(asked, changes->first ? changes->first : answered + SILENCE_NS);
}

static void delete_one(struct changes *changes, struct sample *sample)
{
	uint64_t asked = now_ns(CLOCK_REALTIME), answered;

	rpc_delete(changes->fds[FD_RPC].fd, changes->cloud, changes->peer);
	answered = await_answer(changes);
	changes->ended = answered;
	take_frames(changes);
	sample->us[DELETE_ANSWER] = us_between(asked, answered);
	sample->us[DELETE_MARGIN] = us_between(changes->last, answered);
	while (now_ns(CLOCK_REALTIME) < answered + changes->quiet_ns) {
		sleep_until(changes, answered + changes->quiet_ns);
		take_frames(changes);
	}
}

static void print_samples(FILE *f, const struct changes *changes)
{
	static const char *const names[TIMES] = {"create_us", "first_us", "delete_us", "margin_us"};

	for (unsigned time = 0; time < TIMES; time++) {
		fprintf(f, ",\"%s\":[", names[time]);
		for (unsigned i = 0; i < changes->n; i++)
			fprintf(f, "%s%.1f", i ? "," : "", changes->samples[i].us[time]);
		fputc(']', f);
	}
}

static void print_report(const struct changes *changes)
{
	FILE *f = report_open(&changes->options);
	struct tpacket_stats kernel = {};
	socklen_t size = sizeof(kernel);

	getsockopt(changes->fds[FD_FRAMES].fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &size);
	fprintf(f, "{\"changes\":%u,\"frames\":%llu,\"missed\":%u", 2 * changes->n,
		(unsigned long long)changes->frames, kernel.tp_drops);
	fprintf(f, ",\"late\":%llu,\"worst_late_us\":%.1f,\"silent\":%llu",
		(unsigned long long)changes->late, (double)changes->worst_late_ns / 1e3,
		(unsigned long long)changes->silent);
	print_samples(f, changes);
	report_close(f);
}

static void run(struct changes *changes)
{
	int on = 1;
	struct sockaddr_ll local;

	changes->samples = calloc(changes->n, sizeof(*changes->samples));
	if (!changes->samples)
		die("samples");
	changes->fds[FD_RPC] = (struct pollfd){rpc_connect(changes->socket), POLLIN, 0};
	changes->fds[FD_FRAMES] =
		(struct pollfd){packet_socket(&changes->options, ETH_P_ALL, &local), POLLIN, 0};
	want_stamps(changes->fds[FD_FRAMES].fd);
	if (setsockopt(
		    changes->fds[FD_FRAMES].fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)
	    ))
		die("PACKET_IGNORE_OUTGOING");
	for (unsigned i = 0; i < changes->n; i++) {
		create_one(changes, &changes->samples[i]);
		delete_one(changes, &changes->samples[i]);
		if (i % 500 == 499)
			fprintf(stderr, "update: %u of %u changes\n", 2 * (i + 1), 2 * changes->n);
	}
	print_report(changes);
	free(changes->samples);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"dev", required_argument, NULL, 'd'},
		{"cloud", required_argument, NULL, 'c'},
		{"peer", required_argument, NULL, 'p'},
		{"changes", required_argument, NULL, 'n'},
		{"quiet-ms", required_argument, NULL, 'q'},
		{"stream", required_argument, NULL, 'i'},
		{},
	};
	struct changes changes = {.quiet_ns = 2000000};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 's':
			changes.socket = optarg;
			break;
		case 'd':
			changes.options.dev = optarg;
			break;
		case 'c':
			changes.cloud = optarg;
			break;
		case 'p':
			changes.peer = optarg;
			break;
		case 'n':
			changes.n = (unsigned)strtoul(optarg, NULL, 10) / 2;
			break;
		case 'q':
			changes.quiet_ns = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 'i':
			changes.options.stream = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			changes.n = 0;
		}
	if (changes.n == 0 || !changes.socket || !changes.cloud || !changes.peer) {
		fputs("usage: t0x-bench-update --socket PATH --cloud CLOUD --peer PEER --changes N\n"
		      "                        --dev IF --stream ID [--quiet-ms MS]\n",
		      stderr);
		return 2;
	}
	run(&changes);
	return 0;
}
