#include "report/meter_collect.h"

#include "base/reading.h"

#include <stdlib.h>

#define ROLLUPS_MAX 300000 // in memory at once: 43 MB

void *collection_grow(void *list, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return list;
    }
    size_t more = *room ? 2 * *room : 64;
    void *grown = realloc(list, more * size);
    *room = grown ? more : *room;
    return grown;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct owner *)a)->number, y = ((const struct owner *)b)->number;
    return x < y ? -1 : x > y;
}

int collection_make(struct collection *collection, struct meters *meters, struct meter **some,
                    size_t count)
{
    size_t numbers = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        numbers += some[i]->number_count; // at most
    }
    *collection = (struct collection){.meters = meters, .work_count = count};
    collection->works = calloc(count + 1, sizeof *collection->works);
    collection->owners = calloc(numbers + 1, sizeof *collection->owners);
    collection->numbers = calloc(numbers + 1, sizeof *collection->numbers);
    if (!collection->works || !collection->owners || !collection->numbers) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        collection->works[i].meter = some[i];
        for (size_t j = 0; j < some[i]->number_count; j++) {
            if (some[i]->numbers[j].log == meters->log) {
                collection->owners[at++] = (struct owner){some[i]->numbers[j].number, i, j};
            }
        }
    }
    collection->number_count = at;
    qsort(collection->owners, at, sizeof *collection->owners, by_number);
    for (size_t i = 0; i < at; i++) {
        collection->numbers[i] = collection->owners[i].number;
    }
    return OK;
}

void collection_free(struct collection *collection)
{
    for (size_t i = 0; collection->works && i < collection->work_count; i++) {
        free(collection->works[i].entries);
    }
    free(collection->works);
    free(collection->owners);
    free(collection->numbers);
    free(collection->drilled);
}

// --- entries ------------------------------------------------------------------------------------

static bool has_exchange(const struct meter *meter, int64_t quarter)
{
    for (size_t i = 0; i < meter->exchange_count; i++) {
        if (rollup_quarter_of(meter->exchanges[i]->at_us) == quarter) {
            return true;
        }
    }
    return false;
}

// Whether first and last stand for all.
static bool is_plain(const struct rollup *rollup)
{
    return rollup->breaks == 0 && !(rollup->flags & FLAG_IDENTITY_MISMATCH) &&
           rollup->first.kind == NUMBER_DECIMAL && rollup->last.kind == NUMBER_DECIMAL;
}

// Whether a reading of the quarter is taken as it was amended.
static bool is_amended(const struct collection *collection, uint32_t number, int64_t quarter)
{
    const struct amendments *amendments = meters_amendments(collection->meters);
    return amendments && amendments_count(amendments, &number, 1, rollup_quarter_start(quarter),
                                          rollup_quarter_start(quarter + 1));
}

// Adds what one number has in a quarter: an entry, or to that of another number. The roll-up may
// have no number at all when a reading is amended.
static int add_rollup(struct work *work, size_t place, int64_t quarter, const struct rollup *rollup,
                      bool amended)
{
    size_t count = work->entry_count;
    if (count && work->entries[count - 1].quarter == quarter) {
        work->entries[count - 1].drill = true;
        return OK;
    }
    struct entry *list = collection_grow(work->entries, &work->entry_room, count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    work->entries = list;
    list[count] =
        (struct entry){.quarter = quarter,
                       .number = place,
                       .first_us = rollup->first_us,
                       .last_us = rollup->last_us,
                       .first = rollup->first,
                       .last = rollup->last,
                       .flags = rollup->flags,
                       .bound_us = bound_us(rollup->bound),
                       .broken = rollup->breaks > 0,
                       .drill = amended || !is_plain(rollup) || has_exchange(work->meter, quarter)};
    // Was the clock set? Where readings did not rise, they may also lie in the quarters beside it.
    if (count &&
        (list[count].broken || list[count - 1].broken || list[count].first.kind == NUMBER_NONE ||
         list[count - 1].last.kind == NUMBER_NONE ||
         number_compare(list[count].first, list[count - 1].last) < 0)) {
        list[count - 1].drill = list[count].drill = true;
    }
    work->entry_count++;
    return OK;
}

bool collection_counts(const struct collection *collection, int64_t quarter)
{
    return collection->counts && quarter >= collection->meters->from &&
           quarter < collection->meters->to;
}

static void count_rollup(const struct collection *collection, struct meter *meter, size_t place,
                         int64_t quarter, const struct rollup *rollup)
{
    if (!collection_counts(collection, quarter)) {
        return;
    }
    meter->taken += rollup->count;
    meter->none += rollup->none;
    meter->missed += rollup->missed;
    if (rollup->count && meter->numbers[place].every_us > meter->greatest_every_us) {
        meter->greatest_every_us = meter->numbers[place].every_us;
    }
}

static int list_quarter(struct collection *collection, const struct rollup *rollups, size_t count,
                        size_t at, int64_t quarter)
{
    int error = OK;
    for (size_t i = 0; !error && i < collection->number_count; i++) {
        const struct owner *owner = &collection->owners[i];
        const struct rollup *rollup = &rollups[i * count + at];
        struct work *work = &collection->works[owner->work];
        count_rollup(collection, work->meter, owner->place, quarter, rollup);
        bool amended = is_amended(collection, owner->number, quarter);
        if (rollup->count || amended) {
            error = add_rollup(work, owner->place, quarter, rollup, amended);
        }
    }
    return error;
}

int collection_list(struct collection *collection, int64_t from, int64_t to, struct why *why)
{
    const struct meter_log *log = &collection->meters->logs[collection->meters->log];
    size_t window = ROLLUPS_MAX / collection->number_count + 1;
    window = (int64_t)window > to - from ? (size_t)(to - from) : window;
    struct rollup *rollups = calloc(window * collection->number_count, sizeof *rollups);
    int error = rollups ? OK : why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    while (!error && rollups && from < to) {
        size_t count = to - from < (int64_t)window ? (size_t)(to - from) : window;
        error = series_rollups_of(log->series, log->reader, collection->numbers,
                                  collection->number_count, from, rollups, count, why);
        for (size_t i = 0; !error && i < count; i++) {
            error = list_quarter(collection, rollups, count, i, from + (int64_t)i);
        }
        from += (int64_t)count;
    }
    free(rollups);
    return error;
}
