// tally impact: the readings between two certificates, each held against what was found.
#include "certificates/impact.h"

#include "common/answer.h"
#include "common/point_map.h"
#include "common/progress.h"
#include "series/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRETCH_US INT64_C(900000000) // over which a load is taken: a quarter of an hour at least

struct impact_reading {
    struct impact *impact;
    struct impact_touched *touched; // of the log at hand
    const char *command;
    void (*each)(void *context, const struct impact_row *row);
    void *context;
    struct point_map points; // place_pack of each that is touched
    struct text bytes;
    struct block_view view;
    int64_t from_us, to_us; // of all subjects
};

// --- which points -------------------------------------------------------------------------------

// The place of a point of that name in a subject, a new one when it is the first time. False: out
// of memory.
static bool place_of(struct impact_subject *subject, const char *instrument, const char *name,
                     const char *unit, size_t *out)
{
    for (*out = 0; *out < subject->point_count; ++*out) {
        if (strcmp(subject->points[*out].name, name) == 0) {
            return true;
        }
    }
    struct impact_point *grown =
        realloc(subject->points, (subject->point_count + 1) * sizeof *grown);
    if (!grown) {
        return false;
    }
    subject->points = grown;
    struct impact_point *point = &grown[subject->point_count++];
    *point = (struct impact_point){.first_us = INT64_MAX, .last_us = INT64_MIN};
    snprintf(point->name, sizeof point->name, "%s", name);
    snprintf(point->instrument, sizeof point->instrument, "%s", instrument);
    snprintf(point->unit, sizeof point->unit, "%s", unit);
    return true;
}

// A subject, and a point of it.
static uint64_t place_pack(size_t subject, size_t point)
{
    return (uint64_t)subject << 32 | point;
}

// Which subject's point a definition is, when it is of one.
static bool judge(void *context, const cJSON *definition, uint64_t *value)
{
    struct impact *impact = context;
    char name[160];
    size_t place;
    const char *quantity = answer_string(definition, "quantity");
    *value = POINT_MAP_NONE;
    if (strcmp(answer_string(definition, "serial"), impact->certificate->serial) != 0) {
        return true;
    }
    const char *instrument = answer_string(definition, "instrument");
    snprintf(name, sizeof name, "%s.%s", instrument, quantity);
    for (size_t s = 0; s < impact->subject_count; s++) {
        struct impact_subject *subject = &impact->subjects[s];
        if (subject->beyond && strcmp(quantity, subject->found->name) == 0) {
            bool good =
                place_of(subject, instrument, name, answer_string(definition, "unit"), &place);
            *value = place_pack(s, place);
            return good;
        }
    }
    return true;
}

// --- one reading --------------------------------------------------------------------------------

static void note_error(struct impact_point *point, double error, double at)
{
    if (!point->has_error || fabs(error) > fabs(point->error)) {
        point->has_error = true;
        point->error = error;
        point->error_at = at;
    }
}

static void note_off(struct impact_point *point, double off, double at)
{
    if (!point->has_off || fabs(off) > fabs(point->off)) {
        point->has_off = true;
        point->off = off;
        point->off_at = at;
    }
}

static void weigh_indication(struct impact_row *row, struct impact_point *point, double indication)
{
    const struct block_reading *reading = row->reading;
    double corrected =
        number_to_double(number_parse(reading->corrected, reading->corrected_length));
    row->found = found_at(row->subject->found, &row->subject->rule, indication);
    point->beyond += row->found.verdict == FOUND_BEYOND;
    point->unknown += row->found.verdict == FOUND_UNKNOWN;
    if (row->found.verdict != FOUND_UNKNOWN) {
        row->has_off = true;
        row->off = (isfinite(corrected) ? corrected - indication : 0) + row->found.error;
        note_error(point, row->found.error, indication);
        note_off(point, row->off, indication);
    }
}

// What a register counted over a stretch, at its load. Nothing counted is nothing wrong.
static void weigh_stretch(struct impact_row *row, struct impact_point *point, double counted,
                          double hours)
{
    row->has_load = true;
    row->load = counted / hours;
    row->found = found_at(row->subject->found, &row->subject->rule, row->load);
    point->counted += counted;
    if (counted == 0) {
        row->found.verdict = FOUND_WITHIN;
    } else if (row->found.verdict == FOUND_UNKNOWN) {
        point->counted_unknown += counted;
    } else {
        row->has_off = true;
        row->off = counted - counted / (1 + row->found.error);
        point->counted_beyond += row->found.verdict == FOUND_BEYOND ? counted : 0;
        point->sum_off += row->off;
        note_error(point, row->found.error, row->load);
    }
}

// A register that was set back, or changed with its instrument, begins anew.
static void weigh_register(struct impact_row *row, struct impact_point *point, double indication)
{
    int64_t t_us = row->reading->t_us;
    row->found.verdict = FOUND_UNKNOWN;
    if (point->has_anchor && indication >= point->anchor && t_us >= point->anchor_us &&
        t_us - point->anchor_us < STRETCH_US) {
        return;
    }
    if (point->has_anchor && indication >= point->anchor && t_us > point->anchor_us) {
        weigh_stretch(row, point, indication - point->anchor,
                      (double)(t_us - point->anchor_us) / 3600e6);
    }
    point->has_anchor = true;
    point->anchor = indication;
    point->anchor_us = t_us;
}

static void take(struct impact_reading *reading, const struct block_reading *is, uint64_t place)
{
    struct impact_subject *subject = &reading->impact->subjects[place >> 32];
    struct impact_point *point = &subject->points[place & UINT32_MAX];
    struct impact_row row = {.reading = is,
                             .subject = subject,
                             .point = point,
                             .block = reading->view.n,
                             .log = reading->touched->log,
                             .found.verdict = FOUND_UNKNOWN};
    double indication = number_to_double(number_parse(is->indication, is->indication_length));
    if (is->t_us < subject->from_us || is->t_us >= subject->to_us) {
        return;
    }
    point->readings++;
    point->first_us = is->t_us < point->first_us ? is->t_us : point->first_us;
    point->last_us = is->t_us > point->last_us ? is->t_us : point->last_us;
    // A driver may have stated the quantity in another unit then.
    if (!isfinite(indication) || strcmp(point->unit, subject->found->unit) != 0) {
        point->unknown++;
    } else if (subject->found->by_load) {
        weigh_register(&row, point, indication);
    } else {
        weigh_indication(&row, point, indication);
    }
    impact_touched_reading(reading->touched, &row);
    if (reading->each) {
        reading->each(reading->context, &row);
    }
}

// --- all ----------------------------------------------------------------------------------------

static int read_block(struct impact_reading *reading, uint64_t n, struct why *why)
{
    const struct block_view *view = &reading->view;
    int error = ledger_reader_block(reading->touched->reader, n, &reading->bytes, why);
    error = error ? error
                  : block_parse(&reading->view, reading->bytes.data, reading->bytes.length, why);
    if (!error) {
        impact_touched_block(reading->touched, view);
    }
    for (size_t i = 0; !error && i < view->reading_count; i++) {
        uint64_t place;
        error = point_map_find(&reading->points, view->readings[i].point, &place, why);
        if (!error && place != POINT_MAP_NONE) {
            take(reading, &view->readings[i], place);
        }
    }
    return error;
}

static int read_all(struct impact_reading *reading, struct why *why)
{
    struct progress progress;
    uint64_t first, size, n = 0;
    int error = ledger_reader_extent(reading->touched->reader, &first, &size, why);
    if (error) {
        return error;
    }
    progress_begin(&progress);
    for (; (error = ledger_reader_next_in_time(reading->touched->reader, reading->from_us,
                                               reading->to_us, &n, why)) == OK;
         n++) {
        (void)progress_tell(&progress, n - first, size - first);
        if (read_block(reading, n, why) != OK) {
            fprintf(stderr, "%s: block %" PRIu64 " is left out: %s\n", reading->command, n,
                    why->text);
            reading->impact->left_out++;
        }
    }
    progress_end(&progress);
    return error == ERROR_ABSENT ? OK : error;
}

void impact_whole_span(const struct impact *impact, int64_t *from_us, int64_t *to_us)
{
    *from_us = INT64_MAX;
    *to_us = INT64_MIN;
    for (size_t i = 0; i < impact->subject_count; i++) {
        const struct impact_subject *subject = &impact->subjects[i];
        if (subject->beyond) {
            *from_us = subject->from_us < *from_us ? subject->from_us : *from_us;
            *to_us = subject->to_us > *to_us ? subject->to_us : *to_us;
        }
    }
}

int impact_read(struct impact *impact, const char *command, struct impact_touched *touched,
                void (*each)(void *context, const struct impact_row *row), void *context,
                struct why *why)
{
    struct impact_reading reading = {.impact = impact,
                                     .command = command,
                                     .each = each,
                                     .context = context,
                                     .bytes = text_make(BLOCK_BYTES_MAX)};
    int error = OK;
    impact_whole_span(impact, &reading.from_us, &reading.to_us);
    for (; touched && !error; touched = touched->next) {
        reading.touched = touched;
        reading.points =
            (struct point_map){.reader = touched->reader, .judge = judge, .context = impact};
        error = read_all(&reading, why);
        point_map_free(&reading.points);
    }
    block_view_free(&reading.view);
    text_free(&reading.bytes);
    return error;
}
