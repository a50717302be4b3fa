// SPDX-License-Identifier: BSD-3-Clause
// The RPC server against clients of every kind: broken, greedy, slow, gone, and many.
#include "rpc_kit.h"

// Requests

static void answer_has_the_pinned_form(void **state)
{
	struct client client = client_open();
	char text[256];
	ssize_t n;

	put(&client,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"echo\",\"params\":{\"x\":[1]}}\n");
	n = recv(client.fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"x\":[1]}}\n");
	client_close(&client);
}

static void malformed_requests_are_named(void **state)
{
	static const struct {
		const char *line;
		int number;
		const char *code;
		const char *id;
	} cases[] = {
		{"", RPC_PARSE_ERROR, "parse_error", "null"},
		{"{", RPC_PARSE_ERROR, "parse_error", "null"},
		{"hello", RPC_PARSE_ERROR, "parse_error", "null"},
		{"{\"jsonrpc\":\"2.0\"} x", RPC_PARSE_ERROR, "parse_error", "null"},
		{"{\"id\":1,\"id\":2}", RPC_PARSE_ERROR, "parse_error", "null"},
		{"\"\\u0000\"", RPC_PARSE_ERROR, "parse_error", "null"},
		{"\"\xff\"", RPC_PARSE_ERROR, "parse_error", "null"},
		{"42", RPC_INVALID_REQUEST, "invalid_request", "null"},
		{"null", RPC_INVALID_REQUEST, "invalid_request", "null"},
		{"[]", RPC_INVALID_REQUEST, "invalid_request", "null"},
		{"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}]", RPC_INVALID_REQUEST,
		 "invalid_request", "null"},
		{"{}", RPC_INVALID_REQUEST, "invalid_request", "null"},
		{"{\"id\":5,\"method\":\"echo\"}", RPC_INVALID_REQUEST, "invalid_request", "5"},
		{"{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"echo\"}", RPC_INVALID_REQUEST,
		 "invalid_request", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":7}", RPC_INVALID_REQUEST,
		 "invalid_request", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5}", RPC_INVALID_REQUEST, "invalid_request", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", RPC_INVALID_REQUEST,
		 "invalid_request", "null"},
		{"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"echo\"}", RPC_INVALID_REQUEST,
		 "invalid_request", "null"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"no.such\"}", RPC_METHOD_NOT_FOUND,
		 "method_not_found", "\"x\""},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"\"}", RPC_METHOD_NOT_FOUND,
		 "method_not_found", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"no.such\"}", RPC_METHOD_NOT_FOUND,
		 "method_not_found", "null"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"echo\",\"params\":[1]}",
		 RPC_INVALID_PARAMS, "invalid_params", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"echo\",\"params\":null}",
		 RPC_INVALID_PARAMS, "invalid_params", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"params\"}", RPC_INVALID_PARAMS,
		 "invalid_params", "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"refuse\"}", RPC_REFUSED, "same_cloud",
		 "5"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"no_memory\"}", RPC_REFUSED,
		 "out_of_memory", "5"},
	};
	struct client client = client_open();

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *id;
		char *text;

		putf(&client, "%s\n", cases[i].line);
		expect_error(&client, cases[i].number, cases[i].code, &id);
		text = json_dumps(id, JSON_ENCODE_ANY);
		assert_string_equal(text, cases[i].id);
		free(text);
		json_decref(id);
	}
	put(&client, echo_line); // none of this cost the connection
	expect_id(&client, 1);
	client_close(&client);
}

static void embedded_nul_is_an_error(void **state)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\0\"method\":\"echo\"}\n";
	struct client client = client_open();

	assert_true(put_bytes(&client, line, sizeof(line) - 1));
	expect_error(&client, RPC_PARSE_ERROR, "parse_error", NULL);
	client_close(&client);
}

static void deep_nesting_is_an_error(void **state)
{
	struct client client = client_open();
	char line[60001];

	memset(line, '[', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	assert_true(put_bytes(&client, line, sizeof(line)));
	expect_error(&client, RPC_PARSE_ERROR, "parse_error", NULL);
	client_close(&client);
}

static void notification_is_carried_out_and_not_answered(void **state)
{
	struct client client = client_open();

	put(&client,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"no.such\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":[]}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n");
	put(&client, echo_line);
	expect_id(&client, 1);
	assert_int_equal(server.n_noted, 2);
	client_close(&client);
}

static void caller_is_known_by_uid(void **state)
{
	struct client client = client_open();
	char uid[32];
	json_t *answer, *result;

	put(&client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"whoami\"}\n");
	answer = get(&client);
	result = json_object_get(answer, "result");
	snprintf(uid, sizeof(uid), "uid:%u", geteuid());
	assert_string_equal(json_string_value(json_object_get(result, "name")), uid);
	assert_true(json_is_true(json_object_get(result, "admin"))); // the daemon's own
	json_decref(answer);
	client_close(&client);
}

// Framing

// A request for 'method' of exactly 'length' bytes, newline not counted.
static char *line_for(const char *method, size_t length)
{
	static const char tail[] = "\"}}";
	char *line = malloc(length + 2);
	int head = snprintf(
		line, length,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"x\":\"", method
	);

	memset(line + head, 'y', length - (size_t)head);
	memcpy(line + length - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	memcpy(line + length, "\n", 2);
	return line;
}

static void longest_line_is_taken(void **state)
{
	struct client client = client_open();
	char *line = line_for("note", RPC_LINE_MAX);

	put(&client, line);
	expect_id(&client, 1);
	put(&client, line);
	put(&client, line);
	expect_id(&client, 1);
	expect_id(&client, 1);
	free(line);
	client_close(&client);
}

static const size_t too_long[] = {
	RPC_LINE_MAX + 1,
	RPC_LINE_MAX + 2,
	RPC_LINE_MAX + 3,
	16 * RPC_LINE_MAX,
};

static void line_too_long_for_its_method_is_refused(void **state)
{
	struct client client = client_open();

	for (unsigned i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		char *line = line_for("note", too_long[i]);

		put(&client, line);
		expect_error(&client, RPC_INVALID_REQUEST, "line_too_long", NULL);
		free(line);
		put(&client, echo_line);
		expect_id(&client, 1);
	}
	client_close(&client);
}

static void longer_line_of_others_ends_their_connection(void **state)
{
	if (geteuid() != 0)
		return; // cannot be somebody else
	for (unsigned i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		struct client client = client_open_as_another();
		char *line = line_for("long", too_long[i]);

		put_bytes(&client, line, strlen(line));
		expect_error(&client, RPC_INVALID_REQUEST, "line_too_long", NULL);
		expect_end(&client);
		free(line);
		client_close(&client);
	}
	expect_alive();
}

static void long_line_is_taken_where_it_may_be(void **state)
{
	struct client client = client_open();
	char *line = line_for("long", RPC_LINE_MAX_LONG);
	json_t *progress, *answer;

	put(&client, line);
	progress = get(&client);
	assert_string_equal(json_string_value(json_object_get(progress, "method")), "progress");
	assert_null(json_object_get(progress, "id"));
	answer = get(&client); // the second notice was not sent while the first was not out
	assert_true(json_integer_value(json_object_get(answer, "result")) > RPC_LINE_MAX_LONG - 99);
	json_decref(progress);
	json_decref(answer);
	free(line);
	put(&client, echo_line);
	expect_id(&client, 1);
	client_close(&client);
}

static void line_longer_than_any_ends_the_connection(void **state)
{
	struct client client = client_open();
	char *line = line_for("long", RPC_LINE_MAX_LONG + 1);

	put_bytes(&client, line, strlen(line));
	expect_error(&client, RPC_INVALID_REQUEST, "line_too_long", NULL);
	expect_end(&client);
	free(line);
	client_close(&client);
	expect_alive();
}

static void endless_line_is_refused(void **state)
{
	struct client client = client_open();
	char junk[4096];

	memset(junk, 'z', sizeof(junk));
	while (put_bytes(&client, junk, sizeof(junk)))
		;
	expect_error(&client, RPC_INVALID_REQUEST, "line_too_long", NULL);
	client_close(&client);
	expect_alive();
}

static void request_may_come_byte_by_byte(void **state)
{
	struct client client = client_open();

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < sizeof(echo_line) - 1; i++) {
			assert_true(put_bytes(&client, echo_line + i, 1));
			usleep(50);
		}
		expect_id(&client, 1);
	}
	client_close(&client);
}

static void requests_of_one_write_are_answered_in_order(void **state)
{
	static const char *const names[] = {"echo", "mutate", "mutate_now", "refuse_not"};
	enum { N = 400 };
	struct client client = client_open();
	char *all = calloc(N, 100);
	size_t used = 0;

	for (int i = 0; i < N; i++)
		used += (size_t)sprintf(
			all + used,
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{\"tag\":%d}}\n",
			i, names[i % 3], i
		);
	assert_true(put_bytes(&client, all, used));
	for (int i = 0; i < N; i++)
		expect_id(&client, i);
	free(all);
	client_close(&client);
}

// Ends

static void half_closed_client_gets_its_answers(void **state)
{
	struct client client = client_open(), other = client_open();

	put(&client,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"mutate\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo\"}"); // no newline
	shutdown(client.fd, SHUT_WR);
	wait_until_held(&other, 1);
	ask_number(&other, "release");
	for (int i = 1; i <= 3; i++)
		expect_id(&client, i);
	expect_end(&client);
	client_close(&client);
	client_close(&other);
}

static void half_closed_client_without_request_is_closed(void **state)
{
	struct client client = client_open();

	shutdown(client.fd, SHUT_WR);
	expect_end(&client);
	client_close(&client);
}

static void client_may_go_before_the_answer(void **state)
{
	struct client other = client_open();

	for (unsigned i = 0; i < 20; i++) {
		struct client client = client_open();
		bool resets = i % 2;

		// An answer that was not read makes close() a reset; without one it is an end.
		if (resets) {
			put(&client, echo_line);
			assert_int_equal(recv(client.fd, &(char){0}, 1, MSG_PEEK), 1);
		}
		putf(&client, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"%s\"}\n",
		     i % 4 < 2 ? "hold" : "big");
		if (i % 4 < 2)
			wait_until_held(&other, 1);
		client_close(&client);
		expect_alive();
		assert_int_equal(ask_number(&other, "release"), i % 4 < 2);
		expect_alive();
	}
	client_close(&other);
}

static void change_of_a_client_that_went_is_carried_out(void **state)
{
	struct client first = client_open(), gone = client_open(), other = client_open();

	put(&first, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mutate_hold\"}\n");
	wait_until_held(&other, 1);
	put(&gone, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mutate\",\"params\":{\"tag\":9}}\n");
	client_close(&gone);
	expect_alive();
	assert_int_equal(server.n_order, 0); // its turn had not come
	ask_number(&other, "release");
	expect_id(&first, 1);
	put(&first,
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"mutate\",\"params\":{\"tag\":10}}\n");
	expect_id(&first, 2);
	assert_int_equal(server.n_order, 2);
	assert_int_equal(server.order[0], 9);
	client_close(&first);
	client_close(&other);
}

static void calls_may_be_open_when_the_server_closes(void **state)
{
	struct client held = client_open(), running = client_open(), waiting = client_open();
	struct client other = client_open();

	put(&held, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
	put(&running, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mutate_hold\"}\n");
	wait_until_held(&other, 2);
	put(&waiting, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mutate\"}\n");
	expect_alive();
	client_close(&held);
	client_close(&running);
	client_close(&waiting);
	client_close(&other);
	// stop() closes the server, then answers what is held.
}

// Many

static void mutations_run_one_after_the_other(void **state)
{
	enum { N = 200 };
	struct client clients[N], reader = client_open(), first = client_open();
	unsigned seen[N] = {0};

	// The first holds up all others; what they sent then runs in the order in which it came.
	put(&first, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mutate_hold\"}\n");
	wait_until_held(&reader, 1);
	for (int i = 0; i < N; i++) {
		clients[i] = client_open();
		putf(&clients[i],
		     "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{\"tag\":%d}}\n",
		     i, i % 3 ? "mutate" : "mutate_now", i);
		ask_number(&reader, "held"); // reads run at once, meanwhile; and order the senders
	}
	ask_number(&reader, "release");
	expect_id(&first, 1);
	for (int i = 0; i < N; i++) {
		expect_id(&clients[i], i);
		client_close(&clients[i]);
	}
	assert_int_equal(server.mutations_running_max, 1);
	assert_int_equal(server.n_order, N);
	for (int i = 0; i < N; i++) {
		seen[server.order[i]]++;
		assert_int_equal(server.order[i], i);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	client_close(&first);
	client_close(&reader);
}

static void one_client_more_than_the_limit_is_told_so(void **state)
{
	struct client clients[RPC_CLIENTS_MAX], extra;

	for (unsigned i = 0; i < RPC_CLIENTS_MAX; i++) {
		clients[i] = client_open();
		put(&clients[i], echo_line);
		expect_id(&clients[i], 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		extra = client_open();
		expect_error(&extra, RPC_REFUSED, "limit_reached", NULL);
		expect_end(&extra);
		client_close(&extra);
	}
	put(&clients[0], echo_line); // those inside are not touched
	expect_id(&clients[0], 1);
	for (unsigned i = 0; i < RPC_CLIENTS_MAX; i++)
		client_close(&clients[i]);
	for (unsigned i = 0;; i++) { // their places come back
		json_t *answer;
		bool served;

		extra = client_open();
		put_bytes(&extra, echo_line, sizeof(echo_line) - 1);
		answer = get(&extra);
		served = json_object_get(answer, "result");
		json_decref(answer);
		client_close(&extra);
		if (served)
			break;
		assert_true(i < 1000);
		usleep(1000);
	}
}

static void slow_reader_is_bounded_and_others_are_served(void **state)
{
	enum { N = 60 };
	struct client slow = client_open();
	unsigned asked_for;

	for (int i = 0; i < N; i++)
		putf(&slow, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"big\"}\n", i);
	for (unsigned i = 0; i < 50; i++) {
		expect_alive();
		usleep(1000);
	}
	asked_for = server.n_big;
	assert_in_range(asked_for, 1, 2); // one answer at a time is made for it, not 60 MiB
	for (int i = 0; i < N; i++)
		expect_id(&slow, i); // once it reads, it gets them all
	client_close(&slow);
}

static void stalled_reader_is_closed(void **state)
{
	struct client slow = client_open(), steady = client_open();
	json_t *answer;
	char half[1];

	put(&slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	put(&steady, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	assert_int_equal(recv(slow.fd, half, 1, 0), 1);
	// One that reads a little now and then makes progress: it takes longer than the stall time.
	for (unsigned i = 0; i < 8; i++) {
		char some[110000];

		usleep(200000);
		assert_true(recv(steady.fd, some, sizeof(some), MSG_WAITALL) > 0);
	}
	answer = get(&slow);
	assert_null(answer); // the end came before the newline
	expect_alive();
	client_close(&slow);
	client_close(&steady);
}

static void idle_client_is_not_closed(void **state)
{
	struct client client = client_open();

	usleep(1500000); // more than the stall time: there is nothing that it should read
	put(&client, echo_line);
	expect_id(&client, 1);
	client_close(&client);
}

// Garbage

static unsigned dice = 12345;
static unsigned roll(unsigned n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % n;
}

static size_t make_garbage(char *line)
{
	static const char *const seeds[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":[1,2,{\"b\":null}]}}",
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"mutate_now\",\"params\":{\"tag\":1}}",
		"[{\"jsonrpc\":\"2.0\",\"method\":\"note\"},{\"id\":-1e9}]",
		"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"refuse\",\"params\":\"\\u00e9\\ud83d\"}",
	};
	size_t n;

	if (roll(4) == 0) {
		n = roll(300);
		for (size_t i = 0; i < n; i++)
			line[i] = (char)roll(256);
	} else {
		const char *seed = seeds[roll(4)];

		n = strlen(seed);
		memcpy(line, seed, n);
		for (unsigned i = roll(6); i > 0; i--)
			line[roll((unsigned)n)] =
				roll(2) ? (char)roll(256) : "{}[]\",:0\\"[roll(9)];
		if (roll(5) == 0)
			n = roll((unsigned)n + 1);
	}
	line[n++] = '\n';
	return n;
}

static void garbage_never_breaks_the_stream(void **state)
{
	enum { ROUNDS = 200, LINES = 40 };
	struct client client = client_open();

	for (int round = 0; round < ROUNDS; round++) {
		int id = 1000000 + round, found = 0;
		char line[512];

		for (unsigned i = 0; i < LINES; i++) {
			size_t n = make_garbage(line);

			assert_true(put_bytes(&client, line, n));
		}
		putf(&client, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"echo\"}\n", id);
		while (found != id) {
			json_t *answer = get(&client);

			assert_non_null(answer);
			found = (int)json_integer_value(json_object_get(answer, "id"));
			json_decref(answer);
		}
	}
	client_close(&client);
}

// The socket

static struct rpc *open_at(struct event_base *base, const char *path, char error[256])
{
	error[0] = '\0';
	return rpc_open(base, path, test_methods, NULL, error, 256);
}

static void stale_socket_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct event_base *base = event_base_new();
	char dir[] = "/tmp/t0x-rpc-XXXXXX", error[256];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat status;
	struct rpc *rpc;

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); // whoever bound it died
	rpc = open_at(base, address.sun_path, error);
	assert_string_equal(error, "");
	assert_non_null(rpc);
	assert_int_equal(stat(address.sun_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	rpc_close(rpc);
	assert_int_equal(rmdir(dir), 0);
	event_base_free(base);
}

static void socket_in_use_is_refused(void **state)
{
	struct event_base *base = event_base_new();
	char error[256];

	assert_null(open_at(base, server.path, error));
	assert_non_null(strstr(error, "another t0xd listens on"));
	expect_alive(); // and the other one still has it
	event_base_free(base);
}

static void what_is_no_socket_is_not_removed(void **state)
{
	struct event_base *base = event_base_new();
	char path[] = "/tmp/t0x-rpc-XXXXXX", error[256], longer[300];
	int fd = mkstemp(path);

	assert_null(open_at(base, path, error));
	assert_non_null(strstr(error, "not a socket"));
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	close(fd);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(open_at(base, longer, error));
	assert_non_null(strstr(error, "too long"));
	assert_null(open_at(base, "/proc/no/such/sock", error));
	assert_non_null(strstr(error, "/proc/no/such"));
	rpc_close(NULL);
	event_base_free(base);
}

static void missing_directory_is_made(void **state)
{
	char path[96];
	struct stat status;

	snprintf(path, sizeof(path), "%s/run", server.dir);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, start_impatient, stop)
	const struct CMUnitTest tests[] = {
		TEST(answer_has_the_pinned_form),
		TEST(malformed_requests_are_named),
		TEST(embedded_nul_is_an_error),
		TEST(deep_nesting_is_an_error),
		TEST(notification_is_carried_out_and_not_answered),
		TEST(caller_is_known_by_uid),
		TEST(longest_line_is_taken),
		TEST(line_too_long_for_its_method_is_refused),
		TEST(longer_line_of_others_ends_their_connection),
		TEST(long_line_is_taken_where_it_may_be),
		TEST(line_longer_than_any_ends_the_connection),
		TEST(endless_line_is_refused),
		TEST(request_may_come_byte_by_byte),
		TEST(requests_of_one_write_are_answered_in_order),
		TEST(half_closed_client_gets_its_answers),
		TEST(half_closed_client_without_request_is_closed),
		TEST(client_may_go_before_the_answer),
		TEST(change_of_a_client_that_went_is_carried_out),
		TEST(calls_may_be_open_when_the_server_closes),
		TEST(mutations_run_one_after_the_other),
		TEST(one_client_more_than_the_limit_is_told_so),
		TEST(slow_reader_is_bounded_and_others_are_served),
		IMPATIENT(stalled_reader_is_closed),
		IMPATIENT(idle_client_is_not_closed),
		TEST(garbage_never_breaks_the_stream),
		TEST(stale_socket_is_replaced),
		TEST(socket_in_use_is_refused),
		TEST(what_is_no_socket_is_not_removed),
		TEST(missing_directory_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
