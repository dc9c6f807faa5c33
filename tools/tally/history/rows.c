#include "history/rows.h"

#include "common/show.h"

#include "base/clock.h"
#include "measure/rounding.h"
#include "series/number.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 262144

static bool is_null(const char *json, uint32_t length)
{
    return length == 4 && memcmp(json, "null", 4) == 0;
}

// A JSON number or string as its digits or characters; nothing for null.
static void append_plain(struct text *out, const char *json, uint32_t length)
{
    if (is_null(json, length)) {
        return;
    }
    if (*json != '"') {
        text_append(out, json, length);
        return;
    }
    cJSON *item = cJSON_ParseWithLength(json, length);
    text_append_string(out, cJSON_IsString(item) ? item->valuestring : "?");
    cJSON_Delete(item);
}

static void write_line(struct rows *rows)
{
    if (!rows->line.failed) {
        fwrite(rows->line.data, 1, rows->line.length, rows->to);
    }
    text_clear(&rows->line);
}

// --- table

// A cell of at least `width` columns, two blanks after it.
static void append_cell(struct text *out, const char *cell, size_t width, bool right)
{
    size_t used = show_width(cell), pad = width > used ? width - used : 0;
    text_append_format(out, "%*s", right ? (int)pad : 0, "");
    show_append_clean(out, cell, SIZE_MAX);
    text_append_format(out, "%*s", right ? 2 : (int)pad + 2, "");
}

static void append_number_cell(struct text *out, const char *json, uint32_t length, size_t width)
{
    struct text cell = text_make(LINE_MAX_BYTES);
    append_plain(&cell, json, length);
    append_cell(out, cell.length ? cell.data : "—", width, true);
    text_free(&cell);
}

// The corrected value and U, rounded by U: for people. CSV and JSON have what was recorded.
static void append_corrected(struct text *out, const struct block_reading *reading)
{
    double uncertainty =
        number_to_double(number_parse(reading->uncertainty, reading->uncertainty_length));
    struct text value = text_make(64), expanded = text_make(64);
    if (uncertainty > 0 && isfinite(uncertainty)) {
        int place = rounding_place(uncertainty);
        rounding_append(
            &value, number_to_double(number_parse(reading->corrected, reading->corrected_length)),
            place);
        rounding_append(&expanded, uncertainty, place);
    }
    append_cell(out, value.length ? value.data : "—", 10, true);
    append_cell(out, expanded.length ? expanded.data : "—", 8, true);
    text_free(&value);
    text_free(&expanded);
}

static void append_times(struct text *out, int64_t t_us)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    show_append_local(out, t_us);
    text_append_format(out, "  %s  ", utc);
}

static void table_gap(struct rows *rows)
{
    if (!rows->gap.count) {
        return;
    }
    append_times(&rows->line, rows->gap.from_us);
    text_append_format(&rows->line, "gap: %s, %" PRIu64 " missed", rows->gap.word, rows->gap.count);
    if (rows->gap.count > 1) {
        text_append_string(&rows->line, ", the last at ");
        show_append_local(&rows->line, rows->gap.to_us);
    }
    text_append_format(&rows->line, " (from block %" PRIu64 ")\n", rows->gap.block);
    write_line(rows);
    rows->gap.count = 0;
}

static void append_amended(struct rows *rows, const struct block_reading *reading, uint64_t block,
                           size_t index)
{
    struct text cell = text_make(64);
    rows_amended_append_cell(rows->amended, reading, block, index, &cell);
    append_cell(&rows->line, cell.length ? cell.data : "", 14, true);
    text_free(&cell);
}

static void table_reading(struct rows *rows, const struct block_reading *reading, const char *unit,
                          uint64_t block, size_t index)
{
    struct text *out = &rows->line;
    table_gap(rows);
    append_times(out, reading->t_us);
    append_number_cell(out, reading->indication, reading->indication_length, 14);
    append_cell(out, unit, 5, false);
    append_corrected(out, reading);
    if (rows->amended->column) {
        append_amended(rows, reading, block, index);
    }
    struct text window = text_make(64);
    show_append_duration(&window, reading->half_window_us);
    append_cell(out, window.data ? window.data : "", 11, true);
    text_free(&window);
    text_append_format(out, "%9" PRIu64 "  ", block);
    show_append_flags(out, reading->flags, " ");
    while (out->length && out->data[out->length - 1] == ' ') {
        out->length--;
    }
    text_append_string(out, "\n");
    if (rows->amended->detail) {
        rows_amended_append_detail(rows->amended, reading, block, index, out);
    }
    write_line(rows);
}

static void table_miss(struct rows *rows, const struct block_miss *miss, uint64_t block)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)miss->word_length, miss->word);
    if (rows->gap.count && strcmp(word, rows->gap.word) != 0) {
        table_gap(rows);
    }
    if (!rows->gap.count) {
        memcpy(rows->gap.word, word, sizeof word);
        rows->gap.from_us = miss->t_us;
        rows->gap.block = block;
    }
    rows->gap.to_us = miss->t_us;
    rows->gap.count++;
}

// --- CSV

void rows_append_field(struct text *out, const char *field)
{
    if (!strpbrk(field, ",\"\r\n")) {
        text_append_string(out, field);
        return;
    }
    text_append_string(out, "\"");
    for (const char *s = field; *s; s++) {
        text_append(out, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    }
    text_append_string(out, "\"");
}

static void append_plain_field(struct text *out, const char *json, uint32_t length)
{
    struct text plain = text_make(LINE_MAX_BYTES);
    append_plain(&plain, json, length);
    rows_append_field(out, plain.length ? plain.data : "");
    text_append_string(out, ",");
    text_free(&plain);
}

// "time_utc,time_local,t_us,name,point,block," …
static void csv_head(struct rows *rows, int64_t t_us, uint32_t point, uint64_t block)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_format(&rows->line, "%s,", utc);
    show_append_local(&rows->line, t_us);
    text_append_format(&rows->line, ",%" PRId64 ",", t_us);
    rows_append_field(&rows->line, rows->name);
    text_append_format(&rows->line, ",%" PRIu32 ",%" PRIu64 ",", point, block);
}

static void csv_reading(struct rows *rows, const struct block_reading *reading, const char *unit,
                        uint64_t block, size_t index)
{
    struct text *out = &rows->line;
    csv_head(rows, reading->t_us, reading->point, block);
    text_append_format(out, "%" PRId64 ",%.*s,", reading->half_window_us, (int)reading->raw_digits,
                       reading->raw);
    append_plain_field(out, reading->indication, reading->indication_length);
    rows_append_field(out, unit);
    text_append_string(out, ",");
    append_plain_field(out, reading->corrected, reading->corrected_length);
    append_plain_field(out, reading->uncertainty, reading->uncertainty_length);
    show_append_flags(out, reading->flags, " ");
    text_append_string(out, ",");
    rows_amended_append_csv(rows->amended, reading, block, index, out);
    text_append_string(out, "\r\n");
    write_line(rows);
}

static void csv_miss(struct rows *rows, const struct block_miss *miss, uint64_t block)
{
    csv_head(rows, miss->t_us, miss->point, block);
    text_append_format(&rows->line, ",,,,,,,%.*s" ROWS_AMENDED_NONE "\r\n", (int)miss->word_length,
                       miss->word);
    write_line(rows);
}

// --- JSON: an array, an element a line

static void json_head(struct rows *rows, int64_t t_us, uint32_t point, uint64_t block)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_format(&rows->line,
                       "%s\n{\"t_us\":%" PRId64 ",\"time\":\"%s\",\"point\":%" PRIu32
                       ",\"block\":%" PRIu64,
                       rows->readings + rows->missed ? "," : "", t_us, utc, point, block);
}

static void json_reading(struct rows *rows, const struct block_reading *reading, const char *unit,
                         uint64_t block, size_t index)
{
    struct text *out = &rows->line;
    json_head(rows, reading->t_us, reading->point, block);
    text_append_format(out, ",\"half_window_us\":%" PRId64 ",\"raw\":\"%.*s\",\"indication\":",
                       reading->half_window_us, (int)reading->raw_digits, reading->raw);
    text_append(out, reading->indication, reading->indication_length);
    text_append_string(out, ",\"unit\":");
    text_append_json(out, unit);
    text_append_string(out, ",\"corrected\":");
    text_append(out, reading->corrected, reading->corrected_length);
    text_append_string(out, ",\"uncertainty\":");
    text_append(out, reading->uncertainty, reading->uncertainty_length);
    text_append_string(out, reading->flags ? ",\"flags\":[\"" : ",\"flags\":[");
    show_append_flags(out, reading->flags, "\",\"");
    text_append_string(out, reading->flags ? "\"]" : "]");
    rows_amended_append_json(rows->amended, reading, block, index, out);
    text_append_string(out, "}");
    write_line(rows);
}

static void json_miss(struct rows *rows, const struct block_miss *miss, uint64_t block)
{
    json_head(rows, miss->t_us, miss->point, block);
    text_append_format(&rows->line, ",\"missed\":\"%.*s\"}", (int)miss->word_length, miss->word);
    write_line(rows);
}

// --- one form or the other

void rows_begin(struct rows *rows, enum rows_form form, FILE *to, const char *name,
                struct rows_amended *amended)
{
    *rows = (struct rows){.form = form,
                          .to = to,
                          .name = name,
                          .amended = amended,
                          .line = text_make(LINE_MAX_BYTES)};
    switch (form) {
    case ROWS_TABLE:
        fprintf(to, "%-30s  %-27s  %14s  %-5s  %10s  %8s  %*s%11s  %9s  %s\n", "local time", "UTC",
                "indication", "unit", "corrected", "U", amended->column ? 16 : 0,
                amended->column ? "amended  " : "", "half window", "block", "flags");
        break;
    case ROWS_CSV:
        fputs("time_utc,time_local,t_us,name,point,block,half_window_us,raw,indication,unit,"
              "corrected,"
              "uncertainty,flags,missed," ROWS_AMENDED_COLUMNS "\r\n",
              to);
        break;
    case ROWS_JSON: fputs("[", to); break;
    }
}

void rows_reading(struct rows *rows, const struct block_reading *reading, const char *unit,
                  uint64_t block, size_t index)
{
    switch (rows->form) {
    case ROWS_TABLE: table_reading(rows, reading, unit, block, index); break;
    case ROWS_CSV: csv_reading(rows, reading, unit, block, index); break;
    case ROWS_JSON: json_reading(rows, reading, unit, block, index); break;
    }
    rows->readings++;
}

void rows_miss(struct rows *rows, const struct block_miss *miss, uint64_t block)
{
    switch (rows->form) {
    case ROWS_TABLE: table_miss(rows, miss, block); break;
    case ROWS_CSV: csv_miss(rows, miss, block); break;
    case ROWS_JSON: json_miss(rows, miss, block); break;
    }
    rows->missed++;
}

void rows_restart(struct rows *rows, uint64_t block)
{
    if (rows->form == ROWS_TABLE && rows->readings + rows->missed) {
        table_gap(rows);
        fprintf(rows->to,
                "gap: not running; the gateway was started again before block %" PRIu64 "\n",
                block);
    }
}

void rows_end(struct rows *rows)
{
    if (rows->form == ROWS_TABLE) {
        table_gap(rows);
    } else if (rows->form == ROWS_JSON) {
        fputs("\n]\n", rows->to);
    }
    text_free(&rows->line);
}
