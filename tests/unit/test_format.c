// The golden examples of docs/FORMAT.md: the program writes them, byte for byte, and reads them.
#include "record_bench.h"

#include "base/version.h"

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"

// The line of the document that begins with `start`, newline included.
static void find_line(const char *start, char *out, size_t size)
{
    const char *path = "docs/FORMAT.md";
    FILE *file = fopen(path, "r");
    if (!file) {
        fail_msg("%s: not found; run the tests from the project's folder", path);
        return;
    }
    bool found = false;
    while (!found && fgets(out, (int)size, file)) {
        found = strncmp(out, start, strlen(start)) == 0;
    }
    fclose(file);
    if (!found) {
        fail_msg("%s has no line that begins with %s", path, start);
    }
}

static void find_hash(const char *name, struct digest *out)
{
    char line[256];
    find_line(name, line, sizeof line);
    assert_int_equal(text_parse_hex(line + strlen(name), out->bytes, DIGEST_SIZE), OK);
}

static void golden_definitions_are_what_the_program_writes(void **state)
{
    struct record_bench *b = *state;
    char line[8192], software[DIGEST_HEX];
    b->config.instrument_count = 1;
    find_line("{\"tally-definitions\":1", line, sizeof line);
    assert_int_equal(bench_define(b, 0), OK);
    // The hash of this test program stands where the document has that of a daemon.
    struct digest program = version_program_hash();
    text_format_hex(program.bytes, DIGEST_SIZE, software);
    char *json = b->definitions->json.data, *here = strstr(json, software);
    assert_non_null(here);
    assert_memory_equal(json, line, (size_t)(here - json));
    memcpy(here, line + (here - json), 2 * DIGEST_SIZE);
    assert_string_equal(json, line);
    struct digest hash, real = digest_of(NULL, 0, line, strlen(line));
    find_hash("definitions: ", &hash);
    assert_memory_equal(&hash, &real, sizeof hash);
}

static void fill_golden(struct block_writer *writer)
{
    static const uint8_t voltage[] = {0x08, 0xfd}, energy[] = {0x00, 0x00, 0x41, 0x48};
    struct reading reading = {.point = 1,
                              .t_us = 1795498776000000,
                              .half_window_us = 420,
                              .raw = voltage,
                              .raw_length = 2,
                              .indication = {.kind = VALUE_DECIMAL, .decimal = {2301, false, -1}},
                              .flags = FLAG_NO_CERTIFICATE};
    block_writer_init(writer);
    block_add_reading(writer, &reading, 88120000);
    reading.point = 3;
    reading.raw = energy;
    reading.raw_length = 4;
    reading.indication = (struct value){.kind = VALUE_FLOAT32, .float32 = 12.5f};
    block_add_reading(writer, &reading, 88120000);
    block_add_miss(writer, 2, 1795498777000000, 89120000, "exception-2");
    block_add_event(writer, 1795498777000000, 89120000, "instrument.refuses", "main-meter",
                    "register 1: ILLEGAL DATA ADDRESS");
}

static void golden_block_is_what_the_program_writes(void **state)
{
    struct record_bench *b = *state;
    char line[8192];
    struct block_writer writer;
    struct block_seal seal = {.origin = ORIGIN,
                              .n = 1,
                              .run = RUN,
                              .mono_us = 97996200,
                              .closed_us = 1795498786120034,
                              .clock = {true, 850, 0}};
    find_hash("previous: ", &seal.previous);
    find_hash("definitions: ", &seal.definitions);
    fill_golden(&writer);
    assert_int_equal(block_seal(&writer, &seal, &b->ledger->bytes), OK);
    find_line("{\"tally\":1,", line, sizeof line);
    assert_string_equal(b->ledger->bytes.data, line);
    struct digest leaf, real = block_leaf(line, strlen(line));
    find_hash("leaf: ", &leaf);
    assert_memory_equal(&leaf, &real, sizeof leaf);
    block_writer_free(&writer);
}

static void golden_block_is_read(void **state)
{
    struct record_bench *b = *state;
    char line[8192];
    struct block_view view = {0};
    find_line("{\"tally\":1,", line, sizeof line);
    assert_int_equal(block_parse(&view, line, strlen(line), &b->ledger->why), OK);
    assert_int_equal(view.reading_count, 2);
    assert_int_equal(view.missed_count, 1);
    assert_int_equal(view.event_count, 1);
    block_view_free(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_setup, record_teardown)
        TEST(golden_definitions_are_what_the_program_writes),
        TEST(golden_block_is_what_the_program_writes),
        TEST(golden_block_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
