// SPDX-License-Identifier: BSD-3-Clause
// The counters, as the sections of one answer.
#include "control.h"
#include "dataplane/counters.h"
#include "dataplane/exchange.h"
#include "dataplane/pools.h"
#include "ebpf/guard_maps.h"
#include "guarding.h"
#include "json.h"
#include "method_read.h"
#include "params.h"
#include "program.h"

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <unistd.h>

// What the guard has forwarded in place of the data plane.
static void read_guard_traffic(
	const struct interconnect *interconnect, struct guard_traffic *cloud_to_peer,
	struct guard_traffic *peer_to_cloud
)
{
	guarding_read_traffic(interconnect->id, interconnect->cloud->id, cloud_to_peer);
	guarding_read_traffic(interconnect->id, interconnect->peer->id, peer_to_cloud);
}

// Direction 0 of the counters is from the cloud with the lower id.
void method_read_traffic(
	const struct interconnect *interconnect, struct traffic *cloud_to_peer,
	struct traffic *peer_to_cloud
)
{
	unsigned direction = interconnect->cloud->id < interconnect->peer->id ? 0 : 1;
	struct traffic_count there, back;
	struct guard_traffic by_guard[2];

	counters_read_traffic(interconnect->id, direction, &there);
	counters_read_traffic(interconnect->id, !direction, &back);
	*cloud_to_peer = (struct traffic){there.packets, there.bytes};
	*peer_to_cloud = (struct traffic){back.packets, back.bytes};
	read_guard_traffic(interconnect, &by_guard[0], &by_guard[1]);
	cloud_to_peer->packets += by_guard[0].packets;
	cloud_to_peer->bytes += by_guard[0].bytes;
	peer_to_cloud->packets += by_guard[1].packets;
	peer_to_cloud->bytes += by_guard[1].bytes;
}

uint64_t method_read_received(const struct cloud *cloud)
{
	uint64_t received = counters_read_settled(cloud->id);

	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct interconnect *interconnect = cloud->interconnects[i];
		uint16_t peer = interconnect_other(interconnect, cloud)->id;
		struct traffic_count sum;

		counters_read_traffic(interconnect->id, traffic_direction(cloud->id, peer), &sum);
		received += sum.packets;
	}
	return received;
}

json_t *method_interconnect_to_json(const struct interconnect *interconnect)
{
	struct traffic cloud_to_peer, peer_to_cloud;

	method_read_traffic(interconnect, &cloud_to_peer, &peer_to_cloud);
	return interconnect_to_json(interconnect, &cloud_to_peer, &peer_to_cloud);
}

// The sections under construction; a failed append is one of the whole answer.
struct stats {
	json_t *interconnects, *drops, *punts, *guard, *icmp, *clouds, *workers;
	int bad;
};

static void add(struct stats *stats, json_t *section, json_t *item)
{
	stats->bad |= json_array_append_new(section, item);
}

static void add_interconnect(struct stats *stats, const struct interconnect *interconnect)
{
	struct traffic there, back;

	method_read_traffic(interconnect, &there, &back);
	add(stats, stats->interconnects,
	    json_pack(
		    "{s:s, s:s, s:s, s:{s:I, s:I}, s:{s:I, s:I}}", "name", interconnect->name,
		    "cloud", interconnect->cloud->name, "peer", interconnect->peer->name,
		    "cloud_to_peer", "packets", (json_int_t)there.packets, "bytes",
		    (json_int_t)there.bytes, "peer_to_cloud", "packets", (json_int_t)back.packets,
		    "bytes", (json_int_t)back.bytes
	    ));
}

static size_t bytes_of_table(uint16_t cloud)
{
	const struct table *table = exchange.clouds[cloud].table;

	return table ? table_bytes(table) : 0;
}

static void add_drop(
	struct stats *stats, const char *name, enum drop_reason reason, const char *where,
	uint64_t packets
)
{
	if (packets > 0)
		add(stats, stats->drops,
		    json_pack(
			    "{s:s?, s:s, s:s, s:I, s:s}", "cloud", name, "reason",
			    drop_reason_name(reason), "where", where, "packets",
			    (json_int_t)packets, "text", drop_reason_text(reason)
		    ));
}

static void add_punt(
	struct stats *stats, const char *name, enum punt_reason reason, const char *where,
	uint64_t packets
)
{
	if (packets > 0)
		add(stats, stats->punts,
		    json_pack(
			    "{s:s?, s:s, s:s, s:I}", "cloud", name, "reason",
			    punt_reason_name(reason), "where", where, "packets", (json_int_t)packets
		    ));
}

// What the guard has made of frames before the data plane saw them.
static void add_guard(struct stats *stats, uint16_t id, const char *name)
{
	struct guard_count count;

	if (!guarding_read_cloud(id, &count))
		return;
	if (name)
		add(stats, stats->guard,
		    json_pack(
			    "{s:s, s:I, s:I}", "cloud", name, "steered", (json_int_t)count.steered,
			    "forwarded", (json_int_t)count.forwarded
		    ));
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		add_drop(stats, name, i, "guard", count.drops[i]);
	for (unsigned i = 0; i < PUNT_REASON_COUNT; i++)
		add_punt(stats, name, i, "guard", count.punts[i]);
}

// What arrived from one cloud. 'name' NULL with id 0: what cannot be attributed to any.
static void add_cloud(struct stats *stats, uint16_t id, const char *name, uint64_t received)
{
	struct cloud_count count;

	counters_read_cloud(id, &count);
	if (name || received)
		add(stats, stats->clouds,
		    json_pack(
			    "{s:s?, s:I, s:I}", "cloud", name, "received", (json_int_t)received,
			    "table_bytes", (json_int_t)bytes_of_table(id)
		    ));
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		add_drop(stats, name, i, "dataplane", count.drops[i]);
	for (unsigned i = 0; i < PUNT_REASON_COUNT; i++)
		add_punt(stats, name, i, "dataplane", count.punts[i]);
	add_guard(stats, id, name);
	if (count.icmp_sent || count.icmp_limited)
		add(stats, stats->icmp,
		    json_pack(
			    "{s:s?, s:I, s:I}", "cloud", name, "sent", (json_int_t)count.icmp_sent,
			    "limited", (json_int_t)count.icmp_limited
		    ));
}

static void add_worker(struct stats *stats, unsigned worker)
{
	struct worker_count count;
	double ratio;

	counters_read_worker(worker, &count);
	ratio = count.total_tsc ? (double)count.busy_tsc / (double)count.total_tsc : 0;
	add(stats, stats->workers,
	    json_pack(
		    "{s:i, s:f, s:I, s:I}", "worker", (int)worker, "busy_ratio", ratio,
		    "busy_cycles", (json_int_t)count.busy_tsc, "total_cycles",
		    (json_int_t)count.total_tsc
	    ));
}

// Memory: where it goes.

static json_t *tables_to_json(const struct region *region)
{
	json_int_t bytes = 0, routes = 0;

	for (unsigned i = 0; i < region->n_clouds; i++) {
		bytes += (json_int_t)bytes_of_table(region->clouds[i]->id);
		routes += program_routes(region->clouds[i], NULL, 0);
	}
	return json_pack(
		"{s:I, s:I, s:I}", "count", (json_int_t)region->n_clouds, "routes", routes, "bytes",
		bytes
	);
}

static json_t *mbufs_to_json(void)
{
	unsigned total, in_use;

	pools_count(&total, &in_use);
	return json_pack("{s:I, s:I}", "total", (json_int_t)total, "in_use", (json_int_t)in_use);
}

// Resident, which counts no hugepages, and what DPDK has taken of its heap.
static json_t *process_to_json(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	struct rte_malloc_socket_stats heap;
	unsigned long resident = 0;
	json_int_t heap_bytes = 0;

	if (file && fscanf(file, "%*u %lu", &resident) != 1)
		resident = 0;
	if (file)
		fclose(file);
	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &heap) == 0)
			heap_bytes += (json_int_t)heap.heap_allocsz_bytes;
	return json_pack(
		"{s:I, s:I}", "resident_bytes", (json_int_t)resident * getpagesize(), "heap_bytes",
		heap_bytes
	);
}

static json_t *memory_to_json(const struct region *region)
{
	return json_pack(
		"{s:o, s:o, s:o}", "tables", tables_to_json(region), "mbufs", mbufs_to_json(),
		"process", process_to_json()
	);
}

METHOD(method_stats)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct param table[] = {{}};

	if (!params_read(call, params, table))
		return;

	struct stats stats = {
		.interconnects = json_array(),
		.drops = json_array(),
		.punts = json_array(),
		.guard = json_array(),
		.icmp = json_array(),
		.clouds = json_array(),
		.workers = json_array(),
	};
	json_t *answer;

	for (unsigned i = 0; i < region->n_interconnects; i++)
		if (method_may_see(region, principal, region->interconnects[i]))
			add_interconnect(&stats, region->interconnects[i]);
	for (unsigned i = 0; i < region->n_clouds; i++)
		if (rule_may_read(region, principal, region->clouds[i]))
			add_cloud(
				&stats, region->clouds[i]->id, region->clouds[i]->name,
				method_read_received(region->clouds[i])
			);
	if (principal->admin) {
		add_cloud(&stats, 0, NULL, counters_read_settled(0));
		for (unsigned i = 0; i < counters_workers(); i++)
			add_worker(&stats, i);
	}
	answer = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "interconnects", stats.interconnects,
		"drops", stats.drops, "punts", stats.punts, "guard", stats.guard, "icmp",
		stats.icmp, "clouds", stats.clouds, "workers", stats.workers
	);
	if (principal->admin)
		stats.bad |= json_object_set_new(answer, "memory", memory_to_json(region));
	if (stats.bad) {
		json_decref(answer);
		answer = NULL;
	}
	rpc_answer(call, answer);
}
