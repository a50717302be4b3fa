// SPDX-License-Identifier: BSD-3-Clause
#include "program.h"

#include "dataplane/exchange.h"
#include "dataplane/martian.h"
#include "dataplane/port.h"
#include "grace.h"
#include "guarding.h"
#include "log.h"
#include "tap.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "program"

#define HOLES_MAX (MARTIANS + FAMILIES)

// What a cloud's table is made of; the guard gets the same.
struct content {
	struct route *routes;
	unsigned n;
	struct prefix holes[HOLES_MAX];
	unsigned n_holes;
};

struct program {
	unsigned n;
	struct built {
		struct cloud *cloud;
		struct table *table;
		struct content content; // without routes where there is no guard
	} built[];
};

struct filling {
	struct route *routes;
	unsigned max;
	unsigned n;
};

static void fill(struct filling *filling, const struct cloud *owner, leaf_t leaf)
{
	struct prefix prefixes[FAMILIES + FAMILIES * SEGMENTS_MAX];
	unsigned n = cloud_routed_prefixes(owner, prefixes, FAMILIES + FAMILIES * SEGMENTS_MAX);

	for (unsigned i = 0; i < n; i++, filling->n++)
		if (filling->n < filling->max)
			filling->routes[filling->n] = (struct route){prefixes[i], leaf};
}

unsigned program_routes(const struct cloud *cloud, struct route *routes, unsigned max)
{
	struct filling filling = {.routes = routes, .max = max};

	fill(&filling, cloud, leaf_local(cloud->id));
	for (unsigned i = 0; i < cloud->n_interconnects; i++) {
		const struct interconnect *interconnect = cloud->interconnects[i];

		if (interconnect->phase == PHASE_DELETING || interconnect->phase == PHASE_FAILED)
			continue;

		const struct cloud *peer = interconnect_other(interconnect, cloud);

		fill(&filling, peer, leaf_via(peer->id, interconnect->id));
	}
	return filling.n;
}

// Where nothing is found, whatever prefixes say: what is never forwarded, and what is t0x itself.
static unsigned find_holes(const struct cloud *cloud, struct prefix holes[static HOLES_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < MARTIANS; i++)
		holes[n++] = martians[i].network;
	for (unsigned i = 0; i < FAMILIES; i++) {
		struct prefix gateway = cloud->gateway[i];

		gateway.len = (uint8_t)family_bits(gateway.addr.family);
		if (gateway.addr.family != FAMILY_NONE)
			holes[n++] = gateway;
	}
	return n;
}

// Returns 0 or -ENOMEM. content->routes is to be freed.
static int content_of(const struct cloud *cloud, struct content *content)
{
	content->n = program_routes(cloud, NULL, 0);
	content->routes = malloc((content->n + 1) * sizeof(*content->routes));
	if (content->routes == NULL)
		return -ENOMEM;
	program_routes(cloud, content->routes, content->n);
	content->n_holes = find_holes(cloud, content->holes);
	return 0;
}

static struct table *build(
	const struct cloud *cloud, struct content *content, struct refusal *refusal
)
{
	struct table *table = NULL;

	if (content_of(cloud, content) == 0)
		table = table_build(content->routes, content->n, content->holes, content->n_holes);
	if (table == NULL && content->routes != NULL && errno == E2BIG)
		refuse(refusal, REFUSAL_limit_reached,
		       "the table of cloud %s would hold %u routes, the limit is %u: remove segments "
		       "or interconnects first",
		       cloud->name, content->n, TABLE_MAX_ROUTES);
	else if (table == NULL)
		refuse(refusal, REFUSAL_out_of_memory,
		       "no memory for the table of cloud %s: free some "
		       "on this host and try again",
		       cloud->name);
	if (table == NULL || !guarding_has(cloud->id)) {
		free(content->routes);
		content->routes = NULL;
	}
	return table;
}

struct program *program_prepare(struct cloud *const clouds[], unsigned n, struct refusal *refusal)
{
	struct program *program = malloc(sizeof(*program) + n * sizeof(program->built[0]));

	if (program == NULL) {
		refuse(refusal, REFUSAL_out_of_memory, "no memory for the tables of %u clouds", n);
		return NULL;
	}
	program->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct built *built = &program->built[program->n];

		built->cloud = clouds[i];
		built->table = build(clouds[i], &built->content, refusal);
		if (built->table == NULL) {
			program_discard(program);
			return NULL;
		}
		program->n++;
	}
	return program;
}

// What the guard has not opened stays closed, and the cloud is not connected: program_open() tries
// again.
static void open_routes(struct cloud *cloud, const struct content *content)
{
	struct cloud_live *live = &cloud->live;
	char error[256];
	bool lacks = guarding_open_routes(
			     cloud->id, content->routes, content->n, content->holes,
			     content->n_holes, error, sizeof(error)
		     ) < 0;

	if (lacks == live->guard_short)
		return;
	live->guard_short = lacks;
	live->report_due = true;
	if (lacks)
		LOG(ERROR, "event=not_opened cloud=%s why=" LOG_TEXT, cloud->name, log_text(error));
	else
		LOG(NOTICE, "event=opened cloud=%s", cloud->name);
}

void program_open(struct cloud *cloud)
{
	struct content content;

	if (content_of(cloud, &content) < 0)
		return;
	open_routes(cloud, &content);
	free(content.routes);
}

// What closes does so everywhere before anything opens: in the guard, and with each table at once.
void program_publish(struct program *program)
{
	for (unsigned i = 0; i < program->n; i++) {
		const struct content *content = &program->built[i].content;

		guarding_close_routes(
			program->built[i].cloud->id, content->routes, content->n, content->holes,
			content->n_holes
		);
	}
	for (unsigned i = 0; i < program->n; i++)
		exchange_set_table(program->built[i].cloud->id, program->built[i].table);
	for (unsigned i = 0; i < program->n; i++) {
		open_routes(program->built[i].cloud, &program->built[i].content);
		free(program->built[i].content.routes);
	}
	free(program);
	grace_start();
}

void program_discard(struct program *program)
{
	if (program == NULL)
		return;
	for (unsigned i = 0; i < program->n; i++) {
		table_free(program->built[i].table);
		free(program->built[i].content.routes);
	}
	free(program);
}

int program_check_mtu(const struct cloud *cloud, struct refusal *refusal)
{
	if (!cloud->live.port_attached || cloud->mtu <= cloud->live.mtu_max)
		return 0;
	return refuse(
		refusal, REFUSAL_limit_reached,
		"an MTU of %u is more than the port of cloud %s takes, which is %u: give a lower one",
		cloud->mtu, cloud->name, cloud->live.mtu_max
	);
}

// The guard is told all that it is to hold of the cloud, before its first frame.
static int guard_cloud(struct cloud *cloud, char *error, size_t size)
{
	struct content content;
	int code;

	if (guarding_attach(cloud, error, size) < 0)
		return -1;
	if (!guarding_has(cloud->id))
		return 0;
	code = content_of(cloud, &content);
	if (code < 0) {
		snprintf(error, size, "no memory for its routes");
	} else {
		guarding_close_routes(
			cloud->id, content.routes, content.n, content.holes, content.n_holes
		);
		code = guarding_open_routes(
			cloud->id, content.routes, content.n, content.holes, content.n_holes, error,
			size
		);
		free(content.routes);
	}
	cloud->live.guard_short = false;
	if (code < 0)
		guarding_detach(cloud, true);
	return code;
}

int program_attach(struct cloud *cloud, bool *undo, struct refusal *refusal)
{
	struct cloud_live *live = &cloud->live;
	struct port_info info;
	char error[384];

	*undo = false;
	if (guard_cloud(cloud, error, sizeof(error)) < 0) {
		snprintf(live->failure, sizeof(live->failure), "not guarded: %.*s", 110, error);
		return refuse(
			refusal, REFUSAL_port_failed,
			"the T0 port of cloud %s cannot be guarded: %s", cloud->name, error
		);
	}
	if (port_attach(cloud->port, &info, error, sizeof(error)) < 0) {
		guarding_detach(cloud, true);
		snprintf(live->failure, sizeof(live->failure), "port absent: %.*s", 110, error);
		return refuse(
			refusal, REFUSAL_port_failed,
			"the T0 port of cloud %s cannot be attached: %s; check the devargs \"%s\" and that "
			"the device exists",
			cloud->name, error, cloud->port
		);
	}
	*undo = true;
	live->port_attached = true;
	live->port_id = info.id;
	live->mtu_max = info.mtu_max;
	live->netdev = info.netdev;
	live->netdev_name[0] = '\0';
	if (info.netdev != 0)
		if_indextoname(info.netdev, live->netdev_name);
	live->link_up = port_link_up(info.id);
	live->failure[0] = '\0';
	if (guarding_watch_workers(cloud, info.id) < 0)
		return refuse(
			refusal, REFUSAL_out_of_memory, "no memory for the port of cloud %s",
			cloud->name
		);
	memcpy(live->mac.bytes, info.mac.addr_bytes, sizeof(live->mac.bytes));
	if (cloud->has_router_mac) {
		live->router_resolved = true;
		live->router_mac = cloud->router_mac;
	}
	if (program_check_mtu(cloud, refusal) < 0)
		return -1;
	port_want_mtu(info.id, cloud->mtu);
	return 0;
}

static struct ingress *ingress_build(const struct cloud *cloud)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	unsigned ipv4 = family_index(FAMILY_IPV4), ipv6 = family_index(FAMILY_IPV6);

	if (ingress == NULL)
		return NULL;
	ingress->cloud = cloud->id;
	memcpy(ingress->mac.addr_bytes, cloud->live.mac.bytes, sizeof(ingress->mac.addr_bytes));
	if (cloud->gateway[ipv4].addr.family != FAMILY_NONE) {
		ingress->gateway = addr_ipv4(&cloud->gateway[ipv4].addr);
		ingress->router = addr_ipv4(&cloud->router[ipv4]);
	}
	if (cloud->gateway[ipv6].addr.family != FAMILY_NONE) {
		struct prefix link_local = tap_link_local(&cloud->live.mac);

		ingress->gateway6 = addr_ipv6(&cloud->gateway[ipv6].addr);
		ingress->router6 = addr_ipv6(&cloud->router[ipv6]);
		ingress->link_local = addr_ipv6(&link_local.addr);
	}
	return ingress;
}

static struct egress *egress_for(const struct cloud *cloud)
{
	const struct cloud_live *live = &cloud->live;
	struct rte_ether_addr ours;
	struct rte_ether_addr router;
	struct egress *egress;

	memcpy(ours.addr_bytes, live->mac.bytes, sizeof(ours.addr_bytes));
	memcpy(router.addr_bytes, live->router_mac.bytes, sizeof(router.addr_bytes));
	egress = egress_build(
		live->port_id, cloud->vlan, cloud->mtu, &ours,
		live->router_resolved ? &router : NULL
	);
	if (egress != NULL && !live->link_up)
		egress_disable(egress, DROP_egress_down);
	return egress;
}

// Do the frames of its port, or of its VLAN there, belong to the cloud?
static bool has_port(const struct cloud *cloud)
{
	const struct port_map *map = exchange.ports[cloud->live.port_id];

	return (cloud->vlan == VLAN_NONE ? map->clouds[UNTAGGED] : map->clouds[cloud->vlan]) ==
		cloud->id;
}

int program_cloud(const struct cloud *cloud, struct refusal *refusal)
{
	struct ingress *ingress = ingress_build(cloud);
	struct egress *egress = egress_for(cloud);
	char error[256];

	if (ingress == NULL || egress == NULL) {
		free(ingress);
		free(egress);
		return refuse(
			refusal, REFUSAL_out_of_memory, "no memory for the port of cloud %s",
			cloud->name
		);
	}
	if (guarding_set_cloud(cloud, ingress, egress, error, sizeof(error)) < 0) {
		free(ingress);
		free(egress);
		return refuse(
			refusal, REFUSAL_port_failed,
			"the T0 port of cloud %s cannot be guarded: %s", cloud->name, error
		);
	}
	exchange_set_egress(cloud->id, egress);
	exchange_set_ingress(cloud->id, ingress);

	// The port's map is changed once: it is large, and egresses change with every neighbour
	// event.
	int code =
		has_port(cloud) ? 0 : port_set_cloud(cloud->live.port_id, cloud->vlan, cloud->id);

	grace_start();
	return code == 0 ? 0
			 : refuse(refusal, REFUSAL_out_of_memory,
				  "no memory for the port of cloud %s", cloud->name);
}

void program_want_mtu(const struct cloud *cloud)
{
	if (cloud->live.port_attached)
		port_want_mtu(cloud->live.port_id, cloud->mtu);
}

struct detaching {
	struct cloud *cloud;
	void (*done)(void *arg);
	void *arg;
};

static void detached(void *arg)
{
	struct detaching *detaching = arg;

	guarding_detach(detaching->cloud, false);
	detaching->cloud->live.guard_short = false;
	detaching->cloud->live.port_attached = false;
	detaching->cloud->live.detaching = false;
	detaching->cloud->live.link_up = false;
	detaching->done(detaching->arg);
	free(detaching);
}

void program_detach(struct cloud *cloud, void (*done)(void *arg), void *arg)
{
	struct detaching *detaching = malloc(sizeof(*detaching));

	if (detaching == NULL)
		abort();
	*detaching = (struct detaching){cloud, done, arg};
	cloud->live.detaching = true;
	// First nothing comes in, then nothing goes out: the quick way asks the map alone. A map
	// that kept the id would give this VLAN to the next cloud with that id: without memory for
	// a new one t0xd ends, and a restart programs what the store holds. What a successor has
	// taken over stays his.
	if (has_port(cloud) && port_set_cloud(cloud->live.port_id, cloud->vlan, 0) < 0)
		abort();
	guarding_remove_ingress(cloud);
	exchange_set_ingress(cloud->id, NULL);
	exchange_set_egress(cloud->id, NULL);
	guarding_remove_egress(cloud);
	port_detach(cloud->live.port_id, detached, detaching);
	grace_start();
}

void program_forget(uint16_t cloud)
{
	exchange_set_table(cloud, NULL);
	guarding_forget_cloud(cloud);
	grace_start();
}

void program_new_cloud(uint16_t cloud)
{
	counters_rebase_cloud(cloud);
}

void program_new_interconnect(const struct interconnect *interconnect)
{
	counters_rebase_traffic(interconnect->id);
	guarding_new_interconnect(interconnect);
}

void program_forget_interconnect(const struct interconnect *interconnect)
{
	counters_settle_traffic(interconnect->id, interconnect->cloud->id, interconnect->peer->id);
	guarding_forget_interconnect(interconnect);
}
