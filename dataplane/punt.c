// SPDX-License-Identifier: BSD-3-Clause
#include "punt.h"

#include "exchange.h"
#include "nd.h"
#include "parse.h"
#include "worker.h"

#include <errno.h>
#include <rte_arp.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING_SIZE 1024
#define TAKE_MAX 256

static struct rte_ring *ring;
static int bell = -1;
static uint32_t bell_rung; // 1: the control thread has been told. worker: set, control: clear

int punt_init(void)
{
	ring = rte_ring_create("t0x_punt", RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (ring == NULL)
		return -rte_errno;
	bell_rung = 0;
	bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return bell < 0 ? -errno : 0;
}

void punt_free(void)
{
	struct rte_mbuf *mbuf;

	while (ring != NULL && rte_ring_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
	ring = NULL;
	if (bell >= 0)
		close(bell);
	bell = -1;
}

int punt_bell(void)
{
	return bell;
}

bool punt_put(struct rte_mbuf *mbuf, uint16_t cloud)
{
	uint64_t one = 1;

	mbuf->hash.usr = cloud;
	if (rte_ring_enqueue(ring, mbuf) != 0)
		return false;
	// The exchange pairs with that in punt_take(): either it sees the frame, or we see 0 and
	// ring. A system call here is bounded by the punt rate; routed packets never come this way.
	if (__atomic_exchange_n(&bell_rung, 1, __ATOMIC_ACQ_REL) == 0 &&
	    write(bell, &one, sizeof(one)) < 0)
		__atomic_store_n(&bell_rung, 0, __ATOMIC_RELEASE);
	return true;
}

// Pass one frame up without its VLAN tag.
static void pass_up(
	struct rte_mbuf *mbuf, void (*fn)(uint16_t, const uint8_t *, size_t, void *), void *arg
)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);

	if (ether->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))
		rte_vlan_strip(mbuf);
	fn((uint16_t)mbuf->hash.usr, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, arg);
	rte_pktmbuf_free(mbuf);
}

bool punt_take(
	void (*fn)(uint16_t cloud, const uint8_t *frame, size_t length, void *arg), void *arg
)
{
	struct rte_mbuf *mbuf;
	uint64_t count;

	// Silence the bell before looking: a frame that comes later rings it anew.
	if (read(bell, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	__atomic_exchange_n(&bell_rung, 0, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; i < TAKE_MAX; i++) {
		if (rte_ring_dequeue(ring, (void **)&mbuf) != 0)
			return false;
		pass_up(mbuf, fn, arg);
	}
	return true;
}

static bool may_send_ipv6(const struct ingress *ingress, const uint8_t *ip, size_t length)
{
	struct addr6 source;

	if (!ingress_has_ipv6(ingress) || length < sizeof(struct rte_ipv6_hdr))
		return false;
	source = read_addr6(ip + offsetof(struct rte_ipv6_hdr, src_addr));
	return addr6_equal(source, ingress->gateway6) ||
		(addr6_equal(source, ingress->link_local) && nd_may_go_down(ip, (unsigned)length));
}

static bool is_gateway(const struct ingress *ingress, const uint8_t *sender)
{
	return ingress->gateway != 0 && read32(sender) == ingress->gateway;
}

// Design: upwards only ARP and IP from the gateway address leave on the T0 port, and neighbour
// discovery, for which the kernel has no other source than a link-local address.
static bool may_send(const struct ingress *ingress, const uint8_t *frame, size_t length)
{
	const struct rte_ether_hdr *ether = (const void *)frame;
	const uint8_t *payload = frame + sizeof(*ether);

	if (length < sizeof(*ether))
		return false;
	length -= sizeof(*ether);
	switch (rte_be_to_cpu_16(ether->ether_type)) {
	case RTE_ETHER_TYPE_ARP:
		return length >= sizeof(struct rte_arp_hdr) &&
			is_gateway(
				ingress, payload + offsetof(struct rte_arp_hdr, arp_data.arp_sip)
			);
	case RTE_ETHER_TYPE_IPV4:
		return length >= sizeof(struct rte_ipv4_hdr) &&
			is_gateway(ingress, payload + offsetof(struct rte_ipv4_hdr, src_addr));
	case RTE_ETHER_TYPE_IPV6:
		return may_send_ipv6(ingress, payload, length);
	default:
		return false;
	}
}

// The L2 header of the T0 port around the kernel's payload, to the kernel's choice of MAC.
static void make_frame(
	uint8_t *to, const struct ingress *ingress, const struct egress *egress,
	const uint8_t *frame, size_t length
)
{
	const struct rte_ether_hdr *ether = (const void *)frame;
	struct rte_ether_hdr *header = (void *)to;

	memcpy(to, egress->l2, egress->l2_length); // for the VLAN tag
	header->dst_addr = ether->dst_addr;
	header->src_addr = ingress->mac;
	memcpy(to + egress->l2_length - sizeof(rte_be16_t), &ether->ether_type, sizeof(rte_be16_t));
	memcpy(to + egress->l2_length, frame + sizeof(*ether), length - sizeof(*ether));
}

int punt_send(uint16_t cloud, const uint8_t *frame, size_t length)
{
	const struct ingress *ingress = exchange.ingresses[cloud];
	const struct egress *egress = exchange.clouds[cloud].egress;

	if (ingress == NULL || egress == NULL)
		return -ENOENT;
	if (!may_send(ingress, frame, length))
		return -EPERM;

	struct rte_mbuf *mbuf = worker_buffer();
	size_t size = length - sizeof(struct rte_ether_hdr) + egress->l2_length;

	if (mbuf == NULL || size > rte_pktmbuf_tailroom(mbuf)) {
		rte_pktmbuf_free(mbuf);
		return -ENOBUFS;
	}
	make_frame(
		(uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)size), ingress, egress, frame, length
	);
	if (worker_inject(mbuf, egress->port))
		return 0;
	rte_pktmbuf_free(mbuf);
	return -ENOBUFS;
}
