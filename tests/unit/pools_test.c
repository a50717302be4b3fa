// SPDX-License-Identifier: BSD-3-Clause
// Pools on the sockets of ports. This process has memory on socket 0, and none on any other,
// whatever the test says of the host.
#include "dataplane/pools.h"
#include "fixture.h"

#include <errno.h>

#define BUFFERS 1023

static void one_socket_has_one_pool(void **state)
{
	static const int sockets[] = {SOCKET_ID_ANY, 0, 1, RTE_MAX_NUMA_NODES, -7};
	static const int homes[] = {0, SOCKET_ID_ANY};
	unsigned total, in_use;

	for (unsigned h = 0; h < 2; h++) {
		assert_int_equal(pools_init(BUFFERS, homes[h], 1), 0);
		for (unsigned i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
			assert_ptr_equal(pools_on(sockets[i]), pools_on(SOCKET_ID_ANY));
		pools_count(&total, &in_use);
		assert_int_equal(total, BUFFERS);
		assert_int_equal(in_use, 0);
		pools_free();
	}
}

// As if the first worker were on socket 1.
static void a_port_on_another_socket_has_a_pool_there(void **state)
{
	struct rte_mempool *first, *there;
	struct rte_mbuf *mbufs[2];
	unsigned total, in_use;

	assert_int_equal(pools_init(BUFFERS, 1, 2), 0);
	first = pools_on(SOCKET_ID_ANY);
	pools_count(&total, &in_use);
	assert_int_equal(total, BUFFERS); // none before it is asked for
	there = pools_on(0);
	assert_ptr_not_equal(there, first);
	assert_int_equal(there->socket_id, 0);
	assert_ptr_equal(pools_on(0), there);

	mbufs[0] = rte_pktmbuf_alloc(first);
	mbufs[1] = rte_pktmbuf_alloc(there);
	assert_non_null(mbufs[0]);
	assert_non_null(mbufs[1]);
	pools_count(&total, &in_use);
	assert_int_equal(total, 2 * BUFFERS);
	assert_int_equal(in_use, 2);
	rte_pktmbuf_free(mbufs[0]);
	rte_pktmbuf_free(mbufs[1]);
	pools_free();
}

static void without_memory_there_the_first_pool_serves_all(void **state)
{
	assert_int_equal(pools_init(BUFFERS, 0, 2), 0);
	assert_ptr_equal(pools_on(1), pools_on(0));
	pools_free();
}

static void without_memory_at_all_there_is_none(void **state)
{
	assert_int_equal(pools_init(1 << 24, 0, 1), -ENOMEM);
	pools_free();
}

static int start(void **state)
{
	eal_start(0);
	return 0;
}

static int end(void **state)
{
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_socket_has_one_pool),
		cmocka_unit_test(a_port_on_another_socket_has_a_pool_there),
		cmocka_unit_test(without_memory_there_the_first_pool_serves_all),
		cmocka_unit_test(without_memory_at_all_there_is_none),
	};

	return cmocka_run_group_tests_name("pools", tests, start, end);
}
