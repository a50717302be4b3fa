// SPDX-License-Identifier: BSD-3-Clause
// The routes of each cloud in the kernel, changed one at a time.
//
// An LPM trie cannot be swapped as a whole without a table for each cloud. So a change goes in
// three steps, after each of which every address leads where it led before, where it is to lead, or
// nowhere: what the new routes do not say is overwritten with LEAF_NONE, which also hides what
// shorter prefixes would say; what they say is added, the longest prefixes first; and then what was
// overwritten is removed.
#include "guard_internal.h"

#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

union route_key {
	struct guard_route4_key ipv4;
	struct guard_route6_key ipv6;
};

static int trie_of(const struct guard *guard, const struct prefix *prefix)
{
	return guard_fd(
		prefix->addr.family == FAMILY_IPV6 ? guard->shared->maps.routes6
						   : guard->shared->maps.routes4
	);
}

static union route_key key_of(uint16_t cloud, const struct prefix *prefix)
{
	union route_key key = {};

	if (prefix->addr.family == FAMILY_IPV6) {
		key.ipv6.prefixlen = GUARD_CLOUD_PREFIX + prefix->len;
		key.ipv6.cloud = htobe32(cloud);
		memcpy(key.ipv6.addr, prefix->addr.bytes, sizeof(key.ipv6.addr));
	} else {
		key.ipv4.prefixlen = GUARD_CLOUD_PREFIX + prefix->len;
		key.ipv4.cloud = htobe32(cloud);
		memcpy(&key.ipv4.addr, prefix->addr.bytes, sizeof(key.ipv4.addr));
	}
	return key;
}

static int write_route(
	struct guard *guard, uint16_t cloud, const struct prefix *prefix, guard_leaf leaf
)
{
	union route_key key = key_of(cloud, prefix);

	guard->touched = true;
	return bpf_map_update_elem(trie_of(guard, prefix), &key, &leaf, BPF_ANY) == 0 ? 0 : -errno;
}

static int remove_route(struct guard *guard, uint16_t cloud, const struct prefix *prefix)
{
	union route_key key = key_of(cloud, prefix);

	guard->touched = true;
	return bpf_map_delete_elem(trie_of(guard, prefix), &key) == 0 || errno == ENOENT ? 0
											 : -errno;
}

// Lists, sorted by prefix

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(
		&((const struct route *)a)->prefix, &((const struct route *)b)->prefix
	);
}

static int shortest_first(const void *a, const void *b)
{
	const struct route *one = a, *other = b;

	return one->prefix.len != other->prefix.len ? one->prefix.len - other->prefix.len
						    : by_prefix(a, b);
}

static struct route *find(const struct guard_routes *list, const struct prefix *prefix)
{
	const struct route wanted = {.prefix = *prefix};

	return list->n == 0 ? NULL
			    : bsearch(&wanted, list->route, list->n, sizeof(wanted), by_prefix);
}

static bool is_in_hole(const struct prefix *prefix, const struct prefix *holes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (holes[i].len <= prefix->len && prefix_contains(&holes[i], &prefix->addr))
			return true;
	return false;
}

// All that the kernel is to hold. The region has seen to it that no two routes of a cloud are of
// one prefix.
static int want(
	struct guard_routes *wanted, const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
)
{
	wanted->n = 0;
	wanted->route = malloc((n + n_holes + 1) * sizeof(struct route));
	if (wanted->route == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n_holes; i++)
		wanted->route[wanted->n++] = (struct route){holes[i], LEAF_NONE};
	qsort(wanted->route, wanted->n, sizeof(struct route), by_prefix);

	unsigned distinct = 0;

	for (unsigned i = 0; i < wanted->n; i++)
		if (distinct == 0 || by_prefix(&wanted->route[distinct - 1], &wanted->route[i]))
			wanted->route[distinct++] = wanted->route[i];
	wanted->n = distinct;
	for (unsigned i = 0; i < n; i++)
		if (!is_in_hole(&routes[i].prefix, holes, n_holes))
			wanted->route[wanted->n++] = routes[i];
	qsort(wanted->route, wanted->n, sizeof(struct route), by_prefix);
	return 0;
}

// Steps

static void close_route(struct guard *guard, uint16_t cloud, struct route *route)
{
	int code = write_route(guard, cloud, &route->prefix, LEAF_NONE);

	if (code < 0) {
		// To overwrite one takes memory. To take the cloud off its ports takes none.
		fprintf(stderr,
			"t0xd: the kernel has no memory to close a route (%s): the cloud is closed, "
			"and t0xd ends\n",
			strerror(-code));
		guard_remove_ports_of(guard, cloud);
		abort();
	}
	route->leaf = LEAF_NONE;
}

void guard_close_routes(
	struct guard *guard, uint16_t cloud, const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
)
{
	struct guard_routes *now = &guard->routes[cloud];
	struct guard_routes wanted;

	if (want(&wanted, routes, n, holes, n_holes) < 0)
		abort();
	for (unsigned i = 0; i < now->n; i++) {
		const struct route *next = find(&wanted, &now->route[i].prefix);

		if (now->route[i].leaf != LEAF_NONE &&
		    (next == NULL || next->leaf != now->route[i].leaf))
			close_route(guard, cloud, &now->route[i]);
	}
	free(wanted.route);
}

// Adds what 'now' lacks of 'wanted', which is sorted shortest first. 'made' holds what the kernel
// then has: all of it, or on failure a part.
static int add_routes(
	struct guard *guard, uint16_t cloud, const struct guard_routes *wanted,
	struct guard_routes *made
)
{
	const struct guard_routes *now = &guard->routes[cloud];

	for (unsigned i = wanted->n; i-- > 0;) {
		const struct route *route = &wanted->route[i];
		const struct route *before = find(now, &route->prefix);
		int code = 0;

		if (before == NULL || before->leaf != route->leaf)
			code = write_route(guard, cloud, &route->prefix, route->leaf);
		if (code < 0)
			return code;
		made->route[made->n++] = *route;
	}
	return 0;
}

// What 'now' has and 'made' has not: closed by guard_close_routes(), or of no use since a failure.
static void remove_rest(struct guard *guard, uint16_t cloud, struct guard_routes *made)
{
	const struct guard_routes *now = &guard->routes[cloud];
	unsigned n = made->n;

	for (unsigned i = 0; i < now->n; i++) {
		const struct guard_routes sorted = {made->route, n};

		if (find(&sorted, &now->route[i].prefix) == NULL &&
		    remove_route(guard, cloud, &now->route[i].prefix) < 0)
			made->route[made->n++] = now->route[i]; // closed it stays
	}
	qsort(made->route, made->n, sizeof(struct route), by_prefix);
}

int guard_open_routes(
	struct guard *guard, uint16_t cloud, const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
)
{
	struct guard_routes *now = &guard->routes[cloud];
	struct guard_routes wanted, made = {};
	int code = want(&wanted, routes, n, holes, n_holes);

	if (code < 0)
		return guard_fail(code, "no memory for the routes of the guard");
	made.route = malloc((wanted.n + now->n + 1) * sizeof(struct route));
	if (made.route == NULL) {
		free(wanted.route);
		return guard_fail(-ENOMEM, "no memory for the routes of the guard");
	}
	qsort(wanted.route, wanted.n, sizeof(struct route), shortest_first);
	code = add_routes(guard, cloud, &wanted, &made);
	if (code < 0) {
		// What is there and was not reached stays as it is: it is in 'wanted', or closed.
		guard_fail(code, "the guard takes no more routes: %s", strerror(-code));
		qsort(made.route, made.n, sizeof(struct route), by_prefix);

		const struct guard_routes sorted = {made.route, made.n};

		for (unsigned i = 0; i < now->n; i++)
			if (find(&sorted, &now->route[i].prefix) == NULL)
				made.route[made.n++] = now->route[i];
		qsort(made.route, made.n, sizeof(struct route), by_prefix);
	} else {
		qsort(made.route, made.n, sizeof(struct route), by_prefix);
		remove_rest(guard, cloud, &made);
	}
	free(wanted.route);
	free(now->route);
	*now = made;
	return code;
}

// What an earlier process left

static int adopt_route(
	struct guard *guard, uint32_t cloud, const struct prefix *prefix, guard_leaf leaf
)
{
	struct guard_routes *routes;
	struct route *more;

	if (cloud > GUARD_CLOUD_MAX)
		return 0;
	routes = &guard->routes[cloud];
	if ((routes->n & (routes->n - 1)) == 0) { // room for a power of two
		more = realloc(routes->route, (routes->n ? 2 * routes->n : 1) * sizeof(*more));
		if (more == NULL)
			return guard_fail(-ENOMEM, "no memory for the routes of the guard");
		routes->route = more;
	}
	routes->route[routes->n++] = (struct route){*prefix, leaf};
	return 0;
}

// Only at the end there is no next one: a route that was passed over would never be closed.
static bool next_route(int trie, const void *last, void *next, int *code)
{
	if (bpf_map_get_next_key(trie, last, next) == 0)
		return true;
	if (errno != ENOENT)
		*code = guard_fail(
			-errno, "the guard's routes cannot be read: %s", strerror(errno)
		);
	return false;
}

static int adopt4(struct guard *guard)
{
	int trie = guard_fd(guard->shared->maps.routes4);
	struct guard_route4_key key, *last = NULL, next;
	int code = 0;

	for (; code == 0 && next_route(trie, last, &next, &code); last = &key) {
		struct prefix prefix = {.addr.family = FAMILY_IPV4};
		guard_leaf leaf;

		key = next;
		prefix.len = (uint8_t)(key.prefixlen - GUARD_CLOUD_PREFIX);
		memcpy(prefix.addr.bytes, &key.addr, sizeof(key.addr));
		if (bpf_map_lookup_elem(trie, &key, &leaf) == 0)
			code = adopt_route(guard, be32toh(key.cloud), &prefix, leaf);
	}
	return code;
}

static int adopt6(struct guard *guard)
{
	int trie = guard_fd(guard->shared->maps.routes6);
	struct guard_route6_key key, *last = NULL, next;
	int code = 0;

	for (; code == 0 && next_route(trie, last, &next, &code); last = &key) {
		struct prefix prefix = {.addr.family = FAMILY_IPV6};
		guard_leaf leaf;

		key = next;
		prefix.len = (uint8_t)(key.prefixlen - GUARD_CLOUD_PREFIX);
		memcpy(prefix.addr.bytes, key.addr, sizeof(key.addr));
		if (bpf_map_lookup_elem(trie, &key, &leaf) == 0)
			code = adopt_route(guard, be32toh(key.cloud), &prefix, leaf);
	}
	return code;
}

int guard_routes_adopt(struct guard *guard)
{
	int code = adopt4(guard);

	if (code == 0)
		code = adopt6(guard);
	for (unsigned cloud = 0; cloud <= GUARD_CLOUD_MAX; cloud++)
		if (guard->routes[cloud].n > 0)
			qsort(guard->routes[cloud].route, guard->routes[cloud].n,
			      sizeof(struct route), by_prefix);
	return code;
}

void guard_routes_free(struct guard *guard)
{
	for (unsigned cloud = 0; cloud <= GUARD_CLOUD_MAX; cloud++)
		free(guard->routes[cloud].route);
}
