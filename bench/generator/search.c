// SPDX-License-Identifier: BSD-3-Clause
#include "search.h"

struct bounds {
	double low; // held, or 0
	double high; // did not hold, or the ceiling
};

// How often must the rate hold again? 0, or 1 when it did not, or -1.
static int confirm(
	const struct search *search, search_trial *trial, void *arg, double rate,
	struct search_result *result
)
{
	for (unsigned i = 0; i < search->confirmations; i++) {
		double loss = trial(rate, arg);

		result->trials++;
		if (loss < 0)
			return -1;
		if (loss > search->tolerance)
			return 1;
		if (loss > result->loss)
			result->loss = loss;
	}
	return 0;
}

int search_run(
	const struct search *search, double ceiling, search_trial *trial, void *arg,
	struct search_result *result
)
{
	struct bounds bounds = {0, ceiling};
	double narrow = ceiling * search->resolution;
	double rate = ceiling; // it may be the answer itself

	*result = (struct search_result){};
	for (;;) {
		double loss = trial(rate, arg);

		result->trials++;
		if (loss < 0)
			return -1;
		if (loss <= search->tolerance) {
			bounds.low = rate;
			result->loss = loss;
		} else {
			bounds.high = rate;
		}
		while (bounds.high - bounds.low <= narrow) {
			int code = bounds.low > 0 ? confirm(search, trial, arg, bounds.low, result)
						  : 0;

			if (code <= 0) {
				result->rate = bounds.low;
				return code;
			}
			// Nothing below has been tried lately: all of it is open again.
			bounds = (struct bounds){0, bounds.low};
		}
		rate = (bounds.low + bounds.high) / 2;
	}
}
