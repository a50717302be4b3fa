// SPDX-License-Identifier: BSD-3-Clause
// A server with a small method table of its own, in a thread, and clients to torment it.
//
// The thread of the test is the client; it touches nothing of the server but its socket and the
// pipe that stops it. Counters of the server are read when an answer says that they are settled.
#pragma once

#include "control/rpc.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG (1 << 20)
#define HELD_MAX 512

static struct server {
	char dir[64];
	char path[96];
	struct event_base *base;
	struct rpc *rpc;
	pthread_t thread;
	int stop[2];
	struct rpc_call *held[HELD_MAX];
	unsigned n_held;
	unsigned mutations_running;
	unsigned mutations_running_max;
	int order[HELD_MAX]; // tags of mutations as they began
	unsigned n_order;
	atomic_uint n_big;
	atomic_uint n_noted;
} server;

// Methods

static void run_echo(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	rpc_answer(call, json_incref(params));
}

static void run_note(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	server.n_noted++;
	rpc_answer(call, json_object());
}

static void run_whoami(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	rpc_answer(call, json_pack("{s:s, s:b}", "name", p->name, "admin", (int)p->admin));
}

static void run_big(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	char *text = malloc(BIG + 1);

	memset(text, 'x', BIG);
	text[BIG] = '\0';
	server.n_big++;
	rpc_answer(call, json_string(text));
	free(text);
}

// How much it was given, after having told of its progress twice at once.
static void run_long(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	rpc_progress(call, "reading", 1, 2);
	rpc_progress(call, "reading", 2, 2);
	rpc_answer(
		call, json_integer((json_int_t)json_string_length(json_object_get(params, "x")))
	);
}

static void run_refuse(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	struct refusal refusal;

	refuse(&refusal, REFUSAL_same_cloud, "both are pc1, cut in a character: \xc3");
	rpc_refuse(call, &refusal);
}

static void run_params(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	rpc_invalid_params(call, "mtu: must be %s", "a number");
}

static void run_no_memory(struct rpc_call *call, const struct principal *p, json_t *j, void *arg)
{
	rpc_answer(call, NULL);
}

// Kept until somebody calls "release". The parameters must still be there after the answer.
static void run_hold(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	server.held[server.n_held++] = call;
}

static void run_release(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	unsigned n = server.n_held;

	server.n_held = 0;
	for (unsigned i = 0; i < n; i++)
		rpc_answer(server.held[i], json_string("released"));
	rpc_answer(call, json_integer(n));
}

static void run_held(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	rpc_answer(call, json_integer(server.n_held));
}

static void end_mutation(evutil_socket_t fd, short what, void *arg)
{
	server.mutations_running--;
	rpc_answer(arg, json_integer(server.n_order));
}

static void begin_mutation(json_t *params)
{
	if (server.n_order < HELD_MAX)
		server.order[server.n_order++] =
			(int)json_integer_value(json_object_get(params, "tag"));
	server.mutations_running++;
	if (server.mutations_running > server.mutations_running_max)
		server.mutations_running_max = server.mutations_running;
}

static void run_mutate(struct rpc_call *call, const struct principal *p, json_t *params, void *arg)
{
	static const struct timeval soon = {.tv_usec = 300};

	begin_mutation(params);
	event_base_once(server.base, -1, EV_TIMEOUT, end_mutation, call, &soon);
}

// Answers before it returns, and then uses what it was given.
static void run_mutate_now(struct rpc_call *call, const struct principal *p, json_t *j, void *arg)
{
	begin_mutation(j);
	rpc_answer(call, json_object());
	if (memcmp(p->name, "uid:", 4) != 0 || json_object_size(j) > 100)
		abort();
	server.mutations_running--;
}

static const struct rpc_method test_methods[] = {
	{"echo", false, run_echo},
	{"note", false, run_note},
	{"whoami", false, run_whoami},
	{"big", false, run_big},
	{"refuse", false, run_refuse},
	{"params", false, run_params},
	{"no_memory", false, run_no_memory},
	{"hold", false, run_hold},
	{"held", false, run_held},
	{"release", false, run_release},
	{"mutate", true, run_mutate},
	{"mutate_now", true, run_mutate_now},
	{"mutate_hold", true, run_hold},
	{"long", RPC_MUTATES_LONG, run_long},
	{},
};

// The server

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	rpc_close(server.rpc);
	// Whoever holds a call may still answer it; nobody hears it.
	for (unsigned i = 0; i < server.n_held; i++)
		rpc_answer(server.held[i], json_string("too late"));
	event_base_loopbreak(server.base);
}

static void *serve(void *arg)
{
	struct event *stop = event_new(server.base, server.stop[0], EV_READ, on_stop, NULL);

	event_add(stop, NULL);
	event_base_dispatch(server.base);
	event_free(stop);
	return NULL;
}

static void start_stalling_after(unsigned ms)
{
	char error[256] = "";

	memset(&server, 0, sizeof(server));
	strcpy(server.dir, "/tmp/t0x-rpc-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	snprintf(server.path, sizeof(server.path), "%s/run/t0x.sock", server.dir);
	server.base = event_base_new();
	server.rpc = rpc_open(server.base, server.path, test_methods, NULL, error, sizeof(error));
	if (!server.rpc)
		fail_msg("%s", error);
	if (ms)
		rpc_set_stall(server.rpc, ms);
	assert_int_equal(pipe(server.stop), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static int start(void **state)
{
	start_stalling_after(0);
	return 0;
}

static int start_impatient(void **state)
{
	start_stalling_after(1000);
	return 0;
}

static int stop(void **state)
{
	char path[96];

	assert_int_equal(write(server.stop[1], "q", 1), 1);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	event_base_free(server.base);
	close(server.stop[0]);
	close(server.stop[1]);
	assert_int_equal(access(server.path, F_OK), -1); // rpc_close() took it away
	snprintf(path, sizeof(path), "%s/run", server.dir);
	rmdir(path);
	assert_int_equal(rmdir(server.dir), 0);
	return 0;
}

// Clients

struct client {
	int fd;
	char *buffer;
	size_t used, size;
};

static struct client client_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 20};
	struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};

	strcpy(address.sun_path, server.path);
	assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return client;
}

// A client of another user: credentials are those of the connecting thread, of which the raw system
// calls change no other.
static struct client client_open_as_another(void)
{
	struct client client;

	assert_int_equal(syscall(SYS_setresuid, -1, 12345, -1), 0);
	syscall(SYS_setfsuid, 0); // may go where the socket is all the same
	client = client_open();
	assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	return client;
}

static void client_close(struct client *client)
{
	close(client->fd);
	free(client->buffer);
}

// Returns whether the server took all of it.
static bool put_bytes(struct client *client, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(client->fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

static void put(struct client *client, const char *text)
{
	assert_true(put_bytes(client, text, strlen(text)));
}

__attribute__((format(printf, 2, 3))) static void putf(
	struct client *client, const char *format, ...
)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(client, text);
}

// The next answer, or NULL at the end of the stream.
static json_t *get(struct client *client)
{
	for (;;) {
		char *end = client->used ? memchr(client->buffer, '\n', client->used) : NULL;
		ssize_t n;

		if (end) {
			size_t length = (size_t)(end - client->buffer);
			json_t *answer = json_loadb(client->buffer, length, 0, NULL);

			assert_non_null(answer);
			client->used -= length + 1;
			memmove(client->buffer, end + 1, client->used);
			return answer;
		}
		if (client->size - client->used < 65536) {
			client->size += 1 << 20;
			client->buffer = realloc(client->buffer, client->size);
		}
		n = recv(client->fd, client->buffer + client->used, client->size - client->used, 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			fail_msg("no answer came in time");
		if (n <= 0)
			return NULL;
		client->used += (size_t)n;
	}
}

static void expect_id(struct client *client, int id)
{
	json_t *answer = get(client);

	assert_non_null(answer);
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), id);
	assert_non_null(json_object_get(answer, "result"));
	json_decref(answer);
}

// Error number and stable code of the next answer; its id stays in 'id' (to be freed) if asked for.
static void expect_error(struct client *client, int number, const char *code, json_t **id)
{
	json_t *answer = get(client);
	json_t *error = json_object_get(answer, "error");
	const char *found =
		json_string_value(json_object_get(json_object_get(error, "data"), "code"));

	assert_non_null(error);
	assert_string_equal(found, code);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), number);
	assert_non_null(json_string_value(json_object_get(error, "message")));
	assert_string_equal(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
	assert_null(json_object_get(answer, "result"));
	if (id)
		*id = json_incref(json_object_get(answer, "id"));
	json_decref(answer);
}

static void expect_end(struct client *client)
{
	assert_null(get(client));
}

static int ask_number(struct client *client, const char *method)
{
	json_t *answer;
	int number;

	putf(client, "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"%s\"}\n", method);
	answer = get(client);
	assert_non_null(answer);
	number = (int)json_integer_value(json_object_get(answer, "result"));
	json_decref(answer);
	return number;
}

static void wait_until_held(struct client *client, int n)
{
	for (unsigned i = 0; i < 20000 && ask_number(client, "held") != n; i++)
		usleep(100);
	assert_int_equal(ask_number(client, "held"), n);
}

static const char echo_line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n";

static void expect_alive(void)
{
	struct client client = client_open();

	put(&client, echo_line);
	expect_id(&client, 1);
	client_close(&client);
}
