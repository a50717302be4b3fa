// SPDX-License-Identifier: BSD-3-Clause
#include "link_bell.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int bell = -1; // control: wo, any: ro

// On a thread of the driver's, or on control when it takes the port down.
static int on_change(uint16_t port, enum rte_eth_event_type event, void *arg, void *details)
{
	link_bell_ring();
	return 0;
}

int link_bell_init(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	__atomic_store_n(&bell, fd, __ATOMIC_RELEASE);
	// Of the ports that there are, and of those that come.
	return rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_change, NULL);
}

void link_bell_free(void)
{
	int fd = bell;

	if (fd < 0)
		return;
	while (rte_eth_dev_callback_unregister(
		       RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_change, NULL
	       ) == -EAGAIN)
		rte_pause(); // it is being called
	__atomic_store_n(&bell, -1, __ATOMIC_RELEASE);
	close(fd);
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
	int fd = __atomic_load_n(&bell, __ATOMIC_ACQUIRE);

	if (fd >= 0)
		eventfd_write(fd, 1);
}
