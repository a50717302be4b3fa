// SPDX-License-Identifier: BSD-3-Clause
#include "trial.h"

#include "ports.h"

#include <math.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define RECEIVE_BURSTS 4 // of a port in turn
#define BACKLOG_MAX 256 // frames that may be sent at once when the generator was late
#define SETTLE_MS 800 // without a frame: nothing more comes, though some are missing
#define SETTLE_COMPLETE_MS 50 // the same when none is: nothing comes twice
#define SETTLE_MAX_MS 5000
#define SCHEDULE_SIZE 32768 // frames, then over again
#define FRAMES_MAX UINT16_MAX
#define RANDOM_SEED 0x7430783078ULL

volatile sig_atomic_t trial_stop;

// What a port sends: frames in an order that is shuffled once.
struct sender {
	unsigned n;
	unsigned at;
	uint32_t *order; // frames
	double share; // of all flows
	double rate; // frames a second; 0: full speed
	uint64_t quota; // frames that it may yet send
	uint64_t due; // by the rate, since the start
};

struct run {
	const struct trial *trial;
	struct result *result;
	struct frame *frames;
	double *shares; // of each frame
	unsigned n_frames;
	unsigned n_ports;
	struct sender *senders;
	uint64_t random;
	uint64_t start;
};

static int wrong(char *error, const char *what)
{
	snprintf(error, ERROR_SIZE, "%s", what);
	return -1;
}

int trial_sizes(const char *text, struct trial *trial)
{
	char *end;
	unsigned long size;

	if (strcmp(text, "imix") == 0) {
		trial->n_sizes = 3;
		trial->sizes[0].size = 64, trial->sizes[0].share = 7;
		trial->sizes[1].size = 594, trial->sizes[1].share = 4;
		trial->sizes[2].size = 1518, trial->sizes[2].share = 1;
		return 0;
	}
	size = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || size < FRAME_SIZE_MIN || size > FRAME_SIZE_MAX)
		return -1;
	trial->n_sizes = 1;
	trial->sizes[0].size = (uint16_t)size;
	trial->sizes[0].share = 1;
	return 0;
}

static int build_frames(struct run *run, const struct description *description, char *error)
{
	const struct trial *trial = run->trial;
	double sizes = 0;
	size_t n = 0;

	for (unsigned i = 0; i < trial->n_sizes; i++)
		sizes += trial->sizes[i].share;
	for (unsigned i = 0; i < description->n_flows; i++)
		n += (size_t)description->flows[i].addresses * trial->n_sizes;
	if (n > FRAMES_MAX)
		return wrong(error, "more than 65535 frames: give the flows fewer addresses");
	run->frames = calloc(n, sizeof(*run->frames));
	run->shares = calloc(n, sizeof(*run->shares));
	if (!run->frames || !run->shares)
		return wrong(error, "no memory for frames");
	for (unsigned i = 0; i < description->n_flows; i++) {
		const struct flow *flow = &description->flows[i];

		for (unsigned k = 0; k < flow->addresses * trial->n_sizes; k++) {
			unsigned size = k % trial->n_sizes;
			unsigned index = run->n_frames;

			if (frame_build(
				    description, (uint16_t)i, trial->sizes[size].size,
				    (uint16_t)index, &run->random, &run->frames[index]
			    ) < 0)
				return wrong(error, "no memory for frames");
			run->shares[index] =
				flow->share / flow->addresses * trial->sizes[size].share / sizes;
			run->n_frames++;
		}
	}
	return 0;
}

static unsigned port_of(const struct run *run, unsigned frame)
{
	const struct description *description = run->result->account.description;

	return description->clouds[description->flows[run->frames[frame].flow].from].port;
}

static void shuffle(struct sender *sender, uint64_t *random)
{
	for (unsigned i = sender->n; i > 1; i--) {
		unsigned k = (unsigned)(frame_random(random) % i);
		uint32_t swap = sender->order[i - 1];

		sender->order[i - 1] = sender->order[k];
		sender->order[k] = swap;
	}
}

// Each frame as often as its share of the port says, to within one.
static int build_schedule(struct run *run, unsigned port, char *error)
{
	const struct description *description = run->result->account.description;
	struct sender *sender = &run->senders[port];
	double all = 0, sum = 0;

	for (unsigned i = 0; i < run->n_frames; i++)
		if (port_of(run, i) == port)
			all += run->shares[i];
	sender->share = all;
	if (all == 0)
		return 0;
	for (unsigned i = 0; i < description->n_flows; i++)
		if (description->clouds[description->flows[i].from].port == port &&
		    description->flows[i].share / all * SCHEDULE_SIZE < 1)
			return wrong(error, "a flow's share of its port is below 1 in 32768");
	sender->order = malloc(SCHEDULE_SIZE * sizeof(*sender->order));
	if (!sender->order)
		return wrong(error, "no memory for a schedule");
	for (unsigned i = 0; i < run->n_frames; i++) {
		if (port_of(run, i) != port)
			continue;
		sum += run->shares[i];
		while (sender->n < SCHEDULE_SIZE && sender->n < sum / all * SCHEDULE_SIZE - 0.5)
			sender->order[sender->n++] = i;
	}
	shuffle(sender, &run->random);
	return 0;
}

static int build_schedules(struct run *run, char *error)
{
	const struct trial *trial = run->trial;
	double all = 0;

	run->senders = calloc(run->n_ports, sizeof(*run->senders));
	if (!run->senders)
		return wrong(error, "no memory for ports");
	for (unsigned port = 0; port < run->n_ports; port++) {
		if (build_schedule(run, port, error) < 0)
			return -1;
		all += run->senders[port].share;
	}
	for (unsigned port = 0; port < run->n_ports; port++) {
		struct sender *sender = &run->senders[port];
		double share = sender->share / all;

		sender->rate = trial->rate * share;
		sender->quota = sender->n == 0 ? 0
			: trial->count	       ? (uint64_t)llround((double)trial->count * share)
					       : UINT64_MAX;
	}
	return 0;
}

// How many frames to send now. Who was kept from sending for long does not make up for all of it:
// that would be a burst that nobody asked for.
static unsigned frames_due(struct run *run, struct sender *sender, uint64_t now)
{
	uint64_t due;

	if (sender->rate == 0)
		return (unsigned)RTE_MIN(sender->quota, (uint64_t)BURST);
	due = (uint64_t)((double)(now - run->start) * sender->rate / (double)rte_get_tsc_hz());
	if (due - sender->due > BACKLOG_MAX) {
		run->result->skipped += due - sender->due - BACKLOG_MAX;
		sender->due = due - BACKLOG_MAX;
	}
	return (unsigned)RTE_MIN(RTE_MIN(due - sender->due, sender->quota), (uint64_t)BURST);
}

static void transmit(struct run *run, unsigned port, uint64_t now)
{
	struct sender *sender = &run->senders[port];
	struct account *account = &run->result->account;
	const struct frame *frames[BURST];
	struct rte_mbuf *mbufs[BURST];
	unsigned n = frames_due(run, sender, now);
	// Frames that were to be sent, not a number of them: what is not taken now is lost.
	bool refused = sender->rate > 0 && run->trial->count == 0;
	unsigned sent = 0;

	if (n == 0 || rte_pktmbuf_alloc_bulk(ports_pool(), mbufs, n) < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		frames[i] = &run->frames[sender->order[(sender->at + i) % sender->n]];
		account_write(account, frames[i], now, rte_pktmbuf_mtod(mbufs[i], uint8_t *));
		mbufs[i]->data_len = frames[i]->length;
		mbufs[i]->pkt_len = frames[i]->length;
	}
	sent = rte_eth_tx_burst((uint16_t)port, 0, mbufs, (uint16_t)n);
	for (unsigned i = n; i > sent; i--) {
		account_unwrite(account, frames[i - 1], refused);
		rte_pktmbuf_free(mbufs[i - 1]);
	}
	sender->at = (sender->at + (refused ? n : sent)) % sender->n;
	sender->due += refused ? n : sent;
	sender->quota -= sent;
}

// Returns how many frames came.
static unsigned receive(struct run *run, unsigned port)
{
	struct account *account = &run->result->account;
	struct rte_mbuf *mbufs[BURST];
	unsigned total = 0;

	for (unsigned round = 0; round < RECEIVE_BURSTS; round++) {
		unsigned n = rte_eth_rx_burst((uint16_t)port, 0, mbufs, BURST);
		uint64_t now = rte_rdtsc();

		for (unsigned i = 0; i < n; i++) {
			bool stripped = mbufs[i]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;

			account_receive(
				account, (uint16_t)port, stripped ? mbufs[i]->vlan_tci & 0xfff : 0,
				rte_pktmbuf_mtod(mbufs[i], uint8_t *), mbufs[i]->data_len, now
			);
		}
		rte_pktmbuf_free_bulk(mbufs, n);
		total += n;
		if (n < BURST)
			break;
	}
	run->result->ports[port].received += total;
	return total;
}

static bool quotas_left(const struct run *run)
{
	for (unsigned port = 0; port < run->n_ports; port++)
		if (run->senders[port].quota > 0)
			return true;
	return false;
}

static void send_and_receive(struct run *run)
{
	double hz = (double)rte_get_tsc_hz();
	uint64_t now = rte_rdtsc();
	uint64_t end = run->trial->count ? UINT64_MAX : now + (uint64_t)(run->trial->seconds * hz);

	run->start = now;
	while (now < end && quotas_left(run) && !trial_stop) {
		for (unsigned port = 0; port < run->n_ports; port++) {
			transmit(run, port, rte_rdtsc());
			receive(run, port);
		}
		now = rte_rdtsc();
	}
	run->result->seconds = (double)(now - run->start) / hz;
}

// Has all that must come back done so?
static bool complete(const struct account *account)
{
	for (unsigned i = 0; i < account->description->n_flows; i++) {
		const struct flow_count *count = &account->flows[i].count;

		if (!kind_reason(account->description->flows[i].kind) &&
		    count->received < count->sent + count->cuts)
			return false;
	}
	return true;
}

// Until nothing has come for a while: long enough for a peer that was kept from its CPU.
static void settle(struct run *run)
{
	uint64_t ms = rte_get_tsc_hz() / 1000;
	uint64_t now = rte_rdtsc();
	uint64_t end = now + SETTLE_MAX_MS * ms;
	uint64_t quiet_since = now, quiet = SETTLE_MS;

	while (now < end && now - quiet_since < quiet * ms) {
		unsigned moved = 0;

		for (unsigned port = 0; port < run->n_ports; port++)
			moved += receive(run, port);
		now = rte_rdtsc();
		if (moved > 0) {
			quiet_since = now;
			quiet = complete(&run->result->account) ? SETTLE_COMPLETE_MS : SETTLE_MS;
		}
	}
}

// What came before the trial began, and is not its own.
static void drain(const struct run *run)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz(); // should a peer send without end
	struct rte_mbuf *mbufs[BURST];
	unsigned n;

	for (unsigned port = 0; port < run->n_ports; port++)
		while (rte_rdtsc() < end &&
		       (n = rte_eth_rx_burst((uint16_t)port, 0, mbufs, BURST)) > 0)
			rte_pktmbuf_free_bulk(mbufs, n);
}

static int open_result(
	struct result *result, const struct description *description, unsigned n_ports, char *error
)
{
	*result = (struct result){
		.n_ports = n_ports,
		.ports = calloc(n_ports, sizeof(*result->ports)),
	};
	if (account_open(&result->account, description) < 0 || !result->ports)
		return wrong(error, "no memory for the books");
	return 0;
}

static void run_frames(struct run *run)
{
	struct result *result = run->result;

	result->account.frames = run->frames;
	result->account.n_frames = run->n_frames;
	drain(run);
	for (unsigned port = 0; port < run->n_ports; port++)
		result->ports[port].missed = ports_missed((uint16_t)port);
	send_and_receive(run);
	settle(run);
	for (unsigned port = 0; port < run->n_ports; port++)
		result->ports[port].missed =
			ports_missed((uint16_t)port) - result->ports[port].missed;
	result->account.frames = NULL;
	result->account.n_frames = 0;
}

static void run_free(struct run *run)
{
	for (unsigned i = 0; i < run->n_frames; i++)
		frame_free(&run->frames[i]);
	for (unsigned port = 0; run->senders && port < run->n_ports; port++)
		free(run->senders[port].order);
	free(run->frames);
	free(run->shares);
	free(run->senders);
}

int trial_run(
	const struct description *description, const struct trial *trial, unsigned n_ports,
	struct result *result, char *error
)
{
	struct run run = {
		.trial = trial,
		.result = result,
		.n_ports = n_ports,
		.random = RANDOM_SEED,
	};
	int code = open_result(result, description, n_ports, error);

	if (code == 0)
		code = build_frames(&run, description, error);
	if (code == 0)
		code = build_schedules(&run, error);
	if (code == 0)
		run_frames(&run);
	else
		trial_close(result);
	run_free(&run);
	return code;
}

void trial_close(struct result *result)
{
	account_close(&result->account);
	free(result->ports);
	result->ports = NULL;
}

uint64_t trial_offered(const struct flow_count *sum)
{
	return sum->sent + sum->refused;
}
