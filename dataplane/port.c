// SPDX-License-Identifier: BSD-3-Clause
#include "port.h"

#include "af_packet.h"
#include "af_xdp.h"
#include "exchange.h"
#include "interrupt.h"
#include "placement.h"
#include "pools.h"
#include "queues.h"
#include "worker.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS 1024
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN) // as ethdev counts frames
#define NAME_MAX_SIZE RTE_ETH_NAME_MAX_LEN
#define DEVARGS_MAX_SIZE 1024

// How long an idle worker may sleep: what half of the smallest rx ring absorbs. On a NIC that is at
// line rate of minimal frames; netdev-backed and virtual ports report fancy speeds, so for them a
// rate is assumed that the kernel can feed.
#define VIRTUAL_RATE 500000ULL // packets a second
#define FRAME_BITS_MIN (84 * 8)
#define SLEEP_FLOOR_NS 20000ULL
#define SLEEP_CEILING_NS 1000000ULL

#define MEMIF_DRIVER "net_memif"

#define LOST_AFTER_S 2 // longer than a connection takes

struct port {
	unsigned users; // clouds; 0: not attached
	bool adopted; // EAL had probed it before us: stopped, but not removed
	bool leaving; // being detached
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors;
	bool calls_once; // the driver calls its peer when it is started, and never again
	uint64_t down_since; // in ticks of the TSC; 0: the link was up when last asked
	struct port_info info;
};

_Static_assert(sizeof(((struct port_status *)0)->name) == RTE_ETH_NAME_MAX_LEN, "ethdev writes it");

static struct port ports[RTE_MAX_ETHPORTS];

static bool is_af_xdp(const struct port *port)
{
	return strcmp(port->info.driver, AF_XDP_DRIVER) == 0;
}

static int fail(char *error, size_t size, int code, const char *what, const char *name)
{
	snprintf(error, size, "%s of port %s failed: %s", what, name, rte_strerror(-code));
	return code;
}

static void choose_mac(struct port_info *info)
{
	rte_eth_macaddr_get(info->id, &info->mac);
	if (!rte_is_valid_assigned_ether_addr(&info->mac)) // net_ring and net_null have none
		rte_eth_random_addr(info->mac.addr_bytes);
	if (strcmp(info->driver, AF_PACKET_DRIVER) == 0)
		af_packet_choose_mac(&info->mac);
}

// Clients of memif, and virtio_user where it does not serve the socket.
static bool calls_once(const char *driver, const char *devargs)
{
	if (strcmp(driver, MEMIF_DRIVER) == 0)
		return strstr(devargs, "role=server") == NULL &&
			strstr(devargs, "role=master") == NULL;
	return strcmp(driver, "net_virtio_user") == 0 && strstr(devargs, "server=1") == NULL;
}

static uint16_t usable_mtu(const struct rte_eth_dev_info *dev)
{
	unsigned frame = RTE_MBUF_DEFAULT_BUF_SIZE - RTE_PKTMBUF_HEADROOM;
	unsigned mtu = frame - RTE_ETHER_HDR_LEN - sizeof(struct rte_vlan_hdr);

	if (dev->max_mtu != 0 && dev->max_mtu < mtu)
		mtu = dev->max_mtu;
	if (dev->max_rx_pktlen > FRAME_OVERHEAD && dev->max_rx_pktlen - FRAME_OVERHEAD < mtu)
		mtu = dev->max_rx_pktlen - FRAME_OVERHEAD;
	return (uint16_t)mtu;
}

// Memory of the port's own socket, or of any: what helps is not demanded.

static int rx_setup(uint16_t id, uint16_t queue, uint16_t descriptors, int socket)
{
	struct rte_mempool *pool = pools_on(socket);
	int code = rte_eth_rx_queue_setup(id, queue, descriptors, (unsigned)socket, NULL, pool);

	// AF_XDP has no memory of a socket's, and a second try finds the queue taken by the first.
	if (code < 0 && socket != SOCKET_ID_ANY && !is_af_xdp(&ports[id]))
		code = rte_eth_rx_queue_setup(
			id, queue, descriptors, (unsigned)SOCKET_ID_ANY, NULL, pool
		);
	return code;
}

static int tx_setup(uint16_t id, uint16_t queue, uint16_t descriptors, int socket)
{
	int code = rte_eth_tx_queue_setup(id, queue, descriptors, (unsigned)socket, NULL);

	if (code < 0 && socket != SOCKET_ID_ANY)
		code = rte_eth_tx_queue_setup(
			id, queue, descriptors, (unsigned)SOCKET_ID_ANY, NULL
		);
	return code;
}

static int configure(struct port *port, const struct rte_eth_dev_info *dev)
{
	uint16_t id = port->info.id;
	struct queues queues = queues_choose(dev, workers_count());
	uint16_t rxd = DESCRIPTORS;
	uint16_t txd = DESCRIPTORS;
	struct rte_eth_conf conf = {};
	int socket = rte_eth_dev_socket_id(id); // SOCKET_ID_ANY where there is none
	int code;

	port->rx_queues = queues.rx;
	port->tx_queues = queues.tx;
	queues_spread(dev, queues.rx, &conf);
	code = rte_eth_dev_configure(id, queues.rx, queues.tx, &conf);
	if (code < 0 && conf.rxmode.mq_mode != RTE_ETH_MQ_RX_NONE) {
		conf = (struct rte_eth_conf){}; // offered, but not to be had
		code = rte_eth_dev_configure(id, queues.rx, queues.tx, &conf);
	}
	if (code == 0)
		code = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rxd, &txd);
	for (uint16_t queue = 0; code == 0 && queue < port->rx_queues; queue++)
		code = rx_setup(id, queue, rxd, socket);
	for (uint16_t queue = 0; code == 0 && queue < port->tx_queues; queue++)
		code = tx_setup(id, queue, txd, socket);
	port->rx_descriptors = rxd;
	return code;
}

// How many of the frames that a sleeping worker lets gather the port holds, in time.
static uint64_t absorbs_ns(const struct port *port)
{
	struct rte_eth_link link = {};
	uint64_t rate = VIRTUAL_RATE;
	uint64_t frames = port->rx_descriptors / 2;

	if (port->info.netdev == 0 && rte_eth_link_get_nowait(port->info.id, &link) == 0 &&
	    link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN && link.link_speed > 0)
		rate = link.link_speed * 1000000ULL / FRAME_BITS_MIN;

	uint64_t ns = frames * 1000000000ULL / rate;

	return RTE_MAX(SLEEP_FLOOR_NS, RTE_MIN(ns, SLEEP_CEILING_NS));
}

// Tx queue q of port p is of worker (p + q) mod workers.
static unsigned tx_worker(const struct port *port, uint16_t queue)
{
	return (unsigned)(port->info.id + queue) % workers_count();
}

// A worker may sleep for as long as the port that absorbs least allows.
static void choose_sleep(void)
{
	uint64_t sleep = SLEEP_CEILING_NS;

	for (unsigned id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (ports[id].users > 0)
			sleep = RTE_MIN(sleep, absorbs_ns(&ports[id]));
	workers_set_sleep(sleep);
}

// A map without clouds, with the tx paths: a worker that owns no tx queue hands over to the one
// that owns queue (worker mod queues).
static struct port_map *map_build(const struct port *port)
{
	struct port_map *map = calloc(1, sizeof(*map));

	if (map == NULL)
		return NULL;
	for (unsigned worker = 0; worker < workers_count(); worker++) {
		uint16_t queue = (uint16_t)(worker % port->tx_queues);

		map->tx[worker] = (struct tx_path){queue, (uint8_t)tx_worker(port, queue)};
	}
	for (uint16_t queue = 0; queue < port->tx_queues; queue++) {
		unsigned owner = tx_worker(port, queue);

		map->tx[owner] = (struct tx_path){queue, (uint8_t)owner};
	}
	map->mac = mac_word(&port->info.mac);
	return map;
}

// A queue for each worker; of AF_XDP for each that the netdev has, or the kernel would keep what
// comes in on the others.
static unsigned queues_wanted(const char *devargs)
{
	return strncmp(devargs, AF_XDP_DRIVER, strlen(AF_XDP_DRIVER)) == 0 ? af_xdp_queues(devargs)
									   : workers_count();
}

// Probe by devargs, unless EAL knows the name.
static int find_or_probe(const char *devargs, const char *name, struct port *port, uint16_t *id)
{
	char text[DEVARGS_MAX_SIZE];

	if (rte_eth_dev_get_port_by_name(name, id) == 0) {
		port->adopted = true;
		return 0;
	}
	port->adopted = false;

	int code =
		rte_dev_probe(queues_devargs(devargs, queues_wanted(devargs), text, sizeof(text)));

	if (code == -1) // what vdev drivers say of anything, and no errno
		return -ENODEV;
	if (code < 0)
		return code;
	return rte_eth_dev_get_port_by_name(name, id) == 0 ? 0 : -ENODEV;
}

struct ending {
	uint16_t id;
	bool close;
};

static void stop(void *arg)
{
	const struct ending *ending = arg;

	rte_eth_dev_stop(ending->id);
	if (!ending->close)
		return;
	if (is_af_xdp(&ports[ending->id]))
		af_xdp_empty(ending->id, pools_on(rte_eth_dev_socket_id(ending->id)));
	rte_eth_dev_close(ending->id);
	if (is_af_xdp(&ports[ending->id]))
		af_xdp_close(ending->id);
}

// The driver of memif guards nothing against the interrupt thread, which may be taking the same
// connection down: so it is done there.
static void unprobe(uint16_t id, bool adopted)
{
	struct rte_eth_dev_info dev = {};
	struct ending ending = {.id = id, .close = !adopted};

	rte_eth_dev_info_get(id, &dev);
	if (dev.driver_name != NULL && strcmp(dev.driver_name, MEMIF_DRIVER) == 0)
		interrupt_call(stop, &ending);
	else
		stop(&ending);
	if (!adopted && dev.device != NULL)
		rte_dev_remove(dev.device);
}

static int start(struct port *port, char *error, size_t size, const char *name)
{
	struct rte_eth_dev_info dev;
	int code = rte_eth_dev_info_get(port->info.id, &dev);

	if (code < 0)
		return fail(error, size, code, "reading the device information", name);
	snprintf(port->info.driver, sizeof(port->info.driver), "%s", dev.driver_name);
	port->info.netdev = dev.if_index;
	port->info.mtu_max = usable_mtu(&dev);
	if (is_af_xdp(port))
		af_xdp_begin();
	code = configure(port, &dev);
	if (is_af_xdp(port))
		af_xdp_end(port->info.id);
	if (code < 0)
		return fail(error, size, code, "configuring", name);
	code = rte_eth_dev_start(port->info.id);
	if (code < 0)
		return fail(error, size, code, "starting", name);
	rte_eth_promiscuous_enable(port->info.id); // wanted, not demanded: virtio-user has none
	choose_mac(&port->info);
	return 0;
}

int port_attach(const char *devargs, struct port_info *info, char *error, size_t size)
{
	char name[NAME_MAX_SIZE];
	size_t length = strcspn(devargs, ",");
	struct port probe = {};
	uint16_t id;
	int code;

	if (length == 0 || length >= sizeof(name)) {
		snprintf(error, size, "\"%s\" does not begin with the name of a port", devargs);
		return -EINVAL;
	}
	memcpy(name, devargs, length);
	name[length] = '\0';

	if (rte_eth_dev_get_port_by_name(name, &id) == 0 && ports[id].users > 0) {
		ports[id].users++;
		*info = ports[id].info;
		return 0;
	}
	if (rte_eth_dev_get_port_by_name(name, &id) == 0 && ports[id].leaving) {
		snprintf(error, size, "port %s is still being removed: try again", name);
		return -EBUSY;
	}
	code = find_or_probe(devargs, name, &probe, &id);
	if (code < 0)
		return fail(error, size, code, "probing", name);

	struct port *port = &ports[id];
	struct port_map *map;

	*port = probe;
	port->info.id = id;
	code = start(port, error, size, name);
	if (code < 0)
		goto unprobe;
	map = map_build(port);
	if (map == NULL) {
		code = fail(error, size, -ENOMEM, "attaching", name);
		goto unprobe;
	}
	port->users = 1;
	port->calls_once = calls_once(port->info.driver, devargs);
	exchange_set_port(id, map);
	code = placement_add(id, name, port->rx_queues);
	if (code < 0) {
		fail(error, size, code, "attaching", name);
		goto unpublish;
	}
	choose_sleep();
	*info = port->info;
	return 0;
unpublish:
	// No poll list has it: no worker ever polled it, and no egress leads there yet.
	port->users = 0;
	exchange_set_port(id, NULL);
unprobe:
	unprobe(id, probe.adopted);
	return code;
}

void port_want_mtu(uint16_t id, uint16_t mtu)
{
	uint16_t now;

	if (rte_eth_dev_get_mtu(id, &now) == 0 && now < mtu)
		rte_eth_dev_set_mtu(id, mtu);
}

int port_set_cloud(uint16_t id, uint16_t vlan, uint16_t cloud)
{
	struct port_map *map = malloc(sizeof(*map));

	if (map == NULL)
		return -ENOMEM;
	*map = *exchange.ports[id];
	if (vlan == 0)
		map->clouds[UNTAGGED] = cloud;
	else
		map->clouds[vlan] = cloud;
	map->trunk = false;
	for (unsigned i = 0; i < VLAN_IDS; i++)
		map->trunk |= map->clouds[i] != 0;
	exchange_set_port(id, map);
	return 0;
}

struct removal {
	uint16_t id;
	bool last; // of the port's users: an earlier one must not remove it under the workers
	void (*done)(void *arg);
	void *arg;
};

static void remove_port(void *arg)
{
	struct removal *removal = arg;

	if (removal->last) {
		unprobe(removal->id, ports[removal->id].adopted);
		ports[removal->id].leaving = false;
	}
	removal->done(removal->arg);
	free(removal);
}

void port_detach(uint16_t id, void (*done)(void *arg), void *arg)
{
	struct removal *removal = malloc(sizeof(*removal));

	if (removal == NULL)
		abort();
	*removal = (struct removal){.id = id, .done = done, .arg = arg};
	if (--ports[id].users == 0) {
		removal->last = true;
		ports[id].leaving = true;
		exchange_set_port(id, NULL);
		placement_remove(id);
		choose_sleep();
	}
	rcu_call(remove_port, removal);
}

bool port_link_up(uint16_t id)
{
	struct rte_eth_link link = {};

	if (rte_eth_link_get_nowait(id, &link) < 0 || link.link_status != RTE_ETH_LINK_UP) {
		if (ports[id].down_since == 0)
			ports[id].down_since = rte_rdtsc();
		return false;
	}
	ports[id].down_since = 0;
	return true;
}

bool port_lost(uint16_t id)
{
	const struct port *port = &ports[id];

	return port->calls_once && !port->adopted && port->down_since != 0 &&
		rte_rdtsc() - port->down_since > LOST_AFTER_S * rte_get_tsc_hz();
}

bool port_status(uint16_t id, struct port_status *status)
{
	const struct port *port = &ports[id];
	struct rte_eth_link link = {};
	struct rte_eth_stats stats = {};

	if (id >= RTE_MAX_ETHPORTS || port->users == 0)
		return false;
	*status = (struct port_status){
		.mac = port->info.mac,
		.rx_queues = port->rx_queues,
		.tx_queues = port->tx_queues,
		.mtu_max = port->info.mtu_max,
	};
	rte_eth_dev_get_name_by_port(id, status->name);
	snprintf(status->driver, sizeof(status->driver), "%s", port->info.driver);
	if (rte_eth_link_get_nowait(id, &link) == 0) {
		status->link_up = link.link_status == RTE_ETH_LINK_UP;
		if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			status->speed = link.link_speed;
	}
	rte_eth_stats_get(id, &stats);
	status->rx_packets = stats.ipackets;
	status->tx_packets = stats.opackets;
	status->rx_missed = stats.imissed;
	if (strcmp(port->info.driver, AF_PACKET_DRIVER) == 0)
		status->rx_missed += af_packet_missed((int)port->info.netdev);
	status->rx_errors = stats.ierrors + stats.rx_nombuf;
	status->tx_errors = stats.oerrors;
	return true;
}

bool port_find(const char *name, uint16_t *id)
{
	return rte_eth_dev_get_port_by_name(name, id) == 0 && ports[*id].users > 0;
}

unsigned port_tx_worker(uint16_t id, uint16_t queue)
{
	return tx_worker(&ports[id], queue);
}

// By the names that ethdev gives them among the extended ones.
static int basic_stats(
	uint16_t id, void (*fn)(const char *name, uint64_t value, void *arg), void *arg
)
{
	struct rte_eth_stats stats;
	int code = rte_eth_stats_get(id, &stats);
	char name[32];

	if (code < 0)
		return code;
	fn("rx_good_packets", stats.ipackets, arg);
	fn("tx_good_packets", stats.opackets, arg);
	fn("rx_good_bytes", stats.ibytes, arg);
	fn("tx_good_bytes", stats.obytes, arg);
	fn("rx_missed_errors", stats.imissed, arg);
	fn("rx_errors", stats.ierrors, arg);
	fn("tx_errors", stats.oerrors, arg);
	fn("rx_mbuf_allocation_errors", stats.rx_nombuf, arg);
	for (unsigned i = 0; i < ports[id].rx_queues && i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++) {
		snprintf(name, sizeof(name), "rx_q%u_packets", i);
		fn(name, stats.q_ipackets[i], arg);
	}
	for (unsigned i = 0; i < ports[id].tx_queues && i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++) {
		snprintf(name, sizeof(name), "tx_q%u_packets", i);
		fn(name, stats.q_opackets[i], arg);
	}
	return 0;
}

int port_xstats(uint16_t id, void (*fn)(const char *name, uint64_t value, void *arg), void *arg)
{
	int n = rte_eth_xstats_get_names(id, NULL, 0);
	struct rte_eth_xstat_name *names;
	struct rte_eth_xstat *values;

	// net_vhost has none while its guest leaves a queue alone.
	if (n <= 0)
		return basic_stats(id, fn, arg);
	names = calloc((size_t)n, sizeof(*names));
	values = calloc((size_t)n, sizeof(*values));
	if (names == NULL || values == NULL)
		n = -ENOMEM;
	else if (rte_eth_xstats_get_names(id, names, (unsigned)n) != n || rte_eth_xstats_get(id, values, (unsigned)n) != n)
		n = -EIO;
	for (int i = 0; i < n; i++)
		fn(names[values[i].id].name, values[i].value, arg);
	free(names);
	free(values);
	return n < 0 ? n : 0;
}
