// SPDX-License-Identifier: BSD-3-Clause
// From two answers of the method "stats" to what happened between them.
#pragma once

#include <jansson.h>

// {"interconnects":[{"cloud","peer","name","cloud_to_peer":{"packets_per_second",
// "bits_per_second"},"peer_to_cloud":{...}}],"drops":[{"cloud","reason","packets_per_second"}],
// "workers":[{"worker","busy_ratio"}]}: each list with the busiest first, drops only where there
// were any. A counter that went back has begun anew: what it shows has come since. 'before' may be
// NULL: nothing has been counted before. Returns a new reference.
json_t *rates_between(const json_t *before, const json_t *now, double seconds);
