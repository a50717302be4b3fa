// SPDX-License-Identifier: BSD-3-Clause
// The books of a trial: what was sent and what came of it, flow by flow, frame by frame.
#pragma once

#include "frame.h"
#include "latency.h"
#include "sequence.h"

#define STAMP_EVERY 32 // frames of a flow
#define STAMPS 4096 // of a flow, on their way at once

// One flow. lost = sent + cuts - received - corrupt; the rest counts beside.
struct flow_count {
	uint64_t sent; // a port took them
	uint64_t cuts; // to be made in them on the way: each is one more frame that must come
	uint64_t refused; // were due, and the port did not take them
	uint64_t received; // where they belong, whole, each once
	uint64_t reordered; // of those received: after one that was sent later
	uint64_t duplicate;
	uint64_t corrupt; // where they belong, but changed
	uint64_t unexpected; // came although they must not, or where they do not belong
	uint64_t bytes; // received, in frames without their checksum
};

struct flow_account {
	struct flow_count count;
	struct sequence sequences[FRAGMENTS];
	struct {
		uint64_t sequence;
		uint64_t at;
	} stamps[STAMPS];
};

// What came to a cloud and is not the generator's.
struct cloud_account {
	uint64_t icmp_errors;
	uint64_t other;
};

struct account {
	const struct description *description;
	const struct frame *frames;
	unsigned n_frames;
	struct flow_account *flows;
	struct cloud_account *clouds;
	uint64_t stray; // came with a VLAN tag that no cloud of the port has
	struct latency latency; // in ticks of the TSC
};

// Books for the flows of the description; 'frames' may still be empty. 0, or -ENOMEM.
int account_open(struct account *account, const struct description *description);
void account_close(struct account *account);

// The next frame of its flow, to 'to'.
void account_write(struct account *account, const struct frame *frame, uint64_t now, uint8_t *to);

// The frame that was written last of its flow has not been sent after all. Of a burst: last first.
//
// refused   it was due now, and will not be sent later
void account_unwrite(struct account *account, const struct frame *frame, bool refused);

// A frame that came to a port. vlan: its tag when the driver stripped it, else 0.
void account_receive(
	struct account *account, uint16_t port, uint16_t vlan, const uint8_t *bytes,
	unsigned length, uint64_t now
);

// Sums over all flows, or over those alone whose frames must arrive.
struct flow_count account_sum(const struct account *account, bool only_due);
