// SPDX-License-Identifier: BSD-3-Clause
// t0x-bench: the parts of bench/run that a shell is not made for.
#include "scenario.h"
#include "slices.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: t0x-bench scenario --directory DIR [--clouds N] [--ports N] [--degree N] [--star]\n"
	"                          [--vlan] [--prefixes N] [--frames N] [--queues N] [--family 4|6]\n"
	"                          [--length BYTES] [--order random|burst]\n"
	"       t0x-bench slices [--rounds N] [--seconds S] [--reference NAME] NAME,PID,COUNTERS ...\n";

static int fail_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

static int run_scenario(int argc, char **argv)
{
	static const struct option options[] = {
		{"directory", required_argument, NULL, 'd'},
		{"clouds", required_argument, NULL, 'c'},
		{"ports", required_argument, NULL, 'p'},
		{"degree", required_argument, NULL, 'g'},
		{"star", no_argument, NULL, 's'},
		{"vlan", no_argument, NULL, 'v'},
		{"prefixes", required_argument, NULL, 'x'},
		{"frames", required_argument, NULL, 'f'},
		{"queues", required_argument, NULL, 'q'},
		{"family", required_argument, NULL, '6'},
		{"length", required_argument, NULL, 'l'},
		{"order", required_argument, NULL, 'o'},
		{},
	};
	struct scenario scenario = {
		.clouds = 4,
		.ports = 4,
		.prefixes = 16,
		.frames = 8192,
		.queues = 1,
		.family = 4,
		.length = 60,
		.directory = ".",
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		switch (option) {
		case 'd':
			scenario.directory = optarg;
			break;
		case 'c':
			scenario.clouds = value;
			break;
		case 'p':
			scenario.ports = value;
			break;
		case 'g':
			scenario.degree = value;
			break;
		case 's':
			scenario.star = true;
			break;
		case 'v':
			scenario.vlan = true;
			break;
		case 'x':
			scenario.prefixes = value;
			break;
		case 'f':
			scenario.frames = value;
			break;
		case 'q':
			scenario.queues = value;
			break;
		case '6':
			scenario.family = value;
			break;
		case 'l':
			scenario.length = value;
			break;
		case 'o':
			scenario.order =
				optarg && strcmp(optarg, "burst") == 0 ? ORDER_BURST : ORDER_RANDOM;
			break;
		default:
			return fail_usage();
		}
	}
	return scenario_write(&scenario) < 0;
}

// NAME,PID,COUNTERS. The text is taken apart in place.
static int read_contestant(char *text, struct contestant *contestant)
{
	char *pid;

	contestant->name = strsep(&text, ",");
	pid = strsep(&text, ",");
	contestant->counters = text;
	contestant->pid = pid ? atoi(pid) : 0;
	return text && contestant->pid > 1 ? 0 : -1;
}

static int run_slices(int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"reference", required_argument, NULL, 'f'},
		{},
	};
	struct slices slices = {.rounds = 25, .seconds = 0.1, .reference = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'r':
			slices.rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			slices.seconds = strtod(optarg, NULL);
			break;
		case 'f':
			slices.reference = optarg;
			break;
		default:
			return fail_usage();
		}
	for (; optind < argc && slices.n < CONTESTANTS_MAX; optind++)
		if (read_contestant(argv[optind], &slices.contestants[slices.n++]) < 0)
			return fail_usage();
	if (slices.n == 0 || slices.rounds == 0)
		return fail_usage();
	return slices_run(&slices) < 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "scenario") == 0)
		return run_scenario(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "slices") == 0)
		return run_slices(argc - 1, argv + 1);
	return fail_usage();
}
