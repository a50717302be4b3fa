// SPDX-License-Identifier: BSD-3-Clause
#include "prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int addr_parse(const char *text, struct addr *addr)
{
	struct addr parsed = {};

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.family = FAMILY_IPV4;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.family = FAMILY_IPV6;
	else
		return -EINVAL;
	*addr = parsed;
	return 0;
}

int prefix_parse(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char host[ADDR_STRLEN];
	struct prefix parsed;
	unsigned len = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (addr_parse(host, &parsed.addr) < 0)
		return -EINVAL;

	// One to three digits, no sign, no leading zero: what people write.
	size_t digits = strspn(slash + 1, "0123456789");

	if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
		return -EINVAL;
	if (slash[1] == '0' && digits > 1)
		return -EINVAL;
	len = (unsigned)atoi(slash + 1);
	if (len > family_bits(parsed.addr.family))
		return -EINVAL;
	parsed.len = (uint8_t)len;
	*prefix = parsed;
	return 0;
}

const char *addr_format(const struct addr *addr, char text[static ADDR_STRLEN])
{
	if (addr->family == FAMILY_NONE)
		text[0] = '\0';
	else
		inet_ntop(
			addr->family == FAMILY_IPV6 ? AF_INET6 : AF_INET, addr->bytes, text,
			ADDR_STRLEN
		);
	return text;
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_STRLEN])
{
	addr_format(&prefix->addr, text);
	if (prefix->addr.family != FAMILY_NONE)
		sprintf(text + strlen(text), "/%u", prefix->len);
	return text;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;

	int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

	return order != 0 ? order : (int)a->len - (int)b->len;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return prefix_compare(a, b) == 0;
}

struct prefix prefix_network(const struct prefix *prefix)
{
	struct prefix network = *prefix;

	for (unsigned i = 0; i < sizeof(network.addr.bytes); i++) {
		unsigned bits = prefix->len > 8 * i ? prefix->len - 8 * i : 0;

		if (bits < 8)
			network.addr.bytes[i] &= (uint8_t)(0xff00 >> bits);
	}
	return network;
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	struct prefix other = {.addr = *addr, .len = prefix->len};
	struct prefix a = prefix_network(prefix);
	struct prefix b = prefix_network(&other);

	return addr_equal(&a.addr, &b.addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wider = a->len <= b->len ? a : b;
	const struct prefix *narrower = wider == a ? b : a;

	return a->addr.family != FAMILY_NONE && prefix_contains(wider, &narrower->addr);
}

uint32_t addr_ipv4(const struct addr *addr)
{
	return (uint32_t)addr->bytes[0] << 24 | (uint32_t)addr->bytes[1] << 16 |
		(uint32_t)addr->bytes[2] << 8 | addr->bytes[3];
}

struct addr addr_from_ipv4(uint32_t host_order)
{
	return (struct addr){
		.family = FAMILY_IPV4,
		.bytes =
			{
				(uint8_t)(host_order >> 24),
				(uint8_t)(host_order >> 16),
				(uint8_t)(host_order >> 8),
				(uint8_t)host_order,
			},
	};
}

struct addr6 addr_ipv6(const struct addr *addr)
{
	struct addr6 halves = {};

	for (unsigned i = 0; i < 8; i++) {
		halves.upper = halves.upper << 8 | addr->bytes[i];
		halves.lower = halves.lower << 8 | addr->bytes[8 + i];
	}
	return halves;
}
