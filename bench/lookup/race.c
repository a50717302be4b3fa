// SPDX-License-Identifier: BSD-3-Clause
#include "race.h"

#include "kit.h"
#include "set.h"

#include <string.h>

#define KEYS 32768

struct entrant {
	const struct structure *structure;
	const char *suffix; // of its name
	const struct keys *keys;
	const struct set *set; // its tables; NULL: see 'cannot'
	char cannot[SET_CANNOT_BYTES]; // why it does not take part
	bool first; // of those whose tables are made alike: they share one set
	unsigned passes; // over all keys in a slice
	unsigned long wrong;
	double *rates; // of each round
};

#define ENTRANTS_MAX (STRUCTURES_MAX + 1)
struct field {
	const struct race *race;
	const struct routes *clouds;
	unsigned n, n_sets;
	struct entrant entrants[ENTRANTS_MAX];
	struct set *sets[ENTRANTS_MAX];
	double *rates; // of all entrants
};

static bool is_reference(const struct structure *structure)
{
	return strcmp(structure->name, REFERENCE_IPV4) == 0 ||
		strcmp(structure->name, REFERENCE_IPV6) == 0;
}

// Entering

static struct entrant *add_entrant(
	struct field *field, const struct structure *structure, const struct keys *keys
)
{
	struct entrant *entrant = &field->entrants[field->n];

	*entrant = (struct entrant){
		.structure = structure,
		.suffix = "",
		.keys = keys,
		.rates = &field->rates[field->n * field->race->rounds],
	};
	field->n++;
	return entrant;
}

static void make_set(struct field *field, struct entrant *entrant, unsigned clouds)
{
	struct set *set = set_make(
		entrant->structure, field->clouds, clouds, entrant->keys, field->race->memory,
		entrant->cannot
	);

	entrant->first = true;
	entrant->set = set;
	if (set)
		field->sets[field->n_sets++] = set;
}

// Its own tables, or those of one before.
static void find_set(struct field *field, struct entrant *entrant)
{
	for (const struct entrant *other = field->entrants; other < entrant; other++)
		if (other->first && other->structure->create == entrant->structure->create) {
			entrant->set = other->set;
			memcpy(entrant->cannot, other->cannot, sizeof(entrant->cannot));
			return;
		}
	make_set(field, entrant, field->race->clouds);
}

static void enter(struct field *field, const struct structure *structure, const struct keys *keys)
{
	struct entrant *entrant = add_entrant(field, structure, keys);

	if (structure->needs)
		snprintf(entrant->cannot, sizeof(entrant->cannot), "%s", structure->needs);
	else if (field->race->order == ORDER_MIXED && !structure->lookup)
		snprintf(entrant->cannot, sizeof(entrant->cannot), "one table a call only");
	else
		find_set(field, entrant);
}

// The reference always takes part, with one cloud where it cannot hold more.
static void enter_reference(struct field *field, const struct keys *keys_of_one)
{
	for (unsigned i = 0; i < field->n; i++) {
		const struct structure *structure = field->entrants[i].structure;

		if (is_reference(structure) && !field->entrants[i].set) {
			struct entrant *entrant = add_entrant(field, structure, keys_of_one);

			entrant->suffix = ", 1 cloud";
			make_set(field, entrant, 1);
			return;
		}
	}
}

// Looking up

static void (*way_of(const struct field *field, const struct entrant *entrant)
)(void *const *, const struct keys *, unsigned, union answers *)
{
	const struct structure *structure = entrant->structure;
	bool same = field->race->order == ORDER_GROUPED || entrant->set->n == 1;

	return same && structure->lookup_same ? structure->lookup_same : structure->lookup;
}

static int choose(const struct entrant *entrant)
{
	int result = 0;

	for (unsigned i = 0; i < entrant->set->n && entrant->structure->choose && result == 0; i++)
		result = entrant->structure->choose(entrant->set->tables[i]);
	return result;
}

static void check(const struct field *field, struct entrant *entrant)
{
	const struct keys *keys = entrant->keys;
	union answers answers;

	for (unsigned at = 0; at < keys->n; at += BURST) {
		memset(&answers, 0xee, sizeof(answers));
		way_of(field, entrant)(entrant->set->of_keys, keys, at, &answers);
		for (unsigned i = 0; i < BURST; i++) {
			unsigned index = keys->answers[at + i];
			const struct route *route =
				&field->clouds[keys->clouds[at + i]].route[index];

			entrant->wrong += !entrant->structure->is_right(&answers, i, route, index);
		}
	}
}

// Seconds of so many passes over all keys.
static double run(const struct field *field, const struct entrant *entrant, unsigned passes)
{
	const struct keys *keys = entrant->keys;
	union answers answers;
	double began = now();

	for (unsigned pass = 0; pass < passes; pass++)
		for (unsigned at = 0; at < keys->n; at += BURST)
			way_of(field, entrant)(entrant->set->of_keys, keys, at, &answers);
	return now() - began;
}

static void prepare(const struct field *field, struct entrant *entrant)
{
	if (choose(entrant) != 0) {
		snprintf(
			entrant->cannot, sizeof(entrant->cannot), "this CPU or EAL has no such way"
		);
		entrant->set = NULL;
		return;
	}
	check(field, entrant);
	entrant->passes = 1 + (unsigned)(field->race->slice / run(field, entrant, 1));
}

static void run_slice(const struct field *field, const struct entrant *entrant, unsigned round)
{
	double lookups = (double)entrant->passes * entrant->keys->n;

	choose(entrant);
	run(field, entrant, 1); // what others left in the caches goes
	entrant->rates[round] = lookups / run(field, entrant, entrant->passes) / 1e6;
}

// Each round begins with another one, so that nobody always follows the same.
static void run_rounds(const struct field *field)
{
	for (unsigned round = 0; round < field->race->rounds; round++)
		for (unsigned i = 0; i < field->n; i++) {
			const struct entrant *entrant = &field->entrants[(i + round) % field->n];

			if (entrant->set)
				run_slice(field, entrant, round);
		}
}

// Telling

static void print_entrant(const struct field *field, const struct entrant *entrant)
{
	printf("{\"name\":\"%s%s\"", entrant->structure->name, entrant->suffix);
	if (!entrant->set) {
		printf(",\"cannot\":\"%s\"}", entrant->cannot);
		return;
	}
	printf(",\"bytes\":%zu,\"create_us\":%.2f", entrant->set->bytes, entrant->set->create_us);
	if (entrant->structure->fill)
		printf(",\"fill_us\":%.2f", entrant->set->fill_us);
	printf(",\"checked\":%u,\"wrong\":%lu,\"rates\":[", entrant->keys->n, entrant->wrong);
	for (unsigned i = 0; i < field->race->rounds; i++)
		printf("%s%.2f", i ? "," : "", entrant->rates[i]);
	printf("]}");
}

static const char *order_name(const struct race *race)
{
	if (race->clouds == 1)
		return "one";
	return race->order == ORDER_MIXED ? "mixed" : "grouped";
}

static void print_race(const struct field *field)
{
	const struct race *race = field->race;

	printf("{\"family\":%d,\"routes\":%u,\"clouds\":%u,\"order\":\"%s\"", race->family,
	       race->routes, race->clouds, order_name(race));
	for (unsigned i = 0; i < field->n; i++)
		if (is_reference(field->entrants[i].structure) && field->entrants[i].set)
			printf(",\"reference\":\"%s%s\"", field->entrants[i].structure->name,
			       field->entrants[i].suffix);
	printf(",\"entrants\":[");
	for (unsigned i = 0; i < field->n; i++) {
		printf("%s\n", i ? "," : "");
		print_entrant(field, &field->entrants[i]);
	}
	printf("]}");
}

// The whole race. Returns how many lookups were answered wrong.
static unsigned long run_field(
	struct field *field, const struct keys *keys, const struct keys *keys_of_one
)
{
	struct structure all[STRUCTURES_MAX];
	unsigned n = structures_all(all);
	unsigned long wrong = 0;

	for (unsigned i = 0; i < n; i++)
		if (all[i].family == field->race->family)
			enter(field, &all[i], keys);
	enter_reference(field, keys_of_one);
	for (unsigned i = 0; i < field->n; i++)
		if (field->entrants[i].set)
			prepare(field, &field->entrants[i]);
	run_rounds(field);
	print_race(field);
	for (unsigned i = 0; i < field->n; i++)
		wrong += field->entrants[i].wrong;
	for (unsigned i = 0; i < field->n_sets; i++)
		set_free(field->sets[i]);
	return wrong;
}

unsigned long race_run(const struct race *race)
{
	struct routes *clouds = take(race->clouds, sizeof(*clouds));
	struct field field = {
		.race = race,
		.clouds = clouds,
		.rates = take((size_t)ENTRANTS_MAX * race->rounds, sizeof(double)),
	};
	struct keys keys, keys_of_one;
	unsigned long wrong;

	for (unsigned i = 0; i < race->clouds; i++)
		clouds[i] = routes_make(race->family, race->routes);
	keys = keys_make(race->family, clouds, race->clouds, race->order, KEYS);
	keys_of_one = keys_make(race->family, clouds, 1, ORDER_MIXED, KEYS);
	wrong = run_field(&field, &keys, &keys_of_one);
	keys_free(&keys);
	keys_free(&keys_of_one);
	for (unsigned i = 0; i < race->clouds; i++)
		routes_free(&clouds[i]);
	free(clouds);
	free(field.rates);
	return wrong;
}
