// SPDX-License-Identifier: BSD-3-Clause
// Commands that go on until they are ended: on a terminal by q or ^C, otherwise by ^C or when
// nobody reads their output any more. t0xd may go away and come back meanwhile.
#pragma once

#include "command.h"

// t0xctl stats --watch
int watch_stats(const struct args *args);

// Begin: signals end the wait, and on a terminal keys are read one by one until watch_end().
void watch_begin(void);
void watch_end(void);

// Wait. Returns false when the command is to end.
bool watch_wait(double seconds);
