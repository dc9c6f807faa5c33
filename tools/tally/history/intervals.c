#include "history/intervals.h"

#include "amendments/rollup_amended.h"
#include "history/interval_rows.h"

#include "series/series.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_LEAST 256 // quarters: more than a day has
#define WINDOW_MOST  40000
#define UNIT_SIZE    33

struct writing {
    const struct intervals *of;
    struct series *series;
    char (*units)[UNIT_SIZE]; // of each number
    struct rollup *rollups;   // of each number in turn, `room` quarters from `first` on
    size_t room;
    int64_t first;
    bool filled;
    bool begun; // a row was written
};

// "" when the ledger does not know.
static void find_unit(struct ledger_reader *reader, uint32_t number, char unit[UNIT_SIZE])
{
    struct text definition = text_make(65536);
    if (ledger_reader_point_definition(reader, number, &definition, NULL) == OK) {
        cJSON *json = cJSON_ParseWithLength(definition.data, definition.length);
        const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "unit"));
        snprintf(unit, UNIT_SIZE, "%s", string ? string : "");
        cJSON_Delete(json);
    }
    text_free(&definition);
}

// Sees to it that the quarters [from, to) are there.
static int fill(struct writing *writing, int64_t from, int64_t to, struct why *why)
{
    const struct intervals *of = writing->of;
    if (writing->filled && from >= writing->first &&
        to <= writing->first + (int64_t)writing->room) {
        return OK;
    }
    int error = OK;
    for (size_t i = 0; !error && i < of->number_count; i++) {
        error = series_rollups(writing->series, of->reader, of->numbers[i], from,
                               writing->rollups + i * writing->room, writing->room, why);
    }
    writing->first = from;
    writing->filled = !error;
    return error;
}

static const char *state_of(const struct intervals *of, int64_t from_us, int64_t to_us)
{
    return from_us < of->kept_us ? "pruned" : to_us > of->recorded_us ? "open" : "complete";
}

static void write_row(struct writing *writing, const struct interval_row *row)
{
    interval_rows_write(writing->of->form, stdout, writing->of->name, row, !writing->begun);
    writing->begun = true;
}

static const struct rollup *stored_of(const struct writing *writing, size_t i, int64_t quarter)
{
    return &writing->rollups[i * writing->room + (size_t)(quarter - writing->first)];
}

// Those quarters of number i in which a reading is amended come from the blocks.
static int sum_as_amended(struct writing *writing, size_t i, int64_t from, int64_t to,
                          struct rollup *sum, struct why *why)
{
    const struct intervals *of = writing->of;
    int error = OK;
    for (int64_t quarter = from; !error && quarter < to; quarter++) {
        int64_t from_us = rollup_quarter_start(quarter), to_us = rollup_quarter_start(quarter + 1);
        if (amendments_count(of->amendments, &of->numbers[i], 1, from_us, to_us)) {
            struct rollup one = {0};
            error = rollup_as_amended(of->reader, of->amendments, &of->numbers[i], 1, from_us,
                                      to_us, &one, why);
            rollup_merge(sum, &one);
        } else {
            rollup_merge(sum, stored_of(writing, i, quarter));
        }
    }
    return error;
}

// The row of number i, if it has something in the quarters [from, to); *any tells.
static int write_number(struct writing *writing, size_t i, int64_t from, int64_t to,
                        struct interval_row row, bool *any, struct why *why)
{
    const struct intervals *of = writing->of;
    struct rollup sum = {0}, as_amended = {0};
    int error = OK;
    for (int64_t quarter = from; quarter < to; quarter++) {
        rollup_merge(&sum, stored_of(writing, i, quarter));
    }
    if (!sum.count && !sum.none && !sum.missed) {
        return OK;
    }
    row.rollup = &sum;
    row.as_amended = &as_amended;
    row.point = of->numbers[i];
    row.unit = writing->units[i];
    row.amended = amendments_count(of->amendments, &of->numbers[i], 1, row.from_us, row.to_us);
    if (row.amended) {
        error = sum_as_amended(writing, i, from, to, &as_amended, why);
    }
    if (!error) {
        write_row(writing, &row);
    }
    *any = true;
    return error;
}

// The quarters [from, to): a row for each number that has something there, or one that says that
// none has.
static int write_interval(struct writing *writing, int64_t from, int64_t to, struct why *why)
{
    const struct intervals *of = writing->of;
    const struct rollup none = {0};
    struct interval_row row = {.from_us = rollup_quarter_start(from),
                               .to_us = rollup_quarter_start(to),
                               .unit = "",
                               .rollup = &none};
    bool any = false;
    int error = OK;
    row.state = state_of(of, row.from_us, row.to_us);
    for (size_t i = 0; !error && i < of->number_count; i++) {
        error = write_number(writing, i, from, to, row, &any, why);
    }
    if (!any) {
        write_row(writing, &row);
    }
    return error;
}

static int write_all(struct writing *writing, int64_t from, int64_t to, struct why *why)
{
    const struct intervals *of = writing->of;
    int error = OK;
    interval_rows_begin(of->form, stdout);
    for (int64_t quarter = from; !error && quarter < to && !ferror(stdout);) {
        int64_t end = interval_end(of->interval, quarter);
        error = fill(writing, quarter, end, why);
        error = error ? error : write_interval(writing, quarter, end, why);
        quarter = end;
    }
    if (!error) {
        interval_rows_end(of->form, stdout);
    }
    return error;
}

static int check_count(const struct intervals *of, int64_t from, int64_t to, struct why *why)
{
    static const int64_t quarters[] = {
        [INTERVAL_QUARTER] = 1, [INTERVAL_HOUR] = 4, [INTERVAL_DAY] = 96};
    int64_t count = (to - from) / quarters[of->interval];
    return count <= INTERVALS_MAX
               ? OK
               : why_set(why, ERROR_RANGE,
                         "%lld intervals are more than %d: ask for less by --from and --to",
                         (long long)count, INTERVALS_MAX);
}

// As many quarters at a time as are asked for, within bounds.
static int make_room(struct writing *writing, int64_t from, int64_t to)
{
    size_t count = writing->of->number_count;
    size_t most = WINDOW_MOST / count < WINDOW_LEAST ? WINDOW_LEAST : WINDOW_MOST / count;
    writing->room =
        to - from + WINDOW_LEAST < (int64_t)most ? (size_t)(to - from) + WINDOW_LEAST : most;
    writing->rollups = calloc(count * writing->room, sizeof *writing->rollups);
    writing->units = calloc(count, sizeof *writing->units);
    return writing->rollups && writing->units ? OK : ERROR_MEMORY;
}

int intervals_write(const struct intervals *of, struct why *why)
{
    struct writing writing = {.of = of};
    int64_t from = interval_start(of->interval, rollup_quarter_of(of->from_us));
    int64_t to = rollup_quarter_of(of->to_us - 1) + 1;
    int error = check_count(of, from, to, why);
    if (!error && make_room(&writing, from, to)) {
        error = why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    error = error ? error : series_open(&writing.series, of->directory, false, why);
    for (size_t i = 0; !error && i < of->number_count; i++) {
        find_unit(of->reader, of->numbers[i], writing.units[i]);
    }
    error = error ? error : write_all(&writing, from, to, why);
    series_close(writing.series);
    free(writing.units);
    free(writing.rollups);
    return error;
}
