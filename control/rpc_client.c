// SPDX-License-Identifier: BSD-3-Clause
#include "rpc_internal.h"

#include "log.h"
#include "message.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "rpc"

void client_resume(struct rpc_client *client)
{
	run_soon(client->resume);
}

void client_send(struct rpc_client *client, json_t *id, const char *member, json_t *value)
{
	char *line = message_answer(id, member, value);

	if (!line || bufferevent_write(client->stream, line, strlen(line)) < 0) {
		client->closing = true;
		client_resume(client);
	}
	free(line);
}

void client_notify(struct rpc_client *client, const char *method, json_t *params)
{
	bool idle = evbuffer_get_length(bufferevent_get_output(client->stream)) == 0;
	json_t *object =
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
	char *line = idle && object ? json_dumps(object, JSON_COMPACT) : NULL;

	if (line) {
		evbuffer_add_printf(bufferevent_get_output(client->stream), "%s\n", line);
		free(line);
	}
	json_decref(object);
}

void client_free(struct rpc_client *client)
{
	struct rpc *rpc = client->rpc;

	if (client->call)
		client->call->client = NULL;
	TAILQ_REMOVE(&rpc->clients, client, link);
	rpc->n_clients--;
	rpc->full = false;
	if (client->stream)
		bufferevent_free(client->stream);
	if (client->resume)
		event_free(client->resume);
	free(client);
}

static const struct rpc_method *find_method(const struct rpc *rpc, const char *name)
{
	const struct rpc_method *method = rpc->methods;

	while (method->name && strcmp(method->name, name) != 0)
		method++;
	return method->name ? method : NULL;
}

static size_t line_max(const struct rpc_client *client)
{
	return client->principal.admin ? RPC_LINE_MAX_LONG : RPC_LINE_MAX;
}

static void dispatch(struct rpc_client *client, const struct message *message, size_t length)
{
	const struct rpc_method *method = find_method(client->rpc, message->method);
	char text[160];

	if (method && length > RPC_LINE_MAX && method->kind != RPC_MUTATES_LONG) {
		snprintf(
			text, sizeof(text), "a request for %s is at most %d bytes", method->name,
			RPC_LINE_MAX
		);
		client_send(
			client, message->id, "error",
			message_error(RPC_INVALID_REQUEST, "line_too_long", text)
		);
		return;
	}
	if (method) {
		if (call_new(client, method, message->id, message->params) == 0)
			return;
		client->closing = true;
	} else if (message->id) {
		snprintf(text, sizeof(text), "there is no method \"%.100s\"", message->method);
		client_send(
			client, message->id, "error",
			message_error(RPC_METHOD_NOT_FOUND, "method_not_found", text)
		);
		return;
	}
	client_resume(client);
}

// 'client' may be gone afterwards.
static void handle_line(struct rpc_client *client, size_t length)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	const char *line = length ? (const char *)evbuffer_pullup(input, (ssize_t)length) : "";
	struct message message;
	json_t *error;
	int parsed = message_parse(line, length, &message, &error);

	client->searched = 0;
	evbuffer_drain(input, length + 1); // at the end of the stream there is no newline to drain
	if (parsed == 0)
		dispatch(client, &message, length);
	else if (error)
		client_send(client, message.id, "error", error);
	else
		client_resume(client);
	message_free(&message);
}

static void refuse_long_line(struct rpc_client *client)
{
	char text[128];

	snprintf(
		text, sizeof(text), "a request line is at most %zu bytes: this connection ends",
		line_max(client)
	);
	client->closing = true;
	bufferevent_disable(client->stream, EV_READ);
	client_send(
		client, NULL, "error", message_error(RPC_INVALID_REQUEST, "line_too_long", text)
	);
}

// Where the client's first line ends; -1: not yet. A long one comes in many pieces, of which each
// is looked at once.
static ssize_t find_line(struct rpc_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	struct evbuffer_ptr from, end;

	if (evbuffer_ptr_set(input, &from, client->searched, EVBUFFER_PTR_SET) < 0)
		return -1;
	end = evbuffer_search(input, "\n", 1, &from);
	if (end.pos < 0)
		client->searched = evbuffer_get_length(input);
	return end.pos;
}

// Take the next line, when its turn has come: nothing is under way, and the last answer is out.
// Everything that ends a turn leads back here through the event loop.
static void client_step(struct rpc_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	size_t length;
	ssize_t end;

	if (client->call || evbuffer_get_length(bufferevent_get_output(client->stream)) > 0)
		return;
	end = find_line(client);
	length = end < 0 ? evbuffer_get_length(input) : (size_t)end;
	if (client->closing)
		client_free(client);
	else if (length > line_max(client))
		refuse_long_line(client);
	else if (end >= 0 || (client->eof && length > 0))
		handle_line(client, length);
	else if (client->eof)
		client_free(client);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	client_step(arg);
}

static void on_stream(struct bufferevent *stream, void *arg) // more input, or all output is out
{
	client_step(arg);
}

// The stall time also runs while this thread is busy with something else: only a socket that takes
// nothing now has a reader that stalls.
static bool takes_output(const struct rpc_client *client)
{
	struct pollfd fd = {.fd = bufferevent_getfd(client->stream), .events = POLLOUT};

	return poll(&fd, 1, 0) == 1 && fd.revents == POLLOUT;
}

static void on_stream_event(struct bufferevent *stream, short what, void *arg)
{
	struct rpc_client *client = arg;

	if ((what & BEV_EVENT_TIMEOUT) && takes_output(client)) {
		bufferevent_enable(stream, EV_WRITE);
	} else if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING)) {
		client->eof = true;
		client_step(client);
	} else {
		if (what & BEV_EVENT_TIMEOUT)
			LOG(NOTICE, "event=stalled principal=%s", client->principal.name);
		client_free(client);
	}
}

void client_new(struct rpc *rpc, evutil_socket_t fd, const struct principal *principal)
{
	struct rpc_client *client = calloc(1, sizeof(*client));

	if (!client) {
		close(fd);
		return;
	}
	client->rpc = rpc;
	client->principal = *principal;
	TAILQ_INSERT_TAIL(&rpc->clients, client, link);
	rpc->n_clients++;
	client->resume = event_new(rpc->base, -1, 0, on_resume, client);
	client->stream = bufferevent_socket_new(rpc->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->stream)
		close(fd);
	if (!client->stream || !client->resume) {
		client_free(client);
		return;
	}
	bufferevent_setcb(client->stream, on_stream, on_stream, on_stream_event, client);
	// Enough to see that a line is too long; beyond it the rest waits in the kernel.
	bufferevent_setwatermark(client->stream, EV_READ, 0, line_max(client) + 2);
	bufferevent_set_timeouts(client->stream, NULL, &rpc->stall);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}
