// SPDX-License-Identifier: BSD-3-Clause
// Who may see and change a cloud, and whether it takes changes at all. What the rest of the program
// asks is in rules.h (rule_may_read() and others); here is what the rules share. Pure functions.
#pragma once

#include "rules.h"

// Administrators, and contributors of the cloud.
bool access_may_write(
	const struct region *region, const struct principal *principal, const struct cloud *cloud
);

// The same, refusing no_write_access.
int access_check_write(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
);

// A cloud on its way out takes no changes: refuses cloud_not_found.
int access_check_not_deleting(const struct cloud *cloud, struct refusal *refusal);
