// meters_read: what was collected, in order of time, with closing and opening readings.

#include "report/meter_collect.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US        INT64_C(1000000)
#define TOLERANCE_MAX_US (60 * SECOND_US)
#define BESIDE           2
#define TAKEN_MOST       8
#define RENAMED_US       (7 * 86400 * SECOND_US)

// Within half a period there is always a reading when none is missing, but for what polls wander:
// a tenth of a period, a second at most.
static int64_t tolerance_of(int64_t every_us)
{
    int64_t wander_us = every_us / 10 < SECOND_US ? every_us / 10 : SECOND_US;
    int64_t tolerance_us = every_us / 2 + wander_us;
    return every_us == 0 || tolerance_us > TOLERANCE_MAX_US ? TOLERANCE_MAX_US : tolerance_us;
}

static struct decimal decimal_of(struct number number)
{
    return (struct decimal){.magnitude = number.mantissa < 0 ? -(uint64_t)number.mantissa
                                                             : (uint64_t)number.mantissa,
                            .negative = number.mantissa < 0,
                            .exponent = (int8_t)number.exponent};
}

// --- raw readings -------------------------------------------------------------------------------

static int add_raw(struct meter *meter, const struct energy_reading *reading, size_t number)
{
    struct meter_reading *list =
        collection_grow(meter->raw, &meter->raw_room, meter->raw_count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    meter->raw = list;
    list[meter->raw_count++] = (struct meter_reading){*reading, number};
    return OK;
}

static int add_plain(struct meter *meter, const struct entry *entry)
{
    struct energy_reading first = {.t_us = entry->first_us,
                                   .value = decimal_of(entry->first),
                                   .flags = entry->flags,
                                   .bound_us = entry->bound_us};
    struct energy_reading last = {.t_us = entry->last_us,
                                  .value = decimal_of(entry->last),
                                  .flags = entry->flags,
                                  .bound_us = entry->bound_us};
    int error = add_raw(meter, &first, entry->number);
    return error || entry->last_us == entry->first_us ? error
                                                      : add_raw(meter, &last, entry->number);
}

static int add_entry(struct meter *meter, const struct entry *entry, const struct drilled *drilled)
{
    int error = OK;
    if (!entry->drill) {
        return add_plain(meter, entry);
    }
    for (size_t i = 0; !error && !entry->dropped && i < entry->drilled_count; i++) {
        const struct drilled *one = &drilled[entry->drilled + i];
        error = add_raw(meter, &one->reading, one->number);
    }
    return error;
}

// --- collecting ---------------------------------------------------------------------------------

// Which quarters of an hour are looked at, and which of them are taken. Beside those that are taken
// lie others, for where the clock was set (meter_collect.c).
struct reach {
    int64_t from, to;
    int64_t take_from, take_to;
    enum { TAKE_ALL, TAKE_LAST, TAKE_FIRST } take; // of many only those next to the time asked for
};

// Some, because the one may have to be dropped.
static void shorten(struct work *work, const struct reach *reach)
{
    size_t most = TAKEN_MOST + BESIDE;
    if (reach->take == TAKE_ALL || work->entry_count <= most) {
        return;
    }
    if (reach->take == TAKE_LAST) {
        memmove(work->entries, work->entries + work->entry_count - most,
                most * sizeof *work->entries);
    }
    work->entry_count = most;
}

static int add_entries(struct collection *collection, const struct reach *reach)
{
    int error = OK;
    for (size_t i = 0; !error && i < collection->work_count; i++) {
        const struct work *work = &collection->works[i];
        for (size_t j = 0; !error && j < work->entry_count; j++) {
            const struct entry *entry = &work->entries[j];
            if (entry->quarter >= reach->take_from && entry->quarter < reach->take_to) {
                error = add_entry(work->meter, entry, collection->drilled);
            }
        }
    }
    return error;
}

// Adds what one log has to the raw readings of some meters.
static int collect_log(struct meters *meters, struct meter **some, size_t count,
                       const struct reach *reach, struct why *why)
{
    struct collection collection = {.counts = false};
    int error = collection_make(&collection, meters, some, count);
    collection.counts = reach->take == TAKE_ALL;
    if (!error && collection.number_count) {
        error = meters->logs[meters->log].series
                    ? collection_list(&collection, reach->from, reach->to, why)
                    : collection_list_blocks(&collection, reach->from, reach->to, why);
        for (size_t i = 0; !error && i < count; i++) {
            shorten(&collection.works[i], reach);
        }
        error = error ? error : collection_drill(&collection, why);
        error = error ? error : add_entries(&collection, reach);
    }
    collection_free(&collection);
    return error == ERROR_MEMORY ? why_set(why, error, "%s", error_text(error)) : error;
}

static int by_time(const void *a, const void *b)
{
    const struct meter_reading *x = a, *y = b;
    return x->reading.t_us < y->reading.t_us ? -1 : x->reading.t_us > y->reading.t_us;
}

// Adds to the raw readings of some meters, in order of time where there are several logs.
static int collect(struct meters *meters, struct meter **some, size_t count,
                   const struct reach *reach, struct why *why)
{
    int error = OK;
    for (size_t i = 0; !error && count && i < meters->log_count; i++) {
        meters->log = i;
        error = collect_log(meters, some, count, reach, why);
    }
    for (size_t i = 0; !error && meters->log_count > 1 && i < count; i++) {
        if (some[i]->raw_count) {
            qsort(some[i]->raw, some[i]->raw_count, sizeof *some[i]->raw, by_time);
            meter_drop_mixed(some[i], meters);
        }
    }
    return error;
}

static bool reaches(const struct meter *meter, bool before, int64_t edge_us)
{
    return meter->raw_count &&
           (before ? meter->raw[0].reading.t_us <= edge_us + meter->rules.tolerance_us
                   : meter->raw[meter->raw_count - 1].reading.t_us >=
                         edge_us - meter->rules.tolerance_us);
}

// Looks further before and after the time asked for where no reading lies at its edge.
static int extend(struct meters *meters, struct meter **some, bool before, struct why *why)
{
    int64_t edge_us = rollup_quarter_start(before ? meters->from : meters->to);
    size_t count = 0;
    for (size_t i = 0; i < meters->count; i++) {
        if (!reaches(&meters->list[i], before, edge_us)) {
            some[count++] = &meters->list[i];
        }
    }
    struct reach reach = {.from = meters->from - BESIDE - METER_REACH_QUARTERS,
                          .to = meters->from,
                          .take_from = INT64_MIN,
                          .take_to = meters->from - BESIDE,
                          .take = TAKE_LAST};
    if (!before) {
        reach = (struct reach){.from = meters->to,
                               .to = meters->to + BESIDE + METER_REACH_QUARTERS,
                               .take_from = meters->to + BESIDE,
                               .take_to = INT64_MAX,
                               .take = TAKE_FIRST};
    }
    int error = collect(meters, some, count, &reach, why);
    for (size_t i = 0; !error && i < count; i++) {
        if (some[i]->raw_count) {
            qsort(some[i]->raw, some[i]->raw_count, sizeof *some[i]->raw, by_time);
        }
    }
    return error;
}

// --- closing and opening readings ---------------------------------------------------------------

// What goes on while a meter's readings are put together.
struct joining {
    struct meter *meter;
    size_t next;          // exchange
    bool renamed;         // the exchange before was not followed by another identity yet
    int64_t exchanged_us; // when it was
};

static void add(struct meter *meter, int64_t t_us, struct decimal value, enum energy_joint joint,
                uint32_t source)
{
    meter->readings[meter->reading_count++] =
        (struct energy_reading){.t_us = t_us, .value = value, .joint = joint, .source = source};
}

// The exchanges between two readings: up to the closing reading it was the meter of the first.
static void add_exchanges(struct joining *joining, const struct meter_reading *before,
                          const struct meter_reading *now)
{
    struct meter *meter = joining->meter;
    int64_t after_us = before->reading.t_us, until_us = now->reading.t_us;
    for (; joining->next < meter->exchange_count &&
           meter->exchanges[joining->next]->at_us <= until_us;
         joining->next++) {
        const struct energy_exchange *exchange = meter->exchanges[joining->next];
        if (exchange->at_us > after_us) {
            add(meter, exchange->at_us, exchange->closing, ENERGY_SAME,
                meter->numbers[before->number].source);
            add(meter, exchange->at_us, exchange->opening, ENERGY_OPENING,
                meter->numbers[now->number].source);
            joining->exchanged_us = exchange->at_us;
            joining->renamed = false;
        }
    }
}

// What was read since the last opening reading was read of the meter that has this source.
static void give_back(struct meter *meter, uint32_t source)
{
    for (size_t i = meter->reading_count; i-- > 0;) {
        meter->readings[i].source = source;
        if (meter->readings[i].joint == ENERGY_OPENING) {
            return;
        }
    }
}

static enum energy_joint join(struct joining *joining, size_t i)
{
    struct meter *meter = joining->meter;
    const struct meter_reading *before = &meter->raw[i - 1], *now = &meter->raw[i];
    add_exchanges(joining, before, now);
    if (meter->numbers[before->number].identity == meter->numbers[now->number].identity) {
        return ENERGY_SAME;
    }
    // The serial number in the configuration may follow some days after the exchange.
    if (joining->exchanged_us && !joining->renamed &&
        now->reading.t_us - joining->exchanged_us <= RENAMED_US) {
        joining->renamed = true;
        give_back(meter, meter->numbers[now->number].source);
        return ENERGY_SAME;
    }
    return ENERGY_DISJOINT;
}

static int put_together(struct meter *meter)
{
    struct joining joining = {.meter = meter};
    meter->readings =
        calloc(meter->raw_count + 2 * meter->exchange_count + 1, sizeof *meter->readings);
    if (!meter->readings) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < meter->raw_count; i++) {
        enum energy_joint joint = i ? join(&joining, i) : ENERGY_SAME;
        meter->readings[meter->reading_count] = meter->raw[i].reading;
        meter->readings[meter->reading_count].source = meter->numbers[meter->raw[i].number].source;
        meter->readings[meter->reading_count++].joint = joint;
    }
    free(meter->raw);
    meter->raw = NULL;
    return OK;
}

int meters_read(struct meters *meters, struct why *why)
{
    struct meter **all = calloc(meters->count + 1, sizeof(struct meter *));
    if (!all) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    for (size_t i = 0; i < meters->count; i++) {
        all[i] = &meters->list[i];
    }
    // The reading nearest to an edge may lie beyond it.
    const struct reach reach = {.from = meters->from - BESIDE,
                                .to = meters->to + BESIDE,
                                .take_from = INT64_MIN,
                                .take_to = INT64_MAX,
                                .take = TAKE_ALL};
    int error = collect(meters, all, meters->count, &reach, why);
    for (size_t i = 0; i < meters->count; i++) {
        meters->list[i].rules.tolerance_us = tolerance_of(meters->list[i].greatest_every_us);
    }
    error = error ? error : extend(meters, all, true, why);
    error = error ? error : extend(meters, all, false, why);
    for (size_t i = 0; !error && i < meters->count; i++) {
        if (put_together(&meters->list[i])) {
            error = why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
        }
    }
    free(all);
    return error;
}
