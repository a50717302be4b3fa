// SPDX-License-Identifier: BSD-3-Clause
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// How much of a user's text an error repeats.
#define SHOWN "\"%.80s\""

// Decoding. Every reader below returns 0, or -1 with a refusal that begins with the member's name.

static int check_members(const json_t *object, const char *const known[], struct refusal *refusal)
{
	const char *member;
	json_t *value;

	if (!json_is_object(object))
		return refuse(refusal, REFUSAL_none, "must be an object");
	json_object_foreach((json_t *)object, member, value) {
		unsigned i = 0;

		while (known[i] && strcmp(known[i], member) != 0)
			i++;
		if (!known[i])
			return refuse(refusal, REFUSAL_none, "%.80s: unknown member", member);
	}
	return 0;
}

static int read_text(
	const json_t *object, const char *member, char *text, size_t size,
	enum refusal_code if_too_long, struct refusal *refusal
)
{
	const json_t *value = json_object_get(object, member);

	if (!value)
		return refuse(refusal, REFUSAL_none, "%s: missing", member);
	if (!json_is_string(value))
		return refuse(refusal, REFUSAL_none, "%s: must be a string", member);
	if (json_string_length(value) >= size)
		return refuse(
			refusal, if_too_long, "%s: longer than %zu characters", member, size - 1
		);
	memcpy(text, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

// An optional whole number that fits 16 bits; what it may be beyond that, the rules know.
static int read_number(
	const json_t *object, const char *member, uint16_t *number, struct refusal *refusal
)
{
	const json_t *value = json_object_get(object, member);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return refuse(refusal, REFUSAL_none, "%s: must be a whole number", member);
	if (json_integer_value(value) < 1 || json_integer_value(value) > UINT16_MAX)
		return refuse(
			refusal, REFUSAL_none, "%s: %" JSON_INTEGER_FORMAT " is out of range",
			member, json_integer_value(value)
		);
	*number = (uint16_t)json_integer_value(value);
	return 0;
}

enum form { FORM_ADDR, FORM_ADDR_LEN };

static int read_address(
	const json_t *value, const char *member, enum form form, struct prefix addresses[FAMILIES],
	struct refusal *refusal
)
{
	struct prefix one = {0};
	const char *text = json_string_value(value);
	bool with_length = form == FORM_ADDR_LEN;
	unsigned index;

	if (!text)
		return refuse(refusal, REFUSAL_none, "%s: must hold strings", member);
	if ((with_length ? prefix_parse(text, &one) : addr_parse(text, &one.addr)) < 0)
		return refuse(
			refusal, REFUSAL_address_invalid, "%s: " SHOWN " is not %s", member, text,
			with_length ? "ADDR/LEN" : "an address"
		);
	index = family_index(one.addr.family);
	if (addresses[index].addr.family != FAMILY_NONE)
		return refuse(
			refusal, REFUSAL_address_invalid, "%s: " SHOWN " is a second %s entry",
			member, text, index ? "IPv6" : "IPv4"
		);
	addresses[index] = one;
	return 0;
}

// A string, or a list of one string a family.
static int read_addresses(
	const json_t *object, const char *member, enum form form, struct prefix addresses[FAMILIES],
	struct refusal *refusal
)
{
	const json_t *value = json_object_get(object, member);

	if (!value)
		return refuse(refusal, REFUSAL_none, "%s: missing", member);
	if (json_is_string(value))
		return read_address(value, member, form, addresses, refusal);
	if (!json_is_array(value))
		return refuse(refusal, REFUSAL_none, "%s: must be a list of strings", member);
	if (json_array_size(value) == 0)
		return refuse(refusal, REFUSAL_none, "%s: must hold at least one entry", member);
	for (size_t i = 0; i < json_array_size(value); i++)
		if (read_address(json_array_get(value, i), member, form, addresses, refusal) < 0)
			return -1;
	return 0;
}

static int read_router_mac(const json_t *object, struct cloud *cloud, struct refusal *refusal)
{
	const json_t *value = json_object_get(object, "router_mac");

	if (!value)
		return 0;
	if (!json_is_string(value))
		return refuse(refusal, REFUSAL_none, "router_mac: must be a string");
	if (mac_parse(json_string_value(value), &cloud->router_mac) < 0)
		return refuse(
			refusal, REFUSAL_address_invalid,
			"router_mac: " SHOWN " is not a unicast MAC address",
			json_string_value(value)
		);
	cloud->has_router_mac = true;
	return 0;
}

int cloud_from_json(const json_t *object, struct cloud *cloud, struct refusal *refusal)
{
	static const char *const known[] = {
		"name",	  "location",	"port",		 "vlan", "gateway",
		"router", "router_mac", "network_block", "mtu",	 NULL,
	};
	struct prefix router[FAMILIES] = {0};

	memset(cloud, 0, sizeof(*cloud));
	cloud->vlan = VLAN_NONE;
	cloud->mtu = MTU_DEFAULT;
	if (check_members(object, known, refusal) < 0 ||
	    read_text(
		    object, "name", cloud->name, sizeof(cloud->name), REFUSAL_name_invalid, refusal
	    ) < 0 ||
	    read_text(
		    object, "location", cloud->location, sizeof(cloud->location),
		    REFUSAL_name_invalid, refusal
	    ) < 0 ||
	    read_text(object, "port", cloud->port, sizeof(cloud->port), REFUSAL_none, refusal) <
		    0 ||
	    read_number(object, "vlan", &cloud->vlan, refusal) < 0 ||
	    read_addresses(object, "gateway", FORM_ADDR_LEN, cloud->gateway, refusal) < 0 ||
	    read_addresses(object, "router", FORM_ADDR, router, refusal) < 0 ||
	    read_router_mac(object, cloud, refusal) < 0 ||
	    read_addresses(object, "network_block", FORM_ADDR_LEN, cloud->network_block, refusal) <
		    0 ||
	    read_number(object, "mtu", &cloud->mtu, refusal) < 0)
		return -1;
	for (unsigned i = 0; i < FAMILIES; i++)
		cloud->router[i] = router[i].addr;
	return 0;
}

int segment_from_json(const json_t *object, struct segment *segment, struct refusal *refusal)
{
	static const char *const known[] = {"name", "gateway_address", "routed", NULL};
	const json_t *routed;

	memset(segment, 0, sizeof(*segment));
	if (check_members(object, known, refusal) < 0 ||
	    read_text(
		    object, "name", segment->name, sizeof(segment->name), REFUSAL_name_invalid,
		    refusal
	    ) < 0 ||
	    read_addresses(
		    object, "gateway_address", FORM_ADDR_LEN, segment->gateway_address, refusal
	    ) < 0)
		return -1;
	routed = json_object_get(object, "routed");
	if (routed && !json_is_boolean(routed))
		return refuse(refusal, REFUSAL_none, "routed: must be true or false");
	segment->routed = !json_is_false(routed);
	return 0;
}

// Encoding. An object under construction adds up its failures in 'bad': json_object_set_new() takes
// a NULL value for one, so that each member needs no check of its own.

static json_t *finish(json_t *object, int bad)
{
	if (!bad)
		return object;
	json_decref(object);
	return NULL;
}

json_t *text_to_json(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string || !(ascii = strdup(text)))
		return string;
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	string = json_string(ascii);
	free(ascii);
	return string;
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? text_to_json(text) : json_null();
}

const char *time_format(int64_t ms, char text[static 32])
{
	time_t seconds = ms / 1000;
	int rest = (int)(ms % 1000);
	struct tm tm;
	char date[24];

	if (rest < 0) {
		rest += 1000;
		seconds--;
	}
	// Only a damaged store holds a time beyond the year 9999: what the form can write.
	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		strcpy(date, "0000-00-00T00:00:00");
	snprintf(text, 32, "%s.%03dZ", date, rest);
	return text;
}

static json_t *time_to_json(int64_t ms)
{
	char text[32];

	return json_string(time_format(ms, text));
}

static json_t *mac_to_json(bool known, const struct mac *mac)
{
	char text[MAC_STRLEN];

	return known ? json_string(mac_format(mac, text)) : json_null();
}

static json_t *prefixes_to_json(const struct prefix prefixes[FAMILIES])
{
	json_t *list = json_array();
	int bad = !list;
	char text[PREFIX_STRLEN];

	for (unsigned i = 0; i < FAMILIES; i++)
		if (prefixes[i].addr.family != FAMILY_NONE)
			bad |= json_array_append_new(
				list, json_string(prefix_format(&prefixes[i], text))
			);
	return finish(list, bad);
}

static json_t *addrs_to_json(const struct addr addrs[FAMILIES])
{
	json_t *list = json_array();
	int bad = !list;
	char text[ADDR_STRLEN];

	for (unsigned i = 0; i < FAMILIES; i++)
		if (addrs[i].family != FAMILY_NONE)
			bad |= json_array_append_new(
				list, json_string(addr_format(&addrs[i], text))
			);
	return finish(list, bad);
}

json_t *segment_to_json(const struct segment *segment)
{
	return json_pack(
		"{s:s, s:o, s:b}", "name", segment->name, "gateway_address",
		prefixes_to_json(segment->gateway_address), "routed", (int)segment->routed
	);
}

static json_t *segments_to_json(const struct cloud *cloud)
{
	json_t *list = json_array();
	int bad = !list;

	for (unsigned i = 0; i < cloud->n_segments; i++)
		bad |= json_array_append_new(list, segment_to_json(&cloud->segments[i]));
	return finish(list, bad);
}

json_t *cloud_to_json(const struct cloud *cloud)
{
	json_t *object = json_object();
	int bad = 0;

	bad |= json_object_set_new(object, "name", json_string(cloud->name));
	bad |= json_object_set_new(object, "location", text_to_json(cloud->location));
	bad |= json_object_set_new(object, "port", text_to_json(cloud->port));
	if (cloud->vlan != VLAN_NONE)
		bad |= json_object_set_new(object, "vlan", json_integer(cloud->vlan));
	bad |= json_object_set_new(object, "gateway", prefixes_to_json(cloud->gateway));
	bad |= json_object_set_new(object, "router", addrs_to_json(cloud->router));
	if (cloud->has_router_mac)
		bad |= json_object_set_new(
			object, "router_mac", mac_to_json(true, &cloud->router_mac)
		);
	bad |= json_object_set_new(object, "network_block", prefixes_to_json(cloud->network_block));
	bad |= json_object_set_new(object, "mtu", json_integer(cloud->mtu));
	bad |= json_object_set_new(object, "segments", segments_to_json(cloud));
	return finish(object, bad);
}

json_t *cloud_status_to_json(const struct cloud *cloud)
{
	const struct cloud_live *live = &cloud->live;
	json_t *object = cloud_to_json(cloud);
	char reason[REASON_SIZE];
	bool connected = cloud_connected(cloud, reason);
	int bad = 0;

	bad |= json_object_set_new(
		object, "state", json_string(connected ? "Connected" : "Disconnected")
	);
	bad |= json_object_set_new(object, "reason", text_or_null(reason));
	bad |= json_object_set_new(
		object, "resolved_router_mac", mac_to_json(live->router_resolved, &live->router_mac)
	);
	bad |= json_object_set_new(object, "mac", mac_to_json(live->port_attached, &live->mac));
	bad |= json_object_set_new(object, "created_at", time_to_json(cloud->created_at));
	bad |= json_object_set_new(object, "created_by", text_to_json(cloud->created_by));
	return finish(object, bad);
}

static json_t *traffic_to_json(const struct traffic *traffic)
{
	return json_pack(
		"{s:I, s:I}", "packets", (json_int_t)traffic->packets, "bytes",
		(json_int_t)traffic->bytes
	);
}

json_t *interconnect_to_json(
	const struct interconnect *interconnect, const struct traffic *cloud_to_peer,
	const struct traffic *peer_to_cloud
)
{
	char reason[REASON_SIZE];
	enum interconnect_state state = interconnect_state(interconnect, reason);
	json_t *counters = json_pack(
		"{s:o, s:o}", "cloud_to_peer", traffic_to_json(cloud_to_peer), "peer_to_cloud",
		traffic_to_json(peer_to_cloud)
	);

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", interconnect->name, "cloud",
		interconnect->cloud->name, "peer", interconnect->peer->name, "state",
		interconnect_state_name(state), "reason", text_or_null(reason), "created_at",
		time_to_json(interconnect->created_at), "created_by",
		text_to_json(interconnect->created_by), "counters", counters
	);
}

json_t *grant_to_json(const struct grant *grant)
{
	return json_pack(
		"{s:s, s:s, s:s}", "principal", grant->principal, "cloud", grant->cloud->name,
		"role", role_name(grant->role)
	);
}

json_t *event_to_json(const struct event *event)
{
	return json_pack(
		"{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq", (json_int_t)event->seq, "at",
		time_to_json(event->at), "principal", text_to_json(event->principal), "action",
		text_to_json(event->action), "object", text_to_json(event->object), "cloud",
		text_or_null(event->cloud), "peer", text_or_null(event->peer), "text",
		text_to_json(event->text)
	);
}

// What is being deleted is committed as gone: applying a dump must not bring it back.
json_t *region_to_json(const struct region *region)
{
	json_t *clouds = json_array(), *interconnects = json_array(), *grants = json_array();
	int bad = 0;

	for (unsigned i = 0; i < region->n_clouds; i++)
		if (!region->clouds[i]->deleting)
			bad |= json_array_append_new(clouds, cloud_to_json(region->clouds[i]));
	for (unsigned i = 0; i < region->n_interconnects; i++) {
		const struct interconnect *one = region->interconnects[i];

		if (one->phase != PHASE_DELETING)
			bad |= json_array_append_new(
				interconnects,
				json_pack(
					"{s:s, s:s, s:s}", "name", one->name, "cloud",
					one->cloud->name, "peer", one->peer->name
				)
			);
	}
	for (unsigned i = 0; i < region->n_grants; i++)
		if (!region->grants[i].cloud->deleting)
			bad |= json_array_append_new(grants, grant_to_json(&region->grants[i]));
	return finish(
		json_pack(
			"{s:i, s:o, s:o, s:o}", "version", 1, "clouds", clouds, "interconnects",
			interconnects, "grants", grants
		),
		bad
	);
}
