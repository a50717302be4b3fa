// SPDX-License-Identifier: BSD-3-Clause
// t0x-generator: what stands behind the T0 ports of t0xd, for measuring it.
#include "ports.h"
#include "report.h"
#include "request.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_MAX 3600
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_NO_PEER 3
#define STATUS_WRONG 4 // frames came that must not have come, or not so

static const char usage[] =
	"usage: t0x-generator EAL-ARGUMENTS -- [OPTION...] [FILE]\n"
	"\n"
	"  FILE              clouds and flows, as JSON; without: requests from standard input, one\n"
	"                    object after the other, with the same members and those of the options\n"
	"  --rate PPS        frames a second over all ports (0: as fast as they take them)\n"
	"  --seconds S       of a trial (1)\n"
	"  --count N         frames of a trial, instead\n"
	"  --size N[,N...]   64 to 1518, with the checksum of Ethernet, or imix (64)\n"
	"  --search P[,P...] find the rate at which at most P percent are lost, for each size\n"
	"  --resolution R    of the search (0.02)\n"
	"  --confirm N       trials in which the rate found must hold again (2)\n"
	"  --wait S          for the peers of all ports (10)\n"
	"  --pause S         before the first frame, for the peers to find that they are connected, which\n"
	"                    t0xd asks its drivers once a second (1.5)\n"
	"  --ready PATH      a file to make when the ports are there\n"
	"\n"
	"Answers are JSON, one object a line. Exit status: 0; 1 failed; 2 usage; 3 a port has no peer;\n"
	"4 a frame came twice, changed, or where it must not.\n";

struct generator {
	struct request defaults;
	struct description description;
	const char *file;
	const char *ready;
	double wait;
	double pause; // 0: it has been
	unsigned n_ports;
	int status;
};

// A read of standard input that is under way ends, and the next finds it closed.
static void on_signal(int signum)
{
	trial_stop = signum;
	close(STDIN_FILENO);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int fail(struct generator *generator, int status, const char *error)
{
	fprintf(stderr, "t0x-generator: %s\n", error);
	generator->status = status;
	return report_print(json_pack("{s:s}", "error", error));
}

static bool wait_for_peers(struct generator *generator)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(generator->wait * (double)rte_get_tsc_hz());

	while (!ports_up(generator->n_ports)) {
		if (trial_stop || rte_rdtsc() > end)
			return false;
		usleep(10000);
	}
	if (generator->pause > 0)
		usleep((useconds_t)(generator->pause * 1e6));
	generator->pause = 0;
	return true;
}

// One rate of a search.
struct searching {
	struct generator *generator;
	struct trial trial;
	struct flow_count sum; // of the last trial, of what must arrive
	double seconds;
	char error[ERROR_SIZE];
};

static void judge(struct generator *generator, const struct account *account)
{
	struct flow_count sum = account_sum(account, false);

	if (sum.duplicate || sum.corrupt || sum.unexpected)
		generator->status = STATUS_WRONG;
}

static int try(struct searching *searching)
{
	struct generator *generator = searching->generator;
	struct result result;

	if (trial_run(
		    &generator->description, &searching->trial, generator->n_ports, &result,
		    searching->error
	    ) < 0)
		return -1;
	judge(generator, &result.account);
	searching->sum = account_sum(&result.account, true);
	searching->seconds = result.seconds;
	trial_close(&result);
	if (trial_stop)
		snprintf(searching->error, ERROR_SIZE, "stopped");
	return trial_stop ? -1 : 0;
}

static double try_rate(double rate, void *arg)
{
	struct searching *searching = arg;
	const struct flow_count *sum = &searching->sum;

	searching->trial.rate = rate;
	if (try(searching) < 0)
		return -1;

	double offered = (double)trial_offered(sum);

	return offered > 0 ? (offered + (double)sum->cuts - (double)sum->received) / offered : 1;
}

// For one size, all the shares of loss.
static int search_size(struct searching *searching, const struct request *request, const char *size)
{
	double ceiling;

	searching->trial.rate = 0;
	searching->trial.count = 0;
	if (try(searching) < 0)
		return -1;
	ceiling = (double)searching->sum.sent / searching->seconds;
	for (unsigned i = 0; i < request->n_losses; i++) {
		const struct search search = {
			.tolerance = request->losses[i],
			.resolution = request->resolution,
			.confirmations = request->confirmations,
		};
		struct search_result found;

		if (search_run(&search, ceiling, try_rate, searching, &found) < 0 ||
		    report_print(report_search(size, &search, ceiling, &found)) < 0)
			return -1;
	}
	return 0;
}

static int serve_search(struct generator *generator, const struct request *request)
{
	struct searching searching = {.generator = generator, .trial = request->trial};
	const char *sizes = request->sizes;
	char size[LIST_SIZE];

	while (request_next_size(&sizes, size, &searching.trial))
		if (search_size(&searching, request, size) < 0)
			return fail(generator, STATUS_FAILED, searching.error);
	return report_print(json_pack("{s:b}", "done", true));
}

static int serve_trial(struct generator *generator, const struct request *request)
{
	struct result result;
	char error[ERROR_SIZE];
	int code;

	if (trial_run(
		    &generator->description, &request->trial, generator->n_ports, &result, error
	    ) < 0)
		return fail(generator, STATUS_FAILED, error);
	judge(generator, &result.account);
	code = report_print(report_trial(&request->trial, &result));
	trial_close(&result);
	return code;
}

static int serve(struct generator *generator, json_t *object)
{
	struct request request = generator->defaults;
	char error[ERROR_SIZE];

	if (!json_is_object(object))
		return fail(generator, STATUS_USAGE, "not an object");
	if (description_update(&generator->description, object, generator->n_ports, error) < 0 ||
	    request_update(&request, object, error) < 0)
		return fail(generator, STATUS_USAGE, error);
	if (generator->description.n_flows == 0)
		return fail(generator, STATUS_USAGE, "no clouds and flows yet");
	if (!wait_for_peers(generator))
		return fail(generator, STATUS_NO_PEER, "a port has no peer");
	if (request.n_losses > 0)
		return serve_search(generator, &request);
	return serve_trial(generator, &request);
}

// Requests until the end of the input. A single one from a file.
static void serve_all(struct generator *generator, FILE *input)
{
	json_error_t why;
	char error[ERROR_SIZE];
	json_t *object;
	int code;

	do {
		object = json_loadf(input, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &why);
		if (!object) {
			if (json_error_code(&why) == json_error_premature_end_of_input ||
			    trial_stop)
				return;
			snprintf(
				error, sizeof(error), "%s, line %d: %.120s",
				generator->file ? generator->file : "standard input", why.line,
				why.text
			);
			fail(generator, STATUS_USAGE, error);
			return;
		}
		code = serve(generator, object);
		json_decref(object);
	} while (code == 0 && !generator->file && !trial_stop);
	if (code < 0)
		generator->status = STATUS_FAILED;
}

static int read_seconds(const char *name, const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end != text && *end == '\0' && *seconds >= 0 && *seconds <= SECONDS_MAX)
		return 0;
	fprintf(stderr, "t0x-generator: --%s: \"%s\" will not do\n", name, text);
	return -1;
}

static int parse(int argc, char **argv, struct generator *generator)
{
	static const struct option known[] = {
		{"rate", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'r'},
		{"size", required_argument, NULL, 'r'},
		{"search", required_argument, NULL, 'r'},
		{"confirm", required_argument, NULL, 'r'},
		{"resolution", required_argument, NULL, 'r'},
		{"wait", required_argument, NULL, 'w'},
		{"pause", required_argument, NULL, 'p'},
		{"ready", required_argument, NULL, 'R'},
		{},
	};
	char error[ERROR_SIZE];
	int option, i;

	request_default(&generator->defaults);
	generator->wait = 10;
	generator->pause = 1.5;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", known, &i)) != -1) {
		switch (option) {
		case 'r':
			if (request_set(&generator->defaults, known[i].name, optarg, error) < 0) {
				fprintf(stderr, "t0x-generator: --%s\n", error);
				return -1;
			}
			break;
		case 'w':
			if (read_seconds(known[i].name, optarg, &generator->wait) < 0)
				return -1;
			break;
		case 'p':
			if (read_seconds(known[i].name, optarg, &generator->pause) < 0)
				return -1;
			break;
		case 'R':
			generator->ready = optarg;
			break;
		default:
			return -1;
		}
	}
	if (optind < argc)
		generator->file = argv[optind++];
	return optind < argc ? -1 : 0;
}

static int say_ready(const char *path)
{
	FILE *file = path ? fopen(path, "we") : NULL;

	if (path && !file) {
		fprintf(stderr, "t0x-generator: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return file ? fclose(file) : 0;
}

static void run(struct generator *generator, FILE *input)
{
	int n = ports_start();

	if (n > 0 && say_ready(generator->ready) == 0) {
		generator->n_ports = (unsigned)n;
		serve_all(generator, input);
	} else {
		generator->status = STATUS_FAILED;
	}
	ports_stop();
}

int main(int argc, char **argv)
{
	struct generator generator = {.description = {.hops = 1}};
	FILE *input = stdin;
	int n;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	n = rte_eal_init(argc, argv);
	if (n < 0) {
		fprintf(stderr, "t0x-generator: EAL does not start\n");
		return STATUS_FAILED;
	}
	catch_signals();
	if (parse(argc - n, argv + n, &generator) < 0) {
		fputs(usage, stderr);
		generator.status = STATUS_USAGE;
	} else if (generator.file && !(input = fopen(generator.file, "re"))) {
		fprintf(stderr, "t0x-generator: %s: %s\n", generator.file, strerror(errno));
		generator.status = STATUS_USAGE;
	} else {
		run(&generator, input);
	}
	if (input && input != stdin)
		fclose(input);
	description_free(&generator.description);
	rte_eal_cleanup();
	return generator.status;
}
