#include "job_walk.h"

#include "answer.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFINITION_MAX 65536

struct walking {
    struct job_walk *walk;
    struct ledger_reader *reader;
    const struct job_visitor *visitor;
    struct text bytes;
    struct block_view view;
};

// --- points -------------------------------------------------------------------------------------

// Where the number is, or belongs.
static size_t place_of(const struct job_walk *walk, uint32_t number)
{
    size_t low = 0, high = walk->number_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (walk->numbers[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int read_definition(struct walking *walking, struct job_number *number, struct why *why)
{
    struct text text = text_make(DEFINITION_MAX);
    int error = ledger_reader_point_definition(walking->reader, number->number, &text, why);
    number->definition = error ? NULL : cJSON_ParseWithLength(text.data, text.length);
    text_free(&text);
    if (!error && !cJSON_IsObject(number->definition)) {
        error = why_set(why, ERROR_INPUT, "the definition of point %u is not of the form required",
                        (unsigned)number->number);
    }
    return error;
}

static int make_number(struct walking *walking, struct job_number *number, struct why *why)
{
    struct job_walk *walk = walking->walk;
    int error = read_definition(walking, number, why);
    const char *instrument = answer_string(number->definition, "instrument");
    number->ours = !error && job_has_instrument(walk->stretch.job, instrument);
    if (!number->ours) {
        cJSON_Delete(number->definition);
        number->definition = NULL;
        return error;
    }
    snprintf(number->name, sizeof number->name, "%s.%s", instrument,
             answer_string(number->definition, "quantity"));
    number->unit = answer_string(number->definition, "unit");
    number->index = walk->ours++;
    return OK;
}

// NULL with why when it cannot be had. Until the next call.
static const struct job_number *number_of(struct walking *walking, uint32_t number, struct why *why)
{
    struct job_walk *walk = walking->walk;
    size_t at = place_of(walk, number);
    if (at < walk->number_count && walk->numbers[at].number == number) {
        return &walk->numbers[at];
    }
    if (walk->number_count == walk->number_room) {
        size_t room = walk->number_room ? 2 * walk->number_room : 64;
        struct job_number *grown = realloc(walk->numbers, room * sizeof *grown);
        if (!grown) {
            why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
            return NULL;
        }
        walk->numbers = grown;
        walk->number_room = room;
    }
    struct job_number fresh = {.number = number};
    if (make_number(walking, &fresh, why)) {
        return NULL;
    }
    memmove(&walk->numbers[at + 1], &walk->numbers[at],
            (walk->number_count - at) * sizeof walk->numbers[0]);
    walk->numbers[at] = fresh;
    walk->number_count++;
    return &walk->numbers[at];
}

// --- blocks -------------------------------------------------------------------------------------

static void note_block(struct job_walk *walk, uint64_t n)
{
    walk->first = walk->end ? walk->first : n;
    walk->end = n + 1;
}

static int take_reading(struct walking *walking, const struct block_reading *reading,
                        struct why *why)
{
    const struct job_visitor *visitor = walking->visitor;
    const struct job_number *number = number_of(walking, reading->point, why);
    if (!number) {
        return ERROR_INPUT;
    }
    if (!number->ours) {
        return OK;
    }
    note_block(walking->walk, walking->view.n);
    return visitor->reading ? visitor->reading(visitor->context, number, reading, walking->view.n,
                                               (size_t)(reading - walking->view.readings))
                            : OK;
}

static int take_miss(struct walking *walking, const struct block_miss *miss, struct why *why)
{
    const struct job_visitor *visitor = walking->visitor;
    const struct job_number *number = number_of(walking, miss->point, why);
    if (!number) {
        return ERROR_INPUT;
    }
    if (!number->ours) {
        return OK;
    }
    note_block(walking->walk, walking->view.n);
    return visitor->miss ? visitor->miss(visitor->context, number, miss, walking->view.n) : OK;
}

// Readings and misses stand in lists of their own, each in the order of recording.
static int take_entries(struct walking *walking, struct why *why)
{
    const struct block_view *view = &walking->view;
    const struct job_stretch *stretch = &walking->walk->stretch;
    size_t r = 0, m = 0;
    for (int error = OK; !error;) {
        while (r < view->reading_count && !job_stretch_holds(stretch, view->readings[r].t_us)) {
            r++;
        }
        while (m < view->missed_count && !job_stretch_holds(stretch, view->missed[m].t_us)) {
            m++;
        }
        bool reading = r < view->reading_count, miss = m < view->missed_count;
        if (!reading && !miss) {
            break;
        }
        error = reading && (!miss || view->readings[r].t_us <= view->missed[m].t_us)
                    ? take_reading(walking, &view->readings[r++], why)
                    : take_miss(walking, &view->missed[m++], why);
        if (error) {
            return error;
        }
    }
    return OK;
}

static int take_block(struct walking *walking, struct why *why)
{
    struct job_walk *walk = walking->walk;
    const struct job_visitor *visitor = walking->visitor;
    int error = OK;
    if (walk->stretch.inside) {
        note_block(walk, walking->view.n);
    }
    if (visitor->block) {
        error = visitor->block(visitor->context, &walk->stretch, &walking->view, why);
    }
    return error ? error : take_entries(walking, why);
}

// Whether the block can be read; it is then the view.
static bool read_block(struct walking *walking, uint64_t n)
{
    struct job_walk *walk = walking->walk;
    struct why why = {""};
    int error = ledger_reader_block(walking->reader, n, &walking->bytes, &why);
    error = error ? error
                  : block_parse(&walking->view, walking->bytes.data, walking->bytes.length, &why);
    if (error && walk->left_out++ == 0) {
        walk->left_out_n = n;
        walk->left_out_why = why;
    }
    return !error;
}

static int walk_blocks(struct walking *walking, uint64_t first, uint64_t size, struct why *why)
{
    struct job_walk *walk = walking->walk;
    const struct job *job = walk->stretch.job;
    uint64_t end = job->runs ? size : job->stop.n + 1;
    struct progress progress;
    int error = OK;
    progress_begin(&progress);
    for (uint64_t n = first; n < size && !error; n++) {
        progress_tell(&progress, n - first, end > first ? end - first : 1);
        if (!read_block(walking, n)) {
            continue;
        }
        if (!job_stretch_take(&walk->stretch, &walking->view)) {
            break;
        }
        error = take_block(walking, why);
    }
    progress_end(&progress);
    return error;
}

int job_walk(struct job_walk *walk, struct ledger_reader *reader, const struct job *job,
             const struct job_visitor *visitor, struct why *why)
{
    struct walking walking = {walk, reader, visitor, text_make(BLOCK_BYTES_MAX), {.n = 0}};
    uint64_t first, size;
    *walk = (struct job_walk){.end = 0};
    job_stretch_begin(&walk->stretch, job);
    int error = ledger_reader_extent(reader, &first, &size, why);
    if (!error) {
        if (first > job->start.n) {
            walk->gone_from = job->start.n;
            walk->gone_to = first;
        } else {
            first = job->start.n;
        }
        error = walk_blocks(&walking, first, size, why);
    }
    block_view_free(&walking.view);
    text_free(&walking.bytes);
    return error;
}

void job_walk_free(struct job_walk *walk)
{
    for (size_t i = 0; i < walk->number_count; i++) {
        cJSON_Delete(walk->numbers[i].definition);
    }
    free(walk->numbers);
    *walk = (struct job_walk){.end = 0};
}
