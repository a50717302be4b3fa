// SPDX-License-Identifier: BSD-3-Clause
// One connection to t0xd that is kept: requests one after the other.
#pragma once

#include <stdbool.h>

// The connected socket, to poll. Ends the program when nobody listens there.
int rpc_connect(const char *path);

// Ask to create the interconnect of two clouds, or to delete it. It is called as the peer is.
void rpc_create(int fd, const char *cloud, const char *peer);
void rpc_delete(int fd, const char *cloud, const char *peer);

// Take in what has come, without waiting. True when that completes the answer; the program ends
// when it is a refusal.
bool rpc_answered(int fd);
