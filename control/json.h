// SPDX-License-Identifier: BSD-3-Clause
// The region's objects as JSON: the words of region.json, of the RPC and of t0xctl -o json.
//
// Decoding is strict: an unknown member, a wrong type or a text that is no address is an error that
// names the member. Encoders return a new reference, or NULL without memory. Control thread.
#pragma once

#include "refusal.h"
#include "region.h"
#include "store.h"

#include <jansson.h>

// Decode the members of a cloud as region.json has them ("segments" excepted) into 'cloud', which
// is zeroed first and gets the defaults. Address members take a string or a list of one string a
// family. Returns 0, or -1 with the refusal filled: name_invalid, address_invalid ("gateway:
// \"10.0.0.1\" is not ADDR/LEN"), or REFUSAL_none when the shape is wrong: a member that is
// unknown, missing or of another type, which the RPC answers as invalid params.
int cloud_from_json(const json_t *object, struct cloud *cloud, struct refusal *refusal);
int segment_from_json(const json_t *object, struct segment *segment, struct refusal *refusal);

// {"name","location","port","vlan","gateway","router","router_mac","network_block","mtu",
// "segments"}: a cloud as region.json has it; absent members are left out.
json_t *cloud_to_json(const struct cloud *cloud);
json_t *segment_to_json(const struct segment *segment);

// cloud_to_json() plus "state" ("Connected", "Disconnected"), "reason", "resolved_router_mac",
// "mac", "created_at", "created_by".
json_t *cloud_status_to_json(const struct cloud *cloud);

struct traffic {
	uint64_t packets;
	uint64_t bytes;
};

// The pinned form: name, cloud, peer, state, reason, created_at (RFC 3339 UTC), created_by,
// counters.
json_t *interconnect_to_json(
	const struct interconnect *interconnect, const struct traffic *cloud_to_peer,
	const struct traffic *peer_to_cloud
);
json_t *grant_to_json(const struct grant *grant);
json_t *event_to_json(const struct event *event);

// The whole region as region.json has it: {"version":1,"clouds","interconnects","grants"}.
json_t *region_to_json(const struct region *region);

// A text for people as a JSON string. One that was cut inside a character, or came from elsewhere,
// need not be UTF-8, and must not take the whole answer with it: what is no ASCII becomes '?' then.
json_t *text_to_json(const char *text);

// RFC 3339 with milliseconds and Z. 'text' holds at least 32 bytes.
const char *time_format(int64_t ms, char text[static 32]);
