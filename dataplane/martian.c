// SPDX-License-Identifier: BSD-3-Clause
#include "martian.h"

const struct martian martians[MARTIANS] = {
	{{{FAMILY_IPV4, {0}}, 8}, "\"this network\"", false},
	{{{FAMILY_IPV4, {127}}, 8}, "loopback", false},
	{{{FAMILY_IPV4, {169, 254}}, 16}, "link-local", true},
	{{{FAMILY_IPV4, {224}}, 4}, "multicast", false},
	{{{FAMILY_IPV4, {240}}, 4}, "class E, reserved", false},
	{{{FAMILY_IPV6, {0}}, 128}, "the unspecified address", false},
	{{{FAMILY_IPV6, {[15] = 1}}, 128}, "loopback", false},
	{{{FAMILY_IPV6, {[10] = 0xff, 0xff}}, 96}, "IPv4-mapped", false},
	{{{FAMILY_IPV6, {0xfe, 0x80}}, 10}, "link-local", false},
	{{{FAMILY_IPV6, {0xff}}, 8}, "multicast", false},
};
