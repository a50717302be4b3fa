// SPDX-License-Identifier: BSD-3-Clause
// Compiled once for each width of vectors, with QUICK the name of what is exported.
//
//	gather -> check -> look up -> finish: rewrite and group
//
// Each stage takes the whole burst. What a stage finds wrong, unusual or not to be forwarded it
// drops from 'good', and the stages of packet.h see it from its first byte on: only they give
// reasons. Nothing is written to a packet before all has been checked.
#include "quick.h"

#include "quick_search.h"
#include "quick_vector.h"

#include <rte_prefetch.h>
#include <string.h>

#define ETHERTYPE_AT 12
#define L2_BYTES 14
#define TAG_BYTES 4
#define IPV4_BYTES 20
// Vectors begin this long before the IP header: ethertype and header are 32 bytes then.
#define LEAD 12

// One burst on its way, an element a packet; room for whole vectors.
struct work {
	unsigned n;
	uint64_t good; // bit i: packet i
	uint64_t tagged; // bit i: packet i came with a tag
	struct rte_mbuf **mbufs;
	uint8_t *start[QUICK_MAX]; // LEAD bytes before the IP header
	uint32_t room[QUICK_MAX]; // bytes of frame from the IP header on
	uint32_t length[QUICK_MAX]; // IPv4 total length
	uint32_t source[QUICK_MAX]; // as keys
	uint32_t destination[QUICK_MAX];
	uint32_t hop[QUICK_MAX]; // TTL, protocol and checksum as they will be, in the order of the
				 // wire
	leaf_t leaves[QUICK_MAX]; // of destinations
	uint16_t clouds[QUICK_MAX];
	const struct table *tables[QUICK_MAX];
};

// For lanes without a packet: never good, so never written.
static uint8_t nothing[2 * L2_BYTES + IPV4_BYTES];
static struct rte_mbuf nobody = {.buf_addr = nothing, .nb_segs = 1};
static const struct {
	struct table head;
	union line root, node;
} no_table = {
	.head.has_local = true,
	.root.root.ends = {[0 ... ROOT_ENDS - 1] = INT32_MAX},
	.node.node.ends = {[0 ... NODE_RANGES - 1] = INT32_MAX},
};

static inline uint64_t all_of(unsigned n)
{
	return n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

// To whole vectors.
static inline unsigned round_up(unsigned n)
{
	return (n + LANES - 1) / LANES * LANES;
}

static inline uint64_t load64(const void *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint16_t load16(const void *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

// Gather: where the headers are, whose the packets are

// Not 0 when the frame is not all in one buffer, or a NIC took its tag.
static inline uint64_t is_odd_buffer(const struct rte_mbuf *mbuf)
{
	return (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) | (mbuf->nb_segs ^ 1u);
}

// Where the frames are and how long, by what their buffers tell. Bit i of the result: not in the
// plain way.
#if LANES == 16

static inline uint64_t read_buffers(struct work *work)
{
	const __m512i flags = _mm512_set1_epi64((int64_t)RTE_MBUF_F_RX_VLAN_STRIPPED);
	const __m512i segments = _mm512_set1_epi64((int64_t)0xffff << 32);
	const __m512i one_segment = _mm512_set1_epi64((int64_t)1 << 32);
	const __m512i low16 = _mm512_set1_epi64(0xffff);
	uint64_t odd = 0;

	for (unsigned at = 0; at < round_up(work->n); at += 8) {
		struct buffer_lanes b = load_buffers(&work->mbufs[at]);
		__m512i offset = _mm512_add_epi64(
			_mm512_and_si512(b.rearm, low16), _mm512_set1_epi64(L2_BYTES - LEAD)
		);
		__m256i length = _mm512_cvtepi64_epi32(_mm512_and_si512(b.length, low16));

		_mm512_storeu_si512(&work->start[at], _mm512_add_epi64(b.address, offset));
		_mm256_storeu_si256(
			(void *)&work->room[at],
			_mm256_sub_epi32(length, _mm256_set1_epi32(L2_BYTES))
		);
		odd |= (uint64_t
		       )(_mm512_test_epi64_mask(b.flags, flags) |
			 _mm512_cmpneq_epi64_mask(_mm512_and_si512(b.rearm, segments), one_segment)
		       ) << at;
		for (unsigned i = at; i < at + 8; i++)
			rte_prefetch0(work->start[i]);
	}
	return odd;
}

#else

static __attribute__((noinline)) uint64_t find_odd_buffers(const struct work *work)
{
	uint64_t odd = 0;

	for (unsigned i = 0; i < work->n; i++)
		odd |= (uint64_t)(is_odd_buffer(work->mbufs[i]) != 0) << i;
	return odd;
}

static inline uint64_t read_buffers(struct work *work)
{
	uint64_t odd = 0;

	for (unsigned i = 0; i < round_up(work->n); i++) {
		const struct rte_mbuf *mbuf = work->mbufs[i];

		work->start[i] = rte_pktmbuf_mtod(mbuf, uint8_t *) + L2_BYTES - LEAD;
		work->room[i] = (uint32_t)mbuf->data_len - L2_BYTES; // below 0 when it is too short
		rte_prefetch0(work->start[i]);
		odd |= is_odd_buffer(mbuf);
	}
	return odd ? find_odd_buffers(work) : 0;
}

#endif

static inline void set_cloud(struct work *work, unsigned i, uint16_t cloud)
{
	const struct table *table = published(exchange.clouds[cloud].table);

	work->clouds[i] = cloud;
	work->tables[i] = table ? table : &no_table.head;
}

// Behind a tag the header is 4 bytes on, and the tag says whose it is. Bit i of the result: sent to
// another MAC address than ours. That a frame is long enough is checked with its headers: what is
// read of a shorter one is still in its buffer.
static inline uint64_t read_tags(struct work *work, const struct port_map *map)
{
	uint64_t for_others = 0;

	for (unsigned i = 0; i < work->n; i++) {
		const uint8_t *frame = work->start[i] - (L2_BYTES - LEAD);
		bool tagged = load16(frame + ETHERTYPE_AT) == RTE_BE16(RTE_ETHER_TYPE_VLAN);
		uint16_t vlan = rte_be_to_cpu_16(load16(frame + L2_BYTES)) % VLAN_IDS;

		for_others |= (uint64_t)((load64(frame) ^ map->mac) << 16 != 0) << i;
		work->start[i] += tagged ? TAG_BYTES : 0;
		work->room[i] -= tagged ? TAG_BYTES : 0;
		work->tagged |= (uint64_t)tagged << i;
		set_cloud(work, i, tagged ? map->tagged[vlan] : map->untagged);
	}
	return for_others;
}

static inline void gather(struct work *work, const struct port_map *map, const bool trunk)
{
	for (unsigned i = work->n; i < round_up(work->n); i++)
		work->mbufs[i] = &nobody;
	work->good &= ~read_buffers(work);
	if (trunk)
		work->good &= ~read_tags(work, map);
}

// Check: RFC 1812 5.2.2, for a header without options

// One less of TTL, which is the first of four bytes in the order of the wire; the checksum, their
// last two, makes good for it (RFC 1624, equation 3).
static inline lanes next_hop(lanes hop)
{
	lanes carry = (lanes)(hop >= 0xfffe0000u) & 0x10000u;

	return hop + 0xffffu + carry;
}

// The first two bytes of the frames' destinations are not among the words of the headers.
#if LANES == 16

static inline uint32_t begin_with(uint8_t *const *start, uint16_t bytes)
{
	__m256i words = _mm256_setzero_si256();
	const unsigned before = L2_BYTES - LEAD;

#define INSERT(i) words = _mm256_insert_epi16(words, (int16_t)load16(start[i] - before), i);
	INSERT(0)
	INSERT(1) INSERT(2) INSERT(3) INSERT(4) INSERT(5) INSERT(6) INSERT(7) INSERT(8) INSERT(9)
		INSERT(10) INSERT(11) INSERT(12) INSERT(13) INSERT(14) INSERT(15)
#undef INSERT
			return _mm256_cmpeq_epi16_mask(words, _mm256_set1_epi16((int16_t)bytes));
}

#else

static inline uint32_t begin_with(uint8_t *const *start, uint16_t bytes)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < LANES; i++)
		found |= (uint32_t)(load16(start[i] - (L2_BYTES - LEAD)) == bytes) << i;
	return found;
}

#endif

static inline uint32_t check_lanes(struct work *work, unsigned at, uint64_t mac, const bool trunk)
{
	lanes words[8]; // [0]: MAC from byte 2, [2]: up to the ethertype, [3]: version, length,
			// [5]: TTL, protocol, checksum, [6]: source, [7]: destination
	lanes sum = {}, length, room, good;

	load_words(&work->start[at], words);
	room = lanes_load(&work->room[at]);
	for (unsigned i = 3; i < 8; i++)
		sum += (words[i] & 0xffffu) + (words[i] >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	length = (words[3] >> 24) | (words[3] >> 8 & 0xff00u);
	good = (lanes)(words[2] >> 16 == RTE_BE16(RTE_ETHER_TYPE_IPV4)) &
		(lanes)((words[3] & 0xffu) == 0x45u) & (lanes)(sum == 0xffffu) &
		(lanes)(length >= IPV4_BYTES) &
		(lanes)((signed_lanes)length <= (signed_lanes)room) &
		(lanes)((words[5] & 0xffu) > 1u);
	if (!trunk)
		good &= (lanes)(words[0] == (uint32_t)(mac >> 16));

	lanes_store(&work->length[at], length);
	lanes_store(&work->source[at], lanes_swap32(words[6]) ^ KEY_FLIP);
	lanes_store(&work->destination[at], lanes_swap32(words[7]) ^ KEY_FLIP);
	lanes_store(&work->hop[at], next_hop(words[5]));
	return lanes_mask(good) & (trunk ? ~0u : begin_with(&work->start[at], (uint16_t)mac));
}

static inline void check(struct work *work, uint64_t mac, const bool trunk)
{
	uint64_t good = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		good |= (uint64_t)(check_lanes(work, at, mac, trunk) & LANES_MASK) << at;
	work->good &= good;
}

// Look up: is the source the cloud's own, where is the destination

// Not in the common case: on to the trees that values lead to.
static __attribute__((noinline)) void follow(
	const struct table *const *tables, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		while (value_leads_on(leaves[i]))
			leaves[i] = search(table_lines(tables[i]) + leaves[i], (int32_t)keys[i]);
}

// Bit i: leaves[i] is 'leaf'.
static inline uint64_t find_equal(const leaf_t *leaves, unsigned n, leaf_t leaf)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < n; at += LANES)
		found |= (uint64_t)lanes_mask((lanes)(lanes_load(&leaves[at]) == leaf)) << at;
	return found;
}

static inline bool any_leads_on(const leaf_t *leaves, unsigned n)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < n; at += LANES)
		found |= (uint64_t
			 )lanes_mask((lanes)(lanes_load(&leaves[at]) - 1 < INTERCONNECT_ID_MAX))
			<< at;
	return (found & all_of(n)) != 0;
}

// All in one table.
static inline void search_one(
	const struct table *table, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	const union line *tree = table_tree(table);
	uint32_t offsets[QUICK_MAX]; // of nodes, in bytes

	for (unsigned at = 0; at < n; at += LANES)
		lanes_store(
			&offsets[at],
			(root_ranks(&tree->root, lanes_load(&keys[at])) + 1) * LINE_BYTES
		);
	for (unsigned i = 0; i < n; i++) {
		const struct node *node = (const void *)((const char *)tree + offsets[i]);

		leaves[i] = node->values[rank_node(node, (int32_t)keys[i])];
	}
	if (any_leads_on(leaves, n)) {
		const struct table *tables[QUICK_MAX];

		for (unsigned i = 0; i < n; i++)
			tables[i] = table;
		follow(tables, keys, leaves, n);
	}
}

static inline void search_many(
	const struct table *const *tables, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		leaves[i] = search(table_tree(tables[i]), (int32_t)keys[i]);
	if (any_leads_on(leaves, n))
		follow(tables, keys, leaves, n);
}

static inline uint64_t local_in_one(struct work *work, const struct table *table, uint16_t cloud)
{
	leaf_t leaves[QUICK_MAX];
	uint64_t local = 0;

	if (table->has_local) {
		for (unsigned at = 0; at < work->n; at += LANES)
			local |= (uint64_t)local_lanes(table, lanes_load(&work->source[at])) << at;
	} else if (table->more_local) {
		const void *more = table_lines(table) + table->more_local;

		for (unsigned at = 0; at < work->n; at += LANES)
			local |= (uint64_t)more_local_lanes(more, lanes_load(&work->source[at]))
				<< at;
	} else {
		search_one(table, work->source, leaves, work->n);
		local = find_equal(leaves, work->n, leaf_local(cloud));
	}
	return local;
}

static inline uint64_t local_in_many(struct work *work)
{
	leaf_t leaves[QUICK_MAX];
	uint64_t local = 0;
	bool in_heads = true;

	for (unsigned i = 0; i < work->n; i++)
		in_heads &= work->tables[i]->has_local;
	if (in_heads) {
		for (unsigned i = 0; i < work->n; i++)
			local |= (uint64_t)is_local(work->tables[i], (int32_t)work->source[i]) << i;
		return local;
	}
	search_many(work->tables, work->source, leaves, work->n);
	for (unsigned i = 0; i < work->n; i++)
		local |= (uint64_t)(leaves[i] == leaf_local(work->clouds[i])) << i;
	return local;
}

// Rewrite and group: packets of one interconnect share all but what their own headers say

#define GROUPS_MAX 4

#if LANES == 16

// The mbufs of some packets, in order. Writes up to 7 too many.
static inline unsigned pick(const struct work *work, uint64_t which, struct rte_mbuf **to)
{
	unsigned n = 0;

	for (unsigned at = 0; at < work->n; at += 8) {
		__mmask8 mask = (__mmask8)(which >> at);

		_mm512_storeu_si512(
			&to[n],
			_mm512_maskz_compress_epi64(mask, _mm512_loadu_si512(&work->mbufs[at]))
		);
		n += (unsigned)_mm_popcnt_u32(mask);
	}
	return n;
}

static inline uint32_t sum_lengths(const struct work *work, uint64_t which)
{
	__m512i sum = _mm512_setzero_si512();

	for (unsigned at = 0; at < work->n; at += LANES)
		sum = _mm512_mask_add_epi32(
			sum, (__mmask16)(which >> at), sum, _mm512_loadu_si512(&work->length[at])
		);
	return (uint32_t)_mm512_reduce_add_epi32(sum);
}

#else

static inline unsigned pick(const struct work *work, uint64_t which, struct rte_mbuf **to)
{
	unsigned n = 0;

	for (; which != 0; which &= which - 1)
		to[n++] = work->mbufs[__builtin_ctzll(which)];
	return n;
}

static inline uint32_t sum_lengths(const struct work *work, uint64_t which)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < work->n; i++)
		sum += which >> i & 1 ? work->length[i] : 0;
	return sum;
}

#endif

// Bit i: the packet has no more bytes than 'limit'.
static inline uint64_t find_fitting(const struct work *work, uint32_t limit)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		found |= (uint64_t)lanes_mask((lanes)(lanes_load(&work->length[at]) <= limit))
			<< at;
	return found;
}

// Bit i: nothing stands behind the packet in its frame.
static inline uint64_t find_unpadded(const struct work *work)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < work->n; at += LANES)
		found |= (uint64_t)lanes_mask((lanes
			 )(lanes_load(&work->length[at]) == lanes_load(&work->room[at])))
			<< at;
	return found;
}

// The L2 header, TTL and checksum of the way out.
static inline void rewrite_headers(struct work *work, unsigned i, const struct egress *egress)
{
	uint8_t *ip = work->start[i] + LEAD;
	uint8_t *l2 = ip - egress->l2_length;

	memcpy(ip + 8, &work->hop[i], sizeof(uint32_t));
	memcpy(l2, &egress->first, sizeof(uint64_t));
	if (egress->l2_length != L2_BYTES)
		memcpy(l2 + 4, &egress->second, sizeof(uint64_t));
	memcpy(ip - sizeof(uint64_t), &egress->last, sizeof(uint64_t));
}

// Where the frame begins, and ends: what stands behind the packet is the sender's padding, which
// stays in its cloud.
static inline void rewrite_bounds(struct work *work, unsigned i, const struct egress *egress)
{
	struct rte_mbuf *mbuf = work->mbufs[i];
	uint8_t *l2 = work->start[i] + LEAD - egress->l2_length;
	uint16_t length = (uint16_t)(egress->l2_length + work->length[i]);

	mbuf->data_off = (uint16_t)(l2 - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = length;
	mbuf->pkt_len = length;
}

// Do frames begin and end where they did? Packets of the bits 'which', all to the same egress.
static inline bool keep_bounds(
	const struct work *work, uint64_t which, uint64_t unpadded, const struct egress *egress
)
{
	uint64_t like_egress = egress->l2_length == L2_BYTES ? ~work->tagged : work->tagged;

	return (which & ~(unpadded & like_egress)) == 0;
}

static inline void rewrite_group(
	struct work *work, uint64_t which, uint64_t unpadded, const struct egress *egress
)
{
	const struct egress out = *egress; // nothing that is written below can change it

	if (out.l2_length == L2_BYTES)
		for (uint64_t left = which; left != 0; left &= left - 1) {
			unsigned i = (unsigned)__builtin_ctzll(left);
			uint8_t *ip = work->start[i] + LEAD;

			memcpy(ip + 8, &work->hop[i], sizeof(uint32_t));
			memcpy(ip - L2_BYTES, &out.first, sizeof(uint64_t));
			memcpy(ip - sizeof(uint64_t), &out.last, sizeof(uint64_t));
		}
	else
		for (uint64_t left = which; left != 0; left &= left - 1)
			rewrite_headers(work, (unsigned)__builtin_ctzll(left), &out);
	if (keep_bounds(work, which, unpadded, egress))
		return;
	for (uint64_t left = which; left != 0; left &= left - 1)
		rewrite_bounds(work, (unsigned)__builtin_ctzll(left), &out);
}

// Packets like packet i: to the same cloud by the same interconnect, so from the same cloud, too.
static inline void add_count(
	const struct work *work, struct quick_burst *burst, unsigned i, unsigned packets,
	uint32_t bytes
)
{
	leaf_t leaf = work->leaves[i];

	burst->counts[burst->n_counts++] =
		(struct quick_count){leaf, work->clouds[i] > leaf_cloud(leaf), packets, bytes};
}

static inline void add_send(
	struct work *work, struct quick_burst *burst, uint64_t which, uint16_t port, bool mixed
)
{
	unsigned n = pick(work, which, &burst->mbufs[burst->n]);

	for (unsigned i = burst->n; mixed && which != 0; which &= which - 1)
		burst->clouds[i++] = work->clouds[__builtin_ctzll(which)];
	burst->sends[burst->n_sends++] = (struct quick_send){port, (uint16_t)n};
	burst->n += n;
}

// NULL when the leaf leads nowhere.
static inline const struct egress *egress_of(leaf_t leaf)
{
	const struct egress *egress = published(exchange.clouds[leaf_cloud(leaf)].egress);

	return leaf_interconnect(leaf) != 0 ? egress : NULL;
}

// More interconnects than groups pay for: each packet counts alone, ports are still few.
static __attribute__((noinline)) void finish_each(
	struct work *work, struct quick_burst *burst, uint64_t left, bool mixed
)
{
	uint16_t ports[QUICK_MAX] = {};

	for (uint64_t one = left; one != 0; one &= one - 1) {
		unsigned i = (unsigned)__builtin_ctzll(one);
		const struct egress *egress = egress_of(work->leaves[i]);

		if (!egress || work->length[i] > egress->limit) {
			left &= ~((uint64_t)1 << i);
			work->good &= ~((uint64_t)1 << i);
			continue;
		}
		rewrite_headers(work, i, egress);
		rewrite_bounds(work, i, egress);
		ports[i] = egress->port;
		add_count(work, burst, i, 1, work->length[i]);
	}
	while (left != 0) {
		uint16_t port = ports[__builtin_ctzll(left)];
		uint64_t same = 0;

		for (uint64_t one = left; one != 0; one &= one - 1) {
			unsigned i = (unsigned)__builtin_ctzll(one);

			same |= (uint64_t)(ports[i] == port) << i;
		}
		add_send(work, burst, same, port, mixed);
		left &= ~same;
	}
}

static inline void finish(struct work *work, struct quick_burst *burst, bool mixed)
{
	uint64_t left = work->good, unpadded = find_unpadded(work);

	for (unsigned groups = 0; left != 0; groups++) {
		unsigned first = (unsigned)__builtin_ctzll(left);
		leaf_t leaf = work->leaves[first];
		const struct egress *egress;
		uint64_t same, fitting;

		if (groups == GROUPS_MAX) {
			finish_each(work, burst, left, mixed);
			return;
		}
		same = find_equal(work->leaves, work->n, leaf) & left;
		left &= ~same;
		egress = egress_of(leaf);
		fitting = egress ? same & find_fitting(work, egress->limit) : 0;
		work->good &= ~(same & ~fitting);
		if (fitting == 0)
			continue;
		rewrite_group(work, fitting, unpadded, egress);
		add_count(
			work, burst, first, (unsigned)__builtin_popcountll(fitting),
			sum_lengths(work, fitting)
		);
		add_send(work, burst, fitting, egress->port, mixed);
	}
}

// The whole way

static inline __attribute__((always_inline)) void way(
	struct work *work, const struct port_map *map, struct quick_burst *burst, const bool trunk
)
{
	const struct table *table = trunk ? NULL : published(exchange.clouds[map->untagged].table);

	gather(work, map, trunk);
	check(work, map->mac, trunk);
	if (trunk) {
		work->good &= local_in_many(work);
		search_many(work->tables, work->destination, work->leaves, work->n);
	} else if (table) {
		work->good &= local_in_one(work, table, map->untagged);
		search_one(table, work->destination, work->leaves, work->n);
	} else {
		work->good = 0;
	}
	finish(work, burst, trunk);
}

static void forward(
	const struct port_map *map, struct rte_mbuf **mbufs, unsigned n, struct quick_burst *burst
)
{
	struct work work;

	work.n = n;
	work.good = all_of(n);
	work.tagged = 0;
	work.mbufs = mbufs;
	burst->n = 0;
	burst->n_sends = 0;
	burst->n_counts = 0;
	burst->cloud = map->trunk ? 0 : map->untagged;
	for (unsigned i = 0; !map->trunk && i < n; i++)
		work.clouds[i] = burst->clouds[i] = map->untagged;
	if (map->trunk)
		way(&work, map, burst, true);
	else
		way(&work, map, burst, false);
	burst->rest = all_of(n) & ~work.good;
}

// Lookup alone

static void lookup_ipv4(
	const struct table *const *tables, const uint32_t *addrs, leaf_t *leaves, unsigned n
)
{
	uint32_t keys[QUICK_MAX];

	for (unsigned i = 0; i < n; i++)
		keys[i] = addrs[i] ^ KEY_FLIP;
	search_many(tables, keys, leaves, n);
}

static __attribute__((noinline)) void follow6(
	const struct table *const *tables, const uint64_t *uppers, const uint64_t *lowers,
	leaf_t *leaves, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		while (value_leads_on(leaves[i])) {
			bool lower = leaves[i] & VALUE_LOWER;
			const union line *tree = table_lines(tables[i]) + (leaves[i] & VALUE_LINES);

			leaves[i] = search6(tree, key6_of(lower ? lowers[i] : uppers[i]));
		}
}

static void lookup_ipv6(
	const struct table *const *tables, const uint64_t *uppers, const uint64_t *lowers,
	leaf_t *leaves, unsigned n
)
{
	bool leads_on = false;

	for (unsigned i = 0; i < n; i++) {
		leaves[i] = search6(tables[i]->tree6, key6_of(uppers[i]));
		leads_on |= value_leads_on(leaves[i]);
	}
	if (leads_on)
		follow6(tables, uppers, lowers, leaves, n);
}

extern const struct quick QUICK;
const struct quick QUICK = {
#if LANES == 16
	.name = "avx512",
#elif LANES == 8
	.name = "avx2",
#else
	.name = "none",
#endif
	.forward = forward,
	.lookup_ipv4 = lookup_ipv4,
	.lookup_ipv6 = lookup_ipv6,
};
