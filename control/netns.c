// SPDX-License-Identifier: BSD-3-Clause
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NETNS_DIR "/run/netns"
#define NETNS_SELF "/proc/thread-self/ns/net"

static bool name_valid(const char *name)
{
	return *name && strlen(name) <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") &&
		strcmp(name, "..");
}

static bool same_file(int a, int b)
{
	struct stat first, second;

	return !fstat(a, &first) && !fstat(b, &second) && first.st_dev == second.st_dev &&
		first.st_ino == second.st_ino;
}

// A mount made below a directory of shared propagation appears in every mount namespace that
// shares it: 'ip netns exec' works in all of them. Only a mount point can be shared, so the
// directory is first mounted on itself.
static int share_directory(void)
{
	if (!mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL))
		return -errno;
	return 0;
}

// The directory, locked: newer 'ip netns' takes the same lock while it mounts.
static int open_directory(char *error, size_t size)
{
	int fd, ret;

	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST) {
		ret = -errno;
		snprintf(error, size, "cannot create %s: %s", NETNS_DIR, strerror(-ret));
		return ret;
	}
	fd = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		ret = -errno;
		snprintf(error, size, "cannot lock %s: %s", NETNS_DIR, strerror(-ret));
		goto fail;
	}
	ret = share_directory();
	if (ret) {
		snprintf(
			error, size, "cannot make mounts below %s shared: %s", NETNS_DIR,
			strerror(-ret)
		);
		goto fail;
	}
	return fd;
fail:
	if (fd >= 0)
		close(fd);
	return ret;
}

struct creation {
	const char *path;
	int error;
};

// On a thread of its own, which ends here: the caller's never leaves its namespace.
static void *create_thread(void *arg)
{
	struct creation *creation = arg;

	if (unshare(CLONE_NEWNET) || mount(NETNS_SELF, creation->path, "none", MS_BIND, NULL))
		creation->error = -errno;
	return NULL;
}

static int create(const char *path)
{
	struct creation creation = {.path = path};
	pthread_t thread;
	int ret;

	ret = pthread_create(&thread, NULL, create_thread, &creation);
	if (ret)
		return -ret;
	pthread_join(thread, NULL);
	return creation.error;
}

// A descriptor of the namespace mounted at 'path'; -ENOENT when it is an ordinary file, which is
// what a process leaves that died between creating the file and mounting.
static int open_mounted(const char *path)
{
	struct statfs fs;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) || fs.f_type != NSFS_MAGIC) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int open_or_create(const char *path)
{
	int fd, ret;

	fd = open_mounted(path);
	if (fd != -ENOENT)
		return fd;
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return -errno;
	close(fd);
	ret = create(path);
	if (ret) {
		unlink(path);
		return ret;
	}
	return open_mounted(path);
}

int netns_open(const char *name, char *error, size_t size)
{
	char path[sizeof(NETNS_DIR) + 1 + NAME_MAX];
	int directory, self, fd;

	if (!name_valid(name)) {
		snprintf(error, size, "'%s' cannot be the name of a network namespace", name);
		return -EINVAL;
	}
	directory = open_directory(error, size);
	if (directory < 0)
		return directory;
	snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
	fd = open_or_create(path);
	close(directory);
	if (fd < 0) {
		snprintf(
			error, size, "cannot create network namespace %s: %s", path, strerror(-fd)
		);
		return fd;
	}
	self = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	if (self < 0 || same_file(self, fd)) {
		snprintf(
			error, size, "network namespace %s is not apart from that of this process",
			path
		);
		close(fd);
		fd = -EINVAL;
	}
	if (self >= 0)
		close(self);
	return fd;
}

int netns_run(int netns, int (*function)(void *arg), void *arg)
{
	int home, ret;

	home = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	if (setns(netns, CLONE_NEWNET)) {
		ret = -errno;
		close(home);
		return ret;
	}
	ret = function(arg);
	if (setns(home, CLONE_NEWNET)) {
		fprintf(stderr, "cannot return to the network namespace of the host: %s\n",
			strerror(errno));
		abort();
	}
	close(home);
	return ret;
}
