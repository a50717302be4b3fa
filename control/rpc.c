// SPDX-License-Identifier: BSD-3-Clause
#include "rpc.h"

#include "listen.h"
#include "log.h"
#include "message.h"
#include "rpc_internal.h"

#include <errno.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "rpc"
#define BACKLOG 128

static void refuse_client(struct rpc *rpc, evutil_socket_t fd)
{
	struct refusal refusal;
	char *line;

	refuse(&refusal, REFUSAL_limit_reached,
	       "t0xd has %d clients, which is the limit: close one, or try again later",
	       RPC_CLIENTS_MAX);
	line = message_answer(NULL, "error", message_refusal(&refusal));
	// A new socket takes one short line; one that does not is closed all the same.
	if (line && send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		LOG(DEBUG, "event=refusal_not_sent why=" LOG_TEXT, log_text(strerror(errno)));
	free(line);
	close(fd);
	if (!rpc->full)
		LOG(WARNING, "event=clients_limit limit=%d", RPC_CLIENTS_MAX);
	rpc->full = true;
}

static void on_accept(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *a, int n, void *arg
)
{
	struct rpc *rpc = arg;
	struct principal principal;

	if (listen_peer(fd, &principal) < 0)
		close(fd);
	else if (rpc->n_clients >= RPC_CLIENTS_MAX - (principal.admin ? 0 : RPC_CLIENTS_ADMIN))
		refuse_client(rpc, fd);
	else
		client_new(rpc, fd, &principal);
}

// Out of descriptors, most likely. The connection still waits: asking at once would spin.
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval second = {.tv_sec = 1};
	struct rpc *rpc = arg;

	LOG(WARNING, "event=accept_failed why=" LOG_TEXT, log_text(strerror(errno)));
	evconnlistener_disable(listener);
	event_add(rpc->accept_again, &second);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct rpc *rpc = arg;

	evconnlistener_enable(rpc->listener);
}

// A client that hangs up must not end the daemon. Whoever set a handler knows better.
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct rpc *rpc_open(
	struct event_base *base, const char *path, const struct rpc_method *table, void *arg,
	char *error, size_t size
)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct rpc *rpc = calloc(1, sizeof(*rpc));
	int fd = -1;

	if (!rpc) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	TAILQ_INIT(&rpc->clients);
	TAILQ_INIT(&rpc->waiting);
	TAILQ_INIT(&rpc->started);
	rpc->base = base;
	rpc->methods = table;
	rpc->arg = arg;
	rpc->stall.tv_sec = RPC_STALL_SECONDS;
	rpc->accept_again = event_new(base, -1, 0, on_accept_again, rpc);
	rpc->next_mutation = event_new(base, -1, 0, call_next_mutation, rpc);
	fd = listen_bind(path, error, size);
	if (fd < 0)
		goto fail;
	rpc->path = strdup(path);
	rpc->listener = evconnlistener_new(base, on_accept, rpc, flags, BACKLOG, fd);
	if (!rpc->listener || !rpc->path || !rpc->accept_again || !rpc->next_mutation) {
		snprintf(error, size, "cannot listen on %s: %s", path, strerror(errno));
		if (!rpc->listener)
			close(fd);
		unlink(path);
		goto fail;
	}
	evconnlistener_set_error_cb(rpc->listener, on_accept_error);
	ignore_sigpipe();
	return rpc;
fail:
	rpc_close(rpc);
	return NULL;
}

void rpc_set_stall(struct rpc *rpc, unsigned milliseconds)
{
	rpc->stall.tv_sec = milliseconds / 1000;
	rpc->stall.tv_usec = milliseconds % 1000 * 1000;
}

void rpc_close(struct rpc *rpc)
{
	struct rpc_client *client;

	if (!rpc)
		return;
	if (rpc->listener)
		evconnlistener_free(rpc->listener);
	while ((client = TAILQ_FIRST(&rpc->clients)))
		client_free(client);
	call_detach_all(rpc);
	if (rpc->accept_again)
		event_free(rpc->accept_again);
	if (rpc->next_mutation)
		event_free(rpc->next_mutation);
	if (rpc->path)
		unlink(rpc->path);
	free(rpc->path);
	free(rpc);
}
