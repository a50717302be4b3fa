// SPDX-License-Identifier: BSD-3-Clause
#include "message.h"

#include "json.h"
#include "rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *message_error(int number, const char *code, const char *text)
{
	return json_pack(
		"{s:i, s:o, s:{s:s}}", "code", number, "message", text_to_json(text), "data",
		"code", code
	);
}

json_t *message_refusal(const struct refusal *refusal)
{
	return message_error(RPC_REFUSED, refusal_code_name(refusal->code), refusal->text);
}

char *message_answer(json_t *id, const char *member, json_t *value)
{
	json_t *answer = json_pack(
		"{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id ? id : json_null(), member, value
	);
	size_t length = json_dumpb(answer, NULL, 0, JSON_COMPACT);
	char *text = length ? malloc(length + 2) : NULL;

	if (text) {
		json_dumpb(answer, text, length, JSON_COMPACT);
		memcpy(text + length, "\n", 2);
	}
	json_decref(answer);
	return text;
}

static json_t *invalid_request(const char *text)
{
	return message_error(RPC_INVALID_REQUEST, "invalid_request", text);
}

// Shape of the request itself, up to the method's name. Returns the error, or NULL.
static json_t *check_request(struct message *message)
{
	const json_t *version = json_object_get(message->object, "jsonrpc");
	json_t *id = json_object_get(message->object, "id");

	if (json_is_array(message->object))
		return invalid_request("batches are not taken: send one request object a line");
	if (!json_is_object(message->object))
		return invalid_request("a request is a JSON object");
	if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return invalid_request("id: must be a string or a number");
	message->id = id;
	if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
		return invalid_request("jsonrpc: must be \"2.0\"");
	message->method = json_string_value(json_object_get(message->object, "method"));
	if (!message->method)
		return invalid_request("method: must be a string");
	return NULL;
}

int message_parse(const char *line, size_t length, struct message *message, json_t **error)
{
	char text[JSON_ERROR_TEXT_LENGTH + 32];
	json_error_t why;

	memset(message, 0, sizeof(*message));
	*error = NULL;
	message->object = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!message->object) {
		snprintf(text, sizeof(text), "not JSON: %s (byte %d)", why.text, why.position);
		*error = message_error(RPC_PARSE_ERROR, "parse_error", text);
		return -1;
	}
	*error = check_request(message);
	if (*error)
		return -1;
	message->params = json_object_get(message->object, "params");
	if (!message->params || json_is_object(message->params))
		return 0;
	if (message->id)
		*error = message_error(
			RPC_INVALID_PARAMS, "invalid_params", "params: must be an object"
		);
	return -1;
}

void message_free(struct message *message)
{
	json_decref(message->object);
}
