// SPDX-License-Identifier: BSD-3-Clause
// One trial (RFC 2544 23): the frames of all flows, at a rate, for a time, and what came back.
#pragma once

#include "account.h"

#include <signal.h>

#define SIZES_MAX 16

struct trial {
	double rate; // frames a second over all ports; 0: as fast as the ports take them
	double seconds;
	uint64_t count; // frames to send over all ports, instead of a time; 0: a time
	unsigned n_sizes;
	struct {
		uint16_t size;
		uint16_t share;
	} sizes[SIZES_MAX];
};

// What came to a port, whatever it was.
struct port_result {
	uint64_t received;
	uint64_t missed; // came, but the port had no room
};

struct result {
	struct account account; // until trial_close()
	double seconds; // of sending
	uint64_t skipped; // were due, but the generator itself was late
	unsigned n_ports;
	struct port_result *ports;
};

// Set by SIGTERM and SIGINT: a trial ends early, with what it has.
extern volatile sig_atomic_t trial_stop;

// Send, and receive until nothing more comes.
//
// error     why not, of ERROR_SIZE
// returns   0, or -1 with nothing to close
int trial_run(
	const struct description *description, const struct trial *trial, unsigned n_ports,
	struct result *result, char *error
);
void trial_close(struct result *result);

// What was to be sent: what the ports took, and what they were offered at the rate and did not
// take.
uint64_t trial_offered(const struct flow_count *sum);

// "64", "imix" (64, 594 and 1518 bytes as 7:4:1). 0, or -1.
int trial_sizes(const char *text, struct trial *trial);
