// SPDX-License-Identifier: BSD-3-Clause
// t0x-bench-guard: measures the guard, floods it, and replaces its program beside a t0xd that runs.
#include "ebpf/guard.h"
#include "guard_bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: t0x-bench-guard cost [--prefixes N] [--rounds N] FROM TO    # netdevs of its own\n"
	"       t0x-bench-guard flood --seconds S --to-mac MAC --source ADDR --destination ADDR NETDEV\n"
	"       t0x-bench-guard replace --pins DIRECTORY [--times N] NETDEV...\n";

struct arguments {
	const char *pins;
	unsigned prefixes;
	unsigned rounds;
	unsigned times;
	double seconds;
	struct bench_frame frame;
};

// What is pinned for each netdev is adopted, a program loaded anew and put in place of the one that
// is attached, as a t0xd that starts does it.
static int replace(const struct arguments *arguments, char **netdevs)
{
	struct guard *guard = guard_open(arguments->pins);
	int code = guard != NULL ? 0 : -1;

	for (unsigned i = 0; code == 0 && i < arguments->times; i++) {
		for (char **name = netdevs; code == 0 && *name != NULL; name++) {
			struct guard_netdev *netdev;

			code = guard_attach(guard, *name, &netdev);
			guard_forget(netdev);
		}
	}
	if (code < 0)
		fprintf(stderr, "t0x-bench-guard: %s\n", guard_error());
	guard_close(guard);
	return code;
}

static int flood_with(const struct arguments *arguments, const char *netdev)
{
	uint8_t frame[BENCH_FRAME_MAX];
	size_t length = 0;

	if (arguments->frame.source != NULL && arguments->frame.destination != NULL)
		length = frame_write(frame, &arguments->frame);
	if (length == 0 || arguments->seconds <= 0) {
		fputs(usage, stderr);
		exit(2);
	}
	return flood(netdev, frame, length, arguments->seconds);
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value == 0 || value > 256) {
		fprintf(stderr, "t0x-bench-guard: \"%s\" is no number from 1 to 256\n%s", text,
			usage);
		exit(2);
	}
	return (unsigned)value;
}

static void parse_mac(const char *text, uint8_t mac[static 6])
{
	char rest;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &rest) != 6) {
		fprintf(stderr, "t0x-bench-guard: \"%s\" is no MAC address\n%s", text, usage);
		exit(2);
	}
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option known[] = {
		{"pins", required_argument, NULL, 'p'},
		{"prefixes", required_argument, NULL, 'n'},
		{"rounds", required_argument, NULL, 'r'},
		{"times", required_argument, NULL, 't'},
		{"seconds", required_argument, NULL, 's'},
		{"to-mac", required_argument, NULL, 'm'},
		{"source", required_argument, NULL, 'f'},
		{"destination", required_argument, NULL, 'd'},
		{},
	};

	for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		if (option == 'p')
			arguments->pins = optarg;
		else if (option == 'n')
			arguments->prefixes = number(optarg);
		else if (option == 'r')
			arguments->rounds = number(optarg);
		else if (option == 't')
			arguments->times = number(optarg);
		else if (option == 's')
			arguments->seconds = strtod(optarg, NULL);
		else if (option == 'm')
			parse_mac(optarg, arguments->frame.to);
		else if (option == 'f')
			arguments->frame.source = optarg;
		else if (option == 'd')
			arguments->frame.destination = optarg;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.prefixes = 64, .rounds = 25, .times = 1};
	int code = -1;

	parse(argc, argv, &arguments);
	argc -= optind;
	argv += optind;
	if (argc == 3 && strcmp(argv[0], "cost") == 0) {
		code = measure_cost(argv[1], argv[2], arguments.prefixes, arguments.rounds);
	} else if (argc == 2 && strcmp(argv[0], "flood") == 0) {
		code = flood_with(&arguments, argv[1]);
	} else if (argc > 1 && strcmp(argv[0], "replace") == 0 && arguments.pins != NULL) {
		code = replace(&arguments, argv + 1);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	return code < 0 ? 1 : 0;
}
