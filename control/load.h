// SPDX-License-Identifier: BSD-3-Clause
// From the rows of the store to the region. A row that makes no sense ends it: what the store holds
// was acknowledged, so that nothing may be skipped or guessed. Control thread.
#pragma once

#include "region.h"

#include <stddef.h>

struct sqlite3;

// Read all clouds, segments, interconnects and grants into an empty region. Returns 0, -EIO or
// -ENOMEM; then 'error' names the table, the row and the column, and the region is empty again.
int load_region(struct sqlite3 *sqlite, struct region *region, char *error, size_t size);
