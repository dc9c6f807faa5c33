#include "history/interval_rows.h"

#include "common/show.h"

#include "base/clock.h"
#include "base/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define FIGURE_WIDTH   14
#define MEAN_WIDTH     18

// A number as in a block: exact where it is a decimal.
static struct value value_of(struct number number)
{
    if (number.kind == NUMBER_DOUBLE) {
        return (struct value){.kind = VALUE_FLOAT64, .float64 = number.real};
    }
    uint64_t magnitude = (uint64_t)(number.mantissa < 0 ? -number.mantissa : number.mantissa);
    return (struct value){.kind = VALUE_DECIMAL,
                          .decimal = {.magnitude = magnitude,
                                      .negative = number.mantissa < 0,
                                      .exponent = (int8_t)number.exponent}};
}

// What is written of a roll-up with numbers, in this order in CSV and JSON.
enum figure { MINIMUM, MAXIMUM, MEAN, FIRST, LAST };

static struct value figure_of(const struct rollup *rollup, enum figure figure)
{
    double mean;
    switch (figure) {
    case MINIMUM: return value_of(rollup->minimum);
    case MAXIMUM: return value_of(rollup->maximum);
    case FIRST: return value_of(rollup->first);
    case LAST: return value_of(rollup->last);
    default:
        mean = total_mean(&rollup->total, rollup->count);
        return isfinite(mean) ? (struct value){.kind = VALUE_FLOAT64, .float64 = mean}
                              : (struct value){.kind = VALUE_NONE};
    }
}

// Whether it is known how far the times of its readings may be wrong.
static bool has_bound(const struct rollup *rollup)
{
    return rollup->count && bound_us(rollup->bound) != INT64_MAX;
}

// --- table

static void table_figure(struct text *out, const struct rollup *rollup, enum figure figure)
{
    struct text cell = text_make(64);
    struct value value = figure_of(rollup, figure);
    value_append_plain(&cell, &value);
    int width = figure == MEAN ? MEAN_WIDTH : FIGURE_WIDTH, used = (int)show_width(cell.data);
    text_append_format(out, "%*s%s  ", used < width ? width - used : 0, "", cell.data);
    text_free(&cell);
}

static void table_counts(struct text *out, const struct rollup *rollup)
{
    text_append_format(out, "  %8" PRIu64 "  %6" PRIu64 "  %6" PRIu64 "  ", rollup->count,
                       rollup->none, rollup->missed);
    for (int figure = MINIMUM; rollup->count && figure <= LAST; figure++) {
        table_figure(out, rollup, (enum figure)figure);
    }
}

// A row of its own, below the one as recorded.
static void table_amended(struct text *out, const struct interval_row *row)
{
    char words[48];
    snprintf(words, sizeof words, "  as amended, %zu reading%s", row->amended,
             row->amended == 1 ? "" : "s");
    text_append_format(out, "%-30s", words);
    table_counts(out, row->as_amended);
    while (out->length && out->data[out->length - 1] == ' ') {
        out->length--;
    }
    text_append_string(out, "\n");
}

static void table_row(struct text *out, const struct interval_row *row)
{
    const struct rollup *rollup = row->rollup;
    show_append_local(out, row->from_us);
    if (rollup->count + rollup->none == 0) {
        text_append_format(out, "  gap: no reading, %" PRIu64 " missed", rollup->missed);
    } else {
        table_counts(out, rollup);
        text_append_format(out, "%*s", rollup->count ? 0 : 4 * (FIGURE_WIDTH + 2) + MEAN_WIDTH + 2,
                           "");
        show_append_clean(out, row->unit, SIZE_MAX);
        text_append_string(out, rollup->flags ? "  " : "");
        show_append_flags(out, rollup->flags, " ");
    }
    while (out->length && out->data[out->length - 1] == ' ') {
        out->length--;
    }
    if (strcmp(row->state, "complete") != 0) {
        text_append_format(out, "  (%s)", row->state);
    }
    text_append_string(out, "\n");
    if (row->amended) {
        table_amended(out, row);
    }
}

// --- CSV

static void csv_figure(struct text *out, const struct rollup *rollup, enum figure figure)
{
    struct value value = figure_of(rollup, figure);
    if (rollup->count && value.kind != VALUE_NONE) {
        value_append_plain(out, &value);
    }
    text_append_string(out, ",");
}

static void csv_moment(struct text *out, const struct rollup *rollup, int64_t t_us)
{
    if (rollup->count) {
        show_append_utc(out, t_us);
    }
    text_append_string(out, ",");
}

static void csv_amended(struct text *out, const struct interval_row *row)
{
    static const struct rollup none = {0};
    const struct rollup *rollup = row->amended ? row->as_amended : &none;
    if (row->amended) {
        text_append_format(out, "%" PRIu64 ",%" PRIu64, rollup->count, rollup->none);
    } else {
        text_append_string(out, ",");
    }
    for (int figure = MINIMUM; figure <= LAST; figure++) {
        struct value value = figure_of(rollup, (enum figure)figure);
        text_append_string(out, ",");
        if (rollup->count && value.kind != VALUE_NONE) {
            value_append_plain(out, &value);
        }
    }
}

static void csv_row(struct text *out, const char *name, const struct interval_row *row)
{
    const struct rollup *rollup = row->rollup;
    show_append_utc(out, row->from_us);
    text_append_string(out, ",");
    show_append_local(out, row->from_us);
    text_append_string(out, ",");
    show_append_utc(out, row->to_us);
    text_append_string(out, ",");
    rows_append_field(out, name);
    text_append_string(out, ",");
    if (row->point) {
        text_append_int(out, row->point);
    }
    text_append_string(out, ",");
    rows_append_field(out, row->unit);
    text_append_format(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", rollup->count, rollup->none,
                       rollup->missed);
    csv_figure(out, rollup, MINIMUM);
    csv_figure(out, rollup, MAXIMUM);
    csv_figure(out, rollup, MEAN);
    csv_moment(out, rollup, rollup->first_us);
    csv_figure(out, rollup, FIRST);
    csv_moment(out, rollup, rollup->last_us);
    csv_figure(out, rollup, LAST);
    show_append_flags(out, rollup->flags, " ");
    text_append_format(out, ",%s,", row->state);
    if (has_bound(rollup)) {
        text_append_int(out, bound_us(rollup->bound));
    }
    text_append_format(out, ",%zu,", row->amended);
    csv_amended(out, row);
    text_append_string(out, "\r\n");
}

// --- JSON: an array, an element a line

static void json_figure(struct text *out, const char *key, const struct rollup *rollup,
                        enum figure figure)
{
    struct value value = {.kind = VALUE_NONE};
    if (rollup->count) {
        value = figure_of(rollup, figure);
    }
    text_append_format(out, ",\"%s\":", key);
    value_append_json(out, &value);
}

static void json_moment(struct text *out, const char *key, const struct rollup *rollup,
                        int64_t t_us)
{
    text_append_format(out, rollup->count ? ",\"%s\":%" PRId64 : ",\"%s\":null", key, t_us);
}

static void json_amended(struct text *out, const struct interval_row *row)
{
    const struct rollup *rollup = row->as_amended;
    if (!row->amended) {
        text_append_string(out, ",\"amended\":null");
        return;
    }
    text_append_format(out,
                       ",\"amended\":{\"readings\":%zu,\"count\":%" PRIu64 ",\"none\":%" PRIu64,
                       row->amended, rollup->count, rollup->none);
    json_figure(out, "minimum", rollup, MINIMUM);
    json_figure(out, "maximum", rollup, MAXIMUM);
    json_figure(out, "mean", rollup, MEAN);
    json_figure(out, "first", rollup, FIRST);
    json_figure(out, "last", rollup, LAST);
    text_append_string(out, "}");
}

static void json_row(struct text *out, const struct interval_row *row, bool first)
{
    const struct rollup *rollup = row->rollup;
    text_append_format(out, "%s\n{\"from_us\":%" PRId64 ",\"to_us\":%" PRId64 ",\"from\":\"",
                       first ? "" : ",", row->from_us, row->to_us);
    show_append_utc(out, row->from_us);
    text_append_string(out, "\",\"to\":\"");
    show_append_utc(out, row->to_us);
    text_append_string(out, "\",\"point\":");
    if (row->point) {
        text_append_format(out, "%" PRIu32 ",\"unit\":", row->point);
        text_append_json(out, row->unit);
    } else {
        text_append_string(out, "null,\"unit\":null");
    }
    text_append_format(out, ",\"count\":%" PRIu64 ",\"none\":%" PRIu64 ",\"missed\":%" PRIu64,
                       rollup->count, rollup->none, rollup->missed);
    json_figure(out, "minimum", rollup, MINIMUM);
    json_figure(out, "maximum", rollup, MAXIMUM);
    json_figure(out, "mean", rollup, MEAN);
    json_moment(out, "first_us", rollup, rollup->first_us);
    json_figure(out, "first", rollup, FIRST);
    json_moment(out, "last_us", rollup, rollup->last_us);
    json_figure(out, "last", rollup, LAST);
    text_append_string(out, ",\"time_uncertainty_us\":");
    if (has_bound(rollup)) {
        text_append_int(out, bound_us(rollup->bound));
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, rollup->flags ? ",\"flags\":[\"" : ",\"flags\":[");
    show_append_flags(out, rollup->flags, "\",\"");
    text_append_format(out, rollup->flags ? "\"],\"state\":\"%s\"" : "],\"state\":\"%s\"",
                       row->state);
    json_amended(out, row);
    text_append_string(out, "}");
}

// --- one form or the other

void interval_rows_begin(enum rows_form form, FILE *to)
{
    switch (form) {
    case ROWS_TABLE:
        fprintf(to, "%-30s  %8s  %6s  %6s  %14s  %14s  %18s  %14s  %14s  %s\n", "from", "readings",
                "none", "missed", "minimum", "maximum", "mean", "first", "last", "unit, flags");
        break;
    case ROWS_CSV:
        fputs("from_utc,from_local,to_utc,name,point,unit,count,none,missed,minimum,maximum,mean,"
              "first_utc,first,last_utc,last,flags,state,time_uncertainty_us,amended,"
              "amended_count,amended_none,amended_minimum,amended_maximum,amended_mean,"
              "amended_first,amended_last\r\n",
              to);
        break;
    case ROWS_JSON: fputs("[", to); break;
    }
}

void interval_rows_write(enum rows_form form, FILE *to, const char *name,
                         const struct interval_row *row, bool first)
{
    struct text line = text_make(LINE_MAX_BYTES);
    switch (form) {
    case ROWS_TABLE: table_row(&line, row); break;
    case ROWS_CSV: csv_row(&line, name, row); break;
    case ROWS_JSON: json_row(&line, row, first); break;
    }
    fwrite(line.data, 1, line.length, to);
    text_free(&line);
}

void interval_rows_end(enum rows_form form, FILE *to)
{
    fputs(form == ROWS_JSON ? "\n]\n" : "", to);
}
