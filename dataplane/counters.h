// SPDX-License-Identifier: BSD-3-Clause
// Counters: each worker writes lines of its own, readers add them up.
//
// A worker counts packets that share a counter at once. Nothing is ever reset while the daemon
// runs: when an interconnect id or a cloud id is given to a new owner, the control thread keeps the
// sums of that moment as a base and subtracts it from then on.
//
// Every frame that a worker receives is counted under exactly one of forwarded (the traffic of an
// interconnect), dropped (by reason) or punted (by reason); the last two together also as ended. So
// what a cloud has sent is not counted itself: it is what has ended and what its interconnects,
// those that are gone included, have carried. A frame that was to be forwarded and then found the
// tx queue or ring full, or the port gone, is counted as traffic and also under the reason of its
// drop (tx_full, tx_ring_full, egress_down), since by then it may have passed to another worker. So
// what arrived at the far ends = received - punts - drops, exactly. Lost frames that t0x made
// itself (ICMP errors, the kernel's answers) count under cloud 0. A packet that leaves in fragments
// is one of traffic, with its bytes as received; if the port does not take them, each fragment is a
// drop.
#pragma once

#include "reason.h"
#include "table.h"

#include <stdint.h>

#define WORKERS_MAX 64

// Of one direction of one interconnect. worker: rw, control: ro
struct traffic_count {
	uint64_t packets;
	uint64_t bytes; // of IP, as received
};

// The direction of traffic in struct counters, by the ids of its ends.
static inline unsigned traffic_direction(uint16_t from, uint16_t to)
{
	return from > to;
}

// Of one ingress cloud. Id 0 takes what cannot be attributed to a cloud. worker: rw, control: ro
struct cloud_count {
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t punts[PUNT_REASON_COUNT];
	uint64_t icmp_sent; // ICMP errors made for this cloud's packets
	uint64_t icmp_limited; // owed, but over the rate
	uint64_t ended; // frames that were decided to go no further
};

// Of one worker's loop. worker: rw, control: ro
struct worker_count {
	uint64_t busy_tsc; // spent on loops that moved packets
	uint64_t total_tsc;
};

// One worker's counters. 'traffic' holds [interconnect id][direction]; direction 0 is from the
// cloud with the lower id to that with the higher. 'clouds' holds [cloud id].
struct counters {
	struct traffic_count (*traffic)[2];
	struct cloud_count *clouds;
	struct worker_count worker;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct counters) == 64, "a worker's loop writes one line, and it alone does");

// Reserve the counters of 'n' workers; pages are taken only when written. 0 or -ENOMEM.
int counters_init(unsigned n);
void counters_free(void);

// The lines of one worker, for that worker.
struct counters *counters_of(unsigned worker);
unsigned counters_workers(void);

// Sums over all workers since the id was last given out. Control thread.
void counters_read_traffic(uint32_t interconnect, unsigned direction, struct traffic_count *sum);
void counters_read_cloud(uint16_t cloud, struct cloud_count *sum);
void counters_read_worker(unsigned worker, struct worker_count *sum);

// The frames of a cloud that no interconnect of now has carried: they ended, or went over one that
// is gone.
uint64_t counters_read_settled(uint16_t cloud);

// The interconnect between two clouds is gone: what it carried settles. Control thread.
void counters_settle_traffic(uint32_t interconnect, uint16_t a, uint16_t b);

// The id has a new owner: count from zero. Control thread.
void counters_rebase_traffic(uint32_t interconnect);
void counters_rebase_cloud(uint16_t cloud);
