// SPDX-License-Identifier: BSD-3-Clause
// Addresses that are never forwarded (RFC 6890, RFC 1812 5.3.7).
#pragma once

#include "prefix.h"

struct martian {
	struct prefix network;
	const char *what;
	bool transit; // still usual between two routers
};

#define MARTIANS 10
extern const struct martian martians[MARTIANS];
