#include "common/show.h"

#include "base/clock.h"
#include "base/reading.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#define YEAR_9999_S INT64_C(253402300799) // the last second that is written with four digits

// The next character of the string: how many bytes, how many columns; bytes that are no character,
// or none to be printed, count as one byte (or all of theirs) and a "?".
static size_t next_character(const char *s, size_t *columns, bool *printable)
{
    wchar_t wide;
    mbstate_t state = {0};
    size_t length = mbrtowc(&wide, s, strlen(s), &state);
    int width = length == (size_t)-1 || length == (size_t)-2 ? -1 : wcwidth(wide);
    *printable = width >= 0 && iswprint((wint_t)wide);
    *columns = *printable ? (size_t)width : 1;
    return length == (size_t)-1 || length == (size_t)-2 || length == 0 ? 1 : length;
}

size_t show_width(const char *string)
{
    size_t total = 0, columns;
    bool printable;
    for (const char *s = string; *s; total += columns) {
        s += next_character(s, &columns, &printable);
    }
    return total;
}

size_t show_append_clean(struct text *out, const char *string, size_t width)
{
    size_t total = 0, columns;
    bool printable;
    for (const char *s = string; *s;) {
        size_t length = next_character(s, &columns, &printable);
        if (total + columns > width) {
            break;
        }
        text_append(out, printable ? s : "?", printable ? length : 1);
        total += columns;
        s += length;
    }
    return total;
}

bool show_set_zone(const char *zone)
{
    char path[256];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    FILE *file = strstr(zone, "..") ? NULL : fopen(path, "re");
    bool known = file != NULL || strcmp(zone, "UTC") == 0;
    if (file) {
        fclose(file);
    }
    setenv("TZ", known ? zone : "UTC0", 1);
    tzset();
    return known;
}

void show_append_utc(struct text *out, int64_t t_us)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_string(out, utc);
}

void show_append_local(struct text *out, int64_t t_us)
{
    int64_t rest = ((t_us % 1000000) + 1000000) % 1000000;
    time_t seconds = (time_t)((t_us - rest) / 1000000);
    struct tm t;
    char date[64];
    localtime_r(&seconds, &t);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &t);
    long minutes = t.tm_gmtoff / 60;
    text_append_format(out, "%s.%03d %c%02ld:%02ld", date, (int)(rest / 1000),
                       minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
}

void show_append_second(struct text *out, int64_t seconds)
{
    char utc[32];
    if (seconds < 0 || seconds > YEAR_9999_S) {
        text_append_format(out, "second %" PRId64, seconds);
        return;
    }
    clock_format_utc(seconds * 1000000, utc);
    text_append_format(out, "%.19sZ", utc);
}

void show_append_duration(struct text *out, int64_t us)
{
    static const struct {
        double us;
        const char *unit;
    } units[] = {{86400e6, "d"}, {3600e6, "h"}, {60e6, "min"}, {1e6, "s"}, {1e3, "ms"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        // From 90 minutes on in hours, and so on: two digits say enough.
        if ((double)us >= units[i].us * (units[i].us >= 60e6 ? 1.5 : 1)) {
            double number = (double)us / units[i].us;
            text_append_format(out, number < 9.95 ? "%.1f %s" : "%.0f %s", number, units[i].unit);
            return;
        }
    }
    text_append_format(out, "%lld µs", (long long)us);
}

void show_append_every(struct text *out, int64_t every_us)
{
    if (every_us) {
        show_append_duration(out, every_us);
    } else {
        text_append_string(out, "nonstop");
    }
}

void show_append_size(struct text *out, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1024 && unit < 4) {
        number /= 1024;
        unit++;
    }
    text_append_format(out, unit && number < 99.95 ? "%.1f %s" : "%.0f %s", number, units[unit]);
}

void show_append_flags(struct text *out, uint32_t flags, const char *separator)
{
    static const char *const words[] = {"clock-unsynchronised",     "leap-second",
                                        "no-certificate",           "calibration-overdue",
                                        "outside-calibrated-range", "outside-instrument-range",
                                        "instrument-fault",         "identity-mismatch",
                                        "limit-exceeded",           "inexact"};
    size_t written = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        if (!(flags & (UINT32_C(1) << bit))) {
            continue;
        }
        text_append_string(out, written++ ? separator : "");
        if (bit < sizeof words / sizeof words[0]) {
            text_append_string(out, words[bit]);
        } else {
            text_append_format(out, "flag-%u", bit); // of a later version
        }
    }
}

struct show_table show_table_make(size_t columns, const char *const *headings)
{
    return (struct show_table){
        .columns = columns, .headings = headings, .cells = text_make(16u << 20)};
}

void show_table_free(struct show_table *table)
{
    text_free(&table->cells);
}

void show_table_add(struct show_table *table, const char *cell)
{
    text_append(&table->cells, cell, strlen(cell) + 1);
    table->count++;
}

void show_table_add_format(struct show_table *table, const char *format, ...)
{
    char cell[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    show_table_add(table, cell);
}

static void end_line(struct text *out)
{
    while (out->length && out->data[out->length - 1] == ' ') {
        out->length--;
    }
    text_append_string(out, "\n");
}

static void append_cell(struct text *out, const char *cell, size_t width, bool right, bool last)
{
    size_t used = show_width(cell), pad = width > used ? width - used : 0;
    if (right) {
        text_append_format(out, "%*s", (int)pad, "");
    }
    show_append_clean(out, cell, SIZE_MAX);
    if (!last) {
        text_append_format(out, "%*s", (int)(right ? 2 : pad + 2), "");
    }
}

void show_table_append(const struct show_table *table, struct text *out)
{
    size_t widths[SHOW_COLUMNS_MAX] = {0};
    bool right[SHOW_COLUMNS_MAX] = {false};
    assert(table->columns > 0 && table->columns <= SHOW_COLUMNS_MAX);
    if (table->cells.failed) {
        out->failed = true;
        return;
    }
    for (size_t c = 0; c < table->columns; c++) {
        right[c] = table->headings[c][0] == '>';
        widths[c] = show_width(table->headings[c] + right[c]);
    }
    const char *cell = table->cells.data;
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t width = show_width(cell), c = i % table->columns;
        widths[c] = width > widths[c] ? width : widths[c];
    }
    for (size_t c = 0; c < table->columns; c++) {
        append_cell(out, table->headings[c] + right[c], widths[c], right[c],
                    c + 1 == table->columns);
    }
    end_line(out);
    cell = table->cells.data;
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t c = i % table->columns;
        append_cell(out, cell, widths[c], right[c], c + 1 == table->columns);
        if (c + 1 == table->columns) {
            end_line(out);
        }
    }
}
