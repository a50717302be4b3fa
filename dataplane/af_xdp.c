// SPDX-License-Identifier: BSD-3-Clause
#include "af_xdp.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IFACE ",iface="

unsigned af_xdp_queues(const char *devargs)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	const char *name = strstr(devargs, IFACE);
	unsigned queues = 0;
	size_t length;
	int fd;

	if (name == NULL)
		return 1;
	name += strlen(IFACE);
	length = strcspn(name, ",");
	if (length >= sizeof(request.ifr_name))
		return 1;
	memcpy(request.ifr_name, name, length);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 1;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		queues = channels.combined_count;
	close(fd);
	return queues > 0 ? queues : 1;
}
