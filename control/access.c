// SPDX-License-Identifier: BSD-3-Clause
#include "access.h"

#include "log.h"

bool access_may_write(
	const struct region *region, const struct principal *principal, const struct cloud *cloud
)
{
	return principal->admin || region_role(region, principal->name, cloud) == ROLE_CONTRIBUTOR;
}

bool rule_may_read(
	const struct region *region, const struct principal *principal, const struct cloud *cloud
)
{
	return principal->admin || region_role(region, principal->name, cloud) != ROLE_NONE;
}

int rule_admin(const struct principal *principal, const char *what, struct refusal *refusal)
{
	if (principal->admin)
		return 0;
	return refuse(
		refusal, REFUSAL_no_write_access,
		"%s may not %s: only root and the user that t0xd runs as may", principal->name, what
	);
}

int access_check_write(
	const struct region *region, const struct principal *principal, const struct cloud *cloud,
	struct refusal *refusal
)
{
	if (access_may_write(region, principal, cloud))
		return 0;
	return refuse(
		refusal, REFUSAL_no_write_access,
		"%s may not change cloud %s: the role contributor is missing there; root grants it "
		"(t0xctl grant create %s %s contributor)",
		principal->name, cloud->name, principal->name, cloud->name
	);
}

struct cloud *rule_readable_cloud(
	const struct region *region, const struct principal *principal, const char *name,
	struct refusal *refusal
)
{
	struct cloud *cloud = region_cloud(region, name);

	if (cloud && rule_may_read(region, principal, cloud))
		return cloud;
	refuse(refusal, REFUSAL_cloud_not_found,
	       "there is no cloud " LOG_TEXT " that %s may see: t0xctl cloud list shows those "
	       "there are",
	       log_text(name), principal->name);
	return NULL;
}

int access_check_not_deleting(const struct cloud *cloud, struct refusal *refusal)
{
	if (!cloud->deleting)
		return 0;
	return refuse(
		refusal, REFUSAL_cloud_not_found,
		"cloud %s is being deleted: it takes no more changes", cloud->name
	);
}

struct cloud *rule_find_cloud(
	const struct region *region, const char *name, struct refusal *refusal
)
{
	struct cloud *cloud = region_cloud(region, name);

	if (!cloud) {
		refuse(refusal, REFUSAL_cloud_not_found,
		       "there is no cloud " LOG_TEXT ": t0xctl cloud list shows those there are",
		       log_text(name));
		return NULL;
	}
	return access_check_not_deleting(cloud, refusal) < 0 ? NULL : cloud;
}
