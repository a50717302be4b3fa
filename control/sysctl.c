// SPDX-License-Identifier: BSD-3-Clause
#include "sysctl.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "sysctl"
#define ROOT "/proc/sys/net/"
#define HINT "t0xd must be allowed to write " ROOT " (in a container: mount /proc/sys read-write)"
#define PATH_SIZE 128
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// A '-' before the name, as in sysctl.d(5): not every kernel since 5.10 has it.
struct setting {
	const char *name;
	const char *value;
};

// The order matters where writing one resets another: forwarding sets accept_redirects.
static const struct setting ipv4_settings[] = {
	{"forwarding", "0"},
	{"bc_forwarding", "0"},
	{"accept_redirects", "0"},
	{"secure_redirects", "0"},
	{"send_redirects", "0"},
	{"accept_source_route", "0"},
	{"accept_local", "0"},
	{"route_localnet", "0"},
	{"rp_filter", "0"},
	{"arp_ignore", "1"}, // answer on a netdev for the addresses of that netdev alone
	{"arp_announce", "2"}, // ask from them alone
	{"arp_filter", "0"},
	{"arp_accept", "0"}, // learn nothing that was not asked for
	{"arp_notify", "0"},
	{"drop_gratuitous_arp", "0"}, // a T0 that fails over says so by one
	{"proxy_arp", "0"},
	{"proxy_arp_pvlan", "0"},
	{"bootp_relay", "0"},
	{"-arp_evict_nocarrier", "1"}, // since 5.17
};

static const struct setting ipv6_settings[] = {
	{"forwarding", "0"},
	{"-force_forwarding", "0"}, // since 6.17
	{"accept_ra", "0"},
	{"autoconf", "0"},
	{"router_solicitations", "0"},
	{"accept_redirects", "0"},
	{"accept_source_route", "0"},
	{"addr_gen_mode", "1"}, // IN6_ADDR_GEN_MODE_NONE
	{"-use_tempaddr", "0"},
	{"keep_addr_on_down", "0"}, // taking a TAP down clears it
	{"proxy_ndp", "0"},
	{"ndisc_notify", "0"},
	{"-accept_untracked_na", "0"}, // since 5.18
	{"-ndisc_evict_nocarrier", "1"}, // since 5.17
};

static const struct setting namespace_settings[] = {
	{"ipv4/icmp_echo_ignore_all", "0"},
	{"ipv4/icmp_echo_ignore_broadcasts", "1"},
	// RFC 8335 tells of other interfaces. Since 5.13.
	{"-ipv4/icmp_echo_enable_probe", "0"},
	{"-ipv6/icmp/echo_ignore_all", "0"}, // of a kernel with IPv6, as the others
	{"-ipv6/icmp/echo_ignore_multicast", "1"},
	{"-ipv6/icmp/echo_ignore_anycast", "1"},
};

static int write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int ret;

	if (fd < 0)
		return -errno;
	written = write(fd, value, strlen(value));
	ret = written < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int write_setting(
	const char *directory, const struct setting *setting, char *error, size_t size
)
{
	bool optional = setting->name[0] == '-';
	char path[PATH_SIZE];
	int ret;

	snprintf(path, sizeof(path), "%s%s", directory, setting->name + optional);
	ret = write_file(path, setting->value);
	if (ret == -ENOENT && optional)
		return 0;
	if (ret)
		snprintf(
			error, size, "cannot set %s to %s: %s%s", path, setting->value,
			strerror(-ret),
			ret == -EROFS || ret == -EACCES || ret == -EPERM ? "; " HINT : ""
		);
	return ret;
}

static int write_settings(
	const char *directory, const struct setting *settings, size_t n, char *error, size_t size
)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = write_setting(directory, &settings[i], error, size);
	return ret;
}

// 'all', 'default' or a netdev. Without a directory of its own there is no IPv6 to be switched off:
// the kernel was built without, or the MTU is less than the 1280 that IPv6 asks for (RFC 8200).
int sysctl_netdev(const char *netdev, bool ipv6, char *error, size_t size)
{
	const struct setting disable = {"disable_ipv6", ipv6 ? "0" : "1"};
	char directory[PATH_SIZE / 2];
	int ret;

	snprintf(directory, sizeof(directory), ROOT "ipv4/conf/%s/", netdev);
	ret = write_settings(directory, ipv4_settings, COUNT(ipv4_settings), error, size);
	if (ret)
		return ret;
	snprintf(directory, sizeof(directory), ROOT "ipv6/conf/%s/", netdev);
	if (access(directory, F_OK) && !ipv6)
		return 0;
	ret = write_settings(directory, ipv6_settings, COUNT(ipv6_settings), error, size);
	return ret ? ret : write_setting(directory, &disable, error, size);
}

int sysctl_namespace(char *error, size_t size)
{
	int ret = sysctl_netdev("all", false, error, size);

	if (!ret)
		ret = sysctl_netdev("default", false, error, size);
	if (!ret)
		ret = write_settings(
			ROOT, namespace_settings, COUNT(namespace_settings), error, size
		);
	return ret;
}

static long read_number(const char *path)
{
	char text[32] = "";
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return strtol(text, NULL, 10);
}

static void raise_to(const char *path, long least)
{
	char value[32];
	long old = read_number(path);
	int ret = old < 0 ? (int)old : 0;

	if (old >= least)
		return;
	snprintf(value, sizeof(value), "%ld", least);
	if (!ret)
		ret = write_file(path, value);
	if (ret)
		LOG(WARNING, "event=not_raised file=%s to=%ld why=" LOG_TEXT, path, least,
		    log_text(strerror(-ret)));
	else
		LOG(NOTICE, "event=raised file=%s from=%ld to=%ld", path, old, least);
}

void sysctl_raise_neighbours(void)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	// The highest first, so that they are in order at any time.
	static const struct {
		unsigned number;
		long least;
	} thresholds[] = {{3, 32768}, {2, 16384}, {1, 8192}};
	char path[PATH_SIZE];

	for (unsigned f = 0; f < COUNT(families); f++) {
		snprintf(path, sizeof(path), ROOT "%s", families[f]);
		if (access(path, F_OK))
			continue; // a kernel without IPv6
		for (unsigned t = 0; t < COUNT(thresholds); t++) {
			snprintf(
				path, sizeof(path), ROOT "%s/neigh/default/gc_thresh%u",
				families[f], thresholds[t].number
			);
			raise_to(path, thresholds[t].least);
		}
	}
}
