// SPDX-License-Identifier: BSD-3-Clause
#include "description.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_DEFAULT 16
#define VLAN_MAX 4094

static const struct {
	const char *name;
	uint8_t families;
	const char *reason;
	const char *text;
} kinds[] = {
#define KIND_ROW(name, families, reason, text) {#name, families, reason, text},
	KINDS(KIND_ROW)
#undef KIND_ROW
};

const char *kind_name(enum kind kind)
{
	return kinds[kind].name;
}

const char *kind_reason(enum kind kind)
{
	return kinds[kind].reason;
}

const char *kind_text(enum kind kind)
{
	return kinds[kind].text;
}

const struct network *cloud_network(const struct cloud *cloud, uint8_t family)
{
	for (unsigned i = 0; i < cloud->n_networks; i++)
		if (cloud->networks[i].family == family)
			return &cloud->networks[i];
	return NULL;
}

static int wrong(char *error, const char *what, const char *value)
{
	snprintf(error, ERROR_SIZE, "%s: \"%.80s\"", what, value ? value : "");
	return -1;
}

static int wrong_json(char *error, const json_error_t *why)
{
	snprintf(error, ERROR_SIZE, "%.150s", why->text);
	return -1;
}

static int read_network(const char *text, struct network *network, char *error)
{
	char address[INET6_ADDRSTRLEN];
	unsigned length;
	int end = 0;

	if (text && sscanf(text, "%45[0-9a-fA-F.:]/%u%n", address, &length, &end) == 2 &&
	    text[end] == '\0') {
		*network = (struct network){.length = (uint8_t)length};
		if (length <= 32 && inet_pton(AF_INET, address, network->address) == 1)
			network->family = IPV4;
		else if (length <= 128 && inet_pton(AF_INET6, address, network->address) == 1)
			network->family = IPV6;
	}
	if (!network->family)
		return wrong(error, "not a network", text);
	return 0;
}

static int read_mac(const char *text, struct rte_ether_addr *mac, char *error)
{
	return rte_ether_unformat_addr(text, mac) == 0 ? 0 : wrong(error, "not a MAC", text);
}

static int find_cloud(const struct cloud *clouds, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(clouds[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int read_cloud(json_t *object, struct cloud *cloud, unsigned ports, char *error)
{
	const char *name, *gateway, *router;
	json_t *networks, *network;
	int port, vlan = 0;
	json_error_t why;
	size_t i;

	*cloud = (struct cloud){};
	if (json_unpack_ex(
		    object, &why, JSON_STRICT, "{s:s, s:i, s?i, s:o, s:s, s:s}", "name", &name,
		    "port", &port, "vlan", &vlan, "networks", &networks, "gateway_mac", &gateway,
		    "router_mac", &router
	    ) < 0)
		return wrong_json(error, &why);
	if (strlen(name) >= NAME_SIZE || name[0] == '\0')
		return wrong(error, "not a name", name);
	if (port < 0 || (unsigned)port >= ports)
		return wrong(error, "no such port has cloud", name);
	if (vlan < 0 || vlan > VLAN_MAX)
		return wrong(error, "no such VLAN has cloud", name);
	if (json_array_size(networks) == 0 || json_array_size(networks) > NETWORKS_MAX)
		return wrong(error, "one to 8 networks must have cloud", name);
	snprintf(cloud->name, sizeof(cloud->name), "%s", name);
	cloud->port = (uint16_t)port;
	cloud->vlan = (uint16_t)vlan;
	json_array_foreach(networks, i, network)
		if (read_network(
			    json_string_value(network), &cloud->networks[cloud->n_networks++], error
		    ) < 0)
			return -1;
	if (read_mac(gateway, &cloud->gateway_mac, error) < 0)
		return -1;
	return read_mac(router, &cloud->router_mac, error);
}

static int read_clouds(json_t *list, unsigned ports, struct description *new, char *error)
{
	json_t *object;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > CLOUDS_MAX)
		return wrong(error, "no list of at most 1024", "clouds");
	new->clouds = calloc(json_array_size(list), sizeof(struct cloud));
	new->n_clouds = 0;
	if (!new->clouds)
		return wrong(error, "no memory for", "clouds");
	json_array_foreach(list, i, object) {
		struct cloud *cloud = &new->clouds[i];

		if (read_cloud(object, cloud, ports, error) < 0)
			return -1;
		if (find_cloud(new->clouds, (unsigned)i, cloud->name) >= 0)
			return wrong(error, "cloud named twice", cloud->name);
		new->n_clouds++;
	}
	return 0;
}

static int read_kind(const char *name, enum kind *kind)
{
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = (enum kind)i;
			return 0;
		}
	return -1;
}

static int read_flow(json_t *object, const struct description *new, struct flow *flow, char *error)
{
	int family = 4, addresses = ADDRESSES_DEFAULT, from, to;
	const char *from_name, *to_name, *kind = "valid";
	json_error_t why;

	*flow = (struct flow){.share = 1};
	if (json_unpack_ex(
		    object, &why, JSON_STRICT, "{s:s, s:s, s?s, s?i, s?i, s?F}", "from", &from_name,
		    "to", &to_name, "kind", &kind, "family", &family, "addresses", &addresses,
		    "share", &flow->share
	    ) < 0)
		return wrong_json(error, &why);
	from = find_cloud(new->clouds, new->n_clouds, from_name);
	to = find_cloud(new->clouds, new->n_clouds, to_name);
	if (from < 0 || to < 0)
		return wrong(error, "no such cloud", from < 0 ? from_name : to_name);
	if (read_kind(kind, &flow->kind) < 0)
		return wrong(error, "no such kind", kind);
	if ((flow->kind == KIND_hairpin) != (from == to))
		return wrong(
			error, "from a cloud to itself goes a hairpin, and nothing else", kind
		);
	flow->family = family == 4 ? IPV4 : family == 6 ? IPV6 : 0;
	if (!(flow->family & kinds[flow->kind].families))
		return wrong(error, "no such family has kind", kind);
	if (!cloud_network(&new->clouds[from], flow->family) ||
	    !cloud_network(&new->clouds[to], flow->family))
		return wrong(
			error, "no network of the family has either end of a flow to", to_name
		);
	if (addresses < 1 || addresses > ADDRESSES_MAX)
		return wrong(error, "1 to 4096 addresses may have a flow to", to_name);
	if (!(flow->share > 0))
		return wrong(error, "a share above 0 must have a flow to", to_name);
	flow->from = (uint16_t)from;
	flow->to = (uint16_t)to;
	flow->addresses = (unsigned)addresses;
	return 0;
}

static int read_flows(json_t *list, struct description *new, char *error)
{
	json_t *object;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > FLOWS_MAX)
		return wrong(error, "no list of at most 4096", "flows");
	new->n_flows = (unsigned)json_array_size(list);
	new->flows = calloc(new->n_flows, sizeof(struct flow));
	if (!new->flows)
		return wrong(error, "no memory for", "flows");
	json_array_foreach(list, i, object)
		if (read_flow(object, new, &new->flows[i], error) < 0)
			return -1;
	return 0;
}

int description_update(struct description *description, json_t *object, unsigned ports, char *error)
{
	json_t *clouds = json_object_get(object, "clouds");
	json_t *flows = json_object_get(object, "flows");
	json_t *hops = json_object_get(object, "hops");
	struct description new = *description;

	if (hops &&
	    !(json_is_integer(hops) && json_integer_value(hops) >= 0 &&
	      json_integer_value(hops) <= 1))
		return wrong(error, "neither 0 nor 1", "hops");
	if (hops)
		new.hops = (unsigned)json_integer_value(hops);
	// Flows lead between clouds: with other clouds there are other flows.
	if (clouds && !flows)
		return wrong(error, "clouds without", "flows");
	if (clouds && read_clouds(clouds, ports, &new, error) < 0)
		goto refuse;
	if (flows && read_flows(flows, &new, error) < 0)
		goto refuse;
	if (clouds)
		free(description->clouds);
	if (flows)
		free(description->flows);
	*description = new;
	return 0;
refuse:
	if (clouds)
		free(new.clouds);
	if (new.flows != description->flows)
		free(new.flows);
	return -1;
}

void description_free(struct description *description)
{
	free(description->clouds);
	free(description->flows);
	*description = (struct description){};
}
