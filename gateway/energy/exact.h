// Sums and products of decimals without rounding: what energy is reckoned in.
//
// A fixed-point number of 108 digits, 45 of them behind the point, so that any struct decimal and
// the sum of any number of them that a program can hold fits. Pure; thread-safe.
#ifndef TALLY_ENERGY_EXACT_H
#define TALLY_ENERGY_EXACT_H

#include "base/error.h"
#include "base/text.h"
#include "base/value.h"

// Least significant first, each from 0 to 10^9 - 1, but for the last, which bears the sign: the
// number is the sum of limb[i] × 10^(9i - 45). Zeroed: 0. One number has one form.
#define EXACT_LIMBS 12
struct exact {
    int64_t limb[EXACT_LIMBS];
};

struct exact exact_of(struct decimal decimal);
void exact_add(struct exact *sum, const struct exact *more);
void exact_subtract(struct exact *sum, const struct exact *less);
// -1, 0, 1.
int exact_sign(const struct exact *number);
int exact_compare(const struct exact *a, const struct exact *b);
// *out = a × b. ERROR_RANGE, with *out 0, when digits of it lie outside what is held.
int exact_multiply(const struct exact *a, const struct exact *b, struct exact *out);
double exact_to_double(const struct exact *number);

// The digits, never an exponent, no zeros behind the last of a fraction: "-0.05", "1200".
void exact_append(struct text *out, const struct exact *number);
// The same as JSON, as value.h has it: in quotes when there are more than 15 significant digits.
void exact_append_json(struct text *out, const struct exact *number);

#endif
