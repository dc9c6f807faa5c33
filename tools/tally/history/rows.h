// The rows of a history as they are written: a table for people, CSV (RFC 4180) or JSON for
// programs. One row at a time; keeps nothing but the gap under way.
#ifndef TALLY_TOOLS_ROWS_H
#define TALLY_TOOLS_ROWS_H

#include "amendments/rows_amended.h"

#include "base/error.h"
#include "ledger/block.h"

#include <stdbool.h>
#include <stdio.h>

enum rows_form { ROWS_TABLE, ROWS_CSV, ROWS_JSON };

struct rows {
    enum rows_form form;
    FILE *to;
    const char *name;             // of the point of the next row; borrowed
    struct rows_amended *amended; // borrowed
    struct text line;
    uint64_t readings, missed; // written so far
    // The gap under way, in a table: misses in a row for the same reason.
    struct {
        char word[32];
        int64_t from_us, to_us;
        uint64_t count, block;
    } gap;
};

// `line` is made here; rows_end frees it.
void rows_begin(struct rows *rows, enum rows_form form, FILE *to, const char *name,
                struct rows_amended *amended);
// `index` is its place in the block's readings.
void rows_reading(struct rows *rows, const struct block_reading *reading, const char *unit,
                  uint64_t block, size_t index);
void rows_miss(struct rows *rows, const struct block_miss *miss, uint64_t block);
// The gateway was started again before this block. In a table only.
void rows_restart(struct rows *rows, uint64_t block);
void rows_end(struct rows *rows);

// A field of CSV, in quotes where it must be.
void rows_append_field(struct text *out, const char *field);

#endif
