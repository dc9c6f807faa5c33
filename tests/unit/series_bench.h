// What the tests of the series share: a real ledger in a folder of its own, a history for it with
// everything that a clock and a bus do, and all that went into it.
#ifndef TALLY_TESTS_SERIES_BENCH_H
#define TALLY_TESTS_SERIES_BENCH_H

#include "base/error.h"
#include "base/log.h"
#include "ledger/ledger.h"
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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define START_US INT64_C(1795478400000000)

static uint64_t seed;

static inline uint32_t draw(uint32_t below)
{
    seed ^= seed << 13; // xorshift64
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

// A reading, or a miss.
struct kept {
    uint32_t point;
    int64_t t_us;
    double value;  // NaN: none
    char json[96]; // the indication as the block has it
    uint32_t flags;
    bool missed;
    uint64_t n; // of the block
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

static inline void open_ledger(struct place *place)
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

static inline int setup(void **state)
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

static inline void remove_folder(const char *path)
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

static inline int teardown(void **state)
{
    struct place *place = *state;
    ledger_close(place->ledger);
    block_writer_free(&place->writer);
    remove_folder(place->directory);
    free(place->kept);
    free(place);
    return 0;
}

static inline void close_block(struct place *place)
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
                                 .readings = (uint32_t)place->writer.count};
    block.packed_length = ZSTD_compress(packed, room, bytes.data, bytes.length, 3);
    struct why why;
    assert_int_equal(ledger_append(place->ledger, &block, 1, &why), OK);
    place->previous = block.leaf;
    block_writer_clear(&place->writer);
    place->in_block = 0;
    free(packed);
    text_free(&bytes);
}

static inline void keep(struct place *place, const struct kept *kept)
{
    if (place->count == place->capacity) {
        place->capacity = place->capacity * 2 + 1024;
        place->kept = realloc(place->kept, place->capacity * sizeof *place->kept);
    }
    place->kept[place->count] = *kept;
    place->kept[place->count++].n = ledger_size(place->ledger);
    if (++place->in_block >= place->block_readings) {
        close_block(place);
    }
}

static inline void add(struct place *place, uint32_t point, int64_t t_us, struct value value)
{
    static const uint8_t raw[4] = {0x33, 0x33, 0x41, 0xbb};
    struct reading reading = {.point = point,
                              .t_us = t_us,
                              .half_window_us = 400,
                              .raw = raw,
                              .raw_length = sizeof raw,
                              .indication = value,
                              .flags = value.kind == VALUE_NONE ? FLAG_INSTRUMENT_FAULT : 0};
    reading.flags |= draw(100) == 0 ? FLAG_LIMIT_EXCEEDED : 0;
    block_add_reading(&place->writer, &reading, 1000);
    struct text json = text_make(256);
    value_append_json(&json, &value);
    double number = json.data[0] == 'n' ? NAN : strtod(json.data + (json.data[0] == '"'), NULL);
    if (value.kind == VALUE_STRING) {
        number = NAN;
    }
    struct kept kept = {.point = point, .t_us = t_us, .value = number, .flags = reading.flags};
    snprintf(kept.json, sizeof kept.json, "%s", json.data);
    text_free(&json);
    keep(place, &kept);
}

static inline void add_miss(struct place *place, uint32_t point, int64_t t_us)
{
    block_add_miss(&place->writer, point, t_us, 1000, "timeout");
    keep(place, &(struct kept){.point = point, .t_us = t_us, .missed = true});
}

// Points 1 and 2: float32 near 230; 3: a counter with two decimals; 4: doubles of any size; 5: big
// integers; 6: now and then no number, or a word.
static inline struct value value_of(uint32_t point, size_t i)
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
static inline void record_history(struct place *place, size_t rounds)
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
            } else {
                add_miss(place, point, place->t_us);
            }
        }
    }
    if (place->in_block) {
        close_block(place);
    }
}

static inline struct ledger_reader *reader_of(struct place *place)
{
    struct ledger_reader *reader;
    struct why why;
    assert_int_equal(ledger_reader_open(&reader, place->directory, &why), OK);
    return reader;
}

static inline struct series *series_of(struct place *place, bool writable)
{
    struct series *series;
    struct why why;
    assert_int_equal(series_open(&series, place->directory, writable, &why), OK);
    return series;
}

// Takes everything in; a flush after each `step` blocks, 0: none.
static inline void build(struct place *place, uint64_t step)
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

static inline void path_of(const struct place *place, char path[128])
{
    snprintf(path, 128, "%s/series.db", place->directory);
}

static inline struct shelf_state state_of(struct place *place)
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

// Lets the daemon's builder run until it has written a step, at most 30 s. What the file says then.
static inline struct shelf_state run_builder(struct place *place)
{
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
    series_builder_stop(builder);
    return now;
}

// Random bytes over `count` places from `from` on.
static inline void damage(struct place *place, long from, int count)
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

#endif
