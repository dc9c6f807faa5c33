// One number as an instrument states it, kept so that nothing is added and nothing lost: an exact
// decimal where registers are integers, a float in its own width.
//
// Also how such a number is written in a block: the shortest decimal that gives back the value in
// its own width. Pure functions; thread-safe.
#ifndef TALLY_BASE_VALUE_H
#define TALLY_BASE_VALUE_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

// (-1)^negative × magnitude × 10^exponent, exact.
struct decimal {
    uint64_t magnitude;
    bool negative;
    int8_t exponent; // -40 to 40
};

// Reads "0.01", "-12.5", "1e-3", "100". ERROR_INPUT on another form, ERROR_RANGE when the digits
// exceed 64 bits or the exponent its range.
int decimal_parse(const char *text, struct decimal *out);
// out = a × b, exact. ERROR_RANGE when it does not fit; trailing zeros are taken out first where
// that makes it fit.
int decimal_multiply(struct decimal a, struct decimal b, struct decimal *out);
// out = a + b, exact. ERROR_RANGE when it does not fit.
int decimal_add(struct decimal a, struct decimal b, struct decimal *out);
double decimal_to_double(struct decimal a);

enum value_kind {
    VALUE_NONE,    // the instrument gave no number (NaN, a sentinel, "not available")
    VALUE_DECIMAL, // from integer registers, BCD, bit fields, scaled
    VALUE_FLOAT32, // from a float32 register, unscaled
    VALUE_FLOAT64, // from a float64 register, or a computed number
    VALUE_STRING,  // from a string register; UTF-8
};

#define VALUE_STRING_MAX 64

struct value {
    enum value_kind kind;
    union {
        struct decimal decimal;
        float float32;
        double float64;
        char string[VALUE_STRING_MAX + 1];
    };
};

// Appends the JSON form: null; a number with no exponent where it has at most 21 digits ("1234.56",
// "0.001", "-5"; trailing zeros of the scale are dropped: 10 × 0.10 is "1"), else with one
// ("1e-30"); an integer or decimal of more than 15 significant digits as a string
// ("\"12345678901234567\"", so that no reader loses a digit); a string. Floats: the shortest digits
// that give the value back in its own width; -0 is "0"; never NaN or infinite (those are
// VALUE_NONE).
void value_append_json(struct text *text, const struct value *value);
// The same digits for people: never quoted, "—" for none.
void value_append_plain(struct text *text, const struct value *value);
// The number as a decimal: itself, or the shortest one that gives the float back. ERROR_RANGE when
// its exponent does not fit or it is no finite number.
int value_to_decimal(const struct value *value, struct decimal *out);
// As a double, for statistics and pictures. NaN where there is no number.
double value_to_double(const struct value *value);
// Shortest decimal of a double, as value_append_json writes it. `number` must be finite.
void value_append_double(struct text *text, double number);

#endif
