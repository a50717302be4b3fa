// SPDX-License-Identifier: BSD-3-Clause
// Why a request was refused: a stable code for programs, a sentence for people.
#pragma once

// REFUSAL(code): the stable words of the RPC's error.data.code.
#define REFUSAL_CODES(REFUSAL) \
	REFUSAL(cloud_not_found) \
	REFUSAL(interconnect_not_found) \
	REFUSAL(segment_not_found) \
	REFUSAL(grant_not_found) \
	REFUSAL(name_invalid) \
	REFUSAL(name_in_use) \
	REFUSAL(address_invalid) \
	REFUSAL(port_in_use) \
	REFUSAL(port_failed) \
	REFUSAL(port_not_found) \
	REFUSAL(queue_not_found) \
	REFUSAL(worker_not_found) \
	REFUSAL(transit_overlap) \
	REFUSAL(same_cloud) \
	REFUSAL(different_location) \
	REFUSAL(overlapping_prefixes) \
	REFUSAL(not_confirmed) \
	REFUSAL(no_write_access) \
	REFUSAL(already_interconnected) \
	REFUSAL(limit_reached) \
	REFUSAL(cloud_in_use) \
	REFUSAL(store_failed) \
	REFUSAL(out_of_memory)

enum refusal_code {
	REFUSAL_none,
#define REFUSAL_ENUM(code) REFUSAL_##code,
	REFUSAL_CODES(REFUSAL_ENUM)
#undef REFUSAL_ENUM
};

struct refusal {
	enum refusal_code code;
	char text[2048]; // what was refused, which objects, and the way out; one line
};

// Fill 'refusal' (cutting a text that is too long) and return -1, so that a rule reads
// "return refuse(refusal, REFUSAL_same_cloud, ...)".
int refuse(struct refusal *refusal, enum refusal_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// The stable word of a code. Static string.
const char *refusal_code_name(enum refusal_code code);
