// SPDX-License-Identifier: BSD-3-Clause
// t0x in DPDK's telemetry: /t0x/clouds, /t0x/interconnects, /t0x/drops, /t0x/workers.
//
// DPDK answers on threads of its own, which may touch no region: a callback hands its request to
// the control thread and waits for it. Lists come in pages, since an answer of DPDK's holds 16 KiB:
// "next" is the offset of the following one ("from=N" as parameter), 0 after the last.
//
//	/t0x/clouds[,from=N]	names
//	/t0x/clouds,NAME	one: state, reason, port, counters
//	/t0x/interconnects[,CLOUD][,from=N]	ends, state, packets and bytes, each an array
//	/t0x/drops[,CLOUD]	packets by reason, of all clouds or of one
//	/t0x/workers		cycles of each, busy and in total
#pragma once

struct exchange_control; // control.h

// Register the commands. Returns 0 or -errno. Control thread, once.
int telemetry_open(struct exchange_control *control);

// From now on the commands answer that t0xd is ending. Control thread.
void telemetry_close(void);
