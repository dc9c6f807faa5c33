#include "base/value.h"

#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX     40 // of struct decimal, either way
#define PLAIN_DIGITS_MAX 21 // written without an exponent up to here
#define EXACT_DIGITS     15 // every reader that keeps numbers as doubles keeps these (DBL_DIG)
#define DIGITS_MAX       20 // of a uint64_t
#define WRITTEN_MAX      48

// 10^0 to 10^22 are exact in a double, so that one multiplication or division by them rounds once.
static const double double_tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define DOUBLE_TENS_MAX 22

static const uint64_t double_exact_max = 1ull << 53;

// Digits of a number, most significant first: ± 0.d1d2d3… × 10^point.
struct digits {
    char text[DIGITS_MAX];
    int count; // no trailing zeros; 1 ("0") for zero
    int point;
    bool negative;
};

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

static void digits_from_integer(struct digits *out, uint64_t magnitude, int exponent, bool negative)
{
    char backwards[DIGITS_MAX];
    int count = 0, zeros = 0;
    while (magnitude > UINT32_MAX) {
        backwards[count++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    }
    // A 64-bit division is a library call on 32-bit ARM: the rest goes without.
    for (uint32_t rest = (uint32_t)magnitude; rest; rest /= 10) {
        backwards[count++] = (char)('0' + rest % 10);
    }
    if (count == 0) {
        *out = (struct digits){.text = "0", .count = 1, .point = 1};
        return;
    }
    while (zeros < count - 1 && backwards[zeros] == '0') {
        zeros++;
    }
    out->count = count - zeros;
    out->point = count + exponent;
    out->negative = negative;
    for (int i = 0; i < out->count; i++) {
        out->text[i] = backwards[count - 1 - i];
    }
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
    int used = 0;
    to[used++] = digits->text[0];
    if (digits->count > 1) {
        to[used++] = '.';
        memcpy(to + used, digits->text + 1, (size_t)digits->count - 1);
        used += digits->count - 1;
    }
    to[used++] = 'e';
    return used + write_small_int(to + used, digits->point - 1);
}

// "0.00125", "12.5", "12500"
static int write_plain(const struct digits *digits, char *to)
{
    int used = 0, count = digits->count, point = digits->point;
    if (point <= 0) {
        to[used++] = '0';
        to[used++] = '.';
        memset(to + used, '0', (size_t)-point);
        used += -point;
        memcpy(to + used, digits->text, (size_t)count);
        return used + count;
    }
    int whole = point < count ? point : count;
    memcpy(to, digits->text, (size_t)whole);
    memset(to + whole, '0', (size_t)(point - whole));
    used = point;
    if (count > whole) {
        to[used++] = '.';
        memcpy(to + used, digits->text + whole, (size_t)(count - whole));
        used += count - whole;
    }
    return used;
}

// The number's text; at most WRITTEN_MAX bytes, not terminated. Returns its length.
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
    char written[WRITTEN_MAX];
    int length = write_digits(digits, quoted, written);
    assert(length <= WRITTEN_MAX);
    text_append(text, written, (size_t)length);
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

// Decimals of up to 15 digits: if there is one that gives the number back, then number × 10^power
// is off from it by less than 0.25, and the check by one correctly rounded operation is exact.
static bool shortest_float64_fast(struct digits *out, double number)
{
    if (number < 1e-7 || number >= 1e20) {
        return false;
    }
    int power = power_for(number, 15);
    double scaled = multiply_ten(number, power);
    uint64_t magnitude = (uint64_t)(scaled + 0.5);
    if (magnitude > double_exact_max || multiply_ten((double)magnitude, -power) != number) {
        return false;
    }
    digits_from_integer(out, magnitude, -power, false);
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
    if (!shortest_float64_fast(out, positive)) {
        shortest_by_library(out, positive, &width_float64, bits >> 52 != 0,
                            (bits & 0xfffffffffffffu) == 0);
    }
    out->negative = number < 0;
}

static void append_value(struct text *text, const struct value *value, bool json)
{
    struct digits digits = {.text = "0", .count = 1, .point = 1};
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
        magnitude = magnitude * 10 + (uint64_t)(digits->text[i] - '0');
    }
    return fit_decimal(magnitude, digits->negative, digits->point - digits->count, out);
}

int value_to_decimal(const struct value *value, struct decimal *out)
{
    struct digits digits = {.text = "0", .count = 1, .point = 1};
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
