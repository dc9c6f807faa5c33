// What a ledger holds, for the bench's accounts: ledger_total DIRECTORY EVERY_US [FROM_US TO_US]
// prints, as JSON, blocks, readings, misses, and how far polls began from multiples of EVERY_US
// (their start: time less half window), for those within [FROM_US, TO_US).

#include "base/clock.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_US 20
#define BUCKETS   100000 // 2 s

struct total {
    int64_t every_us, from_us, to_us;
    uint64_t readings, missed, in_span, missed_in_span;
    uint32_t shift[BUCKETS];
};

static void add_block(struct total *total, const struct block_view *view)
{
    total->readings += view->reading_count;
    total->missed += view->missed_count;
    for (size_t i = 0; i < view->missed_count; i++) {
        int64_t t = view->missed[i].t_us;
        total->missed_in_span += t >= total->from_us && t < total->to_us;
    }
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (reading->t_us < total->from_us || reading->t_us >= total->to_us) {
            continue;
        }
        total->in_span++;
        int64_t shift = (reading->t_us - reading->half_window_us) % total->every_us;
        shift = shift > total->every_us - 1000 ? 0 : shift; // begun a whisker early
        shift /= BUCKET_US;
        total->shift[shift < BUCKETS ? shift : BUCKETS - 1]++;
    }
}

static double share_ms(const struct total *total, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += total->shift[i];
        if (seen && (double)seen >= share * (double)total->in_span) {
            return (double)(i + 1) * BUCKET_US / 1e3;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: ledger_total DIRECTORY EVERY_US [FROM_US TO_US]\n");
        return 2;
    }
    struct why why = {.text = ""};
    struct ledger_reader *reader = NULL;
    struct total *total = calloc(1, sizeof *total);
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    uint64_t first = 0, size = 0;
    total->every_us = strtoll(argv[2], NULL, 10);
    total->from_us = argc == 5 ? strtoll(argv[3], NULL, 10) : INT64_MIN;
    total->to_us = argc == 5 ? strtoll(argv[4], NULL, 10) : INT64_MAX;
    int error = ledger_reader_open(&reader, argv[1], &why);
    error = error ? error : ledger_reader_extent(reader, &first, &size, &why);
    for (uint64_t n = first; !error && n < size; n++) {
        error = ledger_reader_block(reader, n, &bytes, &why);
        error = error ? error : block_parse(&view, bytes.data, bytes.length, &why);
        if (!error) {
            add_block(total, &view);
        }
    }
    if (error) {
        fprintf(stderr, "ledger_total: %s: %s\n", error_text(error), why.text);
        return 1;
    }
    printf("{\"first\": %llu, \"size\": %llu, \"readings\": %llu, \"missed\": %llu, \"in_span\": "
           "%llu, \"missed_in_span\": %llu, \"shift_p50_ms\": %.3f, \"shift_p99_ms\": %.3f}\n",
           (unsigned long long)first, (unsigned long long)size, (unsigned long long)total->readings,
           (unsigned long long)total->missed, (unsigned long long)total->in_span,
           (unsigned long long)total->missed_in_span, share_ms(total, 0.5), share_ms(total, 0.99));
    block_view_free(&view);
    text_free(&bytes);
    ledger_reader_close(reader);
    free(total);
    return 0;
}
