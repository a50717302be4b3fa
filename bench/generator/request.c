// SPDX-License-Identifier: BSD-3-Clause
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 1e9
#define SECONDS_MAX 86400
#define COUNT_MAX 1e15

void request_default(struct request *request)
{
	*request = (struct request){
		.trial = {.seconds = 1},
		.sizes = "64",
		.resolution = 0.02,
		.confirmations = 2,
	};
	trial_sizes(request->sizes, &request->trial);
}

static int wrong(char *error, const char *name, const char *value)
{
	snprintf(error, ERROR_SIZE, "%s: \"%.80s\" will not do", name, value);
	return -1;
}

// A number from 0 up to max, and nothing behind it but 'stop'.
static int read_number(const char *text, double max, char stop, const char **end, double *number)
{
	char *after;

	*number = strtod(text, &after);
	*end = after;
	if (after == text || (*after != '\0' && *after != stop))
		return -1;
	return *number >= 0 && *number <= max ? 0 : -1;
}

bool request_next_size(const char **list, char *size, struct trial *trial)
{
	size_t length = strcspn(*list, ",");

	if (length == 0 || length >= LIST_SIZE)
		return false;
	memcpy(size, *list, length);
	size[length] = '\0';
	*list += length + ((*list)[length] == ',');
	return trial_sizes(size, trial) == 0;
}

static int set_sizes(struct request *request, const char *value)
{
	const char *at = value;
	char size[LIST_SIZE];

	size_t length = strlen(value);

	if (length == 0 || length >= LIST_SIZE || value[length - 1] == ',')
		return -1;
	do {
		if (!request_next_size(&at, size, &request->trial))
			return -1;
	} while (*at != '\0');
	snprintf(request->sizes, sizeof(request->sizes), "%s", value);
	at = request->sizes;
	request_next_size(&at, size, &request->trial);
	return 0;
}

// Percent, separated by commas.
static int set_search(struct request *request, const char *value)
{
	const char *at = value;

	request->n_losses = 0;
	for (;;) {
		double percent;

		if (request->n_losses == LOSSES_MAX || read_number(at, 100, ',', &at, &percent) < 0)
			return -1;
		request->losses[request->n_losses++] = percent / 100;
		if (*at++ == '\0')
			return 0;
	}
}

int request_set(struct request *request, const char *name, const char *value, char *error)
{
	double number = 0;
	const char *end;
	int code;

	if (strcmp(name, "size") == 0) {
		code = set_sizes(request, value);
	} else if (strcmp(name, "search") == 0) {
		code = set_search(request, value);
	} else if (strcmp(name, "rate") == 0) {
		code = read_number(value, RATE_MAX, '\0', &end, &request->trial.rate);
	} else if (strcmp(name, "seconds") == 0) {
		code = read_number(value, SECONDS_MAX, '\0', &end, &request->trial.seconds);
	} else if (strcmp(name, "resolution") == 0) {
		code = read_number(value, 1, '\0', &end, &request->resolution);
		if (request->resolution < 0.001)
			code = -1; // hundreds of trials
	} else if (strcmp(name, "count") == 0) {
		code = read_number(value, COUNT_MAX, '\0', &end, &number);
		request->trial.count = (uint64_t)number;
	} else if (strcmp(name, "confirm") == 0) {
		code = read_number(value, 1000, '\0', &end, &number);
		request->confirmations = (unsigned)number;
	} else {
		code = -1;
	}
	return code == 0 ? 0 : wrong(error, name, value);
}

int request_update(struct request *request, json_t *object, char *error)
{
	const char *name;
	json_t *value;
	char text[64];

	json_object_foreach(object, name, value) {
		if (strcmp(name, "hops") == 0 || strcmp(name, "clouds") == 0 ||
		    strcmp(name, "flows") == 0)
			continue;
		snprintf(text, sizeof(text), "%.17g", json_number_value(value));
		if (!json_is_number(value) && !json_is_string(value))
			return wrong(error, name, "(neither number nor text)");
		if (request_set(
			    request, name, json_is_string(value) ? json_string_value(value) : text,
			    error
		    ) < 0)
			return -1;
	}
	return 0;
}
