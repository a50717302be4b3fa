// SPDX-License-Identifier: BSD-3-Clause
// The store: what was acknowledged, kept over a crash at any instant.
//
// SQLite in WAL mode with synchronous=FULL; the schema is versioned by PRAGMA user_version and
// brought forward by numbered migrations. The store is the truth, the region in memory and the
// tables are derived from it. Every function that changes it runs in one transaction, together
// with the events of that change, so that a change and its event are kept or lost as one.
// Control thread only.
#pragma once

#include "region.h"

#include <stdint.h>

struct store;

// What happened: written with the change, listed by event.list. The last EVENTS_KEPT are kept.
#define EVENTS_KEPT 10000
struct event {
	int64_t seq; // grows by one each; filled in by the store
	int64_t at; // ms since 1970 UTC
	char principal[PRINCIPAL_SIZE]; // who asked, or "t0xd" for what happened by itself
	char action[48]; // "interconnect.create", "interconnect.state", "cloud.delete", ...
	char object[2 * NAME_SIZE + 4]; // "pc1", "pc1 <-> pc2", "pc1/web"
	char cloud[NAME_SIZE]; // whose event it is, for what readers may see
	char peer[NAME_SIZE]; // the second cloud of an interconnect, or ""
	char text[256]; // what and why, for people
};

// Open (and create, and migrate) DIR/t0x.db, with an exclusive lock on DIR/lock that is waited for
// up to 'lock_wait_ms' (a dying predecessor lets go of it).
//
// Returns the store, or NULL with 'error' filled (size bytes) with what is wrong, which file, and
// what to do: locked by another t0xd, not a database, damaged, of a later version.
struct store *store_open(const char *dir, int lock_wait_ms, char *error, size_t size);

// NULL is fine.
void store_close(struct store *store);

// Read everything into an empty region. Interconnects come back in the phase that was committed:
// PHASE_BUILDING, PHASE_ACTIVE or PHASE_DELETING; one that was set to PHASE_FAILED comes back as
// PHASE_BUILDING, to be tried again. Returns 0, or -EIO / -ENOMEM with store_error() and the region
// empty again (rows that make no sense are an error that names them, never skipped).
int store_load(struct store *store, struct region *region);

// Changes. Each returns 0 or -EIO; after -EIO nothing has changed and store_error() says why
// (disk full, I/O error). 'events' (n of them) go into the same transaction.
int store_cloud_insert( // with the segments that it has
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
);
int store_cloud_update( // mtu, router_mac
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
);
int store_cloud_delete( // with its segments and grants
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
);
int store_segment_insert(
	struct store *store, const struct cloud *cloud, const struct segment *segment,
	const struct event *events, unsigned n
);
int store_segment_delete(
	struct store *store, const struct cloud *cloud, const char *name,
	const struct event *events, unsigned n
);
int store_interconnect_insert(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
);
int store_interconnect_set_phase(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
);
int store_interconnect_delete(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
);
int store_grant_set( // ROLE_NONE removes
	struct store *store, const struct grant *grant, const struct event *events, unsigned n
);
int store_events(struct store *store, const struct event *events, unsigned n);

// One transaction around several of the calls above. Nothing is kept until the commit. A call that
// fails dooms the whole: those after it fail too, and so does the commit, which then keeps nothing.
// Both store_commit(), whatever it returns, and store_rollback() end the transaction.
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

// Call 'fn' for events with seq > 'after', oldest first, at most 'max' of the newest.
// Returns 0 or -EIO.
int store_list_events(
	struct store *store, int64_t after, unsigned max, void (*fn)(const struct event *, void *),
	void *arg
);

// What went wrong last, one line with the file's name. Valid until the next call.
const char *store_error(const struct store *store);

// For tests of failing disks: make the next write after 'n' successful ones fail with -EIO at that
// point of its transaction (n < 0: never). A test build is not needed: it is one comparison.
void store_inject_failure(struct store *store, int n);
