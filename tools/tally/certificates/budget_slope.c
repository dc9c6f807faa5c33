#include "certificates/budget_slope.h"

#include "ledger/block.h"
#include "ledger/ledger.h"
#include "series/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US      INT64_C(3600000000)
#define APART_US     INT64_C(60000000) // nearer ones would show a digit's step as a slope
#define READINGS_MAX 4096
#define BLOCKS_MAX   1024
#define NUMBERS_MAX  256

struct seen {
    int64_t t_us;
    double number;
};

struct reading_back {
    uint32_t numbers[NUMBERS_MAX];
    size_t number_count, count;
    struct seen seen[READINGS_MAX];
    struct budget_slope *slope;
};

static bool is_of(const struct reading_back *back, uint32_t number)
{
    for (size_t i = 0; i < back->number_count; i++) {
        if (back->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// False: there is enough.
static bool take_block(struct reading_back *back, const struct block_view *view)
{
    struct budget_slope *slope = back->slope;
    for (size_t i = view->reading_count; i-- > 0;) {
        const struct block_reading *reading = &view->readings[i];
        double number =
            is_of(back, reading->point)
                ? number_to_double(number_parse(reading->indication, reading->indication_length))
                : NAN;
        if (isnan(number)) {
            continue;
        }
        if (back->count == READINGS_MAX ||
            (back->count && reading->t_us < back->seen[0].t_us - HOUR_US)) {
            return false;
        }
        back->seen[back->count++] = (struct seen){reading->t_us, number};
        slope->half_window_us = greater(slope->half_window_us, reading->half_window_us);
        slope->clock_error_us = greater(slope->clock_error_us, view->clock.error_us);
    }
    return true;
}

static void read_back(struct reading_back *back, struct ledger_reader *reader)
{
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {0};
    uint64_t first, size;
    if (ledger_reader_extent(reader, &first, &size, NULL) == OK) {
        uint64_t least = size > first + BLOCKS_MAX ? size - BLOCKS_MAX : first;
        while (size-- > least && ledger_reader_block(reader, size, &bytes, NULL) == OK &&
               block_parse(&view, bytes.data, bytes.length, NULL) == OK &&
               take_block(back, &view)) {
        }
    }
    block_view_free(&view);
    text_free(&bytes);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct seen *)a)->t_us, y = ((const struct seen *)b)->t_us;
    return (x > y) - (x < y);
}

// Of each reading and the first one a minute later, or more.
static double steepest(const struct seen *seen, size_t count)
{
    double greatest = NAN;
    for (size_t from = 0, to = 1; to < count; from++) {
        while (to < count && seen[to].t_us - seen[from].t_us < APART_US) {
            to++;
        }
        if (to < count) {
            double seconds = (double)(seen[to].t_us - seen[from].t_us) / 1e6;
            greatest = fmax(greatest, fabs(seen[to].number - seen[from].number) / seconds);
        }
    }
    return greatest;
}

static void look(struct reading_back *back, struct ledger_reader *reader, const char *point)
{
    struct budget_slope *slope = back->slope;
    if (ledger_reader_point_numbers(reader, point, back->numbers, NUMBERS_MAX, &back->number_count,
                                    NULL) != OK) {
        return;
    }
    read_back(back, reader);
    if (back->count) {
        qsort(back->seen, back->count, sizeof *back->seen, by_time);
        slope->readings = back->count;
        slope->from_us = back->seen[0].t_us;
        slope->to_us = back->seen[back->count - 1].t_us;
        slope->per_s = steepest(back->seen, back->count);
    }
}

struct budget_slope budget_slope_read(const char *ledger, const char *point)
{
    struct budget_slope slope = {.per_s = NAN};
    struct ledger_reader *reader = NULL;
    struct reading_back *back = calloc(1, sizeof *back);
    if (back && ledger_reader_open(&reader, ledger, NULL) == OK) {
        back->slope = &slope;
        look(back, reader, point);
        ledger_reader_close(reader);
    }
    free(back);
    return slope;
}
