// SPDX-License-Identifier: BSD-3-Clause
#include "watch.h"

#include "client.h"
#include "output.h"
#include "rates.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ROWS_DEFAULT 24
#define ROWS_BESIDE 12 // of titles, empty lines, what was cut

static volatile sig_atomic_t ended;
static struct termios terminal; // as it was
static bool reads_keys;

static void on_signal(int number)
{
	ended = 1;
}

void watch_begin(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct termios keys;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &terminal) < 0)
		return;
	keys = terminal;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	reads_keys = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

void watch_end(void)
{
	if (reads_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	reads_keys = false;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool is_ending_key(void)
{
	char key;

	return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

// Also looks whether somebody still reads: a pipe whose reader has gone reports an error.
bool watch_wait(double seconds)
{
	double end = now() + seconds;

	while (!ended) {
		struct pollfd fds[] = {
			{.fd = STDOUT_FILENO},
			{.fd = reads_keys ? STDIN_FILENO : -1, .events = POLLIN},
		};
		double left = end - now();

		if (left <= 0)
			return true;
		if (poll(fds, 2, (int)(left * 1000) + 1) < 0)
			continue;
		if ((fds[0].revents & (POLLERR | POLLHUP)) || (fds[1].revents && is_ending_key()))
			return false;
	}
	return false;
}

// The table

static const char *rate_text(double rate, const char *unit, char text[static 32])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T"};
	unsigned i = 0;

	while (rate >= 999.5 && i < 4) {
		rate /= 1000;
		i++;
	}
	snprintf(text, 32, i == 0 ? "%.0f %s%s" : "%.2f %s%s", rate, prefixes[i], unit);
	return text;
}

static double real_at(const json_t *object, const char *member)
{
	return json_number_value(json_object_get(object, member));
}

static void add_direction(
	struct table *table, const json_t *item, const char *from, const char *to, const char *name
)
{
	const json_t *rate = json_object_get(item, name);
	char text[32];

	table_text(table, text_at(item, from));
	table_text(table, text_at(item, to));
	table_text(table, text_at(item, "name"));
	table_text(table, rate_text(real_at(rate, "packets_per_second"), "/s", text));
	table_text(table, rate_text(real_at(rate, "bits_per_second"), "bit/s", text));
}

static void print_more(size_t shown, size_t n)
{
	if (n > shown)
		printf("... and %zu more\n", n - shown);
}

static void print_interconnects(const json_t *rates, size_t rows)
{
	static const char *const titles[] = {"FROM",	 "TO",	  "INTERCONNECT",
					     ">PACKETS", ">BITS", NULL};
	const json_t *list = list_at(rates, "interconnects"), *item;
	size_t n = json_array_size(list), shown = n < rows / 2 ? n : rows / 2, i;
	struct table *table = table_new(titles);

	json_array_foreach(list, i, item) {
		if (i == shown)
			break;
		add_direction(table, item, "cloud", "peer", "cloud_to_peer");
		add_direction(table, item, "peer", "cloud", "peer_to_cloud");
	}
	table_print(table);
	print_more(shown, n);
}

static void print_drops(const json_t *rates, size_t rows)
{
	static const char *const titles[] = {"CLOUD", "DROPPED FOR", "WHERE", ">PACKETS", NULL};
	const json_t *list = list_at(rates, "drops"), *item;
	size_t n = json_array_size(list), shown = n < rows ? n : rows, i;
	struct table *table = table_new(titles);
	char text[32];

	json_array_foreach(list, i, item) {
		if (i == shown)
			break;
		table_text(table, text_or(item, "cloud", "(none)"));
		table_text(table, text_at(item, "reason"));
		table_text(table, text_at(item, "where"));
		table_text(table, rate_text(real_at(item, "packets_per_second"), "/s", text));
	}
	putchar('\n');
	table_print(table);
	print_more(shown, n);
}

static void print_workers(const json_t *rates)
{
	const json_t *item;
	size_t i;

	printf("\nWorkers busy:");
	json_array_foreach(list_at(rates, "workers"), i, item)
		printf(" %.1f %%", 100 * real_at(item, "busy_ratio"));
	putchar('\n');
}

static size_t terminal_rows(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row
									       : ROWS_DEFAULT;
}

static void clock_text(char text[static 32], const char *format)
{
	time_t seconds = time(NULL);
	struct tm tm;

	strftime(text, 32, format, gmtime_r(&seconds, &tm));
}

static void print_screen(const json_t *rates, const char *away, double interval)
{
	size_t all = terminal_rows(), rows = all > ROWS_BESIDE + 4 ? all - ROWS_BESIDE : 4;
	size_t for_drops = rows / 3;
	char at[32];

	clock_text(at, "%H:%M:%SZ");
	printf("\033[H\033[2Jt0x, %s, every %g s; q ends\n\n", at, interval);
	if (!rates) {
		printf("%s\n", away[0] ? away : "...");
	} else {
		print_interconnects(rates, rows - for_drops);
		print_drops(rates, for_drops);
		print_workers(rates);
	}
	fflush(stdout);
}

// One line a time for programs.
static void print_line(json_t *rates)
{
	char at[32];

	clock_text(at, "%Y-%m-%dT%H:%M:%SZ");
	json_object_set_new(rates, "at", json_string(at));
	json_dumpf(rates, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
}

int watch_stats(const struct args *args)
{
	const char *given = args_value(args, "--interval");
	double interval = given ? strtod(given, NULL) : 1;
	bool screen = isatty(STDOUT_FILENO) && !output_json_mode;
	json_t *before = NULL;
	double began = 0;
	char away[256];

	if (interval < 1)
		interval = 1;
	watch_begin();
	if (screen)
		fputs("\033[?1049h", stdout);
	output_hold_refusals(away, sizeof(away));
	do {
		json_t *stats = client_object("stats", json_object());
		double at = now();
		json_t *rates = stats && before ? rates_between(before, stats, at - began) : NULL;

		if (screen)
			print_screen(rates, stats ? "" : away, interval);
		else if (rates)
			print_line(rates);
		json_decref(rates);
		json_decref(before);
		before = stats;
		began = at;
	} while (watch_wait(interval));
	output_hold_refusals(NULL, 0);
	json_decref(before);
	if (screen)
		fputs("\033[?1049l", stdout);
	watch_end();
	return output_check();
}
