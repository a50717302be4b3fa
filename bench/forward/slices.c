// SPDX-License-Identifier: BSD-3-Clause
#include "slices.h"

#include "bench/nic/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP 0.02 // seconds before a slice counts
#define PATIENCE 30.0 // seconds until it must have forwarded
#define NOISE_MAX 0.25 // p10 and p90 of the reference around its median

struct run {
	struct nic_counters *counters[CONTESTANTS_MAX];
	double *rates[CONTESTANTS_MAX]; // [rounds], frames a second
};

static struct nic_counters *map_counters(const char *path)
{
	int fd = open(path, O_RDWR);
	void *map;

	if (fd < 0)
		return NULL;
	map = mmap(NULL, sizeof(struct nic_counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static uint64_t sent(const struct nic_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NIC_QUEUES_MAX; i++)
		sum += __atomic_load_n(&counters->queue[i].sent, __ATOMIC_RELAXED);
	return sum;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void sleep_for(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};

	nanosleep(&time, NULL);
}

// Frames a second, from when it has begun: the machine may have others to run first.
static double rate_of(const struct nic_counters *counters, double seconds, double patience_ends)
{
	uint64_t before = sent(counters);
	double began;

	while (sent(counters) == before && now() < patience_ends)
		sleep_for(WARM_UP / 10);
	sleep_for(WARM_UP);
	began = now();
	before = sent(counters);
	sleep_for(seconds);
	return (double)(sent(counters) - before) / (now() - began);
}

// A slice of nothing is one without a CPU, and made again.
static int slice(const struct slices *slices, struct run *run, unsigned i, unsigned round)
{
	const struct contestant *contestant = &slices->contestants[i];
	double patience_ends = now() + PATIENCE;
	double rate;

	if (kill(contestant->pid, SIGCONT) < 0) {
		fprintf(stderr, "%s: %s\n", contestant->name, strerror(errno));
		return -1;
	}
	do
		rate = rate_of(run->counters[i], slices->seconds, patience_ends);
	while (rate == 0 && now() < patience_ends);
	kill(contestant->pid, SIGSTOP);
	run->rates[i][round] = rate;
	if (rate > 0)
		return 0;
	fprintf(stderr, "%s: forwarded nothing in round %u\n", contestant->name, round + 1);
	return -1;
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

// The quantile of n values, interpolated. Sorts them.
static double quantile(double *values, unsigned n, double q)
{
	double at = q * (n - 1);
	unsigned below = (unsigned)at;

	qsort(values, n, sizeof(*values), compare);
	if (below + 1 >= n)
		return values[n - 1];
	return values[below] + (at - below) * (values[below + 1] - values[below]);
}

static unsigned reference_of(const struct slices *slices)
{
	for (unsigned i = 0; i < slices->n; i++)
		if (strcmp(slices->contestants[i].name, slices->reference) == 0)
			return i;
	return 0;
}

static json_t *spread(double *values, unsigned n)
{
	return json_pack(
		"{s:f, s:f, s:f, s:f, s:f}", "p10", quantile(values, n, 0.1), "p25",
		quantile(values, n, 0.25), "median", quantile(values, n, 0.5), "p75",
		quantile(values, n, 0.75), "p90", quantile(values, n, 0.9)
	);
}

static json_t *report_one(const struct slices *slices, const struct run *run, unsigned i)
{
	unsigned reference = reference_of(slices);
	double *values = calloc(slices->rounds, sizeof(double));
	json_t *rounds = json_array();
	json_t *rate, *ratio;

	for (unsigned round = 0; round < slices->rounds; round++) {
		values[round] = run->rates[i][round];
		json_array_append_new(rounds, json_real(values[round]));
	}
	rate = spread(values, slices->rounds);
	for (unsigned round = 0; round < slices->rounds; round++)
		values[round] = run->rates[i][round] / run->rates[reference][round];
	ratio = spread(values, slices->rounds);
	free(values);
	return json_pack(
		"{s:s, s:o, s:o, s:o}", "name", slices->contestants[i].name, "packets_per_second",
		rate, "ratio", ratio, "rounds", rounds
	);
}

static int report(const struct slices *slices, const struct run *run)
{
	unsigned reference = reference_of(slices);
	json_t *list = json_array();
	json_t *rate, *whole;
	double median, low, high;
	int result;

	for (unsigned i = 0; i < slices->n; i++)
		json_array_append_new(list, report_one(slices, run, i));
	rate = json_object_get(json_array_get(list, reference), "packets_per_second");
	median = json_real_value(json_object_get(rate, "median"));
	low = json_real_value(json_object_get(rate, "p10")) / median;
	high = json_real_value(json_object_get(rate, "p90")) / median;
	whole = json_pack(
		"{s:s, s:i, s:f, s:b, s:o}", "reference", slices->contestants[reference].name,
		"rounds", (int)slices->rounds, "slice_seconds", slices->seconds, "too_noisy",
		low < 1 - NOISE_MAX || high > 1 + NOISE_MAX, "contestants", list
	);
	result = whole ? json_dumpf(whole, stdout, JSON_COMPACT) : -1;
	puts("");
	json_decref(whole);
	return result;
}

// Each round begins with another, so that none has always the same before it.
static int measure(const struct slices *slices, struct run *run)
{
	for (unsigned round = 0; round < slices->rounds; round++) {
		for (unsigned i = 0; i < slices->n; i++)
			if (slice(slices, run, (i + round) % slices->n, round) < 0)
				return -1;
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r  round %u of %u ", round + 1, slices->rounds);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return 0;
}

int slices_run(const struct slices *slices)
{
	struct run run = {};
	int result = 0;

	for (unsigned i = 0; i < slices->n && result == 0; i++) {
		run.rates[i] = calloc(slices->rounds, sizeof(double));
		run.counters[i] = map_counters(slices->contestants[i].counters);
		if (run.rates[i] && run.counters[i]) {
			__atomic_store_n(&run.counters[i]->go, 1, __ATOMIC_RELAXED);
			continue;
		}
		fprintf(stderr, "%s: no counters\n", slices->contestants[i].name);
		result = -1;
	}
	for (unsigned i = 0; i < slices->n && result == 0; i++)
		kill(slices->contestants[i].pid, SIGSTOP);
	if (result == 0)
		result = measure(slices, &run);
	if (result == 0)
		result = report(slices, &run);
	for (unsigned i = 0; i < slices->n; i++) {
		kill(slices->contestants[i].pid, SIGCONT);
		free(run.rates[i]);
	}
	return result;
}
