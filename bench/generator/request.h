// SPDX-License-Identifier: BSD-3-Clause
// What the generator is asked to do: one trial, or a search for the throughput.
//
// Options of the command line and members of a JSON object have the same names and values; what an
// object does not name, the command line says.
#pragma once

#include "search.h"
#include "trial.h"

#define LOSSES_MAX 8
#define LIST_SIZE 128

struct request {
	struct trial trial;
	char sizes[LIST_SIZE]; // "64,512,imix": several only for a search
	unsigned n_losses; // 0: no search
	double losses[LOSSES_MAX]; // shares
	double resolution;
	unsigned confirmations;
};

void request_default(struct request *request);

// One of rate, seconds, count, size, search, resolution, confirm. 0, or -1 with the reason in
// 'error'.
int request_set(struct request *request, const char *name, const char *value, char *error);

// All members of an object but those that description_update() takes.
int request_update(struct request *request, json_t *object, char *error);

// Take the next of a list of sizes, from *list, into the trial: its text is left in 'size', of
// LIST_SIZE. False at the end.
bool request_next_size(const char **list, char *size, struct trial *trial);
