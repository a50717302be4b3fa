// SPDX-License-Identifier: BSD-3-Clause
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GROUP "t0x"

__attribute__((format(printf, 3, 4))) static int fail(
	char *error, size_t size, const char *format, ...
)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -1;
}

static int make_directory(const char *path, char *error, size_t size)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	if (mkdir(directory, 0755) == 0)
		return chmod(directory, 0755); // whatever the umask is
	if (errno == EEXIST)
		return 0;
	return fail(error, size, "cannot create %s: %s", directory, strerror(errno));
}

// Does somebody listen on it? Never blocks: a full backlog is an answer, too.
static bool is_answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answered = fd >= 0 &&
		(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		 errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return answered;
}

static int remove_stale(const struct sockaddr_un *address, char *error, size_t size)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : fail(error, size, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return fail(
			error, size,
			"%s exists and is not a socket: move it away, or give another "
			"path with --socket",
			path
		);
	if (is_answered(address))
		return fail(
			error, size,
			"another t0xd listens on %s: stop it first, or give another "
			"path with --socket",
			path
		);
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(error, size, "cannot remove the stale %s: %s", path, strerror(errno));
	return 0;
}

// The group admits, grants decide. Who may not give the socket to the group (a test, a developer)
// keeps it for his own.
static int admit_group(const char *path, char *error, size_t size)
{
	const struct group *group = getgrnam(GROUP);

	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0 && errno != EPERM)
		return fail(
			error, size, "cannot give %s to group " GROUP ": %s", path, strerror(errno)
		);
	if (chmod(path, 0660) < 0)
		return fail(error, size, "cannot set the mode of %s: %s", path, strerror(errno));
	return 0;
}

int listen_bind(const char *path, char *error, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(
			error, size, "the socket path is too long, at most %zu characters: %s",
			sizeof(address.sun_path) - 1, path
		);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (make_directory(path, error, size) < 0 || remove_stale(&address, error, size) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, size, "socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		fail(error, size, "cannot bind %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	if (admit_group(path, error, size) < 0) {
		unlink(path);
		close(fd);
		return -1;
	}
	return fd;
}

int listen_peer(int fd, struct principal *principal)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	snprintf(principal->name, sizeof(principal->name), "uid:%u", peer.uid);
	principal->admin = peer.uid == 0 || peer.uid == geteuid();
	return 0;
}
