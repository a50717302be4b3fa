// SPDX-License-Identifier: BSD-3-Clause
// A bell that rings when a driver tells of a link, so that nobody has to wait until it is asked.
//
// net_vhost tells when its guest comes and goes. net_memif tells nobody: interrupt.h listens to it,
// and hears a client when its connection begins, of which the rest may take its server a while. All
// ports are asked once a second besides. NICs are only asked: their link interrupts stay off, with
// which they would answer what they told last. Threads: control, but for link_bell_ring().
#pragma once

// From EAL's start to its end: 0 or -errno.
int link_bell_init(void);
void link_bell_free(void);

// An eventfd, readable once it has rung; -1 outside of those two.
int link_bell(void);

void link_bell_silence(void);

// A link has changed, or is about to. Any thread, and of no consequence while there is no bell.
void link_bell_ring(void);
