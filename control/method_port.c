// SPDX-License-Identifier: BSD-3-Clause
// The T0 ports: what their drivers say of them, and whose they are.
#include "dataplane/placement.h"
#include "dataplane/port.h"

#include "control.h"
#include "json.h"
#include "method_read.h"
#include "params.h"

#include <string.h>

// The workers that poll the port, each once.
static json_t *workers_to_json(uint16_t id, uint16_t queues)
{
	json_t *list = json_array();
	uint64_t seen = 0;
	int bad = !list;

	for (uint16_t queue = 0; queue < queues; queue++) {
		unsigned worker = placement_worker(id, queue);

		if (worker == PLACEMENT_NOBODY || (seen >> worker & 1))
			continue;
		seen |= UINT64_C(1) << worker;
		bad |= json_array_append_new(list, json_integer(worker));
	}
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

// A port that its first cloud names but that is not there.
static json_t *absent_to_json(const struct cloud *cloud, const char *name)
{
	return json_pack(
		"{s:s, s:n, s:s, s:n, s:i, s:i, s:i, s:n, s:[], s:[], s:i, s:i, s:i, s:i, s:i, s:o}",
		"port", name, "driver", "link", "absent", "speed_mbps", "rx_queues", 0, "tx_queues",
		0, "mtu_max", 0, "mac", "clouds", "workers", "rx_packets", 0, "tx_packets", 0,
		"rx_missed", 0, "rx_errors", 0, "tx_errors", 0, "reason",
		text_to_json(cloud->live.failure[0] ? cloud->live.failure : "port absent")
	);
}

// The link of a port with a netdev behind it is as the kernel says: drivers of such ports do not
// know.
static json_t *port_to_json(const struct cloud *cloud, const char *name)
{
	const struct cloud_live *live = &cloud->live;
	struct port_status status;
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	if (!live->port_attached || !port_status(live->port_id, &status))
		return absent_to_json(cloud, name);
	rte_ether_format_addr(mac, sizeof(mac), &status.mac);
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:i, s:i, s:i, s:s, s:[], s:o, s:I, s:I, s:I, s:I, s:I, s:n}",
		"port", status.name, "driver", status.driver, "link", live->link_up ? "up" : "down",
		"speed_mbps",
		status.speed && live->netdev == 0 ? json_integer(status.speed) : json_null(),
		"rx_queues", status.rx_queues, "tx_queues", status.tx_queues, "mtu_max",
		status.mtu_max, "mac", mac, "clouds", "workers",
		workers_to_json(live->port_id, status.rx_queues), "rx_packets",
		(json_int_t)status.rx_packets, "tx_packets", (json_int_t)status.tx_packets,
		"rx_missed", (json_int_t)status.rx_missed, "rx_errors",
		(json_int_t)status.rx_errors, "tx_errors", (json_int_t)status.tx_errors, "reason"
	);
}

// All ports that clouds name, by name; 'only' NULL: all. NULL without memory.
static json_t *ports_by_name(const struct region *region, const char *only)
{
	json_t *ports = json_object();
	int bad = !ports;

	for (unsigned i = 0; i < region->n_clouds && !bad; i++) {
		const struct cloud *cloud = region->clouds[i];
		char name[DEVARGS_SIZE];
		json_t *port;

		devargs_name(cloud->port, name);
		if (only && strcmp(only, name) != 0)
			continue;
		if (!json_object_get(ports, name))
			bad |= json_object_set_new(ports, name, port_to_json(cloud, name));
		port = json_object_get(ports, name);
		bad |= json_array_append_new(
			json_object_get(port, "clouds"),
			json_pack(
				"{s:s, s:o}", "name", cloud->name, "vlan",
				cloud->vlan == VLAN_NONE ? json_null() : json_integer(cloud->vlan)
			)
		);
	}
	if (!bad)
		return ports;
	json_decref(ports);
	return NULL;
}

static bool may(struct rpc_call *call, const struct principal *principal)
{
	struct refusal refusal;

	if (rule_admin(principal, "look at ports", &refusal) == 0)
		return true;
	rpc_refuse(call, &refusal);
	return false;
}

METHOD(method_port_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct param table[] = {{}};
	json_t *ports, *port, *list;
	const char *name;
	int bad = 0;

	if (!params_read(call, params, table) || !may(call, principal))
		return;
	ports = ports_by_name(region, NULL);
	list = json_array();
	json_object_foreach(ports, name, port)
		bad |= json_array_append(list, port);
	json_decref(ports);
	if (bad || !ports) {
		json_decref(list);
		list = NULL;
	}
	rpc_answer(call, list);
}

struct xstats {
	json_t *object;
	int bad;
};

static void add_xstat(const char *name, uint64_t value, void *arg)
{
	struct xstats *xstats = arg;

	xstats->bad |= json_object_set_new(xstats->object, name, json_integer((json_int_t)value));
}

METHOD(method_port_show)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	struct xstats xstats = {.object = json_object()};
	const char *name = NULL;
	const struct param table[] = {{"port", PARAM_TEXT, &name}, {}};
	struct refusal refusal;
	json_t *ports, *port;
	uint16_t id;

	if (!params_read(call, params, table) || !may(call, principal)) {
		json_decref(xstats.object);
		return;
	}
	ports = ports_by_name(region, name);
	port = json_incref(json_object_get(ports, name));
	json_decref(ports);
	if (!port) {
		json_decref(xstats.object);
		refuse(&refusal, REFUSAL_port_not_found,
		       "no cloud has a T0 port named \"%.80s\": t0xctl port list shows those there are",
		       name);
		rpc_refuse(call, &refusal);
		return;
	}
	if (port_find(name, &id))
		port_xstats(id, add_xstat, &xstats);
	xstats.bad |= json_object_set_new(port, "xstats", xstats.object);
	if (xstats.bad) {
		json_decref(port);
		port = NULL;
	}
	rpc_answer(call, port);
}
