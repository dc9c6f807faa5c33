// series_rollups: the quarters of an hour from the file, blocks for the tail.

#include "series/ask.h"
#include "series/quarters.h"

#include <string.h>

struct asking {
    uint32_t point;
    int64_t first; // the first quarter
    struct rollup *rollups;
    size_t count;
};

static void begin(void *context)
{
    struct asking *asking = context;
    memset(asking->rollups, 0, asking->count * sizeof *asking->rollups);
}

static int add_stored(void *context, struct shelf *shelf, const struct shelf_state *state)
{
    struct asking *asking = context;
    return quarters_find(shelf, state, asking->point, asking->first, asking->rollups,
                         asking->count);
}

// The roll-up that the time falls into, or NULL.
static struct rollup *at(const struct asking *asking, int64_t t_us)
{
    int64_t quarter = rollup_quarter_of(t_us);
    return quarter < asking->first || quarter >= asking->first + (int64_t)asking->count
               ? NULL
               : &asking->rollups[quarter - asking->first];
}

static void add_block(void *context, const struct block_view *view)
{
    struct asking *asking = context;
    struct rollup *rollup;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (reading->point == asking->point && (rollup = at(asking, reading->t_us))) {
            rollup_add(rollup, reading->t_us,
                       number_parse(reading->indication, reading->indication_length),
                       reading->flags);
        }
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        const struct block_miss *miss = &view->missed[i];
        if (miss->point == asking->point && (rollup = at(asking, miss->t_us))) {
            rollup->missed++;
        }
    }
}

int series_rollups(struct series *series, struct ledger_reader *reader, uint32_t point,
                   int64_t quarter, struct rollup *rollups, size_t count, struct why *why)
{
    int64_t last = rollup_quarter_of(INT64_MAX);
    if (count < 1 || count > SERIES_QUARTERS_MAX || quarter < -last ||
        quarter > last - (int64_t)count) {
        return why_set(why, ERROR_RANGE, "%zu quarters of an hour: between 1 and %u are possible",
                       count, SERIES_QUARTERS_MAX);
    }
    struct asking asking = {.point = point, .first = quarter, .rollups = rollups, .count = count};
    struct ask ask = {.context = &asking,
                      .point = point,
                      .from_us = rollup_quarter_start(quarter),
                      .to_us = rollup_quarter_start(quarter + (int64_t)count),
                      .begin = begin,
                      .add_stored = add_stored,
                      .add_block = add_block};
    return ask_series(&ask, series, reader, why);
}
