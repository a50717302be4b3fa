// SPDX-License-Identifier: BSD-3-Clause
#include "guard_internal.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define NETDEV_PIN "netdev_" // and the ifindex: a name may have a dot, which bpffs has not
#define PIN_SIZE (GUARD_PATH_SIZE + 64)

static char error[512];
static char warning[192]; // the last of libbpf's

const char *guard_error(void)
{
	return error;
}

int guard_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, sizeof(error), format, args);
	va_end(args);
	return code;
}

__attribute__((format(printf, 2, 0))) static int keep_warning(
	enum libbpf_print_level level, const char *format, va_list args
)
{
	if (level == LIBBPF_WARN && vsnprintf(warning, sizeof(warning), format, args) > 0)
		warning[strcspn(warning, "\n")] = '\0';
	return 0;
}

// Pins

static const char *pin_path(char path[static PIN_SIZE], const char *directory, const char *name)
{
	snprintf(path, PIN_SIZE, "%.120s/%.60s", directory, name);
	return path;
}

static bool is_bpffs(const char *path)
{
	struct statfs found;

	return statfs(path, &found) == 0 && (unsigned long)found.f_type == BPF_FS_MAGIC;
}

static int make_directory(const char *path, bool *made)
{
	*made = mkdir(path, 0700) == 0;
	return *made || errno == EEXIST ? 0 : -errno;
}

static int make_pin_directory(const char *path, bool *made)
{
	int code;

	if (strncmp(path, BPFFS "/", strlen(BPFFS "/")) == 0 && !is_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", 0, "mode=0700") < 0)
		return guard_fail(
			-errno,
			"no BPF file system on " BPFFS
			", and it cannot be mounted (%s): mount -t bpf bpf " BPFFS,
			strerror(errno)
		);
	code = make_directory(path, made);
	return code < 0 ? guard_fail(code, "cannot make %s: %s", path, strerror(-code)) : 0;
}

static void remove_pins(const char *directory)
{
	DIR *pins = opendir(directory);
	char path[PIN_SIZE];
	struct dirent *pin;

	while (pins != NULL && (pin = readdir(pins)) != NULL)
		if (pin->d_name[0] != '.')
			unlink(pin_path(path, directory, pin->d_name));
	if (pins != NULL)
		closedir(pins);
	rmdir(directory);
}

// Maps

static bool is_of_netdev(const struct bpf_map *map)
{
	static const char *const names[] = {"xsks_map", "vlans", "queues", "explained"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(bpf_map__name(map), names[i]) == 0)
			return true;
	return false;
}

// What libbpf makes of its own (.rodata and the like) is each object's.
static bool is_ours(const struct bpf_map *map)
{
	return strchr(bpf_map__name(map), '.') == NULL;
}

// The kernel adds a flag of its own to device maps.
static bool is_alike(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == bpf_map__type(map) &&
		info.key_size == bpf_map__key_size(map) &&
		info.value_size == bpf_map__value_size(map) &&
		info.max_entries == bpf_map__max_entries(map) &&
		(info.map_flags & ~(__u32)BPF_F_RDONLY_PROG) == bpf_map__map_flags(map);
}

// The pinned map, if there is one that a program of this build can use; one that it cannot goes.
static int reuse_pinned(struct bpf_map *map, const char *directory)
{
	char path[PIN_SIZE];
	int fd = bpf_obj_get(pin_path(path, directory, bpf_map__name(map)));
	int code = 0;

	if (fd < 0)
		return 0;
	if (is_alike(map, fd))
		code = bpf_map__reuse_fd(map, fd);
	else
		unlink(path);
	close(fd);
	return code;
}

static int pin(const struct bpf_map *map, const char *directory)
{
	char path[PIN_SIZE];

	if (bpf_obj_pin(bpf_map__fd(map), pin_path(path, directory, bpf_map__name(map))) == 0 ||
	    errno == EEXIST)
		return 0;
	return guard_fail(-errno, "cannot pin %s: %s", path, strerror(errno));
}

static const char *advice(int code)
{
	if (code == -EPERM || code == -EACCES)
		return ": it takes root, or CAP_BPF and CAP_NET_ADMIN";
	if (code == -ENOMEM)
		return ": free some memory on this host";
	return ": it takes Linux 5.15 with CONFIG_BPF_SYSCALL, CONFIG_XDP_SOCKETS and BTF";
}

static int load(struct guard_bpf *bpf)
{
	int code = guard_bpf__load(bpf);

	if (code == 0)
		return 0;
	return guard_fail(
		code, "the kernel does not load the guard (%s; %s)%s", strerror(-code), warning,
		advice(code)
	);
}

static struct guard_bpf *open_skeleton(void)
{
	struct guard_bpf *bpf;

	libbpf_set_print(keep_warning);
	warning[0] = '\0';
	bpf = guard_bpf__open();
	if (bpf == NULL)
		guard_fail(-errno, "the guard's program cannot be read: %s", strerror(errno));
	return bpf;
}

// The maps that all netdevs share

// Is it one that a successor finds?
static bool is_pinned(const struct guard *guard, const struct bpf_map *map)
{
	return guard->directory[0] != '\0' && is_ours(map) && !is_of_netdev(map);
}

static int open_shared(struct guard *guard)
{
	struct bpf_map *map;
	int code = 0;

	guard->shared = open_skeleton();
	if (guard->shared == NULL)
		return -ENOMEM;
	// No program, which takes the kernel longest to load: guard_probe() and each netdev do.
	bpf_program__set_autoload(guard->shared->progs.xsk_def_prog, false);
	bpf_program__set_autoload(guard->shared->progs.guard_explain, false);
	bpf_object__for_each_map(map, guard->shared->obj) {
		if (code == 0 && is_pinned(guard, map))
			code = reuse_pinned(map, guard->directory);
	}
	if (code == 0)
		code = load(guard->shared);
	bpf_object__for_each_map(map, guard->shared->obj) {
		if (code == 0 && is_pinned(guard, map))
			code = pin(map, guard->directory);
	}
	return code;
}

static int on_switch(void *arg, void *data, size_t size)
{
	struct guard *guard = arg;

	if (size >= sizeof(struct guard_switch) && guard->on_switch != NULL)
		guard->on_switch(data, guard->on_switch_arg);
	return 0;
}

static int start(struct guard *guard, const char *directory)
{
	int code;

	if (directory != NULL) {
		snprintf(guard->directory, sizeof(guard->directory), "%s", directory);
		code = make_pin_directory(directory, &guard->made_directory);
		if (code < 0)
			return code;
	}
	code = open_shared(guard);
	if (code == 0)
		code = guard_slots_adopt(guard);
	if (code == 0)
		code = guard_routes_adopt(guard);
	if (code == 0)
		code = guard_settler_start(guard);
	if (code < 0)
		return code;
	guard->switches =
		ring_buffer__new(guard_fd(guard->shared->maps.switches), on_switch, guard, NULL);
	return guard->switches == NULL
		? guard_fail(-errno, "no ring buffer of the guard's: %s", strerror(errno))
		: 0;
}

struct guard *guard_open(const char *directory)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (guard == NULL) {
		guard_fail(-ENOMEM, "no memory for the guard");
		return NULL;
	}
	guard->n_cpus = libbpf_num_possible_cpus();
	if (start(guard, directory) == 0)
		return guard;
	if (guard->made_directory)
		remove_pins(guard->directory);
	guard_close(guard);
	return NULL;
}

bool guard_is_new(const struct guard *guard)
{
	return guard->made_directory;
}

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct guard_life), "the map holds it");
_Static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0, "where the guard looks for it");

// Whoever held it before is dead, or would hold the lock of the state.
int guard_live(struct guard *guard)
{
	pthread_mutexattr_t robust;
	void *memory =
		mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		     guard_fd(guard->shared->maps.life), 0);

	if (memory == MAP_FAILED)
		return guard_fail(-ENOMEM, "no memory for the life of the guard");
	memset(memory, 0, sizeof(struct guard_life));
	guard->life = memory;
	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(guard->life, &robust);
	pthread_mutexattr_destroy(&robust);
	pthread_mutex_lock(guard->life);
	return 0;
}

static void end_life(struct guard *guard)
{
	if (guard->life == NULL)
		return;
	pthread_mutex_unlock(guard->life);
	munmap(guard->life, (size_t)sysconf(_SC_PAGESIZE));
}

void guard_close(struct guard *guard)
{
	if (guard == NULL)
		return;
	while (guard->netdevs != NULL)
		guard_forget(guard->netdevs);
	guard_settler_stop(guard);
	end_life(guard);
	ring_buffer__free(guard->switches);
	guard_routes_free(guard);
	guard_bpf__destroy(guard->shared);
	free(guard);
}

void guard_take_switches(
	struct guard *guard, void (*fn)(const struct guard_switch *change, void *arg), void *arg
)
{
	guard->on_switch = fn;
	guard->on_switch_arg = arg;
	ring_buffer__consume(guard->switches);
}

// The program on one netdev

// Of the map with the same name in another instance.
static int fd_of(const struct guard_bpf *bpf, const struct bpf_map *map)
{
	return bpf_map__fd(bpf_object__find_map_by_name(bpf->obj, bpf_map__name(map)));
}

static int load_for(struct guard_netdev *netdev)
{
	struct bpf_map *map;
	int code = 0;

	netdev->bpf = open_skeleton();
	if (netdev->bpf == NULL)
		return -ENOMEM;
	bpf_object__for_each_map(map, netdev->bpf->obj) {
		if (code < 0 || !is_ours(map))
			continue;
		if (!is_of_netdev(map))
			code = bpf_map__reuse_fd(map, fd_of(netdev->guard->shared, map));
		else if (netdev->pins[0] != '\0')
			code = reuse_pinned(map, netdev->pins);
	}
	if (code < 0)
		return guard_fail(code, "the guard's maps cannot be shared: %s", strerror(-code));
	bpf_program__set_autoload(netdev->bpf->progs.guard_explain, false);
	code = load(netdev->bpf);
	bpf_object__for_each_map(map, netdev->bpf->obj)
		if (code == 0 && netdev->pins[0] != '\0' && is_ours(map) && is_of_netdev(map))
			code = pin(map, netdev->pins);
	return code;
}

// Of the pinned link, if that is of this netdev: one that was deleted leaves a dead one behind.
static struct bpf_link *adopt_link(const struct guard_netdev *netdev)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	struct bpf_link *link;
	char path[PIN_SIZE];

	if (netdev->pins[0] == '\0')
		return NULL;
	link = bpf_link__open(pin_path(path, netdev->pins, "link"));
	if (link == NULL)
		return NULL;
	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) == 0 &&
	    info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == netdev->ifindex)
		return link;
	unlink(path);
	bpf_link__destroy(link);
	return NULL;
}

static int refuse_foreign(const struct guard_netdev *netdev, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info), id = 0;
	int fd;

	if (bpf_xdp_query_id((int)netdev->ifindex, 0, &id) < 0 || id == 0)
		return 0;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	}
	return guard_fail(
		-EBUSY,
		"netdev %s has an XDP program that is not t0x's (%s, id %u): take it off with ip link set "
		"dev %s xdp off, or end the program that holds it",
		name, info.name[0] ? info.name : "unnamed", id, name
	);
}

static int link_to(struct guard_netdev *netdev, const char *name)
{
	char path[PIN_SIZE];
	int code;

	if (netdev->link != NULL) {
		code = bpf_link__update_program(netdev->link, netdev->bpf->progs.xsk_def_prog);
		if (code < 0)
			guard_fail(
				code, "the guard on netdev %s cannot be replaced: %s", name,
				strerror(-code)
			);
		return code;
	}
	netdev->link =
		bpf_program__attach_xdp(netdev->bpf->progs.xsk_def_prog, (int)netdev->ifindex);
	if (netdev->link == NULL)
		return guard_fail(
			-errno, "the guard cannot be attached to netdev %s: %s", name,
			strerror(errno)
		);
	if (netdev->pins[0] == '\0')
		return 0;
	code = bpf_link__pin(netdev->link, pin_path(path, netdev->pins, "link"));
	return code < 0 ? guard_fail(code, "cannot pin %s: %s", path, strerror(-code)) : 0;
}

static int map_memory(struct guard_netdev *netdev)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *queues =
		mmap(NULL, sizeof(struct guard_queue) * GUARD_QUEUES_MAX, PROT_READ | PROT_WRITE,
		     MAP_SHARED, guard_fd(netdev->bpf->maps.queues), 0);
	void *explained =
		mmap(NULL, page, PROT_READ, MAP_SHARED, guard_fd(netdev->bpf->maps.explained), 0);

	netdev->queues = queues != MAP_FAILED ? queues : NULL;
	netdev->explained = explained != MAP_FAILED ? explained : NULL;
	return netdev->queues != NULL && netdev->explained != NULL
		? 0
		: guard_fail(-ENOMEM, "no memory for the queues of the guard");
}

static int attach(struct guard_netdev *netdev, const char *name)
{
	const char *directory = netdev->guard->directory;
	int code;

	netdev->ifindex = if_nametoindex(name);
	if (netdev->ifindex == 0)
		return guard_fail(-ENODEV, "there is no netdev %s here", name);
	if (directory[0] != '\0') {
		snprintf(
			netdev->pins, sizeof(netdev->pins), "%s/" NETDEV_PIN "%u", directory,
			netdev->ifindex
		);
		code = make_directory(netdev->pins, &netdev->made_pins);
		if (code < 0)
			return guard_fail(
				code, "cannot make %s: %s", netdev->pins, strerror(-code)
			);
	}
	netdev->link = adopt_link(netdev);
	code = netdev->link != NULL ? 0 : refuse_foreign(netdev, name);
	if (code == 0)
		code = load_for(netdev);
	if (code == 0)
		code = map_memory(netdev);
	if (code < 0)
		return code;
	guard_vlans_adopt(netdev);
	return link_to(netdev, name);
}

int guard_attach(struct guard *guard, const char *name, struct guard_netdev **ret)
{
	struct guard_netdev *netdev = calloc(1, sizeof(*netdev));
	int code;

	*ret = NULL;
	if (netdev == NULL)
		return guard_fail(-ENOMEM, "no memory for the guard on netdev %s", name);
	netdev->guard = guard;
	netdev->next = guard->netdevs;
	guard->netdevs = netdev;
	code = attach(netdev, name);
	if (code == 0) {
		*ret = netdev;
		return 0;
	}
	// What an earlier process attached works on.
	if (netdev->made_pins)
		remove_pins(netdev->pins);
	guard_forget(netdev);
	return code;
}

void guard_forget(struct guard_netdev *netdev)
{
	struct guard_netdev **link;

	if (netdev == NULL)
		return;
	link = &netdev->guard->netdevs;
	while (*link != NULL && *link != netdev)
		link = &(*link)->next;
	if (*link != NULL)
		*link = netdev->next;
	if (netdev->queues != NULL)
		munmap(netdev->queues, sizeof(struct guard_queue) * GUARD_QUEUES_MAX);
	if (netdev->explained != NULL)
		munmap((void *)netdev->explained, (size_t)sysconf(_SC_PAGESIZE));
	bpf_link__destroy(netdev->link); // a pin holds it
	guard_bpf__destroy(netdev->asked);
	guard_bpf__destroy(netdev->bpf);
	free(netdev);
}

void guard_detach(struct guard_netdev *netdev)
{
	if (netdev == NULL)
		return;
	if (netdev->link != NULL)
		bpf_link__detach(netdev->link);
	if (netdev->pins[0] != '\0')
		remove_pins(netdev->pins);
	guard_forget(netdev);
}

void guard_each_pinned(
	const char *directory, void (*fn)(const char *pins, unsigned ifindex, void *arg), void *arg
)
{
	DIR *pins = opendir(directory);
	struct dirent *entry;
	char path[PIN_SIZE];
	unsigned ifindex;

	while (pins != NULL && (entry = readdir(pins)) != NULL)
		if (sscanf(entry->d_name, NETDEV_PIN "%u", &ifindex) == 1)
			fn(pin_path(path, directory, entry->d_name), ifindex, arg);
	if (pins != NULL)
		closedir(pins);
}

static bool is_attached(const struct guard *guard, unsigned ifindex)
{
	for (const struct guard_netdev *at = guard->netdevs; at != NULL; at = at->next)
		if (at->ifindex == ifindex)
			return true;
	return false;
}

struct leaving {
	const struct guard *guard; // whose netdevs stay; or NULL
	void (*before)(unsigned ifindex);
	unsigned n;
};

static void detach_pinned(const char *pins, unsigned ifindex, void *arg)
{
	struct leaving *leaving = arg;
	char path[PIN_SIZE];
	int fd;

	if (leaving->guard != NULL && is_attached(leaving->guard, ifindex))
		return;
	leaving->before(ifindex);
	fd = bpf_obj_get(pin_path(path, pins, "link"));
	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	remove_pins(pins);
	leaving->n++;
}

unsigned guard_remove_orphans(struct guard *guard, void (*before)(unsigned ifindex))
{
	struct leaving leaving = {guard, before, 0};

	if (guard->directory[0] != '\0')
		guard_each_pinned(guard->directory, detach_pinned, &leaving);
	return leaving.n;
}

int guard_remove(const char *directory, void (*before)(unsigned ifindex))
{
	struct leaving leaving = {NULL, before, 0};

	guard_each_pinned(directory, detach_pinned, &leaving);
	remove_pins(directory);
	if (access(directory, F_OK) != 0)
		return 0;
	return guard_fail(
		-EBUSY, "what an earlier t0xd has pinned in %s cannot be removed: rm -r %s",
		directory, directory
	);
}

// The program once, attached to nothing.
int guard_probe(struct guard *guard)
{
	struct guard_netdev nowhere = {.guard = guard};
	int code = load_for(&nowhere);

	guard_bpf__destroy(nowhere.bpf);
	return code;
}

bool guard_was_there(const struct guard_netdev *netdev)
{
	return !netdev->made_pins;
}

unsigned guard_ifindex(const struct guard_netdev *netdev)
{
	return netdev->ifindex;
}

__u64 *guard_beats(struct guard_netdev *netdev)
{
	return &netdev->queues[0].beat;
}

void guard_stop_beats(struct guard_netdev *netdev)
{
	for (unsigned queue = 0; queue < GUARD_QUEUES_MAX; queue++)
		__atomic_store_n(&netdev->queues[queue].beat, 0, __ATOMIC_RELAXED);
	netdev->guard->touched = true;
}

// What would it do?

static int run(
	int program, unsigned ifindex, void *in, size_t length, void *out, size_t *out_length
)
{
	struct xdp_md context = {.data_end = (__u32)length, .ingress_ifindex = ifindex};
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.data_in = in,
		.data_size_in = (__u32)length,
		.data_out = out,
		.data_size_out = out != NULL ? (__u32)*out_length : 0,
		.ctx_in = &context,
		.ctx_size_in = sizeof(context),
	};

	if (bpf_prog_test_run_opts(program, &options) < 0)
		return -errno;
	if (out != NULL)
		*out_length = options.data_size_out;
	return (int)options.retval;
}

static int load_asked(struct guard_netdev *netdev)
{
	struct guard_bpf *bpf = open_skeleton();
	struct bpf_map *map;
	int code = 0;

	if (bpf == NULL)
		return -ENOMEM;
	bpf_program__set_autoload(bpf->progs.xsk_def_prog, false);
	bpf_object__for_each_map(map, bpf->obj)
		if (code == 0 && is_ours(map))
			code = bpf_map__reuse_fd(map, fd_of(netdev->bpf, map));
	if (code == 0)
		code = load(bpf);
	if (code == 0)
		netdev->asked = bpf;
	else
		guard_bpf__destroy(bpf);
	return code;
}

int guard_explain(
	struct guard_netdev *netdev, const void *frame, size_t length,
	struct guard_explanation *explanation
)
{
	int code = 0;

	if (netdev->asked == NULL)
		code = load_asked(netdev);
	if (netdev->asked == NULL)
		return code;
	code =
		run(bpf_program__fd(netdev->asked->progs.guard_explain), netdev->ifindex,
		    (void *)frame, length, NULL, NULL);
	if (code < 0)
		return guard_fail(code, "the guard cannot be asked: %s", strerror(-code));
	*explanation = *netdev->explained;
	return 0;
}

int guard_run(struct guard_netdev *netdev, void *frame, size_t *length, size_t size)
{
	size_t in = *length;

	*length = size;
	return run(
		bpf_program__fd(netdev->bpf->progs.xsk_def_prog), netdev->ifindex, frame, in, frame,
		length
	);
}
