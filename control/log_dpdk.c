// SPDX-License-Identifier: BSD-3-Clause
#include "log_dpdk.h"

#include <errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 512

static const uint32_t rte_levels[] = {
	[LOG_LEVEL_ERROR] = RTE_LOG_ERR,     [LOG_LEVEL_WARNING] = RTE_LOG_WARNING,
	[LOG_LEVEL_NOTICE] = RTE_LOG_NOTICE, [LOG_LEVEL_INFO] = RTE_LOG_INFO,
	[LOG_LEVEL_DEBUG] = RTE_LOG_DEBUG,
};

// Of the message that DPDK writes at this moment, in this thread.
static enum log_level current_level(void)
{
	int now = rte_log_cur_msg_loglevel();
	enum log_level level = LOG_LEVEL_ERROR;

	while (level < LOG_LEVEL_DEBUG && (int)rte_levels[level] < now)
		level++;
	return level;
}

static void write_line(const char *text, size_t length)
{
	char line[LINE_SIZE];

	if (length >= sizeof(line))
		length = sizeof(line) - 1;
	for (size_t i = 0; i < length; i++)
		line[i] = text[i] == '"' ? '\'' : (unsigned char)text[i] < ' ' ? ' ' : text[i];
	line[length] = '\0';
	log_line(current_level(), "dpdk", "msg=" LOG_TEXT, line);
}

// Called by any thread of DPDK's, with a message that may hold several lines.
static ssize_t on_write(void *cookie, const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;

		if (length > 0)
			write_line(text + at, length);
		at += length + 1;
	}
	return (ssize_t)size;
}

int log_dpdk_open(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});

	if (!stream)
		return -ENOMEM;
	rte_openlog_stream(stream);
	return 0;
}

void log_dpdk_set_level(enum log_level level)
{
	rte_log_set_level_pattern("*", rte_levels[level]);
}
