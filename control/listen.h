// SPDX-License-Identifier: BSD-3-Clause
// The Unix socket on which t0xd is reached. Control thread.
#pragma once

#include "rules.h"

#include <stddef.h>

// Bind a stream socket to 'path': mode 0660, group "t0x" where that exists and may be given; the
// directory is created 0755 if it is missing. A socket that nobody listens on is replaced; one that
// somebody answers on, or a file that is no socket, is an error. The caller calls listen(): until
// then nobody gets in.
//
// Returns the descriptor, close-on-exec and non-blocking, or -1 with 'error' filled.
int listen_bind(const char *path, char *error, size_t size);

// Who connected: "uid:N"; an administrator is root or our own effective uid. Returns 0 or -errno.
int listen_peer(int fd, struct principal *principal);
