// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0 messages: what a line must be, and what an answer looks like. No sockets here.
#pragma once

#include "refusal.h"

#include <jansson.h>
#include <stddef.h>

// A request that has the right shape. The members belong to 'object'.
struct message {
	json_t *object;
	const char *method;
	json_t *id; // NULL: a notification, or not known
	json_t *params; // an object, or NULL
};

// Decode one line of 'length' bytes. Returns 0, or -1 with the error to answer in 'error', NULL
// where a wrong notification gets no answer; 'message->id' is valid in both cases, and
// message_free() is due.
int message_parse(const char *line, size_t length, struct message *message, json_t **error);
void message_free(struct message *message);

// An error object: {"code":number,"message":text,"data":{"code":code}}. NULL without memory.
json_t *message_error(int number, const char *code, const char *text);
json_t *message_refusal(const struct refusal *refusal);

// The text of an answer, with its newline; 'member' is "result" or "error", 'id' may be NULL. Takes
// 'value', not 'id'. To be freed; NULL without memory or without value.
char *message_answer(json_t *id, const char *member, json_t *value);
