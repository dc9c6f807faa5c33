// Makes a ledger of any size for the bench, through the ledger's own writer: points near 230 that
// wander, at a regular pace. make_ledger DIRECTORY SITE GATEWAY BLOCKS READINGS POINTS EVERY_US
// [UPLINK | --registers]: with UPLINK, all of it counts as acknowledged by the uplink of that name;
// with --registers the points are those of meters, meter-1.energy and on, of a site in Shanghai,
// and count hundredths of a kWh.

#include "base/clock.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define BATCH 256

struct making {
    struct ledger *ledger;
    struct block_writer writer;
    struct digest previous, definitions;
    ZSTD_CCtx *zstd;
    uint64_t readings, points, n, serial;
    int64_t t_us, every_us;
    float *values;
    bool registers;
    uint64_t *counts; // of registers
    uint64_t seed;
};

static double draw(struct making *making)
{
    making->seed ^= making->seed << 13; // xorshift64
    making->seed ^= making->seed >> 7;
    making->seed ^= making->seed << 17;
    return (double)(making->seed >> 11) / (double)(1ull << 53) - 0.5;
}

static void add_reading(struct making *making)
{
    uint32_t point = (uint32_t)(making->serial % making->points);
    if (point == 0) {
        making->t_us += making->every_us;
    }
    float *value = &making->values[point];
    uint8_t raw[4];
    uint32_t bits;
    struct value indication = {.kind = VALUE_FLOAT32};
    if (making->registers) {
        making->counts[point] += (uint64_t)((draw(making) + 0.5) * 40);
        indication =
            (struct value){.kind = VALUE_DECIMAL, .decimal = {making->counts[point], false, -2}};
        bits = (uint32_t)making->counts[point];
    } else {
        *value += (float)(draw(making) * 0.2 + (230 - (double)*value) * 0.01);
        indication.float32 = *value;
        memcpy(&bits, value, sizeof bits);
    }
    for (int i = 0; i < 4; i++) {
        raw[i] = (uint8_t)(bits >> (24 - 8 * i));
    }
    int64_t jitter = (int64_t)(making->t_us / making->every_us * 2654435761u % 301) - 150;
    struct reading reading = {.point = point + 1,
                              .t_us = making->t_us + jitter,
                              .half_window_us = 150 + jitter / 2,
                              .raw = raw,
                              .raw_length = sizeof raw,
                              .indication = indication};
    block_add_reading(&making->writer, &reading, reading.t_us - 1000000);
    making->serial++;
}

static int make_block(struct making *making, struct ledger_block *block, struct text *bytes,
                      void *packed, size_t room)
{
    block_writer_clear(&making->writer);
    for (uint64_t i = 0; i < making->readings; i++) {
        add_reading(making);
    }
    struct block_seal seal = {.origin = ledger_origin(making->ledger),
                              .n = making->n,
                              .previous = making->previous,
                              .run = "00112233445566778899aabbccddeeff",
                              .mono_us = making->t_us - 1000000,
                              .closed_us = making->t_us,
                              .clock = {.synchronised = true, .error_us = 850},
                              .definitions = making->definitions};
    int error = block_seal(&making->writer, &seal, bytes);
    if (error) {
        return error;
    }
    size_t length = ZSTD_compressCCtx(making->zstd, packed, room, bytes->data, bytes->length, 1);
    if (ZSTD_isError(length)) {
        return ERROR_RANGE;
    }
    *block = (struct ledger_block){.n = making->n++,
                                   .definitions = making->definitions,
                                   .leaf = block_leaf(bytes->data, bytes->length),
                                   .t_lo_us = making->writer.t_lo_us,
                                   .t_hi_us = making->writer.t_hi_us,
                                   .packed = packed,
                                   .packed_length = length,
                                   .length = bytes->length,
                                   .readings = (uint32_t)making->readings};
    making->previous = block->leaf;
    return OK;
}

static int make_blocks(struct making *making, uint64_t blocks, struct why *why)
{
    size_t room = ZSTD_compressBound(BLOCK_BYTES_MAX);
    uint8_t *packed = malloc(BATCH * room);
    struct ledger_block *batch = calloc(BATCH, sizeof *batch);
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    int error = packed && batch ? OK : ERROR_MEMORY;
    for (uint64_t done = 0; !error && done < blocks;) {
        size_t count = blocks - done < BATCH ? (size_t)(blocks - done) : BATCH;
        for (size_t i = 0; !error && i < count; i++) {
            error = make_block(making, &batch[i], &bytes, packed + i * room, room);
        }
        error = error ? error : ledger_append(making->ledger, batch, count, why);
        done += count;
        if (done / 100000 != (done - count) / 100000) {
            fprintf(stderr, "make_ledger: %llu blocks\n", (unsigned long long)done);
        }
    }
    text_free(&bytes);
    free(batch);
    free(packed);
    return error;
}

static int add_meter(struct making *making, uint64_t i, struct text *out, struct why *why)
{
    char name[64], definition[512];
    uint32_t number;
    bool fresh;
    snprintf(name, sizeof name, "meter-%llu.energy", (unsigned long long)i + 1);
    snprintf(definition, sizeof definition,
             "{\"instrument\":\"meter-%llu\",\"serial\":\"%llu\",\"quantity\":\"energy\","
             "\"unit\":\"kWh\",\"every_us\":%lld}",
             (unsigned long long)i + 1, (unsigned long long)i + 1, (long long)making->every_us);
    int error = ledger_point_number(making->ledger, name, definition, &number, &fresh, why);
    text_append_format(out, "%s\"%u\":%s", i ? "," : "", number, definition);
    return error             ? error
           : number == i + 1 ? OK
                             : why_set(why, ERROR_INPUT, "the ledger holds other points already");
}

// The definitions file that an uplink sends before the first block: of points that are no
// registers it tells nothing.
static int put_definitions(struct making *making, struct why *why)
{
    struct text bytes = text_make(16u << 20);
    int error = OK;
    text_append_string(&bytes,
                       "{\"tally-definitions\":1,\"time_zone\":\"Asia/Shanghai\",\"points\":{");
    for (uint64_t i = 0; making->registers && !error && i < making->points; i++) {
        error = add_meter(making, i, &bytes, why);
    }
    text_append_string(&bytes, "}}\n");
    error = error ? error
                  : ledger_put_file(making->ledger, "definitions", bytes.data, bytes.length,
                                    &making->definitions, why);
    text_free(&bytes);
    return error ? error
                 : ledger_put_definitions(making->ledger, making->n, &making->definitions,
                                          &making->definitions, 1, why);
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 9) {
        fprintf(stderr, "usage: make_ledger DIRECTORY SITE GATEWAY BLOCKS READINGS POINTS "
                        "EVERY_US [UPLINK | --registers]\n");
        return 2;
    }
    struct making making = {.readings = strtoull(argv[5], NULL, 10),
                            .points = strtoull(argv[6], NULL, 10),
                            .every_us = strtoll(argv[7], NULL, 10),
                            .zstd = ZSTD_createCCtx(),
                            .seed = 88172645463325252u};
    uint64_t blocks = strtoull(argv[4], NULL, 10);
    struct ledger_options options = {.directory = argv[1],
                                     .site_code = argv[2],
                                     .gateway_name = argv[3],
                                     .clock = &clock_system};
    struct ledger_opening opening;
    struct why why = {.text = ""};
    int error = making.points && making.readings && making.every_us ? OK : ERROR_INPUT;
    error = error ? error : ledger_open(&making.ledger, &options, &opening, &why);
    if (!error) {
        making.registers = argc == 9 && strcmp(argv[8], "--registers") == 0;
        making.values = malloc(making.points * sizeof *making.values);
        making.counts = calloc(making.points, sizeof *making.counts);
        for (uint64_t i = 0; i < making.points; i++) {
            making.values[i] = 230;
        }
        making.n = ledger_size(making.ledger);
        making.previous = ledger_tip(making.ledger);
        making.t_us = clock_wall_us(&clock_system) -
                      (int64_t)(blocks * making.readings / making.points) * making.every_us;
        block_writer_init(&making.writer);
        error = put_definitions(&making, &why);
        error = error ? error : make_blocks(&making, blocks, &why);
        if (!error && argc == 9 && !making.registers) {
            error = ledger_declare_uplink(making.ledger, argv[8], false, &why);
            ledger_note_cursor(making.ledger, argv[8], ledger_size(making.ledger));
        }
        block_writer_free(&making.writer);
        ledger_close(making.ledger);
    }
    if (error) {
        fprintf(stderr, "make_ledger: %s: %s\n", error_text(error), why.text);
    }
    ZSTD_freeCCtx(making.zstd);
    free(making.values);
    free(making.counts);
    return error ? 1 : 0;
}
