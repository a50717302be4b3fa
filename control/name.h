// SPDX-License-Identifier: BSD-3-Clause
// The words that users give: names, locations, principals, ports and their VLANs.
//
// All refuse name_invalid, quote the word, and say what is asked for. Pure functions.
#pragma once

#include "refusal.h"
#include "region.h"

// A name as rule_name_valid() has it. 'what' is of what: "cloud", "segment", "interconnect".
int name_check(const char *what, const char *name, struct refusal *refusal);

// The location of a cloud: the characters of a name and spaces.
int name_check_location(const struct cloud *cloud, struct refusal *refusal);

// The port of a cloud (printable, no spaces) and its VLAN.
int name_check_port(const struct cloud *cloud, struct refusal *refusal);

// A principal that can be granted a role: uid:N.
int name_check_principal(const char *principal, struct refusal *refusal);
