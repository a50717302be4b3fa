// SPDX-License-Identifier: BSD-3-Clause
// What the three files of the RPC server share. A client has at most one call; a call outlives its
// client and the server, until whoever holds it answers it.
#pragma once

#include "rpc.h"

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/time.h>

struct bufferevent;
struct evconnlistener;

struct rpc_client {
	TAILQ_ENTRY(rpc_client) link;
	struct rpc *rpc;
	struct bufferevent *stream;
	struct event *resume; // look at the next line from the event loop
	struct rpc_call *call; // not yet answered, or NULL
	struct principal principal;
	size_t searched; // bytes of its input that hold no newline
	bool eof; // nothing more will come; answers still go out
	bool closing; // close once the output is out
};

struct rpc_call {
	TAILQ_ENTRY(rpc_call) link; // in rpc->waiting or rpc->started
	struct rpc *rpc; // NULL after rpc_close()
	struct rpc_client *client; // NULL when gone
	const struct rpc_method *method;
	struct principal principal;
	json_t *params;
	json_t *id; // NULL: a notification, which gets no answer
};

TAILQ_HEAD(clients, rpc_client);
TAILQ_HEAD(calls, rpc_call);

struct rpc {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *accept_again; // after the process was out of descriptors
	struct event *next_mutation;
	const struct rpc_method *methods;
	void *arg;
	struct clients clients;
	unsigned n_clients;
	struct calls waiting; // mutations whose turn has not come
	struct calls started;
	struct rpc_call *mutation; // the one of 'started' that mutates, or NULL
	struct timeval stall;
	bool full; // said so in the log
	char *path;
};

// rpc_client.c: connections and their lines.

// Serve a connection; takes 'fd', also when it fails.
void client_new(struct rpc *rpc, evutil_socket_t fd, const struct principal *principal);
void client_free(struct rpc_client *client);

// Send {"jsonrpc","id",member: value}. Takes 'value'. Without memory for it the connection ends: a
// client must not take the answer to its next request for that to this one.
void client_send(struct rpc_client *client, json_t *id, const char *member, json_t *value);

// Send {"jsonrpc","method","params"}, unless the client has not read what was sent before. Takes
// 'params'.
void client_notify(struct rpc_client *client, const char *method, json_t *params);

// Look at the client's next line, from the event loop.
void client_resume(struct rpc_client *client);

// rpc_call.c: calls and their turns.

// A call of 'client', which becomes its one call, run at once or when its turn comes. 'id' and
// 'params' may be NULL. Returns 0 or -ENOMEM.
int call_new(
	struct rpc_client *client, const struct rpc_method *method, json_t *id, json_t *params
);

// Begin the mutation that has waited longest, if none is under way. 'arg' is the struct rpc.
void call_next_mutation(evutil_socket_t fd, short what, void *arg);

// The server closes: forget what waits, let go of what has started.
void call_detach_all(struct rpc *rpc);

// Let an event run from the loop. A timeout of zero, not event_active(): the loop polls in between,
// so that one busy client does not keep out the others.
void run_soon(struct event *event);
