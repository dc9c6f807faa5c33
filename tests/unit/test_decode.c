// From registers to indications, and back. The registers and the numbers they stand for are written
// out here by hand.
#include "base/error.h"
#include "record/decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct decimal one = {1, false, 0};
static const struct decode_ratios no_ratios = {{1, false, 0}, {1, false, 0}};

static struct driver_quantity quantity_of(enum register_type type, uint16_t count,
                                          enum register_order order)
{
    return (struct driver_quantity){.name = "q",
                                    .unit = "1",
                                    .function = 3,
                                    .address = 100,
                                    .count = count,
                                    .type = type,
                                    .order = order,
                                    .scale = one,
                                    .mask = 0xffff};
}

static struct decimal decimal_of(const char *text)
{
    struct decimal out;
    assert_int_equal(decimal_parse(text, &out), OK);
    return out;
}

// Decodes the registers in `hex`, which begin at the quantity's address.
static uint32_t decode_hex(const struct driver_quantity *quantity,
                           const struct decode_ratios *ratios, const char *hex, struct value *value)
{
    uint8_t wire[256], raw[READING_RAW_MAX];
    uint16_t raw_length = 0;
    size_t length = strlen(hex) / 2;
    assert_int_equal(text_parse_hex(hex, wire, length), OK);
    return decode_quantity(quantity, ratios, wire, quantity->address, (uint16_t)(length / 2), value,
                           raw, &raw_length);
}

static void assert_decodes(const struct driver_quantity *quantity,
                           const struct decode_ratios *ratios, const char *hex, const char *json,
                           uint32_t flags)
{
    struct value value;
    uint32_t got = decode_hex(quantity, ratios, hex, &value);
    struct text text = text_make(200);
    value_append_json(&text, &value);
    if (got != flags || strcmp(text.data, json) != 0) {
        fail_msg("%s: %s with flags 0x%x, expected %s with 0x%x", hex, text.data, got, json, flags);
    }
    text_free(&text);
}

static void every_type_and_order_is_read(void **state)
{
    (void)state;
    static const struct {
        enum register_type type;
        uint16_t count;
        enum register_order order;
        const char *hex, *json;
    } rows[] = {
        {TYPE_UINT16, 1, ORDER_BIG, "fffe", "65534"},
        {TYPE_UINT16, 1, ORDER_LOW_WORD, "fffe", "65534"},
        {TYPE_UINT16, 1, ORDER_BYTE_SWAP, "feff", "65534"},
        {TYPE_UINT16, 1, ORDER_LITTLE, "feff", "65534"},
        {TYPE_INT16, 1, ORDER_BIG, "fffe", "-2"},
        {TYPE_INT16, 1, ORDER_BIG, "8000", "-32768"},
        {TYPE_INT16, 1, ORDER_LITTLE, "0080", "-32768"},
        {TYPE_UINT32, 2, ORDER_BIG, "01020304", "16909060"},
        {TYPE_UINT32, 2, ORDER_LOW_WORD, "03040102", "16909060"},
        {TYPE_UINT32, 2, ORDER_BYTE_SWAP, "02010403", "16909060"},
        {TYPE_UINT32, 2, ORDER_LITTLE, "04030201", "16909060"},
        {TYPE_INT32, 2, ORDER_BIG, "fffffffe", "-2"},
        {TYPE_INT32, 2, ORDER_LOW_WORD, "fffeffff", "-2"},
        {TYPE_INT32, 2, ORDER_BIG, "80000000", "-2147483648"},
        {TYPE_UINT64, 4, ORDER_BIG, "0000010203040506", "1108152157446"},
        {TYPE_UINT64, 4, ORDER_LOW_WORD, "0506030401020000", "1108152157446"},
        {TYPE_UINT64, 4, ORDER_BYTE_SWAP, "0000020104030605", "1108152157446"},
        {TYPE_UINT64, 4, ORDER_LITTLE, "0605040302010000", "1108152157446"},
        {TYPE_UINT64, 4, ORDER_BIG, "ffffffffffffffff", "\"18446744073709551615\""},
        {TYPE_INT64, 4, ORDER_BIG, "8000000000000000", "\"-9223372036854775808\""},
        {TYPE_INT64, 4, ORDER_BIG, "fffffffffffffffd", "-3"},
        {TYPE_FLOAT32, 2, ORDER_BIG, "436628f6", "230.16"},
        {TYPE_FLOAT32, 2, ORDER_LOW_WORD, "28f64366", "230.16"},
        {TYPE_FLOAT32, 2, ORDER_BYTE_SWAP, "6643f628", "230.16"},
        {TYPE_FLOAT32, 2, ORDER_LITTLE, "f6286643", "230.16"},
        {TYPE_FLOAT32, 2, ORDER_BIG, "80000000", "0"},
        {TYPE_FLOAT64, 4, ORDER_BIG, "40934a456d5cfaad", "1234.5678"},
        {TYPE_FLOAT64, 4, ORDER_LOW_WORD, "faad6d5c4a454093", "1234.5678"},
        {TYPE_FLOAT64, 4, ORDER_BYTE_SWAP, "9340454a5c6dadfa", "1234.5678"},
        {TYPE_FLOAT64, 4, ORDER_LITTLE, "adfa5c6d454a9340", "1234.5678"},
        {TYPE_BCD16, 1, ORDER_BIG, "0907", "907"},
        {TYPE_BCD32, 2, ORDER_BIG, "12345678", "12345678"},
        {TYPE_BCD32, 2, ORDER_LOW_WORD, "56781234", "12345678"},
        {TYPE_BCD64, 4, ORDER_BIG, "0000123456789012", "123456789012"},
        {TYPE_BCD64, 4, ORDER_BIG, "9999999999999999", "\"9999999999999999\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct driver_quantity quantity = quantity_of(rows[i].type, rows[i].count, rows[i].order);
        assert_decodes(&quantity, &no_ratios, rows[i].hex, rows[i].json, 0);
    }
}

static void a_decimal_scale_adds_no_noise(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_UINT32, 2, ORDER_BIG);
    quantity.scale = decimal_of("0.01");
    assert_decodes(&quantity, &no_ratios, "0001e240", "1234.56", 0);
    assert_decodes(&quantity, &no_ratios, "00000064", "1", 0);
    assert_decodes(&quantity, &no_ratios, "00000000", "0", 0);
    quantity.type = TYPE_INT32;
    quantity.scale = decimal_of("-0.001");
    assert_decodes(&quantity, &no_ratios, "fffffffe", "0.002", 0);
}

static void transformer_ratios_multiply_where_the_driver_says(void **state)
{
    (void)state;
    struct decode_ratios ratios = {decimal_of("100"), decimal_of("37.5")};
    struct driver_quantity quantity = quantity_of(TYPE_UINT16, 1, ORDER_BIG);
    quantity.scale = decimal_of("0.1");
    assert_decodes(&quantity, &ratios, "0901", "230.5", 0);
    quantity.ratio_pt = true;
    assert_decodes(&quantity, &ratios, "0901", "23050", 0);
    quantity.ratio_ct = true;
    assert_decodes(&quantity, &ratios, "0901", "864375", 0);
    quantity.ratio_pt = false;
    assert_decodes(&quantity, &ratios, "0901", "8643.75", 0);
}

static void a_float_is_kept_unless_it_is_scaled(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_FLOAT32, 2, ORDER_BIG);
    struct value value;
    assert_int_equal(decode_hex(&quantity, &no_ratios, "436628f6", &value), 0);
    assert_int_equal(value.kind, VALUE_FLOAT32);
    quantity.ratio_ct = true; // of 1: no change
    assert_int_equal(decode_hex(&quantity, &no_ratios, "436628f6", &value), 0);
    assert_int_equal(value.kind, VALUE_FLOAT32);
    quantity.scale = decimal_of("1.0");
    assert_int_equal(decode_hex(&quantity, &no_ratios, "436628f6", &value), 0);
    assert_int_equal(value.kind, VALUE_FLOAT32);
    quantity.scale = decimal_of("0.1");
    assert_int_equal(decode_hex(&quantity, &no_ratios, "436628f6", &value), 0);
    assert_int_equal(value.kind, VALUE_DECIMAL);
    assert_decodes(&quantity, &no_ratios, "436628f6", "23.016", 0);
    struct decode_ratios ratios = {one, decimal_of("30")};
    assert_decodes(&quantity, &ratios, "436628f6", "690.48", 0);
    quantity = quantity_of(TYPE_FLOAT64, 4, ORDER_BIG);
    quantity.scale = decimal_of("0.001");
    assert_decodes(&quantity, &no_ratios, "40934a456d5cfaad", "1.2345678", 0);
}

static void what_no_decimal_holds_is_flagged_inexact(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_UINT64, 4, ORDER_BIG);
    quantity.scale = decimal_of("3");
    assert_decodes(&quantity, &no_ratios, "ffffffffffffffff", "55340232221128655000", FLAG_INEXACT);
    quantity = quantity_of(TYPE_FLOAT32, 2, ORDER_BIG);
    quantity.scale = decimal_of("10");
    assert_decodes(&quantity, &no_ratios, "00000001", "1.401298464324817e-44", FLAG_INEXACT);
    quantity = quantity_of(TYPE_FLOAT64, 4, ORDER_BIG);
    quantity.scale = decimal_of("100");
    assert_decodes(&quantity, &no_ratios, "7fefffffffffffff", "null", FLAG_INSTRUMENT_FAULT);
}

static void a_sunspec_scale_factor_is_a_power_of_ten(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_INT16, 1, ORDER_BIG);
    quantity.has_scale_register = true;
    quantity.scale_register = 102;
    assert_decodes(&quantity, &no_ratios, "09010000fffe", "23.05", 0);
    assert_decodes(&quantity, &no_ratios, "090100000000", "2305", 0);
    assert_decodes(&quantity, &no_ratios, "090100000003", "2305000", 0);
    assert_decodes(&quantity, &no_ratios, "09010000000a", "23050000000000", 0);
    assert_decodes(&quantity, &no_ratios, "09010000fff6", "0.0000002305", 0);
    assert_decodes(&quantity, &no_ratios, "09010000000b", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "09010000fff5", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "090100008000", "null", FLAG_INSTRUMENT_FAULT);
    quantity.sentinel_count = 1;
    quantity.sentinels[0] = 0x8000;
    assert_decodes(&quantity, &no_ratios, "80000000fffe", "null", FLAG_INSTRUMENT_FAULT);
}

static void the_raw_registers_are_value_then_scale_factor(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0xaa, 0xaa, 0x00, 0x02, 0xbb, 0xbb, 0x12, 0x34, 0x56, 0x78};
    struct driver_quantity quantity = quantity_of(TYPE_UINT32, 2, ORDER_LOW_WORD);
    quantity.has_scale_register = true;
    quantity.scale_register = 98; // before the value; the answer began at 97
    struct value value;
    uint8_t raw[READING_RAW_MAX];
    uint16_t raw_length;
    uint32_t flags = decode_quantity(&quantity, &no_ratios, wire, 97, 5, &value, raw, &raw_length);
    assert_int_equal(flags, 0);
    assert_int_equal(raw_length, 6);
    assert_memory_equal(raw, ((uint8_t[]){0x12, 0x34, 0x56, 0x78, 0x00, 0x02}), 6);
    assert_true(value_to_double(&value) == 0x56781234 * 100.0);
}

static void nan_infinity_and_sentinels_are_no_number(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_FLOAT32, 2, ORDER_BIG);
    static const char *const nothing[] = {"7fc00000", "ffc00000", "7f800000", "ff800000",
                                          "7fffffff"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        assert_decodes(&quantity, &no_ratios, nothing[i], "null", FLAG_INSTRUMENT_FAULT);
    }
    quantity = quantity_of(TYPE_FLOAT64, 4, ORDER_LITTLE);
    assert_decodes(&quantity, &no_ratios, "000000000000f87f", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "000000000000f0ff", "null", FLAG_INSTRUMENT_FAULT);
    quantity = quantity_of(TYPE_INT32, 2, ORDER_LOW_WORD);
    quantity.sentinel_count = 2;
    quantity.sentinels[0] = 0x7fffffff;
    quantity.sentinels[1] = 0x80000000;
    assert_decodes(&quantity, &no_ratios, "ffff7fff", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "00008000", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "7fffffff", "-32769", 0);
}

static void a_bcd_digit_above_nine_is_no_number(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_BCD16, 1, ORDER_BIG);
    assert_decodes(&quantity, &no_ratios, "1a34", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "a234", "null", FLAG_INSTRUMENT_FAULT);
    assert_decodes(&quantity, &no_ratios, "ffff", "null", FLAG_INSTRUMENT_FAULT);
}

static void bits_are_masked_and_shifted(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_BITS, 1, ORDER_BIG);
    quantity.mask = 0x0ff0;
    quantity.shift = 4;
    assert_decodes(&quantity, &no_ratios, "fabf", "171", 0);
    quantity.order = ORDER_BYTE_SWAP;
    assert_decodes(&quantity, &no_ratios, "bffa", "171", 0);
}

static void strings_end_at_a_zero_byte_and_lose_trailing_spaces(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_STRING, 3, ORDER_BIG);
    assert_decodes(&quantity, &no_ratios, "4b3132330000", "\"K123\"", 0);
    assert_decodes(&quantity, &no_ratios, "4b3120202020", "\"K1\"", 0);
    assert_decodes(&quantity, &no_ratios, "4b0041414141", "\"K\"", 0);
    assert_decodes(&quantity, &no_ratios, "000000000000", "\"\"", 0);
    assert_decodes(&quantity, &no_ratios, "41ff07424344", "\"A??BCD\"", 0);
    quantity.order = ORDER_BYTE_SWAP;
    assert_decodes(&quantity, &no_ratios, "314b33320000", "\"K123\"", 0);
}

static void a_long_string_is_bounded(void **state)
{
    (void)state;
    uint8_t wire[124], raw[READING_RAW_MAX];
    memset(wire, 'x', sizeof wire);
    struct driver_quantity quantity = quantity_of(TYPE_STRING, 62, ORDER_BIG);
    struct value value;
    uint16_t raw_length;
    decode_quantity(&quantity, &no_ratios, wire, 100, 62, &value, raw, &raw_length);
    assert_int_equal(raw_length, 124);
    assert_int_equal(strlen(value.string), VALUE_STRING_MAX);
}

static void the_instruments_range_is_inclusive_and_in_its_own_width(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_INT16, 1, ORDER_BIG);
    quantity.scale = decimal_of("0.1");
    quantity.has_range = true;
    quantity.range_min = decimal_of("-40");
    quantity.range_max = decimal_of("60.1");
    assert_decodes(&quantity, &no_ratios, "0259", "60.1", 0);
    assert_decodes(&quantity, &no_ratios, "025a", "60.2", FLAG_OUTSIDE_INSTRUMENT_RANGE);
    assert_decodes(&quantity, &no_ratios, "fe70", "-40", 0);
    assert_decodes(&quantity, &no_ratios, "fe6f", "-40.1", FLAG_OUTSIDE_INSTRUMENT_RANGE);
    quantity.type = TYPE_FLOAT32;
    quantity.count = 2;
    quantity.scale = one;
    quantity.range_max = decimal_of("0.1"); // 0.1 as a float32 is 0.100000001490…
    assert_decodes(&quantity, &no_ratios, "3dcccccd", "0.1", 0);
    assert_decodes(&quantity, &no_ratios, "3dccccce", "0.10000001", FLAG_OUTSIDE_INSTRUMENT_RANGE);
}

static void a_status_register_says_fault_when_its_bits_differ(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0x00, 0x00, 0x80, 0x05};
    struct driver_status status = {.function = 3, .address = 513, .mask = 0x000f, .ok = 5};
    assert_false(decode_status(&status, wire, 512, 2));
    status.mask = 0x8000;
    status.ok = 0;
    assert_true(decode_status(&status, wire, 512, 2));
}

static void assert_encodes(const struct driver_quantity *quantity, double number, const char *hex)
{
    uint8_t out[256];
    char got[520];
    decode_encode(quantity, &no_ratios, 0, number, out);
    text_format_hex(out, 2u * quantity->count, got);
    assert_string_equal(got, hex);
}

static void encoding_rounds_and_saturates(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_UINT16, 1, ORDER_BIG);
    quantity.scale = decimal_of("0.1");
    assert_encodes(&quantity, 230.54, "0901");
    assert_encodes(&quantity, -1, "0000");
    assert_encodes(&quantity, 1e9, "ffff");
    assert_encodes(&quantity, INFINITY, "ffff");
    quantity = quantity_of(TYPE_INT16, 1, ORDER_BIG);
    assert_encodes(&quantity, -1e9, "8000");
    assert_encodes(&quantity, 1e9, "7fff");
    quantity = quantity_of(TYPE_UINT64, 4, ORDER_LOW_WORD);
    assert_encodes(&quantity, 1e30, "ffffffffffffffff");
    quantity.type = TYPE_INT64;
    assert_encodes(&quantity, -1e30, "0000000000008000");
    assert_encodes(&quantity, 1e30, "ffffffffffff7fff");
    quantity = quantity_of(TYPE_BCD32, 2, ORDER_BIG);
    assert_encodes(&quantity, 1e12, "99999999");
    assert_encodes(&quantity, -5, "00000000");
    quantity = quantity_of(TYPE_FLOAT32, 2, ORDER_BIG);
    assert_encodes(&quantity, 1e300, "7f7fffff");
    quantity = quantity_of(TYPE_BITS, 1, ORDER_BIG);
    quantity.mask = 0x0030;
    quantity.shift = 4;
    assert_encodes(&quantity, 9, "0030");
    quantity = quantity_of(TYPE_STRING, 4, ORDER_BIG);
    assert_encodes(&quantity, 20114532, "3230313134353332");
}

static void nan_is_encoded_as_not_available(void **state)
{
    (void)state;
    struct driver_quantity quantity = quantity_of(TYPE_FLOAT32, 2, ORDER_BIG);
    assert_encodes(&quantity, NAN, "7fc00000");
    quantity.type = TYPE_INT32;
    assert_encodes(&quantity, NAN, "00000000");
    quantity.sentinel_count = 1;
    quantity.sentinels[0] = 0x7fffffff;
    quantity.order = ORDER_LOW_WORD;
    assert_encodes(&quantity, NAN, "ffff7fff");
    quantity = quantity_of(TYPE_BCD16, 1, ORDER_BIG);
    assert_encodes(&quantity, NAN, "ffff");
}

static void assert_round_trip(const struct driver_quantity *quantity,
                              const struct decode_ratios *ratios, uint16_t scale_factor,
                              const uint8_t *wire)
{
    uint8_t registers[12], back[12], raw[READING_RAW_MAX];
    uint16_t raw_length, value_bytes = (uint16_t)(2 * quantity->count);
    struct value value;
    memcpy(registers, wire, value_bytes);
    registers[value_bytes] = (uint8_t)(scale_factor >> 8);
    registers[value_bytes + 1] = (uint8_t)scale_factor;
    decode_quantity(quantity, ratios, registers, quantity->address, (uint16_t)(quantity->count + 1),
                    &value, raw, &raw_length);
    assert_int_not_equal(value.kind, VALUE_NONE);
    decode_encode(quantity, ratios, (int16_t)scale_factor, value_to_double(&value), back);
    if (memcmp(back, wire, value_bytes) != 0) {
        char from[33], to[33];
        text_format_hex(wire, value_bytes, from);
        text_format_hex(back, value_bytes, to);
        fail_msg("type %d, order %d: %s came back as %s", quantity->type, quantity->order, from,
                 to);
    }
}

// Random numbers that a double holds through scale and ratio: integers below 2^48, floats of 2^-60
// to 2^60 in their own width.
static uint64_t random_bits(enum register_type type, uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t r = *seed ^ *seed >> 29, bcd = 0;
    switch (type) {
    case TYPE_UINT64: return r >> 16;
    case TYPE_INT64: return (uint64_t)((int64_t)r / 65536);
    case TYPE_FLOAT32: return (r & 0x807fffffu) | (67 + (r >> 40) % 120) << 23;
    case TYPE_FLOAT64: return (r & 0x800fffffffffffffull) | (963 + (r >> 52) % 120) << 52;
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_BCD64:
        for (int i = 0; i < 15; i++, r /= 10) {
            bcd |= r % 10 << 4 * i;
        }
        return type == TYPE_BCD64 ? bcd & 0xffffffffffffull : bcd;
    default: return r;
    }
}

// Lays the bits out on the wire by swapping whole words, then the bytes in each: apart from the
// code under test.
static void put_in_order(uint64_t bits, const struct driver_quantity *quantity, uint8_t *wire)
{
    bool low_word_first = quantity->order == ORDER_LOW_WORD || quantity->order == ORDER_LITTLE;
    bool swap = quantity->order == ORDER_BYTE_SWAP || quantity->order == ORDER_LITTLE;
    for (unsigned k = 0; k < quantity->count; k++) {
        unsigned from_low = low_word_first ? k : quantity->count - 1 - k;
        uint8_t high = (uint8_t)(bits >> (16 * from_low + 8)),
                low = (uint8_t)(bits >> 16 * from_low);
        wire[2 * k] = swap ? low : high;
        wire[2 * k + 1] = swap ? high : low;
    }
}

static void decoded_numbers_encode_to_the_same_registers(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1, 1, 2, 2, 4, 4, 2, 4, 1, 2, 4};
    static const char *const scales[] = {"1", "0.01", "0.1", "1000", "0.3"};
    struct decode_ratios ratios = {decimal_of("1"), decimal_of("37.5")};
    uint64_t seed = 42;
    for (int type = TYPE_UINT16; type <= TYPE_BCD64; type++) {
        for (int i = 0; i < 2000; i++) {
            struct driver_quantity quantity =
                quantity_of((enum register_type)type, counts[type], (enum register_order)(i & 3));
            quantity.has_scale_register = true;
            quantity.scale_register = (uint16_t)(quantity.address + quantity.count);
            bool wide = type == TYPE_FLOAT64; // 17 digits: scaling rounds the last bit
            quantity.scale = decimal_of(wide ? "1" : scales[i % 5]);
            quantity.ratio_ct = !wide && i % 3 == 0;
            uint8_t wire[8];
            put_in_order(random_bits((enum register_type)type, &seed), &quantity, wire);
            assert_round_trip(&quantity, &ratios, wide ? 0 : (uint16_t)(i % 7 - 3), wire);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_order_is_read),
        cmocka_unit_test(a_decimal_scale_adds_no_noise),
        cmocka_unit_test(transformer_ratios_multiply_where_the_driver_says),
        cmocka_unit_test(a_float_is_kept_unless_it_is_scaled),
        cmocka_unit_test(what_no_decimal_holds_is_flagged_inexact),
        cmocka_unit_test(a_sunspec_scale_factor_is_a_power_of_ten),
        cmocka_unit_test(the_raw_registers_are_value_then_scale_factor),
        cmocka_unit_test(nan_infinity_and_sentinels_are_no_number),
        cmocka_unit_test(a_bcd_digit_above_nine_is_no_number),
        cmocka_unit_test(bits_are_masked_and_shifted),
        cmocka_unit_test(strings_end_at_a_zero_byte_and_lose_trailing_spaces),
        cmocka_unit_test(a_long_string_is_bounded),
        cmocka_unit_test(the_instruments_range_is_inclusive_and_in_its_own_width),
        cmocka_unit_test(a_status_register_says_fault_when_its_bits_differ),
        cmocka_unit_test(encoding_rounds_and_saturates),
        cmocka_unit_test(nan_is_encoded_as_not_available),
        cmocka_unit_test(decoded_numbers_encode_to_the_same_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
