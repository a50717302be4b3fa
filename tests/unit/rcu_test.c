// SPDX-License-Identifier: BSD-3-Clause
// Grace: a callback runs when no worker can use the old object any more, nor send what it decided
// by it. The workers here are no threads: each step of theirs is a line of the test.
#include "dataplane/rcu.h"
#include "fixture.h"

#include <pthread.h>

#define WORKERS 3

static unsigned ran;

static void count_run(void *arg)
{
	ran++;
}

static void all_online(void)
{
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		rcu_worker_register(worker);
		rcu_worker_online(worker);
	}
}

static void without_workers_nothing_is_waited_for(void **state)
{
	rcu_call(count_run, NULL);
	assert_int_equal(ran, 0); // never inside the one who publishes
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

static void every_worker_must_report_twice(void **state)
{
	// In each pass one worker is late; each worker's turn.
	for (unsigned late = 0; late < WORKERS; late++) {
		ran = 0;
		all_online();
		rcu_call(count_run, NULL);
		assert_int_equal(rcu_poll(), 1);
		for (unsigned pass = 0; pass < 2; pass++) {
			for (unsigned worker = 0; worker < WORKERS; worker++)
				if (worker != late)
					rcu_worker_quiescent(worker);
			assert_int_equal(rcu_poll(), 1);
			rcu_worker_quiescent((late + 1) % WORKERS); // others do not count twice
			assert_int_equal(rcu_poll(), 1);
			assert_int_equal(ran, 0);
			rcu_worker_quiescent(late);
			assert_int_equal(rcu_poll(), 1 - pass);
		}
		assert_int_equal(ran, 1);
	}
}

static void reports_of_before_do_not_count(void **state)
{
	all_online();
	for (unsigned i = 0; i < 5; i++)
		for (unsigned worker = 0; worker < WORKERS; worker++)
			rcu_worker_quiescent(worker);
	rcu_call(count_run, NULL);
	for (unsigned worker = 0; worker < WORKERS; worker++)
		rcu_worker_quiescent(worker); // before the period starts
	assert_int_equal(rcu_poll(), 1);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned worker = 0; worker < WORKERS - 1; worker++)
			rcu_worker_quiescent(worker);
		assert_int_equal(rcu_poll(), 1);
	}
	assert_int_equal(ran, 0);
}

static void a_sleeping_worker_holds_up_nobody(void **state)
{
	all_online();
	rcu_worker_offline(2);
	rcu_call(count_run, NULL);
	for (unsigned pass = 0; pass < 2; pass++) {
		assert_int_equal(rcu_poll(), 1);
		rcu_worker_quiescent(0);
		rcu_worker_quiescent(1);
	}
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

static void going_to_sleep_is_as_good_as_reporting(void **state)
{
	all_online();
	rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 1);
	for (unsigned worker = 0; worker < WORKERS; worker++)
		rcu_worker_offline(worker);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

static void a_worker_that_wakes_is_waited_for_from_then_on(void **state)
{
	all_online();
	rcu_worker_offline(2);
	rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 1);
	rcu_worker_online(2); // has seen the start of the first pass: waited for in the second
	rcu_worker_quiescent(0);
	rcu_worker_quiescent(1);
	assert_int_equal(rcu_poll(), 1);
	rcu_worker_quiescent(0);
	rcu_worker_quiescent(1);
	assert_int_equal(rcu_poll(), 1);
	assert_int_equal(ran, 0);
	rcu_worker_quiescent(2);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

static void a_worker_that_left_is_not_waited_for(void **state)
{
	all_online();
	rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 1);
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		rcu_worker_offline(worker);
		rcu_worker_unregister(worker);
	}
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

// What lies between workers.

static unsigned marks;
static bool taken;

static void mark(void)
{
	marks++;
}

static bool passed(void)
{
	return taken;
}

static void all_report(void)
{
	for (unsigned worker = 0; worker < WORKERS; worker++)
		rcu_worker_quiescent(worker);
}

static void what_lies_between_workers_must_be_taken_and_then_flushed(void **state)
{
	marks = 0;
	taken = false;
	rcu_watch(mark, passed);
	all_online();
	rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 1);
	assert_int_equal(marks, 0); // not before the first pass is over: more may come
	for (unsigned i = 0; i < 10; i++) {
		all_report();
		assert_int_equal(rcu_poll(), 1);
		assert_int_equal(marks, 1); // once, or it would never end
	}
	taken = true;
	assert_int_equal(rcu_poll(), 1); // taken, but not flushed
	assert_int_equal(ran, 0);
	all_report();
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

static unsigned other_marks;
static bool other_taken;

static void mark_other(void)
{
	other_marks++;
}

static bool other_passed(void)
{
	return other_taken;
}

static void all_who_watch_are_waited_for(void **state)
{
	marks = other_marks = 0;
	taken = other_taken = false;
	rcu_watch(mark, passed);
	rcu_watch(mark_other, other_passed);
	rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 1);
	assert_int_equal(marks, 1);
	assert_int_equal(other_marks, 1);
	taken = true;
	assert_int_equal(rcu_poll(), 1);
	taken = false;
	other_taken = true;
	assert_int_equal(rcu_poll(), 1);
	assert_int_equal(ran, 0);
	taken = true;
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 1);
}

// Gathering.

static unsigned order[8];
static unsigned n_order;

static void note(void *arg)
{
	order[n_order++] = (unsigned)(uintptr_t)arg;
}

static void callbacks_gather_and_share_the_next_period(void **state)
{
	n_order = 0;
	all_online();
	rcu_call(note, (void *)1);
	assert_int_equal(rcu_poll(), 1);
	rcu_call(note, (void *)2); // too late for the period that runs
	rcu_call(note, (void *)3);
	assert_int_equal(rcu_poll(), 3);
	all_report();
	assert_int_equal(rcu_poll(), 3);
	all_report();
	assert_int_equal(rcu_poll(), 2);
	assert_int_equal(n_order, 1);
	assert_int_equal(order[0], 1);

	assert_int_equal(rcu_poll(), 2); // the next period starts
	all_report();
	assert_int_equal(rcu_poll(), 2);
	all_report();
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(n_order, 3); // both by one period, in order
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 3);
}

static unsigned again;

static void call_again(void *arg)
{
	ran++;
	if (again > 0) {
		again--;
		for (unsigned i = 0; i < 100; i++) // enough to make the note grow
			rcu_call(i == 0 ? call_again : count_run, NULL);
	}
}

static void a_callback_may_call_for_another(void **state)
{
	again = 3;
	rcu_call(call_again, NULL);
	assert_int_equal(rcu_poll(), 100);
	assert_int_equal(ran, 1);
	assert_int_equal(rcu_poll(), 100);
	assert_int_equal(ran, 101);
	assert_int_equal(rcu_poll(), 100);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 301);
}

static void ten_thousand_callbacks_take_one_period(void **state)
{
	all_online();
	for (unsigned i = 0; i < 10000; i++)
		rcu_call(count_run, NULL);
	assert_int_equal(rcu_poll(), 10000);
	all_report();
	assert_int_equal(rcu_poll(), 10000);
	all_report();
	assert_int_equal(ran, 0);
	assert_int_equal(rcu_poll(), 0);
	assert_int_equal(ran, 10000);
}

// Threads that read, sleep and leave, while objects are swapped and freed under them.

#define CHURN_ROUNDS 3000

struct object {
	uint64_t number;
	uint64_t complement;
};

static const struct object *object;
static bool stop;

static void *read_object(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	unsigned torn = 0;

	rcu_worker_register(worker);
	rcu_worker_online(worker);
	for (unsigned round = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++) {
		const struct object *seen = published(object);

		torn += seen->number != ~seen->complement;
		rcu_worker_quiescent(worker);
		if (round % 64 == 0) {
			rcu_worker_offline(worker);
			sched_yield();
			rcu_worker_online(worker);
		}
	}
	rcu_worker_offline(worker);
	rcu_worker_unregister(worker);
	return (void *)(uintptr_t)torn;
}

// What a reader that came too late would see.
static void poison(void *arg)
{
	struct object *old = arg;

	old->complement = old->number;
	free(old);
}

static void publish_object(uint64_t number)
{
	struct object *new = malloc(sizeof(*new));
	const struct object *old;

	assert_non_null(new);
	*new = (struct object){number, ~number};
	old = publish(object, new);
	if (old != NULL)
		rcu_call(poison, (void *)old);
}

static void no_thread_ever_reads_a_freed_object(void **state)
{
	pthread_t threads[WORKERS];

	stop = false;
	publish_object(0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_object, (void *)(uintptr_t)i), 0
		);
	for (unsigned i = 1; i <= CHURN_ROUNDS; i++) {
		publish_object(i);
		if (i % 3 == 0)
			while (rcu_poll() > 0)
				sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < WORKERS; i++) {
		void *torn;

		pthread_join(threads[i], &torn);
		assert_null(torn);
	}
	rcu_call(free, (void *)publish(object, NULL));
	assert_int_equal(rcu_poll(), 0);
}

static int set_up(void **state)
{
	ran = 0;
	return rcu_init(WORKERS);
}

static int tear_down(void **state)
{
	rcu_free();
	return 0;
}

#define rcu_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		rcu_test(without_workers_nothing_is_waited_for),
		rcu_test(every_worker_must_report_twice),
		rcu_test(reports_of_before_do_not_count),
		rcu_test(a_sleeping_worker_holds_up_nobody),
		rcu_test(going_to_sleep_is_as_good_as_reporting),
		rcu_test(a_worker_that_wakes_is_waited_for_from_then_on),
		rcu_test(a_worker_that_left_is_not_waited_for),
		rcu_test(what_lies_between_workers_must_be_taken_and_then_flushed),
		rcu_test(all_who_watch_are_waited_for),
		rcu_test(callbacks_gather_and_share_the_next_period),
		rcu_test(a_callback_may_call_for_another),
		rcu_test(ten_thousand_callbacks_take_one_period),
		rcu_test(no_thread_ever_reads_a_freed_object),
	};

	return cmocka_run_group_tests_name("rcu", tests, NULL, NULL);
}
