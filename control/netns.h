// SPDX-License-Identifier: BSD-3-Clause
// Named network namespaces, where 'ip netns' finds them: /run/netns/NAME.
//
// A network namespace belongs to a thread. Sockets and TAPs stay in the one they were opened in,
// and /proc/sys/net shows that of the thread which opens it. So the control thread goes inside
// only to open something or to write a setting, by netns_run(), and is back when that returns.
#pragma once

#include <stddef.h>

// Adopt the namespace NAME, or create it as 'ip netns add' does: an empty file in a directory of
// shared mount propagation, with the namespace mounted over it. It outlives the process.
//
// returns   a descriptor of the namespace (close-on-exec), or -errno and 'error' filled:
//           EINVAL for a name with '/' and for a namespace that the calling thread is in itself,
//           because its settings are about to be changed
int netns_open(const char *name, char *error, size_t size);

// Run 'function' with the calling thread inside the namespace. Returns what it returns, or -errno
// when the thread could not enter. A thread that cannot come back would from then on mix the host's
// addresses with the clouds': it aborts.
int netns_run(int netns, int (*function)(void *arg), void *arg);
