// What the tests of the ledger share: a folder of their own, blocks made to measure, a clock that
// stands where it is put.
#ifndef TALLY_TESTS_LEDGER_BENCH_H
#define TALLY_TESTS_LEDGER_BENCH_H

#include "ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#define SITE    "91350100M000100Y43"
#define GATEWAY "gw-01"
#define RUN     "0123456789abcdef0123456789abcdef"
#define T0_US   INT64_C(1795498776000000)
#define DAY_US  (INT64_C(86400) * 1000000)

struct fake_clock {
    struct clock clock;
    _Atomic int64_t wall_us, mono_us; // tests move them while threads read them
    _Atomic bool synchronised;
    _Atomic int leap;
    _Atomic int64_t error_us;
};

struct ledger_bench {
    char directory[64];
    struct fake_clock clock;
    struct ledger_options options;
    struct ledger_opening opening;
    struct ledger *ledger;
    struct ledger_reader *reader;
    char run[33];
    struct digest previous;
    struct text bytes;
    struct why why;
};

static inline int64_t fake_wall(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->wall_us;
}

static inline int64_t fake_mono(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->mono_us;
}

static inline void fake_state(const struct clock *clock, struct clock_state *state)
{
    const struct fake_clock *fake = (const struct fake_clock *)clock;
    *state = (struct clock_state){fake->synchronised, fake->error_us, fake->leap};
}

static inline int bench_setup(void **state)
{
    struct ledger_bench *b = calloc(1, sizeof *b);
    const char *base = getenv("TMPDIR");
    snprintf(b->directory, sizeof b->directory, "%.30s/tally-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(b->directory));
    b->clock =
        (struct fake_clock){{fake_wall, fake_mono, fake_state}, T0_US, 1000000, true, 0, 100};
    b->options = (struct ledger_options){.directory = b->directory,
                                         .site_code = SITE,
                                         .gateway_name = GATEWAY,
                                         .clock = &b->clock.clock};
    snprintf(b->run, sizeof b->run, "%s", RUN);
    b->bytes = text_make(BLOCK_BYTES_MAX);
    *state = b;
    return 0;
}

static inline void bench_close(struct ledger_bench *b)
{
    ledger_reader_close(b->reader);
    ledger_close(b->ledger);
    b->reader = NULL;
    b->ledger = NULL;
}

static inline int bench_teardown(void **state)
{
    struct ledger_bench *b = *state;
    char command[128];
    bench_close(b);
    snprintf(command, sizeof command, "rm -rf '%s'", b->directory);
    int result = system(command);
    text_free(&b->bytes);
    free(b);
    return result;
}

static inline void bench_open(struct ledger_bench *b)
{
    int error = ledger_open(&b->ledger, &b->options, &b->opening, &b->why);
    if (error) {
        fail_msg("ledger_open: %s", b->why.text);
    }
    if (ledger_size(b->ledger) > 0) {
        b->previous = ledger_tip(b->ledger);
    }
}

static inline void bench_read(struct ledger_bench *b)
{
    ledger_reader_close(b->reader);
    b->reader = NULL;
    if (ledger_reader_open(&b->reader, b->directory, &b->why) != OK) {
        fail_msg("ledger_reader_open: %s", b->why.text);
    }
}

// Block n with `readings` readings from t_us on, one a second, whose values depend on n alone.
static inline void bench_make_block(struct ledger_bench *b, uint64_t n, int64_t t_us, int readings,
                                    struct text *out, struct ledger_block *block)
{
    struct block_writer writer;
    block_writer_init(&writer);
    for (int i = 0; i < readings; i++) {
        uint32_t noise = (uint32_t)(n * 2654435761u) ^ ((uint32_t)i * 40503u * 977u);
        uint8_t raw[4] = {(uint8_t)(noise >> 24), (uint8_t)(noise >> 16), (uint8_t)(noise >> 8),
                          (uint8_t)noise};
        struct reading reading = {
            .point = 1 + (uint32_t)i,
            .t_us = t_us + i * 1000000,
            .half_window_us = 400,
            .raw = raw,
            .raw_length = 4,
            .indication = {.kind = VALUE_DECIMAL, .decimal = {noise >> 8, false, -3}},
            .flags = FLAG_NO_CERTIFICATE};
        block_add_reading(&writer, &reading, b->clock.mono_us);
    }
    struct block_seal seal = {.origin = ledger_origin(b->ledger),
                              .n = n,
                              .previous = b->previous,
                              .run = b->run,
                              .mono_us = b->clock.mono_us,
                              .closed_us = t_us,
                              .clock = {true, 100, 0}};
    assert_int_equal(block_seal(&writer, &seal, out), OK);
    *block = (struct ledger_block){.n = n,
                                   .leaf = block_leaf(out->data, out->length),
                                   .t_lo_us = writer.t_lo_us,
                                   .t_hi_us = writer.t_hi_us,
                                   .length = out->length,
                                   .readings = (uint32_t)readings};
    b->previous = block->leaf;
    block_writer_free(&writer);
}

// Packs into `room` (at least ZSTD_compressBound(BLOCK_BYTES_MAX) bytes).
static inline void bench_pack(const struct text *bytes, struct ledger_block *block, void *room)
{
    block->packed_length =
        ZSTD_compress(room, ZSTD_compressBound(BLOCK_BYTES_MAX), bytes->data, bytes->length, 1);
    block->packed = room;
}

static inline int bench_append_at(struct ledger_bench *b, int64_t t_us, int readings)
{
    struct ledger_block block;
    struct digest before = b->previous;
    void *room = malloc(ZSTD_compressBound(BLOCK_BYTES_MAX));
    bench_make_block(b, ledger_size(b->ledger), t_us, readings, &b->bytes, &block);
    bench_pack(&b->bytes, &block, room);
    int error = ledger_append(b->ledger, &block, 1, &b->why);
    free(room);
    if (error) {
        b->previous = before;
    }
    return error;
}

static inline void bench_append(struct ledger_bench *b, int blocks)
{
    for (int i = 0; i < blocks; i++) {
        uint64_t n = ledger_size(b->ledger);
        if (bench_append_at(b, T0_US + (int64_t)n * 10000000, 3) != OK) {
            fail_msg("block %llu: %s", (unsigned long long)n, b->why.text);
        }
    }
}

#endif
