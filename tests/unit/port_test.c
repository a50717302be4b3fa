// SPDX-License-Identifier: BSD-3-Clause
// T0 ports, with drivers of DPDK that need no device: net_null, and net_af_packet on loopback.
#include "dataplane/placement.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORKERS 2
#define FANOUT_FLAGS_SHIFT 24 // as getsockopt() tells the flags: the high byte of what was set
#define AF_PACKET_PORT "net_af_packet0,iface=lo"

static struct port_info info;
static char error[256];

static void count(void *arg)
{
	++*(unsigned *)arg;
}

static void detach(uint16_t port)
{
	unsigned done = 0;

	port_detach(port, count, &done);
	while (rcu_poll() > 0)
		;
	assert_int_equal(done, 1);
}

// Call 'fn' for every open descriptor that is a packet socket in a fanout group, with its setting.
static unsigned each_fanout(void (*fn)(unsigned setting))
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		unsigned setting = 0;
		socklen_t length = sizeof(setting);
		int fd = atoi(entry->d_name);

		if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &setting, &length) == 0 &&
		    setting != 0) {
			fn(setting);
			n++;
		}
	}
	closedir(directory);
	return n;
}

static void never_reassembles(unsigned setting)
{
	assert_int_equal(setting >> FANOUT_FLAGS_SHIFT & (PACKET_FANOUT_FLAG_DEFRAG >> 8), 0);
}

static void ignore(unsigned setting)
{
}

// The kernel would join fragments of different clouds, and keep those that stay alone.
static void af_packet_never_reassembles(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(port_attach(AF_PACKET_PORT, &info, error, sizeof(error)), 0);
	assert_int_equal(each_fanout(never_reassembles), WORKERS); // a socket each
	detach(info.id);
	assert_int_equal(each_fanout(ignore), 0);
}

// The test above could not fail if the flag could not be seen.
static void the_flag_can_be_seen(void **state)
{
	unsigned value = (unsigned)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16 | 0x7777;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(0x88b5), // local experimental
		.sll_ifindex = (int)if_nametoindex("lo"),
	};
	socklen_t length = sizeof(value);
	int fd;

	if (geteuid() != 0)
		skip();
	fd = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	// Past our own setsockopt(), as the driver's wish would arrive without it.
	assert_int_equal(syscall(SYS_setsockopt, fd, SOL_PACKET, PACKET_FANOUT, &value, length), 0);
	assert_int_equal(getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &length), 0);
	assert_int_not_equal(value >> FANOUT_FLAGS_SHIFT & (PACKET_FANOUT_FLAG_DEFRAG >> 8), 0);
	close(fd);
}

// The kernel must take frames for us for somebody else's.
static void af_packet_has_a_mac_of_its_own(void **state)
{
	struct rte_ether_addr netdev;

	if (geteuid() != 0)
		skip();
	assert_int_equal(port_attach(AF_PACKET_PORT, &info, error, sizeof(error)), 0);
	assert_int_equal(info.netdev, if_nametoindex("lo"));
	assert_int_equal(rte_eth_macaddr_get(info.id, &netdev), 0);
	assert_false(rte_is_same_ether_addr(&netdev, &info.mac));
	assert_true(rte_is_valid_assigned_ether_addr(&info.mac));
	assert_true(rte_is_local_admin_ether_addr(&info.mac));
	detach(info.id);
}

static void a_port_is_shared_and_goes_with_its_last_user(void **state)
{
	struct port_info second;
	uint16_t id;

	assert_int_equal(port_attach("net_null7", &info, error, sizeof(error)), 0);
	assert_int_equal(port_attach("net_null7", &second, error, sizeof(error)), 0);
	assert_int_equal(info.id, second.id);
	assert_true(rte_is_valid_assigned_ether_addr(&info.mac)); // the driver has none
	assert_int_equal(port_set_cloud(info.id, 0, 5), 0);
	assert_int_equal(port_set_cloud(info.id, 4094, 6), 0);
	assert_int_equal(exchange.ports[info.id]->clouds[UNTAGGED], 5);
	assert_int_equal(exchange.ports[info.id]->clouds[4094], 6);
	detach(info.id);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null7", &id), 0);
	assert_non_null(exchange.ports[info.id]);
	detach(info.id);
	assert_int_not_equal(rte_eth_dev_get_port_by_name("net_null7", &id), 0);
	assert_null(exchange.ports[info.id]);
}

static void a_port_that_is_leaving_is_not_taken_again(void **state)
{
	unsigned done = 0;

	assert_int_equal(port_attach("net_null7", &info, error, sizeof(error)), 0);
	port_detach(info.id, count, &done);
	assert_int_equal(port_attach("net_null7", &info, error, sizeof(error)), -EBUSY);
	assert_non_null(strstr(error, "net_null7"));
	while (rcu_poll() > 0)
		;
	assert_int_equal(port_attach("net_null7", &info, error, sizeof(error)), 0);
	detach(info.id);
}

// Several queues, by drivers as they are: each has a worker, and who tells says that it has RSS.
static void queues_are_as_the_driver_has_them(void **state)
{
	const struct {
		const char *devargs;
		uint16_t rx, tx;
		bool rss;
		bool needs_root;
	} cases[] = {
		{"net_null7", 2, 2, true, false},
		{"net_tap7,iface=t0x-test-tap", 2, 2, false, true}, // has it, but does not tell
		{AF_PACKET_PORT, 2, 2, false, true},
		{AF_PACKET_PORT ",qpairs=1", 1, 1, false, true},
		{AF_PACKET_PORT ",qpairs=3", 3, 2, false, true}, // the kernel fills all
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_eth_rss_conf rss = {};
		struct port_status status;

		if (cases[i].needs_root && geteuid() != 0)
			continue;
		if (port_attach(cases[i].devargs, &info, error, sizeof(error)) < 0)
			fail_msg("%s: %s", cases[i].devargs, error);
		assert_true(port_status(info.id, &status));
		check(status.rx_queues == cases[i].rx && status.tx_queues == cases[i].tx,
		      "%s: %u, %u", cases[i].devargs, status.rx_queues, status.tx_queues);
		for (uint16_t queue = 0; queue < status.rx_queues; queue++)
			assert_int_equal(
				placement_worker(info.id, queue), (info.id + queue) % WORKERS
			);
		for (uint16_t queue = 0; queue < status.tx_queues; queue++)
			assert_int_equal(
				port_tx_worker(info.id, queue), (info.id + queue) % WORKERS
			);
		check((rte_eth_dev_rss_hash_conf_get(info.id, &rss) == 0) == cases[i].rss,
		      "%s: RSS", cases[i].devargs);
		detach(info.id);
	}
}

static void what_is_no_port_is_refused_by_name(void **state)
{
	static const char *const bad[] = {"net_af_packet3,iface=no-such-netdev", "no_such_driver0"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(port_attach(bad[i], &info, error, sizeof(error)) < 0);
		assert_memory_equal(strstr(error, "port ") + 5, bad[i], strcspn(bad[i], ","));
	}
	assert_int_equal(port_attach(",iface=lo", &info, error, sizeof(error)), -EINVAL);
}

static int start(void **state)
{
	eal_start(WORKERS);
	return workers_init(WORKERS, 8192);
}

static int stop(void **state)
{
	workers_free();
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flag_can_be_seen),
		cmocka_unit_test(af_packet_never_reassembles),
		cmocka_unit_test(af_packet_has_a_mac_of_its_own),
		cmocka_unit_test(a_port_is_shared_and_goes_with_its_last_user),
		cmocka_unit_test(a_port_that_is_leaving_is_not_taken_again),
		cmocka_unit_test(queues_are_as_the_driver_has_them),
		cmocka_unit_test(what_is_no_port_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
