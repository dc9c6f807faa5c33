// A whole stick for tests and benches: a ledger with blocks of known readings, signed by a
// gateway's key, and receipts of centres, recorded in blocks as a gateway records them.
//
// For what runs and ends: any failure says what it was and aborts.
#ifndef TALLY_TESTS_STICK_H
#define TALLY_TESTS_STICK_H

#include "archive/roots.h"
#include "ident/receipt.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#define STICK_ENTRY       310 // the block with an entry
#define STICK_SITE        "91350100M000100Y43"
#define STICK_GATEWAY     "gw-01"
#define STICK_T0_S        INT64_C(1795498000)
#define STICK_BATCH       256
#define STICK_CENTRES_MAX 2

static const char *const stick_centres[STICK_CENTRES_MAX] = {"city-centre", "national"};

struct stick_options {
    const char *directory; // of the ledger
    uint64_t blocks;
    unsigned readings; // a block
    unsigned points;
    int64_t block_us;       // a block takes so long
    unsigned receipt_every; // blocks; 0: none
    unsigned centres;
    uint64_t definitions_change; // from this block on there are others; 0: never
    uint64_t signed_size;        // 0: all
    uint64_t seed;
    uint64_t shift_from, shift_to; // in blocks [shift_from, shift_to) the gateway's clock is wrong
    int64_t shift_us;              // by so much
};

struct stick {
    struct stick_options options;
    struct ledger *ledger;
    struct signing_key *gateway, *centres[STICK_CENTRES_MAX];
    struct roots roots;
    struct digest definitions[2], recovered;
    struct block_writer writer;
    struct text bytes;
    ZSTD_CCtx *zstd;
    uint8_t *packed;
    struct digest previous;
    uint64_t random;
    struct why why;
};

static inline void stick_need(bool good, const struct why *why, const char *what)
{
    if (!good) {
        fprintf(stderr, "stick: %s: %s\n", what, why ? why->text : "");
        abort();
    }
}

static inline uint64_t stick_draw(struct stick *stick)
{
    stick->random ^= stick->random << 13; // xorshift64
    stick->random ^= stick->random >> 7;
    stick->random ^= stick->random << 17;
    return stick->random;
}

static inline void stick_path(const struct stick *stick, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", stick->options.directory, name);
}

// The key in <directory>/<name>.key, made if it is not there; its public half in <name>.pub, as a
// line, and <name>.pem.
static inline struct signing_key *stick_key(struct stick *stick, const char *name,
                                            const char *signer)
{
    char path[512];
    struct signing_key *key;
    struct text line = text_make(1024), pem = text_make(1024);
    stick_path(stick, name, path, sizeof path - 8);
    size_t length = strlen(path);
    strcpy(path + length, ".key");
    int error = signing_key_make(path, &stick->why);
    stick_need(error == OK || error == ERROR_BUSY, &stick->why, "key");
    stick_need(signing_key_load(&key, path, &stick->why) == OK, &stick->why, "key");
    note_key_write(&line, signer, signing_key_public(key));
    public_key_write_pem(signing_key_public(key), &pem);
    for (int i = 0; i < 2; i++) {
        strcpy(path + length, i ? ".pem" : ".pub");
        FILE *file = fopen(path, "w");
        stick_need(file != NULL, NULL, path);
        fprintf(file, i ? "%s" : "%s\n", i ? pem.data : line.data);
        fclose(file);
    }
    text_free(&line);
    text_free(&pem);
    return key;
}

static inline void stick_append_hash(struct text *out, const char *key, const struct digest *hash)
{
    text_append_format(out, "\"%s\":\"", key);
    text_append_hex(out, hash->bytes, DIGEST_SIZE);
    text_append_string(out, "\"");
}

// Definitions of all points, of a driver and a configuration that say `version`.
static inline struct digest stick_put_definitions(struct stick *stick, int version, uint64_t from_n)
{
    struct digest driver, config, files[4];
    char bytes[64];
    struct text json = text_make(16u << 20);
    struct ledger *ledger = stick->ledger;
    int error = OK;
    snprintf(bytes, sizeof bytes, "maker: Tests\nmodel: v%d\n", version);
    error |= ledger_put_file(ledger, "driver", bytes, strlen(bytes), &driver, &stick->why);
    snprintf(bytes, sizeof bytes, "site: {name: Tests, version: %d}\n", version);
    error |= ledger_put_file(ledger, "configuration", bytes, strlen(bytes), &config, &stick->why);
    text_append_string(&json, "{\"tally-definitions\":1,");
    stick_append_hash(&json, "software", &(struct digest){{0}});
    text_append_string(&json, ",");
    stick_append_hash(&json, "config", &config);
    text_append_string(&json, ",\"time_zone\":\"Asia/Shanghai\",\"points\":{");
    for (unsigned i = 1; i <= stick->options.points; i++) {
        char name[64];
        uint32_t number;
        bool fresh;
        struct text definition = text_make(4096);
        snprintf(name, sizeof name, "meter-%u.voltage", i);
        text_append_format(&definition,
                           "{\"instrument\":\"meter-%u\",\"maker\":\"Tests\",\"model\":\"v%d\","
                           "\"serial\":\"%08u\",\"identity\":\"declared\",\"bus\":\"b\","
                           "\"unit_address\":1,",
                           i, version, i);
        stick_append_hash(&definition, "driver", &driver);
        text_append_string(&definition,
                           ",\"quantity\":\"voltage\",\"unit\":\"V\",\"fc\":4,\"address\":0,"
                           "\"count\":2,\"type\":\"float32\",\"order\":\"ABCD\","
                           "\"scale\":\"1\",\"ratio\":\"1\",\"resolution\":null,"
                           "\"every_us\":1000000,\"certificate\":null,"
                           "\"correction\":\"none\"}");
        error |= ledger_point_number(ledger, name, definition.data, &number, &fresh, &stick->why);
        text_append_format(&json, "%s\"%" PRIu32 "\":%s", i == 1 ? "" : ",", number,
                           definition.data);
        text_free(&definition);
    }
    text_append_string(&json, "}}\n");
    files[0] = driver;
    files[1] = config;
    files[3] = stick->recovered;
    error |= ledger_put_file(ledger, "definitions", json.data, json.length, &files[2], &stick->why);
    error |= ledger_put_definitions(ledger, from_n, &files[2], files, 4, &stick->why);
    stick_need(!error, &stick->why, "definitions");
    text_free(&json);
    return files[2];
}

static inline int64_t stick_block_us(const struct stick *stick, uint64_t n)
{
    return STICK_T0_S * 1000000 + (int64_t)n * stick->options.block_us;
}

static inline void stick_add_readings(struct stick *stick, uint64_t n)
{
    const struct stick_options *o = &stick->options;
    bool changed = o->definitions_change && n >= o->definitions_change;
    int64_t step_us = o->block_us / (int64_t)(o->readings + 1);
    int64_t shift_us = n >= o->shift_from && n < o->shift_to ? o->shift_us : 0;
    for (unsigned i = 0; i < o->readings; i++) {
        float value = 230 + (float)(stick_draw(stick) % 1000) / 100;
        uint32_t bits;
        uint8_t raw[4];
        memcpy(&bits, &value, sizeof bits);
        for (int j = 0; j < 4; j++) {
            raw[j] = (uint8_t)(bits >> (24 - 8 * j));
        }
        struct reading reading = {.point = i % o->points + 1 + (changed ? o->points : 0),
                                  .t_us = stick_block_us(stick, n) + (int64_t)(i + 1) * step_us +
                                          shift_us,
                                  .half_window_us = 150,
                                  .raw = raw,
                                  .raw_length = sizeof raw,
                                  .indication = {.kind = VALUE_FLOAT32, .float32 = value},
                                  .flags = FLAG_NO_CERTIFICATE};
        block_add_reading(&stick->writer, &reading,
                          stick_block_us(stick, n) - STICK_T0_S * 1000000);
    }
    if (n % 7 == 3) {
        int64_t t_us = stick_block_us(stick, n) + 1000;
        block_add_miss(&stick->writer, changed ? o->points + 1 : 1, t_us, t_us % 1000000 + 1,
                       "timeout");
    }
}

// The receipt of a centre over the first `size` blocks, as it would be recorded.
static inline void stick_receipt(struct stick *stick, unsigned centre, uint64_t size,
                                 int64_t time_s, struct text *note)
{
    struct receipt receipt = {.time_s = time_s, .nonce = "-"};
    const struct digest *root = roots_at(&stick->roots, size);
    stick_need(root != NULL, NULL, "a root that is no longer known");
    snprintf(receipt.centre, sizeof receipt.centre, "%s", stick_centres[centre]);
    snprintf(receipt.head.origin, sizeof receipt.head.origin, "%s", ledger_origin(stick->ledger));
    receipt.head.size = size;
    receipt.head.root = *root;
    stick_need(receipt_sign(note, &receipt, stick->centres[centre], &stick->why) == OK, &stick->why,
               "receipt");
}

// Block n records that centres held all but the one before it, at its beginning.
static inline void stick_add_receipts(struct stick *stick, uint64_t n)
{
    const struct stick_options *o = &stick->options;
    for (unsigned i = 0; i < o->centres; i++) {
        if (n < 2 || !o->receipt_every || n % o->receipt_every != i % o->receipt_every) {
            continue;
        }
        struct text note = text_make(NOTE_BYTES_MAX);
        int64_t t_us = stick_block_us(stick, n);
        stick_receipt(stick, i, n - 1, t_us / 1000000, &note);
        block_add_event(&stick->writer, t_us, t_us - STICK_T0_S * 1000000, "receipt",
                        stick_centres[i], note.data);
        stick_need(ledger_put_note(stick->ledger, LEDGER_RECEIPT, i ? "second" : "first", n - 1,
                                   note.data, note.length, &stick->why) == OK,
                   &stick->why, "note");
        text_free(&note);
    }
}

static inline void stick_block(struct stick *stick, uint64_t n, struct ledger_block *block,
                               uint8_t *packed, size_t room)
{
    const struct stick_options *o = &stick->options;
    block_writer_clear(&stick->writer);
    stick_add_receipts(stick, n);
    stick_add_readings(stick, n);
    if (n == 0) {
        char hex[DIGEST_HEX];
        text_format_hex(stick->recovered.bytes, DIGEST_SIZE, hex);
        block_add_event(&stick->writer, stick_block_us(stick, 0), 0, "log.recovered", hex,
                        "blocks 7 to 7");
    }
    if (n == STICK_ENTRY) {
        block_add_event(&stick->writer, stick_block_us(stick, n), 0, "job.started", "S-1",
                        "by zhang (user 1000): item \"S-1\", on meter-1, meter-2");
    }
    int64_t closed_us = stick_block_us(stick, n + 1) - 1;
    struct block_seal seal = {
        .origin = ledger_origin(stick->ledger),
        .n = n,
        .previous = stick->previous,
        .run = "00112233445566778899aabbccddeeff",
        .mono_us = closed_us - STICK_T0_S * 1000000,
        .closed_us = closed_us,
        .clock = {.synchronised = true, .error_us = 850},
        .definitions =
            stick->definitions[o->definitions_change && n >= o->definitions_change ? 1 : 0]};
    stick_need(block_seal(&stick->writer, &seal, &stick->bytes) == OK, NULL, "block");
    size_t length =
        ZSTD_compressCCtx(stick->zstd, packed, room, stick->bytes.data, stick->bytes.length, 1);
    stick_need(!ZSTD_isError(length), NULL, "zstd");
    *block = (struct ledger_block){.n = n,
                                   .definitions = seal.definitions,
                                   .leaf = block_leaf(stick->bytes.data, stick->bytes.length),
                                   .t_lo_us = stick->writer.t_lo_us,
                                   .t_hi_us = stick->writer.t_hi_us,
                                   .packed = packed,
                                   .packed_length = length,
                                   .length = stick->bytes.length,
                                   .readings = o->readings,
                                   .has_entry = stick->writer.has_entry};
    stick->previous = block->leaf;
    roots_add(&stick->roots, &block->leaf);
}

// The gateway signs the first `size` blocks.
static inline void stick_sign(struct stick *stick, uint64_t size)
{
    struct checkpoint checkpoint = {.size = size};
    const struct digest *root = roots_at(&stick->roots, size);
    struct text text = text_make(1024), note = text_make(4096);
    stick_need(root != NULL, NULL, "a root that is no longer known");
    checkpoint.root = *root;
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", ledger_origin(stick->ledger));
    checkpoint_write(&text, &checkpoint);
    stick_need(note_sign(&note, text.data, text.length, checkpoint.origin, stick->gateway,
                         &stick->why) == OK,
               &stick->why, "checkpoint");
    stick_need(ledger_put_note(stick->ledger, LEDGER_CHECKPOINT, "", size, note.data, note.length,
                               &stick->why) == OK,
               &stick->why, "checkpoint");
    text_free(&text);
    text_free(&note);
}

static inline void stick_append(struct stick *stick)
{
    size_t room = ZSTD_compressBound(BLOCK_BYTES_MAX);
    struct ledger_block *batch = calloc(STICK_BATCH, sizeof *batch);
    stick->packed = malloc(STICK_BATCH * room);
    stick_need(batch && stick->packed, NULL, "memory");
    for (uint64_t n = stick->roots.edge.size; n < stick->options.blocks;) {
        size_t count = 0;
        while (count < STICK_BATCH && n < stick->options.blocks) {
            stick_block(stick, n++, &batch[count], stick->packed + count * room, room);
            count++;
        }
        stick_need(ledger_append(stick->ledger, batch, count, &stick->why) == OK, &stick->why,
                   "append");
        if (n / 1000000 != (n - count) / 1000000) {
            fprintf(stderr, "stick: %" PRIu64 " blocks\n", n);
        }
    }
    free(batch);
    free(stick->packed);
}

// Takes up a log where another stick_make left it.
static inline void stick_resume(struct stick *stick)
{
    struct ledger_reader *reader;
    stick_need(ledger_reader_open(&reader, stick->options.directory, &stick->why) == OK,
               &stick->why, "open");
    for (uint64_t n = 0; n < ledger_size(stick->ledger); n++) {
        struct digest leaf;
        stick_need(ledger_reader_leaf(reader, n, &leaf, &stick->why) == OK, &stick->why, "leaf");
        roots_add(&stick->roots, &leaf);
    }
    stick->previous = ledger_tip(stick->ledger);
    ledger_reader_close(reader);
}

// Makes it, or goes on with it until it has so many blocks, and leaves it closed.
static inline void stick_make(const struct stick_options *options)
{
    static const char recovered[] = "a block of the log before\n";
    struct stick *stick = calloc(1, sizeof *stick);
    stick_need(stick != NULL, NULL, "memory");
    stick->options = *options;
    stick->random = 88172645463325252u ^ options->seed * 0x9e3779b97f4a7c15u;
    stick->random += !stick->random;
    struct ledger_options how = {.directory = options->directory,
                                 .site_code = STICK_SITE,
                                 .gateway_name = STICK_GATEWAY,
                                 .clock = &clock_system};
    struct ledger_opening opening;
    stick_need(ledger_open(&stick->ledger, &how, &opening, &stick->why) == OK, &stick->why, "open");
    stick->gateway = stick_key(stick, "gateway", ledger_origin(stick->ledger));
    for (unsigned i = 0; i < options->centres; i++) {
        stick->centres[i] = stick_key(stick, stick_centres[i], stick_centres[i]);
    }
    stick->zstd = ZSTD_createCCtx();
    stick->bytes = text_make(BLOCK_BYTES_MAX);
    block_writer_init(&stick->writer);
    roots_begin(&stick->roots);
    stick_need(ledger_put_file(stick->ledger, "recovered", recovered, sizeof recovered - 1,
                               &stick->recovered, &stick->why) == OK,
               &stick->why, "file");
    stick->definitions[0] = stick_put_definitions(stick, 1, 0);
    if (options->definitions_change) {
        stick->definitions[1] = stick_put_definitions(stick, 2, options->definitions_change);
    }
    if (ledger_size(stick->ledger)) {
        stick_resume(stick);
    }
    stick_append(stick);
    stick_sign(stick, options->signed_size ? options->signed_size : options->blocks);
    stick_need(ledger_settle(stick->ledger, true, &stick->why) == OK, &stick->why, "settle");
    ledger_close(stick->ledger);
    signing_key_free(stick->gateway);
    for (unsigned i = 0; i < options->centres; i++) {
        signing_key_free(stick->centres[i]);
    }
    block_writer_free(&stick->writer);
    text_free(&stick->bytes);
    ZSTD_freeCCtx(stick->zstd);
    free(stick);
}

#endif
