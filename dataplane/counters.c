// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TRAFFIC_SIZE (((size_t)INTERCONNECT_ID_MAX + 1) * 2 * sizeof(struct traffic_count))
#define CLOUDS_SIZE (((size_t)CLOUD_ID_MAX + 1) * sizeof(struct cloud_count))

static struct counters *workers;
static unsigned n_workers;
static struct counters base; // sums when an id was last given out; control thread only
static uint64_t settled[CLOUD_ID_MAX + 1]; // carried by interconnects that are gone; likewise

// Address space only: a page is taken when its first counter is written.
static void *reserve(size_t size)
{
	void *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int counters_reserve(struct counters *counters)
{
	counters->traffic = reserve(TRAFFIC_SIZE);
	counters->clouds = reserve(CLOUDS_SIZE);
	return counters->traffic && counters->clouds ? 0 : -ENOMEM;
}

static void counters_release(struct counters *counters)
{
	if (counters->traffic)
		munmap(counters->traffic, TRAFFIC_SIZE);
	if (counters->clouds)
		munmap(counters->clouds, CLOUDS_SIZE);
	memset(counters, 0, sizeof(*counters));
}

int counters_init(unsigned n)
{
	// A line of its own for each worker: 'worker' is written once a loop.
	workers = aligned_alloc(64, n * sizeof(struct counters));
	if (workers == NULL)
		return -ENOMEM;
	memset(workers, 0, n * sizeof(struct counters));
	n_workers = n;
	for (unsigned i = 0; i < n; i++)
		if (counters_reserve(&workers[i]) < 0)
			goto fail;
	if (counters_reserve(&base) < 0)
		goto fail;
	return 0;
fail:
	counters_free();
	return -ENOMEM;
}

void counters_free(void)
{
	for (unsigned i = 0; i < n_workers; i++)
		counters_release(&workers[i]);
	counters_release(&base);
	memset(settled, 0, sizeof(settled));
	free(workers);
	workers = NULL;
	n_workers = 0;
}

struct counters *counters_of(unsigned worker)
{
	return &workers[worker];
}

unsigned counters_workers(void)
{
	return n_workers;
}

// Readers may see a counter a burst behind: each is one aligned 64-bit word, never torn.
static uint64_t read_count(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void sum_traffic(uint32_t interconnect, unsigned direction, struct traffic_count *sum)
{
	*sum = (struct traffic_count){};
	for (unsigned i = 0; i < n_workers; i++) {
		const struct traffic_count *count = &workers[i].traffic[interconnect][direction];

		sum->packets += read_count(&count->packets);
		sum->bytes += read_count(&count->bytes);
	}
}

// struct cloud_count is nothing but 64-bit counters: added up as an array of them.
#define CLOUD_COUNTS (sizeof(struct cloud_count) / sizeof(uint64_t))

static void sum_cloud(uint16_t cloud, struct cloud_count *sum)
{
	uint64_t *sums = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < n_workers; i++) {
		const uint64_t *counts = (const uint64_t *)&workers[i].clouds[cloud];

		for (unsigned j = 0; j < CLOUD_COUNTS; j++)
			sums[j] += read_count(&counts[j]);
	}
}

void counters_read_traffic(uint32_t interconnect, unsigned direction, struct traffic_count *sum)
{
	sum_traffic(interconnect, direction, sum);
	sum->packets -= base.traffic[interconnect][direction].packets;
	sum->bytes -= base.traffic[interconnect][direction].bytes;
}

void counters_read_cloud(uint16_t cloud, struct cloud_count *sum)
{
	const uint64_t *bases = (const uint64_t *)&base.clouds[cloud];
	uint64_t *sums = (uint64_t *)sum;

	sum_cloud(cloud, sum);
	for (unsigned j = 0; j < CLOUD_COUNTS; j++)
		sums[j] -= bases[j];
}

uint64_t counters_read_settled(uint16_t cloud)
{
	struct cloud_count sum;

	counters_read_cloud(cloud, &sum);
	return settled[cloud] + sum.ended;
}

void counters_settle_traffic(uint32_t interconnect, uint16_t a, uint16_t b)
{
	struct traffic_count sum;

	counters_read_traffic(interconnect, traffic_direction(a, b), &sum);
	settled[a] += sum.packets;
	counters_read_traffic(interconnect, traffic_direction(b, a), &sum);
	settled[b] += sum.packets;
}

void counters_read_worker(unsigned worker, struct worker_count *sum)
{
	sum->busy_tsc = read_count(&workers[worker].worker.busy_tsc);
	sum->total_tsc = read_count(&workers[worker].worker.total_tsc);
}

void counters_rebase_traffic(uint32_t interconnect)
{
	for (unsigned direction = 0; direction < 2; direction++) {
		struct traffic_count *to = &base.traffic[interconnect][direction];

		sum_traffic(interconnect, direction, to);
	}
}

void counters_rebase_cloud(uint16_t cloud)
{
	sum_cloud(cloud, &base.clouds[cloud]);
	settled[cloud] = 0;
}
