// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <rte_cycles.h>

static json_int_t lost(const struct flow_count *count)
{
	return (json_int_t)(count->sent + count->cuts - count->received - count->corrupt);
}

// Members that a flow and their sum have in common.
static int add_counts(json_t *object, const struct flow_count *count)
{
	json_t *counts = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
		(json_int_t)count->sent, "cuts", (json_int_t)count->cuts, "refused",
		(json_int_t)count->refused, "received", (json_int_t)count->received, "lost",
		lost(count), "duplicate", (json_int_t)count->duplicate, "reordered",
		(json_int_t)count->reordered, "corrupt", (json_int_t)count->corrupt, "unexpected",
		(json_int_t)count->unexpected, "bytes", (json_int_t)count->bytes
	);
	int code = counts ? json_object_update(object, counts) : -1;

	json_decref(counts);
	return code;
}

static json_t *flow_to_json(const struct account *account, unsigned i)
{
	const struct description *description = account->description;
	const struct flow *flow = &description->flows[i];
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:i, s:s?}", "from", description->clouds[flow->from].name, "to",
		description->clouds[flow->to].name, "kind", kind_name(flow->kind), "family",
		flow->family == IPV4 ? 4 : 6, "reason", kind_reason(flow->kind)
	);

	if (object && add_counts(object, &account->flows[i].count) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *latency_to_json(const struct latency *latency)
{
	double us = (double)rte_get_tsc_hz() / 1e6;

	if (latency->samples == 0)
		return json_null();
	return json_pack(
		"{s:I, s:f, s:f}", "samples", (json_int_t)latency->samples, "p50",
		(double)latency_quantile(latency, 0.5) / us, "p99",
		(double)latency_quantile(latency, 0.99) / us
	);
}

json_t *report_trial(const struct trial *trial, const struct result *result)
{
	const struct account *account = &result->account;
	struct flow_count sum = account_sum(account, false);
	json_t *flows = json_array(), *clouds = json_array(), *ports = json_array();
	json_t *object;
	int bad = 0;

	for (unsigned i = 0; i < account->description->n_flows; i++)
		bad |= json_array_append_new(flows, flow_to_json(account, i));
	for (unsigned i = 0; i < account->description->n_clouds; i++)
		bad |= json_array_append_new(
			clouds,
			json_pack(
				"{s:s, s:I, s:I}", "cloud", account->description->clouds[i].name,
				"icmp_errors", (json_int_t)account->clouds[i].icmp_errors, "other",
				(json_int_t)account->clouds[i].other
			)
		);
	for (unsigned i = 0; i < result->n_ports; i++)
		bad |= json_array_append_new(
			ports,
			json_pack(
				"{s:I, s:I}", "received", (json_int_t)result->ports[i].received,
				"missed", (json_int_t)result->ports[i].missed
			)
		);
	object = json_pack(
		"{s:f, s:f, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "seconds", result->seconds, "rate",
		trial->rate, "offered", (json_int_t)trial_offered(&sum), "skipped",
		(json_int_t)result->skipped, "stray", (json_int_t)account->stray, "latency_us",
		latency_to_json(&account->latency), "ports", ports, "clouds", clouds, "flows", flows
	);
	if (object && !bad && add_counts(object, &sum) == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *report_search(
	const char *size, const struct search *search, double ceiling,
	const struct search_result *found
)
{
	return json_pack(
		"{s:s, s:f, s:f, s:f, s:f, s:i}", "size", size, "tolerance_percent",
		search->tolerance * 100, "ceiling", ceiling, "rate", found->rate, "loss_percent",
		found->loss * 100, "trials", (int)found->trials
	);
}

int report_print(json_t *object)
{
	int code = object ? json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;

	if (code == 0 && (putchar('\n') == EOF || fflush(stdout) == EOF))
		code = -1;
	json_decref(object);
	return code;
}
