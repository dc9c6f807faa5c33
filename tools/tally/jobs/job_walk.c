#include "jobs/job_walk.h"

#include "common/answer.h"
#include "common/point_map.h"
#include "common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walking {
    struct job_walk *walk;
    struct ledger_reader *reader;
    const struct job_visitor *visitor;
    struct point_map map;
    uint32_t asked; // of the map
    struct text bytes;
    struct block_view view;
};

// --- points -------------------------------------------------------------------------------------

// The map's judge: the place of a point of one of the job's instruments among them.
static bool judge(void *context, const cJSON *definition, uint64_t *value)
{
    struct walking *walking = context;
    struct job_walk *walk = walking->walk;
    const char *instrument = answer_string(definition, "instrument");
    *value = POINT_MAP_NONE;
    if (!job_has_instrument(walk->stretch.job, instrument)) {
        return true;
    }
    if (walk->number_count == walk->number_room) {
        size_t room = walk->number_room ? 2 * walk->number_room : 64;
        struct job_number *grown = realloc(walk->numbers, room * sizeof *grown);
        if (!grown) {
            return false;
        }
        walk->numbers = grown;
        walk->number_room = room;
    }
    struct job_number *fresh = &walk->numbers[walk->number_count];
    *fresh = (struct job_number){.number = walking->asked,
                                 .definition = cJSON_Duplicate(definition, true),
                                 .index = walk->number_count};
    if (!fresh->definition) {
        return false;
    }
    snprintf(fresh->name, sizeof fresh->name, "%s.%s", instrument,
             answer_string(fresh->definition, "quantity"));
    fresh->unit = answer_string(fresh->definition, "unit");
    *value = walk->number_count++;
    return true;
}

// *out is NULL when it is a point of no instrument of the job's; until the next call.
static int find_number(struct walking *walking, uint32_t number, const struct job_number **out,
                       struct why *why)
{
    uint64_t value;
    walking->asked = number;
    int error = point_map_find(&walking->map, number, &value, why);
    *out = error || value == POINT_MAP_NONE ? NULL : &walking->walk->numbers[value];
    return error;
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
    const struct job_number *number;
    int error = find_number(walking, reading->point, &number, why);
    if (error || !number) {
        return error;
    }
    note_block(walking->walk, walking->view.n);
    return visitor->reading ? visitor->reading(visitor->context, number, reading, walking->view.n,
                                               (size_t)(reading - walking->view.readings))
                            : OK;
}

static int take_miss(struct walking *walking, const struct block_miss *miss, struct why *why)
{
    const struct job_visitor *visitor = walking->visitor;
    const struct job_number *number;
    int error = find_number(walking, miss->point, &number, why);
    if (error || !number) {
        return error;
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
    struct walking walking = {
        .walk = walk, .reader = reader, .visitor = visitor, .bytes = text_make(BLOCK_BYTES_MAX)};
    uint64_t first, size;
    *walk = (struct job_walk){.end = 0};
    walking.map = (struct point_map){.reader = reader, .judge = judge, .context = &walking};
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
    point_map_free(&walking.map);
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
