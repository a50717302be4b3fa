// SPDX-License-Identifier: BSD-3-Clause
#include "store.h"

#include "database.h"
#include "load.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIM_EVERY 256 // events written between two trims of the oldest

// Every write of the store, prepared at its first use and kept.
enum write {
	WRITE_BEGIN,
	WRITE_COMMIT,
	WRITE_ROLLBACK,
	WRITE_CLOUD_INSERT,
	WRITE_CLOUD_UPDATE,
	WRITE_CLOUD_DELETE,
	WRITE_SEGMENT_INSERT,
	WRITE_SEGMENT_DELETE,
	WRITE_INTERCONNECT_INSERT,
	WRITE_INTERCONNECT_SET_PHASE,
	WRITE_INTERCONNECT_DELETE,
	WRITE_GRANT_SET,
	WRITE_GRANT_DELETE,
	WRITE_EVENT_INSERT,
	WRITE_EVENT_TRIM,
	N_WRITES,
};

static const struct {
	const char *sql;
	const char *missing; // the object that is not there when no row was changed; NULL: fine
} writes[N_WRITES] = {
	[WRITE_BEGIN] = {"BEGIN IMMEDIATE", NULL},
	[WRITE_COMMIT] = {"COMMIT", NULL},
	[WRITE_ROLLBACK] = {"ROLLBACK", NULL},
	[WRITE_CLOUD_INSERT] =
		{
			"INSERT INTO cloud (id, name, location, port, vlan, gateway_ipv4, gateway_ipv6,"
			" router_ipv4, router_ipv6, router_mac, network_block_ipv4, network_block_ipv6,"
			" mtu, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			NULL,
		},
	[WRITE_CLOUD_UPDATE] = {"UPDATE cloud SET mtu = ?, router_mac = ? WHERE id = ?", "cloud"},
	[WRITE_CLOUD_DELETE] = {"DELETE FROM cloud WHERE id = ?", "cloud"},
	[WRITE_SEGMENT_INSERT] =
		{
			"INSERT INTO segment (cloud, name, gateway_address_ipv4, gateway_address_ipv6,"
			" routed) VALUES (?, ?, ?, ?, ?)",
			NULL,
		},
	[WRITE_SEGMENT_DELETE] = {"DELETE FROM segment WHERE cloud = ? AND name = ?", "segment"},
	[WRITE_INTERCONNECT_INSERT] =
		{
			"INSERT INTO interconnect (id, name, cloud, peer, phase, created_at, created_by)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
			NULL,
		},
	[WRITE_INTERCONNECT_SET_PHASE] =
		{
			"UPDATE interconnect SET phase = ? WHERE id = ?",
			"interconnect",
		},
	[WRITE_INTERCONNECT_DELETE] = {"DELETE FROM interconnect WHERE id = ?", "interconnect"},
	[WRITE_GRANT_SET] =
		{
			"INSERT INTO grant (principal, cloud, role) VALUES (?, ?, ?)"
			" ON CONFLICT (principal, cloud) DO UPDATE SET role = excluded.role",
			NULL,
		},
	[WRITE_GRANT_DELETE] = {"DELETE FROM grant WHERE principal = ? AND cloud = ?", NULL},
	[WRITE_EVENT_INSERT] =
		{
			"INSERT INTO event (at, principal, action, object, cloud, peer, text)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
			NULL,
		},
	[WRITE_EVENT_TRIM] =
		{
			"DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - ?",
			NULL,
		},
};

struct store {
	struct database database;
	sqlite3_stmt *prepared[N_WRITES];
	bool many; // between store_begin() and its end
	bool failed; // a write of the open transaction failed: it can only be rolled back
	int fail_in; // store_inject_failure()
	unsigned untrimmed; // events written since the last trim
	char error[512];
};

static int fail(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct store *store, const char *format, ...)
{
	int used = snprintf(store->error, sizeof(store->error), "%.200s: ", store->database.file);
	va_list args;

	va_start(args, format);
	vsnprintf(&store->error[used], sizeof(store->error) - (size_t)used, format, args);
	va_end(args);
	return -EIO;
}

static int fail_sqlite(struct store *store, const char *what)
{
	return fail(store, "cannot %s: %s", what, sqlite3_errmsg(store->database.sqlite));
}

const char *store_error(const struct store *store)
{
	return store->error;
}

void store_inject_failure(struct store *store, int n)
{
	store->fail_in = n;
}

// Open and close

struct store *store_open(const char *dir, int lock_wait_ms, char *error, size_t size)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		snprintf(error, size, "%s: out of memory", dir);
		return NULL;
	}
	store->fail_in = -1;
	store->untrimmed = TRIM_EVERY; // who knows what the last one left
	if (database_open(&store->database, dir, lock_wait_ms, error, size) < 0) {
		free(store);
		return NULL;
	}
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_rollback(store);
	for (unsigned i = 0; i < N_WRITES; i++)
		sqlite3_finalize(store->prepared[i]);
	database_close(&store->database);
	free(store);
}

// One write

static sqlite3_stmt *prepare(struct store *store, enum write write)
{
	sqlite3_stmt **prepared = &store->prepared[write];

	if (!*prepared &&
	    sqlite3_prepare_v3(
		    store->database.sqlite, writes[write].sql, -1, SQLITE_PREPARE_PERSISTENT,
		    prepared, NULL
	    ) != SQLITE_OK)
		fail_sqlite(store, "prepare");
	return *prepared;
}

// Bind values by 'types': 'i' an int64_t, 't' a text, of which "" becomes NULL where it is 'n'.
static void bind(sqlite3_stmt *statement, const char *types, va_list values)
{
	for (int at = 1; *types; types++, at++) {
		const char *text;

		if (*types == 'i') {
			sqlite3_bind_int64(statement, at, va_arg(values, int64_t));
			continue;
		}
		text = va_arg(values, const char *);
		if (*types == 'n' && !text[0])
			sqlite3_bind_null(statement, at);
		else
			sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
	}
}

static int run(struct store *store, enum write write, const char *types, va_list values)
{
	sqlite3_stmt *statement = prepare(store, write);
	int result = 0;

	if (!statement)
		return -EIO;
	bind(statement, types, values);
	if (sqlite3_step(statement) != SQLITE_DONE)
		result = fail_sqlite(store, "write");
	else if (writes[write].missing && sqlite3_changes(store->database.sqlite) == 0)
		result = fail(store, "cannot write: there is no such %s", writes[write].missing);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

static bool injected(struct store *store)
{
	return store->fail_in >= 0 && store->fail_in-- == 0;
}

// Write, unless a write of this transaction has failed before.
static void put(struct store *store, enum write write, const char *types, ...)
{
	va_list values;

	if (store->failed)
		return;
	if (injected(store)) {
		fail(store, "cannot write: injected failure");
		store->failed = true;
		return;
	}
	va_start(values, types);
	store->failed = run(store, write, types, values) < 0;
	va_end(values);
}

// Transactions: a change is begin(), puts, end(). Within store_begin() and store_commit() it joins
// the open transaction, and a failure dooms that one as a whole.

static int run_bare(struct store *store, enum write write, ...)
{
	va_list none;
	int result;

	va_start(none, write);
	result = run(store, write, "", none);
	va_end(none);
	return result;
}

static void undo(struct store *store)
{
	// SQLite rolls back by itself after some errors.
	if (!sqlite3_get_autocommit(store->database.sqlite)) {
		char error[sizeof(store->error)];

		memcpy(error, store->error, sizeof(error));
		run_bare(store, WRITE_ROLLBACK);
		memcpy(store->error, error, sizeof(error));
	}
	store->failed = false;
	store->many = false;
}

static int keep(struct store *store)
{
	if (!store->failed && injected(store)) {
		fail(store, "cannot commit: injected failure");
		store->failed = true;
	}
	if (!store->failed)
		store->failed = run_bare(store, WRITE_COMMIT) < 0;
	if (!store->failed) {
		store->many = false;
		return 0;
	}
	undo(store);
	return -EIO;
}

static void begin(struct store *store)
{
	if (!store->many)
		store->failed = run_bare(store, WRITE_BEGIN) < 0;
}

static void put_events(struct store *store, const struct event *events, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(store, WRITE_EVENT_INSERT, "itttttt", events[i].at, events[i].principal,
		    events[i].action, events[i].object, events[i].cloud, events[i].peer,
		    events[i].text);
	store->untrimmed += n;
	if (store->untrimmed < TRIM_EVERY)
		return;
	put(store, WRITE_EVENT_TRIM, "i", (int64_t)EVENTS_KEPT);
	store->untrimmed = 0;
}

static int end(struct store *store, const struct event *events, unsigned n)
{
	put_events(store, events, n);
	if (store->many)
		return store->failed ? -EIO : 0;
	return keep(store);
}

int store_begin(struct store *store)
{
	if (store->many)
		return fail(store, "cannot begin: a transaction is open");
	if (run_bare(store, WRITE_BEGIN) < 0)
		return -EIO;
	store->failed = false;
	store->many = true;
	return 0;
}

int store_commit(struct store *store)
{
	if (!store->many)
		return fail(store, "cannot commit: no transaction is open");
	return keep(store);
}

void store_rollback(struct store *store)
{
	if (store->many)
		undo(store);
}

// Changes

static const char *mac_text(const struct cloud *cloud, char text[static MAC_STRLEN])
{
	return cloud->has_router_mac ? mac_format(&cloud->router_mac, text) : "";
}

static void put_segment(
	struct store *store, const struct cloud *cloud, const struct segment *segment
)
{
	char addresses[FAMILIES][PREFIX_STRLEN];

	for (unsigned family = 0; family < FAMILIES; family++)
		prefix_format(&segment->gateway_address[family], addresses[family]);
	put(store, WRITE_SEGMENT_INSERT, "itnni", (int64_t)cloud->id, segment->name, addresses[0],
	    addresses[1], (int64_t)segment->routed);
}

int store_cloud_insert(
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
)
{
	char gateways[FAMILIES][PREFIX_STRLEN], routers[FAMILIES][ADDR_STRLEN];
	char blocks[FAMILIES][PREFIX_STRLEN], mac[MAC_STRLEN];

	for (unsigned family = 0; family < FAMILIES; family++) {
		prefix_format(&cloud->gateway[family], gateways[family]);
		addr_format(&cloud->router[family], routers[family]);
		prefix_format(&cloud->network_block[family], blocks[family]);
	}
	begin(store);
	put(store, WRITE_CLOUD_INSERT, "itttinnnnnnniit", (int64_t)cloud->id, cloud->name,
	    cloud->location, cloud->port, (int64_t)cloud->vlan, gateways[0], gateways[1],
	    routers[0], routers[1], mac_text(cloud, mac), blocks[0], blocks[1], (int64_t)cloud->mtu,
	    cloud->created_at, cloud->created_by);
	for (unsigned i = 0; i < cloud->n_segments; i++)
		put_segment(store, cloud, &cloud->segments[i]);
	return end(store, events, n);
}

int store_cloud_update(
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
)
{
	char mac[MAC_STRLEN];

	begin(store);
	put(store, WRITE_CLOUD_UPDATE, "ini", (int64_t)cloud->mtu, mac_text(cloud, mac),
	    (int64_t)cloud->id);
	return end(store, events, n);
}

int store_cloud_delete(
	struct store *store, const struct cloud *cloud, const struct event *events, unsigned n
)
{
	begin(store);
	put(store, WRITE_CLOUD_DELETE, "i", (int64_t)cloud->id);
	return end(store, events, n);
}

int store_segment_insert(
	struct store *store, const struct cloud *cloud, const struct segment *segment,
	const struct event *events, unsigned n
)
{
	begin(store);
	put_segment(store, cloud, segment);
	return end(store, events, n);
}

int store_segment_delete(
	struct store *store, const struct cloud *cloud, const char *name,
	const struct event *events, unsigned n
)
{
	begin(store);
	put(store, WRITE_SEGMENT_DELETE, "it", (int64_t)cloud->id, name);
	return end(store, events, n);
}

// A failed one is kept as building: the next start tries again.
static const char *phase_word(enum interconnect_phase phase)
{
	switch (phase) {
	case PHASE_ACTIVE:
		return "active";
	case PHASE_DELETING:
		return "deleting";
	case PHASE_BUILDING:
	case PHASE_FAILED:
		break;
	}
	return "building";
}

int store_interconnect_insert(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
)
{
	begin(store);
	put(store, WRITE_INTERCONNECT_INSERT, "itiitit", (int64_t)interconnect->id,
	    interconnect->name, (int64_t)interconnect->cloud->id, (int64_t)interconnect->peer->id,
	    phase_word(interconnect->phase), interconnect->created_at, interconnect->created_by);
	return end(store, events, n);
}

int store_interconnect_set_phase(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
)
{
	begin(store);
	put(store, WRITE_INTERCONNECT_SET_PHASE, "ti", phase_word(interconnect->phase),
	    (int64_t)interconnect->id);
	return end(store, events, n);
}

int store_interconnect_delete(
	struct store *store, const struct interconnect *interconnect, const struct event *events,
	unsigned n
)
{
	begin(store);
	put(store, WRITE_INTERCONNECT_DELETE, "i", (int64_t)interconnect->id);
	return end(store, events, n);
}

int store_grant_set(
	struct store *store, const struct grant *grant, const struct event *events, unsigned n
)
{
	begin(store);
	if (grant->role == ROLE_NONE)
		put(store, WRITE_GRANT_DELETE, "ti", grant->principal, (int64_t)grant->cloud->id);
	else
		put(store, WRITE_GRANT_SET, "tit", grant->principal, (int64_t)grant->cloud->id,
		    role_name(grant->role));
	return end(store, events, n);
}

int store_events(struct store *store, const struct event *events, unsigned n)
{
	begin(store);
	return end(store, events, n);
}

// Reading

int store_load(struct store *store, struct region *region)
{
	char error[400];
	int result = load_region(store->database.sqlite, region, error, sizeof(error));

	if (result < 0)
		fail(store, "%s", error);
	return result;
}

static void get_text(sqlite3_stmt *row, int column, char *text, size_t size)
{
	snprintf(text, size, "%s", (const char *)sqlite3_column_text(row, column));
}

static void give_event(sqlite3_stmt *row, void (*fn)(const struct event *, void *), void *arg)
{
	struct event event = {
		.seq = sqlite3_column_int64(row, 0),
		.at = sqlite3_column_int64(row, 1),
	};

	get_text(row, 2, event.principal, sizeof(event.principal));
	get_text(row, 3, event.action, sizeof(event.action));
	get_text(row, 4, event.object, sizeof(event.object));
	get_text(row, 5, event.cloud, sizeof(event.cloud));
	get_text(row, 6, event.peer, sizeof(event.peer));
	get_text(row, 7, event.text, sizeof(event.text));
	fn(&event, arg);
}

int store_list_events(
	struct store *store, int64_t after, unsigned max, void (*fn)(const struct event *, void *),
	void *arg
)
{
	static const char sql[] =
		"SELECT seq, at, principal, action, object, cloud, peer, text FROM"
		" (SELECT * FROM event WHERE seq > ? ORDER BY seq DESC LIMIT ?) ORDER BY seq";
	sqlite3_stmt *row;
	int step;

	if (sqlite3_prepare_v2(store->database.sqlite, sql, -1, &row, NULL) != SQLITE_OK)
		return fail_sqlite(store, "read");
	sqlite3_bind_int64(row, 1, after);
	sqlite3_bind_int64(row, 2, max);
	while ((step = sqlite3_step(row)) == SQLITE_ROW)
		give_event(row, fn, arg);
	sqlite3_finalize(row);
	return step == SQLITE_DONE ? 0 : fail_sqlite(store, "read");
}
