#include "amendments/amendments.h"

#include "common/entry.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFINITION_MAX 65536

// --- finding them -------------------------------------------------------------------------------

static int add(struct amendments *amendments, const struct amended *one)
{
    if (amendments->count == amendments->room) {
        size_t room = amendments->room ? 2 * amendments->room : 16;
        struct amended *grown = realloc(amendments->list, room * sizeof *grown);
        if (!grown) {
            return ERROR_MEMORY;
        }
        amendments->list = grown;
        amendments->room = room;
    }
    char *reason = strdup(one->what.reason);
    if (!reason) {
        return ERROR_MEMORY;
    }
    amendments->list[amendments->count] = *one;
    amendments->list[amendments->count++].what.reason = reason;
    return OK;
}

static int take_entry(void *context, const struct entry *entry)
{
    struct amendments *amendments = context;
    struct why why = {""};
    struct amended one = {
        .user = entry->user, .t_us = entry->t_us, .n = entry->n, .event = entry->index};
    if (amendment_parse(&one.what, entry->body, &why) != OK) {
        if (amendments->malformed++ == 0) {
            snprintf(amendments->first, sizeof amendments->first,
                     "block %" PRIu64 ", events[%zu]: %.400s", entry->n, entry->index, why.text);
        }
        return OK;
    }
    snprintf(one.name, sizeof one.name, "%s", entry->subject);
    memcpy(one.account, entry->account, sizeof one.account);
    return add(amendments, &one);
}

static int compare_places(const struct amended *x, uint64_t block, uint64_t index)
{
    if (x->what.block != block) {
        return x->what.block < block ? -1 : 1;
    }
    return x->what.index < index ? -1 : x->what.index > index;
}

static bool amends(const struct amended *one)
{
    return one->state == AMENDED_HOLDS || one->state == AMENDED_SUPERSEDED;
}

// What amends nothing last.
static int by_reading(const void *a, const void *b)
{
    const struct amended *x = a, *y = b;
    int order = amends(x) != amends(y) ? amends(y) - amends(x)
                                       : compare_places(x, y->what.block, y->what.index);
    if (order) {
        return order;
    }
    if (x->n != y->n) {
        return x->n < y->n ? -1 : 1;
    }
    return x->event < y->event ? -1 : x->event > y->event;
}

// --- whether there is such a reading ------------------------------------------------------------

struct looking {
    struct ledger_reader *reader;
    uint64_t first, size; // blocks kept
    bool read;            // the view is that of block n
    uint64_t n;
    struct text bytes;
    struct block_view view;
    bool named; // the name is that of the point `number`
    uint32_t number;
    char name[ENTRY_SUBJECT_MAX + 1], unit[AMENDMENT_UNIT_SIZE];
};

static void look_up_name(struct looking *looking, uint32_t number)
{
    struct text bytes = text_make(DEFINITION_MAX);
    cJSON *json = ledger_reader_point_definition(looking->reader, number, &bytes, NULL)
                      ? NULL
                      : cJSON_ParseWithLength(bytes.data, bytes.length);
    const char *words[] = {"instrument", "quantity", "unit"};
    for (size_t i = 0; i < 3; i++) {
        const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, words[i]));
        words[i] = word ? word : "";
    }
    snprintf(looking->name, sizeof looking->name, "%.90s.%.90s", words[0], words[1]);
    snprintf(looking->unit, sizeof looking->unit, "%s", words[2]);
    looking->named = true;
    looking->number = number;
    cJSON_Delete(json);
    text_free(&bytes);
}

// Whether name and unit are the point's.
static bool is_named(struct looking *looking, const struct amended *one)
{
    if (!looking->named || looking->number != one->what.point) {
        look_up_name(looking, one->what.point);
    }
    bool unitless = !*one->what.recorded && one->what.kind != AMENDMENT_VALUE;
    return strcmp(looking->name, one->name) == 0 &&
           (unitless || strcmp(looking->unit, one->what.unit) == 0);
}

static bool is_of(const struct amended *one, const struct block_reading *reading)
{
    struct amendment as_recorded;
    return reading->point == one->what.point && reading->t_us == one->what.t_us &&
           amendment_set_recorded(&as_recorded, reading->indication, reading->indication_length) &&
           strcmp(as_recorded.recorded, one->what.recorded) == 0;
}

static int look(struct looking *looking, struct amended *one, struct why *why)
{
    uint64_t n = one->what.block;
    if (n < looking->first) {
        one->state = AMENDED_PRUNED;
        return OK;
    }
    one->state = AMENDED_NOTHING;
    if (n >= one->n || n >= looking->size || !is_named(looking, one)) {
        return OK;
    }
    if (!looking->read || looking->n != n) {
        looking->read = false;
        int error = ledger_reader_block(looking->reader, n, &looking->bytes, why);
        error = error
                    ? error
                    : block_parse(&looking->view, looking->bytes.data, looking->bytes.length, why);
        if (error) {
            return error == ERROR_MEMORY ? error : OK; // whoever reads the block says so
        }
        looking->read = true;
        looking->n = n;
    }
    if (one->what.index < looking->view.reading_count &&
        is_of(one, &looking->view.readings[one->what.index])) {
        one->state = AMENDED_HOLDS;
    }
    return OK;
}

static int look_at_all(struct amendments *amendments, struct ledger_reader *reader, struct why *why)
{
    struct looking looking = {.reader = reader, .bytes = text_make(BLOCK_BYTES_MAX)};
    int error = ledger_reader_extent(reader, &looking.first, &looking.size, why);
    for (size_t i = 0; !error && i < amendments->count; i++) {
        error = look(&looking, &amendments->list[i], why);
    }
    block_view_free(&looking.view);
    text_free(&looking.bytes);
    return error;
}

static void settle(struct amendments *amendments)
{
    struct amended *list = amendments->list;
    qsort(list, amendments->count, sizeof *list, by_reading);
    while (amendments->amending < amendments->count && amends(&list[amendments->amending])) {
        amendments->amending++;
    }
    for (size_t i = 1; i < amendments->amending; i++) {
        if (compare_places(&list[i - 1], list[i].what.block, list[i].what.index) == 0) {
            list[i - 1].state = AMENDED_SUPERSEDED;
        }
    }
}

int amendments_load(struct amendments *out, struct ledger_reader *reader, struct why *why)
{
    *out = (struct amendments){.count = 0};
    int error = entry_each(reader, 0, AMENDMENT_KIND, take_entry, out, why);
    if (error || !out->count) {
        return error == ERROR_MEMORY ? why_set(why, error, "%s", error_text(error)) : error;
    }
    // By block, so that each is read once.
    qsort(out->list, out->count, sizeof *out->list, by_reading);
    error = look_at_all(out, reader, why);
    settle(out);
    return error;
}

void amendments_free(struct amendments *amendments)
{
    for (size_t i = 0; i < amendments->count; i++) {
        free((char *)amendments->list[i].what.reason);
    }
    free(amendments->list);
    *amendments = (struct amendments){.count = 0};
}

// --- asking -------------------------------------------------------------------------------------

const struct amended *amendments_of(const struct amendments *amendments, uint64_t block,
                                    size_t index, size_t *count)
{
    size_t low = 0, high = amendments->amending, end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_places(&amendments->list[middle], block, index) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (end = low;
         end < amendments->amending && compare_places(&amendments->list[end], block, index) == 0;) {
        end++;
    }
    *count = end - low;
    return *count ? &amendments->list[low] : NULL;
}

const struct amendment *amendments_find(const struct amendments *amendments, uint64_t block,
                                        size_t index)
{
    size_t count;
    const struct amended *all = amendments_of(amendments, block, index, &count);
    return all && all[count - 1].what.kind != AMENDMENT_WITHDRAWN ? &all[count - 1].what : NULL;
}

size_t amendments_count(const struct amendments *amendments, const uint32_t *points,
                        size_t point_count, int64_t from_us, int64_t to_us)
{
    size_t count = 0;
    for (size_t i = 0; i < amendments->amending; i++) {
        const struct amended *one = &amendments->list[i];
        bool counts = one->state == AMENDED_HOLDS && one->what.kind != AMENDMENT_WITHDRAWN &&
                      one->what.t_us >= from_us && one->what.t_us < to_us;
        for (size_t j = 0; counts && j < point_count; j++) {
            count += points[j] == one->what.point;
        }
    }
    return count;
}

bool amendments_say_faults(const struct amendments *amendments, const char *command)
{
    size_t nothing = 0;
    for (size_t i = 0; i < amendments->count; i++) {
        nothing += amendments->list[i].state == AMENDED_NOTHING;
    }
    if (amendments->malformed) {
        fprintf(stderr, "%s: %zu amendment%s not of the form required: %s\n", command,
                amendments->malformed, amendments->malformed == 1 ? " is" : "s are",
                amendments->first);
    }
    if (nothing) {
        fprintf(stderr,
                "%s: %zu amendment%s of no reading that the ledger holds: see tally amend list\n",
                command, nothing, nothing == 1 ? " is" : "s are");
    }
    return nothing || amendments->malformed;
}
