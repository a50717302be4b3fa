// SPDX-License-Identifier: BSD-3-Clause
// Applying a region, whole: rules, a real store, real tables and ports of DPDK. Random regions
// follow each other, and each must be what the file says: in memory, in the store, in the tables.
#include "control_kit.h"

#include "control/apply.h"
#include "control/json.h"
#include "region_text.h"

#define CLOUDS 8
#define SEGMENTS 3
#define PORTS 2
#define USERS 3

// A generator that gives the same numbers everywhere (splitmix64). T0X_SEED chooses others.
static uint64_t random_state = 20261123;

static uint64_t random64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random64() % n);
}

// The model: whatever its members are, it is a region that may be.

struct model_segment {
	bool exists, routed;
	unsigned variant; // of the address
};

struct model_cloud {
	bool exists, elsewhere, has_mac;
	unsigned port, vlan, transit, block, mtu;
	struct model_segment segments[SEGMENTS];
	unsigned roles[USERS];
};

struct model {
	struct model_cloud clouds[CLOUDS];
	unsigned joined[CLOUDS][CLOUDS]; // for a < b; 0: not, 1: default name, 2...: another
	bool mirrored[CLOUDS][CLOUDS];
	unsigned devargs[PORTS]; // variant
};

static void swap(unsigned *a, unsigned *b)
{
	unsigned was = *a;

	*a = *b;
	*b = was;
}

static void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	for (unsigned i = 0; i < CLOUDS; i++) {
		model->clouds[i].vlan = 10 + i;
		model->clouds[i].transit = i;
		model->clouds[i].mtu = MTU_DEFAULT;
	}
}

static void edit_cloud(struct model *model, unsigned i)
{
	struct model_cloud *cloud = &model->clouds[i];
	struct model_cloud *other = &model->clouds[below(CLOUDS)];

	switch (below(12)) {
	case 0:
	case 1:
		cloud->exists = !cloud->exists;
		break;
	case 2:
		cloud->elsewhere = below(4) == 0;
		break;
	case 3:
		cloud->has_mac = !cloud->has_mac;
		break;
	case 4:
		cloud->port = below(PORTS);
		break;
	case 5:
		swap(&cloud->vlan, &other->vlan);
		break;
	case 6:
		swap(&cloud->transit, &other->transit);
		break;
	case 7:
		cloud->block = below(2);
		break;
	case 8:
		cloud->mtu = 1400 + 50 * below(3);
		break;
	case 9:
		cloud->roles[below(USERS)] = below(3);
		break;
	default:
		cloud->segments[below(SEGMENTS)] =
			(struct model_segment){below(3) > 0, below(4) > 0, below(2)};
	}
}

static void edit(struct model *model)
{
	unsigned a = below(CLOUDS), b = below(CLOUDS);

	switch (below(8)) {
	case 0:
		model->devargs[below(PORTS)] = below(2);
		break;
	case 1:
	case 2:
	case 3:
		if (a < b) {
			model->joined[a][b] = below(4);
			model->mirrored[a][b] = below(2);
		}
		break;
	default:
		edit_cloud(model, a);
	}
}

// The region that a model stands for

__attribute__((format(printf, 1, 2))) static json_t *textf(const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_string(text);
}

static json_t *segments_of(const struct model_cloud *cloud, unsigned i)
{
	json_t *list = json_array();

	for (unsigned s = 0; s < SEGMENTS; s++) {
		const struct model_segment *segment = &cloud->segments[s];

		if (segment->exists)
			json_array_append_new(
				list,
				json_pack(
					"{s:o, s:[o], s:b}", "name", textf("s%u", s),
					"gateway_address",
					textf("172.16.%u.1/24", 16 * i + 2 * s + segment->variant),
					"routed", (int)segment->routed
				)
			);
	}
	return list;
}

static json_t *cloud_of(const struct model *model, unsigned i)
{
	const struct model_cloud *cloud = &model->clouds[i];
	json_t *object = json_pack(
		"{s:o, s:s, s:o, s:i, s:[o], s:[o], s:[o], s:i, s:o}", "name", textf("pc%u", i),
		"location", cloud->elsewhere ? "northeurope" : "westeurope", "port",
		textf("net_null%u%s", cloud->port, model->devargs[cloud->port] ? ",size=96" : ""),
		"vlan", (int)cloud->vlan, "gateway",
		textf("169.254.1.%u/30", 4 * cloud->transit + 1), "router",
		textf("169.254.1.%u", 4 * cloud->transit + 2), "network_block",
		textf("10.%u.0.0/22", 2 * i + cloud->block), "mtu", (int)cloud->mtu, "segments",
		segments_of(cloud, i)
	);

	if (cloud->has_mac)
		json_object_set_new(object, "router_mac", textf("02:00:00:00:00:%02x", i));
	return object;
}

static bool is_joined(const struct model *model, unsigned a, unsigned b)
{
	const struct model_cloud *one = &model->clouds[a], *other = &model->clouds[b];

	if (a > b)
		return is_joined(model, b, a);
	return a != b && model->joined[a][b] && one->exists && other->exists &&
		one->elsewhere == other->elsewhere;
}

static json_t *interconnects_of(const struct model *model)
{
	json_t *list = json_array();

	for (unsigned a = 0; a < CLOUDS; a++) {
		for (unsigned b = a + 1; b < CLOUDS; b++) {
			bool mirrored = model->mirrored[a][b];
			unsigned from = mirrored ? b : a, to = mirrored ? a : b;
			json_t *one;

			if (!is_joined(model, a, b))
				continue;
			one = json_pack(
				"{s:o, s:o}", "cloud", textf("pc%u", from), "peer",
				textf("pc%u", to)
			);
			if (model->joined[a][b] > 1)
				json_object_set_new(
					one, "name", textf("n%u-%u-%u", a, b, model->joined[a][b])
				);
			json_array_append_new(list, one);
		}
	}
	return list;
}

static json_t *grants_of(const struct model *model)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CLOUDS; i++)
		for (unsigned user = 0; user < USERS; user++)
			if (model->clouds[i].exists && model->clouds[i].roles[user])
				json_array_append_new(
					list,
					json_pack(
						"{s:o, s:o, s:s}", "principal",
						textf("uid:%u", 1000 + user), "cloud",
						textf("pc%u", i), "role",
						role_name(model->clouds[i].roles[user])
					)
				);
	return list;
}

static json_t *file_of(const struct model *model)
{
	json_t *clouds = json_array();

	for (unsigned i = 0; i < CLOUDS; i++)
		if (model->clouds[i].exists)
			json_array_append_new(clouds, cloud_of(model, i));
	return json_pack(
		"{s:i, s:o, s:o, s:o}", "version", 1, "clouds", clouds, "interconnects",
		interconnects_of(model), "grants", grants_of(model)
	);
}

// Applying

static json_t *lines; // what the last apply did

static void take_plan(const struct refusal *refusal, const struct plan *plan, void *arg)
{
	json_decref(lines);
	lines = json_array();
	for (unsigned i = 0; plan && i < plan->n_lines; i++)
		json_array_append_new(lines, json_string(plan->lines[i].action));
	take_answer(refusal, arg);
}

static enum refusal_code apply(json_t *file, bool dry_run)
{
	struct answer answer = {};
	struct apply_request request = {
		.options = {.prune = true, .confirmed = true},
		.dry_run = dry_run,
		.done = take_plan,
		.arg = &answer,
	};

	if (wanted_from_json(file, &request.wanted, &answer.refusal) < 0)
		fail_msg("%s", answer.refusal.text);
	apply_region(&control, &root, &request);
	return wait_answer(&answer);
}

static void must_apply(json_t *file)
{
	assert_int_equal(apply(file, false), REFUSAL_none);
}

static void apply_nothing(void)
{
	json_t *nothing = json_pack("{s:i}", "version", 1);

	must_apply(nothing);
	json_decref(nothing);
	settle();
	assert_int_equal(control.region.n_clouds, 0);
}

// The region, in memory and in the store

static void assert_region_is(json_t *file)
{
	char *expected = normal(file), *is = normal_of(&control.region), *stored;
	struct region reloaded;

	assert_string_equal(is, expected);
	region_init(&reloaded);
	assert_int_equal(store_load(control.store, &reloaded), 0);
	stored = normal_of(&reloaded);
	assert_string_equal(stored, expected);
	for (unsigned i = 0; i < reloaded.n_interconnects; i++) {
		assert_int_equal(reloaded.interconnects[i]->phase, PHASE_ACTIVE);
		assert_int_equal(control.region.interconnects[i]->phase, PHASE_ACTIVE);
	}
	region_free(&reloaded);
	free(expected);
	free(is);
	free(stored);
}

// Which cloud of the model an address leads to from another, by the tables; -1: none.
static int leads_to(unsigned from, uint32_t address)
{
	char name[NAME_SIZE];
	const struct cloud *cloud, *found;
	leaf_t leaf;

	snprintf(name, sizeof(name), "pc%u", from);
	cloud = region_cloud(&control.region, name);
	leaf = table_lookup_ipv4(exchange.clouds[cloud->id].table, address);
	if (leaf == LEAF_NONE)
		return -1;
	found = region_cloud_by_id(&control.region, leaf_cloud(leaf));
	assert_non_null(found); // and no cloud that has left
	return atoi(found->name + 2);
}

static void assert_leads(
	const struct model *model, unsigned from, unsigned to, uint32_t address, bool there
)
{
	bool reached =
		there && model->clouds[to].exists && (from == to || is_joined(model, from, to));

	if (model->clouds[from].exists)
		assert_int_equal(leads_to(from, address), reached ? (int)to : -1);
}

// Every address that any model may have, from every cloud.
static void assert_tables_are(const struct model *model)
{
	for (unsigned from = 0; from < CLOUDS; from++) {
		for (unsigned to = 0; to < CLOUDS; to++) {
			const struct model_cloud *cloud = &model->clouds[to];

			for (unsigned v = 0; v < 2; v++)
				assert_leads(
					model, from, to, 10u << 24 | (2 * to + v) << 16 | 9,
					cloud->block == v
				);
			for (unsigned s = 0; s < 2 * SEGMENTS; s++) {
				const struct model_segment *segment = &cloud->segments[s / 2];

				assert_leads(
					model, from, to, 0xac100009u | (16 * to + s) << 8,
					segment->exists && segment->routed &&
						segment->variant == s % 2
				);
			}
		}
	}
}

// Every port of the model leads the VLANs of its clouds to them, and no other.
static void assert_ports_are(const struct model *model)
{
	unsigned attached = 0, tagged = 0;

	for (unsigned i = 0; i < control.region.n_clouds; i++) {
		const struct cloud *cloud = control.region.clouds[i];
		const struct port_map *map = exchange.ports[cloud->live.port_id];

		assert_true(cloud->live.port_attached);
		assert_int_equal(map->clouds[cloud->vlan], cloud->id);
		assert_non_null(exchange.ingresses[cloud->id]);
		attached++;
	}
	for (unsigned port = 0; port < RTE_MAX_ETHPORTS; port++)
		for (unsigned vlan = 0; exchange.ports[port] && vlan < VLAN_IDS; vlan++)
			tagged += exchange.ports[port]->clouds[vlan] != 0;
	assert_int_equal(attached, tagged);
	for (unsigned id = 1; id <= CLOUD_ID_MAX; id++)
		if (exchange.clouds[id].table || exchange.ingresses[id] ||
		    exchange.clouds[id].egress)
			assert_non_null(region_cloud_by_id(&control.region, (uint16_t)id));
}

static unsigned rounds(void)
{
	const char *text = getenv("T0X_ROUNDS");

	return text ? (unsigned)strtoul(text, NULL, 0) : 1000;
}

static void edits_one_after_the_other_end_where_a_fresh_apply_of_the_last_does(void **state)
{
	struct model model;
	json_t *file = NULL;
	char *at_end, *fresh;

	model_init(&model);
	for (unsigned i = 0; i < rounds(); i++) {
		for (unsigned n = 1 + below(4); n > 0; n--)
			edit(&model);
		json_decref(file);
		file = file_of(&model);
		must_apply(file);
		assert_tables_are(&model);
		if (i % 16 == 0) {
			assert_region_is(file);
			settle();
			assert_ports_are(&model);
			assert_int_equal(apply(file, true), REFUSAL_none);
			assert_int_equal(json_array_size(lines), 0); // nothing to do
		}
	}
	assert_region_is(file);
	at_end = normal_of(&control.region);

	apply_nothing();
	must_apply(file);
	assert_region_is(file);
	assert_tables_are(&model);
	fresh = normal_of(&control.region);
	assert_string_equal(at_end, fresh);
	free(at_end);
	free(fresh);
	json_decref(file);
	apply_nothing();
}

static struct model full_model(void)
{
	struct model model;

	model_init(&model);
	for (unsigned i = 0; i < CLOUDS; i++) {
		model.clouds[i].exists = true;
		model.clouds[i].port = i % PORTS;
		model.clouds[i].segments[0] = (struct model_segment){true, true, 0};
		for (unsigned j = i + 1; j < CLOUDS; j++)
			model.joined[i][j] = 1;
	}
	return model;
}

static void a_dry_run_changes_nothing(void **state)
{
	struct model model = full_model();
	json_t *file = file_of(&model), *less;

	must_apply(file);
	model.clouds[3].exists = false;
	model.clouds[4].vlan = 99;
	less = file_of(&model);
	assert_int_equal(apply(less, true), REFUSAL_none);
	assert_true(json_array_size(lines) > 3);
	assert_region_is(file);
	json_decref(file);
	json_decref(less);
	apply_nothing();
}

// At every write of the transaction and at its commit.
static void a_disk_that_fails_changes_nothing(void **state)
{
	struct model before = full_model(), after = full_model();
	json_t *file, *next;
	unsigned writes = 0;

	after.clouds[1].exists = false;
	after.clouds[2].vlan = 99;
	after.clouds[3].mtu = 1400;
	after.clouds[4].segments[0].variant = 1;
	after.clouds[5].roles[0] = ROLE_READER;
	before.clouds[1].port = before.clouds[3].port = 0;
	file = file_of(&before);
	next = file_of(&after);
	must_apply(file);
	for (;; writes++) {
		enum refusal_code code;

		store_inject_failure(control.store, (int)writes);
		code = apply(next, false);
		store_inject_failure(control.store, -1);
		settle();
		if (code == REFUSAL_none)
			break;
		assert_int_equal(code, REFUSAL_store_failed);
		assert_region_is(file);
		assert_tables_are(&before);
		assert_ports_are(&before);
	}
	assert_true(writes > 20);
	assert_region_is(next);
	assert_tables_are(&after);
	assert_ports_are(&after);
	json_decref(file);
	json_decref(next);
	apply_nothing();
}

static void a_port_that_does_not_exist_changes_nothing(void **state)
{
	struct model model = full_model();
	json_t *file, *next, *clouds;

	model.clouds[7].exists = false;
	model.clouds[6].exists = false;
	file = file_of(&model);
	must_apply(file);
	model.clouds[7].exists = true;
	model.clouds[6].exists = true;
	model.clouds[0].exists = false;
	next = file_of(&model);
	clouds = json_object_get(next, "clouds");
	json_object_set_new(
		json_array_get(clouds, json_array_size(clouds) - 1), "port",
		json_string("net_nonsense0,iface=nowhere")
	);
	assert_int_equal(apply(next, false), REFUSAL_port_failed);
	settle();
	assert_region_is(file);
	model.clouds[7].exists = model.clouds[6].exists = false;
	model.clouds[0].exists = true;
	assert_tables_are(&model);
	assert_ports_are(&model);
	json_decref(file);
	json_decref(next);
	apply_nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_one_after_the_other_end_where_a_fresh_apply_of_the_last_does
		),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_disk_that_fails_changes_nothing),
		cmocka_unit_test(a_port_that_does_not_exist_changes_nothing),
	};
	int failed;

	if (getenv("T0X_SEED"))
		random_state = strtoull(getenv("T0X_SEED"), NULL, 0);
	failed = cmocka_run_group_tests(tests, start, stop);
	json_decref(lines);
	return failed;
}
