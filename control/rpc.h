// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0 over a Unix stream socket, one object a line.
//
// The server frames, decodes and answers; what a method does stands in method.c. A client's
// requests are answered in order, one at a time: the next line is read when the answer is out.
// Mutating methods run one after the other over all clients, so that a change sees a region in
// which no other change is half-way. A line is at most RPC_LINE_MAX, or for some methods and the
// administrator RPC_LINE_MAX_LONG (longer: the error names the limit, and the connection is
// closed); a client that does not read its answers is not read from either, and is closed after
// RPC_STALL_SECONDS without progress. A half-closed client still gets its answer. Control thread.
#pragma once

#include "refusal.h"
#include "rules.h"

#include <jansson.h>
#include <stddef.h>

#define RPC_LINE_MAX (64 * 1024)
#define RPC_LINE_MAX_LONG (32 * 1024 * 1024) // of the administrator, for methods that say so
#define RPC_CLIENTS_MAX 256
#define RPC_CLIENTS_ADMIN 8 // of them, kept for the administrator
#define RPC_STALL_SECONDS 30

// JSON-RPC 2.0 error codes. A refusal is RPC_REFUSED with data {"code": "..."}.
#define RPC_PARSE_ERROR (-32700)
#define RPC_INVALID_REQUEST (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS (-32602)
#define RPC_REFUSED (-32000)

struct event_base;
struct rpc;
struct rpc_call; // one request on its way; answered exactly once by one of the three calls below

enum rpc_kind {
	RPC_READS,
	RPC_MUTATES,
	RPC_MUTATES_LONG, // takes a line of up to RPC_LINE_MAX_LONG
};

struct rpc_method {
	const char *name; // "interconnect.create"
	enum rpc_kind kind;
	// Must answer the call, at once or later. 'principal' and 'params' (an object, never NULL)
	// hold until it returns, even if the call is answered before; take what is needed longer.
	void (*run
	)(struct rpc_call *call, const struct principal *principal, json_t *params, void *arg);
};

// Listen on 'path' (a stale socket is replaced; its directory is created 0755; mode 0660, group
// "t0x" where that exists). 'methods' ends with a NULL name. Returns NULL with 'error' filled.
struct rpc *rpc_open(
	struct event_base *base, const char *path, const struct rpc_method *methods, void *arg,
	char *error, size_t size
);

// Close the listener and all clients; unlinks the socket. Calls not yet answered may still be
// answered after it: the answer goes nowhere. NULL is fine.
void rpc_close(struct rpc *rpc);

// For tests of slow readers: close them after this time without progress.
void rpc_set_stall(struct rpc *rpc, unsigned milliseconds);

// Tell a client that waits how far its call has got: a notification ("method": "progress", params
// {"what", "done", "total"}) before the answer. Nothing is sent while earlier ones are not out.
void rpc_progress(struct rpc_call *call, const char *what, unsigned done, unsigned total);

// The answer. 'result' is taken over; NULL, from an encoder without memory, is answered as
// out_of_memory. The client may be gone: then nothing happens.
void rpc_answer(struct rpc_call *call, json_t *result);
void rpc_refuse(struct rpc_call *call, const struct refusal *refusal);
void rpc_invalid_params(struct rpc_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
