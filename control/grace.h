// SPDX-License-Identifier: BSD-3-Clause
// Drives rcu_poll() from the event loop, so that a grace period costs the control thread nothing
// but a timer.
#pragma once

struct event_base;

// Returns 0 or -ENOMEM. Control thread.
int grace_open(struct event_base *base);
void grace_close(void);

// Something was published or handed to rcu_call(): see that its callbacks run. Without
// grace_open() (in tests that call rcu_poll() themselves) it does nothing. Control thread.
void grace_start(void);
