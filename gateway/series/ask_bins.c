// series_bins: summaries for whole stretches, segments for the rest, blocks for the tail.

#include "series/ask.h"
#include "series/bins.h"
#include "series/summary.h"

#include <stdlib.h>

struct asking {
    struct shelf *shelf;
    uint32_t point;
    struct series_bin *array;
    size_t count;
    int64_t from_us, to_us;
    struct bins bins;
    struct segment segment;
};

// Decodes a segment into the bins.
static int add_segment(struct asking *asking, int64_t id, const void *bytes, size_t length)
{
    struct segment *segment = &asking->segment;
    if (segment_read(bytes, length, segment)) {
        return ERROR_DAMAGED;
    }
    if (segment->times_back) {
        int error = shelf_get(asking->shelf, SHELF_SEGMENT, id - (int64_t)segment->times_back,
                              &bytes, &length);
        error = error ? error : segment_read_times(bytes, length, segment);
        if (error) {
            return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
        }
    }
    for (size_t i = 0; i < segment->length; i++) {
        bins_add(&asking->bins, segment->t_us[i], segment->values[i]);
    }
    return OK;
}

static int add_entry(struct asking *asking, uint64_t stretch, const struct summary_entry *entry)
{
    if (bins_add_whole(&asking->bins, &entry->head)) {
        return OK;
    }
    const void *bytes;
    size_t length;
    int64_t id =
        shelf_segment_id(stretch * SHELF_STRETCH_STEPS + entry->step, asking->point, entry->part);
    int error = shelf_get(asking->shelf, SHELF_SEGMENT, id, &bytes, &length);
    error = error ? error : add_segment(asking, id, bytes, length);
    return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
}

static int add_summary(struct asking *asking, uint64_t stretch)
{
    const void *bytes;
    size_t length;
    int error = shelf_get(asking->shelf, SHELF_SUMMARY, shelf_summary_id(stretch, asking->point),
                          &bytes, &length);
    if (error) {
        return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
    }
    struct summary_reader summary;
    summary_open(&summary, bytes, length);
    while ((error = summary_next(&summary)) == 1) {
        error = add_entry(asking, stretch, &summary.entry);
        if (error) {
            return error;
        }
    }
    return error;
}

static int add_stretch(struct asking *asking, uint64_t stretch)
{
    const void *bytes;
    size_t length;
    struct unpack from;
    struct stretch_span span;
    uint32_t entries = 0;
    int error = shelf_get(asking->shelf, SHELF_STRETCH, (int64_t)stretch, &bytes, &length);
    error = error ? error : stretch_open(&from, bytes, length, &span);
    if (error) {
        return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
    }
    if (span.t_hi_us < asking->bins.from_us || span.t_lo_us >= asking->bins.to_us) {
        return OK;
    }
    error = roster_find(&from, asking->point, &entries);
    return error || !entries ? error : add_summary(asking, stretch);
}

// A step that has no summary yet. *rows is the number of segments found.
static int add_rows(struct asking *asking, uint64_t step, uint32_t *rows)
{
    int64_t id;
    const void *bytes;
    size_t length;
    struct segment_head head;
    shelf_scan_begin(asking->shelf, SHELF_SEGMENT, shelf_segment_id(step, asking->point, 0),
                     shelf_segment_id(step, asking->point + 1, 0));
    int error;
    while (!(error = shelf_scan_next(asking->shelf, SHELF_SEGMENT, &id, &bytes, &length))) {
        (*rows)++;
        error = segment_read_head(bytes, length, &head);
        if (!error && !bins_add_whole(&asking->bins, &head)) {
            error = add_segment(asking, id, bytes, length);
        }
        if (error) {
            return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
        }
    }
    return error == ERROR_ABSENT ? OK : error;
}

static int add_step(struct asking *asking, uint64_t step)
{
    const void *bytes;
    size_t length;
    uint32_t parts, rows = 0;
    int error = shelf_get(asking->shelf, SHELF_ROSTER, (int64_t)step, &bytes, &length);
    if (error) {
        return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
    }
    struct unpack from = row_open(bytes, length);
    error = roster_find(&from, asking->point, &parts);
    error = error ? error : add_rows(asking, step, &rows);
    return error ? error : rows == parts ? OK : ERROR_DAMAGED;
}

static void begin(void *context)
{
    struct asking *asking = context;
    bins_begin(&asking->bins, asking->array, asking->count, asking->from_us, asking->to_us);
}

static int add_stored(void *context, struct shelf *shelf, const struct shelf_state *state)
{
    struct asking *asking = context;
    asking->shelf = shelf;
    int error = OK;
    for (uint64_t i = state->first_stretch; !error && i < state->next_stretch; i++) {
        error = add_stretch(asking, i);
    }
    uint64_t step = state->next_stretch * SHELF_STRETCH_STEPS;
    for (; !error && step < state->next_step; step++) {
        error = add_step(asking, step);
    }
    return error;
}

static void add_block(void *context, const struct block_view *view)
{
    struct asking *asking = context;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (reading->point == asking->point) {
            bins_add(
                &asking->bins, reading->t_us,
                number_to_double(number_parse(reading->indication, reading->indication_length)));
        }
    }
}

int series_bins(struct series *series, struct ledger_reader *reader, uint32_t point,
                int64_t from_us, int64_t to_us, struct series_bin *bins, size_t count,
                struct why *why)
{
    if (count < 1 || count > SERIES_BINS_MAX) {
        return why_set(why, ERROR_RANGE, "%zu bins: between 1 and %u are possible", count,
                       SERIES_BINS_MAX);
    }
    if (to_us <= from_us || (from_us < 0 && to_us > INT64_MAX + from_us)) {
        return why_set(why, ERROR_INPUT, "the end of the time asked for is not after its start");
    }
    struct asking *asking = calloc(1, sizeof *asking);
    if (!asking) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    asking->point = point;
    asking->array = bins;
    asking->count = count;
    asking->from_us = from_us;
    asking->to_us = to_us;
    struct ask ask = {.context = asking,
                      .point = point,
                      .from_us = from_us,
                      .to_us = to_us,
                      .begin = begin,
                      .add_stored = add_stored,
                      .add_block = add_block};
    int error = ask_series(&ask, series, reader, why);
    bins_end(&asking->bins);
    free(asking);
    return error;
}
