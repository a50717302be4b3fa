// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry.h"

#include "control.h"
#include "telemetry_answer.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <rte_telemetry.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 2 // for a control thread that is busy

// One asks at a time or several: DPDK has a thread for each client.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t done; // a request is
	struct telemetry_request *first; // waiting; under the lock
	int bell; // rings the control thread, or -1: closed; under the lock
	struct event *rung;
	struct exchange_control *control;
} desk = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .bell = -1};

// The control thread's side

static void on_rung(evutil_socket_t fd, short what, void *arg)
{
	struct telemetry_request *request;
	uint64_t rings;

	if (read(fd, &rings, sizeof(rings)) < 0)
		return;
	pthread_mutex_lock(&desk.lock);
	while ((request = desk.first)) {
		desk.first = request->next;
		request->state = TELEMETRY_RUNS;
		pthread_mutex_unlock(&desk.lock);
		request->answer(&desk.control->region, request->parameters, request);
		pthread_mutex_lock(&desk.lock);
		request->state = TELEMETRY_DONE;
		pthread_cond_broadcast(&desk.done);
	}
	pthread_mutex_unlock(&desk.lock);
}

// DPDK's side

static void withdraw(const struct telemetry_request *request)
{
	struct telemetry_request **link = &desk.first;

	while (*link && *link != request)
		link = &(*link)->next;
	if (*link)
		*link = request->next;
}

// Returns 0 or -errno; a request that is running is waited for, whatever it takes.
static int ask(struct telemetry_request *request)
{
	const uint64_t one = 1;
	struct timespec end;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&desk.lock);
	if (desk.bell >= 0 && write(desk.bell, &one, sizeof(one)) == sizeof(one)) {
		request->next = desk.first;
		desk.first = request;
	} else {
		late = ETIMEDOUT;
	}
	while (request->state != TELEMETRY_DONE && !(late && request->state == TELEMETRY_WAITS)) {
		if (request->state == TELEMETRY_RUNS)
			pthread_cond_wait(&desk.done, &desk.lock);
		else
			late = pthread_cond_timedwait(&desk.done, &desk.lock, &end);
	}
	if (request->state == TELEMETRY_WAITS) {
		withdraw(request);
		request->result = -EAGAIN;
	}
	pthread_mutex_unlock(&desk.lock);
	return request->result;
}

// The door

static int ask_for(telemetry_answer *answer, const char *parameters, struct rte_tel_data *data)
{
	struct telemetry_request request = {
		.answer = answer, .parameters = parameters, .data = data};

	return ask(&request);
}

static int on_clouds(const char *command, const char *parameters, struct rte_tel_data *data)
{
	return ask_for(telemetry_clouds, parameters, data);
}

static int on_interconnects(const char *command, const char *parameters, struct rte_tel_data *data)
{
	return ask_for(telemetry_interconnects, parameters, data);
}

static int on_drops(const char *command, const char *parameters, struct rte_tel_data *data)
{
	return ask_for(telemetry_drops, parameters, data);
}

static int on_workers(const char *command, const char *parameters, struct rte_tel_data *data)
{
	return ask_for(telemetry_workers, parameters, data);
}

int telemetry_open(struct exchange_control *control)
{
	static bool registered;
	int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (bell < 0)
		return -errno;
	desk.control = control;
	desk.rung = event_new(control->base, bell, EV_READ | EV_PERSIST, on_rung, NULL);
	if (!desk.rung || event_add(desk.rung, NULL) < 0) {
		if (desk.rung)
			event_free(desk.rung);
		close(bell);
		return -ENOMEM;
	}
	pthread_mutex_lock(&desk.lock);
	desk.bell = bell;
	pthread_mutex_unlock(&desk.lock);
	if (registered)
		return 0;
	registered = true;
	if (rte_telemetry_register_cmd(
		    "/t0x/clouds", on_clouds,
		    "Names of clouds, in pages (from=N), or one cloud. Parameters: [NAME|from=N]"
	    ) < 0 ||
	    rte_telemetry_register_cmd(
		    "/t0x/interconnects", on_interconnects,
		    "Interconnects with their traffic, in pages. Parameters: [CLOUD][,from=N]"
	    ) < 0 ||
	    rte_telemetry_register_cmd(
		    "/t0x/drops", on_drops, "Dropped packets by reason. Parameters: [CLOUD]"
	    ) < 0 ||
	    rte_telemetry_register_cmd("/t0x/workers", on_workers, "Cycles of each worker") < 0)
		return -ENOMEM;
	return 0;
}

void telemetry_close(void)
{
	struct telemetry_request *request;

	pthread_mutex_lock(&desk.lock);
	if (desk.bell >= 0)
		close(desk.bell);
	desk.bell = -1;
	while ((request = desk.first)) { // nobody will answer them
		desk.first = request->next;
		request->result = -EAGAIN;
		request->state = TELEMETRY_DONE;
	}
	pthread_cond_broadcast(&desk.done);
	pthread_mutex_unlock(&desk.lock);
	if (desk.rung)
		event_free(desk.rung);
	desk.rung = NULL;
}
