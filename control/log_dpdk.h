// SPDX-License-Identifier: BSD-3-Clause
// What DPDK has to say, as lines of our log: module=dpdk msg="...".
#pragma once

#include "log.h"

// Before rte_eal_init(). Returns 0 or -errno.
int log_dpdk_open(void);

// How much DPDK itself lets through; the level of the module "dpdk" is applied on top.
void log_dpdk_set_level(enum log_level level);
