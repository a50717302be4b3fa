// SPDX-License-Identifier: BSD-3-Clause
// The program step: from the region to what the workers read.
//
// Here is the one function that fills tables, program_routes(); nothing else can add a route. It
// takes a cloud's interconnects as input: a table holds the routed prefixes of its own
// cloud and of the clouds that have an interconnect with it, and no other. Control thread.
#pragma once

#include "refusal.h"
#include "region.h"

// The routes of one cloud's table: its own routed prefixes, and those of its peers over every
// interconnect that is neither Deleting nor Failed. Returns how many; writes at most 'max'.
unsigned program_routes(const struct cloud *cloud, struct route *routes, unsigned max);

// Tables of some clouds, built and not yet published.
struct program;

// Build the tables of n clouds as they are now. Returns NULL with the refusal filled
// (limit_reached naming the cloud, out_of_memory).
struct program *program_prepare(struct cloud *const clouds[], unsigned n, struct refusal *refusal);

// Publish: from now on workers find the new tables; the old ones are freed after a grace period.
// Takes 'program'. The clouds must still be there.
void program_publish(struct program *program);

// The guard has not all routes of the cloud (live.guard_short): try again.
void program_open(struct cloud *cloud);

// Drop what was prepared. NULL is fine.
void program_discard(struct program *program);

// Attach the T0 port of a cloud (shared with the other clouds of a trunk), and fill cloud->live
// with what it found. No worker knows the cloud yet. Returns 0, or -1 with port_failed or
// limit_reached (an MTU beyond the port's), and nothing attached but for 'undo', which then is
// true: program_detach() is still due.
int program_attach(struct cloud *cloud, bool *undo, struct refusal *refusal);

// Publish how frames of an attached cloud go in and out, by its settings and live state as they
// are now, and give it its port's frames. Its table has been published before. Returns 0, or -1
// with out_of_memory.
int program_cloud(const struct cloud *cloud, struct refusal *refusal);

// Does the port of a cloud, if it has one now, take its MTU? Returns 0, or -1 with limit_reached.
int program_check_mtu(const struct cloud *cloud, struct refusal *refusal);

// The cloud's MTU has changed: see that its port passes it, if it can.
void program_want_mtu(const struct cloud *cloud);

// Take a cloud off its port; when it was the last one there, stop and remove the port. Calls
// 'done' from the event loop when no worker can touch either any more; the cloud's live state says
// "not attached" then. 'cloud' must live until then.
void program_detach(struct cloud *cloud, void (*done)(void *arg), void *arg);

// The cloud is gone for good: its table too. After program_detach().
void program_forget(uint16_t cloud);

// A cloud id, an interconnect id has a new owner: its counters begin at zero.
void program_new_cloud(uint16_t cloud);
void program_new_interconnect(const struct interconnect *interconnect);

// The interconnect is about to leave the region.
void program_forget_interconnect(const struct interconnect *interconnect);
