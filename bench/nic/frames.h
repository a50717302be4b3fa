// SPDX-License-Identifier: BSD-3-Clause
// The frames that the perfect NIC hands out, in a file: a head, then one record a frame.
#pragma once

#include <stdint.h>

#define FRAMES_MAGIC 0x7430786672616d65 // "t0xframe"
#define FRAME_HEAD_MAX 96 // bytes of a frame that matter; what follows is zero

struct frames_head {
	uint64_t magic;
	uint32_t n;
	uint32_t ports;
};

struct frame_record {
	uint16_t port; // it comes in by
	uint16_t length; // bytes of Ethernet frame, without its FCS
	uint16_t queue;
	uint16_t unused;
	uint8_t head[FRAME_HEAD_MAX];
};

// What a NIC counts, of all its ports; shared with whoever measures. One line a queue.
#define NIC_QUEUES_MAX 4

struct nic_counters {
	struct {
		uint64_t received; // frames handed out
		uint64_t sent; // frames taken
		uint64_t bytes_sent;
		uint64_t empty; // polls that found nothing
		uint64_t unused[4];
	} queue[NIC_QUEUES_MAX];
	uint64_t ready; // ports that have their frames
	uint64_t unused[7];
	uint64_t go; // 0: nothing is received yet. Written by whoever measures.
};
