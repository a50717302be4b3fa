// SPDX-License-Identifier: BSD-3-Clause
#include "rpc_internal.h"

#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void run_soon(struct event *event)
{
	static const struct timeval now = {0};

	event_add(event, &now);
}

static void call_free(struct rpc_call *call)
{
	json_decref(call->params);
	json_decref(call->id);
	free(call);
}

static void call_start(struct rpc_call *call)
{
	struct rpc *rpc = call->rpc;
	struct principal principal = call->principal;
	json_t *params = json_incref(call->params);

	TAILQ_INSERT_TAIL(&rpc->started, call, link);
	if (call->method->kind != RPC_READS)
		rpc->mutation = call;
	call->method->run(call, &principal, params, rpc->arg);
	json_decref(params); // the call may have been answered and freed, its client too
}

void call_next_mutation(evutil_socket_t fd, short what, void *arg)
{
	struct rpc *rpc = arg;
	struct rpc_call *call = TAILQ_FIRST(&rpc->waiting);

	if (rpc->mutation || !call)
		return;
	TAILQ_REMOVE(&rpc->waiting, call, link);
	call_start(call);
}

static void call_queue(struct rpc_call *call)
{
	struct rpc *rpc = call->rpc;

	if (call->method->kind == RPC_READS) {
		call_start(call);
		return;
	}
	TAILQ_INSERT_TAIL(&rpc->waiting, call, link);
	if (!rpc->mutation)
		run_soon(rpc->next_mutation);
}

int call_new(struct rpc_client *client, const struct rpc_method *method, json_t *id, json_t *params)
{
	struct rpc_call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->rpc = client->rpc;
	call->client = client;
	call->method = method;
	call->principal = client->principal;
	call->params = params ? json_incref(params) : json_object();
	call->id = json_incref(id);
	if (!call->params) {
		call_free(call);
		return -ENOMEM;
	}
	client->call = call;
	call_queue(call);
	return 0;
}

// The one end of every call that was started. Nothing else of this call may be used after it, nor
// does anything else run inside it: the next line and the next mutation start from the loop, since
// the change that is being answered is still on the stack.
static void call_finish(struct rpc_call *call, const char *member, json_t *value)
{
	struct rpc *rpc = call->rpc;
	struct rpc_client *client = call->client;

	if (rpc) {
		TAILQ_REMOVE(&rpc->started, call, link);
		if (rpc->mutation == call) {
			rpc->mutation = NULL;
			run_soon(rpc->next_mutation);
		}
	}
	if (client) {
		client->call = NULL;
		if (call->id)
			client_send(client, call->id, member, json_incref(value));
		else
			client_resume(client);
	}
	json_decref(value);
	call_free(call);
}

void rpc_progress(struct rpc_call *call, const char *what, unsigned done, unsigned total)
{
	if (call->client)
		client_notify(
			call->client, "progress",
			json_pack(
				"{s:s, s:i, s:i}", "what", what, "done", (int)done, "total",
				(int)total
			)
		);
}

void rpc_answer(struct rpc_call *call, json_t *result)
{
	static const struct refusal no_memory = {
		REFUSAL_out_of_memory, "t0xd has not enough memory to answer: ask for less"};

	if (result)
		call_finish(call, "result", result);
	else
		rpc_refuse(call, &no_memory);
}

void rpc_refuse(struct rpc_call *call, const struct refusal *refusal)
{
	call_finish(call, "error", message_refusal(refusal));
}

void rpc_invalid_params(struct rpc_call *call, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call_finish(call, "error", message_error(RPC_INVALID_PARAMS, "invalid_params", text));
}

void call_detach_all(struct rpc *rpc)
{
	struct rpc_call *call;

	while ((call = TAILQ_FIRST(&rpc->waiting))) {
		TAILQ_REMOVE(&rpc->waiting, call, link);
		call_free(call);
	}
	// Somebody holds these and will answer them.
	while ((call = TAILQ_FIRST(&rpc->started))) {
		TAILQ_REMOVE(&rpc->started, call, link);
		call->rpc = NULL;
	}
}
