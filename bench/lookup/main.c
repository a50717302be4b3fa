// SPDX-License-Identifier: BSD-3-Clause
// t0x-bench-lookup: the table of a cloud against DPDK's own, on one core.
#include "race.h"
#include "rebuild.h"

#include <getopt.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: t0x-bench-lookup [--rounds N] [--slice MS] [--memory MIB] [--only CASE]\n"
	"                        [-- EAL ARGUMENTS]\n\n"
	"  --rounds  of each case, 25 by default\n"
	"  --slice   milliseconds of each structure in a round, 5 by default\n"
	"  --memory  MiB that the tables of one structure may take, 2200 by default\n"
	"  --only    the cases whose names contain this: ipv4-64x1000-mixed; \"build\" for none\n";

static const struct {
	enum family family;
	unsigned routes, clouds;
	enum order order;
} cases[] = {
	{FAMILY_IPV4, 64, 1, ORDER_GROUPED},	{FAMILY_IPV4, 1000, 1, ORDER_GROUPED},
	{FAMILY_IPV4, 10000, 1, ORDER_GROUPED}, {FAMILY_IPV4, 64, 32, ORDER_MIXED},
	{FAMILY_IPV4, 64, 32, ORDER_GROUPED},	{FAMILY_IPV4, 64, 200, ORDER_MIXED},
	{FAMILY_IPV4, 64, 200, ORDER_GROUPED},	{FAMILY_IPV4, 64, 1000, ORDER_MIXED},
	{FAMILY_IPV4, 64, 1000, ORDER_GROUPED}, {FAMILY_IPV6, 64, 1, ORDER_GROUPED},
	{FAMILY_IPV6, 1000, 1, ORDER_GROUPED},	{FAMILY_IPV6, 10000, 1, ORDER_GROUPED},
	{FAMILY_IPV6, 64, 32, ORDER_MIXED},	{FAMILY_IPV6, 64, 32, ORDER_GROUPED},
	{FAMILY_IPV6, 64, 200, ORDER_MIXED},	{FAMILY_IPV6, 64, 200, ORDER_GROUPED},
	{FAMILY_IPV6, 64, 1000, ORDER_MIXED},	{FAMILY_IPV6, 64, 1000, ORDER_GROUPED},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

struct given {
	unsigned rounds;
	double slice;
	size_t memory;
	const char *only;
};

static void progress(const char *text)
{
	fprintf(stderr, isatty(STDERR_FILENO) ? "\r\033[Klookup: %s" : "lookup: %s\n", text);
}

// Returns how many lookups were answered wrong.
static unsigned long run_cases(const struct given *given)
{
	unsigned long wrong = 0;
	bool first = true;

	printf("\"cases\":[");
	for (unsigned i = 0; i < CASES; i++) {
		struct race race = {
			.family = cases[i].family,
			.routes = cases[i].routes,
			.clouds = cases[i].clouds,
			.order = cases[i].order,
			.rounds = given->rounds,
			.slice = given->slice,
			.memory = given->memory,
		};
		char name[64];

		snprintf(
			name, sizeof(name), "ipv%d-%ux%u-%s", race.family, race.routes, race.clouds,
			race.order == ORDER_MIXED ? "mixed" : "grouped"
		);
		if (given->only && !strstr(name, given->only))
			continue;
		progress(name);
		random_seed(i);
		if (!first)
			printf(",\n");
		first = false;
		wrong += race_run(&race);
	}
	printf("],\n");
	return wrong;
}

static void run_builds(const struct given *given)
{
	progress("building tables");
	random_seed(CASES);
	printf("\"rebuild\":");
	rebuild_run(1000, 64, given->rounds);
	printf(",\n\"builds\":[");
	rebuild_run(1, 64, given->rounds);
	printf(",");
	rebuild_run(1, 1000, given->rounds);
	printf(",");
	rebuild_run(1, 10000, given->rounds);
	printf("],\n");
}

static bool read_options(int argc, char **argv, struct given *given)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"slice", required_argument, NULL, 's'},
		{"memory", required_argument, NULL, 'm'},
		{"only", required_argument, NULL, 'o'},
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'r':
			given->rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			given->slice = strtod(optarg, NULL) / 1e3;
			break;
		case 'm':
			given->memory = (size_t)strtoul(optarg, NULL, 10) << 20;
			break;
		case 'o':
			given->only = optarg;
			break;
		default:
			return false;
		}
	return given->rounds > 0 && given->slice > 0 && given->memory > 0;
}

// What is ours of EAL's command line, before what the user adds.
static int start_eal(char **more, int n)
{
	// The widest vectors of rte_fib are behind the switch.
	static char ours[][32] = {
		"t0x-bench-lookup",
		"--no-pci",
		"--no-telemetry",
		"--log-level=emerg",
		"--force-max-simd-bitwidth=512",
	};
	char *args[64] = {};
	int argc = 0;

	for (; argc < (int)(sizeof(ours) / sizeof(ours[0])); argc++)
		args[argc] = ours[argc];
	for (int i = 0; i < n && argc < 63; i++)
		args[argc++] = more[i];
	return rte_eal_init(argc, args);
}

int main(int argc, char **argv)
{
	struct given given = {.rounds = 25, .slice = 0.005, .memory = (size_t)2200 << 20};
	unsigned long wrong;

	if (!read_options(argc, argv, &given)) {
		fputs(usage, stderr);
		return 2;
	}
	if (start_eal(&argv[optind], argc - optind) < 0) {
		fputs("t0x-bench-lookup: EAL does not start; with hugepages: -- --in-memory, without: "
		      "-- --no-huge --no-shconf -m MIB\n",
		      stderr);
		return 1;
	}
	printf("{");
	wrong = run_cases(&given);
	run_builds(&given);
	printf("\"wrong\":%lu}\n", wrong);
	rte_eal_cleanup();
	return wrong != 0;
}
