// The definitions file: its bytes, its numbers, the files it needs.
#include "record_bench.h"

#include "base/version.h"

static void make(struct record_bench *b, uint64_t from_n)
{
    if (bench_define(b, from_n)) {
        fail_msg("%s", b->ledger->why.text);
    }
}

static void definitions_are_written_byte_for_byte_as_documented(void **state)
{
    struct record_bench *b = *state;
    char expected[8192], software[DIGEST_HEX], config[DIGEST_HEX], driver[DIGEST_HEX];
    struct digest program = version_program_hash();
    text_format_hex(program.bytes, DIGEST_SIZE, software);
    text_format_hex(b->config.hash.bytes, DIGEST_SIZE, config);
    text_format_hex(b->driver.hash.bytes, DIGEST_SIZE, driver);
    b->config.instrument_count = 1;
    b->instruments[0].quantity_count = 1;
    b->instruments[0].ratio_pt = (struct decimal){100, false, 0};
    make(b, 0);
    snprintf(expected, sizeof expected,
             "{\"tally-definitions\":1,\"software\":\"%s\",\"config\":\"%s\","
             "\"time_zone\":\"Asia/Shanghai\",\"points\":{\"1\":{\"instrument\":\"main-meter\","
             "\"maker\":\"Maker\",\"model\":\"M1\",\"serial\":\"20114532\","
             "\"identity\":\"declared\",\"bus\":\"rs485-1\",\"unit_address\":1,\"driver\":\"%s\","
             "\"quantity\":\"voltage-l1\",\"unit\":\"V\",\"fc\":3,\"address\":0,\"count\":1,"
             "\"type\":\"uint16\",\"order\":\"%s\",\"scale\":\"0.1\",\"ratio\":\"100\","
             "\"resolution\":\"0.1\",\"every_us\":1000000,\"certificate\":null,"
             "\"correction\":\"none\"}}}\n",
             software, config, driver, register_order_name(ORDER_BIG, 1));
    assert_string_equal(b->definitions->json.data, expected);
    struct digest hash = digest_of(NULL, 0, expected, strlen(expected));
    assert_memory_equal(&b->definitions->hash, &hash, sizeof hash);
}

static void what_is_declared_is_stated_beside_a_certificate(void **state)
{
    struct record_bench *b = *state;
    static struct config_influence influences[] = {
        {"ambient temperature", "data sheet, \"4.2\"", {5, false, -2}, false},
        {"supply", "type test", {2, false, -2}, true}};
    static const struct config_uncertainty declared = {.drift = {4, false, -1},
                                                       .drift_per_us = 31557600000000,
                                                       .slope = {6, false, -1},
                                                       .slope_per_us = 60000000,
                                                       .refresh_us = 2000000,
                                                       .influences = influences,
                                                       .influence_count = 2};
    const struct config_uncertainty *of[3] = {&declared, &declared, NULL};
    static const char stated[] =
        ",\"correction\":\"pointwise\",\"k\":\"2\",\"due\":\"2027-03-01\",\"drift\":{\"half_"
        "width\":"
        "\"0.4\",\"per_us\":31557600000000,\"since\":\"2026-03-02\"},\"influences\":[{\"name\":"
        "\"ambient temperature\",\"half_width\":\"0.05\",\"source\":\"data sheet, \\\"4.2\\\"\"},"
        "{\"name\":\"supply\",\"standard_uncertainty\":\"0.02\",\"source\":\"type test\"}],"
        "\"slope\":{\"half_width\":\"0.6\",\"per_us\":60000000},\"refresh_us\":2000000}";
    b->config.instrument_count = 1;
    b->instruments[0].uncertainty = of;
    make(b, 0); // of voltage-l2 and of anything without a certificate nothing is stated
    assert_null(strstr(b->definitions->json.data, "drift"));
    bench_certify(b);
    make(b, 1);
    const char *found = strstr(b->definitions->json.data, stated);
    assert_non_null(found);
    assert_null(strstr(found + sizeof stated - 1, "\"drift\""));
}

static void points_keep_their_numbers(void **state)
{
    struct record_bench *b = *state;
    make(b, 0);
    assert_int_equal(b->definitions->numbers[0][0], 1);
    assert_int_equal(b->definitions->numbers[1][2], 6);
    struct digest hash = b->definitions->hash;
    make(b, 7);
    assert_int_equal(b->definitions->numbers[1][2], 6);
    assert_memory_equal(&b->definitions->hash, &hash, sizeof hash);
}

static void changed_definition_gets_a_new_number(void **state)
{
    struct record_bench *b = *state;
    make(b, 0);
    b->instruments[0].every_us = 2000000;
    make(b, 5);
    assert_int_equal(b->definitions->numbers[0][0], 7);
    assert_int_equal(b->definitions->numbers[0][2], 9);
    assert_int_equal(b->definitions->numbers[1][0], 4);
    assert_non_null(strstr(b->definitions->json.data, "\"points\":{\"4\":"));
    b->instruments[0].every_us = 1000000;
    make(b, 6); // as it was: the number it had
    assert_int_equal(b->definitions->numbers[0][0], 1);
}

static void files_that_are_needed_are_in_the_ledger(void **state)
{
    struct record_bench *b = *state;
    struct ledger_bench *l = b->ledger;
    struct digest definitions, files[8];
    size_t count;
    struct text out = text_make(1 << 20);
    make(b, 0);
    bench_read(l);
    assert_int_equal(
        ledger_reader_definitions(l->reader, 0, &definitions, files, 8, &count, &l->why), OK);
    assert_memory_equal(&definitions, &b->definitions->hash, sizeof definitions);
    assert_int_equal(count, 3);
    assert_int_equal(ledger_reader_file(l->reader, &b->driver.hash, &out, &l->why), OK);
    assert_string_equal(out.data, "driver: meter\n");
    assert_int_equal(ledger_reader_file(l->reader, &b->config.hash, &out, &l->why), OK);
    assert_string_equal(out.data, "site: x\n");
    assert_int_equal(ledger_reader_file(l->reader, &definitions, &out, &l->why), OK);
    assert_string_equal(out.data, b->definitions->json.data);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ledger_reader_file(l->reader, &files[i], &out, &l->why), OK);
    }
    text_free(&out);
}

static void ratios_beyond_an_exact_number_are_refused(void **state)
{
    struct record_bench *b = *state;
    static struct driver_quantity both;
    both = meter_quantities[0];
    both.ratio_ct = true;
    b->polled[0] = &both;
    b->instruments[0].ratio_pt = (struct decimal){UINT64_MAX, false, 0};
    b->instruments[0].ratio_ct = (struct decimal){UINT64_MAX - 2, false, 0};
    assert_int_equal(bench_define(b, 0), ERROR_RANGE);
    assert_null(b->definitions);
    assert_non_null(strstr(b->ledger->why.text, "main-meter.voltage-l1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_setup, record_teardown)
        TEST(definitions_are_written_byte_for_byte_as_documented),
        TEST(what_is_declared_is_stated_beside_a_certificate),
        TEST(points_keep_their_numbers),
        TEST(changed_definition_gets_a_new_number),
        TEST(files_that_are_needed_are_in_the_ledger),
        TEST(ratios_beyond_an_exact_number_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
