// SPDX-License-Identifier: BSD-3-Clause
#include "link_bell.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int bell = -1;

// On a thread of the driver's.
static int on_change(uint16_t port, enum rte_eth_event_type event, void *arg, void *details)
{
	link_bell_ring();
	return 0;
}

int link_bell_init(void)
{
	bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell < 0)
		return -errno;
	// Of the ports that there are, and of those that come.
	return rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_change, NULL);
}

void link_bell_free(void)
{
	if (bell < 0)
		return;
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_change, NULL);
	close(bell);
	bell = -1;
}

int link_bell(void)
{
	return bell;
}

void link_bell_silence(void)
{
	eventfd_t rings;

	eventfd_read(bell, &rings);
}

void link_bell_ring(void)
{
	if (bell >= 0)
		eventfd_write(bell, 1);
}
