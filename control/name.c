// SPDX-License-Identifier: BSD-3-Clause
#include "name.h"

#include "log.h"
#include "rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A letter or digit, then letters, digits, and what stands in 'also'; shorter than 'size'.
static bool is_word(const char *text, size_t size, const char *also)
{
	size_t length = strnlen(text, size);

	if (length == 0 || length == size || !is_letter_or_digit(text[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_letter_or_digit(text[i]) && !strchr(also, text[i]))
			return false;
	}
	return true;
}

bool rule_name_valid(const char *name)
{
	return is_word(name, NAME_SIZE, "-_.");
}

int name_check(const char *what, const char *name, struct refusal *refusal)
{
	if (rule_name_valid(name))
		return 0;
	return refuse(
		refusal, REFUSAL_name_invalid,
		"%s name " LOG_TEXT " is not valid: a name is a letter or digit, then letters, "
		"digits, '-', '_' and '.', %d characters at most",
		what, log_text(name), NAME_SIZE - 1
	);
}

int name_check_location(const struct cloud *cloud, struct refusal *refusal)
{
	if (is_word(cloud->location, LOCATION_SIZE, "-_. "))
		return 0;
	return refuse(
		refusal, REFUSAL_name_invalid,
		"location " LOG_TEXT " of %s is not valid: give the Azure region, such as "
		"westeurope",
		log_text(cloud->location), cloud->name
	);
}

static bool is_devargs(const char *text)
{
	size_t length = strnlen(text, DEVARGS_SIZE);

	if (length == 0 || length == DEVARGS_SIZE || text[0] == ',')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return true;
}

int name_check_port(const struct cloud *cloud, struct refusal *refusal)
{
	if (!is_devargs(cloud->port))
		return refuse(
			refusal, REFUSAL_name_invalid,
			"port " LOG_TEXT " of %s is not valid: give the name of an ethdev port or "
			"its devargs, without spaces, %d characters at most",
			log_text(cloud->port), cloud->name, DEVARGS_SIZE - 1
		);
	if (cloud->vlan > 4094)
		return refuse(
			refusal, REFUSAL_name_invalid,
			"VLAN %u of %s is not valid: give 1 to 4094, or none for an untagged port",
			cloud->vlan, cloud->name
		);
	return 0;
}

// "uid:N" as the kernel would report the peer of a socket: decimal, canonical, and not the value
// that stands for no user.
static bool is_principal(const char *text)
{
	unsigned long long uid;
	char *end;

	if (strncmp(text, "uid:", 4) != 0 || !isdigit((unsigned char)text[4]))
		return false;
	if (text[4] == '0' && text[5] != '\0')
		return false;
	errno = 0;
	uid = strtoull(&text[4], &end, 10);
	return errno == 0 && *end == '\0' && uid < UINT32_MAX;
}

int name_check_principal(const char *principal, struct refusal *refusal)
{
	if (is_principal(principal))
		return 0;
	return refuse(
		refusal, REFUSAL_name_invalid,
		"principal " LOG_TEXT " is not valid: give uid:N with the number of a user",
		log_text(principal)
	);
}
