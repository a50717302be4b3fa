// SPDX-License-Identifier: BSD-3-Clause
#include "log.h"

#include "log_dpdk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 4096
#define TEXT_SIZE 2048
#define TEXT_BUFFERS 8

struct level_word {
	const char *word;
	int priority; // of syslog, as sd-daemon(3) wants it
};

static const struct level_word levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},   [LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};
#define N_LEVELS (sizeof(levels) / sizeof(levels[0]))

struct module {
	const char *name;
	enum log_level level; // control: rw, other threads: ro
};

static struct module modules[] = {
	{"apply", LOG_LEVEL_INFO},     {"change", LOG_LEVEL_INFO}, {"dpdk", LOG_LEVEL_INFO},
	{"guard", LOG_LEVEL_INFO},     {"link", LOG_LEVEL_INFO},   {"live", LOG_LEVEL_INFO},
	{"main", LOG_LEVEL_INFO},      {"netdev", LOG_LEVEL_INFO}, {"program", LOG_LEVEL_INFO},
	{"router", LOG_LEVEL_INFO},    {"rpc", LOG_LEVEL_INFO},	   {"sysctl", LOG_LEVEL_INFO},
	{"telemetry", LOG_LEVEL_INFO}, {"worker", LOG_LEVEL_INFO},
};
#define N_MODULES (sizeof(modules) / sizeof(modules[0]))

static struct module *find_module(const char *name)
{
	for (unsigned i = 0; i < N_MODULES; i++) {
		if (strcmp(modules[i].name, name) == 0)
			return &modules[i];
	}
	return NULL;
}

static bool is_shown(enum log_level level, const char *name)
{
	const struct module *module = find_module(name);

	return level <= (module ? module->level : LOG_LEVEL_INFO);
}

// Is stderr the journal itself? systemd names the stream that it gave us; who redirects stderr
// elsewhere keeps the variable but has another file there.
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat file;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &file) == 0 && file.st_dev == device && file.st_ino == inode;
}

static int format_time(char *text, size_t size)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	return snprintf(
		text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
		utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		now.tv_nsec / 1000000
	);
}

static int format_head(char *text, size_t size, enum log_level level, const char *module)
{
	int used = 0;

	if (stderr_is_journal())
		used = snprintf(text, size, "<%d>", levels[level].priority);
	used += format_time(&text[used], size - (size_t)used);
	used += snprintf(
		&text[used], size - (size_t)used, " level=%s module=%.32s ", levels[level].word,
		module
	);
	return used;
}

void log_line(enum log_level level, const char *module, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_SIZE];
	size_t used, end;
	va_list args;

	if (!is_shown(level, module))
		return;
	used = (size_t)format_head(line, sizeof(line), level, module);
	va_start(args, format);
	vsnprintf(&line[used], sizeof(line) - used, format, args);
	va_end(args);
	end = used + strlen(&line[used]);
	for (size_t i = used; i < end; i++) {
		if (line[i] == '\n')
			line[i] = ' ';
	}
	line[end] = '\n';
	if (write(STDERR_FILENO, line, end + 1) < 0) {
		// There is nowhere left to tell it.
	}
	errno = saved_errno;
}

const char *log_text(const char *text)
{
	static char buffers[TEXT_BUFFERS][TEXT_SIZE];
	static unsigned next;
	char *copy = buffers[next++ % TEXT_BUFFERS];

	snprintf(copy, TEXT_SIZE, "%s", text ? text : "");
	for (char *c = copy; *c; c++) {
		if (*c == '"')
			*c = '\'';
		else if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	}
	return copy;
}

static int parse_level(const char *word)
{
	for (unsigned i = 0; i < N_LEVELS; i++) {
		if (strcmp(levels[i].word, word) == 0)
			return (int)i;
	}
	return -EINVAL;
}

static int refuse_module(const char *name, char *error, size_t size)
{
	size_t used = (size_t)snprintf(error, size, "module: \"%.40s\" is none of *", name);

	for (unsigned i = 0; i < N_MODULES && used < size; i++)
		used += (size_t)snprintf(&error[used], size - used, ", %s", modules[i].name);
	return -EINVAL;
}

int log_set_level(const char *name, const char *level, char *error, size_t size)
{
	bool all = strcmp(name, "*") == 0;
	struct module *module = find_module(name);
	int parsed = parse_level(level);

	if (parsed < 0) {
		snprintf(
			error, size,
			"level: \"%.40s\" is none of error, warning, notice, info, debug", level
		);
		return -EINVAL;
	}
	if (!all && !module)
		return refuse_module(name, error, size);
	for (unsigned i = 0; i < N_MODULES; i++)
		if (all || module == &modules[i])
			modules[i].level = (enum log_level)parsed;
	if (all || strcmp(name, "dpdk") == 0)
		log_dpdk_set_level((enum log_level)parsed);
	return 0;
}

const char *log_module(unsigned i, const char **level)
{
	if (i >= N_MODULES)
		return NULL;
	*level = levels[modules[i].level].word;
	return modules[i].name;
}
