// SPDX-License-Identifier: BSD-3-Clause
#include "method_read.h"

#include "control.h"
#include "json.h"
#include "params.h"

#include <string.h>

#define EVENTS_DEFAULT 100

// Collects a list; one failed append makes the whole list fail.
struct list {
	json_t *array;
	int bad;
};

static struct list list_new(void)
{
	return (struct list){.array = json_array()};
}

static void list_add(struct list *list, json_t *item)
{
	list->bad |= json_array_append_new(list->array, item);
}

static void list_answer(struct list *list, struct rpc_call *call)
{
	if (list->bad) {
		json_decref(list->array);
		list->array = NULL;
	}
	rpc_answer(call, list->array);
}

bool method_may_see(
	const struct region *region, const struct principal *principal,
	const struct interconnect *interconnect
)
{
	return rule_may_read(region, principal, interconnect->cloud) ||
		rule_may_read(region, principal, interconnect->peer);
}

// The cloud that a parameter names, or NULL when the call has been refused.
static const struct cloud *readable_cloud(
	struct rpc_call *call, const struct region *region, const struct principal *principal,
	const char *name
)
{
	struct refusal refusal;
	const struct cloud *cloud = rule_readable_cloud(region, principal, name, &refusal);

	if (!cloud)
		rpc_refuse(call, &refusal);
	return cloud;
}

// Clouds and segments

METHOD(method_cloud_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct param table[] = {{}};
	struct list list;

	if (!params_read(call, params, table))
		return;
	list = list_new();
	for (unsigned i = 0; i < region->n_clouds; i++) {
		json_t *cloud;

		if (!rule_may_read(region, principal, region->clouds[i]))
			continue;
		cloud = cloud_status_to_json(region->clouds[i]);
		json_object_del(cloud, "segments"); // up to 1,000 a cloud: asked for one by one
		list_add(&list, cloud);
	}
	list_answer(&list, call);
}

METHOD(method_cloud_show)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct cloud *cloud;
	const char *name;
	const struct param table[] = {{"name", PARAM_TEXT, &name}, {}};

	if (!params_read(call, params, table))
		return;
	cloud = readable_cloud(call, region, principal, name);
	if (cloud)
		rpc_answer(call, cloud_status_to_json(cloud));
}

METHOD(method_segment_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct cloud *cloud;
	const char *name;
	const struct param table[] = {{"cloud", PARAM_TEXT, &name}, {}};
	struct list list;

	if (!params_read(call, params, table))
		return;
	cloud = readable_cloud(call, region, principal, name);
	if (!cloud)
		return;
	list = list_new();
	for (unsigned i = 0; i < cloud->n_segments; i++)
		list_add(&list, segment_to_json(&cloud->segments[i]));
	list_answer(&list, call);
}

// Interconnects

METHOD(method_interconnect_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct cloud *cloud = NULL;
	const char *name = NULL;
	const struct param table[] = {{"cloud", PARAM_TEXT | PARAM_OPTIONAL, &name}, {}};
	struct list list;

	if (!params_read(call, params, table))
		return;
	if (name) {
		cloud = readable_cloud(call, region, principal, name);
		if (!cloud)
			return;
	}
	list = list_new();
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		const struct interconnect *one = region->interconnects[i];

		if (cloud ? one->cloud == cloud || one->peer == cloud
			  : method_may_see(region, principal, one))
			list_add(&list, method_interconnect_to_json(one));
	}
	list_answer(&list, call);
}

METHOD(method_interconnect_show)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct interconnect *interconnect;
	const struct cloud *cloud;
	const char *cloud_name, *name;
	const struct param table[] = {
		{"cloud", PARAM_TEXT, &cloud_name},
		{"name", PARAM_TEXT, &name},
		{},
	};
	struct refusal refusal;

	if (!params_read(call, params, table))
		return;
	cloud = readable_cloud(call, region, principal, cloud_name);
	if (!cloud)
		return;
	interconnect = region_interconnect(cloud, name);
	if (interconnect) {
		rpc_answer(call, method_interconnect_to_json(interconnect));
		return;
	}
	refuse(&refusal, REFUSAL_interconnect_not_found,
	       "cloud %s has no interconnect \"%.80s\": t0xctl interconnect list %s shows those "
	       "there are",
	       cloud->name, name, cloud->name);
	rpc_refuse(call, &refusal);
}

// Grants: everyone may know his own.

METHOD(method_grant_list)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct param table[] = {{}};
	struct list list;

	if (!params_read(call, params, table))
		return;
	list = list_new();
	for (unsigned i = 0; i < region->n_grants; i++) {
		const struct grant *grant = &region->grants[i];

		if (principal->admin || strcmp(grant->principal, principal->name) == 0)
			list_add(&list, grant_to_json(grant));
	}
	list_answer(&list, call);
}

// Events

struct event_filter {
	const struct region *region;
	const struct principal *principal;
	struct list list;
};

// An event is as visible as the clouds that it is about. What is about no cloud, or about one that
// is gone, only the administrator sees.
static void filter_event(const struct event *event, void *arg)
{
	struct event_filter *filter = arg;
	const struct cloud *cloud = region_cloud(filter->region, event->cloud);
	const struct cloud *peer = region_cloud(filter->region, event->peer);

	if (filter->principal->admin ||
	    (cloud && rule_may_read(filter->region, filter->principal, cloud)) ||
	    (peer && rule_may_read(filter->region, filter->principal, peer)))
		list_add(&filter->list, event_to_json(event));
}

METHOD(method_event_list)
{
	struct exchange_control *control = arg;
	struct event_filter filter = {.region = &control->region, .principal = principal};
	json_int_t after = 0, max = EVENTS_DEFAULT;
	const struct param table[] = {
		{"after", PARAM_NUMBER | PARAM_OPTIONAL, &after},
		{"max", PARAM_NUMBER | PARAM_OPTIONAL, &max},
		{},
	};
	struct refusal refusal;
	struct list newest;

	if (!params_read(call, params, table))
		return;
	if (after < 0 || max < 1 || max > EVENTS_KEPT) {
		rpc_invalid_params(
			call, after < 0 ? "after: must not be negative" : "max: must be 1 to %d",
			EVENTS_KEPT
		);
		return;
	}
	// The newest 'max' of those that may be seen: the store cannot tell which these are.
	filter.list = list_new();
	if (store_list_events(
		    control->store, after, principal->admin ? (unsigned)max : EVENTS_KEPT,
		    filter_event, &filter
	    ) < 0) {
		json_decref(filter.list.array);
		refuse(&refusal, REFUSAL_store_failed, "the events could not be read: %s",
		       store_error(control->store));
		rpc_refuse(call, &refusal);
		return;
	}
	newest = list_new();
	newest.bad = filter.list.bad;
	for (size_t n = json_array_size(filter.list.array), i = n > (size_t)max ? n - max : 0;
	     i < n; i++)
		list_add(&newest, json_incref(json_array_get(filter.list.array, i)));
	json_decref(filter.list.array);
	list_answer(&newest, call);
}

// The whole

METHOD(method_region_dump)
{
	const struct region *region = &((struct exchange_control *)arg)->region;
	const struct param table[] = {{}};
	struct refusal refusal;

	if (!params_read(call, params, table))
		return;
	if (rule_admin(principal, "dump the region", &refusal) < 0)
		rpc_refuse(call, &refusal);
	else
		rpc_answer(call, region_to_json(region));
}

METHOD(method_version)
{
	const struct param table[] = {{}};

	if (params_read(call, params, table))
		rpc_answer(call, json_pack("{s:s}", "version", T0X_VERSION));
}
