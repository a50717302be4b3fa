// SPDX-License-Identifier: BSD-3-Clause
#include "guarding.h"

#include "dataplane/placement.h"
#include "dataplane/queues.h"
#include "dataplane/rcu.h"
#include "ebpf/guard.h"
#include "log.h"
#include "netlink.h"
#include "tap.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "guard"

#define DRIVER "net_af_xdp"
#define PINS "/sys/fs/bpf/"

_Static_assert(GUARD_QUEUES_MAX == QUEUES_MAX, "a worker beats for each");
_Static_assert(GUARD_UNTAGGED == UNTAGGED, "one word for both sides");
_Static_assert(GUARD_CLOUD_MAX == CLOUD_ID_MAX, "likewise");
_Static_assert(GUARD_INTERCONNECT_BITS == LEAF_INTERCONNECT_BITS, "likewise");
_Static_assert(sizeof(guard_leaf) == sizeof(leaf_t), "likewise");
_Static_assert(sizeof(((struct egress *)0)->l2) == GUARD_L2_MAX, "likewise");

// A netdev with the guard on it, for all clouds whose port it is.
struct guarded {
	struct guarded *next;
	char name[IF_NAMESIZE];
	char port[DEVARGS_SIZE]; // the name of the port
	struct guard_netdev *netdev;
	unsigned users; // clouds; 0: it drops all, until its port is there again
	bool watched; // its workers beat
	uint16_t port_id; // ethdev port id, if so
};

static struct guard *guard; // NULL: there is none
static char directory[64]; // of its pins
static enum guarding_mode mode;
static bool missing; // in vain it has been tried to open one
static struct guarded *netdevs;
static bool kernel_forwards;
static bool started; // what the region has is attached
static bool leaving;
static bool has_cloud[CLOUD_ID_MAX + 1];

// What the guard's programs may still read belongs to every grace period.

static void settle(void)
{
	if (guard != NULL)
		guard_settle(guard);
}

static bool has_settled(void)
{
	return guard == NULL || guard_settled(guard);
}

static int copy_error(char *error, size_t size)
{
	snprintf(error, size, "%s", guard_error());
	return -1;
}

static void begin_counts(uint16_t cloud)
{
	if (guard_count_cloud(guard, cloud) < 0)
		LOG(WARNING, "event=not_counted why=" LOG_TEXT, log_text(guard_error()));
}

// No netdev may be without the guard and still have the addresses that it has guarded: the clouds
// would reach this host by them.
static void disown(unsigned ifindex)
{
	struct mnl_socket *socket = netlink_open();
	struct prefix foreign;

	if (socket == NULL)
		return;
	(void)tap_keep_addresses(socket, (int)ifindex, NULL, 0, &foreign);
	mnl_socket_close(socket);
}

// Told once.
static bool open_guard(void)
{
	bool is_new = false;

	if (guard != NULL || missing)
		return guard != NULL;
	guard = guard_open(directory);
	if (guard != NULL && (guard_probe(guard) < 0 || guard_live(guard) < 0)) {
		is_new = guard_is_new(guard);
		guard_close(guard);
		guard = NULL;
	}
	missing = guard == NULL;
	if (missing)
		LOG(WARNING, "event=no_guard why=" LOG_TEXT, log_text(guard_error()));
	else
		begin_counts(0);
	if (is_new)
		(void)guard_remove(directory, disown); // nothing of an earlier life was in it
	return !missing;
}

static bool is_pinned(void)
{
	return access(directory, F_OK) == 0;
}

// Where no AF_XDP port is, nothing is pinned: it is opened with the first of them, or at once when
// an earlier life has left one.
int guarding_open(
	enum guarding_mode how, enum fail_over fail_over, const char *instance, char *error,
	size_t size
)
{
	mode = how;
	missing = false;
	started = false;
	kernel_forwards = fail_over == FAIL_OVER_FORWARD;
	leaving = false;
	snprintf(directory, sizeof(directory), PINS "%s", instance);
	rcu_watch(settle, has_settled);
	if (mode != GUARDING_OFF && (mode == GUARDING_REQUIRED || is_pinned()) && !open_guard() &&
	    mode == GUARDING_REQUIRED) {
		snprintf(error, size, "--guard required, but %s", guard_error());
		return -1;
	}
	// One of an earlier life that nobody tells anything any more would go on by its old routes.
	if (guard == NULL && is_pinned() && guard_remove(directory, disown) < 0)
		return copy_error(error, size);
	return 0;
}

static void wait_grace(void)
{
	const struct timespec moment = {.tv_nsec = 50000};

	while (rcu_poll() > 0)
		nanosleep(&moment, NULL);
}

static void nothing(void *arg)
{
}

// The workers still run. First they stop to beat, then the kernel is told that they have, and when
// that has settled, what was steered to them before is taken off their rings in a last round.
void guarding_leave(void)
{
	bool watched = false;

	leaving = true;
	for (struct guarded *at = netdevs; at != NULL; at = at->next) {
		watched |= at->watched;
		if (at->watched && placement_beat(at->port_id, NULL, 0) < 0)
			return; // they beat to the end: the kernel notices a little later
	}
	if (!watched)
		return;
	rcu_call(nothing, NULL);
	wait_grace();
	for (struct guarded *at = netdevs; at != NULL; at = at->next)
		guard_stop_beats(at->netdev);
	rcu_call(nothing, NULL);
	wait_grace();
	rcu_call(nothing, NULL);
	wait_grace();
}

void guarding_close(void)
{
	// What an earlier life has left stays, unless the region has been seen not to want it.
	bool unused = guard != NULL && netdevs == NULL && (started || guard_is_new(guard));

	while (netdevs != NULL) {
		struct guarded *next = netdevs->next;

		free(netdevs);
		netdevs = next;
	}
	guard_close(guard);
	if (unused)
		guard_remove(directory, disown);
	guard = NULL;
	memset(has_cloud, 0, sizeof(has_cloud));
}

// Ports

// The netdev of devargs of an AF_XDP port, unless they bring a program of their own.
static bool is_to_be_guarded(const char *devargs, char name[static IF_NAMESIZE])
{
	const char *at = strstr(devargs, ",iface=");
	size_t length;

	if (mode == GUARDING_OFF || strncmp(devargs, DRIVER, strlen(DRIVER)) != 0 || at == NULL ||
	    strstr(devargs, ",xdp_prog=") != NULL)
		return false;
	at += strlen(",iface=");
	length = strcspn(at, ",");
	if (length == 0 || length >= IF_NAMESIZE)
		return false;
	memcpy(name, at, length);
	name[length] = '\0';
	return true;
}

static void drop(struct guarded *guarded)
{
	struct guarded **link = &netdevs;

	while (*link != guarded)
		link = &(*link)->next;
	*link = guarded->next;
	disown(guard_ifindex(guarded->netdev));
	guard_detach(guarded->netdev);
	free(guarded);
}

// One that waits for its port may be of a netdev that has gone since.
static struct guarded *find(const char *name)
{
	struct guarded *at = netdevs;

	while (at != NULL && strcmp(at->name, name) != 0)
		at = at->next;
	if (at != NULL && at->users == 0 && guard_ifindex(at->netdev) != if_nametoindex(name)) {
		drop(at);
		at = NULL;
	}
	return at;
}

static struct guarded *attach(const char *name, const char *port, char *error, size_t size)
{
	struct guarded *guarded = calloc(1, sizeof(*guarded));

	if (guarded == NULL) {
		snprintf(error, size, "no memory");
		return NULL;
	}
	memcpy(guarded->name, name, sizeof(guarded->name));
	snprintf(guarded->port, sizeof(guarded->port), "%s", port);
	if (guard_attach(guard, name, &guarded->netdev) < 0) {
		copy_error(error, size);
		free(guarded);
		return NULL;
	}
	guarded->next = netdevs;
	netdevs = guarded;
	return guarded;
}

int guarding_attach(struct cloud *cloud, char *error, size_t size)
{
	char name[IF_NAMESIZE], port[DEVARGS_SIZE];
	struct guarded *guarded;

	if (!is_to_be_guarded(cloud->port, name) || !open_guard())
		return 0;
	devargs_name(cloud->port, port);
	if (strstr(cloud->port, ",start_queue=") != NULL) {
		snprintf(error, size, "behind the guard a port has all queues: no start_queue=");
		return -1;
	}
	guarded = find(name);
	if (guarded != NULL && guarded->users > 0 && strcmp(guarded->port, port) != 0) {
		snprintf(
			error, size,
			"netdev %s is that of port %s: clouds on its VLANs name the same port",
			name, guarded->port
		);
		return -1;
	}
	if (guarded == NULL)
		guarded = attach(name, port, error, size);
	if (guarded == NULL)
		return -1;
	guarded->users++;
	begin_counts(cloud->id);
	for (unsigned i = 0; i < cloud->n_interconnects; i++)
		guarding_new_interconnect(cloud->interconnects[i]);
	cloud->live.guarded = guarded;
	has_cloud[cloud->id] = true;
	return 0;
}

int guarding_watch_workers(const struct cloud *cloud, uint16_t port)
{
	struct guarded *guarded = cloud->live.guarded;
	int code;

	if (guarded == NULL || guarded->watched)
		return 0;
	code = placement_beat(port, (uint64_t *)guard_beats(guarded->netdev), GUARD_BEAT_STRIDE);
	guarded->port_id = port;
	guarded->watched = code == 0;
	return code;
}

void guarding_detach(struct cloud *cloud, bool comes_back)
{
	struct guarded *guarded = cloud->live.guarded;

	if (guarded == NULL || leaving)
		return;
	cloud->live.guarded = NULL;
	has_cloud[cloud->id] = false;
	guard_close_cloud(guard, cloud->id);
	if (--guarded->users > 0)
		return;
	guarded->watched = false;
	if (!comes_back || !guard_was_there(guarded->netdev))
		drop(guarded);
}

bool guarding_has(uint16_t cloud)
{
	return has_cloud[cloud] && !leaving;
}

// Clouds

static struct guard_port port_of(const struct cloud *cloud, const struct ingress *ingress)
{
	struct guard_port port = {
		.cloud = ingress->cloud,
		.gateway = ingress->gateway,
		.router = ingress->router,
		.gateway6 = {ingress->gateway6.upper, ingress->gateway6.lower},
		.router6 = {ingress->router6.upper, ingress->router6.lower},
		.link_local = {ingress->link_local.upper, ingress->link_local.lower},
	};

	memcpy(port.mac, ingress->mac.addr_bytes, sizeof(port.mac));
	if (kernel_forwards)
		port.flags |= GUARD_KERNEL_FORWARDS;
	if (cloud->vlan == VLAN_NONE)
		port.flags |= GUARD_KERNEL_ANSWERS;
	return port;
}

static uint16_t guard_vlan(const struct cloud *cloud)
{
	return cloud->vlan == VLAN_NONE ? GUARD_UNTAGGED : cloud->vlan;
}

static struct guard_egress egress_of(const struct egress *egress)
{
	struct guard_egress to = {
		.l2_length = egress->l2_length,
		.usable = egress->usable,
		.unusable = egress->unusable,
		.mtu = egress->mtu,
	};

	memcpy(to.l2, egress->l2, sizeof(to.l2));
	return to;
}

int guarding_set_cloud(
	const struct cloud *cloud, const struct ingress *ingress, const struct egress *egress,
	char *error, size_t size
)
{
	const struct guarded *guarded = cloud->live.guarded;
	struct guard_egress to = egress_of(egress);
	struct guard_port port = port_of(cloud, ingress);
	unsigned ifindex;
	int code;

	if (guarded == NULL || leaving)
		return 0;
	ifindex = guard_ifindex(guarded->netdev);
	code = guard_set_egress(guard, cloud->id, ifindex, &to);
	if (code == 0)
		code = guard_set_port(guard, ifindex, guard_vlan(cloud), &port);
	return code < 0 ? copy_error(error, size) : 0;
}

// Removing takes no memory: if it fails, the kernel's maps are not what they were.
static void must(int code)
{
	if (code < 0)
		abort();
}

void guarding_remove_ingress(const struct cloud *cloud)
{
	if (cloud->live.guarded != NULL && !leaving)
		must(guard_remove_ports_of(guard, cloud->id));
}

void guarding_remove_egress(const struct cloud *cloud)
{
	if (cloud->live.guarded != NULL && !leaving)
		must(guard_set_egress(guard, cloud->id, 0, NULL));
}

void guarding_close_routes(
	uint16_t cloud, const struct route *routes, unsigned n, const struct prefix *holes,
	unsigned n_holes
)
{
	if (guard == NULL || leaving)
		return;
	if (!has_cloud[cloud] && started) // it has come off its port
		guard_close_routes(guard, cloud, NULL, 0, NULL, 0);
	else if (has_cloud[cloud] && routes != NULL)
		guard_close_routes(guard, cloud, routes, n, holes, n_holes);
}

int guarding_open_routes(
	uint16_t cloud, const struct route *routes, unsigned n, const struct prefix *holes,
	unsigned n_holes, char *error, size_t size
)
{
	if (!guarding_has(cloud) || routes == NULL)
		return 0;
	if (guard_open_routes(guard, cloud, routes, n, holes, n_holes) < 0)
		return copy_error(error, size);
	return 0;
}

void guarding_keep(const struct region *region)
{
	uint16_t *clouds = calloc(region->n_clouds + 1, sizeof(*clouds));

	if (clouds == NULL)
		abort(); // what is open for clouds that are gone would stay so
	for (unsigned i = 0; i < region->n_clouds; i++)
		clouds[i] = region->clouds[i]->id;
	if (guard != NULL)
		guard_keep_clouds(guard, clouds, region->n_clouds);
	free(clouds);
}

void guarding_remove_orphans(void)
{
	unsigned removed;

	started = true;
	if (guard == NULL)
		return;
	must(guard_remove_stale_ports(guard));
	for (uint16_t cloud = 1; cloud <= CLOUD_ID_MAX; cloud++) {
		if (has_cloud[cloud])
			continue;
		guard_close_routes(guard, cloud, NULL, 0, NULL, 0);
		must(guard_set_egress(guard, cloud, 0, NULL));
	}
	removed = guard_remove_orphans(guard, disown);
	if (removed > 0)
		LOG(NOTICE, "event=guard_removed netdevs=%u why=no_cloud_has_them", removed);
}

void guarding_forget_cloud(uint16_t cloud)
{
	struct guarded *next;

	if (guard == NULL || leaving)
		return;
	guard_forget_cloud(guard, cloud);
	for (struct guarded *at = netdevs; at != NULL; at = next) {
		next = at->next;
		if (at->users == 0) // it may have waited for this one
			drop(at);
	}
}

void guarding_new_interconnect(const struct interconnect *interconnect)
{
	if (guard != NULL &&
	    guard_count_traffic(
		    guard, interconnect->id, interconnect->cloud->id, interconnect->peer->id
	    ) < 0)
		LOG(WARNING, "event=not_counted why=" LOG_TEXT, log_text(guard_error()));
}

void guarding_forget_interconnect(const struct interconnect *interconnect)
{
	if (guard != NULL)
		guard_forget_traffic(
			guard, interconnect->id, interconnect->cloud->id, interconnect->peer->id
		);
}

bool guarding_router(const struct cloud *cloud, struct mac *mac)
{
	struct guard_egress egress;

	if (cloud->live.guarded == NULL || !guard_read_egress(guard, cloud->id, &egress) ||
	    !egress.usable)
		return false;
	memcpy(mac->bytes, egress.l2, sizeof(mac->bytes));
	return true;
}

bool guarding_read_cloud(uint16_t cloud, struct guard_count *sum)
{
	memset(sum, 0, sizeof(*sum));
	return guard != NULL && guard_read_cloud(guard, cloud, sum);
}

bool guarding_read_traffic(uint32_t interconnect, uint16_t from, struct guard_traffic *sum)
{
	memset(sum, 0, sizeof(*sum));
	return guard != NULL && guard_read_traffic(guard, interconnect, from, sum);
}

// What would it do?

// With the tag of the cloud's VLAN.
static void add_tag(uint8_t *frame, size_t length, uint16_t vlan)
{
	const uint8_t tag[4] = {0x81, 0x00, (uint8_t)(vlan >> 8), (uint8_t)vlan};

	memmove(frame + 16, frame + 12, length - 12);
	memcpy(frame + 12, tag, sizeof(tag));
}

bool guarding_explain(
	const struct cloud *cloud, const struct addr *source, const struct addr *destination,
	unsigned ttl, unsigned size, struct explanation *explanation
)
{
	const struct guarded *guarded = cloud->live.guarded;
	static uint8_t frame[EXPLAIN_FRAME_MAX + 4];
	struct guard_explanation found;
	size_t length;

	if (guarded == NULL)
		return false;
	length = explain_frame(cloud->id, source, destination, ttl, size, frame);
	if (length == 0)
		return false;
	if (cloud->vlan != VLAN_NONE) {
		add_tag(frame, length, cloud->vlan);
		length += 4;
	}
	// What is longer than the guard's test takes differs in its length alone.
	if (guard_explain(guarded->netdev, frame, length, &found) < 0 ||
	    found.verdict != GUARD_DROP)
		return false;
	*explanation =
		(struct explanation){VERDICT_DROP, found.reason, found.source, found.destination};
	return true;
}

// Switches

struct taker {
	void (*fn)(unsigned netdev, unsigned queue, bool kernel, int64_t at, void *arg);
	void *arg;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void take(const struct guard_switch *change, void *arg)
{
	const struct taker *taker = arg;
	int64_t ago = clock_ns(CLOCK_MONOTONIC) - (int64_t)change->at;

	taker->fn(
		change->ifindex, change->queue, change->engine == GUARD_ENGINE_KERNEL,
		(clock_ns(CLOCK_REALTIME) - ago) / 1000000, taker->arg
	);
}

void guarding_take_switches(
	void (*fn)(unsigned netdev, unsigned queue, bool kernel, int64_t at, void *arg), void *arg
)
{
	struct taker taker = {fn, arg};

	if (guard != NULL)
		guard_take_switches(guard, take, &taker);
}
