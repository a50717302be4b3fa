// SPDX-License-Identifier: BSD-3-Clause
// The RPC methods of t0xd: decode parameters, ask the rules, run the change, encode the answer.
#pragma once

#include "rpc.h"

// Ends with a NULL name; the 'arg' of rpc_open() is the struct exchange_control.
extern const struct rpc_method methods[];
