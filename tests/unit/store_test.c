// SPDX-License-Identifier: BSD-3-Clause
// The store: what it acknowledged is there after any end of the process, and nothing else is.
#include "control/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

// Files

static char dir[64]; // of this test, with the store in "state" below it

static const char *path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/state/%s", dir, name);
	return text;
}

static const char *state_dir(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/state", dir);
	return text;
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/t0x-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *name, const struct stat *s, int type, struct FTW *ftw)
{
	return remove(name);
}

static int remove_dir(void **state)
{
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct store *must_open(void)
{
	char error[512] = "";
	struct store *store = store_open(state_dir(), 0, error, sizeof(error));

	if (!store)
		fail_msg("%s", error);
	return store;
}

// Opening fails, and says all of these words.
static void must_not_open(const char *const words[], unsigned n)
{
	char error[512] = "";
	struct store *store = store_open(state_dir(), 0, error, sizeof(error));

	assert_null(store);
	for (unsigned i = 0; i < n; i++) {
		if (!strstr(error, words[i]))
			fail_msg("\"%s\" is not in: %s", words[i], error);
	}
	assert_null(strchr(error, '\n'));
}

// A whole file in memory, with its size.
static char *slurp(const char *name, size_t *size)
{
	FILE *file = fopen(name, "rb");
	char *bytes;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*size + 1);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

static void spill(const char *name, const char *bytes, size_t size)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

// Run SQL on the closed file, as someone with other tools would.
static void edit(const char *sql)
{
	sqlite3 *sqlite;
	char *error = NULL;

	assert_int_equal(sqlite3_open(path("t0x.db"), &sqlite), SQLITE_OK);
	if (sqlite3_exec(sqlite, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(sqlite);
}

// Objects

static struct cloud make_cloud(uint16_t id)
{
	struct cloud cloud = {.id = id, .mtu = 1500, .vlan = id, .created_at = 1000 + id};
	char text[64];

	snprintf(cloud.name, sizeof(cloud.name), "pc%u", id);
	snprintf(cloud.location, sizeof(cloud.location), "West Europe");
	snprintf(cloud.port, sizeof(cloud.port), "net_af_packet0,iface=t0x'\"%u", id);
	snprintf(cloud.created_by, sizeof(cloud.created_by), "uid:0");
	snprintf(text, sizeof(text), "169.254.%u.1/30", id);
	prefix_parse(text, &cloud.gateway[0]);
	snprintf(text, sizeof(text), "169.254.%u.2", id);
	addr_parse(text, &cloud.router[0]);
	snprintf(text, sizeof(text), "10.%u.0.0/22", id);
	prefix_parse(text, &cloud.network_block[0]);
	if (id % 2 == 0) {
		prefix_parse("fd00:ffff::1/127", &cloud.gateway[1]);
		addr_parse("fd00:ffff::", &cloud.router[1]);
		prefix_parse("fd00:2::/48", &cloud.network_block[1]);
		mac_parse("02:00:00:00:00:01", &cloud.router_mac);
		cloud.has_router_mac = true;
	}
	return cloud;
}

static struct segment make_segment(unsigned number, bool routed)
{
	struct segment segment = {.routed = routed};
	char text[64];

	snprintf(segment.name, sizeof(segment.name), "web%u", number);
	snprintf(text, sizeof(text), "172.16.%u.1/24", number % 256);
	prefix_parse(text, &segment.gateway_address[0]);
	if (number % 2 == 0)
		prefix_parse("fd00:3::1/64", &segment.gateway_address[1]);
	return segment;
}

static struct event make_event(const char *action)
{
	struct event event = {.at = 1234567890123};

	snprintf(event.principal, sizeof(event.principal), "uid:0");
	snprintf(event.action, sizeof(event.action), "%s", action);
	snprintf(event.object, sizeof(event.object), "pc1 <-> pc2");
	snprintf(event.cloud, sizeof(event.cloud), "pc1");
	snprintf(event.peer, sizeof(event.peer), "pc2");
	snprintf(event.text, sizeof(event.text), "it's \"so\"");
	return event;
}

// Everything that the store holds, as text to compare

struct text {
	char *bytes;
	size_t size;
};

static void print_addresses(FILE *out, const struct prefix prefixes[FAMILIES])
{
	char text[PREFIX_STRLEN];

	for (unsigned i = 0; i < FAMILIES; i++)
		fprintf(out, " %s", prefix_format(&prefixes[i], text));
}

static void print_cloud(FILE *out, const struct cloud *cloud)
{
	char text[ADDR_STRLEN], mac[MAC_STRLEN];

	fprintf(out, "cloud %u %s", cloud->id, cloud->name);
	fprintf(out, " %s %s %u", cloud->location, cloud->port, cloud->vlan);
	print_addresses(out, cloud->gateway);
	for (unsigned i = 0; i < FAMILIES; i++)
		fprintf(out, " %s", addr_format(&cloud->router[i], text));
	print_addresses(out, cloud->network_block);
	fprintf(out, " %u %lld %s", cloud->mtu, (long long)cloud->created_at, cloud->created_by);
	fprintf(out, " %s\n", cloud->has_router_mac ? mac_format(&cloud->router_mac, mac) : "-");
	for (unsigned i = 0; i < cloud->n_segments; i++) {
		fprintf(out, " segment %s %d", cloud->segments[i].name, cloud->segments[i].routed);
		print_addresses(out, cloud->segments[i].gateway_address);
		fprintf(out, "\n");
	}
}

static void print_region(FILE *out, const struct region *region)
{
	for (unsigned i = 0; i < region->n_clouds; i++)
		print_cloud(out, region->clouds[i]);
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		const struct interconnect *x = region->interconnects[i];

		fprintf(out, "interconnect %u %s %s %s %d %lld %s\n", x->id, x->name,
			x->cloud->name, x->peer->name, x->phase, (long long)x->created_at,
			x->created_by);
	}
	for (unsigned i = 0; i < region->n_grants; i++)
		fprintf(out, "grant %s %s %s\n", region->grants[i].principal,
			region->grants[i].cloud->name, role_name(region->grants[i].role));
}

static void print_event(const struct event *event, void *out)
{
	fprintf(out, "event %lld %lld %s %s %s %s %s %s\n", (long long)event->seq,
		(long long)event->at, event->principal, event->action, event->object, event->cloud,
		event->peer, event->text);
}

static struct text dump(struct store *store)
{
	struct text text;
	FILE *out = open_memstream(&text.bytes, &text.size);
	struct region region;

	region_init(&region);
	if (store_load(store, &region) < 0)
		fail_msg("%s", store_error(store));
	print_region(out, &region);
	assert_int_equal(store_list_events(store, 0, UINT_MAX, print_event, out), 0);
	fclose(out);
	region_free(&region);
	return text;
}

static void assert_dump(struct store *store, const struct text *expected)
{
	struct text now = dump(store);

	assert_string_equal(now.bytes, expected->bytes);
	free(now.bytes);
}

// The changes. Each works on a store that holds base().

static int insert_cloud(struct store *store)
{
	struct cloud cloud = make_cloud(7);
	struct segment segments[] = {make_segment(1, true), make_segment(2, false)};
	struct event event = make_event("cloud.create");

	cloud.segments = segments;
	cloud.n_segments = 2;
	return store_cloud_insert(store, &cloud, &event, 1);
}

static int update_cloud(struct store *store)
{
	struct cloud cloud = make_cloud(1);
	struct event event = make_event("cloud.set");

	cloud.mtu = 9000;
	cloud.has_router_mac = true;
	mac_parse("02:00:00:00:00:09", &cloud.router_mac);
	return store_cloud_update(store, &cloud, &event, 1);
}

static int forget_router_mac(struct store *store)
{
	struct cloud cloud = make_cloud(2);
	struct event event = make_event("cloud.set");

	cloud.has_router_mac = false;
	return store_cloud_update(store, &cloud, &event, 1);
}

static int delete_cloud(struct store *store)
{
	struct cloud cloud = make_cloud(4);
	struct event event = make_event("cloud.delete");

	return store_cloud_delete(store, &cloud, &event, 1);
}

static int insert_segment(struct store *store)
{
	struct cloud cloud = make_cloud(1);
	struct segment segment = make_segment(20, true);
	struct event event = make_event("segment.create");

	return store_segment_insert(store, &cloud, &segment, &event, 1);
}

static int delete_segment(struct store *store)
{
	struct cloud cloud = make_cloud(4);
	struct event event = make_event("segment.delete");

	return store_segment_delete(store, &cloud, "web1", &event, 1);
}

static struct interconnect make_interconnect(
	uint32_t id, struct cloud *cloud, struct cloud *peer, enum interconnect_phase phase
)
{
	struct interconnect interconnect = {
		.id = id,
		.cloud = cloud,
		.peer = peer,
		.phase = phase,
		.created_at = 2000 + id,
		.created_by = "uid:1001",
	};

	snprintf(interconnect.name, sizeof(interconnect.name), "%s", peer->name);
	return interconnect;
}

static int insert_interconnect(struct store *store)
{
	struct cloud pc1 = make_cloud(1), pc3 = make_cloud(3);
	struct interconnect interconnect = make_interconnect(2, &pc3, &pc1, PHASE_BUILDING);
	struct event events[] = {make_event("interconnect.create"), make_event("second")};

	return store_interconnect_insert(store, &interconnect, events, 2);
}

static int set_phase(struct store *store, enum interconnect_phase phase)
{
	struct cloud pc1 = make_cloud(1), pc2 = make_cloud(2);
	struct interconnect interconnect = make_interconnect(1, &pc1, &pc2, phase);
	struct event event = make_event("interconnect.state");

	return store_interconnect_set_phase(store, &interconnect, &event, 1);
}

static int set_active(struct store *store)
{
	return set_phase(store, PHASE_ACTIVE);
}

static int set_deleting(struct store *store)
{
	return set_phase(store, PHASE_DELETING);
}

static int delete_interconnect(struct store *store)
{
	struct cloud pc1 = make_cloud(1), pc2 = make_cloud(2);
	struct interconnect interconnect = make_interconnect(1, &pc1, &pc2, PHASE_DELETING);
	struct event event = make_event("interconnect.delete");

	return store_interconnect_delete(store, &interconnect, &event, 1);
}

static int set_grant_of(struct store *store, const char *principal, enum role role)
{
	struct cloud pc4 = make_cloud(4);
	struct grant grant = {.cloud = &pc4, .role = role};
	struct event event = make_event("grant");

	snprintf(grant.principal, sizeof(grant.principal), "%s", principal);
	return store_grant_set(store, &grant, &event, 1);
}

static int add_grant(struct store *store)
{
	return set_grant_of(store, "uid:2", ROLE_READER);
}

static int change_grant(struct store *store)
{
	return set_grant_of(store, "uid:1", ROLE_CONTRIBUTOR);
}

static int remove_grant(struct store *store)
{
	return set_grant_of(store, "uid:1", ROLE_NONE);
}

static int add_events(struct store *store)
{
	struct event events[] = {make_event("one"), make_event("two"), make_event("three")};

	return store_events(store, events, 3);
}

static int several_at_once(struct store *store)
{
	if (store_begin(store) < 0)
		return -EIO;
	insert_cloud(store);
	insert_interconnect(store);
	delete_cloud(store);
	return store_commit(store);
}

// 'lost' must be gone and 'found' be there in the dump after the change.
static const struct change {
	const char *name;
	int (*make)(struct store *store);
	const char *found;
	const char *lost;
} changes[] = {
	{"insert_cloud", insert_cloud, "cloud 7 pc7", NULL},
	{"update_cloud", update_cloud, " 9000 1001 uid:0 02:00:00:00:00:09", NULL},
	{"forget_router_mac", forget_router_mac, " 1500 1002 uid:0 -", NULL},
	{"delete_cloud", delete_cloud, "cloud.delete", "pc4"},
	{"insert_segment", insert_segment, "segment web20 1 172.16.20.1/24 fd00:3::1/64", NULL},
	{"delete_segment", delete_segment, "segment web2 ", "segment web1 "},
	{"insert_interconnect", insert_interconnect, "interconnect 2 pc1 pc3 pc1 0", NULL},
	{"set_active", set_active, "interconnect 1 pc2 pc1 pc2 1", "interconnect 1 pc2 pc1 pc2 0"},
	{"set_deleting", set_deleting, "interconnect 1 pc2 pc1 pc2 2", NULL},
	{"delete_interconnect", delete_interconnect, "cloud 1", "interconnect 1"},
	{"add_grant", add_grant, "grant uid:2 pc4 reader", NULL},
	{"change_grant", change_grant, "grant uid:1 pc4 contributor", "uid:1 pc4 reader"},
	{"remove_grant", remove_grant, "cloud 4", "grant uid:1"},
	{"add_events", add_events, "three", NULL},
	{"several_at_once", several_at_once, "cloud 7 pc7", "pc4"},
};

// Clouds 1 to 4, an interconnect of 1 and 2 that is Building, segments and a grant of 4.
static void base(struct store *store)
{
	struct cloud clouds[] = {make_cloud(1), make_cloud(2), make_cloud(3), make_cloud(4)};
	struct interconnect interconnect =
		make_interconnect(1, &clouds[0], &clouds[1], PHASE_BUILDING);
	struct segment segments[] = {make_segment(1, true), make_segment(2, false)};
	struct grant grant = {"uid:1", &clouds[3], ROLE_READER};

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(store_cloud_insert(store, &clouds[i], NULL, 0), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(store_segment_insert(store, &clouds[3], &segments[i], NULL, 0), 0);
	assert_int_equal(store_interconnect_insert(store, &interconnect, NULL, 0), 0);
	assert_int_equal(store_grant_set(store, &grant, NULL, 0), 0);
}

// Keeping

static void a_new_store_is_empty_and_private(void **state)
{
	struct store *store = must_open();
	struct text text = dump(store);
	struct stat status;

	assert_string_equal(text.bytes, "");
	free(text.bytes);
	assert_int_equal(stat(state_dir(), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(path("t0x.db"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(access(path("t0x.db.new"), F_OK), -1);
	store_close(store);
	store_close(NULL);
}

static void every_change_survives_closing(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct store *store;
		struct text before, after;

		remove_dir(NULL);
		make_dir(NULL);
		store = must_open();
		base(store);
		before = dump(store);
		store_close(store);
		store = must_open();
		assert_dump(store, &before);

		if (changes[i].make(store) < 0)
			fail_msg("%s: %s", changes[i].name, store_error(store));
		after = dump(store);
		assert_string_not_equal(before.bytes, after.bytes);
		if (!strstr(after.bytes, changes[i].found))
			fail_msg(
				"%s: no \"%s\" in %s", changes[i].name, changes[i].found,
				after.bytes
			);
		if (changes[i].lost && strstr(after.bytes, changes[i].lost))
			fail_msg("%s: \"%s\" in %s", changes[i].name, changes[i].lost, after.bytes);
		store_close(store);
		store = must_open();
		assert_dump(store, &after);
		store_close(store);
		free(before.bytes);
		free(after.bytes);
	}
}

static void a_failed_interconnect_comes_back_building(void **state)
{
	struct store *store = must_open();
	struct text text;

	base(store);
	assert_int_equal(set_phase(store, PHASE_ACTIVE), 0);
	assert_int_equal(set_phase(store, PHASE_FAILED), 0);
	text = dump(store);
	assert_non_null(strstr(text.bytes, "interconnect 1 pc2 pc1 pc2 0"));
	free(text.bytes);
	store_close(store);
}

static void interconnects_come_back_in_the_order_of_creation(void **state)
{
	struct store *store = must_open();
	struct cloud pc2 = make_cloud(2), pc3 = make_cloud(3);
	struct interconnect again = make_interconnect(1, &pc2, &pc3, PHASE_ACTIVE);
	struct text text;

	base(store);
	assert_int_equal(insert_interconnect(store), 0); // id 2
	assert_int_equal(delete_interconnect(store), 0); // id 1
	assert_int_equal(store_interconnect_insert(store, &again, NULL, 0), 0);
	text = dump(store);
	assert_true(strstr(text.bytes, "interconnect 2") < strstr(text.bytes, "interconnect 1"));
	free(text.bytes);
	store_close(store);
}

// Failing

static void a_failed_write_changes_nothing(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		bool done = false;

		for (int n = 0; !done; n++) {
			struct store *store;
			struct text before;

			remove_dir(NULL);
			make_dir(NULL);
			store = must_open();
			base(store);
			before = dump(store);
			store_inject_failure(store, n);
			done = changes[i].make(store) == 0;
			if (n < 2 && done)
				fail_msg("%s has fewer than two steps", changes[i].name);
			if (done) {
				store_close(store);
				free(before.bytes);
				continue;
			}
			assert_non_null(strstr(store_error(store), "t0x.db: "));
			assert_dump(store, &before);
			store_close(store);
			store = must_open();
			assert_dump(store, &before);
			assert_int_equal(changes[i].make(store), 0); // and it works again
			store_close(store);
			free(before.bytes);
		}
	}
}

static void the_store_works_on_after_a_failure(void **state)
{
	struct store *store = must_open();

	base(store);
	for (unsigned i = 0; i < 5; i++) {
		store_inject_failure(store, 0);
		assert_int_equal(add_events(store), -EIO);
		assert_int_equal(add_events(store), 0);
	}
	store_inject_failure(store, 0);
	store_inject_failure(store, -1);
	assert_int_equal(add_events(store), 0);
	store_close(store);
}

// What the rules have ruled out is an error all the same, not a silent divergence.
static void what_is_not_there_cannot_be_changed(void **state)
{
	struct store *store = must_open();
	struct cloud pc1 = make_cloud(1), pc2 = make_cloud(2), pc9 = make_cloud(9);
	struct interconnect mirrored = make_interconnect(2, &pc2, &pc1, PHASE_BUILDING);
	struct interconnect same_id = make_interconnect(1, &pc1, &pc9, PHASE_BUILDING);
	struct interconnect absent = make_interconnect(5, &pc1, &pc9, PHASE_BUILDING);
	struct event event = make_event("x");
	struct text before;

	base(store);
	before = dump(store);
	assert_int_equal(store_cloud_update(store, &pc9, &event, 1), -EIO);
	assert_int_equal(store_cloud_delete(store, &pc9, &event, 1), -EIO);
	assert_int_equal(store_cloud_delete(store, &pc1, &event, 1), -EIO); // has interconnects
	assert_int_equal(store_cloud_insert(store, &pc1, &event, 1), -EIO);
	assert_int_equal(store_segment_delete(store, &pc1, "nil", &event, 1), -EIO);
	assert_int_equal(store_interconnect_insert(store, &mirrored, &event, 1), -EIO);
	assert_int_equal(store_interconnect_insert(store, &same_id, &event, 1), -EIO);
	assert_int_equal(store_interconnect_insert(store, &absent, &event, 1), -EIO);
	assert_int_equal(store_interconnect_set_phase(store, &absent, &event, 1), -EIO);
	assert_int_equal(store_interconnect_delete(store, &absent, &event, 1), -EIO);
	assert_dump(store, &before);
	free(before.bytes);
	store_close(store);
}

// The limit on file sizes makes writes fail as a full disk does.
static void a_full_disk_changes_nothing(void **state)
{
	struct store *store = must_open();
	struct rlimit old, full;
	struct stat status;
	struct text before;
	unsigned n = 0;

	base(store);
	before = dump(store);
	assert_int_equal(stat(path("t0x.db-wal"), &status), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	full = old;
	full.rlim_cur = (rlim_t)status.st_size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++)
		n += changes[i].make(store) == -EIO;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(n, ARRAY_SIZE(changes));
	assert_dump(store, &before);
	store_close(store);
	store = must_open();
	assert_dump(store, &before);
	assert_int_equal(insert_cloud(store), 0);
	store_close(store);
	free(before.bytes);
}

// Several changes in one

static void nothing_is_kept_before_the_commit(void **state)
{
	struct store *store = must_open();
	struct text before;

	base(store);
	before = dump(store);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_begin(store), -EIO);
	assert_int_equal(insert_cloud(store), 0);
	assert_int_equal(insert_interconnect(store), 0);
	store_rollback(store);
	assert_dump(store, &before);
	store_rollback(store);
	assert_int_equal(store_commit(store), -EIO);

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(insert_cloud(store), 0);
	store_close(store); // without a commit
	store = must_open();
	assert_dump(store, &before);
	free(before.bytes);
	store_close(store);
}

static void one_failure_dooms_the_whole_transaction(void **state)
{
	struct store *store = must_open();
	struct text before;

	base(store);
	before = dump(store);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(insert_cloud(store), 0);
	store_inject_failure(store, 0);
	assert_int_equal(insert_segment(store), -EIO);
	assert_int_equal(insert_interconnect(store), -EIO);
	assert_int_equal(store_commit(store), -EIO);
	assert_non_null(strstr(store_error(store), "injected"));
	assert_dump(store, &before);
	assert_int_equal(insert_cloud(store), 0); // outside of it again
	store_close(store);
	free(before.bytes);
}

// Events

struct listed {
	unsigned n;
	int64_t first, last;
};

static void count_event(const struct event *event, void *arg)
{
	struct listed *listed = arg;

	if (listed->n++ == 0)
		listed->first = event->seq;
	else
		assert_int_equal(event->seq, listed->last + 1);
	listed->last = event->seq;
}

static struct listed list(struct store *store, int64_t after, unsigned max)
{
	struct listed listed = {};

	assert_int_equal(store_list_events(store, after, max, count_event, &listed), 0);
	return listed;
}

static void events_are_listed_oldest_first(void **state)
{
	struct store *store = must_open();
	struct listed listed;

	assert_int_equal(list(store, 0, 10).n, 0);
	assert_int_equal(add_events(store), 0);
	assert_int_equal(add_events(store), 0);
	listed = list(store, 0, 10);
	assert_int_equal(listed.n, 6);
	assert_int_equal(listed.first, 1);
	listed = list(store, 0, 2); // the newest two
	assert_int_equal(listed.n, 2);
	assert_int_equal(listed.first, 5);
	listed = list(store, 4, 10);
	assert_int_equal(listed.n, 2);
	assert_int_equal(listed.first, 5);
	assert_int_equal(list(store, 6, 10).n, 0);
	assert_int_equal(list(store, 0, 0).n, 0);
	store_close(store);
}

static void the_oldest_events_are_dropped(void **state)
{
	struct event event = make_event("x");
	struct store *store = must_open();
	struct listed listed;

	for (unsigned i = 0; i < 24; i++) {
		assert_int_equal(store_begin(store), 0);
		for (unsigned j = 0; j < 500; j++)
			assert_int_equal(store_events(store, &event, 1), 0);
		assert_int_equal(store_commit(store), 0);
	}
	listed = list(store, 0, UINT_MAX);
	assert_true(listed.n >= EVENTS_KEPT);
	assert_true(listed.n <= EVENTS_KEPT + 500);
	assert_int_equal(listed.last, 12000);
	store_close(store);

	store = must_open();
	assert_int_equal(store_events(store, &event, 1), 0);
	listed = list(store, 0, UINT_MAX);
	assert_int_equal(listed.n, EVENTS_KEPT);
	assert_int_equal(listed.last, 12001);
	store_close(store);
}

static void a_number_is_never_given_twice(void **state)
{
	struct store *store = must_open();

	assert_int_equal(add_events(store), 0);
	store_close(store);
	edit("DELETE FROM event");
	store = must_open();
	assert_int_equal(add_events(store), 0);
	assert_int_equal(list(store, 0, 10).first, 4);
	store_close(store);
}

// Files that cannot be used

// The file is refused with these words, and is byte by byte as it was.
static void assert_left_alone(const char *const words[], unsigned n)
{
	size_t size_before, size_after;
	char *before = slurp(path("t0x.db"), &size_before);
	char *after;

	must_not_open(words, n);
	after = slurp(path("t0x.db"), &size_after);
	assert_int_equal(size_before, size_after);
	assert_memory_equal(before, after, size_before);
	free(before);
	free(after);
}

#define ASSERT_LEFT_ALONE(...) \
	assert_left_alone( \
		(const char *[]){"t0x.db", __VA_ARGS__}, \
		ARRAY_SIZE(((const char *[]){"t0x.db", __VA_ARGS__})) \
	)

static void make_store(void)
{
	struct store *store = must_open();

	base(store);
	store_close(store);
}

static void garbage_is_not_a_store(void **state)
{
	char garbage[10000];

	mkdir(state_dir(), 0700);
	for (unsigned i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7 + 1);
	spill(path("t0x.db"), garbage, sizeof(garbage));
	ASSERT_LEFT_ALONE("not a database", "move it away");
}

static void an_empty_file_is_damage_and_not_a_new_store(void **state)
{
	make_store();
	spill(path("t0x.db"), "", 0);
	ASSERT_LEFT_ALONE("damaged (0 bytes", "backup");
	spill(path("t0x.db"), "x", 1);
	ASSERT_LEFT_ALONE("damaged (1 bytes", "backup");
}

static void a_truncated_file_is_damage(void **state)
{
	size_t size;
	char *bytes;

	make_store();
	bytes = slurp(path("t0x.db"), &size);
	for (size_t length = 4096; length < size; length += 4096) {
		spill(path("t0x.db"), bytes, length);
		ASSERT_LEFT_ALONE("damaged", "backup");
	}
	spill(path("t0x.db"), bytes, 600);
	ASSERT_LEFT_ALONE("t0x.db");
	free(bytes);
}

static void a_damaged_page_is_found(void **state)
{
	size_t size;
	char *bytes;

	make_store();
	bytes = slurp(path("t0x.db"), &size);
	memset(&bytes[4096], 0xa5, 4096);
	spill(path("t0x.db"), bytes, size);
	ASSERT_LEFT_ALONE("damaged", "backup");
	free(bytes);
}

static void a_later_version_is_left_to_a_later_t0xd(void **state)
{
	make_store();
	edit("PRAGMA user_version = 4711");
	ASSERT_LEFT_ALONE("version 4711", "later");
}

static void the_database_of_another_program_is_left_alone(void **state)
{
	mkdir(state_dir(), 0700);
	edit("CREATE TABLE cookies (id INTEGER)");
	ASSERT_LEFT_ALONE("another program");
}

static void a_directory_that_cannot_be_made(void **state)
{
	char error[512] = "";

	assert_null(store_open("/proc/nowhere/state", 0, error, sizeof(error)));
	assert_non_null(strstr(error, "/proc/nowhere/state"));
	spill("/tmp/t0x-store-file", "", 0);
	assert_null(store_open("/tmp/t0x-store-file", 0, error, sizeof(error)));
	assert_non_null(strstr(error, "/tmp/t0x-store-file"));
	unlink("/tmp/t0x-store-file");
}

// A log that an earlier database left behind is not replayed into a new one.
static void a_store_that_was_moved_away_starts_empty(void **state)
{
	struct store *store = must_open();
	struct text text;
	size_t size;
	char *log;

	base(store);
	log = slurp(path("t0x.db-wal"), &size);
	store_close(store);
	unlink(path("t0x.db"));
	spill(path("t0x.db-wal"), log, size);
	free(log);
	store = must_open();
	text = dump(store);
	assert_string_equal(text.bytes, "");
	free(text.bytes);
	store_close(store);
}

// A first start that was cut short leaves nothing that hinders the next.
static void a_half_made_store_is_made_again(void **state)
{
	mkdir(state_dir(), 0700);
	spill(path("t0x.db.new"), "half", 4);
	make_store();
}

// Rows that make no sense

static void nonsense_is_named_and_never_skipped(void **state)
{
	static const struct {
		const char *sql;
		const char *words[3];
	} cases[] = {
		{"UPDATE cloud SET gateway_ipv4 = '10.0.0.1' WHERE id = 2",
		 {"table cloud, row 2", "gateway_ipv4", "10.0.0.1"}},
		{"UPDATE cloud SET gateway_ipv6 = '10.0.0.1/30' WHERE id = 2", {"gateway_ipv6"}},
		{"UPDATE cloud SET router_ipv4 = 'here' WHERE id = 3", {"row 3", "router_ipv4"}},
		{"UPDATE cloud SET router_ipv4 = 'fd00::1' WHERE id = 3", {"router_ipv4"}},
		{"UPDATE cloud SET network_block_ipv4 = '' WHERE id = 3", {"network_block_ipv4"}},
		{"UPDATE cloud SET router_mac = 'ff:ff:ff:ff:ff:ff'", {"router_mac"}},
		{"UPDATE cloud SET mtu = 0", {"table cloud", "mtu"}},
		{"UPDATE cloud SET mtu = 65536", {"mtu"}},
		{"UPDATE cloud SET vlan = 4095", {"vlan"}},
		{"UPDATE cloud SET vlan = -1", {"vlan"}},
		{"UPDATE cloud SET name = '' WHERE id = 3", {"name"}},
		{"UPDATE cloud SET name = replace(hex(zeroblob(40)), '0', 'a') WHERE id = 3",
		 {"name", "too long"}},
		{"UPDATE cloud SET name = 'a' || char(0) || 'b' WHERE id = 3", {"name"}},
		{"UPDATE cloud SET id = 4096 WHERE id = 3", {"table cloud, row 4096", "id"}},
		{"UPDATE cloud SET id = 0 WHERE id = 3", {"table cloud", "id"}},
		{"UPDATE segment SET gateway_address_ipv4 = '1.2.3/24'",
		 {"table segment, row 1", "gateway_address_ipv4"}},
		{"UPDATE segment SET routed = 2", {"table segment", "routed"}},
		{"UPDATE segment SET cloud = 9", {"table segment, row 1", "cloud", "no cloud"}},
		{"UPDATE interconnect SET phase = 'dreaming'",
		 {"table interconnect, row 1", "phase", "dreaming"}},
		{"UPDATE interconnect SET phase = 'failed'", {"phase"}},
		{"UPDATE interconnect SET cloud = 9", {"table interconnect", "cloud", "no cloud"}},
		{"UPDATE interconnect SET peer = 0", {"peer"}},
		{"UPDATE interconnect SET peer = cloud", {"peer", "itself"}},
		{"UPDATE interconnect SET id = 1048576", {"table interconnect", "id"}},
		{"UPDATE grant SET role = 'king'", {"table grant, row 1", "role", "king"}},
		{"UPDATE grant SET cloud = 9", {"table grant", "no cloud"}},
		{"UPDATE grant SET principal = ''", {"table grant", "principal"}},
		{"CREATE TABLE i AS SELECT * FROM interconnect; DROP TABLE interconnect;"
		 "ALTER TABLE i RENAME TO interconnect;"
		 "INSERT INTO interconnect SELECT * FROM interconnect",
		 {"table interconnect, row 2", "id", "two interconnects"}},
		{"CREATE TABLE c AS SELECT * FROM cloud; DROP TABLE cloud;"
		 "ALTER TABLE c RENAME TO cloud;"
		 "UPDATE cloud SET id = 1 WHERE id = 3",
		 {"table cloud, row 3", "id", "two clouds"}},
		{"CREATE TABLE c AS SELECT * FROM cloud; DROP TABLE cloud;"
		 "ALTER TABLE c RENAME TO cloud;"
		 "UPDATE cloud SET name = 'pc1' WHERE id = 3",
		 {"table cloud, row 3", "name", "two clouds"}},
		{"DROP TABLE segment", {"table segment", "no such table"}},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct region region;
		struct store *store;

		remove_dir(NULL);
		make_dir(NULL);
		make_store();
		edit(cases[i].sql);
		store = must_open();
		region_init(&region);
		if (store_load(store, &region) != -EIO)
			fail_msg("taken: %s", cases[i].sql);
		for (unsigned w = 0; w < 3 && cases[i].words[w]; w++) {
			if (!strstr(store_error(store), cases[i].words[w]))
				fail_msg("no \"%s\" in %s", cases[i].words[w], store_error(store));
		}
		assert_int_equal(region.n_clouds, 0);
		region_free(&region);
		store_close(store);
	}
}

// One t0xd a directory

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

// A child that opens the store, says so, and stays until it is killed.
static pid_t start_holder(void)
{
	char ready;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char error[512];

		if (!store_open(state_dir(), 0, error, sizeof(error)) || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &ready, 1), 1);
	close(fds[0]);
	return pid;
}

static void a_second_opener_is_refused(void **state)
{
	pid_t holder = start_holder();
	char number[16];

	snprintf(number, sizeof(number), "%d", holder);
	must_not_open((const char *[]){"lock", "another t0xd", number, "--state"}, 4);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	store_close(must_open());
}

static void a_dying_predecessor_is_waited_for(void **state)
{
	pid_t holder = start_holder();
	pid_t killer = fork();
	struct store *store;
	char error[512] = "";

	if (killer == 0) {
		sleep_us(200000);
		kill(holder, SIGKILL);
		_exit(0);
	}
	store = store_open(state_dir(), 10000, error, sizeof(error));
	if (!store)
		fail_msg("%s", error);
	store_close(store);
	waitpid(holder, NULL, 0);
	waitpid(killer, NULL, 0);
}

static void waiting_has_an_end(void **state)
{
	pid_t holder = start_holder();
	char error[512] = "";

	assert_null(store_open(state_dir(), 100, error, sizeof(error)));
	assert_non_null(strstr(error, "another t0xd"));
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

// Sudden death
//
// Step n of an endless sequence of changes: clouds come, are joined in pairs, left and deleted, so
// that any number of steps gives its own picture. Each step is one transaction with one event.

#define STEPS 6

static int step(struct store *store, unsigned n)
{
	uint16_t id = (uint16_t)(1 + n / STEPS * 2 % 100);
	struct cloud a = make_cloud(id), b = make_cloud((uint16_t)(id + 1));
	struct interconnect interconnect = make_interconnect(id, &a, &b, PHASE_BUILDING);
	struct segment segments[] = {make_segment(1, true), make_segment(2, true)};
	struct event event = make_event("step");

	snprintf(event.text, sizeof(event.text), "step %u", n);
	b.segments = segments;
	b.n_segments = 2;
	switch (n % STEPS) {
	case 0:
		return store_cloud_insert(store, &a, &event, 1);
	case 1:
		return store_cloud_insert(store, &b, &event, 1);
	case 2:
		return store_interconnect_insert(store, &interconnect, &event, 1);
	case 3:
		interconnect.phase = PHASE_ACTIVE;
		return store_interconnect_set_phase(store, &interconnect, &event, 1);
	case 4:
		return store_interconnect_delete(store, &interconnect, &event, 1);
	default: // two changes in one
		if (store_begin(store) < 0 || store_cloud_delete(store, &a, &event, 1) < 0 ||
		    store_cloud_delete(store, &b, NULL, 0) < 0)
			return -EIO;
		return store_commit(store);
	}
}

static void live_until_killed(int acknowledged)
{
	char error[512];
	struct store *store = store_open(state_dir(), 0, error, sizeof(error));

	for (unsigned n = 0; store && step(store, n) == 0; n++) {
		if (write(acknowledged, &n, sizeof(n)) != sizeof(n))
			break;
	}
	_exit(1);
}

// How many steps were acknowledged before the child was killed, so many microseconds after its
// first.
static unsigned run_and_kill(long after_us)
{
	unsigned n, n_acknowledged = 0;
	int fds[2];
	pid_t pid;
	int status;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		live_until_killed(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &n, sizeof(n)), sizeof(n));
	sleep_us(after_us);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	do {
		n_acknowledged = n + 1;
	} while (read(fds[0], &n, sizeof(n)) == sizeof(n));
	close(fds[0]);
	return n_acknowledged;
}

static void sudden_death_loses_nothing_acknowledged(void **state)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 30; round++) {
		struct text found, all, one_more;
		struct store *store;
		unsigned n;

		remove_dir(NULL);
		make_dir(NULL);
		n = run_and_kill(rand_r(&seed) % 20000);
		store = must_open();
		found = dump(store);
		store_close(store);

		// What a store holds that lives through the same.
		remove_dir(NULL);
		make_dir(NULL);
		store = must_open();
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(step(store, i), 0);
		all = dump(store);
		assert_int_equal(step(store, n), 0);
		one_more = dump(store);
		store_close(store);

		if (strcmp(found.bytes, all.bytes) != 0 && strcmp(found.bytes, one_more.bytes) != 0)
			fail_msg(
				"round %u: after %u acknowledged steps:\n%s\ninstead of:\n%s",
				round, n, found.bytes, all.bytes
			);
		free(found.bytes);
		free(all.bytes);
		free(one_more.bytes);
	}
}

int main(void)
{
#define STORE(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		STORE(a_new_store_is_empty_and_private),
		STORE(every_change_survives_closing),
		STORE(a_failed_interconnect_comes_back_building),
		STORE(interconnects_come_back_in_the_order_of_creation),
		STORE(a_failed_write_changes_nothing),
		STORE(the_store_works_on_after_a_failure),
		STORE(what_is_not_there_cannot_be_changed),
		STORE(a_full_disk_changes_nothing),
		STORE(nothing_is_kept_before_the_commit),
		STORE(one_failure_dooms_the_whole_transaction),
		STORE(events_are_listed_oldest_first),
		STORE(the_oldest_events_are_dropped),
		STORE(a_number_is_never_given_twice),
		STORE(garbage_is_not_a_store),
		STORE(an_empty_file_is_damage_and_not_a_new_store),
		STORE(a_truncated_file_is_damage),
		STORE(a_damaged_page_is_found),
		STORE(a_later_version_is_left_to_a_later_t0xd),
		STORE(the_database_of_another_program_is_left_alone),
		STORE(a_directory_that_cannot_be_made),
		STORE(a_store_that_was_moved_away_starts_empty),
		STORE(a_half_made_store_is_made_again),
		STORE(nonsense_is_named_and_never_skipped),
		STORE(a_second_opener_is_refused),
		STORE(a_dying_predecessor_is_waited_for),
		STORE(waiting_has_an_end),
		STORE(sudden_death_loses_nothing_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
