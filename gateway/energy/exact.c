#include "energy/exact.h"

#include <string.h>

#include <stddef.h>
#include <stdlib.h>

#define BASE          INT64_C(1000000000)
#define LIMB_DIGITS   9
#define POINT_LIMBS   5 // behind the decimal point
#define TOP           (EXACT_LIMBS - 1)
#define EXACT_DIGITS  (EXACT_LIMBS * LIMB_DIGITS)
#define JSON_DIGITS   15
#define POINT_DIGITS  (POINT_LIMBS * LIMB_DIGITS)
#define PRODUCT_LIMBS (2 * EXACT_LIMBS)

// Carries, so that all limbs but the last are from 0 to BASE - 1.
static void carry(struct exact *number)
{
    for (int i = 0; i < TOP; i++) {
        int64_t over = number->limb[i] / BASE;
        over -= number->limb[i] % BASE < 0;
        number->limb[i] -= over * BASE;
        number->limb[i + 1] += over;
    }
}

static void negate(struct exact *number)
{
    for (int i = 0; i < EXACT_LIMBS; i++) {
        number->limb[i] = -number->limb[i];
    }
    carry(number);
}

struct exact exact_of(struct decimal decimal)
{
    struct exact number = {{0}};
    int places = decimal.exponent + POINT_DIGITS; // 5 to 85
    int at = places / LIMB_DIGITS;
    int64_t power = 1;
    for (int i = places % LIMB_DIGITS; i > 0; i--) {
        power *= 10;
    }
    // Three pieces of the magnitude, each times less than BASE: below 10^18.
    for (uint64_t rest = decimal.magnitude; rest; rest /= (uint64_t)BASE) {
        number.limb[at++] = (int64_t)(rest % (uint64_t)BASE) * power;
    }
    carry(&number);
    if (decimal.negative) {
        negate(&number);
    }
    return number;
}

void exact_add(struct exact *sum, const struct exact *more)
{
    for (int i = 0; i < EXACT_LIMBS; i++) {
        sum->limb[i] += more->limb[i];
    }
    carry(sum);
}

void exact_subtract(struct exact *sum, const struct exact *less)
{
    for (int i = 0; i < EXACT_LIMBS; i++) {
        sum->limb[i] -= less->limb[i];
    }
    carry(sum);
}

int exact_sign(const struct exact *number)
{
    if (number->limb[TOP] < 0) {
        return -1;
    }
    for (int i = 0; i < EXACT_LIMBS; i++) {
        if (number->limb[i]) {
            return 1;
        }
    }
    return 0;
}

int exact_compare(const struct exact *a, const struct exact *b)
{
    for (int i = TOP; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

static struct exact absolute(const struct exact *number)
{
    struct exact out = *number;
    if (out.limb[TOP] < 0) {
        negate(&out);
    }
    return out;
}

int exact_multiply(const struct exact *a, const struct exact *b, struct exact *out)
{
    struct exact x = absolute(a), y = absolute(b);
    int64_t product[PRODUCT_LIMBS] = {0};
    *out = (struct exact){{0}};
    for (int i = 0; i < EXACT_LIMBS; i++) {
        for (int j = 0; x.limb[i] && j < EXACT_LIMBS; j++) {
            // Below BASE + BASE² before the carry, which is below BASE then.
            product[i + j] += x.limb[i] * y.limb[j];
            product[i + j + 1] += product[i + j] / BASE;
            product[i + j] %= BASE;
        }
    }
    for (int i = 0; i < PRODUCT_LIMBS; i++) {
        int at = i - POINT_LIMBS;
        if (product[i] && (at < 0 || at >= EXACT_LIMBS)) {
            *out = (struct exact){{0}};
            return ERROR_RANGE;
        }
        if (at >= 0 && at < EXACT_LIMBS) {
            out->limb[at] = product[i];
        }
    }
    if ((a->limb[TOP] < 0) != (b->limb[TOP] < 0)) {
        negate(out);
    }
    return OK;
}

// All digits, most significant first, and where the significant ones begin and end.
struct written {
    char digits[EXACT_DIGITS];
    int first, end; // of the digits that are not zero; equal for 0
    bool negative;
};

static struct written write_digits(const struct exact *number)
{
    struct written out = {.negative = number->limb[TOP] < 0};
    struct exact size = absolute(number);
    for (int i = 0; i < EXACT_LIMBS; i++) {
        char *end = out.digits + (ptrdiff_t)(i + 1) * LIMB_DIGITS;
        uint32_t limb = (uint32_t)(size.limb[TOP - i] % BASE);
        memset(end - LIMB_DIGITS, '0', LIMB_DIGITS);
        for (int j = 1; limb; j++, limb /= 10) {
            end[-j] = (char)('0' + limb % 10);
        }
    }
    out.end = EXACT_DIGITS;
    for (; out.end > 0 && out.digits[out.end - 1] == '0'; out.end--) {
    }
    for (; out.first < out.end && out.digits[out.first] == '0'; out.first++) {
    }
    return out;
}

static void append_digits(struct text *out, const struct written *written)
{
    int point = EXACT_DIGITS - POINT_DIGITS;
    int first =
        written->first < point - 1 && written->first < written->end ? written->first : point - 1;
    text_append(out, "-", written->negative);
    text_append(out, written->digits + first, (size_t)(point - first));
    if (written->end > point) {
        text_append(out, ".", 1);
        text_append(out, written->digits + point, (size_t)(written->end - point));
    }
}

void exact_append(struct text *out, const struct exact *number)
{
    struct written written = write_digits(number);
    append_digits(out, &written);
}

void exact_append_json(struct text *out, const struct exact *number)
{
    struct written written = write_digits(number);
    bool quoted = written.end - written.first > JSON_DIGITS;
    text_append(out, "\"", quoted);
    append_digits(out, &written);
    text_append(out, "\"", quoted);
}

// The units and the nine digits behind the point, when that is all and no digit is lost; else 0.
static int64_t billionths(const struct exact *number)
{
    int64_t others = 0, units = number->limb[POINT_LIMBS];
    for (int i = 0; i < EXACT_LIMBS; i++) {
        others |= i == POINT_LIMBS || i == POINT_LIMBS - 1 ? 0 : number->limb[i];
    }
    return others == 0 && units < 1000000 ? units * BASE + number->limb[POINT_LIMBS - 1] : 0;
}

double exact_to_double(const struct exact *number)
{
    int64_t whole = billionths(number);
    if (whole) {
        return (double)whole / BASE;
    }
    struct text text = text_make(2 * EXACT_DIGITS);
    exact_append(&text, number);
    double real = text.failed ? 0 : strtod(text.data, NULL);
    text_free(&text);
    return real;
}
