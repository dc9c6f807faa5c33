#include "series/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX   18                        // always below 2^63
#define QUOTED_LEAST INT64_C(1000000000000000) // 16 digits: a block quotes no number below

static const double powers[NUMBER_EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double number_of(int64_t mantissa, int exponent)
{
    return exponent < 0 ? (double)mantissa / powers[-exponent]
                        : (double)mantissa * powers[exponent];
}

double number_power(int exponent)
{
    return powers[exponent];
}

static bool is_long(int64_t mantissa)
{
    return mantissa > NUMBER_MANTISSA_MAX || mantissa < -NUMBER_MANTISSA_MAX;
}

// A mantissa that no double holds, rounded once.
static double round_long(struct number number)
{
    char text[40];
    snprintf(text, sizeof text, "%llde%d", (long long)number.mantissa, number.exponent);
    return strtod(text, NULL);
}

double number_to_double(struct number number)
{
    switch (number.kind) {
    case NUMBER_DECIMAL:
        return is_long(number.mantissa) ? round_long(number)
                                        : number_of(number.mantissa, number.exponent);
    case NUMBER_DOUBLE: return number.real;
    default: return NAN;
    }
}

int64_t number_shift(int64_t mantissa, int places, int *fits)
{
    if (!number_shift_exact(&mantissa, places) || is_long(mantissa)) {
        *fits = -1;
        return 0;
    }
    return mantissa;
}

bool number_shift_exact(int64_t *mantissa, int places)
{
    int64_t shifted = *mantissa;
    for (; places > 0 && shifted; places--) {
        if (shifted > INT64_MAX / 10 || shifted < INT64_MIN / 10) {
            return false;
        }
        shifted *= 10;
    }
    *mantissa = shifted;
    return true;
}

int number_compare(struct number a, struct number b)
{
    double x = number_to_double(a), y = number_to_double(b);
    if (x != y || a.kind != NUMBER_DECIMAL || b.kind != NUMBER_DECIMAL) {
        return x < y ? -1 : x > y;
    }
    if (!number_shift_exact(&a.mantissa, a.exponent - b.exponent) ||
        !number_shift_exact(&b.mantissa, b.exponent - a.exponent)) {
        return 0;
    }
    return a.mantissa < b.mantissa ? -1 : a.mantissa > b.mantissa;
}

// What the decimal form cannot hold.
static struct number parse_slowly(const char *text, size_t length, bool quoted)
{
    char copy[64];
    struct number none = {.kind = NUMBER_NONE};
    if (length == 0 || length >= sizeof copy) {
        return none;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    // strtod takes more: "0x10", "inf", blanks.
    if (strspn(copy, quoted ? "0123456789-." : "0123456789+-.eE") != length) {
        return none;
    }
    char *end;
    double real = strtod(copy, &end);
    if (end != copy + length || !isfinite(real)) {
        return none;
    }
    return (struct number){.kind = NUMBER_DOUBLE, .real = real};
}

// "e-7", "e12" at p up to end, added to *exponent. -1 when it is none.
static int parse_exponent(const char *p, const char *end, int *exponent)
{
    if (p == end) {
        return 0;
    }
    if (*p != 'e' && *p != 'E') {
        return -1;
    }
    p++;
    int sign = 1, value = 0;
    if (p < end && (*p == '-' || *p == '+')) {
        sign = *p++ == '-' ? -1 : 1;
    }
    if (p == end) {
        return -1;
    }
    for (; p < end; p++) {
        if (*p < '0' || *p > '9' || value > 1000) {
            return -1;
        }
        value = value * 10 + (*p - '0');
    }
    *exponent += sign * value;
    return 0;
}

struct number number_parse(const char *text, size_t length)
{
    bool quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';
    text += quoted;
    length -= quoted ? 2 : 0;
    const char *p = text, *end = text + length;
    bool negative = p < end && *p == '-';
    p += negative;
    int64_t mantissa = 0;
    int digits = 0, exponent = 0;
    bool fraction = false;
    for (; p < end; p++) {
        if (*p == '.' && !fraction && digits) {
            fraction = true;
        } else if (*p >= '0' && *p <= '9' && digits < DIGITS_MAX) {
            mantissa = mantissa * 10 + (*p - '0');
            exponent -= fraction;
            digits++;
        } else {
            break;
        }
    }
    if (!digits || (quoted ? p < end : parse_exponent(p, end, &exponent)) ||
        (!quoted && mantissa >= NUMBER_MANTISSA_MAX) || exponent < -NUMBER_EXPONENT_MAX ||
        exponent > NUMBER_EXPONENT_MAX) {
        return parse_slowly(text, length, quoted);
    }
    if (quoted && mantissa < QUOTED_LEAST) { // the text of a string register
        return (struct number){.kind = NUMBER_NONE};
    }
    return (struct number){
        .kind = NUMBER_DECIMAL, .exponent = exponent, .mantissa = negative ? -mantissa : mantissa};
}
