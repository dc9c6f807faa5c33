#include "archive/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void run_begin(struct run *run, const char *origin, uint64_t first)
{
    *run = (struct run){.first = first,
                        .next = first,
                        .trusted_from = first,
                        .t_lo_us = INT64_MAX,
                        .t_hi_us = INT64_MIN};
    snprintf(run->origin, sizeof run->origin, "%s", origin ? origin : "");
}

void run_free(struct run *run)
{
    block_view_free(&run->view);
}

void run_link(struct run *run, const struct digest *leaf)
{
    run->leaf = *leaf;
    run->linked = true;
}

static void add_fault(struct run *run, bool in_block, uint64_t block, const struct why *why)
{
    run->faults++;
    if (!run->fault.found) {
        run->fault = (struct run_fault){true, in_block, block, *why};
    }
}

void run_object(struct run *run, const struct why *why)
{
    add_fault(run, false, 0, why);
}

void run_fail(struct run *run, const struct why *why)
{
    add_fault(run, false, 0, why);
    run->trusted_from = run->next;
}

// The block could not be trusted: only what comes behind it still may.
static bool refuse(struct run *run, const struct why *why)
{
    add_fault(run, true, run->next, why);
    run->trusted_from = run->next + 1;
    return false;
}

// The fault is the block's before: the one after it names another.
static void refuse_before(struct run *run)
{
    struct why why;
    why_set(&why, ERROR_INPUT,
            "it is not the one that block %" PRIu64 " names: its bytes are not those that were "
            "recorded",
            run->next);
    add_fault(run, true, run->next - 1, &why);
    run->trusted_from = run->next;
}

static void count(struct run *run)
{
    const struct block_view *view = &run->view;
    run->readings += view->reading_count;
    run->missed += view->missed_count;
    run->events += view->event_count;
    for (size_t i = 0; i < view->reading_count; i++) {
        int64_t t_us = view->readings[i].t_us;
        run->t_lo_us = t_us < run->t_lo_us ? t_us : run->t_lo_us;
        run->t_hi_us = t_us > run->t_hi_us ? t_us : run->t_hi_us;
    }
}

static int check_points(const struct block_view *view, const struct points *points, struct why *why)
{
    uint32_t known = 0;
    bool any = false; // `known` is defined: readings of a point often follow one another
    for (size_t i = 0; i < view->reading_count + view->missed_count; i++) {
        uint32_t point = i < view->reading_count ? view->readings[i].point
                                                 : view->missed[i - view->reading_count].point;
        if (any && point == known) {
            continue;
        }
        if (!points_find(points, point)) {
            return why_set(why, ERROR_INPUT, "point %" PRIu32 " is not in its definitions", point);
        }
        known = point;
        any = true;
    }
    return OK;
}

// All but the link to the block before.
static int check(struct run *run, const void *bytes, size_t length, struct why *why)
{
    struct block_view *view = &run->view;
    int error = block_parse(view, bytes, length, why);
    if (error) {
        return error;
    }
    if (!run->origin[0]) {
        snprintf(run->origin, sizeof run->origin, "%s", view->origin);
    }
    if (strcmp(view->origin, run->origin) != 0) {
        return why_set(why, ERROR_INPUT, "it is of another log, %s", view->origin);
    }
    if (view->n != run->next) {
        return why_set(why, ERROR_INPUT, "in its place stands block %" PRIu64, view->n);
    }
    const struct book_entry *entry = run->definitions(run->context, &view->definitions, why);
    return entry ? check_points(view, &entry->points, why) : ERROR_ABSENT;
}

bool run_take(struct run *run, const void *bytes, size_t length)
{
    struct why why = {""};
    struct digest leaf = block_leaf(bytes, length);
    bool good = check(run, bytes, length, &why) == OK;
    if (good && run->linked && memcmp(&run->view.previous, &run->leaf, sizeof leaf) != 0) {
        refuse_before(run);
    }
    good = good || refuse(run, &why);
    if (good) {
        count(run);
    }
    run->leaf = leaf;
    run->linked = true;
    run->next++;
    return good;
}

void run_skip(struct run *run, const struct digest *leaf, const struct why *why)
{
    refuse(run, why);
    run->linked = leaf != NULL;
    if (leaf) {
        run->leaf = *leaf;
    }
    run->next++;
}

int run_each_file(const struct block_view *view,
                  int (*each)(void *context, const struct digest *hash), void *context)
{
    static const char kind[] = "log.recovered";
    int result = 0;
    for (size_t i = 0; i < view->event_count && !result; i++) {
        const struct block_event *event = &view->events[i];
        struct digest hash;
        if (event->kind_length == sizeof kind - 1 &&
            memcmp(event->kind, kind, sizeof kind - 1) == 0 &&
            event->subject_length == 2 * DIGEST_SIZE &&
            text_parse_hex(event->subject, hash.bytes, DIGEST_SIZE) == OK) {
            result = each(context, &hash);
        }
    }
    return result;
}
