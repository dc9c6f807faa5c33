// Series against a brute-force count over the same readings, through a real ledger.

#include "base/error.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "series/gather.h"
#include "series/segment.h"
#include "series/series.h"
#include "series/shelf.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define START_US INT64_C(1795478400000000)

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13; // xorshift64
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

struct kept {
    uint32_t point;
    int64_t t_us;
    double value; // NaN: none
};

// A ledger in a folder of its own, and all that went into it.
struct place {
    char directory[64];
    struct ledger *ledger;
    struct block_writer writer;
    struct digest previous;
    struct kept *kept;
    size_t count, capacity, in_block, block_readings;
    int64_t t_us;
};

static void open_ledger(struct place *place)
{
    struct ledger_options options = {.directory = place->directory,
                                     .site_code = "91350100M000100Y43",
                                     .gateway_name = "gw-01",
                                     .clock = &clock_system};
    struct ledger_opening opening;
    struct why why;
    int error = ledger_open(&place->ledger, &options, &opening, &why);
    if (error) {
        print_error("%s\n", why.text);
    }
    assert_int_equal(error, OK);
    place->previous = ledger_tip(place->ledger);
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->directory, sizeof place->directory, "/tmp/tally-series-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    open_ledger(place);
    block_writer_init(&place->writer);
    place->t_us = START_US;
    place->block_readings = 200;
    const char *given = getenv("SEED");
    seed =
        given ? strtoull(given, NULL, 10) : (uint64_t)getpid() * 2654435761u + 88172645463325252u;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    *state = place;
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char name[512];
        struct stat file;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && !lstat(name, &file)) {
            S_ISDIR(file.st_mode) ? remove_folder(name) : (void)unlink(name);
        }
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

static int teardown(void **state)
{
    struct place *place = *state;
    ledger_close(place->ledger);
    block_writer_free(&place->writer);
    remove_folder(place->directory);
    free(place->kept);
    free(place);
    return 0;
}

static void close_block(struct place *place)
{
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_seal seal = {.origin = ledger_origin(place->ledger),
                              .n = ledger_size(place->ledger),
                              .previous = place->previous,
                              .run = "00112233445566778899aabbccddeeff",
                              .mono_us = 1000,
                              .closed_us = place->t_us,
                              .clock = {.synchronised = true, .error_us = 10}};
    assert_int_equal(block_seal(&place->writer, &seal, &bytes), OK);
    size_t room = ZSTD_compressBound(bytes.length);
    void *packed = malloc(room);
    struct ledger_block block = {.n = seal.n,
                                 .leaf = block_leaf(bytes.data, bytes.length),
                                 .t_lo_us = place->writer.t_lo_us,
                                 .t_hi_us = place->writer.t_hi_us,
                                 .packed = packed,
                                 .length = bytes.length,
                                 .readings = (uint32_t)place->in_block};
    block.packed_length = ZSTD_compress(packed, room, bytes.data, bytes.length, 3);
    struct why why;
    assert_int_equal(ledger_append(place->ledger, &block, 1, &why), OK);
    place->previous = block.leaf;
    block_writer_clear(&place->writer);
    place->in_block = 0;
    free(packed);
    text_free(&bytes);
}

static void add(struct place *place, uint32_t point, int64_t t_us, struct value value)
{
    static const uint8_t raw[4] = {0x33, 0x33, 0x41, 0xbb};
    struct reading reading = {.point = point,
                              .t_us = t_us,
                              .half_window_us = 400,
                              .raw = raw,
                              .raw_length = sizeof raw,
                              .indication = value,
                              .flags = value.kind == VALUE_NONE ? FLAG_INSTRUMENT_FAULT : 0};
    block_add_reading(&place->writer, &reading, 1000);
    if (place->count == place->capacity) {
        place->capacity = place->capacity * 2 + 1024;
        place->kept = realloc(place->kept, place->capacity * sizeof *place->kept);
    }
    struct text json = text_make(256);
    value_append_json(&json, &value);
    double number = json.data[0] == 'n' ? NAN : strtod(json.data + (json.data[0] == '"'), NULL);
    if (value.kind == VALUE_STRING) {
        number = NAN;
    }
    text_free(&json);
    place->kept[place->count++] = (struct kept){.point = point, .t_us = t_us, .value = number};
    if (++place->in_block >= place->block_readings) {
        close_block(place);
    }
}

// Points 1 and 2: float32 near 230; 3: a counter with two decimals; 4: doubles of any size; 5: big
// integers; 6: now and then no number, or a word.
static struct value value_of(uint32_t point, size_t i)
{
    double noise = (double)draw(100000) / 1e5 - 0.5;
    switch (point) {
    case 1:
    case 2: return (struct value){.kind = VALUE_FLOAT32, .float32 = (float)(230 + 3 * noise)};
    case 3:
        return (struct value){.kind = VALUE_DECIMAL,
                              .decimal = {.magnitude = 1000000 + i * 3, .exponent = -2}};
    case 4: return (struct value){.kind = VALUE_FLOAT64, .float64 = noise * pow(10, draw(40))};
    case 5:
        return (struct value){.kind = VALUE_DECIMAL,
                              .decimal = {.magnitude = UINT64_C(12345678901234567) + i * 12345}};
    default:
        if (draw(3)) {
            return (struct value){.kind = VALUE_FLOAT32, .float32 = (float)(noise * 1e-3)};
        }
        return draw(2) ? (struct value){.kind = VALUE_NONE}
                       : (struct value){.kind = VALUE_STRING, .string = "fault"};
    }
}

// `rounds` of all points about every second, with late polls, gaps of hours, and clock steps to and
// fro.
static void record_history(struct place *place, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        place->t_us += 1000000 + draw(200);
        if (draw(500) == 0) {
            place->t_us += (int64_t)draw(7200) * 1000000;
        }
        if (draw(700) == 0) {
            place->t_us -= (int64_t)draw(3600) * 1000000;
        }
        for (uint32_t point = 1; point <= 6; point++) {
            if (draw(200)) {
                add(place, point, place->t_us + (point > 3 ? draw(3000) : 0), value_of(point, i));
            }
        }
    }
    if (place->in_block) {
        close_block(place);
    }
}

static struct ledger_reader *reader_of(struct place *place)
{
    struct ledger_reader *reader;
    struct why why;
    assert_int_equal(ledger_reader_open(&reader, place->directory, &why), OK);
    return reader;
}

static struct series *series_of(struct place *place, bool writable)
{
    struct series *series;
    struct why why;
    assert_int_equal(series_open(&series, place->directory, writable, &why), OK);
    return series;
}

// Takes everything in; a flush after each `step` blocks, 0: none.
static void build(struct place *place, uint64_t step)
{
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    bool more = true;
    while (more) {
        int error = series_update(series, reader, step ? step : 100, &more, &why);
        if (error) {
            print_error("%s\n", why.text);
        }
        assert_int_equal(error, OK);
        if (step) {
            assert_int_equal(series_flush(series, &why), OK);
        }
    }
    ledger_reader_close(reader);
    series_close(series);
}

static void count_by_force(const struct place *place, uint32_t point, int64_t from_us,
                           int64_t to_us, struct series_bin *bins, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        bins[b] = (struct series_bin){.minimum = INFINITY, .maximum = -INFINITY};
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct kept *kept = &place->kept[i];
        if (kept->point != point || kept->t_us < from_us || kept->t_us >= to_us) {
            continue;
        }
        long double share = (long double)(kept->t_us - from_us) * (long double)count /
                            (long double)(to_us - from_us);
        struct series_bin *bin = &bins[(size_t)share];
        if (isnan(kept->value)) {
            bin->none++;
            continue;
        }
        bin->count++;
        bin->minimum = fmin(bin->minimum, kept->value);
        bin->maximum = fmax(bin->maximum, kept->value);
    }
}

static void assert_same(const struct series_bin *got, const struct series_bin *want, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        assert_int_equal(got[b].count, want[b].count);
        assert_int_equal(got[b].none, want[b].none);
        if (want[b].count) {
            assert_true(got[b].minimum == want[b].minimum);
            assert_true(got[b].maximum == want[b].maximum);
        } else {
            assert_true(isnan(got[b].minimum) && isnan(got[b].maximum));
        }
    }
}

static void assert_true_to_ledger(struct place *place, int questions)
{
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    struct series_bin got[300], want[300];
    struct why why;
    int64_t span = 1000000;
    for (size_t i = 0; i < place->count; i++) {
        span = place->kept[i].t_us - START_US > span ? place->kept[i].t_us - START_US : span;
    }
    for (int i = 0; i < questions; i++) {
        uint32_t point = 1 + draw(6);
        size_t count = 1 + draw(300);
        int64_t from_us = START_US - 5000000 + (int64_t)(span * (double)draw(1000) / 1000);
        int64_t to_us = from_us + 1000 + (int64_t)(span * 1.1 * (double)draw(1000) / 1000);
        int error = series_bins(series, reader, point, from_us, to_us, got, count, &why);
        if (error) {
            print_error("%s\n", why.text);
        }
        assert_int_equal(error, OK);
        count_by_force(place, point, from_us, to_us, want, count);
        assert_same(got, want, count);
    }
    ledger_reader_close(reader);
    series_close(series);
}

static void path_of(const struct place *place, char path[128])
{
    snprintf(path, 128, "%s/series.db", place->directory);
}

static struct shelf_state state_of(struct place *place)
{
    char path[128];
    struct shelf *shelf;
    struct shelf_state state;
    struct why why;
    path_of(place, path);
    assert_int_equal(shelf_open(&shelf, path, false, &why), OK);
    assert_int_equal(shelf_get_state(shelf, &state), OK);
    shelf_close(shelf);
    return state;
}

static void series_agree_with_blocks_when_nothing_is_built(void **state)
{
    struct place *place = *state;
    record_history(place, 300);
    assert_true_to_ledger(place, 20);
}

static void series_agree_with_blocks_within_one_step(void **state)
{
    struct place *place = *state;
    record_history(place, 7000); // more than a step's 32,000 readings: the rest is the tail
    build(place, 0);
    struct shelf_state shelf = state_of(place);
    assert_int_equal(shelf.next_step, 1);
    assert_true(shelf.next_n < ledger_size(place->ledger));
    assert_true_to_ledger(place, 60);
}

static void series_agree_with_blocks_over_many_stretches(void **state)
{
    struct place *place = *state;
    record_history(place, 5000);
    build(place, 2); // 150 blocks, 75 steps: two stretches and some steps
    assert_int_equal(state_of(place).next_stretch, 2);
    record_history(place, 100); // and a tail
    assert_true_to_ledger(place, 60);
}

static void series_are_the_same_when_deleted_and_rebuilt(void **state)
{
    struct place *place = *state;
    record_history(place, 3000);
    build(place, 3);
    char path[128];
    path_of(place, path);
    shelf_delete(path);
    assert_int_not_equal(access(path, F_OK), 0);
    build(place, 5);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_true_to_ledger(place, 40);
}

static void series_go_on_when_the_file_vanishes_under_the_builder(void **state)
{
    struct place *place = *state;
    record_history(place, 500);
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    bool more;
    char path[128];
    path_of(place, path);
    assert_int_equal(series_update(series, reader, 1000, &more, &why), OK);
    assert_int_equal(series_flush(series, &why), OK);
    shelf_delete(path);
    assert_int_equal(series_update(series, reader, 1000, &more, &why), OK);
    assert_int_equal(series_flush(series, &why), OK);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    ledger_reader_close(reader);
    series_close(series);
    assert_true_to_ledger(place, 20);
}

// Random bytes over `count` places from `from` on.
static void damage(struct place *place, long from, int count)
{
    char path[128];
    path_of(place, path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    struct stat now;
    assert_int_equal(fstat(file, &now), 0);
    for (int i = 0; i < count; i++) {
        uint8_t bytes[64];
        for (size_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = (uint8_t)draw(256);
        }
        off_t at = from + (from < now.st_size ? (off_t)draw((uint32_t)(now.st_size - from)) : 0);
        assert_int_equal(pwrite(file, bytes, sizeof bytes, at), sizeof bytes);
    }
    close(file);
}

static void series_replace_a_file_that_is_no_database(void **state)
{
    struct place *place = *state;
    record_history(place, 1000);
    build(place, 3);
    damage(place, 0, 2000);
    assert_true_to_ledger(place, 10); // a reader goes to the blocks
    char path[128];
    path_of(place, path);
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, "SQLite format 4, or something", 29), 29);
    close(file);
    build(place, 3);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_true_to_ledger(place, 20);
}

static void series_never_give_damaged_segments_as_true(void **state)
{
    struct place *place = *state;
    record_history(place, 2000);
    for (int i = 0; i < 5; i++) {
        char path[128];
        path_of(place, path);
        shelf_delete(path);
        build(place, 2);
        damage(place, 4096, 12);
        assert_true_to_ledger(place, 10);
    }
}

static void series_begin_anew_with_another_log(void **state)
{
    struct place *place = *state;
    record_history(place, 1000);
    build(place, 4);
    struct shelf_state before = state_of(place);
    ledger_close(place->ledger);
    char path[128], aside[128];
    path_of(place, path);
    snprintf(aside, sizeof aside, "%s.db", place->directory);
    assert_int_equal(rename(path, aside), 0);
    remove_folder(place->directory); // another ledger beside the old series
    assert_int_equal(mkdir(place->directory, 0750), 0);
    assert_int_equal(rename(aside, path), 0);
    open_ledger(place);
    block_writer_clear(&place->writer);
    place->count = place->in_block = 0;
    record_history(place, 1200);
    assert_true_to_ledger(place, 10); // the old file is passed over
    build(place, 4);
    struct shelf_state after = state_of(place);
    assert_string_not_equal(before.origin, after.origin);
    assert_string_equal(after.origin, ledger_origin(place->ledger));
    assert_true_to_ledger(place, 20);
}

static void series_refuse_a_question_without_an_answer(void **state)
{
    struct place *place = *state;
    record_history(place, 10);
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    struct series_bin bin;
    struct why why;
    assert_int_equal(series_bins(series, reader, 1, 5, 5, &bin, 1, &why), ERROR_INPUT);
    assert_int_equal(series_bins(series, reader, 1, 5, 6, &bin, 0, &why), ERROR_RANGE);
    assert_int_equal(series_bins(series, reader, 1, 5, 6, &bin, SERIES_BINS_MAX + 1, &why),
                     ERROR_RANGE);
    assert_int_equal(series_bins(series, reader, 1, INT64_MIN, INT64_MAX, &bin, 1, &why),
                     ERROR_INPUT);
    ledger_reader_close(reader);
    series_close(series);
}

static void builder_takes_in_what_is_recorded_and_stops(void **state)
{
    struct place *place = *state;
    record_history(place, 7000);
    struct series_builder *builder;
    struct why why;
    assert_int_equal(series_builder_start(&builder, place->directory, 10000, &why), OK);
    char path[128];
    path_of(place, path);
    struct shelf_state now = {.next_step = 0};
    for (int i = 0; i < 3000 && !now.next_step; i++) { // at most 30 s
        usleep(10000);
        struct shelf *shelf;
        if (!access(path, F_OK) && !shelf_open(&shelf, path, false, &why)) {
            shelf_get_state(shelf, &now);
            shelf_close(shelf);
        }
    }
    assert_int_equal(now.next_step, 1);
    series_builder_stop(builder);
    series_builder_stop(NULL);
    assert_true_to_ledger(place, 20);
}

static void number_is_the_double_that_strtod_gives(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",     "-5",      "23.4",    "230.14871", "1e-30",
        "1e22",  "1e23",    "0.001",   "-0.1",      "9007199254740993",
        "1.5e9", "123e-22", "1.7e308", "4.9e-324",  "999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double number = number_to_double(number_parse(texts[i], strlen(texts[i])));
        assert_true(number == strtod(texts[i], NULL));
    }
    static const char *const none[] = {"null",      "\"\"",  "\"fault\"", "\"inf\"", "\"0x10\"",
                                       "\"1.2.3\"", "\"-\"", "\"12 \"",   "1e999",   "\"1e\""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(number_parse(none[i], strlen(none[i])).kind, NUMBER_NONE);
    }
    double quoted = number_to_double(number_parse("\"12345678901234567\"", 19));
    assert_true(quoted == 12345678901234567.0);
}

static void segment_gives_back_what_went_in(void **state)
{
    (void)state;
    static struct segment segment;
    for (int round = 0; round < 300; round++) {
        size_t length = 1 + draw(SEGMENT_READINGS_MAX);
        int64_t t_us[SEGMENT_READINGS_MAX];
        struct number numbers[SEGMENT_READINGS_MAX];
        unsigned kinds = draw(4);
        for (size_t i = 0; i < length; i++) {
            t_us[i] = (int64_t)((uint64_t)draw(UINT32_MAX) << draw(33));
            numbers[i] = (struct number){.kind = NUMBER_DECIMAL,
                                         .exponent = -(int)draw(kinds ? 23 : 2),
                                         .mantissa = draw(UINT32_MAX) - (int64_t)INT32_MAX};
            if (kinds > 1 && draw(4) == 0) {
                numbers[i] = (struct number){.kind = NUMBER_NONE};
            } else if (kinds > 2 && draw(4) == 0) {
                numbers[i] = (struct number){.kind = NUMBER_DOUBLE, .real = 1e200 / (1 + i)};
            }
        }
        struct text times = text_make(SEGMENT_BYTES_MAX), bytes = text_make(SEGMENT_BYTES_MAX);
        struct segment_head head;
        segment_encode_times(t_us, length, &times);
        segment_encode(t_us, numbers, length, &times, 0, &head, &bytes);
        assert_false(bytes.failed);
        assert_int_equal(segment_read(bytes.data, bytes.length, &segment), OK);
        assert_int_equal(segment.length, length);
        for (size_t i = 0; i < length; i++) {
            double want = number_to_double(numbers[i]);
            assert_int_equal(segment.t_us[i], t_us[i]);
            assert_true(segment.values[i] == want || (isnan(want) && isnan(segment.values[i])));
        }
        for (int i = 0; i < 20; i++) { // damaged, also with a check that holds
            size_t at = draw((uint32_t)bytes.length);
            bytes.data[at] = (char)(bytes.data[at] ^ (1 + draw(255)));
            assert_int_equal(segment_check(bytes.data, bytes.length), ERROR_DAMAGED);
            segment_seal(&bytes);
            segment_read(bytes.data, draw((uint32_t)bytes.length + 1), &segment);
            segment_read(bytes.data, bytes.length, &segment);
        }
        text_free(&times);
        text_free(&bytes);
    }
}

static void gather_gives_back_what_went_in_by_point(void **state)
{
    (void)state;
    enum { POINTS = 500, EACH = 40 };
    struct gather *gather;
    static int64_t t_us[POINTS][EACH];
    static struct number numbers[POINTS][EACH];
    assert_int_equal(gather_make(&gather), OK);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < EACH; i++) {
            for (uint32_t p = 0; p < POINTS; p++) {
                t_us[p][i] = draw(20) ? START_US + i * 1000000 + draw(99)
                                      : (int64_t)((uint64_t)draw(UINT32_MAX) << 32);
                numbers[p][i] = (struct number){.kind = (enum number_kind)draw(3)};
                if (numbers[p][i].kind == NUMBER_DOUBLE) {
                    numbers[p][i].real = draw(1000) * 1e100;
                } else if (numbers[p][i].kind == NUMBER_DECIMAL) {
                    numbers[p][i].exponent = (int)draw(45) - 22;
                    numbers[p][i].mantissa =
                        (draw(2) ? 1 : -1) * ((int64_t)draw(UINT32_MAX) << draw(22));
                }
                assert_int_equal(gather_add(gather, p * 7 + 1, t_us[p][i], numbers[p][i]), OK);
            }
        }
        assert_int_equal(gather_readings(gather), POINTS * EACH);
        size_t cursor = 0, length;
        uint32_t point;
        const int64_t *times;
        const struct number *got;
        for (uint32_t p = 0; p < POINTS; p++) {
            assert_int_equal(gather_take(gather, &cursor, &point, &times, &got, &length), 1);
            assert_int_equal(point, p * 7 + 1);
            assert_int_equal(length, EACH);
            assert_memory_equal(times, t_us[p], sizeof t_us[p]);
            for (int i = 0; i < EACH; i++) {
                double want = number_to_double(numbers[p][i]), is = number_to_double(got[i]);
                assert_true(is == want || (isnan(is) && isnan(want)));
            }
        }
        assert_int_equal(gather_take(gather, &cursor, &point, &times, &got, &length), 0);
        gather_clear(gather);
    }
    gather_free(gather);
}

// What malloc has given out. 0 under the sanitizers, which have an allocator of their own.
static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// docs/BENCH.md holds the whole daemon to 16 MiB with 2000 points.
static void series_of_2000_points_wait_in_little_memory(void **state)
{
    struct place *place = *state;
    place->block_readings = BLOCK_READINGS_MAX;
    for (size_t i = 0; i < 90; i++) {
        place->t_us += 1000000;
        for (uint32_t point = 1; point <= 2000; point++) {
            add(place, point, place->t_us + draw(8000), value_of(4, i)); // doubles pack worst
        }
    }
    struct ledger_reader *reader = reader_of(place);
    size_t before = heap_bytes(), most = before;
    struct series *series = series_of(place, true);
    struct why why;
    for (bool more = true; more;) {
        assert_int_equal(series_update(series, reader, 1, &more, &why), OK);
        most = heap_bytes() > most ? heap_bytes() : most;
    }
    assert_in_range(most - before, 0, 9u << 18);
    series_close(series);
    ledger_reader_close(reader);
    assert_true_to_ledger(place, 20);
}

int main(void)
{
#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_the_double_that_strtod_gives),
        WITH_LEDGER(segment_gives_back_what_went_in),
        WITH_LEDGER(gather_gives_back_what_went_in_by_point),
        WITH_LEDGER(series_agree_with_blocks_when_nothing_is_built),
        WITH_LEDGER(series_agree_with_blocks_within_one_step),
        WITH_LEDGER(series_agree_with_blocks_over_many_stretches),
        WITH_LEDGER(series_of_2000_points_wait_in_little_memory),
        WITH_LEDGER(series_are_the_same_when_deleted_and_rebuilt),
        WITH_LEDGER(series_go_on_when_the_file_vanishes_under_the_builder),
        WITH_LEDGER(series_replace_a_file_that_is_no_database),
        WITH_LEDGER(series_never_give_damaged_segments_as_true),
        WITH_LEDGER(series_begin_anew_with_another_log),
        WITH_LEDGER(series_refuse_a_question_without_an_answer),
        WITH_LEDGER(builder_takes_in_what_is_recorded_and_stops),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
