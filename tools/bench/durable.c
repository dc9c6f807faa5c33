// How many readings a second become durable, from samples as a bus worker pushes them, against a
// bare SQLite append of the same compressed bytes: WAL, synchronous FULL, one block a commit.
//
// durable CONFIG DRIVERS SECONDS. The configuration says the blocks' size; its data folder is used,
// and a file bare.db in it. Prints JSON.

#include "base/clock.h"
#include "bus/plan.h"
#include "record/recorder.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define QUEUE_BYTES (4u << 20)
#define BLOBS_MAX   20000

struct bench {
    struct config *config;
    struct ledger *ledger;
    struct calibrations *calibrations;
    struct definitions *definitions;
    struct alarms *alarms;
    struct sample_queue *queue;
    struct recorder *recorder;
    struct plan **plans;
};

static double now_s(void)
{
    return (double)clock_mono_us(&clock_system) / 1e6;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int start(struct bench *bench, const char *path, const char *drivers, struct why *why)
{
    struct faults faults = {0};
    if (config_load(&bench->config, path, drivers, &faults)) {
        return why_set(why, ERROR_INPUT, "%s", faults.count ? faults.lines[0] : path);
    }
    struct ledger_options options = {.directory = bench->config->gateway.data,
                                     .site_code = bench->config->site.code,
                                     .gateway_name = bench->config->gateway.name,
                                     .clock = &clock_system};
    static const struct shelf no_certificates;
    struct ledger_opening opening;
    int error = ledger_open(&bench->ledger, &options, &opening, why);
    error = error ? error
                  : calibrations_make(&bench->calibrations, bench->config, &no_certificates,
                                      &faults, why);
    error = error ? error
                  : definitions_make(&bench->definitions, bench->config, bench->calibrations,
                                     bench->ledger, ledger_size(bench->ledger), why);
    error = error ? error : sample_queue_make(&bench->queue, QUEUE_BYTES);
    error = error ? error
                  : alarms_make(&bench->alarms, bench->config, bench->definitions, NULL,
                                clock_mono_us(&clock_system), why);
    bench->plans = calloc(bench->config->instrument_count, sizeof(struct plan *));
    for (size_t i = 0; !error && i < bench->config->instrument_count; i++) {
        error = plan_make(&bench->plans[i], &bench->config->instruments[i], why);
    }
    struct recorder_options recorder = {.config = bench->config,
                                        .definitions = bench->definitions,
                                        .calibrations = bench->calibrations,
                                        .ledger = bench->ledger,
                                        .queue = bench->queue,
                                        .clock = &clock_system,
                                        .alarms = bench->alarms};
    return error ? error : recorder_start(&bench->recorder, &recorder, why);
}

// Every request of every instrument once, with noise in the registers.
static uint64_t push_round(struct bench *bench, uint64_t round)
{
    uint64_t readings = 0;
    for (size_t i = 0; i < bench->config->instrument_count; i++) {
        const struct plan *plan = bench->plans[i];
        for (size_t k = 0; k < plan->request_count; k++) {
            const struct request *request = plan->requests[k];
            uint8_t payload[2 * REQUEST_REGISTERS_MAX];
            for (size_t r = 0; r < request->count; r++) {
                uint32_t noise = (uint32_t)((round * 125 + r + i * 31) * 2654435761u) >> 25;
                payload[2 * r] = (uint8_t)((2300 + noise) >> 8);
                payload[2 * r + 1] = (uint8_t)(2300 + noise);
            }
            struct sample sample = {.kind = SAMPLE_REGISTERS,
                                    .instrument = (uint32_t)i,
                                    .bus = (uint32_t)bench->config->instruments[i].bus,
                                    .request = request,
                                    .t_us = clock_wall_us(&clock_system),
                                    .half_window_us = 120,
                                    .mono_us = clock_mono_us(&clock_system),
                                    .length = 2u * request->count};
            if (sample_queue_push(bench->queue, &sample, payload, false)) {
                return readings;
            }
            readings += request->slot_count;
        }
    }
    return readings;
}

struct blob {
    struct text bytes;
    uint32_t readings;
};

// The same bytes, bare. Blocks beyond BLOBS_MAX are appended again from the first.
static int append_bare(const struct blob *blobs, size_t count, const char *directory, int page_size,
                       double seconds, double *rate, double *cpu)
{
    char path[4096], sql[256];
    sqlite3 *db;
    sqlite3_stmt *insert;
    snprintf(path, sizeof path, "%s/bare.db", directory);
    snprintf(sql, sizeof sql,
             "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "CREATE TABLE block (n INTEGER PRIMARY KEY, bytes BLOB)",
             page_size);
    if (sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL) ||
        sqlite3_prepare_v2(db, "INSERT INTO block (bytes) VALUES (?)", -1, &insert, NULL)) {
        fprintf(stderr, "durable: %s\n", sqlite3_errmsg(db));
        return ERROR_SYSTEM;
    }
    uint64_t readings = 0;
    double begun = now_s(), used = cpu_s();
    for (size_t i = 0; now_s() - begun < seconds; i = (i + 1) % count) {
        sqlite3_bind_blob(insert, 1, blobs[i].bytes.data, (int)blobs[i].bytes.length,
                          SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            fprintf(stderr, "durable: %s\n", sqlite3_errmsg(db));
            return ERROR_SYSTEM;
        }
        sqlite3_reset(insert);
        readings += blobs[i].readings;
    }
    *rate = (double)readings / (now_s() - begun);
    *cpu = (cpu_s() - used) / (double)readings;
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return OK;
}

static int load_blobs(const char *directory, struct blob *blobs, size_t *count, struct why *why)
{
    struct ledger_reader *reader;
    uint64_t first, size;
    int error = ledger_reader_open(&reader, directory, why);
    error = error ? error : ledger_reader_extent(reader, &first, &size, why);
    *count = 0;
    for (uint64_t n = first; !error && n < size && *count < BLOBS_MAX; n++) {
        struct blob *blob = &blobs[*count];
        blob->bytes = text_make(BLOCK_BYTES_MAX);
        error = ledger_reader_packed(reader, n, &blob->bytes, why);
        blob->readings = ledger_reader_readings(reader);
        *count += blob->readings > 0;
    }
    if (!error) {
        ledger_reader_close(reader);
    }
    return error || *count ? error : ERROR_ABSENT;
}

static int page_size_of(const char *directory)
{
    char path[4096];
    uint8_t head[18] = {0};
    snprintf(path, sizeof path, "%s/ledger.db", directory);
    FILE *file = fopen(path, "rb");
    if (file) {
        if (fread(head, 1, sizeof head, file) != sizeof head) {
            memset(head, 0, sizeof head);
        }
        fclose(file);
    }
    int size = head[16] << 8 | head[17]; // SQLite's file format, §1.3.2
    return size >= 512 ? size : 4096;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: durable CONFIG DRIVERS SECONDS\n");
        return 2;
    }
    struct bench bench = {.config = NULL};
    struct why why = {.text = ""};
    double seconds = atof(argv[3]), bare_rate = 0, bare_cpu = 0;
    int error = start(&bench, argv[1], argv[2], &why);
    if (error) {
        fprintf(stderr, "durable: %s: %s\n", error_text(error), why.text);
        return 1;
    }
    uint64_t readings = 0;
    double begun = now_s(), used = cpu_s();
    for (uint64_t round = 0; now_s() - begun < seconds; round++) {
        readings += push_round(&bench, round);
    }
    sample_queue_close(bench.queue);
    recorder_stop(bench.recorder); // returns when all is durable
    double rate = (double)readings / (now_s() - begun);
    double cpu = (cpu_s() - used) / (double)readings;
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", bench.config->gateway.data);
    uint64_t blocks = ledger_size(bench.ledger);
    ledger_close(bench.ledger);
    struct blob *blobs = calloc(BLOBS_MAX, sizeof *blobs);
    size_t count = 0;
    error = load_blobs(directory, blobs, &count, &why);
    error = error ? error
                  : append_bare(blobs, count, directory, page_size_of(directory), seconds,
                                &bare_rate, &bare_cpu);
    if (error) {
        fprintf(stderr, "durable: %s: %s\n", error_text(error), why.text);
        return 1;
    }
    printf(
        "{\"readings\": %llu, \"blocks\": %llu, \"rate\": %.0f, \"cpu_us\": %.3f, \"bare_rate\": "
        "%.0f, \"bare_cpu_us\": %.3f}\n",
        (unsigned long long)readings, (unsigned long long)blocks, rate, cpu * 1e6, bare_rate,
        bare_cpu * 1e6);
    return 0;
}
