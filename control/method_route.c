// SPDX-License-Identifier: BSD-3-Clause
// What the table of a cloud holds, and what it makes of a packet.
#include "control.h"
#include "dataplane/explain.h"
#include "guarding.h"
#include "json.h"
#include "method_read.h"
#include "params.h"
#include "program.h"

#include <errno.h>
#include <stdlib.h>

// The routes of a cloud's table, to be freed; NULL without memory.
static struct route *routes_of(const struct cloud *cloud, unsigned *n)
{
	struct route *routes = calloc(TABLE_MAX_ROUTES, sizeof(*routes));

	if (!routes)
		return NULL;
	*n = program_routes(cloud, routes, TABLE_MAX_ROUTES);
	if (*n > TABLE_MAX_ROUTES)
		*n = TABLE_MAX_ROUTES;
	return routes;
}

// How a cloud calls the interconnect over which a leaf leads to a peer, or null.
static json_t *interconnect_name(
	const struct region *region, const struct cloud *cloud, leaf_t leaf
)
{
	const struct cloud *owner = region_cloud_by_id(region, leaf_cloud(leaf));
	const struct interconnect *interconnect;

	if (!owner || leaf_interconnect(leaf) == 0)
		return json_null();
	interconnect = region_between(cloud, owner);
	return interconnect ? json_string(interconnect_name_at(interconnect, cloud)) : json_null();
}

static json_t *cloud_name(const struct region *region, uint16_t id)
{
	const struct cloud *cloud = region_cloud_by_id(region, id);

	return cloud ? json_string(cloud->name) : json_null();
}

static json_t *route_to_json(
	const struct region *region, const struct cloud *cloud, const struct route *route
)
{
	char text[PREFIX_STRLEN];

	return json_pack(
		"{s:s, s:s, s:o, s:o}", "prefix", prefix_format(&route->prefix, text), "origin",
		leaf_interconnect(route->leaf) == 0 ? "local" : "peer", "cloud",
		cloud_name(region, leaf_cloud(route->leaf)), "interconnect",
		interconnect_name(region, cloud, route->leaf)
	);
}

METHOD(method_route_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct cloud *cloud;
	const char *name;
	const struct param table[] = {{"cloud", PARAM_TEXT, &name}, {}};
	struct refusal refusal;
	struct route *routes;
	unsigned n = 0;
	json_t *list;
	int bad = 0;

	if (!params_read(call, params, table))
		return;
	cloud = rule_readable_cloud(region, principal, name, &refusal);
	if (!cloud) {
		rpc_refuse(call, &refusal);
		return;
	}
	routes = routes_of(cloud, &n);
	list = routes ? json_array() : NULL;
	for (unsigned i = 0; i < n && list; i++)
		bad |= json_array_append_new(list, route_to_json(region, cloud, &routes[i]));
	free(routes);
	if (bad) {
		json_decref(list);
		list = NULL;
	}
	rpc_answer(call, list);
}

// The routed prefix that an address falls into, longest first, or null.
static json_t *matching_prefix(
	const struct region *region, const struct cloud *cloud, const struct addr *addr
)
{
	const struct prefix *longest = NULL;
	char text[PREFIX_STRLEN];
	unsigned n = 0;
	struct route *routes = routes_of(cloud, &n);
	json_t *prefix;

	if (!routes)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		if (prefix_contains(&routes[i].prefix, addr) &&
		    (!longest || routes[i].prefix.len > longest->len))
			longest = &routes[i].prefix;
	prefix = longest ? json_string(prefix_format(longest, text)) : json_null();
	free(routes);
	return prefix;
}

static json_t *explanation_to_json(
	const struct region *region, const struct cloud *cloud, const struct addr *destination,
	const struct explanation *explanation, bool by_guard
)
{
	static const char *const verdicts[] = {
		[VERDICT_FORWARD] = "forward", [VERDICT_DROP] = "drop", [VERDICT_PUNT] = "punt"};
	leaf_t leaf = explanation->destination;
	const char *reason = NULL, *text = "its destination is routed by the peer";

	if (explanation->verdict == VERDICT_DROP) {
		reason = drop_reason_name(explanation->reason);
		text = drop_reason_text(explanation->reason);
	} else if (explanation->verdict == VERDICT_PUNT) {
		reason = punt_reason_name(explanation->reason);
		text = punt_reason_text(explanation->reason);
	}
	return json_pack(
		"{s:s, s:s?, s:s, s:o, s:o, s:o, s:s}", "verdict", verdicts[explanation->verdict],
		"reason", reason, "where", by_guard ? "guard" : "dataplane", "interconnect",
		interconnect_name(region, cloud, leaf), "prefix",
		leaf == LEAF_NONE ? json_null() : matching_prefix(region, cloud, destination),
		"egress_cloud",
		leaf_interconnect(leaf) ? cloud_name(region, leaf_cloud(leaf)) : json_null(),
		"text", text
	);
}

static int parse_addresses(
	const char *source_text, const char *destination_text, struct addr *source,
	struct addr *destination, struct refusal *refusal
)
{
	if (addr_parse(source_text, source) < 0)
		return refuse(
			refusal, REFUSAL_address_invalid, "source: \"%.80s\" is not an address",
			source_text
		);
	if (addr_parse(destination_text, destination) < 0)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"destination: \"%.80s\" is not an address", destination_text
		);
	if (source->family != destination->family)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"source %s and destination %s are not of one family: give two IPv4 or two "
			"IPv6 addresses",
			source_text, destination_text
		);
	return 0;
}

METHOD(method_explain)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const char *name, *source_text, *destination_text;
	json_int_t ttl = 64, size = 84;
	const struct param table[] = {
		{"cloud", PARAM_TEXT, &name},
		{"source", PARAM_TEXT, &source_text},
		{"destination", PARAM_TEXT, &destination_text},
		{"ttl", PARAM_NUMBER | PARAM_OPTIONAL, &ttl},
		{"size", PARAM_NUMBER | PARAM_OPTIONAL, &size},
		{},
	};
	struct addr source = {0}, destination = {0};
	struct explanation explanation;
	const struct cloud *cloud;
	struct refusal refusal;
	bool by_guard;
	int error;

	if (!params_read(call, params, table))
		return;
	cloud = rule_readable_cloud(region, principal, name, &refusal);
	if (!cloud ||
	    parse_addresses(source_text, destination_text, &source, &destination, &refusal) < 0) {
		rpc_refuse(call, &refusal);
		return;
	}
	if (ttl < 0 || ttl > 255) {
		rpc_invalid_params(call, "ttl: must be 0 to 255");
		return;
	}
	if (size < 0 || size > MTU_MAX)
		size = 0; // too small, too: one text tells both limits
	error =
		explain(cloud->id, &source, &destination, (unsigned)ttl, (unsigned)size,
			&explanation);
	if (error == 0) {
		by_guard = guarding_explain(
			cloud, &source, &destination, (unsigned)ttl, (unsigned)size, &explanation
		);
		rpc_answer(
			call,
			explanation_to_json(region, cloud, &destination, &explanation, by_guard)
		);
	} else if (error == -ENOENT) {
		refuse(&refusal, REFUSAL_port_failed,
		       "cloud %s has no T0 port now, so that nothing can arrive from it: %s",
		       cloud->name, cloud->live.failure[0] ? cloud->live.failure : "not attached");
		rpc_refuse(call, &refusal);
	} else {
		rpc_invalid_params(
			call, "size: must be %d to %d bytes, IP header included",
			source.family == FAMILY_IPV6 ? 48 : 28, MTU_MAX
		);
	}
}
