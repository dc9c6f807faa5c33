#include "series/quarters.h"

#include "series/row.h"
#include "series/runs.h"

#include <assert.h>
#include <stdlib.h>

#define ROSTER_BYTES_MAX (16u << 20)
#define PRUNED_AT_ONCE   256

// A quarter that something of this step falls into.
struct touched {
    int64_t quarter;
    uint64_t last_n;
    struct runs fresh; // points that had no row before
};

struct quarters {
    struct shelf *shelf;
    struct touched *touched; // ascending
    size_t count;
    struct touched *at; // of the point being taken: the quarter that `rollup` is of, or NULL
    struct rollup rollup;
    struct text bytes;
};

static int by_quarter(const void *a, const void *b)
{
    int64_t x = ((const struct touched *)a)->quarter, y = ((const struct touched *)b)->quarter;
    return x < y ? -1 : x > y;
}

int quarters_begin(struct quarters **out, struct shelf *shelf, const struct gather *gather)
{
    size_t count;
    const struct gather_quarter *list = gather_quarters(gather, &count);
    struct quarters *quarters = calloc(1, sizeof *quarters);
    *out = quarters;
    if (!quarters || !(quarters->touched = calloc(count + 1, sizeof *quarters->touched))) {
        return ERROR_MEMORY;
    }
    quarters->shelf = shelf;
    quarters->count = count;
    quarters->bytes = text_make(ROSTER_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        quarters->touched[i] =
            (struct touched){.quarter = list[i].quarter, .last_n = list[i].last_n};
    }
    qsort(quarters->touched, count, sizeof *quarters->touched, by_quarter);
    return OK;
}

void quarters_free(struct quarters *quarters)
{
    if (quarters) {
        for (size_t i = 0; i < quarters->count; i++) {
            free(quarters->touched[i].fresh.list);
        }
        free(quarters->touched);
        text_free(&quarters->bytes);
        free(quarters);
    }
}

static int read_rollup(struct shelf *shelf, int64_t quarter, uint32_t point, struct rollup *rollup)
{
    const void *bytes;
    size_t length;
    int error = shelf_get(shelf, SHELF_ROLLUP, shelf_rollup_id(quarter, point), &bytes, &length);
    if (error) {
        return error;
    }
    struct unpack from = row_open(bytes, length);
    return rollup_read(rollup, quarter, &from);
}

static int write_rollup(struct quarters *quarters, uint32_t point)
{
    struct text *bytes = &quarters->bytes;
    int64_t quarter = quarters->at->quarter;
    row_begin(bytes);
    rollup_write(&quarters->rollup, quarter, bytes);
    row_end(bytes);
    return bytes->failed
               ? ERROR_MEMORY
               : shelf_put(quarters->shelf, SHELF_ROLLUP, shelf_rollup_id(quarter, point), bytes);
}

// Goes to the roll-up of the time's quarter: writes the one under way and gets that.
static int go_to(struct quarters *quarters, uint32_t point, int64_t t_us)
{
    struct touched key = {.quarter = rollup_quarter_of(t_us)};
    if (quarters->at && quarters->at->quarter == key.quarter) {
        return OK;
    }
    int error = quarters->at ? write_rollup(quarters, point) : OK;
    if (error) {
        return error;
    }
    quarters->at = bsearch(&key, quarters->touched, quarters->count, sizeof key, by_quarter);
    assert(quarters->at);
    quarters->rollup = (struct rollup){.count = 0};
    error = read_rollup(quarters->shelf, key.quarter, point, &quarters->rollup);
    return error == ERROR_ABSENT ? runs_add(&quarters->at->fresh, point, point) : error;
}

int quarters_take(struct quarters *quarters, const struct gathered *point)
{
    quarters->at = NULL;
    int error = OK;
    for (size_t i = 0; !error && i < point->length; i++) {
        error = go_to(quarters, point->point, point->t_us[i]);
        rollup_add(&quarters->rollup, point->t_us[i], point->numbers[i], point->flags[i],
                   point->bounds[i]);
    }
    for (size_t i = 0; !error && i < point->missed; i++) {
        error = go_to(quarters, point->point, point->missed_us[i]);
        quarters->rollup.missed++;
    }
    return error || !quarters->at ? error : write_rollup(quarters, point->point);
}

// --- what points a quarter has ------------------------------------------------------------------

// What a row says. `rest` is left at the runs of points.
static int open_roster(const void *bytes, size_t length, int64_t quarter, uint64_t *last_n,
                       struct unpack *rest)
{
    *rest = row_open(bytes, length);
    int64_t stated = unpack_zigzag(unpack_varint(rest));
    *last_n = unpack_varint(rest);
    return rest->bad || stated != quarter ? ERROR_DAMAGED : OK;
}

// Adds to *points those that the file knows of. ERROR_ABSENT: the quarter has no row yet.
static int read_roster(struct shelf *shelf, int64_t quarter, struct runs *points, uint64_t *last_n)
{
    const void *bytes;
    size_t length;
    struct unpack rest;
    int error = shelf_get(shelf, SHELF_QUARTER, quarter, &bytes, &length);
    error = error ? error : open_roster(bytes, length, quarter, last_n, &rest);
    return error ? error : runs_read(points, &rest);
}

static int write_roster(struct quarters *quarters, int64_t quarter, const struct runs *points,
                        uint64_t last_n)
{
    struct text *bytes = &quarters->bytes;
    row_begin(bytes);
    pack_varint(bytes, pack_zigzag(quarter));
    pack_varint(bytes, last_n);
    runs_write(points, bytes);
    row_end(bytes);
    return bytes->failed ? ERROR_MEMORY : shelf_put(quarters->shelf, SHELF_QUARTER, quarter, bytes);
}

static int end_quarter(struct quarters *quarters, const struct touched *touched,
                       struct shelf_state *state)
{
    struct runs before = {NULL, 0, 0}, all = {NULL, 0, 0};
    uint64_t last_n = 0;
    int error = read_roster(quarters->shelf, touched->quarter, &before, &last_n);
    if (error == ERROR_ABSENT) {
        state->quarters++;
        error = OK;
    }
    last_n = touched->last_n > last_n ? touched->last_n : last_n;
    error = error ? error : runs_unite(&before, &touched->fresh, &all);
    if (!error && runs_size(&all) != runs_size(&before) + runs_size(&touched->fresh)) {
        error = ERROR_DAMAGED; // the row of a point that has one was not there
    }
    error = error ? error : write_roster(quarters, touched->quarter, &all, last_n);
    free(before.list);
    free(all.list);
    return error;
}

int quarters_end(struct quarters *quarters, struct shelf_state *state)
{
    int error = OK;
    for (size_t i = 0; !error && i < quarters->count; i++) {
        error = end_quarter(quarters, &quarters->touched[i], state);
    }
    return error;
}

// --- asking and pruning -------------------------------------------------------------------------

// The next row of a scan of all quarters, which finds each wherever in the table damage has put it.
static int next_roster(struct shelf *shelf, int64_t *quarter, uint64_t *last_n, struct unpack *rest)
{
    const void *bytes;
    size_t length;
    int error = shelf_scan_next(shelf, SHELF_QUARTER, quarter, &bytes, &length);
    return error ? error : open_roster(bytes, length, *quarter, last_n, rest);
}

static int find_rollup(struct shelf *shelf, uint32_t point, int64_t quarter, struct unpack roster,
                       struct rollup *rollup)
{
    bool there;
    int error = runs_find(&roster, point, &there);
    error = error || !there ? error : read_rollup(shelf, quarter, point, rollup);
    return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
}

static int find_points(struct shelf *shelf, const struct quarters_wanted *wanted, int64_t quarter,
                       const struct unpack *roster)
{
    struct rollup *rollup = wanted->rollups + (quarter - wanted->first);
    int error = OK;
    for (size_t i = 0; !error && i < wanted->point_count; i++, rollup += wanted->count) {
        error = find_rollup(shelf, wanted->points[i], quarter, *roster, rollup);
    }
    return error;
}

int quarters_find(struct shelf *shelf, const struct shelf_state *state,
                  const struct quarters_wanted *wanted)
{
    int64_t quarter;
    uint64_t rows = 0, last_n;
    struct unpack rest;
    int error;
    shelf_scan_begin(shelf, SHELF_QUARTER, INT64_MIN, INT64_MAX);
    while (!(error = next_roster(shelf, &quarter, &last_n, &rest))) {
        rows++;
        if (quarter >= wanted->first && quarter < wanted->first + (int64_t)wanted->count) {
            error = find_points(shelf, wanted, quarter, &rest);
        }
        if (error) {
            return error;
        }
    }
    error = error == ERROR_ABSENT ? OK : error;
    return error || rows == state->quarters ? error : ERROR_DAMAGED;
}

// Lists some of the quarters with nothing of block `first_n` or later.
static int list_old(struct shelf *shelf, uint64_t first_n, int64_t list[PRUNED_AT_ONCE],
                    size_t *count)
{
    int64_t quarter;
    uint64_t last_n;
    struct unpack rest;
    int error;
    *count = 0;
    shelf_scan_begin(shelf, SHELF_QUARTER, INT64_MIN, INT64_MAX);
    while (!(error = next_roster(shelf, &quarter, &last_n, &rest))) {
        if (last_n < first_n && *count < PRUNED_AT_ONCE) {
            list[(*count)++] = quarter;
        }
    }
    return error == ERROR_ABSENT ? OK : error;
}

int quarters_prune(struct shelf *shelf, uint64_t first_n, struct shelf_state *state)
{
    int64_t list[PRUNED_AT_ONCE];
    size_t count = PRUNED_AT_ONCE;
    int error = OK;
    while (!error && count == PRUNED_AT_ONCE) {
        error = list_old(shelf, first_n, list, &count);
        for (size_t i = 0; !error && i < count; i++) {
            error = shelf_prune_quarter(shelf, list[i]);
            state->quarters -= !error;
        }
    }
    return error;
}
