// SPDX-License-Identifier: BSD-3-Clause
// Rates between two looks at the counters.
#include "control/cli/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
	char *quoted = strdup(text);
	json_t *value;

	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(quoted, 0, NULL);
	free(quoted);
	assert_non_null(value);
	return value;
}

// The rates over two seconds, as text with ' for ".
static void assert_rates(
	const char *before, const char *now, const char *section, const char *expected
)
{
	json_t *was = before ? parse(before) : NULL, *is = parse(now);
	json_t *rates = rates_between(was, is, 2);
	char *text =
		json_dumps(json_object_get(rates, section), JSON_COMPACT | JSON_REAL_PRECISION(6));

	for (char *c = text; *c; c++)
		if (*c == '"')
			*c = '\'';
	assert_string_equal(text, expected);
	free(text);
	json_decref(rates);
	json_decref(was);
	json_decref(is);
}

#define COUNT(packets, bytes) "{'packets':" #packets ",'bytes':" #bytes "}"
#define JOIN(a, b, there, back) \
	"{'cloud':'" a "','peer':'" b "','name':'" b "','cloud_to_peer':" there \
	",'peer_to_cloud':" back "}"
#define RATE(packets, bits) "{'packets_per_second':" #packets ",'bits_per_second':" #bits "}"

static void packets_and_bits_by_direction_busiest_first(void **state)
{
	assert_rates(
		"{'interconnects':[" JOIN("a", "b", COUNT(10, 1000), COUNT(0, 0)) "," JOIN(
			"b", "c", COUNT(0, 0), COUNT(5, 500)
		) "]}",
		"{'interconnects':[" JOIN("a", "b", COUNT(20, 2000), COUNT(0, 0)) "," JOIN(
			"b", "c", COUNT(0, 0), COUNT(105, 100500)
		) "]}",
		"interconnects",
		"[" JOIN("b", "c", RATE(0.0, 0.0), RATE(50.0, 400000.0)) "," JOIN(
			"a", "b", RATE(5.0, 4000.0), RATE(0.0, 0.0)
		) "]"
	);
}

static void what_is_new_or_went_back_has_come_since(void **state)
{
	assert_rates(
		"{'interconnects':[" JOIN("a", "b", COUNT(100, 1000), COUNT(100, 1000)) "]}",
		"{'interconnects':[" JOIN("a", "b", COUNT(4, 40), COUNT(100, 1000)) "," JOIN(
			"a", "c", COUNT(2, 20), COUNT(0, 0)
		) "]}",
		"interconnects",
		"[" JOIN("a", "b", RATE(2.0, 160.0), RATE(0.0, 0.0)) "," JOIN(
			"a", "c", RATE(1.0, 80.0), RATE(0.0, 0.0)
		) "]"
	);
}

#define DROP(cloud, reason, where) \
	"{'cloud':" cloud ",'reason':'" reason "','where':'" where "','packets"
#define DROPS(cloud, reason, where, packets) DROP(cloud, reason, where) "':" #packets "}"
#define DROP_RATE(cloud, reason, where, rate) DROP(cloud, reason, where) "_per_second':" #rate "}"

static void drops_where_there_were_any(void **state)
{
	assert_rates(
		"{'drops':[" DROPS("'a'", "x", "guard", 7) "," DROPS(
			"null", "y", "dataplane", 1
		) "]}",
		"{'drops':[" DROPS("'a'", "x", "guard", 7) "," DROPS(
			"null", "y", "dataplane", 3
		) "," DROPS("'b'", "x", "dataplane", 8) "]}",
		"drops",
		"[" DROP_RATE("'b'", "x", "dataplane", 4.0) "," DROP_RATE(
			"null", "y", "dataplane", 1.0
		) "]"
	);
}

static void guard_and_data_plane_drop_apart(void **state)
{
	assert_rates(
		"{'drops':[" DROPS("'a'", "x", "guard", 7) "," DROPS(
			"'a'", "x", "dataplane", 100
		) "]}",
		"{'drops':[" DROPS("'a'", "x", "guard", 9) "," DROPS(
			"'a'", "x", "dataplane", 100
		) "]}",
		"drops", "[" DROP_RATE("'a'", "x", "guard", 1.0) "]"
	);
}

static void workers_are_busy_over_the_interval(void **state)
{
	assert_rates(
		"{'workers':[{'worker':0,'busy_cycles':100,'total_cycles':1000}]}",
		"{'workers':[{'worker':0,'busy_cycles':600,'total_cycles':2000},"
		"{'worker':1,'busy_cycles':0,'total_cycles':0}]}",
		"workers", "[{'worker':0,'busy_ratio':0.5},{'worker':1,'busy_ratio':0.0}]"
	);
}

static void nothing_before_nothing_now(void **state)
{
	assert_rates(NULL, "{}", "interconnects", "[]");
	assert_rates(NULL, "{}", "drops", "[]");
	assert_rates(NULL, "{}", "workers", "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_and_bits_by_direction_busiest_first),
		cmocka_unit_test(what_is_new_or_went_back_has_come_since),
		cmocka_unit_test(drops_where_there_were_any),
		cmocka_unit_test(guard_and_data_plane_drop_apart),
		cmocka_unit_test(workers_are_busy_over_the_interval),
		cmocka_unit_test(nothing_before_nothing_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
