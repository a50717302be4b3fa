// SPDX-License-Identifier: BSD-3-Clause
// Frames, built before the first is sent, and what must have become of them when they come back.
//
// Each carries a mark behind its UDP header: which frame it is, and its sequence number within the
// flow. Sending copies the frame and writes the number; the UDP checksum covers it, so that a
// number that was damaged on the way is not taken for another. A frame that must be cut on its way
// carries a second mark in the second fragment, as far behind the IP header as the first is: so
// each fragment tells by itself what it is of. In place of the UDP header, which covers nothing
// there, stands the number once more.
//
// Sizes are those of RFC 2544: on the wire, with the checksum of Ethernet, which no buffer holds.
#pragma once

#include "description.h"

#include <rte_byteorder.h>

#define FRAME_CRC 4
#define FRAME_SIZE_MIN 64
#define FRAME_SIZE_MAX 1518
#define FRAME_BYTES_MAX 1600 // of the kinds that are larger than an MTU, too
#define FRAGMENTS 2 // that a frame may have to come back in

struct mark {
	rte_be16_t magic;
	rte_be16_t frame; // index
	rte_be64_t sequence;
} __attribute__((packed));

// From the IP header on.
struct back {
	uint16_t length;
	uint8_t *bytes;
};

struct frame {
	uint16_t flow;
	uint16_t length; // of 'bytes'
	uint16_t l3; // offset of the IP header
	uint16_t udp; // offset of the UDP header from the IP header; 0: the frame has no room for
		      // one
	uint16_t sum; // of the UDP datagram with sequence number 0
	uint16_t cut; // bytes of the IP payload before the second fragment; 0: it stays whole
	uint8_t *bytes; // as sent
	unsigned n_back; // frames that it must come back as; 0: it must not
	struct back back[FRAGMENTS];
};

// One frame of a flow, with random addresses of the networks at its ends.
//
// size      on the wire; a frame that must be longer to hold its mark is
// index     that the mark will tell
// random    state, any but 0
// returns   0, or -ENOMEM
int frame_build(
	const struct description *description, uint16_t flow, unsigned size, uint16_t index,
	uint64_t *random, struct frame *frame
);
void frame_free(struct frame *frame);

// Write the frame, with its sequence number, to where there is room for 'length' bytes.
void frame_write(const struct frame *frame, uint64_t sequence, uint8_t *to);

// The mark of a frame that came back, wherever its headers put it; NULL: it has none.
//
// l3        offset of its IP header
const struct mark *frame_mark(const uint8_t *bytes, unsigned length, unsigned l3);

// Which of the frames that this one must come back as it would be, by its IP header: 0, or 1 for
// what is not the first fragment.
unsigned frame_fragment(const struct frame *frame, const uint8_t *ip);

// Is it, from the ethertype before its IP header on, what must come back of the frame, to the last
// bit?
bool frame_intact(const struct frame *frame, const uint8_t *ip, unsigned length, uint64_t sequence);

uint64_t frame_random(uint64_t *random);
