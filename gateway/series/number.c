#include "series/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18 // always below 2^63

static const double powers[NUMBER_EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double number_of(int64_t mantissa, int exponent)
{
    return exponent < 0 ? (double)mantissa / powers[-exponent]
                        : (double)mantissa * powers[exponent];
}

double number_to_double(struct number number)
{
    switch (number.kind) {
    case NUMBER_DECIMAL: return number_of(number.mantissa, number.exponent);
    case NUMBER_DOUBLE: return number.real;
    default: return NAN;
    }
}

int64_t number_shift(int64_t mantissa, int places, int *fits)
{
    while (places-- > 0 && mantissa) {
        if (mantissa > NUMBER_MANTISSA_MAX / 10 || mantissa < -NUMBER_MANTISSA_MAX / 10) {
            *fits = -1;
            return 0;
        }
        mantissa *= 10;
    }
    return mantissa;
}

// What the decimal form cannot hold.
static struct number parse_slowly(const char *text, size_t length)
{
    char copy[64];
    struct number none = {.kind = NUMBER_NONE};
    if (length == 0 || length >= sizeof copy) {
        return none;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789+-.eE") != length) { // strtod takes more: "0x10", "inf", blanks
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
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
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
    if (!digits || parse_exponent(p, end, &exponent) || mantissa >= NUMBER_MANTISSA_MAX ||
        exponent < -NUMBER_EXPONENT_MAX || exponent > NUMBER_EXPONENT_MAX) {
        return parse_slowly(text, length);
    }
    return (struct number){
        .kind = NUMBER_DECIMAL, .exponent = exponent, .mantissa = negative ? -mantissa : mantissa};
}
