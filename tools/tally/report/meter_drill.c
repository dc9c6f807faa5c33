// collection_drill: quarters of an hour whose readings are all needed, from the blocks.

#include "report/meter_collect.h"

#include "base/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_TEXT_MAX 64

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// The quarters that are drilled for any meter, ascending, each once.
static int64_t *list_quarters(const struct collection *collection, size_t *count)
{
    size_t room = 0;
    for (size_t i = 0; i < collection->work_count; i++) {
        room += collection->works[i].entry_count;
    }
    int64_t *list = malloc((room + 1) * sizeof *list);
    size_t all = 0;
    for (size_t i = 0; list && i < collection->work_count; i++) {
        const struct work *work = &collection->works[i];
        for (size_t j = 0; j < work->entry_count; j++) {
            if (work->entries[j].drill) {
                list[all++] = work->entries[j].quarter;
            }
        }
    }
    *count = 0;
    if (list && all) {
        qsort(list, all, sizeof *list, by_size);
    }
    for (size_t i = 0; list && i < all; i++) {
        if (*count == 0 || list[*count - 1] != list[i]) {
            list[(*count)++] = list[i];
        }
    }
    return list;
}

static int owner_by_number(const void *key, const void *element)
{
    uint32_t x = *(const uint32_t *)key, y = ((const struct owner *)element)->number;
    return x < y ? -1 : x > y;
}

static int entry_by_quarter(const void *key, const void *element)
{
    int64_t x = *(const int64_t *)key, y = ((const struct entry *)element)->quarter;
    return x < y ? -1 : x > y;
}

// False when the reading has no number.
static bool read_value(const struct block_reading *reading, struct decimal *out)
{
    char text[VALUE_TEXT_MAX];
    const char *from = reading->indication;
    size_t length = reading->indication_length;
    if (number_parse(from, length).kind == NUMBER_NONE) {
        return false;
    }
    size_t quote = *from == '"';
    if (length - 2 * quote >= sizeof text) {
        return false;
    }
    memcpy(text, from + quote, length - 2 * quote);
    text[length - 2 * quote] = '\0';
    return decimal_parse(text, out) == OK;
}

// The value that is reckoned with; false when there is none.
static bool find_value(const struct collection *collection, const struct block_view *view,
                       size_t at, struct decimal *out)
{
    const struct amendments *amendments = meters_amendments(collection->meters);
    const struct amendment *amendment =
        amendments ? amendments_find(amendments, view->n, at) : NULL;
    return amendment
               ? amendment->kind == AMENDMENT_VALUE && decimal_parse(amendment->value, out) == OK
               : read_value(&view->readings[at], out);
}

const struct owner *collection_owner(const struct collection *collection, uint32_t number)
{
    return bsearch(&number, collection->owners, collection->number_count,
                   sizeof *collection->owners, owner_by_number);
}

int collection_read_block(struct collection *collection, uint64_t n, struct text *bytes,
                          struct block_view *view, struct why *why)
{
    struct meters *meters = collection->meters;
    int error = ledger_reader_block(meters->logs[meters->log].reader, n, bytes, why);
    error = error ? error : block_parse(view, bytes->data, bytes->length, why);
    if (error && error != ERROR_ABSENT && !collection->told) {
        fprintf(stderr, "%s: block %" PRIu64 " is left out: %s\n", meters->command, n, why->text);
        meters->left_out++;
    }
    return error;
}

static int take_reading(struct collection *collection, const struct block_view *view, size_t at)
{
    const struct block_reading *reading = &view->readings[at];
    int64_t quarter = rollup_quarter_of(reading->t_us);
    const struct owner *owner = collection_owner(collection, reading->point);
    struct work *work = owner ? &collection->works[owner->work] : NULL;
    const struct entry *entry = work && work->entry_count
                                    ? bsearch(&quarter, work->entries, work->entry_count,
                                              sizeof *work->entries, entry_by_quarter)
                                    : NULL;
    struct decimal value;
    if (!entry || !entry->drill || !find_value(collection, view, at, &value)) {
        return OK;
    }
    if (reading->flags & FLAG_IDENTITY_MISMATCH) {
        work->meter->mismatched += collection_counts(collection, quarter);
        return OK;
    }
    struct drilled *list = collection_grow(collection->drilled, &collection->drilled_room,
                                           collection->drilled_count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    collection->drilled = list;
    list[collection->drilled_count++] = (struct drilled){
        .work = owner->work,
        .entry = (size_t)(entry - work->entries),
        .n = view->n,
        .at = at,
        .number = owner->place,
        .reading = {.t_us = reading->t_us,
                    .value = value,
                    .flags = reading->flags,
                    .bound_us = bound_us(bound_of(view->clock.error_us, reading->half_window_us))}};
    return OK;
}

static int read_quarter(struct collection *collection, int64_t quarter, struct text *bytes,
                        struct block_view *view, struct why *why)
{
    struct ledger_reader *reader = collection->meters->logs[collection->meters->log].reader;
    int64_t from_us = rollup_quarter_start(quarter), to_us = rollup_quarter_start(quarter + 1);
    uint64_t n = 0;
    int error;
    for (; !(error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why)); n++) {
        error = collection_read_block(collection, n, bytes, view, why);
        for (size_t i = 0; !error && i < view->reading_count; i++) {
            // A block may hold more than this quarter, whose turn comes, or came.
            if (view->readings[i].t_us >= from_us && view->readings[i].t_us < to_us &&
                take_reading(collection, view, i)) {
                return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
            }
        }
    }
    return error == ERROR_ABSENT ? OK : error;
}

// By whose they are, then as they were recorded.
static int by_record(const void *a, const void *b)
{
    const struct drilled *x = a, *y = b;
    if (x->work != y->work) {
        return x->work < y->work ? -1 : 1;
    }
    if (x->entry != y->entry) {
        return x->entry < y->entry ? -1 : 1;
    }
    if (x->n != y->n) {
        return x->n < y->n ? -1 : 1;
    }
    return x->at < y->at ? -1 : x->at > y->at;
}

// Times that do not rise as readings were recorded: the clock was set back, and nobody can say
// which of the two is later. One reading that was recorded twice is one.
static void look_at_order(struct entry *entry, struct drilled *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < entry->drilled_count; i++) {
        const struct energy_reading *now = &list[i].reading;
        const struct energy_reading *before = kept ? &list[kept - 1].reading : NULL;
        if (before && now->t_us <= before->t_us) {
            struct exact x = exact_of(now->value), y = exact_of(before->value);
            entry->dropped = entry->dropped || now->t_us < before->t_us || exact_compare(&x, &y);
            continue;
        }
        list[kept++] = list[i];
    }
    entry->drilled_count = kept;
}

// Two quarters, of which the later one by time was recorded, in part, before the earlier one.
static void look_across(struct entry *before, struct entry *after, const struct drilled *list)
{
    if (!before->drilled_count || !after->drilled_count) {
        return;
    }
    const struct drilled *last = &list[before->drilled + before->drilled_count - 1];
    const struct drilled *first = &list[after->drilled];
    if (last->n > first->n || (last->n == first->n && last->at > first->at)) {
        before->dropped = after->dropped = true;
    }
}

static void settle(struct collection *collection)
{
    struct drilled *list = collection->drilled;
    for (size_t i = 0; i < collection->drilled_count;) {
        struct work *work = &collection->works[list[i].work];
        struct entry *entry = &work->entries[list[i].entry];
        size_t end = i;
        while (end < collection->drilled_count && list[end].work == list[i].work &&
               list[end].entry == list[i].entry) {
            end++;
        }
        entry->drilled = i;
        entry->drilled_count = end - i;
        look_at_order(entry, list + i);
        i = end;
    }
    for (size_t i = 0; i < collection->work_count; i++) {
        struct work *work = &collection->works[i];
        for (size_t j = 1; j < work->entry_count; j++) {
            look_across(&work->entries[j - 1], &work->entries[j], list);
        }
        for (size_t j = 0; j < work->entry_count; j++) {
            work->meter->disordered +=
                work->entries[j].dropped && collection_counts(collection, work->entries[j].quarter);
        }
    }
}

int collection_drill(struct collection *collection, struct why *why)
{
    size_t count;
    int64_t *quarters = list_quarters(collection, &count);
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    int error = quarters ? OK : why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    for (size_t i = 0; !error && quarters && i < count; i++) {
        error = read_quarter(collection, quarters[i], &bytes, &view, why);
    }
    if (!error && collection->drilled_count) {
        qsort(collection->drilled, collection->drilled_count, sizeof *collection->drilled,
              by_record);
        settle(collection);
    }
    block_view_free(&view);
    text_free(&bytes);
    free(quarters);
    return error;
}
