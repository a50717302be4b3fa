// SPDX-License-Identifier: BSD-3-Clause
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// A prefix, by its first address.
struct span {
	key_t128 first;
	leaf_t leaf;
	uint8_t len;
};

key_t128 addr_key(const struct addr *addr)
{
	key_t128 key = 0;

	for (unsigned i = 0; i < family_bits(addr->family) / 8; i++)
		key = key << 8 | addr->bytes[i];
	return key;
}

static struct span span_of(const struct prefix *prefix, leaf_t leaf)
{
	return (struct span){addr_key(&prefix->addr), leaf, prefix->len};
}

static key_t128 family_end(unsigned bits)
{
	return bits == 128 ? ~(key_t128)0 : ((key_t128)1 << bits) - 1;
}

// The last address of a prefix.
static key_t128 span_end(const struct span *span, unsigned bits)
{
	return span->first + (span->len == bits ? 0 : family_end(bits) >> span->len);
}

// In address order, wider before narrower: what encloses a prefix comes before it.
static bool comes_before(const struct span *a, const struct span *b)
{
	return a->first < b->first || (a->first == b->first && a->len < b->len);
}

// By merging. Equal ones stay in the order given, so that the later one wins; what is in order
// already costs a look. 'spare' has room for half of them.
static void sort(struct span *spans, unsigned n, struct span *spare)
{
	unsigned half = n / 2, left = 0, right = half;

	if (n < 2)
		return;
	sort(spans, half, spare);
	sort(&spans[half], n - half, spare);
	if (!comes_before(&spans[half], &spans[half - 1]))
		return;
	memcpy(spare, spans, half * sizeof(*spans));
	for (unsigned i = 0; left < half; i++)
		spans[i] = right < n && comes_before(&spans[right], &spare[left]) ? spans[right++]
										  : spare[left++];
}

// Begin a range, merging with the one before when it has the same start or the same leaf.
static void range_begin(struct ranges *ranges, key_t128 start, leaf_t leaf)
{
	if (ranges->n > 0 && ranges->range[ranges->n - 1].start == start)
		ranges->n--;
	if (ranges->n > 0 && ranges->range[ranges->n - 1].leaf == leaf)
		return;
	ranges->range[ranges->n++] = (struct range){start, leaf};
}

struct open_prefix {
	key_t128 last; // last address of the prefix
	leaf_t leaf;
};

// Flatten the routes of one family (n, sorted) to disjoint ranges that cover everything.
// 'ranges' has room for 2 * n + 1.
static void flatten(struct ranges *ranges, const struct span *routes, unsigned n, unsigned bits)
{
	key_t128 end = family_end(bits);
	struct open_prefix open[130] = {{end, LEAF_NONE}}; // nested prefixes, the root below all
	unsigned depth = 1;

	range_begin(ranges, 0, LEAF_NONE);
	for (unsigned i = 0; i < n; i++) {
		const struct span *route = &routes[i];

		// Close what ends before this prefix: the range goes back to what encloses it.
		while (open[depth - 1].last < route->first) {
			depth--;
			range_begin(ranges, open[depth].last + 1, open[depth - 1].leaf);
		}
		// An equal prefix is replaced, not nested.
		if (i > 0 && !comes_before(&routes[i - 1], route))
			depth--;
		open[depth++] = (struct open_prefix){span_end(route, bits), route->leaf};
		range_begin(ranges, route->first, route->leaf);
	}
	while (depth > 1) {
		depth--;
		if (open[depth].last < end)
			range_begin(ranges, open[depth].last + 1, open[depth - 1].leaf);
	}
}

// Find nothing in the holes (n, of one family, sorted). 'whole' covers everything; 'ranges' has
// room for 2 * n more.
static void cut_holes(
	struct ranges *ranges, const struct ranges *whole, const struct span *holes, unsigned n,
	unsigned bits
)
{
	unsigned hole = 0;

	for (unsigned i = 0; i < whole->n; i++) {
		const struct range *range = &whole->range[i];
		key_t128 next = i + 1 < whole->n ? range[1].start : 0; // 0: beyond everything
		key_t128 last = next - 1;
		key_t128 at = range->start;

		if (next == 0)
			last = family_end(bits);
		range_begin(ranges, at, range->leaf);
		while (hole < n && holes[hole].first <= last) {
			key_t128 first = holes[hole].first, end = span_end(&holes[hole], bits);

			if (end >= at)
				range_begin(ranges, first > at ? first : at, LEAF_NONE);
			if (end >= last)
				break; // it may go on in the next range
			if (end >= at) {
				at = end + 1;
				range_begin(ranges, at, range->leaf);
			}
			hole++;
		}
	}
}

// Room for what is made on the way, one family after the other.
struct draft {
	struct span *routes, *holes, *spare;
	struct range *whole;
};

static void make_ranges(
	const struct draft *draft, struct ranges *ranges, enum family family,
	const struct route *routes, unsigned n, const struct prefix *holes, unsigned n_holes
)
{
	unsigned bits = family_bits(family), n_spans = 0, n_hole_spans = 0;
	struct ranges whole = {.range = draft->whole};

	for (unsigned i = 0; i < n; i++)
		if (routes[i].prefix.addr.family == family)
			draft->routes[n_spans++] = span_of(&routes[i].prefix, routes[i].leaf);
	for (unsigned i = 0; i < n_holes; i++)
		if (holes[i].addr.family == family)
			draft->holes[n_hole_spans++] = span_of(&holes[i], LEAF_NONE);
	sort(draft->routes, n_spans, draft->spare);
	sort(draft->holes, n_hole_spans, draft->spare);
	flatten(&whole, draft->routes, n_spans, bits);
	cut_holes(ranges, &whole, draft->holes, n_hole_spans, bits);
}

int ranges_make(
	struct ranges ranges[static FAMILIES], const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
)
{
	size_t most = (size_t)n + n_holes + 1;
	struct span *spans = malloc(3 * most * sizeof(*spans));
	struct range *whole = malloc(2 * most * sizeof(*whole));
	int result = -ENOMEM;

	ranges[0] = (struct ranges){.range = malloc(2 * most * sizeof(struct range))};
	ranges[1] = (struct ranges){.range = malloc(2 * most * sizeof(struct range))};
	if (spans && whole && ranges[0].range && ranges[1].range) {
		struct draft draft = {spans, spans + most, spans + 2 * most, whole};

		make_ranges(&draft, &ranges[0], FAMILY_IPV4, routes, n, holes, n_holes);
		make_ranges(&draft, &ranges[1], FAMILY_IPV6, routes, n, holes, n_holes);
		result = 0;
	}
	free(spans);
	free(whole);
	return result;
}

void ranges_free(struct ranges ranges[static FAMILIES])
{
	for (unsigned i = 0; i < FAMILIES; i++)
		free(ranges[i].range);
}
