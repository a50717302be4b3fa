// SPDX-License-Identifier: BSD-3-Clause
// A cloud on a memif port may end, or come, whatever a worker is doing on that port (interrupt.h).
//
// Both ends of the connection are in this process: the port as t0xd has it, and its peer. The
// driver serves both on EAL's interrupt thread. A burst is held in its midst, where it is about to
// touch a packet buffer: the buffers' pages are taken away, so that it faults, and the handler of
// the fault lets it go on only when the test says so.
#include "dataplane/interrupt.h"
#include "dataplane/link_bell.h"
#include "dataplane/port.h"
#include "dataplane/rcu.h"
#include "dataplane/worker.h"
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORKERS 1
#define BUFFERS 1023
#define EDGE 8 // buffers that may lie on a page with something else
#define LONG_US 100000 // many times what a disconnection takes
#define A_WHILE_US 3000
#define SOON_MS 5000
#define DETACHMENTS 200

#define SERVER "role=server"
#define CLIENT "role=client"

static struct port_info port; // as t0xd has it
static uint16_t peer;
static char error[256];
static struct rte_mbuf *edge[EDGE];

// What the process has open and mapped.

static unsigned mapped(void) // regions of memif
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		n += strstr(line, "memif_region") != NULL;
	fclose(maps);
	return n;
}

static unsigned eventfds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		char target[64] = "";

		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0)
			n += strstr(target, "[eventfd]") != NULL;
	}
	closedir(directory);
	return n;
}

#define soon(condition) \
	for (unsigned ms = 0; !(condition); ms++) { \
		check(ms < SOON_MS, "after %u ms", ms); \
		usleep(1000); \
	}

// The two ends.

// Each pair has a socket of its own: the driver never closes the one it listened on.
static unsigned pair;

static const char *devargs(const char *name, const char *role)
{
	static char text[128];

	snprintf(
		text, sizeof(text), "net_memif_%s,%s,socket=/tmp/t0x-memif-%d-%u", name, role,
		(int)getpid(), pair
	);
	return text;
}

static void peer_start(const char *role)
{
	struct rte_eth_conf conf = {};

	assert_int_equal(rte_dev_probe(devargs("peer", role)), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_memif_peer", &peer), 0);
	assert_int_equal(rte_eth_dev_configure(peer, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(peer, 0, 1024, 0, NULL, worker_pool()), 0);
	assert_int_equal(rte_eth_tx_queue_setup(peer, 0, 1024, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(peer), 0);
}

static void peer_stop(void *arg)
{
	rte_eth_dev_stop(peer);
	rte_eth_dev_close(peer);
}

// Its socket closes: that is all that is heard of a peer which was killed.
static void peer_end(void)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(peer, &info), 0);
	interrupt_call(peer_stop, NULL);
	rte_dev_remove(info.device);
}

static bool peer_link_up(void)
{
	struct rte_eth_link link = {};

	return rte_eth_link_get_nowait(peer, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void port_start(const char *role)
{
	check(port_attach(devargs("port", role), &port, error, sizeof(error)) == 0, "%s", error);
}

static void ignore(void *arg)
{
}

static void port_end(void)
{
	port_detach(port.id, ignore, NULL);
	while (rcu_poll() > 0)
		;
}

static void both_start(const char *role)
{
	pair++;
	if (strcmp(role, SERVER) == 0) {
		port_start(SERVER);
		peer_start(CLIENT);
	} else {
		peer_start(SERVER);
		port_start(CLIENT);
	}
	soon(port_link_up(port.id));
	soon(peer_link_up());
}

// A burst, held.

static struct {
	struct {
		char *start;
		size_t size;
	} memory[64];
	unsigned n;
	int gate[2]; // a byte lets the burst go on
	bool reached;
	sigjmp_buf out;
} hold;

struct burst {
	bool tx;
	struct rte_mbuf *mbuf;
	uint16_t moved;
	bool crashed;
};

static void note_memory(
	struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *mem, unsigned i
)
{
	size_t page = (size_t)getpagesize();
	char *start = RTE_PTR_ALIGN_CEIL((char *)mem->addr, page);
	char *end = RTE_PTR_ALIGN_FLOOR((char *)mem->addr + mem->len, page);

	if (start >= end)
		return;
	assert_in_range(hold.n, 0, RTE_DIM(hold.memory) - 1);
	hold.memory[hold.n].start = start;
	hold.memory[hold.n++].size = (size_t)(end - start);
}

static void set_memory(int protection)
{
	for (unsigned i = 0; i < hold.n; i++)
		mprotect(hold.memory[i].start, hold.memory[i].size, protection);
}

static bool is_held(const char *address)
{
	for (unsigned i = 0; i < hold.n; i++)
		if (address >= hold.memory[i].start &&
		    address < hold.memory[i].start + hold.memory[i].size)
			return true;
	return false;
}

// Any other fault is the one that must not be.
static void on_fault(int number, siginfo_t *info, void *context)
{
	char byte;

	if (!is_held(info->si_addr))
		siglongjmp(hold.out, 1);
	__atomic_store_n(&hold.reached, true, __ATOMIC_RELEASE);
	while (read(hold.gate[0], &byte, 1) < 0)
		;
}

static void *burst_main(void *arg)
{
	struct burst *burst = arg;

	rcu_worker_register(0);
	rcu_worker_online(0);
	if (sigsetjmp(hold.out, 1) != 0)
		burst->crashed = true;
	else if (burst->tx)
		burst->moved = rte_eth_tx_burst(port.id, 0, &burst->mbuf, 1);
	else
		burst->moved = rte_eth_rx_burst(port.id, 0, &burst->mbuf, 1);
	rcu_worker_quiescent(0);
	rcu_worker_offline(0);
	rcu_worker_unregister(0);
	return NULL;
}

static void the_peer_dies_during_a_burst(const char *role, bool tx)
{
	const struct sigaction catch = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	const struct frame frame = ipv4();
	unsigned eventfds_before = eventfds();
	struct rte_mbuf *mbuf;
	struct burst burst = {.tx = tx};
	struct sigaction before;
	pthread_t thread;
	unsigned held_mapped;
	unsigned held_eventfds;

	both_start(role);
	assert_int_equal(mapped(), 2);
	assert_int_equal(eventfds(), eventfds_before + 4); // one a queue at either end
	// A client's first look is what gives its server room.
	assert_int_equal(rte_eth_rx_burst(peer, 0, &mbuf, 1), 0);
	assert_int_equal(rte_eth_rx_burst(port.id, 0, &mbuf, 1), 0);
	mbuf = pool_buffer(worker_pool(), &frame);
	if (tx)
		burst.mbuf = mbuf;
	else
		assert_int_equal(rte_eth_tx_burst(peer, 0, &mbuf, 1), 1);

	hold.n = 0;
	hold.reached = false;
	rte_mempool_mem_iter(worker_pool(), note_memory, NULL);
	assert_int_equal(pipe(hold.gate), 0);
	sigaction(SIGSEGV, &catch, &before);
	set_memory(PROT_NONE);
	assert_int_equal(pthread_create(&thread, NULL, burst_main, &burst), 0);
	soon(__atomic_load_n(&hold.reached, __ATOMIC_ACQUIRE));

	peer_end();
	usleep(LONG_US);
	held_mapped = mapped();
	held_eventfds = eventfds();
	set_memory(PROT_READ | PROT_WRITE);
	assert_int_equal(write(hold.gate[1], "", 1), 1);
	pthread_join(thread, NULL);
	sigaction(SIGSEGV, &before, NULL);
	close(hold.gate[0]);
	close(hold.gate[1]);

	assert_false(burst.crashed);
	assert_int_equal(held_mapped, 1); // the peer's own is gone
	assert_int_equal(held_eventfds, eventfds_before + 2);
	assert_int_equal(burst.moved, 1);
	if (!tx) {
		assert_int_equal(burst.mbuf->data_len, frame.length);
		assert_memory_equal(
			rte_pktmbuf_mtod(burst.mbuf, void *), frame.bytes, frame.length
		);
		rte_pktmbuf_free(burst.mbuf);
	}
	soon(mapped() == 0);
	assert_false(port_link_up(port.id));
	port_end();
	assert_int_equal(eventfds(), eventfds_before);
}

static void a_client_may_die_while_its_frames_are_taken(void **state)
{
	the_peer_dies_during_a_burst(SERVER, false);
}

static void a_client_may_die_while_frames_are_sent_to_it(void **state)
{
	the_peer_dies_during_a_burst(SERVER, true);
}

static void a_server_may_die_while_its_frames_are_taken(void **state)
{
	the_peer_dies_during_a_burst(CLIENT, false);
}

static void a_server_may_die_while_frames_are_sent_to_it(void **state)
{
	the_peer_dies_during_a_burst(CLIENT, true);
}

// A burst that looked at the port before its peer came must not find it connected half-way.
static void no_peer_comes_during_a_burst(void **state)
{
	rcu_worker_register(0);
	rcu_worker_online(0); // and in a burst, for all that others know
	pair++;
	port_start(SERVER);
	peer_start(CLIENT);
	usleep(LONG_US);
	assert_false(port_link_up(port.id));
	rcu_worker_quiescent(0);
	for (unsigned ms = 0; !port_link_up(port.id) || !peer_link_up(); ms++) {
		check(ms < SOON_MS, "after %u ms", ms);
		rcu_worker_quiescent(0);
		usleep(1000);
	}
	rcu_worker_offline(0);
	peer_end();
	soon(mapped() == 0);
	port_end();
	rcu_worker_unregister(0);
}

static void a_sleeping_worker_holds_up_no_peer(void **state)
{
	rcu_worker_register(0);
	for (unsigned i = 0; i < 2; i++) {
		both_start(i == 0 ? SERVER : CLIENT);
		peer_end();
		soon(mapped() == 0);
		port_end();
	}
	rcu_worker_unregister(0);
}

static void *worker_that_ends_its_burst(void *arg)
{
	usleep(A_WHILE_US);
	rcu_worker_offline(0);
	return NULL;
}

// What happens just before the port is stopped: the interrupt thread begins to take it down, and is
// held by a worker that is busy with another port.
static void peer_dies(void *arg)
{
	rcu_worker_online(0);
	peer_end();
	soon(!port_link_up(port.id));
	assert_int_equal(pthread_create(arg, NULL, worker_that_ends_its_burst, NULL), 0);
}

static void a_port_may_go_as_its_peer_dies(void **state)
{
	rcu_worker_register(0);
	for (unsigned i = 0; i < DETACHMENTS; i++) {
		pthread_t worker;

		both_start(i % 2 == 0 ? SERVER : CLIENT);
		rcu_call(peer_dies, &worker);
		port_end();
		pthread_join(worker, NULL);
		assert_int_equal(mapped(), 0);
	}
	rcu_worker_unregister(0);
}

static bool has_rung(void)
{
	eventfd_t rings;

	return eventfd_read(link_bell(), &rings) == 0;
}

// The driver tells nobody.
static void the_bell_rings_when_a_peer_goes(void **state)
{
	rcu_worker_register(0);
	assert_int_equal(link_bell_init(), 0);
	both_start(SERVER);
	assert_true(has_rung()); // for either of the two
	assert_false(has_rung());
	peer_end();
	soon(has_rung());
	assert_false(port_link_up(port.id));
	port_end();
	link_bell_free();
	assert_int_equal(link_bell(), -1);
	rcu_worker_unregister(0);
}

// What a test that failed left behind.
static int end_both(void **state)
{
	uint16_t id;

	rcu_worker_unregister(0);
	link_bell_free();
	if (rte_eth_dev_get_port_by_name("net_memif_peer", &id) == 0)
		peer_end();
	if (rte_eth_dev_get_port_by_name("net_memif_port", &id) == 0)
		port_end();
	return 0;
}

static int start(void **state)
{
	cpu_set_t cpus;

	// EAL would have this thread and its own take turns on one CPU: they must meet.
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	eal_start(WORKERS);
	assert_int_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	if (workers_init(WORKERS, BUFFERS) < 0)
		return -1;
	interrupt_call(ignore, NULL); // opens what all later ones use
	for (unsigned i = 0; i < EDGE; i++)
		edge[i] = rte_pktmbuf_alloc(worker_pool());
	return 0;
}

static int end(void **state)
{
	for (unsigned i = 0; i < EDGE; i++)
		rte_pktmbuf_free(edge[i]);
	exchange_clear();
	workers_free();
	interrupt_park();
	return rte_eal_cleanup();
}

#define memif_test(name) cmocka_unit_test_teardown(name, end_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		memif_test(a_client_may_die_while_its_frames_are_taken),
		memif_test(a_client_may_die_while_frames_are_sent_to_it),
		memif_test(a_server_may_die_while_its_frames_are_taken),
		memif_test(a_server_may_die_while_frames_are_sent_to_it),
		memif_test(no_peer_comes_during_a_burst),
		memif_test(a_sleeping_worker_holds_up_no_peer),
		memif_test(a_port_may_go_as_its_peer_dies),
		memif_test(the_bell_rings_when_a_peer_goes),
	};

	return cmocka_run_group_tests_name("memif", tests, start, end);
}
