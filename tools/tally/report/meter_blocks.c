// collection_list_blocks: which quarters of an hour hold readings, from the blocks alone.

#include "report/meter_collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int by_quarter(const void *a, const void *b)
{
    int64_t x = ((const struct entry *)a)->quarter, y = ((const struct entry *)b)->quarter;
    return x < y ? -1 : x > y;
}

static int add_entry(struct work *work, int64_t quarter, size_t number)
{
    size_t count = work->entry_count;
    if (count && work->entries[count - 1].quarter == quarter) {
        return OK;
    }
    struct entry *list = collection_grow(work->entries, &work->entry_room, count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    work->entries = list;
    list[work->entry_count++] = (struct entry){.quarter = quarter, .number = number, .drill = true};
    return OK;
}

static int take_reading(struct collection *collection, const struct block_reading *reading)
{
    const struct owner *owner = collection_owner(collection, reading->point);
    if (!owner) {
        return OK;
    }
    struct work *work = &collection->works[owner->work];
    struct meter *meter = work->meter;
    int64_t quarter = rollup_quarter_of(reading->t_us);
    bool has = number_parse(reading->indication, reading->indication_length).kind != NUMBER_NONE;
    if (collection_counts(collection, quarter)) {
        int64_t every_us = meter->numbers[owner->place].every_us;
        meter->taken += has;
        meter->none += !has;
        if (has && every_us > meter->greatest_every_us) {
            meter->greatest_every_us = every_us;
        }
    }
    return add_entry(work, quarter, owner->place); // one without a number may be amended
}

static int take_block(struct collection *collection, const struct block_view *view, int64_t from_us,
                      int64_t to_us)
{
    int error = OK;
    for (size_t i = 0; !error && i < view->reading_count; i++) {
        int64_t t_us = view->readings[i].t_us;
        error = t_us >= from_us && t_us < to_us ? take_reading(collection, &view->readings[i]) : OK;
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        const struct owner *owner = collection_owner(collection, view->missed[i].point);
        if (owner && collection_counts(collection, rollup_quarter_of(view->missed[i].t_us))) {
            collection->works[owner->work].meter->missed++;
        }
    }
    return error;
}

// In order of time, each quarter once.
static void sort(struct work *work)
{
    size_t kept = 0;
    if (work->entry_count) {
        qsort(work->entries, work->entry_count, sizeof *work->entries, by_quarter);
    }
    for (size_t i = 0; i < work->entry_count; i++) {
        if (kept == 0 || work->entries[kept - 1].quarter != work->entries[i].quarter) {
            work->entries[kept++] = work->entries[i];
        }
    }
    work->entry_count = kept;
}

int collection_list_blocks(struct collection *collection, int64_t from, int64_t to, struct why *why)
{
    struct ledger_reader *reader = collection->meters->logs[collection->meters->log].reader;
    int64_t from_us = rollup_quarter_start(from), to_us = rollup_quarter_start(to);
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    int error = OK, found = OK;
    uint64_t n = 0;
    for (; !error; n++) {
        found = ledger_reader_next_in_time(reader, from_us, to_us, &n, why);
        if (found) {
            break;
        }
        if (collection_read_block(collection, n, &bytes, &view, why) == OK &&
            take_block(collection, &view, from_us, to_us)) {
            error = why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
        }
    }
    if (found && found != ERROR_ABSENT) {
        fprintf(stderr, "%s: what is behind block %" PRIu64 " is left out: %s\n",
                collection->meters->command, n, why->text);
        collection->meters->left_out++;
    }
    for (size_t i = 0; i < collection->work_count; i++) {
        sort(&collection->works[i]);
    }
    collection->told = true;
    block_view_free(&view);
    text_free(&bytes);
    return error;
}
