// Builds series.db of a ledger and asks it: query DIRECTORY POINT DAYS BINS prints, as JSON, how
// long building took, how many bytes the file has, and how long the question took (cold once, then
// the median of warm ones). What it gives is counted, so that an empty answer shows.

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

static int ask(struct series *series, struct ledger_reader *reader, char **argv,
               struct series_bin *bins, struct why *why, double *ms)
{
    int64_t to_us = clock_wall_us(&clock_system);
    uint64_t first, size;
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    // The span ends with the ledger, which may have been made some days ago: half a second behind
    // it, so that neither end is so near to a reading that its jitter decides.
    if (!ledger_reader_extent(reader, &first, &size, why) && size &&
        !ledger_reader_block(reader, size - 1, &bytes, why) &&
        !block_parse(&view, bytes.data, bytes.length, why)) {
        to_us = view.closed_us + 500000;
    }
    block_view_free(&view);
    text_free(&bytes);
    double start = now_ms();
    int error = series_bins(series, reader, (uint32_t)atoi(argv[2]),
                            to_us - (int64_t)(atof(argv[3]) * 86400e6), to_us, bins,
                            (size_t)atoi(argv[4]), why);
    *ms = now_ms() - start;
    return error;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: query DIRECTORY POINT DAYS BINS\n");
        return 2;
    }
    struct why why = {.text = ""};
    struct ledger_reader *reader;
    struct series *series = NULL;
    size_t count = (size_t)atoi(argv[4]);
    struct series_bin *bins = calloc(count + 1, sizeof *bins);
    double start = now_ms(), cold, warm[TIMES] = {0};
    int error = ledger_reader_open(&reader, argv[1], &why);
    error = error ? error : build(argv[1], reader, &why);
    double build_ms = now_ms() - start;
    error = error ? error : series_open(&series, argv[1], false, &why);
    error = error ? error : ask(series, reader, argv, bins, &why, &cold);
    for (int i = 0; !error && i < TIMES; i++) {
        error = ask(series, reader, argv, bins, &why, &warm[i]);
    }
    if (error) {
        fprintf(stderr, "query: %s: %s\n", error_text(error), why.text);
        return 1;
    }
    qsort(warm, TIMES, sizeof *warm, compare);
    uint64_t readings = 0, filled = 0;
    for (size_t i = 0; i < count; i++) {
        readings += bins[i].count;
        filled += bins[i].count > 0;
    }
    char path[4096];
    struct stat file = {.st_size = 0};
    snprintf(path, sizeof path, "%s/series.db", argv[1]);
    stat(path, &file);
    printf("{\"build_s\": %.2f, \"bytes\": %lld, \"cold_ms\": %.2f, \"warm_ms\": %.2f, "
           "\"worst_ms\": %.2f, \"readings\": %llu, \"filled\": %llu}\n",
           build_ms / 1e3, (long long)file.st_size, cold, warm[TIMES / 2], warm[TIMES - 1],
           (unsigned long long)readings, (unsigned long long)filled);
    series_close(series);
    ledger_reader_close(reader);
    free(bins);
    return 0;
}
