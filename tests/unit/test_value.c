// Numbers as they are written: exact decimals, and floats by their shortest digits.
#include "base/error.h"
#include "base/value.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "effort.h"

static struct decimal decimal_of(const char *text)
{
    struct decimal out;
    assert_int_equal(decimal_parse(text, &out), OK);
    return out;
}

static void assert_written(struct value value, const char *json, const char *plain)
{
    struct text text = text_make(200);
    value_append_json(&text, &value);
    assert_string_equal(text.data, json);
    text_clear(&text);
    value_append_plain(&text, &value);
    assert_string_equal(text.data, plain);
    assert_false(text.failed);
    text_free(&text);
}

static void assert_number(struct value value, const char *written)
{
    assert_written(value, written, written);
}

static struct value value_decimal(uint64_t magnitude, bool negative, int exponent)
{
    return (struct value){.kind = VALUE_DECIMAL,
                          .decimal = {magnitude, negative, (int8_t)exponent}};
}

static struct value value_float32(float number)
{
    return (struct value){.kind = VALUE_FLOAT32, .float32 = number};
}

static struct value value_float64(double number)
{
    return (struct value){.kind = VALUE_FLOAT64, .float64 = number};
}

static void decimal_parse_reads_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t magnitude;
        bool negative;
        int exponent;
    } rows[] = {
        {"0.01", 1, false, -2},
        {"-12.5", 125, true, -1},
        {"1e-3", 1, false, -3},
        {"100", 100, false, 0},
        {"0", 0, false, 0},
        {"-0.000", 0, false, 0},
        {"007", 7, false, 0},
        {"1.50", 15, false, -1},
        {"2.5E+1", 25, false, 0},
        {"1E2", 1, false, 2},
        {"18446744073709551615", UINT64_MAX, false, 0},
        {"0.18446744073709551615", UINT64_MAX, false, -20},
        {"18446744073709551615.000", UINT64_MAX, false, 0},
        {"100000000000000000000000", 10000000000000000000u, false, 4},
        {"1.00000000000000000000000000000000000000000000000000", 1, false, 0},
        {"1e40", 1, false, 40},
        {"1e42", 100, false, 40},
        {"100e-42", 1, false, -40},
        {"-1e-40", 1, true, -40},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decimal out = decimal_of(rows[i].text);
        bool same = out.magnitude == rows[i].magnitude && out.negative == rows[i].negative &&
                    out.exponent == rows[i].exponent;
        if (!same) {
            fail_msg("%s: %llu, %d, %d", rows[i].text, (unsigned long long)out.magnitude,
                     out.negative, out.exponent);
        }
    }
}

static void decimal_parse_refuses_other_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",   ".",     ".5",    "5.",  "+1",   "1 ",
                                      " 1",  "1,5", "0x10",  "1e",    "1e+", "1e5x", "nan",
                                      "inf", "--1", "1.2.3", "1e1.5", "e5",  "1.e5", "-.5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct decimal out;
        if (decimal_parse(bad[i], &out) != ERROR_INPUT) {
            fail_msg("accepted: '%s'", bad[i]);
        }
    }
}

static void decimal_parse_refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "18446744073709551616",    "1.00000000000000000001", "1e-41", "1e60",
        "1e999999999999999999999", "-1e-999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct decimal out;
        if (decimal_parse(bad[i], &out) != ERROR_RANGE) {
            fail_msg("accepted: '%s'", bad[i]);
        }
    }
    struct decimal out;
    assert_int_equal(decimal_parse("18446744073709551616x", &out), ERROR_INPUT);
}

static void decimal_multiply_is_exact(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"123456", "0.01", "1234.56"},
        {"-5", "-0.2", "1"},
        {"0", "-3", "0"},
        {"18446744073709551615", "-1", "-18446744073709551615"},
        {"10000000000", "10000000000", "100000000000000000000"},
        {"9223372036854775808", "5", "46116860184273879040"},
        {"1e-30", "1e-10", "1e-40"},
        {"1e-30", "100e-12", "1e-40"},
        {"1e40", "10", "1e41"},
        {"7450580596923828125", "4294967296", "32000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decimal out, wanted = decimal_of(rows[i][2]);
        assert_int_equal(decimal_multiply(decimal_of(rows[i][0]), decimal_of(rows[i][1]), &out),
                         OK);
        struct text a = text_make(99), b = text_make(99);
        value_append_plain(&a, &(struct value){.kind = VALUE_DECIMAL, .decimal = out});
        value_append_plain(&b, &(struct value){.kind = VALUE_DECIMAL, .decimal = wanted});
        assert_string_equal(a.data, b.data);
        text_free(&a);
        text_free(&b);
    }
}

static void decimal_multiply_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct decimal out;
    struct decimal big = decimal_of("18446744073709551615");
    assert_int_equal(decimal_multiply(big, decimal_of("3"), &out), ERROR_RANGE);
    assert_int_equal(decimal_multiply(decimal_of("1e-40"), decimal_of("0.1"), &out), ERROR_RANGE);
    assert_int_equal(decimal_multiply(decimal_of("1e40"), decimal_of("1e20"), &out), ERROR_RANGE);
}

static void decimal_add_is_exact(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"242", "-0.5", "241.5"},
        {"-0.5", "242", "241.5"},
        {"0.3", "-0.1", "0.2"},
        {"0.1", "-0.3", "-0.2"},
        {"-198", "-0.002", "-198.002"},
        {"5", "-5", "0"},
        {"0", "-7e30", "-7e30"},
        {"7e-30", "0", "7e-30"},
        {"18446744073709551614", "1", "18446744073709551615"},
        {"-18446744073709551615", "18446744073709551614", "-1"},
        {"18446744073709551610", "0.5e1", "18446744073709551615"},
        {"1e40", "-1e39", "9e39"},
        {"20e-40", "1e-39", "3e-39"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decimal out;
        assert_int_equal(decimal_add(decimal_of(rows[i][0]), decimal_of(rows[i][1]), &out), OK);
        struct text a = text_make(99), b = text_make(99);
        value_append_plain(&a, &(struct value){.kind = VALUE_DECIMAL, .decimal = out});
        value_append_plain(
            &b, &(struct value){.kind = VALUE_DECIMAL, .decimal = decimal_of(rows[i][2])});
        assert_string_equal(a.data, b.data);
        text_free(&a);
        text_free(&b);
    }
}

static void decimal_add_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct decimal out;
    struct decimal big = decimal_of("18446744073709551615");
    assert_int_equal(decimal_add(big, decimal_of("1"), &out), ERROR_RANGE);
    assert_int_equal(decimal_add(big, decimal_of("-0.1"), &out), ERROR_RANGE);
    assert_int_equal(decimal_add(decimal_of("1e-40"), decimal_of("1e40"), &out), ERROR_RANGE);
}

static void decimal_to_double_rounds_once(void **state)
{
    (void)state;
    assert_true(decimal_to_double(decimal_of("1234.56")) == 1234.56);
    assert_true(decimal_to_double(decimal_of("-0.1")) == -0.1);
    assert_true(decimal_to_double(decimal_of("9007199254740993")) == 9007199254740992.0);
    assert_true(decimal_to_double(decimal_of("1e-40")) == 1e-40);
    assert_true(decimal_to_double(decimal_of("18446744073709551615e-40")) ==
                18446744073709551615e-40);
    assert_true(isnan(value_to_double(&(struct value){.kind = VALUE_NONE})));
    assert_true(isnan(value_to_double(&(struct value){.kind = VALUE_STRING, .string = "5"})));
}

static void decimals_are_written_without_noise(void **state)
{
    (void)state;
    assert_number(value_decimal(123456, false, -2), "1234.56");
    assert_number(value_decimal(100, false, -2), "1");
    assert_number(value_decimal(150, true, -2), "-1.5");
    assert_number(value_decimal(1, false, -3), "0.001");
    assert_number(value_decimal(0, true, -3), "0");
    assert_number(value_decimal(5, true, 0), "-5");
    assert_number(value_decimal(5, false, 3), "5000");
    assert_number(value_decimal(4294967296, false, 0), "4294967296");
    assert_number(value_decimal(4294967295, false, -9), "4.294967295");
}

static void exponents_begin_beyond_21_digits(void **state)
{
    (void)state;
    assert_number(value_decimal(1, false, 20), "100000000000000000000");
    assert_number(value_decimal(1, false, 21), "1e21");
    assert_number(value_decimal(15, true, 40), "-1.5e41");
    assert_number(value_decimal(1, false, -20), "0.00000000000000000001");
    assert_number(value_decimal(1, false, -21), "1e-21");
    assert_number(value_decimal(125, false, -32), "1.25e-30");
}

static void more_than_15_digits_are_a_string(void **state)
{
    (void)state;
    assert_written(value_decimal(12345678901234567u, false, 0), "\"12345678901234567\"",
                   "12345678901234567");
    assert_written(value_decimal(UINT64_MAX, true, -2), "\"-184467440737095516.15\"",
                   "-184467440737095516.15");
    assert_written(value_decimal(1000000000000001u, false, 0), "\"1000000000000001\"",
                   "1000000000000001");
    assert_written(value_decimal(UINT64_MAX, false, 40), "\"1.8446744073709551615e59\"",
                   "1.8446744073709551615e59");
    assert_number(value_decimal(999999999999999u, false, 0), "999999999999999");
    assert_number(value_decimal(1234567890123450u, false, -1), "123456789012345");
    assert_number(value_decimal(1000000000000000000u, false, 0), "1000000000000000000");
}

static void other_kinds_are_written(void **state)
{
    (void)state;
    assert_written((struct value){.kind = VALUE_NONE}, "null", "—");
    assert_written((struct value){.kind = VALUE_STRING, .string = "K\"1"}, "\"K\\\"1\"", "K\"1");
    assert_written((struct value){.kind = VALUE_STRING, .string = ""}, "\"\"", "");
}

static void known_floats_are_shortest(void **state)
{
    (void)state;
    assert_number(value_float32(23.4f), "23.4");
    assert_number(value_float32(-0.0f), "0");
    assert_number(value_float32(-230.15f), "-230.15");
    assert_number(value_float32(16777216.0f), "16777216");
    assert_number(value_float32(3.4028235e38f), "3.4028235e38");
    assert_number(value_float32(1.17549435e-38f), "1.1754944e-38");
    assert_number(value_float32(1.4e-45f), "1e-45");
    assert_number(value_float32(1e20f), "100000000000000000000");
    assert_number(value_float32(0.1f), "0.1");
    assert_number(value_float32(9.5367431640625e-07f), "0.0000009536743");
    assert_number(value_float64(0.1), "0.1");
    assert_number(value_float64(0.1 + 0.2), "0.30000000000000004");
    assert_number(value_float64(-0.0), "0");
    assert_number(value_float64(1234567.891), "1234567.891");
    assert_number(value_float64(9007199254740993.0), "9007199254740992");
    assert_number(value_float64(5e-324), "5e-324");
    assert_number(value_float64(2.2250738585072014e-308), "2.2250738585072014e-308");
    assert_number(value_float64(1.7976931348623157e308), "1.7976931348623157e308");
    assert_number(value_float64(9007199254740991.0), "9007199254740991");
    assert_number(value_float64(5e-5), "0.00005");
    assert_number(value_float64(1e22), "1e22");
    // Powers of two, where the nearest 16 digits may miss but the next ones above hit.
    assert_number(value_float64(ldexp(1, -44)), "5.684341886080802e-14");
    assert_number(value_float64(ldexp(1, 89)), "6.189700196426902e26");
}

// xorshift64*: the same numbers on every machine.
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 2685821657736338717ull;
}

static int significant_digits(const char *text)
{
    int count = 0, zeros = 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            bool leading = count == 0 && *p == '0';
            zeros = *p == '0' ? zeros + 1 : 0;
            count += !leading;
        }
    }
    return count - (count ? zeros : 0);
}

// The digits that printf needs at least, trying every precision.
static int precision_needed_float32(float number)
{
    for (int digits = 1; digits < 9; digits++) {
        char text[64];
        snprintf(text, sizeof text, "%.*e", digits - 1, (double)number);
        if (strtof(text, NULL) == number) {
            return digits;
        }
    }
    return 9;
}

static int precision_needed_float64(double number)
{
    for (int digits = 1; digits < 17; digits++) {
        char text[64];
        snprintf(text, sizeof text, "%.*e", digits - 1, number);
        if (strtod(text, NULL) == number) {
            return digits;
        }
    }
    return 17;
}

// Among the shortest ones, the nearest: what printf writes at that precision, where it gives back.
static void assert_nearest(const char *written, double number, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
    if (strtod(text, NULL) != strtod(written, NULL)) {
        fail_msg("%s written, %s is nearer to %a", written, text, number);
    }
}

static void check_float32(struct text *text, uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) {
        return;
    }
    text_clear(text);
    value_append_json(text, &(struct value){.kind = VALUE_FLOAT32, .float32 = number});
    int needed = precision_needed_float32(number), digits = significant_digits(text->data);
    bool power_of_two = (bits & 0x7fffffu) == 0;
    if (strtof(text->data, NULL) != number || digits > needed ||
        (digits < needed && number != 0 && !power_of_two)) {
        fail_msg("0x%08x written %s; needs %d digits", bits, text->data, needed);
    }
    if (!power_of_two) {
        assert_nearest(text->data, number, needed);
    }
}

static void check_float64(struct text *text, uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) {
        return;
    }
    text_clear(text);
    value_append_double(text, number);
    int needed = precision_needed_float64(number), digits = significant_digits(text->data);
    bool power_of_two = (bits & 0xfffffffffffffu) == 0;
    if (strtod(text->data, NULL) != number || digits > needed ||
        (digits < needed && number != 0 && !power_of_two)) {
        fail_msg("0x%016llx written %s; needs %d digits", (unsigned long long)bits, text->data,
                 needed);
    }
    if (!power_of_two) {
        assert_nearest(text->data, number, needed);
    }
}

// It can be set, and is printed.
static uint64_t starting_seed(void)
{
    const char *text = getenv("TALLY_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 0x7a11e5713a11ull;
    print_message("seed 0x%llx\n", (unsigned long long)seed);
    return seed ? seed : 1;
}

static void random_float32_bit_patterns_come_back(void **state)
{
    (void)state;
    struct text text = text_make(100);
    uint64_t seed = starting_seed();
    for (long i = effort(1000000); i > 0; i--) {
        check_float32(&text, (uint32_t)(next_random(&seed) >> 32));
        // And one of the size that instruments give: 2^-20 to 2^27.
        uint64_t r = next_random(&seed);
        check_float32(&text, (uint32_t)(r >> 32 & 0x807fffffu) | (uint32_t)(107 + r % 47) << 23);
    }
    text_free(&text);
}

static void random_doubles_come_back(void **state)
{
    (void)state;
    struct text text = text_make(100);
    uint64_t seed = starting_seed();
    for (long i = effort(100000); i > 0; i--) {
        check_float64(&text, next_random(&seed));
        // And a decimal of at most 16 digits, as most doubles are.
        uint64_t r = next_random(&seed);
        double number = (double)(r % 10000000000000000u) / pow(10, (double)(r >> 60));
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        check_float64(&text, bits);
        // And one of the size of a corrected value and its U, with all its bits: 2^-21 to 2^51.
        if (i % 4 == 0) {
            check_float64(&text, (r & 0x800fffffffffffffu) | (uint64_t)(1002 + r % 73) << 52);
        }
    }
    text_free(&text);
}

static void every_power_of_two_and_its_neighbours_come_back(void **state)
{
    (void)state;
    struct text text = text_make(100);
    for (uint32_t exponent = 0; exponent < 255; exponent++) {
        for (int offset = -2; offset <= 2; offset++) {
            check_float32(&text, (exponent << 23) + (uint32_t)offset);
        }
    }
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        for (int offset = -2; offset <= 2; offset++) {
            check_float64(&text, (exponent << 52) + (uint64_t)(int64_t)offset);
        }
    }
    text_free(&text);
}

static void a_locale_with_a_comma_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    bool set = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !set; i++) {
        set = setlocale(LC_NUMERIC, names[i]) != NULL;
    }
    if (!set) {
        print_message("skip reason: no locale with a decimal comma is installed\n");
        skip();
    }
    assert_number(value_float64(1.0 / 3), "0.3333333333333333");
    assert_number(value_float32(1.5e-30f), "1.5e-30");
    assert_number(value_decimal(15, false, -1), "1.5");
    setlocale(LC_NUMERIC, "C");
}

static void a_full_text_is_not_overrun(void **state)
{
    (void)state;
    struct text text = text_make(7);
    value_append_json(&text, &(struct value){.kind = VALUE_FLOAT32, .float32 = 1234.56f});
    assert_false(text.failed);
    assert_string_equal(text.data, "1234.56");
    value_append_double(&text, 1);
    assert_true(text.failed);
    assert_int_equal(text.length, 7);
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_parse_reads_what_it_says),
        cmocka_unit_test(decimal_parse_refuses_other_forms),
        cmocka_unit_test(decimal_parse_refuses_what_does_not_fit),
        cmocka_unit_test(decimal_multiply_is_exact),
        cmocka_unit_test(decimal_multiply_refuses_what_does_not_fit),
        cmocka_unit_test(decimal_add_is_exact),
        cmocka_unit_test(decimal_add_refuses_what_does_not_fit),
        cmocka_unit_test(decimal_to_double_rounds_once),
        cmocka_unit_test(decimals_are_written_without_noise),
        cmocka_unit_test(exponents_begin_beyond_21_digits),
        cmocka_unit_test(more_than_15_digits_are_a_string),
        cmocka_unit_test(other_kinds_are_written),
        cmocka_unit_test(known_floats_are_shortest),
        cmocka_unit_test(random_float32_bit_patterns_come_back),
        cmocka_unit_test(random_doubles_come_back),
        cmocka_unit_test(every_power_of_two_and_its_neighbours_come_back),
        cmocka_unit_test(a_locale_with_a_comma_changes_nothing),
        cmocka_unit_test(a_full_text_is_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
