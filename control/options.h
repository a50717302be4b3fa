// SPDX-License-Identifier: BSD-3-Clause
// The command line of t0xd.
#pragma once

#include "dataplane/counters.h"
#include "dataplane/quick.h"
#include "guarding.h"

#include <stdbool.h>

#define STATE_DEFAULT "/var/lib/t0x"
#define SOCKET_DEFAULT "/run/t0x/t0x.sock"
#define BUFFERS_DEFAULT 32768

struct options {
	const char *state;
	const char *socket;
	unsigned buffers; // mbufs
	enum simd max_simd; // the widest vectors that may be used
	enum guarding_mode guard;
	enum fail_over fail_over; // of what the guard does without workers
	bool remove_guard; // and nothing else
	unsigned n_workers;
	unsigned cpus[WORKERS_MAX]; // of each worker
	char **eal; // what stands behind "--"
	int n_eal;
};

// Returns 0; 1 when the process is to end with status 0 (--help, --version); -1 when it is to end
// with status 2, after a line on stderr.
int options_parse(int argc, char **argv, struct options *options);

// "t0x", or "t0x-XXXXXXXX" for a state directory that is not the default one: the name under which
// this daemon keeps files of EAL and its network namespace, so that daemons of different state
// directories do not meet.
const char *options_instance(const struct options *options);

// The arguments of rte_eal_init(): lcores, file prefix, memory, and the user's own. The strings
// live as long as the process. Returns the number, or -1 after a line on stderr (no hugepages).
int options_eal(const struct options *options, char ***ret_argv);
