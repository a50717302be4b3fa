// SPDX-License-Identifier: BSD-3-Clause
// Help texts, made from the tables of command.h.
#pragma once

#include "command.h"

#include <stdio.h>

// "usage: t0xctl cloud delete NAME", one line.
void help_usage(const struct command *command, FILE *out);

// Usage, what the command does, and its options.
void help_command(const struct command *command, FILE *out);

// Usage and summary of each command of one noun.
void help_noun(const struct command *commands, FILE *out);

// All of t0xctl.
void help_all(const struct command *const nouns[], FILE *out);
