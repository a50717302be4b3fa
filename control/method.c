// SPDX-License-Identifier: BSD-3-Clause
#include "method.h"

#include "change.h"
#include "control.h"
#include "json.h"
#include "method_apply.h"
#include "method_read.h"
#include "params.h"

#include <stdlib.h>

// A change on its way: everything that it was given, kept until it is done.
struct request {
	struct rpc_call *call;
	struct exchange_control *control;
	struct principal principal;
	json_t *params; // the strings below point into it
	const char *cloud;
	const char *object; // segment, peer, or grantee: what the answer is about beside the cloud
	struct cloud new_cloud;
	struct segment new_segment;
	struct cloud_settings settings;
	json_t *(*result)(const struct request *request); // what to answer when it holds
};

static struct request *request_new(
	struct rpc_call *call, const struct principal *principal, json_t *params, void *arg,
	json_t *(*result)(const struct request *)
)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request) {
		rpc_answer(call, NULL);
		return NULL;
	}
	request->call = call;
	request->control = arg;
	request->principal = *principal;
	request->params = json_incref(params);
	request->result = result;
	return request;
}

static void request_free(struct request *request)
{
	json_decref(request->params);
	free(request);
}

static void request_done(const struct refusal *refusal, void *arg)
{
	struct request *request = arg;

	if (refusal)
		rpc_refuse(request->call, refusal);
	else
		rpc_answer(request->call, request->result(request));
	request_free(request);
}

// Read the parameters of a new request; without success the call is answered and nothing left.
static bool request_read(struct request *request, const struct param *table)
{
	if (params_read(request->call, request->params, table))
		return true;
	request_free(request);
	return false;
}

// A decoder refused: by what rules, or as a matter of form.
static void request_refuse(struct request *request, const struct refusal *refusal)
{
	if (refusal->code == REFUSAL_none)
		rpc_invalid_params(request->call, "%s", refusal->text);
	else
		rpc_refuse(request->call, refusal);
	request_free(request);
}

// Results. The change has happened; what it made is looked up in the region as it is now.

static json_t *result_nothing(const struct request *request)
{
	return json_object();
}

static json_t *result_cloud(const struct request *request)
{
	const struct cloud *cloud = region_cloud(&request->control->region, request->cloud);

	return cloud ? cloud_status_to_json(cloud) : json_object();
}

static json_t *result_segment(const struct request *request)
{
	return segment_to_json(&request->new_segment);
}

static json_t *result_interconnect(const struct request *request)
{
	const struct region *region = &request->control->region;
	const struct cloud *cloud = region_cloud(region, request->cloud);
	const struct cloud *peer = region_cloud(region, request->object);
	const struct interconnect *interconnect =
		cloud && peer ? region_between(cloud, peer) : NULL;

	return interconnect ? method_interconnect_to_json(interconnect) : json_object();
}

static json_t *result_params(const struct request *request)
{
	return json_incref(request->params);
}

// Clouds

static METHOD(cloud_create)
{
	struct request *request = request_new(call, principal, params, arg, result_cloud);
	struct refusal refusal;

	if (!request)
		return;
	if (cloud_from_json(params, &request->new_cloud, &refusal) < 0) {
		request_refuse(request, &refusal);
		return;
	}
	request->cloud = request->new_cloud.name;
	change_cloud_create(
		request->control, &request->principal, &request->new_cloud, request_done, request
	);
}

// Returns 0, or -1 with a refusal as the decoders of json.h fill it.
static int read_settings(
	bool has_mtu, json_int_t mtu, const json_t *mac, struct cloud_settings *settings,
	struct refusal *refusal
)
{
	if (!has_mtu && !mac)
		return refuse(refusal, REFUSAL_none, "nothing to set: give mtu or router_mac");
	if (has_mtu && (mtu < 1 || mtu > UINT16_MAX))
		return refuse(
			refusal, REFUSAL_none, "mtu: %" JSON_INTEGER_FORMAT " is out of range", mtu
		);
	settings->has_mtu = has_mtu;
	settings->mtu = (uint16_t)mtu;
	settings->learn_router_mac = json_is_null(mac);
	if (!mac || json_is_null(mac))
		return 0;
	if (!json_is_string(mac))
		return refuse(refusal, REFUSAL_none, "router_mac: must be a string or null");
	if (mac_parse(json_string_value(mac), &settings->router_mac) < 0)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"router_mac: \"%.80s\" is not a unicast MAC address", json_string_value(mac)
		);
	settings->has_router_mac = true;
	return 0;
}

static METHOD(cloud_set)
{
	struct request *request = request_new(call, principal, params, arg, result_cloud);
	bool has_mtu = json_object_get(params, "mtu");
	const json_t *mac = NULL;
	json_int_t mtu = 0;
	struct refusal refusal;

	if (!request)
		return;

	const struct param table[] = {
		{"name", PARAM_TEXT, &request->cloud},
		{"mtu", PARAM_NUMBER | PARAM_OPTIONAL, &mtu},
		{"router_mac", PARAM_ANY | PARAM_OPTIONAL, &mac},
		{},
	};

	if (!request_read(request, table))
		return;
	if (read_settings(has_mtu, mtu, mac, &request->settings, &refusal) < 0) {
		request_refuse(request, &refusal);
		return;
	}
	change_cloud_set(
		request->control, &request->principal, request->cloud, &request->settings,
		request_done, request
	);
}

static METHOD(cloud_delete)
{
	struct request *request = request_new(call, principal, params, arg, result_nothing);

	if (!request)
		return;

	const struct param table[] = {{"name", PARAM_TEXT, &request->cloud}, {}};

	if (request_read(request, table))
		change_cloud_delete(
			request->control, &request->principal, request->cloud, request_done, request
		);
}

// Segments

static METHOD(segment_create)
{
	struct request *request = request_new(call, principal, params, arg, result_segment);
	struct refusal refusal;
	json_t *members;

	if (!request)
		return;

	const struct param table[] = {
		{"cloud", PARAM_TEXT, &request->cloud},
		{"name", PARAM_ANY | PARAM_OPTIONAL, &members},
		{"gateway_address", PARAM_ANY | PARAM_OPTIONAL, &members},
		{"routed", PARAM_ANY | PARAM_OPTIONAL, &members},
		{},
	};

	if (!request_read(request, table))
		return;
	// All but the cloud are the members of a segment, and read as such.
	members = json_copy(params);
	json_object_del(members, "cloud");
	if (segment_from_json(members, &request->new_segment, &refusal) < 0)
		request_refuse(request, &refusal);
	else
		change_segment_create(
			request->control, &request->principal, request->cloud,
			&request->new_segment, request_done, request
		);
	json_decref(members);
}

static METHOD(segment_delete)
{
	struct request *request = request_new(call, principal, params, arg, result_nothing);

	if (!request)
		return;

	const struct param table[] = {
		{"cloud", PARAM_TEXT, &request->cloud},
		{"name", PARAM_TEXT, &request->object},
		{},
	};

	if (request_read(request, table))
		change_segment_delete(
			request->control, &request->principal, request->cloud, request->object,
			request_done, request
		);
}

// Interconnects

static METHOD(interconnect_create)
{
	struct request *request = request_new(call, principal, params, arg, result_interconnect);
	bool confirmed = false, wait = true;
	const char *name = NULL;

	if (!request)
		return;

	const struct param table[] = {
		{"cloud", PARAM_TEXT, &request->cloud},
		{"peer", PARAM_TEXT, &request->object},
		{"name", PARAM_TEXT | PARAM_OPTIONAL, &name},
		{"confirm_no_overlap", PARAM_BOOL | PARAM_OPTIONAL, &confirmed},
		{"wait", PARAM_BOOL | PARAM_OPTIONAL, &wait},
		{},
	};

	if (request_read(request, table))
		change_interconnect_create(
			request->control, &request->principal, request->cloud, request->object,
			name, confirmed, wait, request_done, request
		);
}

static METHOD(interconnect_delete)
{
	struct request *request = request_new(call, principal, params, arg, result_nothing);

	if (!request)
		return;

	const struct param table[] = {
		{"cloud", PARAM_TEXT, &request->cloud},
		{"name", PARAM_TEXT, &request->object},
		{},
	};

	if (request_read(request, table))
		change_interconnect_delete(
			request->control, &request->principal, request->cloud, request->object,
			request_done, request
		);
}

// Grants

static METHOD(grant_create)
{
	struct request *request = request_new(call, principal, params, arg, result_params);
	const char *word;
	enum role role;

	if (!request)
		return;

	const struct param table[] = {
		{"principal", PARAM_TEXT, &request->object},
		{"cloud", PARAM_TEXT, &request->cloud},
		{"role", PARAM_TEXT, &word},
		{},
	};

	if (!request_read(request, table))
		return;
	role = role_parse(word);
	if (role == ROLE_NONE) {
		rpc_invalid_params(call, "role: \"%.80s\" is neither reader nor contributor", word);
		request_free(request);
		return;
	}
	change_grant(
		request->control, &request->principal, request->object, request->cloud, role,
		request_done, request
	);
}

static METHOD(grant_delete)
{
	struct request *request = request_new(call, principal, params, arg, result_nothing);

	if (!request)
		return;

	const struct param table[] = {
		{"principal", PARAM_TEXT, &request->object},
		{"cloud", PARAM_TEXT, &request->cloud},
		{},
	};

	if (request_read(request, table))
		change_grant(
			request->control, &request->principal, request->object, request->cloud,
			ROLE_NONE, request_done, request
		);
}

const struct rpc_method methods[] = {
	{"cloud.create", RPC_MUTATES, cloud_create},
	{"cloud.list", RPC_READS, method_cloud_list},
	{"cloud.show", RPC_READS, method_cloud_show},
	{"cloud.set", RPC_MUTATES, cloud_set},
	{"cloud.delete", RPC_MUTATES, cloud_delete},
	{"segment.create", RPC_MUTATES, segment_create},
	{"segment.list", RPC_READS, method_segment_list},
	{"segment.delete", RPC_MUTATES, segment_delete},
	{"interconnect.create", RPC_MUTATES, interconnect_create},
	{"interconnect.list", RPC_READS, method_interconnect_list},
	{"interconnect.show", RPC_READS, method_interconnect_show},
	{"interconnect.delete", RPC_MUTATES, interconnect_delete},
	{"route.list", RPC_READS, method_route_list},
	{"explain", RPC_READS, method_explain},
	{"stats", RPC_READS, method_stats},
	{"event.list", RPC_READS, method_event_list},
	{"region.apply", RPC_MUTATES_LONG, method_region_apply},
	{"region.dump", RPC_READS, method_region_dump},
	{"port.list", RPC_READS, method_port_list},
	{"port.show", RPC_READS, method_port_show},
	{"worker.list", RPC_READS, method_worker_list},
	{"worker.set", RPC_MUTATES, method_worker_set},
	{"log.list", RPC_READS, method_log_list},
	{"log.set", RPC_READS, method_log_set},
	{"grant.create", RPC_MUTATES, grant_create},
	{"grant.list", RPC_READS, method_grant_list},
	{"grant.delete", RPC_MUTATES, grant_delete},
	{"version", RPC_READS, method_version},
	{},
};
