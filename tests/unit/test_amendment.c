// What an amendment states, written and read back; and the time by which a person names a reading.

#include "../../tools/tally/amendments/amendment.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct amendment sample(void)
{
    return (struct amendment){.block = 42,
                              .index = 3,
                              .point = 7,
                              .t_us = 1795498776120034,
                              .recorded = "230.1",
                              .unit = "V",
                              .kind = AMENDMENT_VALUE,
                              .value = "228.4",
                              .reason = "digits transposed: see sheet 12"};
}

static void expect_round_trip(const struct amendment *amendment, const char *body)
{
    struct text out = text_make(1024);
    struct amendment back;
    assert_int_equal(amendment_write(amendment, &out), OK);
    assert_string_equal(out.data, body);
    assert_int_equal(amendment_parse(&back, out.data, NULL), OK);
    assert_true(is_same(amendment, &back));
    text_free(&out);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct amendment amendment = sample();
    expect_round_trip(&amendment,
                      "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: 230.1 V, "
                      "amended to 228.4 V: digits transposed: see sheet 12");
    amendment.unit[0] = '\0';
    expect_round_trip(&amendment, "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: "
                                  "230.1, amended to 228.4: digits transposed: see sheet 12");
    amendment = sample();
    amendment.kind = AMENDMENT_VOID;
    amendment.value[0] = '\0';
    amendment.reason = ", amended to 5 V: or so";
    expect_round_trip(&amendment, "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: "
                                  "230.1 V, void: , amended to 5 V: or so");
    amendment.kind = AMENDMENT_WITHDRAWN;
    amendment.reason = "it was right";
    expect_round_trip(&amendment, "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: "
                                  "230.1 V, as recorded: it was right");
    amendment = sample();
    amendment.recorded[0] = '\0';
    expect_round_trip(&amendment, "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: no "
                                  "number, amended to 228.4 V: digits transposed: see sheet 12");
}

// What would be read back as something else is not written.
static void what_the_form_cannot_hold_is_refused(void **state)
{
    (void)state;
    struct text out = text_make(1024);
    for (int i = 0; i < 5; i++) {
        struct amendment amendment = sample();
        switch (i) {
        case 0: strcpy(amendment.unit, "V, void: "); break;
        case 1: strcpy(amendment.value, "228.40"); break;
        case 2: amendment.reason = ""; break;
        case 3: amendment.t_us = INT64_MAX; break; // beyond the year 9999
        default: strcpy(amendment.recorded, "abc"); break;
        }
        assert_int_equal(amendment_write(&amendment, &out), ERROR_RANGE);
        assert_int_equal(out.length, 0);
    }
    text_free(&out);
}

#define HEAD "block 42, readings[3], point 7, 2026-11-24T05:39:36.120034Z: "

static void another_form_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"", "byte 0: expected block "},
        {"block -1, readings[3]", "byte 6: expected a number"},
        {"block 042, readings[3]", "byte 6: expected a number"},
        {"block 99999999999999999999, ", "byte 6: expected a smaller number"},
        {"block 42, readings[4294967296], ", "byte 19: expected a smaller number"},
        {"block 42, readings[3], point 7, 2026-11-24T05:39:36Z: ",
         "byte 32: expected a time as 2026-11-24T05:39:36.120034Z"},
        {"block 42, readings[3], point 7, 2026-11-24T13:39:36.120034+08:00: ",
         "byte 32: expected a time as 2026-11-24T05:39:36.120034Z"},
        {HEAD "230.1 V", "byte 61: expected what was recorded, and what holds instead"},
        {HEAD "230.1 V, void:", "byte 61: expected what was recorded, and what holds instead"},
        {HEAD "volts, void: x", "byte 61: expected a number"},
        {HEAD "230.10 V, void: x", "byte 61: expected a number in the form of a block's"},
        {HEAD "230.1V, void: x", "byte 66: expected a unit"},
        {HEAD "230.1 , void: x", "byte 66: expected a unit"},
        {HEAD "230.1 V, amended to 5 mV: x", "byte 85: expected the same unit"},
        {HEAD "230.1 V, amended to 1e400 V: x",
         "byte 81: expected a number in the form of a block's"},
        {HEAD "230.1 V, amended to V: x", "byte 81: expected a number"},
        {HEAD "230.1 V, void: ", "byte 76: expected a reason"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct amendment amendment;
        struct why why = {""};
        assert_int_equal(amendment_parse(&amendment, cases[i].body, &why), ERROR_INPUT);
        assert_string_equal(why.text, cases[i].expected);
    }
}

// Each byte replaced by others: what is still read is written as it stands.
static void there_is_one_form(void **state)
{
    (void)state;
    static const char good[] = HEAD "230.1 V, amended to 228.4 V: x", others[] = "0179.-e: ,]VZn";
    for (size_t i = 0; i + 1 < sizeof good; i++) {
        for (const char *other = others; *other; other++) {
            char body[sizeof good];
            struct amendment amendment;
            struct text out = text_make(1024);
            memcpy(body, good, sizeof good);
            body[i] = *other;
            if (amendment_parse(&amendment, body, NULL) == OK) {
                assert_int_equal(amendment_write(&amendment, &out), OK);
                assert_string_equal(out.data, body);
            }
            text_free(&out);
        }
    }
}

static void indications_are_taken_as_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *json, *digits;
    } good[] = {{"230.1", "230.1"},
                {"\"12345678901234567\"", "12345678901234567"},
                {"1.5e-30", "1.5e-30"},
                {"1.7976931348623157e308", "1.7976931348623157e308"},
                {"null", ""}};
    struct amendment amendment;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(amendment_set_recorded(&amendment, good[i].json, strlen(good[i].json)));
        assert_string_equal(amendment.recorded, good[i].digits);
        struct amendment whole = sample();
        memcpy(whole.recorded, amendment.recorded, sizeof whole.recorded);
        struct text out = text_make(1024);
        assert_int_equal(amendment_write(&whole, &out), OK);
        text_free(&out);
    }
    assert_false(amendment_set_recorded(&amendment, "\"SN-0042\"", 9));
    assert_false(amendment_set_recorded(&amendment, "\"230.1\"", 7));
}

static void values_have_the_form_of_a_block(void **state)
{
    (void)state;
    static const struct {
        const char *given, *digits, *json;
    } cases[] = {{"228.40", "228.4", "228.4"},
                 {"-0", "0", "0"},
                 {"1e3", "1000", "1000"},
                 {"1e-30", "1e-30", "1e-30"},
                 {"12345678.90123456", "12345678.90123456", "\"12345678.90123456\""},
                 {"0.000123456789012345", "0.000123456789012345", "0.000123456789012345"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct amendment amendment = sample();
        struct decimal decimal;
        struct text out = text_make(64);
        assert_int_equal(decimal_parse(cases[i].given, &decimal), OK);
        amendment_set_value(&amendment, decimal);
        assert_string_equal(amendment.value, cases[i].digits);
        amendment_append_json(amendment.value, &out);
        assert_string_equal(out.data, cases[i].json);
        text_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_the_form_cannot_hold_is_refused),
        cmocka_unit_test(another_form_is_refused_with_its_place),
        cmocka_unit_test(there_is_one_form),
        cmocka_unit_test(indications_are_taken_as_their_digits),
        cmocka_unit_test(values_have_the_form_of_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
