// The bytes of a row of series.db, of whatever kind: a check, then what it says.
//
// The check is the first ROW_CHECK_BYTES of the SHA-256 of the rest, so that damage which SQLite
// does not see is seen. Pure; not thread-safe.
#ifndef TALLY_SERIES_ROW_H
#define TALLY_SERIES_ROW_H

#include "series/pack.h"

#define ROW_CHECK_BYTES 4

// Begins one in `out`, which is cleared.
void row_begin(struct text *out);
// Writes the check of what was appended since; nothing when out->failed.
void row_end(struct text *out);
// ERROR_DAMAGED when the check does not hold.
int row_check(const void *bytes, size_t length);
// What stands behind the check, of bytes whose check holds; bad when they are too short for one.
struct unpack row_open(const void *bytes, size_t length);

#endif
