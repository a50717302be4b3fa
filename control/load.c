// SPDX-License-Identifier: BSD-3-Clause
#include "load.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

struct loading {
	sqlite3 *sqlite;
	struct region *region;
	struct cloud *clouds[CLOUD_ID_MAX + 1]; // by id
	uint64_t interconnect_ids[INTERCONNECT_ID_MAX / 64 + 1]; // seen
	const char *table; // that is being read
	sqlite3_stmt *row; // that is being read; column 0 is its rowid
	int result; // of the first thing that went wrong, told in 'error'
	char *error;
	size_t size;
};

// What is wrong with a row, once; what follows from it is not told.
static void reject(struct loading *loading, int column, const char *why)
{
	const char *value = (const char *)sqlite3_column_text(loading->row, column);

	if (loading->result < 0)
		return;
	loading->result = -EIO;
	snprintf(
		loading->error, loading->size,
		"table %s, row %lld: %s \"%.80s\" %s: correct the row, or put a backup in place of "
		"the file",
		loading->table, (long long)sqlite3_column_int64(loading->row, 0),
		sqlite3_column_name(loading->row, column), value ? value : "NULL", why
	);
}

static void out_of_memory(struct loading *loading)
{
	loading->result = -ENOMEM;
	snprintf(loading->error, loading->size, "out of memory");
}

// Columns

static void get_text(struct loading *loading, int column, char *text, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(loading->row, column);
	size_t length = (size_t)sqlite3_column_bytes(loading->row, column);

	text[0] = '\0';
	if (!value || length == 0 || strlen(value) != length)
		reject(loading, column, "is not a text");
	else if (length >= size)
		reject(loading, column, "is too long");
	else
		memcpy(text, value, length + 1);
}

static int64_t get_number(struct loading *loading, int column, int64_t min, int64_t max)
{
	int64_t value = sqlite3_column_int64(loading->row, column);

	if (sqlite3_column_type(loading->row, column) == SQLITE_INTEGER && value >= min &&
	    value <= max)
		return value;
	reject(loading, column, "is out of range");
	return min;
}

// An address or prefix column may be NULL: then there is none of that family.
static const char *get_optional(struct loading *loading, int column)
{
	return (const char *)sqlite3_column_text(loading->row, column);
}

static void get_prefixes(struct loading *loading, int column, struct prefix prefixes[FAMILIES])
{
	for (unsigned family = 0; family < FAMILIES; family++, column++) {
		const char *text = get_optional(loading, column);

		if (!text)
			continue;
		if (prefix_parse(text, &prefixes[family]) < 0 ||
		    family_index(prefixes[family].addr.family) != family)
			reject(loading, column, "is not ADDR/LEN of its family");
	}
}

static void get_addrs(struct loading *loading, int column, struct addr addrs[FAMILIES])
{
	for (unsigned family = 0; family < FAMILIES; family++, column++) {
		const char *text = get_optional(loading, column);

		if (!text)
			continue;
		if (addr_parse(text, &addrs[family]) < 0 ||
		    family_index(addrs[family].family) != family)
			reject(loading, column, "is not an address of its family");
	}
}

static struct cloud *get_cloud(struct loading *loading, int column)
{
	int64_t id = get_number(loading, column, 1, CLOUD_ID_MAX);
	struct cloud *cloud = loading->clouds[id];

	if (!cloud)
		reject(loading, column, "is the id of no cloud");
	return cloud;
}

// Rows

static void load_cloud(struct loading *loading)
{
	struct cloud cloud = {};
	const char *mac = get_optional(loading, 10);

	cloud.id = (uint16_t)get_number(loading, 1, 1, CLOUD_ID_MAX);
	get_text(loading, 2, cloud.name, sizeof(cloud.name));
	get_text(loading, 3, cloud.location, sizeof(cloud.location));
	get_text(loading, 4, cloud.port, sizeof(cloud.port));
	cloud.vlan = (uint16_t)get_number(loading, 5, 0, 4094);
	get_prefixes(loading, 6, cloud.gateway);
	get_addrs(loading, 8, cloud.router);
	cloud.has_router_mac = mac != NULL;
	if (mac && mac_parse(mac, &cloud.router_mac) < 0)
		reject(loading, 10, "is not a MAC");
	get_prefixes(loading, 11, cloud.network_block);
	cloud.mtu = (uint16_t)get_number(loading, 13, MTU_MIN, MTU_MAX);
	cloud.created_at = get_number(loading, 14, INT64_MIN, INT64_MAX);
	get_text(loading, 15, cloud.created_by, sizeof(cloud.created_by));
	if (loading->clouds[cloud.id])
		reject(loading, 1, "is the id of two clouds");
	if (region_cloud(loading->region, cloud.name))
		reject(loading, 2, "is the name of two clouds");
	if (loading->result < 0)
		return;
	loading->clouds[cloud.id] = region_add_cloud(loading->region, &cloud);
	if (!loading->clouds[cloud.id])
		out_of_memory(loading);
}

static void load_segment(struct loading *loading)
{
	struct cloud *cloud = get_cloud(loading, 1);
	struct segment segment = {};

	get_text(loading, 2, segment.name, sizeof(segment.name));
	get_prefixes(loading, 3, segment.gateway_address);
	segment.routed = get_number(loading, 5, 0, 1);
	if (cloud && cloud_segment(cloud, segment.name))
		reject(loading, 2, "is the name of two segments");
	if (cloud && cloud->n_segments >= SEGMENTS_MAX)
		reject(loading, 2, "is one segment too many");
	if (loading->result == 0 && !cloud_add_segment(cloud, &segment))
		out_of_memory(loading);
}

static enum interconnect_phase get_phase(struct loading *loading, int column)
{
	char word[16];

	get_text(loading, column, word, sizeof(word));
	if (strcmp(word, "building") == 0)
		return PHASE_BUILDING;
	if (strcmp(word, "active") == 0)
		return PHASE_ACTIVE;
	if (strcmp(word, "deleting") == 0)
		return PHASE_DELETING;
	reject(loading, column, "is not a phase");
	return PHASE_FAILED;
}

static void load_interconnect(struct loading *loading)
{
	struct interconnect interconnect = {};
	uint64_t *seen, bit;

	interconnect.id = (uint32_t)get_number(loading, 1, 1, INTERCONNECT_ID_MAX);
	get_text(loading, 2, interconnect.name, sizeof(interconnect.name));
	interconnect.cloud = get_cloud(loading, 3);
	interconnect.peer = get_cloud(loading, 4);
	interconnect.phase = get_phase(loading, 5);
	interconnect.created_at = get_number(loading, 6, INT64_MIN, INT64_MAX);
	get_text(loading, 7, interconnect.created_by, sizeof(interconnect.created_by));
	if (interconnect.cloud == interconnect.peer)
		reject(loading, 4, "is the cloud itself");
	seen = &loading->interconnect_ids[interconnect.id / 64];
	bit = UINT64_C(1) << interconnect.id % 64;
	if (*seen & bit)
		reject(loading, 1, "is the id of two interconnects");
	*seen |= bit;
	if (loading->result == 0 && !region_add_interconnect(loading->region, &interconnect))
		out_of_memory(loading);
}

static void load_grant(struct loading *loading)
{
	char principal[PRINCIPAL_SIZE], word[16];
	struct cloud *cloud = get_cloud(loading, 2);
	enum role role;

	get_text(loading, 1, principal, sizeof(principal));
	get_text(loading, 3, word, sizeof(word));
	role = role_parse(word);
	if (role == ROLE_NONE)
		reject(loading, 3, "is not a role");
	if (loading->result == 0 && region_set_grant(loading->region, principal, cloud, role) < 0)
		out_of_memory(loading);
}

static const struct {
	const char *table;
	const char *sql;
	void (*load)(struct loading *);
} tables[] = {
	{
		"cloud",
		"SELECT rowid, id, name, location, port, vlan, gateway_ipv4, gateway_ipv6,"
		" router_ipv4, router_ipv6, router_mac, network_block_ipv4, network_block_ipv6,"
		" mtu, created_at, created_by FROM cloud ORDER BY rowid",
		load_cloud,
	},
	{
		"segment",
		"SELECT rowid, cloud, name, gateway_address_ipv4, gateway_address_ipv6, routed"
		" FROM segment ORDER BY rowid",
		load_segment,
	},
	{
		"interconnect",
		"SELECT rowid, id, name, cloud, peer, phase, created_at, created_by"
		" FROM interconnect ORDER BY rowid",
		load_interconnect,
	},
	{
		"grant",
		"SELECT rowid, principal, cloud, role FROM grant ORDER BY rowid",
		load_grant,
	},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void load_table(struct loading *loading, unsigned i)
{
	int step = SQLITE_ROW;

	loading->table = tables[i].table;
	if (sqlite3_prepare_v2(loading->sqlite, tables[i].sql, -1, &loading->row, NULL) !=
	    SQLITE_OK)
		step = SQLITE_ERROR;
	while (step == SQLITE_ROW && loading->result == 0) {
		step = sqlite3_step(loading->row);
		if (step == SQLITE_ROW)
			tables[i].load(loading);
	}
	if (loading->result == 0 && step != SQLITE_DONE) {
		loading->result = -EIO;
		snprintf(
			loading->error, loading->size, "table %s: cannot read: %s", loading->table,
			sqlite3_errmsg(loading->sqlite)
		);
	}
	sqlite3_finalize(loading->row);
	loading->row = NULL;
}

int load_region(struct sqlite3 *sqlite, struct region *region, char *error, size_t size)
{
	struct loading loading = {
		.sqlite = sqlite,
		.region = region,
		.error = error,
		.size = size,
	};

	for (unsigned i = 0; i < N_TABLES && loading.result == 0; i++)
		load_table(&loading, i);
	if (loading.result < 0)
		region_free(region);
	return loading.result;
}
