// SPDX-License-Identifier: BSD-3-Clause
// How long it takes to build tables, and what they take.
#pragma once

// Build n tables of so many routes, one after the other, and free them, 'rounds' times; print
// microseconds for all n of each round, and the bytes of all, as a JSON object.
void rebuild_run(unsigned n, unsigned routes, unsigned rounds);
