// SPDX-License-Identifier: BSD-3-Clause
#include "routes.h"

#include "dataplane/martian.h"
#include "kit.h"

#include <string.h>

#define OWN_ROUTES 4 // a network block and a few segments

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = seed;
}

// splitmix64
uint64_t random64(void)
{
	uint64_t mixed = state += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return mixed ^ mixed >> 31;
}

static unsigned random_below(unsigned n)
{
	return (unsigned)(random64() % n);
}

// The first bits of 'prefix', the others at random.
static struct addr random_addr(const struct prefix *prefix)
{
	struct addr addr = prefix->addr;

	for (unsigned i = 0; i < family_bits(addr.family) / 8; i++) {
		unsigned kept = prefix->len > 8 * i ? prefix->len - 8 * i : 0;

		if (kept < 8)
			addr.bytes[i] |= (uint8_t)(random_below(256) & 0xff >> kept);
	}
	return addr;
}

static bool is_martian(const struct prefix *prefix)
{
	for (unsigned i = 0; i < MARTIANS; i++)
		if (prefix_overlaps(&martians[i].network, prefix))
			return true;
	return false;
}

static struct prefix random_prefix(enum family family)
{
	const struct prefix any = {.addr.family = (uint8_t)family};
	struct prefix prefix;

	do {
		prefix.addr = random_addr(&any);
		if (family == FAMILY_IPV6)
			prefix.addr.bytes[0] = 0xfd; // unique local (RFC 4193)
		prefix.len = (uint8_t
		)(family == FAMILY_IPV6 ? 40 + random_below(25) : 20 + random_below(9));
		prefix = prefix_network(&prefix);
	} while (is_martian(&prefix));
	return prefix;
}

static bool is_among(const struct routes *routes, const struct prefix *prefix)
{
	for (unsigned i = 0; i < routes->n; i++)
		if (prefix_equal(&routes->route[i].prefix, prefix))
			return true;
	return false;
}

struct routes routes_make(enum family family, unsigned n)
{
	struct routes routes = {.route = take(n, sizeof(*routes.route))};

	while (routes.n < n) {
		struct prefix prefix = random_prefix(family);
		// Each its own leaf: no two ranges merge.
		leaf_t leaf = routes.n < OWN_ROUTES ? leaf_local(1) : leaf_via(2, routes.n);

		if (!is_among(&routes, &prefix))
			routes.route[routes.n++] = (struct route){prefix, leaf};
	}
	return routes;
}

void routes_free(struct routes *routes)
{
	free(routes->route);
}

static uint64_t half_of(const struct addr *addr, unsigned at)
{
	uint64_t half = 0;

	for (unsigned i = at; i < at + 8; i++)
		half = half << 8 | addr->bytes[i];
	return half;
}

// A prefix as the first and last of the addresses that it holds.
struct span {
	unsigned __int128 first, last;
	unsigned len;
};

static unsigned __int128 number_of(const struct addr *addr)
{
	return (unsigned __int128)half_of(addr, 0) << 64 | half_of(addr, 8);
}

static struct span *spans_make(const struct routes *routes)
{
	struct span *spans = take(routes->n, sizeof(*spans));

	for (unsigned i = 0; i < routes->n; i++) {
		const struct prefix *prefix = &routes->route[i].prefix;
		unsigned __int128 first = number_of(&prefix->addr);

		spans[i] = (struct span
		){first, first | ~(unsigned __int128)0 >> prefix->len, prefix->len};
	}
	return spans;
}

static unsigned longest(const struct span *spans, unsigned n, const struct addr *addr)
{
	unsigned __int128 number = number_of(addr);
	unsigned best = n;

	for (unsigned i = 0; i < n; i++)
		if (spans[i].first <= number && number <= spans[i].last &&
		    (best == n || spans[i].len > spans[best].len))
			best = i;
	return best;
}

struct keys keys_make(
	enum family family, const struct routes *clouds, unsigned n_clouds, enum order order,
	unsigned n
)
{
	struct keys keys = {
		.n = n,
		.clouds = take(n, sizeof(*keys.clouds)),
		.answers = take(n, sizeof(*keys.answers)),
		.ipv4 = take(n, sizeof(*keys.ipv4)),
		.uppers = take(n, sizeof(*keys.uppers)),
		.lowers = take(n, sizeof(*keys.lowers)),
		.ipv6 = take(n, sizeof(*keys.ipv6)),
	};
	struct span **spans = take(n_clouds, sizeof(struct span *));

	for (unsigned i = 0; i < n_clouds; i++)
		spans[i] = spans_make(&clouds[i]);
	for (unsigned i = 0; i < n; i++) {
		bool anew = order == ORDER_MIXED || i % BURST == 0;
		unsigned cloud = anew ? random_below(n_clouds) : keys.clouds[i - 1];
		const struct routes *routes = &clouds[cloud];
		struct addr addr = random_addr(&routes->route[random_below(routes->n)].prefix);

		keys.clouds[i] = (uint16_t)cloud;
		keys.answers[i] = longest(spans[cloud], routes->n, &addr);
		keys.ipv4[i] = family == FAMILY_IPV4 ? addr_ipv4(&addr) : 0;
		keys.uppers[i] = half_of(&addr, 0);
		keys.lowers[i] = half_of(&addr, 8);
		memcpy(keys.ipv6[i], addr.bytes, sizeof(addr.bytes));
	}
	for (unsigned i = 0; i < n_clouds; i++)
		free(spans[i]);
	free(spans);
	return keys;
}

void keys_free(struct keys *keys)
{
	free(keys->clouds);
	free(keys->answers);
	free(keys->ipv4);
	free(keys->uppers);
	free(keys->lowers);
	free(keys->ipv6);
}
