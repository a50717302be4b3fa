// SPDX-License-Identifier: BSD-3-Clause
// How many queues a port gets and what RSS is asked for, by what a driver says of itself.
#include "dataplane/queues.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

static void one_queue_a_worker_where_there_are_as_many(void **state)
{
	static const struct {
		const char *driver;
		uint16_t max_rx, max_tx;
		unsigned workers;
		uint16_t rx, tx;
	} cases[] = {
		{"net_ice", 256, 256, 1, 1, 1},
		{"net_ice", 256, 256, 4, 4, 4},
		{"net_ice", 2, 1, 4, 2, 1},
		{"net_ice", 1, 8, 4, 1, 4},
		{"net_null", 1024, 1024, 2, 2, 2},
		{"net_tap", 16, 16, 2, 2, 2},
		{"net_virtio_user", 1, 1, 2, 1, 1},
		{"net_odd", 0, 0, 2, 1, 1}, // says nothing: one is tried
		// Frames come in on all that there are.
		{"net_af_packet", 1, 1, 2, 1, 1},
		{"net_af_packet", 4, 4, 1, 4, 1},
		{"net_af_packet", 4, 4, 2, 4, 2},
		{"net_af_xdp", 4, 4, 1, 4, 1},
		{"net_af_xdp", 4, 4, 2, 4, 2},
		{"net_ring", 2, 2, 1, 2, 1},
		{"net_ring", 2, 3, 4, 2, 3},
		// The other side may serve the first tx queue alone.
		{"net_vhost", 2, 2, 1, 2, 1},
		{"net_vhost", 2, 2, 4, 2, 1},
		{"net_vhost", 1000, 1000, 2, QUEUES_MAX, 1},
		{"net_memif", 256, 256, 2, 2, 1},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct rte_eth_dev_info dev = {
			.driver_name = cases[i].driver,
			.max_rx_queues = cases[i].max_rx,
			.max_tx_queues = cases[i].max_tx,
		};
		struct queues queues = queues_choose(&dev, cases[i].workers);

		check(queues.rx == cases[i].rx && queues.tx == cases[i].tx,
		      "%s with %u, %u queues and %u workers: %u, %u", cases[i].driver,
		      cases[i].max_rx, cases[i].max_tx, cases[i].workers, queues.rx, queues.tx);
	}
}

static void rss_is_asked_for_as_far_as_it_is_offered(void **state)
{
	static const struct {
		uint64_t offered;
		uint16_t queues;
		uint64_t asked;
	} cases[] = {
		{0, 4, 0},
		{RTE_ETH_RSS_PROTO_MASK, 1, 0}, // nothing to spread over
		{RTE_ETH_RSS_PROTO_MASK, 2, RSS_WANTED},
		{RTE_ETH_RSS_IPV4, 2, RTE_ETH_RSS_IPV4},
		{RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_VXLAN, 3,
		 RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV6_UDP},
		{RTE_ETH_RSS_L2_PAYLOAD | RTE_ETH_RSS_VXLAN, 2, 0}, // nothing of use
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct rte_eth_dev_info dev = {.flow_type_rss_offloads = cases[i].offered};
		struct rte_eth_conf conf = {};

		queues_spread(&dev, cases[i].queues, &conf);
		check(conf.rx_adv_conf.rss_conf.rss_hf == cases[i].asked, "%#llx of %#llx",
		      (unsigned long long)conf.rx_adv_conf.rss_conf.rss_hf,
		      (unsigned long long)cases[i].offered);
		check(conf.rxmode.mq_mode ==
			      (cases[i].asked ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE),
		      "case %u: mode", i);
		assert_null(conf.rx_adv_conf.rss_conf.rss_key); // the driver's own
	}
}

static void virtual_drivers_are_told_how_many_queues_to_have(void **state)
{
	static const struct {
		const char *devargs;
		unsigned workers;
		const char *become; // NULL: nothing is added
	} cases[] = {
		{"net_af_packet1,iface=eth0", 1, NULL},
		{"net_af_packet1,iface=eth0", 2, "net_af_packet1,iface=eth0,qpairs=2"},
		{"net_af_packet1,iface=eth0,qpairs=1", 2, NULL},
		{"net_af_packet1,qpairs=4,iface=eth0", 2, NULL},
		{"net_af_packet1,iface=qpairs=1", 2, "net_af_packet1,iface=qpairs=1,qpairs=2"},
		{"net_af_packet1,iface=eth0", 40, "net_af_packet1,iface=eth0,qpairs=16"},
		{"net_af_packet1", 2, "net_af_packet1,qpairs=2"},
		{"net_vhost0,iface=/run/s,client=1", 3,
		 "net_vhost0,iface=/run/s,client=1,queues=3"},
		{"net_vhost0,iface=/run/s,queues=1", 3, NULL},
		{"net_virtio_user0,path=/run/s", 3, NULL}, // what the other side has
		{"net_null0", 3, NULL},
		{"0000:00:04.0", 3, NULL},
		{"0000:00:04.0,net_vhost=1", 3, NULL},
		{"net_af", 3, NULL},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		char text[128];
		const char *become =
			queues_devargs(cases[i].devargs, cases[i].workers, text, sizeof(text));

		check(strcmp(become, cases[i].become ? cases[i].become : cases[i].devargs) == 0,
		      "%s: %s", cases[i].devargs, become);
	}
}

static void devargs_too_long_to_be_added_to_stay_as_they_are(void **state)
{
	const char *devargs = "net_af_packet1,iface=eth0";
	char text[34];

	assert_string_equal(queues_devargs(devargs, 2, text, sizeof(text)), devargs);
	assert_ptr_equal(queues_devargs(devargs, 2, text, sizeof(text)), devargs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_queue_a_worker_where_there_are_as_many),
		cmocka_unit_test(rss_is_asked_for_as_far_as_it_is_offered),
		cmocka_unit_test(virtual_drivers_are_told_how_many_queues_to_have),
		cmocka_unit_test(devargs_too_long_to_be_added_to_stay_as_they_are),
	};

	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
