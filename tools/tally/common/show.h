// How things are shown to people: clean text of a known width, tables, ages, sizes, local times,
// flags as words. Writes to struct text; prints nothing.
//
// Not thread-safe: local time is the process's time zone (show_set_zone).
#ifndef TALLY_TOOLS_SHOW_H
#define TALLY_TOOLS_SHOW_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Columns that the string takes on a terminal (wcwidth); what show_append_clean writes.
size_t show_width(const char *string);
// Appends the string, at most `width` columns of it; what is no printable character becomes "?", so
// that no name and no reading can move the cursor. Returns the columns used.
size_t show_append_clean(struct text *out, const char *string, size_t width);

// The zone of local times from now on ("Asia/Shanghai"). False when the machine does not know it;
// local time is then UTC.
bool show_set_zone(const char *zone);
// "2026-11-24 13:39:36.120 +08:00".
void show_append_local(struct text *out, int64_t t_us);
// As clock_format_utc, for programs.
void show_append_utc(struct text *out, int64_t t_us);
// A receipt's time, which may be any number: "2026-11-24T05:39:36Z", or "second N" beyond that.
void show_append_second(struct text *out, int64_t seconds);
// "420 µs", "12 ms", "3.2 s", "5 min", "2.5 h", "12 d".
void show_append_duration(struct text *out, int64_t us);
// How often an instrument is polled: a duration, or "nonstop" for 0.
void show_append_every(struct text *out, int64_t every_us);
// "1.5 MiB".
void show_append_size(struct text *out, int64_t bytes);
// The words of enum reading_flag, with `separator` between them.
void show_append_flags(struct text *out, uint32_t flags, const char *separator);

// A table of cells, written with columns as wide as needed. At most SHOW_COLUMNS_MAX columns.
#define SHOW_COLUMNS_MAX 12
struct show_table {
    size_t columns;
    const char *const *headings; // a heading that begins with ">" is of a column set to the right
    struct text cells;           // each ends with a zero byte
    size_t count;
};
struct show_table show_table_make(size_t columns, const char *const *headings);
void show_table_free(struct show_table *table);
void show_table_add(struct show_table *table, const char *cell);
void show_table_add_format(struct show_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void show_table_append(const struct show_table *table, struct text *out);

#endif
