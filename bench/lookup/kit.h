// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// Memory of zeros. Ends the program when there is none.
static inline void *take(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory) {
		perror("t0x-bench-lookup: memory");
		exit(1);
	}
	return memory;
}

// Seconds of this thread: without what the machine does besides.
static inline double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}
