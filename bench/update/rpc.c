// SPDX-License-Identifier: BSD-3-Clause
#include "rpc.h"

#include "bench/traffic/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LINE_BYTES 4096

int rpc_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		usage_error("the path of the socket is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static void request(int fd, const char *line, int length)
{
	if (length >= LINE_BYTES || send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
		die("request");
}

void rpc_create(int fd, const char *cloud, const char *peer)
{
	char line[LINE_BYTES];

	request(fd, line,
		snprintf(
			line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"interconnect.create\",\"params\":"
			"{\"cloud\":\"%s\",\"peer\":\"%s\",\"confirm_no_overlap\":true}}\n",
			cloud, peer
		));
}

void rpc_delete(int fd, const char *cloud, const char *peer)
{
	char line[LINE_BYTES];

	request(fd, line,
		snprintf(
			line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"interconnect.delete\",\"params\":"
			"{\"cloud\":\"%s\",\"name\":\"%s\"}}\n",
			cloud, peer
		));
}

bool rpc_answered(int fd)
{
	static char line[LINE_BYTES];
	static size_t length;
	ssize_t n = recv(fd, line + length, sizeof(line) - length - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		die("t0xd has closed the connection");
	length += (size_t)n;
	line[length] = '\0';
	if (!strchr(line, '\n') && length < sizeof(line) - 1)
		return false;
	length = 0;
	if (!strstr(line, "\"result\"")) {
		fprintf(stderr, "t0x-bench-update: %s", line);
		exit(1);
	}
	return true;
}
