// series_rollups: the quarters of an hour from the file, blocks for the tail.

#include "series/ask.h"
#include "series/quarters.h"

#include <stdlib.h>
#include <string.h>

static void begin(void *context)
{
    const struct quarters_wanted *wanted = context;
    memset(wanted->rollups, 0, wanted->point_count * wanted->count * sizeof *wanted->rollups);
}

static int add_stored(void *context, struct shelf *shelf, const struct shelf_state *state)
{
    return quarters_find(shelf, state, context);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

// The roll-up that the point's time falls into, or NULL.
static struct rollup *at(const struct quarters_wanted *wanted, uint32_t point, int64_t t_us)
{
    int64_t quarter = rollup_quarter_of(t_us);
    if (quarter < wanted->first || quarter >= wanted->first + (int64_t)wanted->count) {
        return NULL;
    }
    const uint32_t *found =
        bsearch(&point, wanted->points, wanted->point_count, sizeof point, by_number);
    return found ? wanted->rollups + (size_t)(found - wanted->points) * wanted->count +
                       (quarter - wanted->first)
                 : NULL;
}

static void add_block(void *context, const struct block_view *view)
{
    const struct quarters_wanted *wanted = context;
    struct rollup *rollup;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if ((rollup = at(wanted, reading->point, reading->t_us))) {
            rollup_add(rollup, reading->t_us,
                       number_parse(reading->indication, reading->indication_length),
                       reading->flags, bound_of(view->clock.error_us, reading->half_window_us));
        }
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        const struct block_miss *miss = &view->missed[i];
        if ((rollup = at(wanted, miss->point, miss->t_us))) {
            rollup->missed++;
        }
    }
}

int series_rollups_of(struct series *series, struct ledger_reader *reader, const uint32_t *points,
                      size_t point_count, int64_t quarter, struct rollup *rollups, size_t count,
                      struct why *why)
{
    int64_t last = rollup_quarter_of(INT64_MAX);
    if (count < 1 || point_count < 1 || count > SERIES_QUARTERS_MAX / point_count ||
        quarter < -last || quarter > last - (int64_t)count) {
        return why_set(why, ERROR_RANGE,
                       "%zu quarters of an hour of %zu points: between 1 and %u are possible",
                       count, point_count, SERIES_QUARTERS_MAX);
    }
    struct quarters_wanted wanted = {.points = points,
                                     .point_count = point_count,
                                     .first = quarter,
                                     .count = count,
                                     .rollups = rollups};
    struct ask ask = {.context = &wanted,
                      .point = points[point_count - 1],
                      .from_us = rollup_quarter_start(quarter),
                      .to_us = rollup_quarter_start(quarter + (int64_t)count),
                      .begin = begin,
                      .add_stored = add_stored,
                      .add_block = add_block};
    return ask_series(&ask, series, reader, why);
}

int series_rollups(struct series *series, struct ledger_reader *reader, uint32_t point,
                   int64_t quarter, struct rollup *rollups, size_t count, struct why *why)
{
    return series_rollups_of(series, reader, &point, 1, quarter, rollups, count, why);
}
