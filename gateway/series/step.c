#include "series/step.h"

#include "series/quarters.h"
#include "series/segment.h"
#include "series/summary.h"

#include <stdlib.h>
#include <string.h>

#define SUMMARY_POINTS    256 // summed up in one pass
#define SUMMARY_BYTES_MAX (SHELF_STRETCH_STEPS * SHELF_PARTS_MAX * 64u)
#define ROSTER_BYTES_MAX  (16u << 20)

// The last times that were written in full, for one part: the points of one request have the same,
// and follow each other.
struct base {
    struct text times;
    int64_t id;
};

struct writing {
    struct shelf *shelf;
    struct quarters *quarters;
    uint64_t step;
    struct text times, segment, roster;
    uint32_t last_point; // in the roster
    struct base bases[SHELF_PARTS_MAX];
};

static bool same(const struct text *a, const struct text *b)
{
    return a->length == b->length && a->length && memcmp(a->data, b->data, a->length) == 0;
}

static int write_segment(struct writing *writing, int64_t id, struct base *base,
                         const int64_t *t_us, const struct number *numbers, size_t length)
{
    struct segment_head head;
    text_clear(&writing->times);
    segment_encode_times(t_us, length, &writing->times);
    uint64_t back = same(&writing->times, &base->times) ? (uint64_t)(id - base->id) : 0;
    segment_encode(t_us, numbers, length, &writing->times, back, &head, &writing->segment);
    if (!back) {
        text_clear(&base->times);
        text_append(&base->times, writing->times.data, writing->times.length);
        base->id = id;
    }
    if (writing->times.failed || writing->segment.failed || base->times.failed) {
        return ERROR_MEMORY;
    }
    return shelf_put(writing->shelf, SHELF_SEGMENT, id, &writing->segment);
}

static int write_point(struct writing *writing, const struct gathered *point)
{
    size_t length = point->length;
    size_t parts = (length + STEP_PART_READINGS - 1) / STEP_PART_READINGS;
    int error = parts <= SHELF_PARTS_MAX ? OK : ERROR_RANGE;
    for (size_t part = 0; !error && part < parts; part++) {
        size_t from = length * part / parts, to = length * (part + 1) / parts;
        error = write_segment(
            writing, shelf_segment_id(writing->step, point->point, (uint32_t)part),
            &writing->bases[part], point->t_us + from, point->numbers + from, to - from);
    }
    if (parts) {
        roster_add(&writing->roster, &writing->last_point, point->point, (uint32_t)parts);
    }
    return error ? error : quarters_take(writing->quarters, point);
}

static int write_points(struct writing *writing, struct gather *gather)
{
    size_t cursor = 0;
    struct gathered point;
    int error;
    row_begin(&writing->roster);
    while ((error = gather_take(gather, &cursor, &point)) == 1) {
        error = write_point(writing, &point);
        if (error) {
            return error;
        }
    }
    row_end(&writing->roster);
    if (!error && writing->roster.failed) {
        error = ERROR_MEMORY;
    }
    return error
               ? error
               : shelf_put(writing->shelf, SHELF_ROSTER, (int64_t)writing->step, &writing->roster);
}

// The segments and the roll-ups of step state->next_step.
static int write_readings(struct shelf *shelf, struct gather *gather, struct shelf_state *state)
{
    struct writing *writing = calloc(1, sizeof *writing);
    if (!writing) {
        return ERROR_MEMORY;
    }
    writing->shelf = shelf;
    writing->step = state->next_step;
    writing->times = writing->segment = text_make(SEGMENT_BYTES_MAX);
    writing->roster = text_make(ROSTER_BYTES_MAX);
    for (size_t i = 0; i < SHELF_PARTS_MAX; i++) {
        writing->bases[i].times = text_make(SEGMENT_BYTES_MAX);
    }
    int error = quarters_begin(&writing->quarters, shelf, gather);
    error = error ? error : write_points(writing, gather);
    error = error ? error : quarters_end(writing->quarters, state);
    quarters_free(writing->quarters);
    for (size_t i = 0; i < SHELF_PARTS_MAX; i++) {
        text_free(&writing->bases[i].times);
    }
    text_free(&writing->times);
    text_free(&writing->segment);
    text_free(&writing->roster);
    free(writing);
    return error;
}

// One point of a stretch being summed up.
struct sum {
    struct text bytes;
    struct summary_entry last;
    uint32_t entries;
};

struct summing {
    struct shelf *shelf;
    uint64_t stretch;
    uint32_t first_point;
    struct sum sums[SUMMARY_POINTS];
    struct stretch_span span;
    struct text roster; // points and how many segments each has
    uint32_t last_point;
    uint64_t rows; // segments summed up, to be compared with the steps' rosters
};

// The least point at or after `point` in any step of the stretch. ERROR_ABSENT when there is none.
static int next_point(struct summing *summing, uint32_t *point)
{
    uint32_t least = UINT32_MAX;
    for (uint64_t i = 0; i < SHELF_STRETCH_STEPS; i++) {
        uint64_t step = summing->stretch * SHELF_STRETCH_STEPS + i;
        int64_t id;
        const void *bytes;
        size_t length;
        shelf_scan_begin(summing->shelf, SHELF_SEGMENT, shelf_segment_id(step, *point, 0),
                         shelf_segment_id(step + 1, 0, 0));
        int error = shelf_scan_next(summing->shelf, SHELF_SEGMENT, &id, &bytes, &length);
        if (!error) {
            uint32_t found = (uint32_t)(id >> 8) & SHELF_POINT_MAX;
            least = found < least ? found : least;
        } else if (error != ERROR_ABSENT) {
            return error;
        }
    }
    *point = least;
    return least == UINT32_MAX ? ERROR_ABSENT : OK;
}

static int sum_segment(struct summing *summing, uint32_t step, int64_t id, const void *bytes,
                       size_t length)
{
    struct sum *sum =
        &summing->sums[((uint32_t)(id >> 8) & SHELF_POINT_MAX) - summing->first_point];
    struct summary_entry entry = {.step = step, .part = (uint32_t)id & 255};
    if (segment_read_head(bytes, length, &entry.head)) {
        return ERROR_DAMAGED;
    }
    bool first = sum->bytes.length == 0;
    if (first) {
        row_begin(&sum->bytes);
    }
    summary_add(&sum->bytes, first ? NULL : &sum->last, &entry);
    sum->last = entry;
    sum->entries++;
    summing->rows++;
    struct stretch_span *span = &summing->span;
    span->t_lo_us = entry.head.t_lo_us < span->t_lo_us ? entry.head.t_lo_us : span->t_lo_us;
    span->t_hi_us = entry.head.t_hi_us > span->t_hi_us ? entry.head.t_hi_us : span->t_hi_us;
    return sum->bytes.failed ? ERROR_MEMORY : OK;
}

// The segments of the points, of all steps.
static int sum_steps(struct summing *summing)
{
    for (uint32_t i = 0; i < SHELF_STRETCH_STEPS; i++) {
        uint64_t step = summing->stretch * SHELF_STRETCH_STEPS + i;
        int64_t id;
        const void *bytes;
        size_t length;
        shelf_scan_begin(summing->shelf, SHELF_SEGMENT,
                         shelf_segment_id(step, summing->first_point, 0),
                         shelf_segment_id(step, summing->first_point + SUMMARY_POINTS, 0));
        int error;
        while (!(error = shelf_scan_next(summing->shelf, SHELF_SEGMENT, &id, &bytes, &length))) {
            error = sum_segment(summing, i, id, bytes, length);
            if (error) {
                return error;
            }
        }
        if (error != ERROR_ABSENT) {
            return error;
        }
    }
    return OK;
}

// Sums up points [first_point, first_point + SUMMARY_POINTS).
static int sum_points(struct summing *summing)
{
    for (size_t i = 0; i < SUMMARY_POINTS; i++) {
        text_clear(&summing->sums[i].bytes);
        summing->sums[i].entries = 0;
    }
    int error = sum_steps(summing);
    for (uint32_t i = 0; !error && i < SUMMARY_POINTS; i++) {
        struct text *bytes = &summing->sums[i].bytes;
        uint32_t point = summing->first_point + i;
        if (bytes->length) {
            row_end(bytes);
            roster_add(&summing->roster, &summing->last_point, point, summing->sums[i].entries);
            error = bytes->failed ? ERROR_MEMORY
                                  : shelf_put(summing->shelf, SHELF_SUMMARY,
                                              shelf_summary_id(summing->stretch, point), bytes);
        }
    }
    return error;
}

// Whether as many segments were found as the steps' rosters say: else some are lost.
static int check_rows(struct summing *summing)
{
    uint64_t rows = 0;
    for (uint64_t i = 0; i < SHELF_STRETCH_STEPS; i++) {
        const void *bytes;
        size_t length;
        int error =
            shelf_get(summing->shelf, SHELF_ROSTER,
                      (int64_t)(summing->stretch * SHELF_STRETCH_STEPS + i), &bytes, &length);
        if (error) {
            return error == ERROR_ABSENT ? ERROR_DAMAGED : error;
        }
        struct unpack from = row_open(bytes, length);
        while (from.at < from.end) {
            unpack_varint(&from);
            rows += unpack_varint(&from);
        }
    }
    return rows == summing->rows ? OK : ERROR_DAMAGED;
}

static int write_stretch(struct summing *summing)
{
    int error;
    stretch_begin(&summing->roster);
    while (!(error = next_point(summing, &summing->first_point))) {
        error = sum_points(summing);
        summing->first_point += SUMMARY_POINTS;
        if (error || summing->first_point > SHELF_POINT_MAX) {
            break;
        }
    }
    error = error == ERROR_ABSENT ? OK : error;
    error = error ? error : check_rows(summing);
    stretch_end(&summing->roster, &summing->span);
    if (!error && summing->roster.failed) {
        error = ERROR_MEMORY;
    }
    return error ? error
                 : shelf_put(summing->shelf, SHELF_STRETCH, (int64_t)summing->stretch,
                             &summing->roster);
}

static int write_summaries(struct shelf *shelf, struct shelf_state *state)
{
    struct summing *summing = calloc(1, sizeof *summing);
    if (!summing) {
        return ERROR_MEMORY;
    }
    summing->shelf = shelf;
    summing->stretch = state->next_stretch;
    summing->span =
        (struct stretch_span){.end_n = state->next_n, .t_lo_us = INT64_MAX, .t_hi_us = INT64_MIN};
    summing->roster = text_make(ROSTER_BYTES_MAX);
    for (size_t i = 0; i < SUMMARY_POINTS; i++) {
        summing->sums[i].bytes = text_make(SUMMARY_BYTES_MAX);
    }
    int error = write_stretch(summing);
    if (!error) {
        state->next_stretch++;
    }
    for (size_t i = 0; i < SUMMARY_POINTS; i++) {
        text_free(&summing->sums[i].bytes);
    }
    text_free(&summing->roster);
    free(summing);
    return error;
}

int step_write(struct shelf *shelf, struct gather *gather, struct shelf_state *state)
{
    if (state->next_step >= SHELF_STEP_MAX) {
        return ERROR_RANGE;
    }
    int error = write_readings(shelf, gather, state);
    if (error) {
        return error;
    }
    state->next_step++;
    bool whole = (state->next_stretch + 1) * SHELF_STRETCH_STEPS == state->next_step;
    return whole ? write_summaries(shelf, state) : OK;
}
