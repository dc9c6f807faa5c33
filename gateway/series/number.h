// A number as a block writes it, taken apart as mantissa and power of ten, so that readings can be
// kept as small integer differences and give back exactly the double that strtod gives.
//
// Pure functions; thread-safe.
#ifndef TALLY_SERIES_NUMBER_H
#define TALLY_SERIES_NUMBER_H

#include <stddef.h>
#include <stdint.h>

// Up to here a double holds every integer, and every power of ten is exact, so that one division or
// multiplication rounds correctly.
#define NUMBER_MANTISSA_MAX ((int64_t)1 << 53)
#define NUMBER_EXPONENT_MAX 22

enum number_kind {
    NUMBER_NONE,    // null, or a text that is no number
    NUMBER_DECIMAL, // mantissa × 10^exponent
    NUMBER_DOUBLE,  // beyond what the decimal form holds exactly
};

struct number {
    enum number_kind kind;
    int exponent;
    union {
        int64_t mantissa;
        double real;
    };
};

// Reads a JSON value of a block: a number, a number in quotes (more than 15 digits), null, or a
// string, of which the last two are NUMBER_NONE.
struct number number_parse(const char *text, size_t length);
// NaN for none.
double number_to_double(struct number number);
// mantissa × 10^places, or -1 in *fits when it exceeds NUMBER_MANTISSA_MAX.
int64_t number_shift(int64_t mantissa, int places, int *fits);
double number_of(int64_t mantissa, int exponent);

#endif
