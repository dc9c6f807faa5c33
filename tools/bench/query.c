// Builds series.db of a ledger and asks it: query DIRECTORY POINT DAYS BINS prints, as JSON, how
// long building took, how many bytes the file has, and how long the questions took, for so many
// bins and for the roll-ups of all quarters of an hour (cold once, then the median of warm ones).
// What they give is counted, so that an empty answer shows.

#include "series/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define TIMES 21

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int build(const char *directory, struct ledger_reader *reader, struct why *why)
{
    struct series *series;
    int error = series_open(&series, directory, true, why);
    for (bool more = true; !error && more;) {
        error = series_update(series, reader, 1000, &more, why);
    }
    if (!error) {
        series_close(series);
    }
    return error;
}

// The span ends with the ledger, which may have been made some days ago; between two readings, so
// that their jitter moves none across its edge.
static int64_t find_end(struct ledger_reader *reader)
{
    int64_t to_us = clock_wall_us(&clock_system);
    uint64_t first, size;
    struct why why;
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    if (!ledger_reader_extent(reader, &first, &size, &why) && size &&
        !ledger_reader_block(reader, size - 1, &bytes, &why) &&
        !block_parse(&view, bytes.data, bytes.length, &why)) {
        to_us = view.closed_us + 500000;
    }
    block_view_free(&view);
    text_free(&bytes);
    return to_us;
}

struct question {
    struct series *series;
    struct ledger_reader *reader;
    uint32_t point;
    int64_t from_us, to_us;
    struct series_bin *bins;
    size_t bin_count;
    struct rollup *rollups; // of the quarters of an hour that lie in [from, to) whole
    size_t rollup_count;
};

static int ask_bins(struct question *q, struct why *why)
{
    return series_bins(q->series, q->reader, q->point, q->from_us, q->to_us, q->bins, q->bin_count,
                       why);
}

static int ask_rollups(struct question *q, struct why *why)
{
    return series_rollups(q->series, q->reader, q->point, rollup_quarter_of(q->from_us - 1) + 1,
                          q->rollups, q->rollup_count, why);
}

struct times {
    double cold, median, worst; // ms
};

// Once, then TIMES more.
static int measure(struct question *q, int (*ask)(struct question *, struct why *),
                   struct times *times, struct why *why)
{
    double warm[TIMES] = {0}, start = now_ms();
    int error = ask(q, why);
    times->cold = now_ms() - start;
    for (int i = 0; !error && i < TIMES; i++) {
        start = now_ms();
        error = ask(q, why);
        warm[i] = now_ms() - start;
    }
    qsort(warm, TIMES, sizeof *warm, compare);
    times->median = warm[TIMES / 2];
    times->worst = warm[TIMES - 1];
    return error;
}

static void print_answer(const struct question *q, const char *directory, double build_ms,
                         const struct times *bins, const struct times *rollups)
{
    uint64_t readings = 0, filled = 0, rolled = 0;
    for (size_t i = 0; i < q->bin_count; i++) {
        readings += q->bins[i].count;
        filled += q->bins[i].count > 0;
    }
    for (size_t i = 0; i < q->rollup_count; i++) {
        rolled += q->rollups[i].count;
    }
    char path[4096];
    struct stat file = {.st_size = 0};
    snprintf(path, sizeof path, "%s/series.db", directory);
    stat(path, &file);
    printf("{\"build_s\": %.2f, \"bytes\": %lld, \"cold_ms\": %.2f, \"warm_ms\": %.2f, "
           "\"worst_ms\": %.2f, \"readings\": %llu, \"filled\": %llu, \"quarters\": %zu, "
           "\"quarters_readings\": %llu, \"quarters_cold_ms\": %.2f, \"quarters_warm_ms\": %.2f}\n",
           build_ms / 1e3, (long long)file.st_size, bins->cold, bins->median, bins->worst,
           (unsigned long long)readings, (unsigned long long)filled, q->rollup_count,
           (unsigned long long)rolled, rollups->cold, rollups->median);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: query DIRECTORY POINT DAYS BINS\n");
        return 2;
    }
    struct why why = {.text = ""};
    struct question q = {.point = (uint32_t)atoi(argv[2]), .bin_count = (size_t)atoi(argv[4])};
    struct times bins = {0}, rollups = {0};
    double start = now_ms();
    int error = ledger_reader_open(&q.reader, argv[1], &why);
    error = error ? error : build(argv[1], q.reader, &why);
    double build_ms = now_ms() - start;
    error = error ? error : series_open(&q.series, argv[1], false, &why);
    if (!error) {
        q.to_us = find_end(q.reader);
        q.from_us = q.to_us - (int64_t)(atof(argv[3]) * 86400e6);
        q.rollup_count =
            (size_t)(rollup_quarter_of(q.to_us) - rollup_quarter_of(q.from_us - 1)) - 1;
        q.bins = calloc(q.bin_count + 1, sizeof *q.bins);
        q.rollups = calloc(q.rollup_count + 1, sizeof *q.rollups);
        error = measure(&q, ask_bins, &bins, &why);
    }
    error = error ? error : measure(&q, ask_rollups, &rollups, &why);
    if (error) {
        fprintf(stderr, "query: %s: %s\n", error_text(error), why.text);
        return 1;
    }
    print_answer(&q, argv[1], build_ms, &bins, &rollups);
    series_close(q.series);
    ledger_reader_close(q.reader);
    free(q.bins);
    free(q.rollups);
    return 0;
}
