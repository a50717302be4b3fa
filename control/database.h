// SPDX-License-Identifier: BSD-3-Clause
// The file under the store: DIR/t0x.db, locked, checked, and of the present schema.
//
// A database is made whole under another name and then renamed, so that an empty or short t0x.db
// is always damage and never taken for a new one. A file that cannot be used is left as it is.
// Control thread only.
#pragma once

#include <stddef.h>

struct sqlite3;

struct database {
	struct sqlite3 *sqlite;
	int lock; // fd of DIR/lock, held exclusively
	char file[4096];
};

// Open, and create or migrate, as store_open() says. Returns 0, or -1 with 'error' filled.
int database_open(
	struct database *database, const char *dir, int lock_wait_ms, char *error, size_t size
);

void database_close(struct database *database);
