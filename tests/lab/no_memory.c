// SPDX-License-Identifier: BSD-3-Clause
// For LD_PRELOAD under t0xd: as long as the file that T0X_NO_MEMORY names is there, the kernel has
// no memory for routes of the guard. What closes one is written as ever.
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_route(int fd, const void *value)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	__u32 leaf;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != BPF_MAP_TYPE_LPM_TRIE)
		return false;
	memcpy(&leaf, value, sizeof(leaf));
	return leaf != 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	int (*update)(int, const void *, const void *, __u64);
	const char *file = getenv("T0X_NO_MEMORY");

	if (file && access(file, F_OK) == 0 && is_route(fd, value)) {
		errno = ENOMEM;
		return -ENOMEM;
	}
	*(void **)&update = dlsym(RTLD_NEXT, "bpf_map_update_elem");
	return update(fd, key, value, flags);
}
