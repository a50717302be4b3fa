// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"

#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES (64 * 1024) // of a request; t0xd's RPC_LINE_MAX
#define LINE_MAX_LONG_BYTES (32 * 1024 * 1024) // RPC_LINE_MAX_LONG
#define REQUEST_ID 1

const char *client_socket = "/run/t0x/t0x.sock";

static int refuse_unreachable(int error)
{
	switch (error) {
	case ENOENT:
		return output_refuse(
			"unreachable",
			"there is no socket %s: t0xd does not run (systemctl start t0xd), or "
			"listens elsewhere (give its path with --socket)",
			client_socket
		);
	case ECONNREFUSED:
		return output_refuse(
			"unreachable",
			"nobody listens on %s: t0xd has ended; start it (systemctl start t0xd)",
			client_socket
		);
	case EACCES:
	case EPERM:
		return output_refuse(
			"unreachable",
			"you may not use %s: be root, or have root add you to the group t0x and "
			"log in again",
			client_socket
		);
	default:
		return output_refuse(
			"unreachable", "cannot connect to %s: %s", client_socket, strerror(error)
		);
	}
}

// A connection, or -1 when the reason has been printed.
static int connect_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(client_socket) >= sizeof(address.sun_path)) {
		refuse_unreachable(ENAMETOOLONG);
		return -1;
	}
	memcpy(address.sun_path, client_socket, strlen(client_socket) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		refuse_unreachable(errno);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

// A server that closes early has said why before: its answer is read whether or not it took all.
static void send_line(int fd, const char *line, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, line, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		line += n;
		length -= (size_t)n;
	}
}

// What has been received and not yet taken.
struct input {
	char *bytes;
	size_t used;
	size_t size;
};

static void make_room(struct input *input)
{
	if (input->used < input->size)
		return;
	input->size = input->size ? 2 * input->size : 16 * 1024;
	input->bytes = realloc(input->bytes, input->size);
	if (!input->bytes)
		abort();
}

// Read until there is a whole line. Returns its length without the newline, or -1 if none came.
static ssize_t receive_line(int fd, struct input *input)
{
	size_t searched = 0;

	for (;;) {
		const char *end = input->used > searched
			? memchr(input->bytes + searched, '\n', input->used - searched)
			: NULL;
		ssize_t n;

		if (end)
			return end - input->bytes;
		searched = input->used;
		make_room(input);
		n = read(fd, input->bytes + input->used, input->size - input->used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		input->used += (size_t)n;
	}
}

static void drop_line(struct input *input, size_t length)
{
	input->used -= length + 1;
	memmove(input->bytes, input->bytes + length + 1, input->used);
}

static void refuse_bad_answer(void)
{
	output_refuse(
		"bad_answer", "what answers on %s is not t0xd, or one of another version",
		client_socket
	);
}

// Print an error object.
static void refuse_error(const json_t *error)
{
	const char *code =
		json_string_value(json_object_get(json_object_get(error, "data"), "code"));
	const char *text = json_string_value(json_object_get(error, "message"));

	if (code && text)
		output_refuse(code, "%s", text);
	else
		refuse_bad_answer();
}

// The result in an answer, or NULL when what there is instead has been printed.
static json_t *take_result(const json_t *answer)
{
	json_t *error = json_object_get(answer, "error");
	json_t *result = json_object_get(answer, "result");

	if (json_integer_value(json_object_get(answer, "id")) != REQUEST_ID)
		result = NULL;
	if (error) {
		refuse_error(error);
		result = NULL;
	} else if (!result) {
		refuse_bad_answer();
	}
	return json_incref(result);
}

// Receive up to the answer; notifications on the way are noticed, if somebody does.
static json_t *receive_answer(int fd, client_notice *notice)
{
	struct input input = {};
	json_t *result = NULL, *message = NULL;
	const char *method;
	ssize_t length;

	do {
		json_decref(message);
		message = NULL;
		length = receive_line(fd, &input);
		if (length < 0)
			break;
		message = json_loadb(input.bytes, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
		drop_line(&input, (size_t)length);
		method = json_string_value(json_object_get(message, "method"));
		if (method && notice)
			notice(json_object_get(message, "params"));
	} while (method);
	if (length >= 0)
		result = take_result(message);
	else
		output_refuse(
			"unreachable",
			"t0xd ended the connection before it answered: whether it did what was "
			"asked, list or show will tell"
		);
	json_decref(message);
	free(input.bytes);
	return result;
}

static json_t *call(const char *method, json_t *params, size_t max, client_notice *notice)
{
	json_t *request = json_pack(
		"{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", REQUEST_ID, "method", method,
		"params", params
	);
	char *line = json_dumps(request, JSON_COMPACT);
	size_t length = line ? strlen(line) : 0;
	json_t *result = NULL;
	int fd;

	json_decref(request);
	if (!line)
		abort(); // without memory: nothing has been asked
	if (length > max) {
		output_refuse(
			"line_too_long", "the request has %zu bytes: t0xd takes at most %zu",
			length, max
		);
		free(line);
		return NULL;
	}
	fd = connect_socket();
	if (fd >= 0) {
		line[length] = '\n'; // in place of the final NUL
		send_line(fd, line, length + 1);
		result = receive_answer(fd, notice);
		close(fd);
	}
	free(line);
	return result;
}

json_t *client_call(const char *method, json_t *params)
{
	return call(method, params, LINE_MAX_BYTES, NULL);
}

json_t *client_call_long(const char *method, json_t *params, client_notice *notice)
{
	return call(method, params, LINE_MAX_LONG_BYTES, notice);
}

static json_t *check_kind(json_t *result, json_type kind)
{
	if (!result || json_typeof(result) == kind)
		return result;
	json_decref(result);
	refuse_bad_answer();
	return NULL;
}

json_t *client_list(const char *method, json_t *params)
{
	return check_kind(client_call(method, params), JSON_ARRAY);
}

json_t *client_object(const char *method, json_t *params)
{
	return check_kind(client_call(method, params), JSON_OBJECT);
}
