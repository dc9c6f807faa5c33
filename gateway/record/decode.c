#include "record/decode.h"

#include "base/error.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SCALE_FACTOR_MAX 10 // SunSpec: -10 to 10; 0x8000 is "not implemented"

static uint16_t read_register(const uint8_t *wire)
{
    return (uint16_t)(wire[0] << 8 | wire[1]);
}

// The place on the wire of the value's byte `i`, most significant first, of `size` bytes.
static unsigned byte_place(enum register_order order, unsigned size, unsigned i)
{
    switch (order) {
    case ORDER_LOW_WORD: return size - 2 - (i & ~1u) + (i & 1u);
    case ORDER_BYTE_SWAP: return i ^ 1u;
    case ORDER_LITTLE: return size - 1 - i;
    case ORDER_BIG:
    default: return i;
    }
}

static uint64_t read_bits(const struct driver_quantity *quantity, const uint8_t *wire)
{
    unsigned size = 2u * quantity->count;
    uint64_t bits = 0;
    for (unsigned i = 0; i < size; i++) {
        bits = bits << 8 | wire[byte_place(quantity->order, size, i)];
    }
    return bits;
}

static void write_bits(const struct driver_quantity *quantity, uint64_t bits, uint8_t *wire)
{
    unsigned size = 2u * quantity->count;
    for (unsigned i = size; i-- > 0; bits >>= 8) {
        wire[byte_place(quantity->order, size, i)] = (uint8_t)bits;
    }
}

static bool is_sentinel(const struct driver_quantity *quantity, uint64_t bits)
{
    for (unsigned i = 0; i < quantity->sentinel_count; i++) {
        if (quantity->sentinels[i] == bits) {
            return true;
        }
    }
    return false;
}

static struct value value_of_integer(uint64_t magnitude, bool negative)
{
    return (struct value){.kind = VALUE_DECIMAL, .decimal = {magnitude, negative && magnitude, 0}};
}

static struct value value_of_signed(int64_t number)
{
    return value_of_integer(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0);
}

static struct value value_of_bcd(uint64_t bits)
{
    uint64_t number = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned digit = bits >> shift & 15;
        if (digit > 9) {
            return (struct value){.kind = VALUE_NONE};
        }
        number = number * 10 + digit;
    }
    return value_of_integer(number, false);
}

static struct value value_of_float32(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    struct value value = {.kind = VALUE_FLOAT32};
    memcpy(&value.float32, &narrow, sizeof value.float32);
    return isfinite(value.float32) ? value : (struct value){.kind = VALUE_NONE};
}

static struct value value_of_float64(uint64_t bits)
{
    struct value value = {.kind = VALUE_FLOAT64};
    memcpy(&value.float64, &bits, sizeof value.float64);
    return isfinite(value.float64) ? value : (struct value){.kind = VALUE_NONE};
}

// The number that the registers hold, before scale and ratios.
static struct value value_of_bits(const struct driver_quantity *quantity, uint64_t bits)
{
    if (is_sentinel(quantity, bits)) {
        return (struct value){.kind = VALUE_NONE};
    }
    switch (quantity->type) {
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64: return value_of_integer(bits, false);
    case TYPE_INT16: return value_of_signed((int16_t)bits);
    case TYPE_INT32: return value_of_signed((int32_t)bits);
    case TYPE_INT64: return value_of_signed((int64_t)bits);
    case TYPE_FLOAT32: return value_of_float32(bits);
    case TYPE_FLOAT64: return value_of_float64(bits);
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_BCD64: return value_of_bcd(bits);
    case TYPE_BITS: return value_of_integer((bits & quantity->mask) >> quantity->shift, false);
    case TYPE_STRING: break;
    }
    return (struct value){.kind = VALUE_NONE};
}

// Modbus strings are ASCII; anything else becomes '?' (the raw registers keep what it was). The
// order of words does not apply to a string, that of bytes in a word does.
static struct value read_string(const struct driver_quantity *quantity, const uint8_t *wire)
{
    struct value value = {.kind = VALUE_STRING};
    unsigned swap = quantity->order == ORDER_BYTE_SWAP || quantity->order == ORDER_LITTLE;
    unsigned length = 0, size = 2u * quantity->count;
    for (; length < size && length < VALUE_STRING_MAX && wire[length ^ swap]; length++) {
        uint8_t byte = wire[length ^ swap];
        value.string[length] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
    }
    while (length && value.string[length - 1] == ' ') {
        length--;
    }
    value.string[length] = '\0';
    return value;
}

// What the number is multiplied by. 0, or ERROR_RANGE when the product is not exact.
static int multiply_factors(const struct driver_quantity *quantity,
                            const struct decode_ratios *ratios, int scale_factor,
                            struct decimal *factor)
{
    *factor = quantity->scale;
    int result = OK;
    if (quantity->ratio_pt) {
        result = decimal_multiply(*factor, ratios->pt, factor);
    }
    if (quantity->ratio_ct && result == OK) {
        result = decimal_multiply(*factor, ratios->ct, factor);
    }
    if (scale_factor && result == OK) {
        result =
            decimal_multiply(*factor, (struct decimal){1, false, (int8_t)scale_factor}, factor);
    }
    return result;
}

static double approximate_factor(const struct driver_quantity *quantity,
                                 const struct decode_ratios *ratios, int scale_factor)
{
    double factor = decimal_to_double(quantity->scale);
    factor *= quantity->ratio_pt ? decimal_to_double(ratios->pt) : 1;
    factor *= quantity->ratio_ct ? decimal_to_double(ratios->ct) : 1;
    return factor * decimal_to_double((struct decimal){1, false, (int8_t)scale_factor});
}

static bool is_one(struct decimal a)
{
    for (; a.exponent < 0 && a.magnitude % 10 == 0 && a.magnitude; a.exponent++) {
        a.magnitude /= 10;
    }
    return a.magnitude == 1 && a.exponent == 0 && !a.negative;
}

// value × scale × ratios × 10^scale_factor, exact where that can be.
static uint32_t scale_value(const struct driver_quantity *quantity,
                            const struct decode_ratios *ratios, int scale_factor,
                            struct value *value)
{
    struct decimal factor, number;
    int result = multiply_factors(quantity, ratios, scale_factor, &factor);
    if (result == OK && is_one(factor)) {
        return 0;
    }
    if (result == OK && value_to_decimal(value, &number) == OK &&
        decimal_multiply(number, factor, &number) == OK) {
        *value = (struct value){.kind = VALUE_DECIMAL, .decimal = number};
        return 0;
    }
    double product = value_to_double(value) * approximate_factor(quantity, ratios, scale_factor);
    if (!isfinite(product)) {
        *value = (struct value){.kind = VALUE_NONE};
        return FLAG_INSTRUMENT_FAULT;
    }
    *value = (struct value){.kind = VALUE_FLOAT64, .float64 = product};
    return FLAG_INEXACT;
}

// A float is compared in its own width: 0.1 read as a float32 is not above a limit of 0.1.
static bool is_outside_range(const struct driver_quantity *quantity, const struct value *value)
{
    double low = decimal_to_double(quantity->range_min);
    double high = decimal_to_double(quantity->range_max);
    if (value->kind == VALUE_FLOAT32) {
        return value->float32 < (float)low || value->float32 > (float)high;
    }
    double number = value_to_double(value);
    return number < low || number > high;
}

uint32_t decode_quantity(const struct driver_quantity *quantity, const struct decode_ratios *ratios,
                         const uint8_t *wire, uint16_t address, uint16_t count, struct value *value,
                         uint8_t *raw, uint16_t *raw_length)
{
    assert(quantity->address >= address && quantity->address + quantity->count <= address + count);
    assert(2 * quantity->count + 2 <= READING_RAW_MAX);
    const uint8_t *at = wire + 2 * (quantity->address - address);
    *raw_length = (uint16_t)(2 * quantity->count);
    memcpy(raw, at, *raw_length);
    int scale_factor = 0;
    if (quantity->has_scale_register) {
        assert(quantity->scale_register >= address && quantity->scale_register < address + count);
        const uint8_t *scale_at = wire + 2 * (quantity->scale_register - address);
        memcpy(raw + *raw_length, scale_at, 2);
        *raw_length = (uint16_t)(*raw_length + 2);
        scale_factor = (int16_t)read_register(scale_at);
    }
    if (quantity->type == TYPE_STRING) {
        *value = read_string(quantity, at);
        return 0;
    }
    *value = (struct value){.kind = VALUE_NONE};
    if (scale_factor >= -SCALE_FACTOR_MAX && scale_factor <= SCALE_FACTOR_MAX) {
        *value = value_of_bits(quantity, read_bits(quantity, at));
    }
    if (value->kind == VALUE_NONE) {
        return FLAG_INSTRUMENT_FAULT;
    }
    uint32_t flags = scale_value(quantity, ratios, scale_factor, value);
    if (quantity->has_range && value->kind != VALUE_NONE && is_outside_range(quantity, value)) {
        flags |= FLAG_OUTSIDE_INSTRUMENT_RANGE;
    }
    return flags;
}

bool decode_status(const struct driver_status *status, const uint8_t *wire, uint16_t address,
                   uint16_t count)
{
    assert(status->address >= address && status->address < address + count);
    uint16_t bits = read_register(wire + 2 * (status->address - address));
    return (bits & status->mask) != status->ok;
}

static uint64_t saturate_unsigned(double number, uint64_t max)
{
    double rounded = nearbyint(number);
    return rounded <= 0 ? 0 : rounded >= (double)max ? max : (uint64_t)rounded;
}

static uint64_t saturate_signed(double number, int64_t max)
{
    double rounded = nearbyint(number);
    int64_t min = -max - 1;
    return (uint64_t)(rounded <= (double)min   ? min
                      : rounded >= (double)max ? max
                                               : (int64_t)rounded);
}

static uint64_t encode_bcd(double number, unsigned digits)
{
    uint64_t max = 1, bits = 0;
    for (unsigned i = 0; i < digits; i++) {
        max *= 10;
    }
    uint64_t rest = saturate_unsigned(number, max - 1);
    for (unsigned i = 0; i < digits; i++, rest /= 10) {
        bits |= rest % 10 << 4 * i;
    }
    return bits;
}

static uint64_t encode_float32(double number)
{
    float narrow = (float)fmax(fmin(number, FLT_MAX), -FLT_MAX);
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

static uint64_t encode_float64(double number)
{
    double finite = fmax(fmin(number, DBL_MAX), -DBL_MAX);
    uint64_t bits;
    memcpy(&bits, &finite, sizeof bits);
    return bits;
}

static uint64_t encode_number(const struct driver_quantity *quantity, double number)
{
    unsigned digits = 4u * quantity->count;
    switch (quantity->type) {
    case TYPE_UINT16: return saturate_unsigned(number, UINT16_MAX);
    case TYPE_UINT32: return saturate_unsigned(number, UINT32_MAX);
    case TYPE_UINT64: return saturate_unsigned(number, UINT64_MAX);
    case TYPE_INT16: return saturate_signed(number, INT16_MAX);
    case TYPE_INT32: return saturate_signed(number, INT32_MAX);
    case TYPE_INT64: return saturate_signed(number, INT64_MAX);
    case TYPE_FLOAT32: return encode_float32(number);
    case TYPE_FLOAT64: return encode_float64(number);
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_BCD64: return encode_bcd(number, digits);
    case TYPE_BITS:
        return saturate_unsigned(number, (uint64_t)quantity->mask >> quantity->shift)
                   << quantity->shift &
               quantity->mask;
    case TYPE_STRING: break;
    }
    return 0;
}

// "Not available" as the registers say it: the first sentinel, else a quiet NaN or a BCD digit of
// 15, else nothing better than zero.
static uint64_t encode_none(const struct driver_quantity *quantity)
{
    if (quantity->sentinel_count) {
        return quantity->sentinels[0];
    }
    switch (quantity->type) {
    case TYPE_FLOAT32: return 0x7fc00000u;
    case TYPE_FLOAT64: return 0x7ff8000000000000u;
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_BCD64: return UINT64_MAX;
    default: return 0;
    }
}

static void encode_string(const struct driver_quantity *quantity, double number, uint8_t *out)
{
    char digits[32];
    unsigned size = 2u * quantity->count;
    unsigned swap = quantity->order == ORDER_BYTE_SWAP || quantity->order == ORDER_LITTLE;
    snprintf(digits, sizeof digits, "%llu",
             (unsigned long long)saturate_unsigned(number, UINT64_MAX));
    memset(out, 0, size);
    for (unsigned i = 0; i < size && digits[i]; i++) {
        out[i ^ swap] = (uint8_t)digits[i];
    }
}

void decode_encode(const struct driver_quantity *quantity, const struct decode_ratios *ratios,
                   int scale_factor, double number, uint8_t *out)
{
    if (quantity->type == TYPE_STRING) {
        encode_string(quantity, isnan(number) ? 0 : number, out);
        return;
    }
    struct decimal factor;
    double divisor = multiply_factors(quantity, ratios, scale_factor, &factor) == OK
                         ? decimal_to_double(factor)
                         : approximate_factor(quantity, ratios, scale_factor);
    bool absent = isnan(number) || divisor == 0;
    write_bits(quantity, absent ? encode_none(quantity) : encode_number(quantity, number / divisor),
               out);
}
