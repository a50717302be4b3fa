// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/counters.h"
#include "fixture.h"

#define WORKERS 3

static void counters_start_at_zero(void **state)
{
	static const struct cloud_count zero;
	struct traffic_count traffic;
	struct worker_count worker;
	struct cloud_count cloud;

	assert_int_equal(counters_workers(), WORKERS);
	counters_read_traffic(INTERCONNECT_ID_MAX, 1, &traffic);
	assert_int_equal(traffic.packets, 0);
	assert_int_equal(traffic.bytes, 0);
	counters_read_cloud(CLOUD_ID_MAX, &cloud);
	assert_memory_equal(&cloud, &zero, sizeof(zero));
	counters_read_worker(WORKERS - 1, &worker);
	assert_int_equal(worker.busy_tsc, 0);
	assert_int_equal(worker.total_tsc, 0);
}

static void each_worker_has_lines_of_its_own(void **state)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal((uintptr_t)counters_of(i) % 64, 0);
		for (unsigned j = 0; j < i; j++) {
			assert_ptr_not_equal(counters_of(i), counters_of(j));
			assert_ptr_not_equal(counters_of(i)->traffic, counters_of(j)->traffic);
			assert_ptr_not_equal(counters_of(i)->clouds, counters_of(j)->clouds);
		}
	}
}

static void traffic_is_the_sum_over_workers_by_direction(void **state)
{
	static const uint32_t ids[] = {1, 2, 500000, INTERCONNECT_ID_MAX};
	struct traffic_count sum;

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned worker = 0; worker < WORKERS; worker++) {
			struct traffic_count *count = counters_of(worker)->traffic[ids[i]];

			count[0] = (struct traffic_count){10 + i, 1000 + worker};
			count[1] = (struct traffic_count){20 + worker, 7};
		}
	}
	for (unsigned i = 0; i < 4; i++) {
		counters_read_traffic(ids[i], 0, &sum);
		assert_int_equal(sum.packets, 3 * (10 + i));
		assert_int_equal(sum.bytes, 3003);
		counters_read_traffic(ids[i], 1, &sum);
		assert_int_equal(sum.packets, 63);
		assert_int_equal(sum.bytes, 21);
	}
	counters_read_traffic(3, 0, &sum); // a neighbour has none of it
	assert_int_equal(sum.packets, 0);
}

// Every member of a cloud's count, each with a number of its own.
static void fill_cloud(uint16_t cloud, uint64_t base)
{
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		struct cloud_count *count = &counters_of(worker)->clouds[cloud];

		count->ended = base + worker;
		for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
			count->drops[i] = base + 100 * i;
		for (unsigned i = 0; i < PUNT_REASON_COUNT; i++)
			count->punts[i] = base + 7 * i;
		count->icmp_sent = base + 1;
		count->icmp_limited = base + 2;
	}
}

static void check_cloud(uint16_t cloud, uint64_t base)
{
	struct cloud_count sum;

	counters_read_cloud(cloud, &sum);
	assert_int_equal(counters_read_settled(cloud), 3 * base + 3);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		assert_int_equal(sum.drops[i], 3 * (base + 100 * i));
	for (unsigned i = 0; i < PUNT_REASON_COUNT; i++)
		assert_int_equal(sum.punts[i], 3 * (base + 7 * i));
	assert_int_equal(sum.icmp_sent, 3 * (base + 1));
	assert_int_equal(sum.icmp_limited, 3 * (base + 2));
}

static void a_cloud_is_the_sum_over_workers_of_every_counter(void **state)
{
	fill_cloud(0, 5);
	fill_cloud(1, 10);
	fill_cloud(CLOUD_ID_MAX, 1ULL << 40);
	check_cloud(0, 5);
	check_cloud(1, 10);
	check_cloud(CLOUD_ID_MAX, 1ULL << 40);
}

static void a_new_owner_of_an_interconnect_counts_from_zero(void **state)
{
	struct traffic_count *worker0 = counters_of(0)->traffic[9];
	struct traffic_count *worker2 = counters_of(2)->traffic[9];
	struct traffic_count sum;

	worker0[0] = (struct traffic_count){5, 500};
	worker2[1] = (struct traffic_count){6, 600};
	counters_of(0)->traffic[10][0].packets = 1;
	counters_rebase_traffic(9);
	for (unsigned direction = 0; direction < 2; direction++) {
		counters_read_traffic(9, direction, &sum);
		assert_int_equal(sum.packets, 0);
		assert_int_equal(sum.bytes, 0);
	}
	worker0[0].packets++;
	worker2[0].packets++;
	worker2[1].bytes += 60;
	counters_read_traffic(9, 0, &sum);
	assert_int_equal(sum.packets, 2);
	assert_int_equal(sum.bytes, 0);
	counters_read_traffic(9, 1, &sum);
	assert_int_equal(sum.packets, 0);
	assert_int_equal(sum.bytes, 60);
	counters_read_traffic(10, 0, &sum); // only its own base moved
	assert_int_equal(sum.packets, 1);

	counters_rebase_traffic(9); // and once more
	counters_read_traffic(9, 0, &sum);
	assert_int_equal(sum.packets, 0);
	assert_int_equal(worker0[0].packets, 6); // a worker's line is never written by others
}

static void a_new_owner_of_a_cloud_id_counts_from_zero(void **state)
{
	struct cloud_count sum;

	fill_cloud(3, 50);
	fill_cloud(4, 50);
	counters_rebase_cloud(3);
	counters_read_cloud(3, &sum);
	for (unsigned i = 0; i < sizeof(sum) / sizeof(uint64_t); i++)
		assert_int_equal(((const uint64_t *)&sum)[i], 0);
	assert_int_equal(counters_read_settled(3), 0);
	counters_of(1)->clouds[3].ended += 2;
	counters_of(2)->clouds[3].drops[DROP_hairpin]++;
	counters_read_cloud(3, &sum);
	assert_int_equal(counters_read_settled(3), 2);
	assert_int_equal(sum.drops[DROP_hairpin], 1);
	assert_int_equal(sum.drops[DROP_bad_length], 0);
	check_cloud(4, 50);
}

static void what_an_interconnect_carried_settles_with_its_ends(void **state)
{
	counters_of(0)->traffic[9][0].packets = 100;
	counters_of(1)->traffic[9][0].packets = 1;
	counters_of(2)->traffic[9][1].packets = 10;
	counters_settle_traffic(9, 7, 5); // direction 0 is from the lower id
	assert_int_equal(counters_read_settled(5), 101);
	assert_int_equal(counters_read_settled(7), 10);
	counters_of(0)->clouds[5].ended = 3;
	assert_int_equal(counters_read_settled(5), 104);

	// The next one with the id begins at zero, and settles by itself.
	counters_rebase_traffic(9);
	counters_of(0)->traffic[9][0].packets += 5;
	counters_settle_traffic(9, 5, 8);
	assert_int_equal(counters_read_settled(5), 109);
	assert_int_equal(counters_read_settled(8), 0);
	assert_int_equal(counters_read_settled(7), 10);
	counters_rebase_cloud(5); // another owner
	assert_int_equal(counters_read_settled(5), 0);
}

static void sums_wrap_rather_than_break(void **state)
{
	struct traffic_count sum;

	counters_of(0)->traffic[1][0].bytes = UINT64_MAX - 10;
	counters_rebase_traffic(1);
	counters_of(0)->traffic[1][0].bytes += 100;
	counters_read_traffic(1, 0, &sum);
	assert_int_equal(sum.bytes, 100);
}

static void a_worker_is_read_alone(void **state)
{
	struct worker_count count;

	counters_of(0)->worker = (struct worker_count){1, 2};
	counters_of(1)->worker = (struct worker_count){30, 40};
	counters_read_worker(1, &count);
	assert_int_equal(count.busy_tsc, 30);
	assert_int_equal(count.total_tsc, 40);
}

static int set_up(void **state)
{
	return counters_init(WORKERS);
}

static int tear_down(void **state)
{
	counters_free();
	return counters_workers();
}

#define counters_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		counters_test(counters_start_at_zero),
		counters_test(each_worker_has_lines_of_its_own),
		counters_test(traffic_is_the_sum_over_workers_by_direction),
		counters_test(a_cloud_is_the_sum_over_workers_of_every_counter),
		counters_test(a_new_owner_of_an_interconnect_counts_from_zero),
		counters_test(a_new_owner_of_a_cloud_id_counts_from_zero),
		counters_test(what_an_interconnect_carried_settles_with_its_ends),
		counters_test(sums_wrap_rather_than_break),
		counters_test(a_worker_is_read_alone),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
