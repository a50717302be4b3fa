// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry_answer.h"

#include "dataplane/counters.h"
#include "dataplane/exchange.h"
#include "ebpf/guard_maps.h"
#include "guarding.h"
#include "method_read.h"

#include <errno.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 32 // of the longest names fits an answer
#define PARAMETERS_SIZE 256

// Parameters: "[NAME][,][from=N]"

struct parameters {
	char name[NAME_SIZE];
	unsigned from;
};

static int parse(const char *text, struct parameters *parameters)
{
	char copy[PARAMETERS_SIZE], *rest = copy, *word;

	*parameters = (struct parameters){};
	if (!text)
		return 0;
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return -EINVAL;
	while ((word = strsep(&rest, ","))) {
		if (strncmp(word, "from=", 5) == 0)
			parameters->from = (unsigned)strtoul(word + 5, NULL, 10);
		else if (strlen(word) >= sizeof(parameters->name) || parameters->name[0])
			return -EINVAL;
		else
			snprintf(parameters->name, sizeof(parameters->name), "%s", word);
	}
	return 0;
}

// The cloud that the parameters name. Returns false when they name one that is not there.
static bool find_cloud(
	const struct region *region, const struct parameters *parameters,
	struct telemetry_request *request, const struct cloud **cloud
)
{
	*cloud = parameters->name[0] ? region_cloud(region, parameters->name) : NULL;
	if (*cloud || !parameters->name[0])
		return true;
	request->result = -ENOENT;
	return false;
}

static void add_page(struct rte_tel_data *data, unsigned from, unsigned n)
{
	rte_tel_data_add_dict_int(data, "total", (int)n);
	rte_tel_data_add_dict_int(
		data, "next", from < n && n - from > PAGE ? (int)(from + PAGE) : 0
	);
}

// Answers

static void cloud_names(const struct region *region, unsigned from, struct rte_tel_data *data)
{
	struct rte_tel_data *names = rte_tel_data_alloc();

	add_page(data, from, region->n_clouds);
	if (!names)
		return;
	rte_tel_data_start_array(names, RTE_TEL_STRING_VAL);
	for (unsigned i = from; i < region->n_clouds && i - from < PAGE; i++)
		rte_tel_data_add_array_string(names, region->clouds[i]->name);
	rte_tel_data_add_dict_container(data, "clouds", names, 0);
}

// By the data plane and by the guard.
static void add_drops(uint64_t *drops, uint16_t cloud)
{
	struct cloud_count count;
	struct guard_count by_guard;

	counters_read_cloud(cloud, &count);
	guarding_read_cloud(cloud, &by_guard);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		drops[i] += count.drops[i] + by_guard.drops[i];
}

void telemetry_clouds(
	const struct region *region, const char *text, struct telemetry_request *request
)
{
	struct rte_tel_data *data = request->data;
	struct parameters parameters;
	uint64_t drops[DROP_REASON_COUNT] = {}, dropped = 0;
	const struct cloud *cloud;
	char reason[REASON_SIZE];

	request->result = parse(text, &parameters);
	if (request->result < 0 || !find_cloud(region, &parameters, request, &cloud))
		return;
	rte_tel_data_start_dict(data);
	if (!cloud) {
		cloud_names(region, parameters.from, data);
		return;
	}
	add_drops(drops, cloud->id);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		dropped += drops[i];
	rte_tel_data_add_dict_string(data, "name", cloud->name);
	rte_tel_data_add_dict_string(data, "location", cloud->location);
	rte_tel_data_add_dict_string(data, "port", cloud->port);
	rte_tel_data_add_dict_int(data, "vlan", cloud->vlan);
	rte_tel_data_add_dict_string(
		data, "state", cloud_connected(cloud, reason) ? "Connected" : "Disconnected"
	);
	rte_tel_data_add_dict_string(data, "reason", reason);
	rte_tel_data_add_dict_int(data, "interconnects", (int)cloud->n_interconnects);
	rte_tel_data_add_dict_u64(
		data, "table_bytes",
		exchange.clouds[cloud->id].table ? table_bytes(exchange.clouds[cloud->id].table) : 0
	);
	rte_tel_data_add_dict_u64(data, "received", method_read_received(cloud));
	rte_tel_data_add_dict_u64(data, "dropped", dropped);
}

// DPDK 22.11 nests nothing but arrays: a list of objects is one array for each of their members.
struct columns {
	struct rte_tel_data *data;
	const struct interconnect *const *interconnects;
	unsigned n;
};

static struct rte_tel_data *column_new(enum rte_tel_value_type type)
{
	struct rte_tel_data *column = rte_tel_data_alloc();

	if (column)
		rte_tel_data_start_array(column, type);
	return column;
}

static void add_texts(
	const struct columns *columns, const char *name,
	const char *(*text)(const struct interconnect *)
)
{
	struct rte_tel_data *column = column_new(RTE_TEL_STRING_VAL);

	for (unsigned i = 0; column && i < columns->n; i++)
		rte_tel_data_add_array_string(column, text(columns->interconnects[i]));
	if (column)
		rte_tel_data_add_dict_container(columns->data, name, column, 0);
}

static void add_counts(
	const struct columns *columns, const char *name,
	uint64_t (*count)(const struct traffic *there, const struct traffic *back)
)
{
	struct rte_tel_data *column = column_new(RTE_TEL_U64_VAL);

	for (unsigned i = 0; column && i < columns->n; i++) {
		struct traffic there, back;

		method_read_traffic(columns->interconnects[i], &there, &back);
		rte_tel_data_add_array_u64(column, count(&there, &back));
	}
	if (column)
		rte_tel_data_add_dict_container(columns->data, name, column, 0);
}

static const char *name_of(const struct interconnect *interconnect)
{
	return interconnect->name;
}

static const char *cloud_of(const struct interconnect *interconnect)
{
	return interconnect->cloud->name;
}

static const char *peer_of(const struct interconnect *interconnect)
{
	return interconnect->peer->name;
}

static const char *state_of(const struct interconnect *interconnect)
{
	char reason[REASON_SIZE];

	return interconnect_state_name(interconnect_state(interconnect, reason));
}

static uint64_t packets_there(const struct traffic *there, const struct traffic *back)
{
	return there->packets;
}

static uint64_t bytes_there(const struct traffic *there, const struct traffic *back)
{
	return there->bytes;
}

static uint64_t packets_back(const struct traffic *there, const struct traffic *back)
{
	return back->packets;
}

static uint64_t bytes_back(const struct traffic *there, const struct traffic *back)
{
	return back->bytes;
}

void telemetry_interconnects(
	const struct region *region, const char *text, struct telemetry_request *request
)
{
	struct columns columns = {.data = request->data};
	struct interconnect *const *interconnects = region->interconnects;
	unsigned n = region->n_interconnects;
	struct parameters parameters;
	const struct cloud *cloud;

	request->result = parse(text, &parameters);
	if (request->result < 0 || !find_cloud(region, &parameters, request, &cloud))
		return;
	if (cloud) {
		interconnects = cloud->interconnects;
		n = cloud->n_interconnects;
	}
	rte_tel_data_start_dict(request->data);
	add_page(request->data, parameters.from, n);
	if (parameters.from < n) {
		columns.interconnects = (const struct interconnect *const *)interconnects;
		columns.interconnects += parameters.from;
		columns.n = n - parameters.from < PAGE ? n - parameters.from : PAGE;
	}
	add_texts(&columns, "names", name_of);
	add_texts(&columns, "clouds", cloud_of);
	add_texts(&columns, "peers", peer_of);
	add_texts(&columns, "states", state_of);
	add_counts(&columns, "cloud_to_peer_packets", packets_there);
	add_counts(&columns, "cloud_to_peer_bytes", bytes_there);
	add_counts(&columns, "peer_to_cloud_packets", packets_back);
	add_counts(&columns, "peer_to_cloud_bytes", bytes_back);
}

void telemetry_drops(
	const struct region *region, const char *text, struct telemetry_request *request
)
{
	uint64_t drops[DROP_REASON_COUNT] = {};
	struct parameters parameters;
	const struct cloud *cloud;

	request->result = parse(text, &parameters);
	if (request->result < 0 || !find_cloud(region, &parameters, request, &cloud))
		return;
	if (cloud) {
		add_drops(drops, cloud->id);
	} else {
		add_drops(drops, 0); // what cannot be attributed
		for (unsigned i = 0; i < region->n_clouds; i++)
			add_drops(drops, region->clouds[i]->id);
	}
	rte_tel_data_start_dict(request->data);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		if (drop_reason_name(i)[0])
			rte_tel_data_add_dict_u64(request->data, drop_reason_name(i), drops[i]);
}

void telemetry_workers(
	const struct region *region, const char *text, struct telemetry_request *request
)
{
	struct rte_tel_data *busy = column_new(RTE_TEL_U64_VAL);
	struct rte_tel_data *total = column_new(RTE_TEL_U64_VAL);

	rte_tel_data_start_dict(request->data);
	for (unsigned i = 0; busy && total && i < counters_workers(); i++) {
		struct worker_count count;

		counters_read_worker(i, &count);
		rte_tel_data_add_array_u64(busy, count.busy_tsc);
		rte_tel_data_add_array_u64(total, count.total_tsc);
	}
	if (busy)
		rte_tel_data_add_dict_container(request->data, "busy_cycles", busy, 0);
	if (total)
		rte_tel_data_add_dict_container(request->data, "total_cycles", total, 0);
}
