// ingest LEDGER FOLDER EVERY BLOCKS [packed]: how many readings a second the testing centre takes
// in, without the broker: blocks of the signed LEDGER (make_stick) through its intake into its
// store, a checkpoint and a receipt every so many; against a bare SQLite append of the same bytes,
// as they come, in 4 KB pages, WAL, synchronous FULL, as many blocks a commit. Blocks come as they
// are, or packed. Each is done twice, in turn, into FOLDER. Prints JSON.
#include "../tally-centre/intake.h"
#include "../tally-centre/store_ledger.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS    2
#define FILES_MAX 64
#define CENTRE    "city-centre"

struct source {
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct signing_key *gateway, *centre;
    struct text *blocks, *packed, *checkpoints; // checkpoints[i] covers (i + 1) * every blocks
    struct digest files[FILES_MAX];
    struct text contents[FILES_MAX];
    size_t file_count, count, every;
    uint64_t readings;
};

struct result {
    double wall_s, cpu_s;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void need(bool good, const char *what, const struct why *why)
{
    if (!good) {
        fprintf(stderr, "ingest: %s: %s\n", what, why ? why->text : "");
        exit(1);
    }
}

static struct signing_key *key_of(const char *ledger, const char *name)
{
    char path[4096];
    struct signing_key *key;
    struct why why = {""};
    snprintf(path, sizeof path, "%s/%s.key", ledger, name);
    need(signing_key_load(&key, path, &why) == OK, path, &why);
    return key;
}

static void sign(struct source *source, struct ledger_reader *reader, size_t size)
{
    struct checkpoint checkpoint = {.size = size};
    struct text text = text_make(NOTE_BYTES_MAX);
    struct text *note = &source->checkpoints[size / source->every - 1];
    struct why why = {""};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", source->origin);
    *note = text_make(NOTE_BYTES_MAX);
    need(ledger_reader_root(reader, size, &checkpoint.root, &why) == OK, "root", &why);
    checkpoint_write(&text, &checkpoint);
    need(note_sign(note, text.data, text.length, source->origin, source->gateway, &why) == OK,
         "checkpoint", &why);
    text_free(&text);
}

static void load(struct source *source, const char *ledger)
{
    struct ledger_reader *reader;
    struct digest definitions;
    struct why why = {""};
    source->gateway = key_of(ledger, "gateway");
    source->centre = key_of(ledger, CENTRE);
    source->blocks = calloc(source->count, sizeof *source->blocks);
    source->packed = calloc(source->count, sizeof *source->packed);
    source->checkpoints = calloc(source->count / source->every, sizeof *source->checkpoints);
    need(source->blocks && source->packed && source->checkpoints, "out of memory", NULL);
    need(ledger_reader_open(&reader, ledger, &why) == OK, ledger, &why);
    snprintf(source->origin, sizeof source->origin, "%s", ledger_reader_origin(reader));
    need(ledger_reader_definitions(reader, 0, &definitions, source->files, FILES_MAX,
                                   &source->file_count, &why) == OK,
         "definitions", &why);
    for (size_t i = 0; i < source->file_count; i++) {
        source->contents[i] = text_make(16u << 20);
        need(ledger_reader_file(reader, &source->files[i], &source->contents[i], &why) == OK,
             "file", &why);
    }
    for (size_t n = 0; n < source->count; n++) {
        source->blocks[n] = text_make(BLOCK_BYTES_MAX);
        source->packed[n] = text_make(BLOCK_BYTES_MAX);
        need(ledger_reader_block(reader, n, &source->blocks[n], &why) == OK &&
                 ledger_reader_packed(reader, n, &source->packed[n], &why) == OK,
             "block", &why);
        source->readings += ledger_reader_readings(reader);
        if ((n + 1) % source->every == 0) {
            sign(source, reader, n + 1);
        }
    }
    ledger_reader_close(reader);
}

// --- the centre ---------------------------------------------------------------------------------

static void on_fault(void *context, struct intake_log *log, enum fault fault, const char *text)
{
    (void)context;
    (void)log;
    fprintf(stderr, "ingest: %s: %s\n", fault_name(fault), text);
    exit(1);
}

static void on_moved(void *context, struct intake_log *log)
{
    (void)context;
    (void)log;
}

// As answer.c does for an accepted log.
static void receipt(const struct source *source, struct intake *intake, struct intake_log *log)
{
    struct receipt receipt = {.time_s = time(NULL), .nonce = "-"};
    struct text note = text_make(NOTE_BYTES_MAX);
    struct why why = {""};
    snprintf(receipt.centre, sizeof receipt.centre, "%s", CENTRE);
    snprintf(receipt.head.origin, sizeof receipt.head.origin, "%s", log->origin);
    receipt.head.size = log->head.frontier.size;
    receipt.head.root = frontier_root(&log->head.frontier);
    need(receipt_sign(&note, &receipt, source->centre, &why) == OK, "receipt", &why);
    need(intake_keep_notes(intake, log, CENTRE, &note, &why) == OK, "notes", &why);
    text_free(&note);
}

static void take_all(const struct source *source, struct intake *intake, struct intake_log *log,
                     bool packed)
{
    for (size_t n = 0; n < source->count; n++) {
        const struct text *block = packed ? &source->packed[n] : &source->blocks[n];
        intake_block(intake, log, block->data, block->length, packed, (int64_t)n + 1);
        if ((n + 1) % source->every == 0) {
            const struct text *note = &source->checkpoints[n / source->every];
            intake_checkpoint(intake, log, note->data, note->length, (int64_t)n + 1);
            receipt(source, intake, log);
        }
    }
}

static void run_centre(const struct source *source, const char *folder, bool packed,
                       struct result *result)
{
    const struct intake_limits limits = {.log_bytes = 32u << 20, .all_bytes = 512u << 20};
    const struct intake_hooks hooks = {.fault = on_fault, .moved = on_moved};
    struct store_ledger *ledgers;
    struct intake intake;
    struct intake_log log = {.pinned = true, .key_count = 1, .size_limit = INT64_MAX};
    struct why why = {""};
    need(store_ledger_open(&ledgers, folder, 64, &clock_system, &why) == OK, folder, &why);
    struct store store = store_ledger_calls(ledgers);
    need(intake_open(&intake, &limits, &store, &hooks) == OK, "out of memory", NULL);
    snprintf(log.origin, sizeof log.origin, "%s", source->origin);
    log.keys[0] = *signing_key_public(source->gateway);
    intake_add(&intake, &log);
    for (size_t i = 0; i < source->file_count; i++) {
        need(store.put_file(store.context, log.origin, "file", source->contents[i].data,
                            source->contents[i].length, &why) == OK,
             "file", &why);
    }
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    take_all(source, &intake, &log, packed);
    result->wall_s += seconds(CLOCK_MONOTONIC) - wall;
    result->cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    need(log.head.receipted == source->count && log.readings == source->readings,
         "not all was receipted", NULL);
    intake_remove(&intake, &log);
    intake_close(&intake);
    store_ledger_close(ledgers);
}

// --- bare ---------------------------------------------------------------------------------------

static void bare_need(int code, int good, sqlite3 *db)
{
    struct why why;
    snprintf(why.text, sizeof why.text, "%s", sqlite3_errmsg(db));
    need(code == good, "bare", &why);
}

static void run_bare(const struct source *source, const char *path, bool packed,
                     struct result *result)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    bare_need(sqlite3_open(path, &db), SQLITE_OK, db);
    bare_need(sqlite3_exec(db,
                           "PRAGMA page_size=4096;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                           "CREATE TABLE blocks(n INTEGER PRIMARY KEY,bytes BLOB)",
                           NULL, NULL, NULL),
              SQLITE_OK, db);
    bare_need(sqlite3_prepare_v2(db, "INSERT INTO blocks(bytes) VALUES(?)", -1, &insert, NULL),
              SQLITE_OK, db);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t n = 0; n < source->count; n++) {
        if (n % source->every == 0) {
            bare_need(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK, db);
        }
        const struct text *block = packed ? &source->packed[n] : &source->blocks[n];
        sqlite3_bind_blob(insert, 1, block->data, (int)block->length, SQLITE_STATIC);
        bare_need(sqlite3_step(insert), SQLITE_DONE, db);
        sqlite3_reset(insert);
        if ((n + 1) % source->every == 0) {
            bare_need(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK, db);
        }
    }
    result->wall_s += seconds(CLOCK_MONOTONIC) - wall;
    result->cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    struct source source = {.count = 0};
    struct result centre = {0}, bare = {0};
    if (argc < 5) {
        fputs("usage: ingest LEDGER FOLDER EVERY BLOCKS [packed]\n", stderr);
        return 2;
    }
    source.every = strtoul(argv[3], NULL, 10);
    source.count = strtoul(argv[4], NULL, 10);
    need(source.every > 0 && source.count >= source.every, "too few blocks", NULL);
    source.count -= source.count % source.every;
    load(&source, argv[1]);
    for (int i = 0; i < ROUNDS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/centre-%d", argv[2], i);
        run_centre(&source, path, argc > 5, &centre);
        snprintf(path, sizeof path, "%s/bare-%d.db", argv[2], i);
        run_bare(&source, path, argc > 5, &bare);
    }
    double readings = (double)source.readings * ROUNDS;
    printf("{\"rate\": %.0f, \"cpu_us\": %.3f, \"bare_rate\": %.0f, \"bare_cpu_us\": %.3f}\n",
           readings / centre.wall_s, centre.cpu_s / readings * 1e6, readings / bare.wall_s,
           bare.cpu_s / readings * 1e6);
    return 0;
}
