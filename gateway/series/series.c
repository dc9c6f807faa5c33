#include "series/series.h"

#include "base/log.h"
#include "series/bound.h"
#include "series/projection.h"
#include "series/quarters.h"
#include "series/step.h"
#include "series/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A step is written when it is worth its transaction, which rewrites some pages whatever is in it
// (STEP_READINGS), and when a point's segment is long enough to pack well (POINT_READINGS); or when
// it has become old, or takes too much memory.
#define STEP_READINGS  32000
#define POINT_READINGS 300
#define STEP_AGE_US    (INT64_C(3600) * 1000000)
#define BYTES_LEAST    (1u << 20)
#define BYTES_A_POINT  512
#define BYTES_MOST     (10u << 20)
#define QUARTERS_MOST  1024 // of an hour; few but where a clock has gone wild

static void forget_gathered(struct series *series)
{
    gather_clear(series->gather);
    series->taken_n = series->state.next_n;
}

// Opens the file; a damaged one is deleted and begun anew.
static int open_shelf(struct series *series, struct why *why)
{
    int error = shelf_open(&series->shelf, series->path, true, why);
    error = error ? error : shelf_get_state(series->shelf, &series->state);
    if (error == ERROR_DAMAGED) {
        log_warning("%s is damaged, of another version, or not ours: it is made anew from the "
                    "ledger",
                    series->path);
        shelf_close(series->shelf);
        shelf_delete(series->path);
        error = shelf_open(&series->shelf, series->path, true, why);
        error = error ? error : shelf_get_state(series->shelf, &series->state);
    }
    if (error) {
        shelf_close(series->shelf);
        series->shelf = NULL;
        return error;
    }
    forget_gathered(series);
    return OK;
}

static int begin_anew(struct series *series, struct why *why)
{
    shelf_close(series->shelf);
    series->shelf = NULL;
    shelf_delete(series->path);
    return open_shelf(series, why);
}

int series_open(struct series **out, const char *directory, bool writable, struct why *why)
{
    *out = NULL;
    struct series *series = calloc(1, sizeof *series);
    if (!series || gather_make(&series->gather)) {
        free(series);
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    series->writable = writable;
    series->block = text_make(BLOCK_BYTES_MAX);
    snprintf(series->path, sizeof series->path, "%s/series.db", directory);
    int error = OK;
    if (writable) {
        error = open_shelf(series, why);
    } else if (shelf_open(&series->shelf, series->path, false, why)) {
        series->shelf = NULL; // everything is read from blocks
    }
    if (error) {
        series_close(series);
        return error;
    }
    *out = series;
    return OK;
}

void series_close(struct series *series)
{
    if (series) {
        shelf_close(series->shelf);
        gather_free(series->gather);
        block_view_free(&series->view);
        text_free(&series->block);
        free(series);
    }
}

// What another process did to the file since: deleted it, or added to it.
static int look_again(struct series *series, struct why *why)
{
    if (!series->shelf || !shelf_is_current(series->shelf)) {
        shelf_close(series->shelf);
        series->shelf = NULL;
        return open_shelf(series, why);
    }
    struct shelf_state state;
    int error = shelf_get_state(series->shelf, &state);
    if (error == ERROR_DAMAGED) {
        return begin_anew(series, why);
    }
    if (!error &&
        (state.next_n != series->state.next_n || state.next_step != series->state.next_step ||
         strcmp(state.origin, series->state.origin) != 0)) {
        series->state = state;
        forget_gathered(series);
    }
    return error;
}

static int write_in_transaction(struct series *series, struct shelf_state *state)
{
    int error = shelf_begin(series->shelf, true);
    if (error) {
        return error;
    }
    struct shelf_state now;
    error = shelf_get_state(series->shelf, &now);
    if (!error && (now.next_step != state->next_step || now.next_n != state->next_n)) {
        error = ERROR_BUSY; // another process builds it too
    }
    state->next_n = series->taken_n;
    snprintf(state->origin, sizeof state->origin, "%s", series->origin);
    error = error ? error : step_write(series->shelf, series->gather, state);
    error = error ? error : shelf_put_state(series->shelf, state);
    if (error) {
        shelf_rollback(series->shelf);
        return error;
    }
    return shelf_commit(series->shelf);
}

static int write_step(struct series *series, struct why *why)
{
    if (series->taken_n == series->state.next_n) {
        return OK;
    }
    struct shelf_state state = series->state;
    int error = write_in_transaction(series, &state);
    if (error == ERROR_DAMAGED) {
        log_warning("%s is damaged: it is made anew from the ledger", series->path);
        return begin_anew(series, why);
    }
    if (error) {
        return why_set(why, error, "%s: %s (%s)", series->path, error_text(error),
                       shelf_fault(series->shelf));
    }
    series->state = state;
    forget_gathered(series);
    return OK;
}

int series_flush(struct series *series, struct why *why)
{
    return series->shelf ? write_step(series, why) : OK;
}

static bool is_step_full(const struct gather *gather)
{
    size_t points = gather_points(gather), readings = gather_readings(gather);
    size_t bytes = points * BYTES_A_POINT;
    bytes = bytes < BYTES_LEAST ? BYTES_LEAST : bytes > BYTES_MOST ? BYTES_MOST : bytes;
    size_t quarters;
    gather_quarters(gather, &quarters);
    // The longest may grow by a whole block before this is asked again.
    return quarters >= QUARTERS_MOST ||
           (readings >= STEP_READINGS && readings >= POINT_READINGS * points) ||
           gather_bytes(gather) >= bytes ||
           gather_longest(gather) + BLOCK_READINGS_MAX >= SHELF_PARTS_MAX * STEP_PART_READINGS;
}

static int check_point(uint32_t point, struct why *why)
{
    return point <= SHELF_POINT_MAX
               ? OK
               : why_set(why, ERROR_RANGE, "series: point number %u is above %u", point,
                         SHELF_POINT_MAX);
}

// Gathers what the view says.
static int gather_block(struct series *series, uint64_t n, struct why *why)
{
    const struct block_view *view = &series->view;
    int error = OK;
    gather_begin_block(series->gather, n);
    for (size_t i = 0; !error && i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        error = check_point(reading->point, why);
        error = error ? error
                      : gather_add(series->gather, reading->point, reading->t_us,
                                   number_parse(reading->indication, reading->indication_length),
                                   reading->flags,
                                   bound_of(view->clock.error_us, reading->half_window_us));
    }
    for (size_t i = 0; !error && i < view->missed_count; i++) {
        const struct block_miss *miss = &view->missed[i];
        error = check_point(miss->point, why);
        error = error ? error : gather_miss(series->gather, miss->point, miss->t_us);
    }
    return error;
}

// Takes in block `n`. A block that cannot be read is passed over: series are not evidence.
static int take_block(struct series *series, struct ledger_reader *reader, uint64_t n,
                      struct why *why)
{
    int error = ledger_reader_block(reader, n, &series->block, why);
    if (!error) {
        error = block_parse(&series->view, series->block.data, series->block.length, why);
    }
    if (error == ERROR_DAMAGED || error == ERROR_INPUT || error == ERROR_ABSENT) {
        log_warning("series: block %llu is passed over: %s", (unsigned long long)n,
                    why ? why->text : error_text(error));
        return OK;
    }
    return error ? error : gather_block(series, n, why);
}

// Removes one stretch that the ledger has pruned whole, if there is one.
static int prune(struct series *series, uint64_t first)
{
    struct shelf_state state = series->state;
    const void *bytes;
    size_t length;
    struct unpack from;
    struct stretch_span span;
    if (state.first_stretch == state.next_stretch || first == 0) {
        return OK;
    }
    int error =
        shelf_get(series->shelf, SHELF_STRETCH, (int64_t)state.first_stretch, &bytes, &length);
    error = error ? error : stretch_open(&from, bytes, length, &span);
    if (error || span.end_n > first) {
        return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
    }
    state.first_stretch++;
    error = shelf_begin(series->shelf, true);
    error = error ? error : shelf_prune(series->shelf, state.first_stretch - 1);
    error = error ? error : quarters_prune(series->shelf, span.end_n, &state);
    error = error ? error : shelf_put_state(series->shelf, &state);
    if (error) {
        shelf_rollback(series->shelf);
        return error;
    }
    error = shelf_commit(series->shelf);
    series->state = error ? series->state : state;
    return error;
}

// Sees to it that file and ledger are of one log, and drops what the ledger has pruned.
static int agree(struct series *series, struct ledger_reader *reader, uint64_t *first,
                 uint64_t *size, struct why *why)
{
    int error = ledger_reader_extent(reader, first, size, why);
    error = error ? error : look_again(series, why);
    if (error) {
        return error;
    }
    const char *origin = ledger_reader_origin(reader);
    if ((series->state.origin[0] && strcmp(series->state.origin, origin) != 0) ||
        series->state.next_n > *size) {
        log_info("series: another log begins; they are made anew");
        error = begin_anew(series, why);
        if (error) {
            return error;
        }
    }
    snprintf(series->origin, sizeof series->origin, "%s", origin);
    error = prune(series, *first);
    return error == ERROR_DAMAGED ? begin_anew(series, why) : error;
}

int series_update(struct series *series, struct ledger_reader *reader, uint64_t max_blocks,
                  bool *more, struct why *why)
{
    uint64_t first, size;
    *more = false;
    int error = agree(series, reader, &first, &size, why);
    if (!error && is_step_full(series->gather)) { // the last write failed
        error = write_step(series, why);
    }
    for (uint64_t i = 0; !error && i < max_blocks && series->taken_n < size; i++) {
        series->taken_n = series->taken_n < first ? first : series->taken_n;
        if (gather_is_empty(series->gather)) {
            series->since_us = clock_mono_us(&clock_system);
        }
        error = take_block(series, reader, series->taken_n, why);
        if (error) {
            forget_gathered(series); // half a block must not stay
            break;
        }
        series->taken_n++;
        if (is_step_full(series->gather)) {
            error = write_step(series, why);
        }
    }
    if (!error && !gather_is_empty(series->gather) &&
        clock_mono_us(&clock_system) - series->since_us >= STEP_AGE_US) {
        error = write_step(series, why);
    }
    *more = !error && series->taken_n < size;
    return error;
}
