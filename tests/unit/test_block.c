// The block's bytes, as written and as read.
#include "ledger/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"
#define RUN    "0123456789abcdef0123456789abcdef"

struct bench {
    struct block_writer writer;
    struct block_seal seal;
    struct text out;
    struct block_view view;
    struct why why;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    block_writer_init(&b->writer);
    b->seal = (struct block_seal){.origin = ORIGIN,
                                  .n = 42,
                                  .run = RUN,
                                  .mono_us = 147996200,
                                  .closed_us = 1795498776120034,
                                  .clock = {true, 850, 0}};
    memset(b->seal.previous.bytes, 0xab, DIGEST_SIZE);
    memset(b->seal.definitions.bytes, 0xcd, DIGEST_SIZE);
    b->out = text_make(BLOCK_BYTES_MAX);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    block_writer_free(&b->writer);
    block_view_free(&b->view);
    text_free(&b->out);
    free(b);
    return 0;
}

static void add_sample(struct bench *b)
{
    static const uint8_t raw[] = {0x33, 0x33, 0x41, 0xbb};
    struct reading reading = {.point = 7,
                              .t_us = 1795498776000000,
                              .half_window_us = 420,
                              .raw = raw,
                              .raw_length = 4,
                              .indication = {.kind = VALUE_FLOAT32, .float32 = 23.4f},
                              .flags = FLAG_NO_CERTIFICATE};
    block_add_reading(&b->writer, &reading, 88120000);
    reading.point = 8;
    reading.corrected = (struct value){.kind = VALUE_FLOAT64, .float64 = 23.28};
    reading.expanded_uncertainty = (struct value){.kind = VALUE_FLOAT64, .float64 = 0.31};
    reading.indication = (struct value){.kind = VALUE_DECIMAL, .decimal = {123456, false, -2}};
    reading.flags = 0;
    block_add_reading(&b->writer, &reading, 88120001);
    block_add_miss(&b->writer, 9, 1795498775000000, 88120002, "timeout");
    block_add_event(&b->writer, 1795498776500000, 88120003, "instrument.silent", "main-meter",
                    "no answer for 3 polls: \"quoted\"\n");
}

static void block_is_written_byte_for_byte_as_documented(void **state)
{
    struct bench *b = *state;
    add_sample(b);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    assert_string_equal(
        b->out.data,
        "{\"tally\":1,\"log\":\"" ORIGIN "\",\"n\":42,\"prev\":"
        "\"abababababababababababababababababababababababababababababababab\",\"run\":\"" RUN
        "\",\"mono_us\":[88120000,147996200],\"closed_us\":1795498776120034,"
        "\"clock\":{\"state\":\"synchronised\",\"error_us\":850,\"leap\":0},\"defs\":"
        "\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\","
        "\"readings\":[[7,1795498776000000,420,\"333341bb\",23.4,null,null,4],"
        "[8,1795498776000000,420,\"333341bb\",1234.56,23.28,0.31,0]],"
        "\"missed\":[[9,1795498775000000,\"timeout\"]],"
        "\"events\":[{\"t\":1795498776500000,\"kind\":\"instrument.silent\","
        "\"subject\":\"main-meter\",\"text\":\"no answer for 3 polls: "
        "\\\"quoted\\\"\\u000a\"}]}\n");
    assert_int_equal(b->writer.count, 2);
    assert_int_equal(b->writer.missed_count, 1);
    assert_int_equal(b->writer.event_count, 1);
    assert_true(b->writer.t_lo_us == 1795498775000000 && b->writer.t_hi_us == 1795498776500000);
    assert_true(b->writer.first_mono_us == 88120000 && b->writer.last_mono_us == 88120003);
}

static void block_is_read_back_whole(void **state)
{
    struct bench *b = *state;
    add_sample(b);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    assert_int_equal(block_parse(&b->view, b->out.data, b->out.length, &b->why), OK);
    const struct block_view *v = &b->view;
    assert_string_equal(v->origin, ORIGIN);
    assert_string_equal(v->run, RUN);
    assert_int_equal(v->n, 42);
    assert_memory_equal(&v->previous, &b->seal.previous, DIGEST_SIZE);
    assert_memory_equal(&v->definitions, &b->seal.definitions, DIGEST_SIZE);
    assert_true(v->mono_us[0] == 88120000 && v->mono_us[1] == 147996200);
    assert_true(v->closed_us == 1795498776120034 && v->clock.synchronised);
    assert_true(v->clock.error_us == 850 && v->clock.leap == 0);
    assert_int_equal(v->reading_count, 2);
    const struct block_reading *r = &v->readings[1];
    assert_int_equal(r->point, 8);
    assert_true(r->t_us == 1795498776000000 && r->half_window_us == 420 && r->flags == 0);
    assert_int_equal(r->raw_digits, 8);
    assert_memory_equal(r->raw, "333341bb", 8);
    assert_int_equal(r->indication_length, 7);
    assert_memory_equal(r->indication, "1234.56", 7);
    assert_memory_equal(r->corrected, "23.28", r->corrected_length);
    assert_memory_equal(r->uncertainty, "0.31", r->uncertainty_length);
    assert_int_equal(v->missed_count, 1);
    assert_memory_equal(v->missed[0].word, "timeout", v->missed[0].word_length);
    assert_int_equal(v->event_count, 1);
    assert_memory_equal(v->events[0].subject, "main-meter", v->events[0].subject_length);
}

static void first_block_has_no_hash_of_one_before(void **state)
{
    struct bench *b = *state;
    b->seal.n = 0;
    b->seal.clock = (struct clock_state){false, 0, -1};
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    assert_non_null(strstr(b->out.data, ",\"prev\":\"\",\"run\":"));
    assert_non_null(strstr(b->out.data, "\"state\":\"unsynchronised\",\"error_us\":0,\"leap\":-1"));
    assert_non_null(strstr(b->out.data, "\"readings\":[],\"missed\":[],\"events\":[]}\n"));
    assert_int_equal(block_parse(&b->view, b->out.data, b->out.length, &b->why), OK);
    assert_false(b->view.clock.synchronised);
}

// Values in each form that base/value.h writes must be read; the flags' and times' extremes too.
static void every_form_of_number_is_read_back(void **state)
{
    struct bench *b = *state;
    const double numbers[] = {0,
                              1,
                              -1,
                              0.1,
                              1e15,
                              1e20,
                              1e21,
                              1.5e21,
                              1e-18,
                              1e-7,
                              1e-6,
                              1e-300,
                              1.7e308,
                              5e-324,
                              1 / 3.,
                              -2 / 3e9,
                              1e22,
                              9e18,
                              1234567890123456.8};
    static const uint8_t raw[READING_RAW_MAX] = {0xff};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct reading reading = {
            .point = UINT32_MAX,
            .t_us = i % 2 ? INT64_MIN : INT64_MAX,
            .raw = raw,
            .raw_length = READING_RAW_MAX,
            .indication = {.kind = VALUE_FLOAT64, .float64 = numbers[i]},
            .corrected = {.kind = VALUE_FLOAT32,
                          .float32 = (float)(numbers[i] > 1e38 ? 3.4028235e38 : numbers[i])},
            .expanded_uncertainty = {.kind = VALUE_DECIMAL,
                                     .decimal = {UINT64_MAX - i, i % 2, (int8_t)(-40 + (int)i)}},
            .flags = UINT32_MAX};
        block_add_reading(&b->writer, &reading, 1);
    }
    struct reading text = {.raw = raw,
                           .indication = {.kind = VALUE_STRING,
                                          .string = "a\"\\\x01 \xc2\xb0"
                                                    "C"}};
    block_add_reading(&b->writer, &text, 1);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    if (block_parse(&b->view, b->out.data, b->out.length, &b->why) != OK) {
        fail_msg("%s in %s", b->why.text, b->out.data);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(strtod(b->view.readings[i].indication, NULL) == numbers[i]);
    }
}

static void block_in_another_form_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"{\"tally\":1,", "{ \"tally\":1,"},
        {"\"tally\":1", "\"tally\":2"},
        {"\"n\":42,\"prev\"", "\"prev\"\"n\":42,"},
        {"\"n\":42", "\"n\":042"},
        {"\"n\":42", "\"n\":-42"},
        {"\"n\":42", "\"n\":42.0"},
        {"\"n\":42", "\"n\":42,\"n\":42"},
        {"\"n\":42", "\"n\":99999999999999999999"},
        {"\"n\":42", "\"n\":0"},
        {"\"prev\":\"ab", "\"prev\":\"AB"},
        {"\"prev\":\"ab", "\"prev\":\""},
        {"\"prev\":\"ab", "\"prev\":\"abab"},
        {"gw-01", "gw_01"},
        {"gw-01", "Gw-01"},
        {"91350100M", "91350100m"},
        {"91350100M", "1350100M"},
        {"/5f0c", "/5F0c"},
        {"/5f0c", "/f0c"},
        {"\"mono_us\":[88120000,147996200]", "\"mono_us\":[147996201,147996200]"},
        {"\"leap\":0", "\"leap\":2"},
        {"\"leap\":0", "\"leap\":-0"},
        {"\"error_us\":850", "\"error_us\":-850"},
        {"\"synchronised\"", "\"sychronised\""},
        {"[7,", "[07,"},
        {"[7,", "[-7,"},
        {"[7,", "[4294967296,"},
        {"\"333341bb\"", "\"333341BB\""},
        {"\"333341bb\"", "\"333341b\""},
        {"\"333341bb\"", "\"333341\""},
        {",23.4,", ",23.40,"},
        {",23.4,", ",023.4,"},
        {",23.4,", ",+23.4,"},
        {",23.4,", ",2.34e1,"},
        {",23.4,", ",2.34E1,"},
        {",23.4,", ",23.,"},
        {",23.4,", ",.4,"},
        {",23.4,", ",-0,"},
        {",23.4,", ",1e2,"},
        {",23.4,", ",1e21.5,"},
        {",23.4,", ",1e+21,"},
        {",23.4,", ",10e21,"},
        {",23.4,", ",0e30,"},
        {",23.4,", ",1e021,"},
        {",23.4,", ",123456789012345678901.5,"},
        {",23.4,", ",0.12345678901234567891,"},
        {",23.4,", ",1000000000000000000000,1,"},
        {",23.4,", ",NaN,"},
        {",23.4,", ",true,"},
        {",23.4,", ",,"},
        {"null,null", "null"},
        {"null,4]", "null,4.0]"},
        {"null,4]", "null,4],"},
        {"],\"missed\"", ",],\"missed\""},
        {"\"timeout\"", "\"Timeout\""},
        {"\"timeout\"", "\"\""},
        {"\"timeout\"", "\"a-word-of-more-than-thirty-one-letters\""},
        {"main-meter", "main\tmeter"},
        {"main-meter", "main\\u002dmeter"},
        {"main-meter", "main\\/meter"},
        {"main-meter", "main\\u0000meter"},
        {"main-meter", "main\\nmeter"},
        {"main-meter", "main\\u001Fmeter"},
        {"main-meter", "main\xc0\xafmeter"},
        {"main-meter", "main\xed\xa0\x80meter"},
        {"main-meter", "main\xf4\x90\x80\x80meter"},
        {"main-meter", "main\xe2\x82"},
        {"\"kind\":", "\"Kind\":"},
        {"]}\n", "]}"},
        {"]}\n", "]}\n\n"},
        {"]}\n", "] }\n"},
        {"]}\n", "],\"more\":1}\n"},
    };
    struct bench *b = *state;
    add_sample(b);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char changed[4096];
        char *at = strstr(b->out.data, rows[i].from);
        assert_non_null(at);
        int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - b->out.data),
                              b->out.data, rows[i].to, at + strlen(rows[i].from));
        if (block_parse(&b->view, changed, (size_t)length, &b->why) == OK) {
            fail_msg("%s was read as %s", rows[i].from, rows[i].to);
        }
    }
}

static void a_fault_is_named_with_its_place(void **state)
{
    struct bench *b = *state;
    assert_int_equal(block_parse(&b->view, "{\"tally\":1,\"lag\":", 17, &b->why), ERROR_INPUT);
    assert_string_equal(b->why.text, "byte 0: expected {\"tally\":1,\"log\":");
}

static void every_cut_of_a_block_is_refused(void **state)
{
    struct bench *b = *state;
    add_sample(b);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    for (size_t length = 0; length < b->out.length; length++) {
        char *cut = malloc(length ? length : 1); // its own, so that a read beyond it is seen
        memcpy(cut, b->out.data, length);
        assert_int_equal(block_parse(&b->view, cut, length, &b->why), ERROR_INPUT);
        free(cut);
    }
}

static void block_above_the_limit_is_refused_both_ways(void **state)
{
    struct bench *b = *state;
    static const uint8_t raw[READING_RAW_MAX];
    struct reading reading = {.raw = raw, .raw_length = READING_RAW_MAX};
    while (block_writer_bytes(&b->writer) < BLOCK_BYTES_MAX - 400) {
        block_add_reading(&b->writer, &reading, 1);
    }
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), ERROR_RANGE);
    char *bytes = calloc(1, BLOCK_BYTES_MAX + 1);
    assert_int_equal(block_parse(&b->view, bytes, BLOCK_BYTES_MAX + 1, &b->why), ERROR_RANGE);
    free(bytes);
}

static void long_text_of_an_event_is_cut_between_characters(void **state)
{
    struct bench *b = *state;
    char text[4096];
    for (size_t i = 0; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "\xe5\x85\xb3", 4);
    }
    block_add_event(&b->writer, 1, 1, "a.b", "s", text);
    assert_int_equal(block_seal(&b->writer, &b->seal, &b->out), OK);
    assert_int_equal(block_parse(&b->view, b->out.data, b->out.length, &b->why), OK);
    assert_int_equal(b->view.events[0].text_length, 1023);
    assert_null(strstr(b->out.data, "\xef\xbf\xbd"));
}

static void writer_forgets_when_cleared(void **state)
{
    struct bench *b = *state;
    add_sample(b);
    block_writer_clear(&b->writer);
    assert_int_equal(block_writer_bytes(&b->writer), 0);
    add_sample(b);
    assert_int_equal(b->writer.count, 2);
    assert_int_equal(b->writer.readings.data[0], '[');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(block_is_written_byte_for_byte_as_documented),
        TEST(block_is_read_back_whole),
        TEST(first_block_has_no_hash_of_one_before),
        TEST(every_form_of_number_is_read_back),
        TEST(block_in_another_form_is_refused),
        TEST(a_fault_is_named_with_its_place),
        TEST(every_cut_of_a_block_is_refused),
        TEST(block_above_the_limit_is_refused_both_ways),
        TEST(long_text_of_an_event_is_cut_between_characters),
        TEST(writer_forgets_when_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
