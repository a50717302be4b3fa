// SPDX-License-Identifier: BSD-3-Clause
// What t0xctl prints: tables, blocks and sentences for people, or JSON for programs.
//
// Members of t0xd's answers are read with text_at() and its kin. What is missing there is
// remembered, and makes the print functions say so and return REFUSED instead of printing half an
// answer. Texts of others reach the terminal without control characters.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

extern bool output_json_mode; // -o json

// Print a refusal to stderr. Returns REFUSED.
int output_refuse(const char *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// From now on keep the text of a refusal here instead of printing it; NULL: print again.
void output_hold_refusals(char *text, size_t size);

// Print one line for people; what others wrote in it reaches the terminal without control
// characters.
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Print as JSON; takes 'value'. Returns the exit status.
int output_json(json_t *value);

// The end of a change: print its result, which is taken over, as JSON or as the sentence. NULL,
// when there is none, has been explained before. Returns the exit status.
int output_result(json_t *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

// DONE, or REFUSED after saying which member of an answer was missing.
int output_check(void);

// Has all that was printed arrived? Returns the exit status.
int output_flush(void);

// Members. text_or() takes null and absence for 'fallback'; texts_at() joins a list of strings
// with commas, into one of a few rotating buffers.
const char *text_at(const json_t *object, const char *member);
const char *text_or(const json_t *object, const char *member, const char *fallback);
const char *texts_at(const json_t *object, const char *member);
json_int_t number_at(const json_t *object, const char *member);
bool bool_at(const json_t *object, const char *member);
const json_t *list_at(const json_t *object, const char *member); // of an object; maybe empty

// A table with aligned columns. Titles end with NULL; one that begins with '>' is of numbers and
// stands right; the column STATE is coloured on a terminal. Cells are added row by row.
struct table;

struct table *table_new(const char *const titles[]);
void table_text(struct table *table, const char *text);
void table_number(struct table *table, json_int_t number);

// A table of two columns without titles: a name, and what it is.
struct table *block_new(void);
void block_text(struct table *table, const char *name, const char *text);

// Print and free. Returns the exit status.
int table_print(struct table *table);
void table_free(struct table *table);

// Are a person's eyes and hands there?
bool output_is_interactive(void);

// Ask; anything but y or yes is no.
bool output_confirm(const char *format, ...) __attribute__((format(printf, 1, 2)));
