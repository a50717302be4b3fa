// SPDX-License-Identifier: BSD-3-Clause
// The daemon's log: one line an event, key=value pairs, to stderr. Never in the hot path. Control
// thread; log_line() alone also from others.
//
//	#define LOG_MODULE "store"
//	LOG(NOTICE, "event=opened file=%s", path);
//
// gives "2026-11-22T10:00:00.000Z level=notice module=store event=opened file=...". Values that
// may hold spaces or quotes are written by LOG_TEXT, which quotes them: LOG(WARNING,
// "event=port_failed cloud=%s why=" LOG_TEXT, name, log_text(why)).
#pragma once

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

#define LOG_TEXT "\"%s\""

#define LOG(level, ...) log_line(LOG_LEVEL_##level, LOG_MODULE, __VA_ARGS__)

void log_line(enum log_level level, const char *module, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// The text with quotes and control characters replaced, in one of a few rotating static buffers.
const char *log_text(const char *text);

// Level of one module ("*": all). Returns 0, or -EINVAL for an unknown word, and 'error' filled
// with which and what there is.
int log_set_level(const char *module, const char *level, char *error, size_t size);

// The i-th module and its level, or NULL.
const char *log_module(unsigned i, const char **level);
