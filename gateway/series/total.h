// A total: the sum of many readings of one point, exact while they are decimals.
//
// Decimals are added as integers at the finest scale seen, without rounding, so that neither order
// nor number of readings changes the sum. What does not fit 64 bits at one scale, and doubles, are
// added as an unevaluated sum of two doubles (106 bits). Adding the same readings in the same order
// always gives the same bits. Pure; thread-safe.
#ifndef TALLY_SERIES_TOTAL_H
#define TALLY_SERIES_TOTAL_H

#include "series/number.h"

// Zeroed: nothing yet.
struct total {
    int64_t mantissa; // × 10^exponent: the exact part
    int exponent;
    double high, low; // the rest; |low| is at most half a unit in the last place of high
};

// Nothing for NUMBER_NONE.
void total_add(struct total *total, struct number number);
void total_merge(struct total *into, const struct total *from);
// Divided by `count`, rounded to a double; infinite or NaN when the sum went beyond doubles.
double total_mean(const struct total *total, uint64_t count);

#endif
