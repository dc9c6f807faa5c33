// Roll-ups as they are written: a table for people, CSV (RFC 4180) or JSON for programs, a row an
// interval and point number.
#ifndef TALLY_TOOLS_INTERVAL_ROWS_H
#define TALLY_TOOLS_INTERVAL_ROWS_H

#include "history/rows.h"

#include "series/rollup.h"

struct interval_row {
    int64_t from_us, to_us;
    uint32_t point;    // 0: no number of the point has anything in the interval
    const char *unit;  // of that number
    const char *state; // "complete", "open", "pruned"
    const struct rollup *rollup;
    size_t amended; // how many of its readings are; 0: what follows means nothing
    const struct rollup *as_amended;
};

void interval_rows_begin(enum rows_form form, FILE *to);
void interval_rows_write(enum rows_form form, FILE *to, const char *name,
                         const struct interval_row *row, bool first);
void interval_rows_end(enum rows_form form, FILE *to);

#endif
