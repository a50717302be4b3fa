// SPDX-License-Identifier: BSD-3-Clause
// From the region as it is to the region of a file: what is refused and where it stands, which
// steps there are, and what the next region holds.
#include "control/json.h"
#include "control/plan.h"
#include "region_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct principal root = {"uid:0", true};
static const struct principal ann = {"uid:1001", false};

// Files. CLOUD(N, MORE) is a cloud pcN with more members.

#define CLOUD_IN(location, n, more) \
	"{'name':'pc" #n "','location':'" location "','port':'net_p" #n "'," \
	"'gateway':['169.254." #n ".1/30'],'router':['169.254." #n ".2']," \
	"'network_block':['10." #n ".0.0/22']" more "}"
#define CLOUD(n, more) CLOUD_IN("westeurope", n, more)
#define FILE_OF(clouds, interconnects, grants) \
	"{'version':1,'clouds':[" clouds "],'interconnects':[" interconnects "]," \
	"'grants':[" grants "]}"
#define WEB(address) ",'segments':[{'name':'web','gateway_address':['" address "']}]"
#define JOIN(a, b) "{'cloud':'" a "','peer':'" b "'}"
#define JOIN_AS(name, a, b) "{'name':'" name "','cloud':'" a "','peer':'" b "'}"
#define GRANT(who, cloud, role) "{'principal':'" who "','cloud':'" cloud "','role':'" role "'}"

static json_t *parse(const char *text)
{
	char *quoted = strdup(text);
	json_error_t error;
	json_t *value;

	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(quoted, JSON_DECODE_ANY, &error);
	if (!value)
		fail_msg("%s: %s", error.text, quoted);
	free(quoted);
	return value;
}

static int decode(const char *text, struct wanted *wanted, struct refusal *refusal)
{
	json_t *region = parse(text);
	int result = wanted_from_json(region, wanted, refusal);

	json_decref(region);
	return result;
}

// A plan from 'now' to the file.
static int try_plan(
	const struct region *now, const char *file, const struct principal *principal, bool prune,
	struct plan *plan, struct refusal *refusal
)
{
	const struct plan_options options = {.prune = prune, .confirmed = true};
	struct wanted wanted;
	int result;

	if (decode(file, &wanted, refusal) < 0)
		return -1;
	result = plan_make(now, principal, &wanted, &options, plan, refusal);
	wanted_free(&wanted);
	return result;
}

static void must_plan(const struct region *now, const char *file, bool prune, struct plan *plan)
{
	struct refusal refusal;

	if (try_plan(now, file, &root, prune, plan, &refusal) < 0)
		fail_msg("%s: %s", refusal_code_name(refusal.code), refusal.text);
}

// The region that a file makes out of nothing.
static struct region region_of(const char *file)
{
	struct region nothing;
	struct plan plan;
	struct region made;

	region_init(&nothing);
	must_plan(&nothing, file, true, &plan);
	made = plan.next;
	region_init(&plan.next);
	plan_free(&plan);
	return made;
}

// Lines as "action object name: text", one after the other.
static void assert_lines(const struct plan *plan, const char *const expected[])
{
	unsigned n = 0;

	for (; expected[n]; n++) {
		const struct plan_line *line = &plan->lines[n];
		char text[1024];

		assert_true(n < plan->n_lines);
		snprintf(
			text, sizeof(text), "%s %s %s: %s", line->action, line->object, line->name,
			line->text
		);
		assert_string_equal(text, expected[n]);
	}
	if (n < plan->n_lines)
		fail_msg("one line too many: %s %s", plan->lines[n].action, plan->lines[n].name);
}

// Files that are wrong

static void what_is_wrong_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *file;
		enum refusal_code code;
		const char *text; // begins with
	} cases[] = {
		{"[]", REFUSAL_none, "the region: must be an object"},
		{"{}", REFUSAL_none, "version: missing"},
		{"{'version':2}", REFUSAL_none, "version: this t0x reads version 1"},
		{"{'version':1,'cloud':[]}", REFUSAL_none, "cloud: unknown member"},
		{"{'version':1,'clouds':{}}", REFUSAL_none, "clouds: must be a list"},
		{"{'version':1,'clouds':[7]}", REFUSAL_none, "clouds[0]: must be an object"},
		{FILE_OF(CLOUD(1, "") "," CLOUD(2, ",'vlans':1"), "", ""), REFUSAL_none,
		 "clouds[1].vlans: unknown member"},
		{FILE_OF(CLOUD(1, ",'mtu':'big'"), "", ""), REFUSAL_none,
		 "clouds[0].mtu: must be a whole number"},
		{FILE_OF(CLOUD(1, ",'router_mac':'zz'"), "", ""), REFUSAL_address_invalid,
		 "clouds[0].router_mac: \"zz\" is not"},
		{FILE_OF(CLOUD(1, ",'segments':[1]"), "", ""), REFUSAL_none,
		 "clouds[0].segments[0]: must be an object"},
		{FILE_OF(CLOUD(1, WEB("172.16.1.1")), "", ""), REFUSAL_address_invalid,
		 "clouds[0].segments[0].gateway_address: \"172.16.1.1\" is not ADDR/LEN"},
		{FILE_OF(CLOUD(1, "") "," CLOUD(2, "") "," CLOUD(1, ""), "", ""),
		 REFUSAL_name_in_use, "clouds[0] and [2]: the same name twice"},
		{FILE_OF(CLOUD(1, ""), "{'cloud':'pc1'}", ""), REFUSAL_none,
		 "interconnects[0].peer: missing"},
		{FILE_OF(CLOUD(1, "") "," CLOUD(2, ""), JOIN("pc1", "pc2") "," JOIN("pc2", "pc1"),
			 ""),
		 REFUSAL_already_interconnected, "interconnects[0] and [1]: the same pair"},
		{FILE_OF(CLOUD(1, ""), "", GRANT("uid:1", "pc1", "king")), REFUSAL_none,
		 "grants[0].role: \"king\" is neither"},
		{FILE_OF(CLOUD(1, ""), "",
			 GRANT("uid:1", "pc1", "reader") "," GRANT("uid:1", "pc1", "contributor")),
		 REFUSAL_name_in_use, "grants[0] and [1]: the same principal and cloud twice"},
		// What is well-formed and contradicts itself
		{FILE_OF(CLOUD(1, ""), JOIN("pc1", "pc1"), ""), REFUSAL_same_cloud,
		 "interconnects[0]: both ends are pc1"},
		{FILE_OF(CLOUD(1, ""), JOIN("pc1", "pc9"), ""), REFUSAL_cloud_not_found,
		 "interconnects[0]: there is no cloud \"pc9\""},
		{FILE_OF(CLOUD(1, ""), "", GRANT("uid:1", "pc9", "reader")),
		 REFUSAL_cloud_not_found, "grants[0]: there is no cloud \"pc9\""},
		{FILE_OF(CLOUD(1, "") "," CLOUD_IN("northeurope", 2, ""), JOIN("pc1", "pc2"), ""),
		 REFUSAL_different_location, "interconnects[0]: pc1 is in westeurope"},
		{FILE_OF(CLOUD(1, WEB("172.16.1.1/24")) "," CLOUD(2, WEB("172.16.1.129/25")),
			 JOIN("pc1", "pc2"), ""),
		 REFUSAL_overlapping_prefixes,
		 "interconnects[0]: routed prefixes overlap: segment"},
		{FILE_OF(CLOUD(1, WEB("10.1.1.1/24")), "", ""), REFUSAL_overlapping_prefixes,
		 "clouds[0]: routed prefixes overlap: "},
		{FILE_OF(CLOUD(1, ",'mtu':100"), "", ""), REFUSAL_limit_reached,
		 "clouds[0]: MTU 100 of pc1"},
		{FILE_OF(CLOUD(1, "") "," CLOUD(2, "") "," CLOUD(3, ""),
			 JOIN_AS("x", "pc1", "pc2") "," JOIN_AS("x", "pc1", "pc3"), ""),
		 REFUSAL_name_in_use, "interconnects[1]: cloud pc1 has an interconnect named x"},
	};
	struct region nothing;

	region_init(&nothing);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct refusal refusal = {};
		struct plan plan;

		if (try_plan(&nothing, cases[i].file, &root, true, &plan, &refusal) == 0)
			fail_msg("not refused: %s", cases[i].file);
		if (strncmp(refusal.text, cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("%s, not %s", refusal.text, cases[i].text);
		assert_int_equal(refusal.code, cases[i].code);
	}
}

static void only_the_administrator_applies(void **state)
{
	struct refusal refusal = {};
	struct region nothing;
	struct plan plan;

	region_init(&nothing);
	assert_int_equal(try_plan(&nothing, FILE_OF("", "", ""), &ann, true, &plan, &refusal), -1);
	assert_int_equal(refusal.code, REFUSAL_no_write_access);
}

static void new_interconnects_want_to_be_confirmed(void **state)
{
	struct region nothing, made;
	struct refusal refusal;
	struct wanted wanted;
	struct plan plan;

	region_init(&nothing);
	made = region_of(FILE_OF(CLOUD(1, "") "," CLOUD(2, ""), JOIN("pc1", "pc2"), ""));
	assert_int_equal(
		decode(FILE_OF(CLOUD(1, "") "," CLOUD(2, ""), JOIN("pc1", "pc2"), ""), &wanted,
		       &refusal),
		0
	);
	assert_int_equal(
		plan_make(
			&nothing, &root, &wanted, &(struct plan_options){.prune = true}, &plan,
			&refusal
		),
		-1
	);
	assert_int_equal(refusal.code, REFUSAL_not_confirmed);
	// One that is there has been.
	assert_int_equal(
		plan_make(
			&made, &root, &wanted, &(struct plan_options){.prune = true}, &plan,
			&refusal
		),
		0
	);
	assert_int_equal(plan.n_steps, 0);
	plan_free(&plan);
	wanted_free(&wanted);
	region_free(&made);
}

// Steps

struct change_case {
	const char *promise;
	const char *now, *file;
	bool keep; // do not prune
	const char *lines[8];
	const char *result; // NULL: as the file says
};

#define TWO CLOUD(1, "") "," CLOUD(2, "")
#define THREE TWO "," CLOUD(3, "")

static const struct change_case changes[] = {
	{
		.promise = "the same has nothing to do",
		.now = FILE_OF(THREE, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
		.file = FILE_OF(THREE, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
	},
	{
		.promise = "an interconnect seen from its other end is the same",
		.now = FILE_OF(TWO, JOIN("pc1", "pc2"), ""),
		.file = FILE_OF(TWO, JOIN("pc2", "pc1"), ""),
		.result = FILE_OF(TWO, JOIN("pc1", "pc2"), ""),
	},
	{
		.promise = "from nothing",
		.now = FILE_OF("", "", ""),
		.file = FILE_OF(TWO, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
		.lines =
			{"create cloud pc1: location westeurope, port net_p1",
			 "create cloud pc2: location westeurope, port net_p2",
			 "create interconnect pc1 <-> pc2: named pc2",
			 "create grant uid:5 on pc1: reader"},
	},
	{
		.promise = "to nothing",
		.now = FILE_OF(TWO, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
		.file = FILE_OF("", "", ""),
		.lines =
			{"delete interconnect pc1 <-> pc2: named pc2",
			 "delete cloud pc1: location westeurope, port net_p1",
			 "delete cloud pc2: location westeurope, port net_p2"},
	},
	{
		.promise = "without pruning an empty file has nothing to do",
		.now = FILE_OF(TWO, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
		.file = FILE_OF("", "", ""),
		.keep = true,
		.result = FILE_OF(TWO, JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
	},
	{
		.promise = "MTU, router MAC and segments change in place",
		.now =
			FILE_OF(CLOUD(1, WEB("172.16.1.1/24") ",'router_mac':'02:00:00:00:00:09'"),
				"", ""),
		.file = FILE_OF(CLOUD(1, WEB("172.16.9.1/24") ",'mtu':1400"), "", ""),
		.lines =
			{"change cloud pc1: mtu 1500 -> 1400, router MAC 02:00:00:00:00:09 -> "
			 "learned",
			 "change segment pc1/web: 172.16.1.1/24 -> 172.16.9.1/24"},
	},
	{
		.promise = "segments come and go",
		.now = FILE_OF(CLOUD(1, WEB("172.16.1.1/24")), "", ""),
		.file =
			FILE_OF(CLOUD(1,
				      ",'segments':[{'name':'db','gateway_address':'172.16.1.1/25',"
				      "'routed':false}]"),
				"", ""),
		.lines =
			{"delete segment pc1/web: 172.16.1.1/24",
			 "create segment pc1/db: 172.16.1.1/25, not routed"},
	},
	{
		.promise =
			"a cloud that cannot change in place is re-created, with all that hangs on it",
		.now =
			FILE_OF(THREE, JOIN("pc1", "pc2") "," JOIN("pc2", "pc3"),
				GRANT("uid:5", "pc1", "reader")),
		.file =
			FILE_OF(CLOUD(1, ",'vlan':7") "," CLOUD(2, "") "," CLOUD(3, ""),
				JOIN("pc1", "pc2") "," JOIN("pc2", "pc3"),
				GRANT("uid:5", "pc1", "reader")),
		.lines =
			{"re-create cloud pc1: because of VLAN 0 -> 7",
			 "re-create interconnect pc1 <-> pc2: with its cloud"},
	},
	{
		.promise = "what the file does not name goes along, without pruning",
		.now =
			FILE_OF(CLOUD(1, WEB("172.16.1.1/24")) "," CLOUD(2, ""), JOIN("pc1", "pc2"),
				GRANT("uid:5", "pc1", "reader")),
		.file = FILE_OF(CLOUD(1, ",'vlan':7"), "", ""),
		.keep = true,
		.lines =
			{"re-create cloud pc1: because of VLAN 0 -> 7",
			 "re-create interconnect pc1 <-> pc2: with its cloud"},
		.result =
			FILE_OF(CLOUD(1, ",'vlan':7" WEB("172.16.1.1/24")) "," CLOUD(2, ""),
				JOIN("pc1", "pc2"), GRANT("uid:5", "pc1", "reader")),
	},
	{
		.promise = "another name is another interconnect",
		.now = FILE_OF(TWO, JOIN("pc1", "pc2"), ""),
		.file = FILE_OF(TWO, JOIN_AS("blue", "pc1", "pc2"), ""),
		.lines = {"re-create interconnect pc1 <-> pc2: name pc2 -> blue"},
	},
	{
		.promise = "names may be swapped",
		.now =
			FILE_OF(THREE, JOIN_AS("a", "pc1", "pc2") "," JOIN_AS("b", "pc1", "pc3"),
				""),
		.file =
			FILE_OF(THREE, JOIN_AS("b", "pc1", "pc2") "," JOIN_AS("a", "pc1", "pc3"),
				""),
		.lines =
			{"re-create interconnect pc1 <-> pc2: name a -> b",
			 "re-create interconnect pc1 <-> pc3: name b -> a"},
	},
	{
		.promise = "prefixes may be swapped between peers",
		.now =
			FILE_OF(CLOUD(1, WEB("172.16.1.1/24")) "," CLOUD(2, WEB("172.16.2.1/24")),
				JOIN("pc1", "pc2"), ""),
		.file =
			FILE_OF(CLOUD(1, WEB("172.16.2.1/24")) "," CLOUD(2, WEB("172.16.1.1/24")),
				JOIN("pc1", "pc2"), ""),
		.lines =
			{"change segment pc1/web: 172.16.1.1/24 -> 172.16.2.1/24",
			 "change segment pc2/web: 172.16.2.1/24 -> 172.16.1.1/24"},
	},
	{
		.promise = "grants come, change and go",
		.now =
			FILE_OF(TWO, "",
				GRANT("uid:5", "pc1", "reader") "," GRANT(
					"uid:6", "pc1", "contributor"
				) "," GRANT("uid:7", "pc2", "reader")),
		.file =
			FILE_OF(TWO, "",
				GRANT("uid:5", "pc1", "contributor") "," GRANT(
					"uid:6", "pc1", "contributor"
				) "," GRANT("uid:8", "pc2", "reader")),
		.lines =
			{"change grant uid:5 on pc1: reader -> contributor",
			 "delete grant uid:7 on pc2: reader", "create grant uid:8 on pc2: reader"},
	},
	{
		.promise = "a grant may go with a cloud that stays in another shape",
		.now = FILE_OF(TWO, "", GRANT("uid:5", "pc1", "reader")),
		.file = FILE_OF(CLOUD(1, ",'vlan':7") "," CLOUD(2, ""), "", ""),
		.lines =
			{"re-create cloud pc1: because of VLAN 0 -> 7",
			 "delete grant uid:5 on pc1: reader"},
	},
};

static void assert_region(const struct region *region, const char *file)
{
	struct region expected = region_of(file);
	char *is = normal_of(region), *must_be = normal_of(&expected);

	assert_string_equal(is, must_be);
	free(is);
	free(must_be);
	region_free(&expected);
}

static void each_change_is_the_difference_and_leads_to_the_file(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change_case *one = &changes[i];
		struct region now = region_of(one->now);
		char *before = normal_of(&now), *after;
		struct plan plan;

		print_message("  %s\n", one->promise);
		must_plan(&now, one->file, !one->keep, &plan);
		assert_lines(&plan, one->lines);
		assert_int_equal(plan.n_steps == 0, plan.n_lines == 0);
		assert_region(&plan.next, one->result ? one->result : one->file);
		after = normal_of(&now);
		assert_string_equal(before, after); // nothing was touched
		free(before);
		free(after);
		plan_free(&plan);
		region_free(&now);
	}
}

static void no_id_of_now_is_given_to_something_new(void **state)
{
	struct region now = region_of(FILE_OF(THREE, JOIN("pc1", "pc2"), ""));
	const struct cloud *pc1, *pc3;
	struct plan plan;

	must_plan(
		&now,
		FILE_OF(CLOUD(1, ",'vlan':7") "," CLOUD(3, "") "," CLOUD(4, ""), JOIN("pc1", "pc4"),
			""),
		true, &plan
	);
	pc1 = region_cloud(&plan.next, "pc1");
	pc3 = region_cloud(&plan.next, "pc3");
	assert_int_equal(pc3->id, region_cloud(&now, "pc3")->id);
	for (unsigned i = 0; i < now.n_clouds; i++) {
		assert_int_not_equal(pc1->id, now.clouds[i]->id);
		assert_int_not_equal(region_cloud(&plan.next, "pc4")->id, now.clouds[i]->id);
	}
	assert_int_not_equal(plan.next.interconnects[0]->id, now.interconnects[0]->id);
	plan_free(&plan);
	region_free(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_refused_where_it_stands),
		cmocka_unit_test(only_the_administrator_applies),
		cmocka_unit_test(new_interconnects_want_to_be_confirmed),
		cmocka_unit_test(each_change_is_the_difference_and_leads_to_the_file),
		cmocka_unit_test(no_id_of_now_is_given_to_something_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
