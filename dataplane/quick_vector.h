// SPDX-License-Identifier: BSD-3-Clause
// Vectors of 32-bit lanes, as many as the widest registers take: one packet a lane. Included by
// quick.c only, which the compiler sees once for each width.
#pragma once

#include <immintrin.h>
#include <rte_mbuf.h>
#include <stdint.h>

#if defined(__AVX512F__)
#define LANES 16
#define OF_WIDTH(operation) _mm512_##operation
typedef __m512i wide;
#elif defined(__AVX2__)
#define LANES 8
#define OF_WIDTH(operation) _mm256_##operation
typedef __m256i wide;
#else
#define LANES 4
#define OF_WIDTH(operation) _mm_##operation
typedef __m128i wide;
#endif

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t signed_lanes __attribute__((vector_size(4 * LANES)));

typedef uint16_t half_lanes __attribute__((vector_size(2 * LANES)));

static inline lanes lanes_load(const uint32_t *from)
{
	lanes vector;

	__builtin_memcpy(&vector, from, sizeof(vector));
	return vector;
}

static inline lanes half_lanes_load(const uint16_t *from)
{
	half_lanes vector;

	__builtin_memcpy(&vector, from, sizeof(vector));
	return __builtin_convertvector(vector, lanes);
}

static inline lanes lanes_set(uint32_t value)
{
	return (lanes){} + value;
}

static inline void lanes_store(uint32_t *to, lanes vector)
{
	__builtin_memcpy(to, &vector, sizeof(vector));
}

// One bit for each lane that is not 0: lanes are all ones, or 0, as comparisons give them.
static inline uint32_t lanes_mask(lanes vector)
{
#if LANES == 16
	return _mm512_movepi32_mask((wide)vector);
#elif LANES == 8
	return (uint32_t)_mm256_movemask_ps((__m256)vector);
#else
	return (uint32_t)_mm_movemask_ps((__m128)vector);
#endif
}

// One bit for each lane in which both are equal.
static inline uint32_t lanes_equal(lanes a, lanes b)
{
#if LANES == 16
	return _mm512_cmpeq_epi32_mask((wide)a, (wide)b);
#else
	return lanes_mask((lanes)(a == b));
#endif
}

// One bit for each lane in which a is no more than b.
static inline uint32_t lanes_at_most(lanes a, lanes b)
{
#if LANES == 16
	return _mm512_cmple_epu32_mask((wide)a, (wide)b);
#else
	return lanes_mask((lanes)(a <= b));
#endif
}

// One bit for each of 64 bytes that is 'byte'.
static inline uint64_t find_byte(const uint8_t *bytes, uint8_t byte)
{
#if LANES == 16
	return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)byte));
#else
	const __m128i same = _mm_set1_epi8((char)byte);
	uint64_t found = 0;

	for (unsigned at = 0; at < 64; at += 16) {
		__m128i vector = _mm_loadu_si128((const void *)&bytes[at]);
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(vector, same));

		found |= (uint64_t)mask << at;
	}
	return found;
#endif
}

// One bit for each lane that is 0.
static inline uint32_t lanes_zero(lanes vector)
{
#if LANES == 16
	return _mm512_testn_epi32_mask((wide)vector, (wide)vector);
#else
	return lanes_mask((lanes)(vector == 0));
#endif
}

// From the order of the wire to that of the CPU.
static inline lanes lanes_swap32(lanes vector)
{
	const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

#if LANES == 16
	return (lanes)_mm512_shuffle_epi8((wide)vector, _mm512_broadcast_i32x4(order));
#elif LANES == 8
	return (lanes)_mm256_shuffle_epi8((wide)vector, _mm256_broadcastsi128_si256(order));
#else
	return (lanes)_mm_shuffle_epi8((wide)vector, order);
#endif
}

// 16 bytes from each of from[0], from[4], from[8], from[12], beginning with byte 'at', as far as
// the width goes.
static inline wide load_every_fourth(uint8_t *const *from, int at)
{
	__m128i first = _mm_loadu_si128((const void *)(from[0] + at));

#if LANES == 4
	return first;
#else
	__m256i half = _mm256_inserti128_si256(
		_mm256_castsi128_si256(first), _mm_loadu_si128((const void *)(from[4] + at)), 1
	);
#if LANES == 8
	return half;
#else
	__m256i other = _mm256_inserti128_si256(
		_mm256_castsi128_si256(_mm_loadu_si128((const void *)(from[8] + at))),
		_mm_loadu_si128((const void *)(from[12] + at)), 1
	);

	return _mm512_inserti64x4(_mm512_castsi256_si512(half), other, 1);
#endif
#endif
}

// Four words of 32 bits from byte 'at' of each of LANES places: words[w] has the w-th of every
// place, a lane each, place i in lane i.
static inline void load_four(uint8_t *const *from, int at, lanes words[4])
{
	wide a = load_every_fourth(from, at);
	wide b = load_every_fourth(from + 1, at);
	wide c = load_every_fourth(from + 2, at);
	wide d = load_every_fourth(from + 3, at);
	wide ab_low = OF_WIDTH(unpacklo_epi32)(a, b);
	wide ab_high = OF_WIDTH(unpackhi_epi32)(a, b);
	wide cd_low = OF_WIDTH(unpacklo_epi32)(c, d);
	wide cd_high = OF_WIDTH(unpackhi_epi32)(c, d);

	words[0] = (lanes)OF_WIDTH(unpacklo_epi64)(ab_low, cd_low);
	words[1] = (lanes)OF_WIDTH(unpackhi_epi64)(ab_low, cd_low);
	words[2] = (lanes)OF_WIDTH(unpacklo_epi64)(ab_high, cd_high);
	words[3] = (lanes)OF_WIDTH(unpackhi_epi64)(ab_high, cd_high);
}

#if LANES == 16

// Eight words, from the first 32 bytes of each of 16 places, by one load each.
static inline void load_words(uint8_t *const *from, lanes words[8])
{
	__m512i pair[8]; // place k and place k + 4 of each eight
	__m512i first[4], second[4]; // words 0 and 4, 1 and 5, ... of eight places

	for (unsigned i = 0; i < 8; i++) {
		unsigned at = i < 4 ? i : i + 4;
		__m256i low = _mm256_loadu_si256((const void *)from[at]);
		__m256i high = _mm256_loadu_si256((const void *)from[at + 4]);

		pair[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
	}
	for (unsigned half = 0; half < 2; half++) {
		const __m512i *p = &pair[4 * half];
		__m512i ab_low = _mm512_unpacklo_epi32(p[0], p[1]);
		__m512i ab_high = _mm512_unpackhi_epi32(p[0], p[1]);
		__m512i cd_low = _mm512_unpacklo_epi32(p[2], p[3]);
		__m512i cd_high = _mm512_unpackhi_epi32(p[2], p[3]);
		__m512i *to = half == 0 ? first : second;

		to[0] = _mm512_unpacklo_epi64(ab_low, cd_low);
		to[1] = _mm512_unpackhi_epi64(ab_low, cd_low);
		to[2] = _mm512_unpacklo_epi64(ab_high, cd_high);
		to[3] = _mm512_unpackhi_epi64(ab_high, cd_high);
	}
	for (unsigned w = 0; w < 4; w++) {
		words[w] = (lanes)_mm512_shuffle_i64x2(first[w], second[w], 0x88);
		words[w + 4] = (lanes)_mm512_shuffle_i64x2(first[w], second[w], 0xdd);
	}
}

#else

// Eight words, from the first 32 bytes of each of LANES places.
static inline void load_words(uint8_t *const *from, lanes words[8])
{
	load_four(from, 0, words);
	load_four(from, 16, words + 4);
}

#endif
