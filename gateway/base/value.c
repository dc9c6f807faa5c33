#include "base/value.h"

#include "base/error.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX     40 // of struct decimal, either way
#define PLAIN_DIGITS_MAX 21 // written without an exponent up to here
#define EXACT_DIGITS     15 // every reader that keeps numbers as doubles keeps these (DBL_DIG)
#define DIGITS_MAX       20 // of a uint64_t
#define WRITTEN_MAX      48
#define COPIED           24 // digits are copied so many at a time, which is quicker than counting

// 10^0 to 10^22 are exact in a double, so that one multiplication or division by them rounds once.
static const double double_tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define DOUBLE_TENS_MAX 22

static const uint64_t double_exact_max = 1ull << 53;

// Digits of a number, most significant first: ± 0.d1d2d3… × 10^point.
struct digits {
    char room[DIGITS_MAX + COPIED]; // what is behind the digits is nothing, and may be copied
    int start, count;               // from room[start] on; no trailing zeros; 1 ("0") for zero
    int point;
    bool negative;
};

static const struct digits zero = {.room = "0", .count = 1, .point = 1};

static int fit_decimal(uint64_t magnitude, bool negative, int64_t exponent, struct decimal *out)
{
    if (magnitude == 0) {
        *out = (struct decimal){0};
        return OK;
    }
    for (; exponent < -EXPONENT_MAX && magnitude % 10 == 0; exponent++) {
        magnitude /= 10;
    }
    for (; exponent > EXPONENT_MAX && magnitude <= UINT64_MAX / 10; exponent--) {
        magnitude *= 10;
    }
    if (exponent < -EXPONENT_MAX || exponent > EXPONENT_MAX) {
        return ERROR_RANGE;
    }
    *out = (struct decimal){magnitude, negative, (int8_t)exponent};
    return OK;
}

// Appends a digit behind `zeros` zeros that were put off.
static int push_digit(uint64_t *magnitude, int64_t *zeros, unsigned digit)
{
    for (; *magnitude && *zeros > 0; (*zeros)--) {
        if (__builtin_mul_overflow(*magnitude, 10, magnitude)) {
            return ERROR_RANGE;
        }
    }
    *zeros = 0;
    if (__builtin_mul_overflow(*magnitude, 10, magnitude) ||
        __builtin_add_overflow(*magnitude, digit, magnitude)) {
        return ERROR_RANGE;
    }
    return OK;
}

// Reads "e-3" at p, to the end of the text.
static int parse_exponent(const char *p, int64_t *exponent)
{
    bool negative = *p == '-';
    int64_t number = 0;
    if (*p == '-' || *p == '+') {
        p++;
    }
    if (!*p) {
        return ERROR_INPUT;
    }
    for (; *p; p++) {
        if (*p < '0' || *p > '9') {
            return ERROR_INPUT;
        }
        number = number < 1000000 ? number * 10 + (*p - '0') : number;
    }
    *exponent += negative ? -number : number;
    return OK;
}

int decimal_parse(const char *text, struct decimal *out)
{
    uint64_t magnitude = 0;
    int64_t exponent = 0, zeros = 0;
    bool negative = *text == '-', point = false, digit_before = false;
    int result = OK;
    const char *p = text + negative;
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point && digit_before); p++) {
        if (*p == '.') {
            point = true;
        } else if (*p == '0') {
            zeros++;
        } else if (result == OK) {
            result = push_digit(&magnitude, &zeros, (unsigned)(*p - '0'));
        }
        digit_before = *p != '.';
        exponent -= point && digit_before;
    }
    if (!digit_before || (*p && *p != 'e' && *p != 'E')) {
        return ERROR_INPUT;
    }
    if (*p && parse_exponent(p + 1, &exponent) != OK) {
        return ERROR_INPUT;
    }
    if (result != OK) {
        return result;
    }
    // Zeros at the end: of an integer they are kept where they fit, of a fraction dropped.
    for (exponent += zeros; exponent > 0 && zeros > 0 && magnitude <= UINT64_MAX / 10; zeros--) {
        magnitude *= 10;
        exponent--;
    }
    return fit_decimal(magnitude, negative, exponent, out);
}

// Divides a by 2 and b by 5 as long as both go: each pair is one power of ten.
static int take_tens(uint64_t *a, uint64_t *b)
{
    int tens = 0;
    for (; *a % 2 == 0 && *b % 5 == 0; tens++) {
        *a /= 2;
        *b /= 5;
    }
    return tens;
}

int decimal_multiply(struct decimal a, struct decimal b, struct decimal *out)
{
    bool negative = a.negative != b.negative;
    int exponent = a.exponent + b.exponent;
    uint64_t product;
    if (__builtin_mul_overflow(a.magnitude, b.magnitude, &product)) {
        // Neither is zero here, so the loops end.
        uint64_t ten_a = 10, ten_b = 10;
        for (; a.magnitude % ten_a == 0; exponent++) {
            a.magnitude /= ten_a;
        }
        for (; b.magnitude % ten_b == 0; exponent++) {
            b.magnitude /= ten_b;
        }
        exponent += take_tens(&a.magnitude, &b.magnitude);
        exponent += take_tens(&b.magnitude, &a.magnitude);
        if (__builtin_mul_overflow(a.magnitude, b.magnitude, &product)) {
            return ERROR_RANGE;
        }
    }
    return fit_decimal(product, negative, exponent, out);
}

// Writes it with as low an exponent as `exponent`, where 64 bits hold its digits.
static bool lower_exponent(struct decimal *a, int exponent)
{
    for (; a->exponent > exponent; a->exponent--) {
        if (__builtin_mul_overflow(a->magnitude, 10, &a->magnitude)) {
            return false;
        }
    }
    return true;
}

int decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
    if (a.magnitude == 0 || b.magnitude == 0) {
        *out = a.magnitude ? a : b;
        return OK;
    }
    struct decimal *fine = a.exponent <= b.exponent ? &a : &b, *coarse = fine == &a ? &b : &a;
    for (; fine->exponent < coarse->exponent && fine->magnitude % 10 == 0; fine->exponent++) {
        fine->magnitude /= 10;
    }
    if (!lower_exponent(coarse, fine->exponent)) {
        return ERROR_RANGE;
    }
    uint64_t sum;
    if (a.negative != b.negative) {
        const struct decimal *large = a.magnitude >= b.magnitude ? &a : &b;
        sum = large->magnitude - (large == &a ? b : a).magnitude;
        return fit_decimal(sum, large->negative, large->exponent, out);
    }
    return __builtin_add_overflow(a.magnitude, b.magnitude, &sum)
               ? ERROR_RANGE
               : fit_decimal(sum, a.negative, a.exponent, out);
}

// By text; without a decimal point, so that no locale matters.
static __attribute__((noinline)) double scale_by_text(uint64_t magnitude, int exponent)
{
    char text[WRITTEN_MAX];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)magnitude, exponent);
    return strtod(text, NULL);
}

// magnitude × 10^exponent, correctly rounded. By text where one operation does not do.
static inline double scale_to_double(uint64_t magnitude, int exponent)
{
    if (magnitude <= double_exact_max && exponent >= -DOUBLE_TENS_MAX &&
        exponent <= DOUBLE_TENS_MAX) {
        double number = (double)magnitude;
        return exponent < 0 ? number / double_tens[-exponent] : number * double_tens[exponent];
    }
    return scale_by_text(magnitude, exponent);
}

double decimal_to_double(struct decimal a)
{
    double number = scale_to_double(a.magnitude, a.exponent);
    return a.negative ? -number : number;
}

// Eight digits, zeros in front: all at once, each in a byte of its own, the first in the lowest.
static inline void write_eight(char *to, uint32_t number)
{
    uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fu; // / 100, exact up to 9999
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fu; // / 10, exact up to 99
    uint64_t ones = htole64((tens | (twos - 10 * tens) << 8) + 0x3030303030303030u);
    memcpy(to, &ones, sizeof ones);
}

static void digits_from_integer(struct digits *out, uint64_t magnitude, int exponent, bool negative)
{
    int at = DIGITS_MAX, end = DIGITS_MAX;
    if (magnitude == 0) {
        *out = zero;
        return;
    }
    // A 64-bit division is a library call on 32-bit ARM: two at most, and the rest goes without.
    for (; magnitude >= 100000000; magnitude /= 100000000) {
        at -= 8;
        write_eight(out->room + at, (uint32_t)(magnitude % 100000000));
    }
    uint32_t rest = (uint32_t)magnitude;
    if (rest >= 10000) {
        at -= 8;
        write_eight(out->room + at, rest);
        while (out->room[at] == '0') {
            at++;
        }
        rest = 0;
    }
    for (; rest; rest /= 10) {
        out->room[--at] = (char)('0' + rest % 10);
    }
    while (out->room[end - 1] == '0') {
        end--;
    }
    out->start = at;
    out->count = end - at;
    out->point = DIGITS_MAX - at + exponent;
    out->negative = negative;
}

static int write_small_int(char *to, int number)
{
    char backwards[12];
    int count = 0, used = 0;
    unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
    if (number < 0) {
        to[used++] = '-';
    }
    do {
        backwards[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    while (count) {
        to[used++] = backwards[--count];
    }
    return used;
}

// "1.25e-30"
static int write_scientific(const struct digits *digits, char *to)
{
    const char *text = digits->room + digits->start;
    int used = 0;
    to[used++] = text[0];
    if (digits->count > 1) {
        to[used++] = '.';
        memcpy(to + used, text + 1, (size_t)digits->count - 1);
        used += digits->count - 1;
    }
    to[used++] = 'e';
    return used + write_small_int(to + used, digits->point - 1);
}

// "0.00125", "12.5", "12500"
static int write_plain(const struct digits *digits, char *to)
{
    const char *text = digits->room + digits->start;
    int count = digits->count, point = digits->point;
    if (point <= 0) {
        memset(to, '0', (size_t)(2 - point));
        to[1] = '.';
        memcpy(to + 2 - point, text, COPIED);
        return 2 - point + count;
    }
    memcpy(to, text, COPIED);
    if (point < count) {
        to[point] = '.';
        memcpy(to + point + 1, text + point, COPIED);
        return count + 1;
    }
    memset(to + count, '0', (size_t)(point - count));
    return point;
}

// The number's text, not terminated. Returns its length; up to WRITTEN_MAX bytes are written.
static int write_digits(const struct digits *digits, bool quoted, char *to)
{
    int used = 0;
    int plain_digits = digits->point <= 0              ? 1 - digits->point + digits->count
                       : digits->point > digits->count ? digits->point
                                                       : digits->count;
    if (quoted) {
        to[used++] = '"';
    }
    if (digits->negative) {
        to[used++] = '-';
    }
    used += plain_digits <= PLAIN_DIGITS_MAX ? write_plain(digits, to + used)
                                             : write_scientific(digits, to + used);
    if (quoted) {
        to[used++] = '"';
    }
    return used;
}

static void append_digits(struct text *text, const struct digits *digits, bool quoted)
{
    if (text->max - text->length < WRITTEN_MAX) { // it may still fit, to the byte
        char written[WRITTEN_MAX];
        text_append(text, written, (size_t)write_digits(digits, quoted, written));
        return;
    }
    char *to = text_reserve(text, WRITTEN_MAX);
    if (to) {
        text_commit(text, (size_t)write_digits(digits, quoted, to));
    }
}

// What a float format must tell the search for the shortest digits.
struct width {
    int digits_sure; // every decimal of so many digits survives (FLT_DIG, DBL_DIG), if normal
    int digits_max;  // so many always give the value back
    bool (*gives_back)(uint64_t magnitude, int exponent, double number);
};

static bool gives_back_float32(uint64_t magnitude, int exponent, double number)
{
    char text[WRITTEN_MAX];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)magnitude, exponent);
    return strtof(text, NULL) == (float)number;
}

static bool gives_back_float64(uint64_t magnitude, int exponent, double number)
{
    return scale_to_double(magnitude, exponent) == number;
}

static const struct width width_float32 = {6, 9, gives_back_float32};
static const struct width width_float64 = {15, 17, gives_back_float64};

// The search by the C library, for what the fast paths leave: `number` > 0, exact in its width.
// `odd_interval`: it is a power of two, below which its neighbour is half as far as above; the
// nearest decimal may then miss while the next one above still hits.
static void shortest_by_library(struct digits *out, double number, const struct width *width,
                                bool normal, bool odd_interval)
{
    for (int count = normal ? width->digits_sure : 1; count <= width->digits_max; count++) {
        char text[WRITTEN_MAX];
        snprintf(text, sizeof text, "%.*e", count - 1, number);
        uint64_t magnitude = 0;
        const char *p = text;
        for (; *p != 'e'; p++) { // the decimal point, whatever the locale, is passed over
            magnitude = *p >= '0' && *p <= '9' ? magnitude * 10 + (uint64_t)(*p - '0') : magnitude;
        }
        int exponent = (int)strtol(p + 1, NULL, 10) - (count - 1);
        for (int up = 0; up <= (odd_interval ? 1 : 0); up++) {
            if (width->gives_back(magnitude + (uint64_t)up, exponent, number)) {
                digits_from_integer(out, magnitude + (uint64_t)up, exponent, false);
                return;
            }
        }
    }
    assert(!"digits_max digits give every value back");
}

// The power of ten by which number (1e-13 < number < 1e21) is to be multiplied to have `count`
// digits before the point: from its power of two, 1233/4096 being log10(2) from below.
static int power_for(double number, int count)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int two = (int)(bits >> 52) - 1023;
    int ten = (two * 1233 - (two < 0 ? 4095 : 0)) / 4096 + 1;
    double power = ten < 0 ? 1 / double_tens[-ten] : double_tens[ten];
    return count - ten - (number >= power);
}

static double multiply_ten(double number, int power)
{
    return power < 0 ? number / double_tens[-power] : number * double_tens[power];
}

// Whether the double lies halfway between two normal floats: only there can rounding the exact
// decimal first to a double and then to a float differ from rounding it once.
static bool is_float32_tie(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (bits & 0x1fffffffu) == 0x10000000u;
}

static bool shortest_float32_fast(struct digits *out, double number)
{
    if (number < 1e-12 || number >= 1e20) {
        return false;
    }
    int power = power_for(number, 6);
    for (int count = 6; count <= 9 && power <= DOUBLE_TENS_MAX; count++, power++) {
        double scaled = multiply_ten(number, power);
        uint64_t magnitude = (uint64_t)scaled;
        double rest = scaled - (double)magnitude;
        if (rest > 0.499999 && rest < 0.500001) {
            return false; // which neighbour is nearer is not sure
        }
        magnitude += rest > 0.5;
        double back = multiply_ten((double)magnitude, -power);
        if (is_float32_tie(back)) {
            return false;
        }
        if ((float)back == (float)number) {
            digits_from_integer(out, magnitude, -power, false);
            return true;
        }
    }
    return false;
}

static void shortest_float32(struct digits *out, float number)
{
    float positive = fabsf(number);
    uint32_t bits;
    memcpy(&bits, &positive, sizeof bits);
    bool odd_interval = (bits & 0x7fffffu) == 0;
    if (positive == 0) {
        digits_from_integer(out, 0, 0, false);
        return;
    }
    if (positive < 16777216 && positive == (float)(uint32_t)positive) {
        digits_from_integer(out, (uint32_t)positive, 0, number < 0);
        return;
    }
    if (odd_interval || !shortest_float32_fast(out, positive)) {
        shortest_by_library(out, positive, &width_float32, bits >= 0x800000u, odd_interval);
    }
    out->negative = number < 0;
}

// What is asked of each number of digits: number × 10^power as q + r/2^shift, exactly.
struct scaled {
    uint64_t q, r;
    uint64_t half_gap; // the value's half distance to its neighbours, times 2^(shift + 1): 5^power
    int shift, power;
};

static const uint64_t fives[] = {1,
                                 5,
                                 25,
                                 125,
                                 625,
                                 3125,
                                 15625,
                                 78125,
                                 390625,
                                 1953125,
                                 9765625,
                                 48828125,
                                 244140625,
                                 1220703125,
                                 6103515625,
                                 30517578125,
                                 152587890625,
                                 762939453125,
                                 3814697265625,
                                 19073486328125,
                                 95367431640625,
                                 476837158203125,
                                 2384185791015625,
                                 11920928955078125};
#define FIVES_MAX 23

// a × b of 64 bits each: what is above them in *high. By halves, as 32-bit ARM has no more.
static inline uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    return other << 32 | (uint32_t)low;
}

// number = m × 2^e with m of 53 bits, so that number × 10^power is m × 5^power / 2^shift, and both
// factors are whole: for 17 digits before the point power is 2 to 23, 5^power below 2^54, shift 1
// to 54.
static bool scale_exactly(double number, uint64_t bits, struct scaled *out)
{
    if (number < 1e-6 || number >= 1e15) {
        return false;
    }
    uint64_t mantissa = (bits & 0xfffffffffffffu) | 1ull << 52, high, low;
    int power = power_for(number, 17), shift = 1023 + 52 - (int)(bits >> 52) - power;
    if (power < 0 || power > FIVES_MAX || shift < 1 || shift > 57) {
        return false;
    }
    low = multiply_wide(mantissa, fives[power], &high);
    *out = (struct scaled){.q = high << (64 - shift) | low >> shift,
                           .r = low & ((1ull << shift) - 1),
                           .half_gap = fives[power],
                           .shift = shift,
                           .power = power};
    return true;
}

// The multiple of `unit` nearest to it, of two as near the even one; whether it gives the value
// back: is less than half the gap away (never just as far, for that is odd).
static inline bool is_nearest(const struct scaled *scaled, uint32_t unit, uint64_t *multiple)
{
    uint64_t down = scaled->q / unit, rest = scaled->q % unit;
    uint64_t below = (rest << scaled->shift) + scaled->r;
    uint64_t above = ((uint64_t)unit << scaled->shift) - below;
    bool up = above < below || (above == below && (down & 1));
    *multiple = down + up;
    return 2 * (up ? above : below) < scaled->half_gap;
}

// 15 digits, 16 or 17: the first that give the value back. Exact, in whole numbers. Of a power of
// two, whose neighbours are not as far on either side, the search says more.
static bool shortest_float64_fast(struct digits *out, double number, uint64_t bits)
{
    struct scaled scaled;
    uint64_t multiple;
    if ((bits & 0xfffffffffffffu) == 0 || !scale_exactly(number, bits, &scaled)) {
        return false;
    }
    int dropped = is_nearest(&scaled, 100, &multiple) ? 2 : is_nearest(&scaled, 10, &multiple);
    if (dropped == 0 && !is_nearest(&scaled, 1, &multiple)) {
        return false;
    }
    digits_from_integer(out, multiple, dropped - scaled.power, false);
    return true;
}

static void shortest_float64(struct digits *out, double number)
{
    double positive = fabs(number);
    uint64_t bits;
    memcpy(&bits, &positive, sizeof bits);
    if (positive < 1e15 && positive == (double)(uint64_t)positive) {
        digits_from_integer(out, (uint64_t)positive, 0, number < 0);
        return;
    }
    if (!shortest_float64_fast(out, positive, bits)) {
        shortest_by_library(out, positive, &width_float64, bits >> 52 != 0,
                            (bits & 0xfffffffffffffu) == 0);
    }
    out->negative = number < 0;
}

static void append_value(struct text *text, const struct value *value, bool json)
{
    struct digits digits = zero;
    bool quoted = false;
    switch (value->kind) {
    case VALUE_NONE: text_append_string(text, json ? "null" : "\xe2\x80\x94"); return;
    case VALUE_STRING:
        if (json) {
            text_append_json(text, value->string);
        } else {
            text_append_string(text, value->string);
        }
        return;
    case VALUE_DECIMAL:
        digits_from_integer(&digits, value->decimal.magnitude, value->decimal.exponent,
                            value->decimal.negative);
        quoted = json && digits.count > EXACT_DIGITS;
        break;
    case VALUE_FLOAT32:
        assert(isfinite(value->float32));
        shortest_float32(&digits, value->float32);
        break;
    case VALUE_FLOAT64:
        assert(isfinite(value->float64));
        shortest_float64(&digits, value->float64);
        break;
    }
    append_digits(text, &digits, quoted);
}

void value_append_json(struct text *text, const struct value *value)
{
    append_value(text, value, true);
}

void value_append_plain(struct text *text, const struct value *value)
{
    append_value(text, value, false);
}

void value_append_double(struct text *text, double number)
{
    append_value(text, &(struct value){.kind = VALUE_FLOAT64, .float64 = number}, true);
}

static int digits_to_decimal(const struct digits *digits, struct decimal *out)
{
    uint64_t magnitude = 0;
    for (int i = 0; i < digits->count; i++) {
        magnitude = magnitude * 10 + (uint64_t)(digits->room[digits->start + i] - '0');
    }
    return fit_decimal(magnitude, digits->negative, digits->point - digits->count, out);
}

int value_to_decimal(const struct value *value, struct decimal *out)
{
    struct digits digits = zero;
    switch (value->kind) {
    case VALUE_DECIMAL: *out = value->decimal; return OK;
    case VALUE_FLOAT32:
        if (!isfinite(value->float32)) {
            return ERROR_RANGE;
        }
        shortest_float32(&digits, value->float32);
        return digits_to_decimal(&digits, out);
    case VALUE_FLOAT64:
        if (!isfinite(value->float64)) {
            return ERROR_RANGE;
        }
        shortest_float64(&digits, value->float64);
        return digits_to_decimal(&digits, out);
    default: return ERROR_RANGE;
    }
}

double value_to_double(const struct value *value)
{
    switch (value->kind) {
    case VALUE_DECIMAL: return decimal_to_double(value->decimal);
    case VALUE_FLOAT32: return value->float32;
    case VALUE_FLOAT64: return value->float64;
    default: return NAN;
    }
}
