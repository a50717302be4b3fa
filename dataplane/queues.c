// SPDX-License-Identifier: BSD-3-Clause
#include "queues.h"

#include "af_packet.h"
#include "af_xdp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Drivers that are not as a NIC is.
static const struct driver {
	const char *name;
	const char *devarg; // how many queues it is to have, if t0xd may choose: the kernel, or
			    // any guest, is content with what it finds
	unsigned most; // queues by that
	bool all; // frames come in on each queue that there is
	bool first; // the other side may serve no tx queue but the first
} drivers[] = {
	{AF_PACKET_DRIVER, "qpairs", 16, .all = true},
	{AF_XDP_DRIVER, "queue_count", QUEUES_MAX, .all = true},
	{"net_vhost", "queues", 128, .all = true, .first = true},
	{"net_memif", .first = true},
	{"net_ring", .all = true},
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static const struct driver *find(const char *name)
{
	for (unsigned i = 0; i < DRIVERS; i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}

// Of the device with this name, which is the driver's and, for many, a number.
static const struct driver *find_of_device(const char *devargs)
{
	for (unsigned i = 0; i < DRIVERS; i++) {
		size_t length = strlen(drivers[i].name);
		size_t rest = strcspn(devargs, ",");

		if (rest >= length && strncmp(drivers[i].name, devargs, length) == 0)
			return &drivers[i];
	}
	return NULL;
}

static uint16_t limited(unsigned wanted, uint16_t most)
{
	return (uint16_t)RTE_MIN(RTE_MIN(wanted, (unsigned)QUEUES_MAX), RTE_MAX(most, 1u));
}

struct queues queues_choose(const struct rte_eth_dev_info *dev, unsigned workers)
{
	const struct driver *driver = find(dev->driver_name);

	return (struct queues){
		.rx = limited(driver && driver->all ? QUEUES_MAX : workers, dev->max_rx_queues),
		.tx = limited(driver && driver->first ? 1 : workers, dev->max_tx_queues),
	};
}

void queues_spread(const struct rte_eth_dev_info *dev, uint16_t n, struct rte_eth_conf *conf)
{
	uint64_t fields =
		dev->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);

	if (n < 2 || fields == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = fields;
}

static bool has_devarg(const char *devargs, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strchr(devargs, ','); at != NULL; at = strchr(at + 1, ','))
		if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '=')
			return true;
	return false;
}

const char *queues_devargs(const char *devargs, unsigned wanted, char *text, size_t size)
{
	const struct driver *driver = find_of_device(devargs);
	int length;

	if (wanted < 2 || driver == NULL || driver->devarg == NULL ||
	    has_devarg(devargs, driver->devarg))
		return devargs;
	length = snprintf(
		text, size, "%s,%s=%u", devargs, driver->devarg, RTE_MIN(wanted, driver->most)
	);
	return length > 0 && (size_t)length < size ? text : devargs;
}
