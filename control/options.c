// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERS_MIN 4096
#define BUFFERS_MAX (1u << 24)
#define NO_HUGE_MEMORY_MB \
	512 // what pool, rings and drivers take, and room; pages are taken when used
#define BUFFER_BYTES 2560 // an mbuf with its header, rounded up

static const char usage[] =
	"usage: t0xd [--state DIR] [--socket PATH] [--workers CPULIST] [--buffers N]\n"
	"            [--max-simd WIDTH] [--guard MODE] [--fail-over WAY]\n"
	"            [--remove-guard] [--version] [-- EAL ARGUMENTS]\n"
	"\n"
	"  --state DIR        where the region is kept (" STATE_DEFAULT ")\n"
	"  --socket PATH      where t0xctl finds the daemon (" SOCKET_DEFAULT ")\n"
	"  --workers CPULIST  one worker on each CPU, as in 2,4-6 (the last CPU there is)\n"
	"  --buffers N        packet buffers for all ports (32768)\n"
	"  --max-simd WIDTH   the widest vectors to use: none, avx2 or avx512 (what the CPU has)\n"
	"  --guard MODE       the XDP guard on AF_XDP ports: auto (where it is to be had),\n"
	"                     required or off (auto)\n"
	"  --fail-over WAY    what the guard does with routed packets while no worker polls:\n"
	"                     forward, in the kernel, or drop (forward)\n"
	"  --remove-guard     take off the guard that an earlier t0xd has left, and end\n"
	"  -- ...             for DPDK's EAL, as in: -- --no-huge\n";

static int fail(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "t0xd: %s \"%s\": %s\n%s", option, value, expected, usage);
	return -1;
}

static int parse_number(const char *text, const char **end, unsigned max, unsigned *number)
{
	char *stop;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -1;
	value = strtoul(text, &stop, 10);
	*end = stop;
	*number = (unsigned)value;
	return value <= max ? 0 : -1;
}

static int add_cpu(struct options *options, unsigned cpu, const cpu_set_t *allowed)
{
	if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, allowed) || options->n_workers == WORKERS_MAX)
		return -1;
	for (unsigned i = 0; i < options->n_workers; i++)
		if (options->cpus[i] == cpu)
			return -1;
	options->cpus[options->n_workers++] = cpu;
	return 0;
}

// "2,4-6"
static int parse_cpus(struct options *options, const char *list, const cpu_set_t *allowed)
{
	const char *at = list;

	options->n_workers = 0;
	for (;;) {
		unsigned first;
		unsigned last;

		if (parse_number(at, &at, CPU_SETSIZE - 1, &first) < 0)
			return -1;
		last = first;
		if (*at == '-' && parse_number(at + 1, &at, CPU_SETSIZE - 1, &last) < 0)
			return -1;
		for (unsigned cpu = first; cpu <= last; cpu++)
			if (add_cpu(options, cpu, allowed) < 0)
				return -1;
		if (*at == '\0')
			return last >= first ? 0 : -1;
		if (*at++ != ',')
			return -1;
	}
}

static void default_cpu(struct options *options, const cpu_set_t *allowed)
{
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed))
			options->cpus[0] = cpu;
	options->n_workers = 1;
}

static int parse_guard(const char *text, enum guarding_mode *mode)
{
	static const char *const modes[] = {
		[GUARDING_AUTO] = "auto",
		[GUARDING_REQUIRED] = "required",
		[GUARDING_OFF] = "off",
	};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(text, modes[i]) != 0)
			continue;
		*mode = (enum guarding_mode)i;
		return 0;
	}
	return -1;
}

static int parse_fail_over(const char *text, enum fail_over *fail_over)
{
	*fail_over = strcmp(text, "drop") == 0 ? FAIL_OVER_DROP : FAIL_OVER_FORWARD;
	return *fail_over == FAIL_OVER_DROP || strcmp(text, "forward") == 0 ? 0 : -1;
}

int options_parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"state", required_argument, NULL, 's'},
		{"socket", required_argument, NULL, 'S'},
		{"workers", required_argument, NULL, 'w'},
		{"buffers", required_argument, NULL, 'b'},
		{"max-simd", required_argument, NULL, 'm'},
		{"guard", required_argument, NULL, 'g'},
		{"fail-over", required_argument, NULL, 'f'},
		{"remove-guard", no_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	cpu_set_t allowed;
	const char *end;
	int option, simd;

	*options = (struct options){
		.state = STATE_DEFAULT,
		.socket = SOCKET_DEFAULT,
		.buffers = BUFFERS_DEFAULT,
		.max_simd = SIMD_AVX512,
	};
	sched_getaffinity(0, sizeof(allowed), &allowed);
	default_cpu(options, &allowed);
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options->state = optarg;
			break;
		case 'S':
			options->socket = optarg;
			break;
		case 'w':
			if (parse_cpus(options, optarg, &allowed) < 0)
				return fail(
					"--workers", optarg,
					"give CPUs that this process may use, each once, as in 1,3-4"
				);
			break;
		case 'b':
			if (parse_number(optarg, &end, BUFFERS_MAX, &options->buffers) < 0 ||
			    *end != '\0' || options->buffers < BUFFERS_MIN)
				return fail(
					"--buffers", optarg, "give a number from 4096 to 16777216"
				);
			break;
		case 'm':
			simd = simd_of(optarg);
			if (simd < 0)
				return fail("--max-simd", optarg, "give none, avx2 or avx512");
			options->max_simd = (enum simd)simd;
			break;
		case 'g':
			if (parse_guard(optarg, &options->guard) < 0)
				return fail("--guard", optarg, "give auto, required or off");
			break;
		case 'f':
			if (parse_fail_over(optarg, &options->fail_over) < 0)
				return fail("--fail-over", optarg, "give forward or drop");
			break;
		case 'r':
			options->remove_guard = true;
			break;
		case 'v':
			puts("t0xd " T0X_VERSION);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs(usage, stderr);
			return -1;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		return fail(
			"argument", argv[optind], "not known; arguments for EAL stand behind --"
		);
	options->eal = argv + optind;
	options->n_eal = argc - optind;
	return 0;
}

const char *options_instance(const struct options *options)
{
	static char instance[16] = "t0x";
	char path[PATH_MAX];
	uint32_t hash = 2166136261u; // FNV-1a

	if (realpath(options->state, path) == NULL)
		snprintf(path, sizeof(path), "%s", options->state);
	if (strcmp(path, STATE_DEFAULT) == 0)
		return instance;
	for (const char *at = path; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619u;
	snprintf(instance, sizeof(instance), "t0x-%08x", hash);
	return instance;
}

static bool has_argument(const struct options *options, const char *name)
{
	for (int i = 0; i < options->n_eal; i++)
		if (strcmp(options->eal[i], name) == 0)
			return true;
	return false;
}

// Does the user say himself which PCI devices EAL may have?
static bool chooses_devices(const struct options *options)
{
	for (int i = 0; i < options->n_eal; i++)
		if (strncmp(options->eal[i], "-a", 2) == 0 ||
		    strncmp(options->eal[i], "-b", 2) == 0 ||
		    strncmp(options->eal[i], "--allow", 7) == 0 ||
		    strncmp(options->eal[i], "--block", 7) == 0)
			return true;
	return has_argument(options, "--no-pci");
}

// Free hugepages of the default size; what EAL will find, near enough to say what is missing.
static unsigned long free_hugepages(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long n = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "HugePages_Free: %lu", &n) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return n;
}

// Main lcore 0 runs on any CPU allowed; worker i is lcore i + 1.
static char *lcores(const struct options *options)
{
	size_t size = CPU_SETSIZE * 5 + WORKERS_MAX * 16;
	char *text = malloc(size);
	cpu_set_t allowed;
	size_t at = 0;

	if (text == NULL)
		return NULL;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	at += (size_t)snprintf(text + at, size - at, "0@");
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			at += (size_t
			)snprintf(text + at, size - at, "%c%u", at == 2 ? '(' : ',', cpu);
	at += (size_t)snprintf(text + at, size - at, ")");
	for (unsigned i = 0; i < options->n_workers; i++)
		at += (size_t)snprintf(text + at, size - at, ",%u@%u", i + 1, options->cpus[i]);
	return text;
}

int options_eal(const struct options *options, char ***ret_argv)
{
	static char memory[16];
	char **argv = calloc((size_t)options->n_eal + 16, sizeof(char *));
	bool no_huge = has_argument(options, "--no-huge");
	int n = 0;

	if (argv == NULL)
		return -1;
	if (!no_huge && free_hugepages() == 0) {
		fprintf(stderr,
			"t0xd: no free hugepages: reserve some (echo 256 > /proc/sys/vm/nr_hugepages), or "
			"do without (t0xd ... -- --no-huge)\n");
		free(argv);
		return -1;
	}
	argv[n++] = (char *)"t0xd";
	argv[n++] = (char *)"--lcores";
	argv[n++] = lcores(options);
	argv[n++] = (char *)"--file-prefix";
	argv[n++] = (char *)options_instance(options);
	if (no_huge && !has_argument(options, "-m")) {
		// --no-huge cannot grow later.
		snprintf(
			memory, sizeof(memory), "%zu",
			NO_HUGE_MEMORY_MB + (size_t)options->buffers * BUFFER_BYTES / (1 << 20)
		);
		argv[n++] = (char *)"-m";
		argv[n++] = memory;
	}
	if (!chooses_devices(options)) {
		// Allow no PCI device but those that clouds name: EAL would try every one that it
		// has a driver for, also those that this host lives on.
		argv[n++] = (char *)"-a";
		argv[n++] = (char *)"0000:00:00.0";
	}
	for (int i = 0; i < options->n_eal; i++)
		argv[n++] = options->eal[i];
	*ret_argv = argv;
	return n;
}
