// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <getopt.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>

static void stop(int signum)
{
	stopped = signum;
}

static const struct command {
	const char *name;
	int (*run)(const struct options *);
	const char *help;
} commands[] = {
	{"send", send_command,
	 "--to ADDR --port N --rate R (--count N | --seconds S) [--from ADDR] [--source-port N]\n"
	 "            [--size BYTES] [--stream ID]"},
	{"receive", receive_command,
	 "--port N [--from ADDR] [--seconds S] [--until-idle MS] [--stream ID] [--tcp-listen]\n"
	 "            [--arrivals FILE]"},
	{"inject", inject_command,
	 "--dev IF --dst-mac MAC --from ADDR --to ADDR [--src-mac MAC] [--vlan ID [--vlan ID]]\n"
	 "            [--tpid HEX] [--ethertype HEX] [--ttl N] [--df] [--mf] [--fragment OFFSET/8]\n"
	 "            [--ip-option nop|rr|lsrr] [--extension hop|dst|rh0|rh4|twice|cut]\n"
	 "            [--protocol N] [--icmp TYPE.CODE] [--quote-to ADDR] [--target ADDR]\n"
	 "            [--port N] [--source-port N] [--size BYTES] [--stream ID]\n"
	 "            [--bad checksum|version|ihl|long|short|jumbo] [--count N] [--rate R]\n"
	 "            [--seconds S]"},
	{"watch", watch_command, "--dev IF [--seconds S] [--until-idle MS] [--stream ID]"},
	{"scan", scan_command,
	 "--to ADDR [--from ADDR] [--tcp PORTS] [--udp PORTS] [--timeout MS]   # PORTS: 22,80-90"},
};

static int usage(FILE *f)
{
	fputs("usage: t0x-traffic COMMAND OPTIONS [--report FILE] [--ready FILE]\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
	return f == stdout ? 0 : 2;
}

static unsigned number(const char *text, int base, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);
	if (end == text || *end || value > max)
		usage_error("not a number in range", text);
	return (unsigned)value;
}

static double real(const char *text)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end || value < 0)
		usage_error("not a number in range", text);
	return value;
}

enum { TEXT, NUMBER, HEX, REAL, FLAG, SPECIAL };
static struct options given = {
	.tpid = ETHERTYPE_VLAN,
	.port = 9000,
	.size = 64,
	.ttl = 64,
	.protocol = IPPROTO_UDP,
	.timeout_ms = 500,
	.rate = 1000,
	.icmp_type = -1,
};

static const struct {
	const char *name;
	int kind;
	void *value;
	unsigned long max;
} option_table[] = {
	{"dev", TEXT, &given.dev, 0},
	{"from", TEXT, &given.from, 0},
	{"to", TEXT, &given.to, 0},
	{"report", TEXT, &given.report, 0},
	{"ready", TEXT, &given.ready, 0},
	{"arrivals", TEXT, &given.arrivals, 0},
	{"tcp", TEXT, &given.tcp, 0},
	{"udp", TEXT, &given.udp, 0},
	{"bad", TEXT, &given.bad, 0},
	{"ip-option", TEXT, &given.ip_option, 0},
	{"src-mac", TEXT, &given.src_mac, 0},
	{"dst-mac", TEXT, &given.dst_mac, 0},
	{"quote-to", TEXT, &given.quote_to, 0},
	{"extension", TEXT, &given.extension, 0},
	{"target", TEXT, &given.target, 0},
	{"tpid", HEX, &given.tpid, 0xffff},
	{"ethertype", HEX, &given.ethertype, 0xffff},
	{"port", NUMBER, &given.port, 65535},
	{"source-port", NUMBER, &given.source_port, 65535},
	{"stream", NUMBER, &given.stream, UINT32_MAX},
	{"size", NUMBER, &given.size, FRAME_MAX - 256},
	{"ttl", NUMBER, &given.ttl, 255},
	{"protocol", NUMBER, &given.protocol, 255},
	{"fragment", NUMBER, &given.fragment, IP_OFFMASK},
	{"timeout", NUMBER, &given.timeout_ms, 60000},
	{"until-idle", NUMBER, &given.until_idle_ms, 600000},
	{"rate", REAL, &given.rate, 0},
	{"seconds", REAL, &given.seconds, 0},
	{"df", FLAG, &given.df, 0},
	{"mf", FLAG, &given.mf, 0},
	{"tcp-listen", FLAG, &given.listen_tcp, 0},
	{"count", SPECIAL, NULL, 0},
	{"vlan", SPECIAL, NULL, 0},
	{"icmp", SPECIAL, NULL, 0},
};
#define N_OPTIONS (sizeof(option_table) / sizeof(*option_table))

static void special_option(const char *name, const char *text)
{
	if (!strcmp(name, "count")) {
		given.count = number(text, 10, UINT32_MAX);
	} else if (!strcmp(name, "vlan") && given.n_vlan < 2) {
		given.vlan[given.n_vlan++] = (uint16_t)number(text, 0, 0xffff); // the whole TCI
	} else if (!strcmp(name, "icmp") && sscanf(text, "%d.%d", &given.icmp_type, &given.icmp_code) == 2 && given.icmp_type >= 0) {
		return;
	} else {
		usage_error(name, text);
	}
}

static void options_read(int argc, char **argv)
{
	struct option longopts[N_OPTIONS + 1] = {0};
	int i;
	for (size_t k = 0; k < N_OPTIONS; k++)
		longopts[k] = (struct option){
			.name = option_table[k].name,
			.has_arg = option_table[k].kind == FLAG ? no_argument : required_argument,
		};
	for (int c; (c = getopt_long(argc, argv, "", longopts, &i)) != -1;) {
		if (c == '?')
			exit(2);
		void *value = option_table[i].value;
		switch (option_table[i].kind) {
		case TEXT:
			*(const char **)value = optarg;
			break;
		case NUMBER:
			*(unsigned *)value = number(optarg, 10, option_table[i].max);
			break;
		case HEX:
			*(unsigned *)value = number(optarg, 16, option_table[i].max);
			break;
		case REAL:
			*(double *)value = real(optarg);
			break;
		case FLAG:
			*(bool *)value = true;
			break;
		default:
			special_option(option_table[i].name, optarg);
		}
	}
	if (optind < argc)
		usage_error("not understood", argv[optind]);
	if (given.size < sizeof(struct mark))
		usage_error("--size must hold the mark of 32 bytes", NULL);
}

int main(int argc, char **argv)
{
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return usage(argc < 2 ? stderr : stdout);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		struct sigaction action = {.sa_handler = stop}; // no SA_RESTART: a wait ends
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
		options_read(argc - 1, argv + 1);
		return commands[i].run(&given);
	}
	return usage(stderr);
}
