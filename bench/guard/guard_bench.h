// SPDX-License-Identifier: BSD-3-Clause
// What the guard costs a packet, in the kernel and by wire.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_FRAME_MAX 128

// A UDP packet without a payload; IPv6 if its addresses are.
struct bench_frame {
	uint8_t to[6];
	uint8_t from[6];
	uint16_t vlan; // 0: untagged
	const char *source;
	const char *destination;
};

// Write it to 'at' (BENCH_FRAME_MAX bytes), padded to 60 bytes. Returns its length, or 0 when an
// address is none.
size_t frame_write(uint8_t *at, const struct bench_frame *frame);

// The guard between two netdevs, pinned nowhere, with two clouds of 'prefixes' each (256 at most);
// no other XDP program may be on them. Runs every case 'rounds' times in turn and prints one JSON
// object. Returns 0, or -1 after it has said what is in the way.
int measure_cost(const char *from, const char *to, unsigned prefixes, unsigned rounds);

// Send the frame for that long, and print how often. Returns 0, or -1 after it has said why not.
int flood(const char *netdev, const void *frame, size_t length, double seconds);
