// SPDX-License-Identifier: BSD-3-Clause
#include "quick.h"

#include <rte_cpuflags.h>
#include <string.h>

extern const struct quick quick_none, quick_avx2, quick_avx512;

const struct quick *quick;

static bool has_all(const enum rte_cpu_flag_t *flags, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (rte_cpu_get_flag_enabled(flags[i]) != 1)
			return false;
	return true;
}

const struct quick *quick_of(enum simd simd)
{
	static const enum rte_cpu_flag_t avx2[] = {
		RTE_CPUFLAG_AVX2,
		RTE_CPUFLAG_BMI1,
		RTE_CPUFLAG_BMI2,
	};
	static const enum rte_cpu_flag_t avx512[] = {
		RTE_CPUFLAG_AVX512F,  RTE_CPUFLAG_AVX512BW, RTE_CPUFLAG_AVX512DQ,
		RTE_CPUFLAG_AVX512VL, RTE_CPUFLAG_BMI1,	    RTE_CPUFLAG_BMI2,
	};

	switch (simd) {
	case SIMD_NONE:
		return &quick_none;
	case SIMD_AVX2:
		return has_all(avx2, RTE_DIM(avx2)) ? &quick_avx2 : NULL;
	case SIMD_AVX512:
		return has_all(avx512, RTE_DIM(avx512)) ? &quick_avx512 : NULL;
	default:
		return NULL;
	}
}

void quick_choose(enum simd most)
{
	for (int simd = (int)most; simd >= SIMD_NONE; simd--) {
		quick = quick_of((enum simd)simd);
		if (quick)
			return;
	}
}

int simd_of(const char *name)
{
	static const char *const names[SIMD_COUNT] = {"none", "avx2", "avx512"};

	for (int i = 0; i < SIMD_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
