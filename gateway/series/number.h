// A number as a block writes it, taken apart as mantissa and power of ten, so that readings can be
// kept as small integer differences and give back exactly the double that strtod gives.
//
// Pure functions; thread-safe.
#ifndef TALLY_SERIES_NUMBER_H
#define TALLY_SERIES_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Up to here a double holds every integer, and every power of ten is exact, so that one division or
// multiplication rounds correctly.
#define NUMBER_MANTISSA_MAX ((int64_t)1 << 53)
#define NUMBER_EXPONENT_MAX 22

enum number_kind {
    NUMBER_NONE,    // null, or a text that is no number
    NUMBER_DECIMAL, // mantissa × 10^exponent; at most 18 digits
    NUMBER_DOUBLE,  // beyond that, or a float of so many digits that it is no decimal
};

struct number {
    enum number_kind kind;
    int exponent;
    union {
        int64_t mantissa;
        double real;
    };
};

// Reads a JSON value of a block: a number, an integer or decimal in quotes (a block quotes those of
// more than 15 digits, and only those), null, or a string, of which the last two are NUMBER_NONE.
struct number number_parse(const char *text, size_t length);
// The nearest double; NaN for none.
double number_to_double(struct number number);
// Below, above or equal (-1, 1, 0), beyond what doubles tell apart where both are decimals. Neither
// is NUMBER_NONE.
int number_compare(struct number a, struct number b);
// mantissa × 10^places, or -1 in *fits when it exceeds NUMBER_MANTISSA_MAX.
int64_t number_shift(int64_t mantissa, int places, int *fits);
// The same to the limits of 64 bits: false, and *mantissa as it was, when it exceeds them.
bool number_shift_exact(int64_t *mantissa, int places);
// 10^0 to 10^NUMBER_EXPONENT_MAX, each exact.
double number_power(int exponent);
double number_of(int64_t mantissa, int exponent);

#endif
