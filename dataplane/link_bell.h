// SPDX-License-Identifier: BSD-3-Clause
// A bell that rings when a driver tells of a link, so that nobody has to wait until it is asked.
//
// net_vhost tells when its guest comes and goes, virtio and NICs where their interrupts are on;
// net_memif tells nobody, and is listened to by interrupt.h. Others, and who tells nothing, are
// asked once a second. Threads: control, but for link_bell_ring().
#pragma once

// From EAL's start to its end: 0 or -errno.
int link_bell_init(void);
void link_bell_free(void);

// An eventfd, readable once it has rung; -1 outside of those two.
int link_bell(void);

void link_bell_silence(void);

// A link has changed, or is about to. Any thread, and of no consequence while there is no bell.
void link_bell_ring(void);
