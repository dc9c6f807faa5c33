// Readings waiting to become segments: packed as they come, in small pieces by point.
//
// In memory only; what is lost with it is read from the blocks again. The caller keeps it bounded
// by asking gather_bytes. Not thread-safe.
#ifndef TALLY_SERIES_GATHER_H
#define TALLY_SERIES_GATHER_H

#include "series/number.h"

#include <stddef.h>
#include <stdint.h>

struct gather;

int gather_make(struct gather **out);
void gather_free(struct gather *gather);
// Empties it. Keeps the points' entries and gives their bytes back.
void gather_clear(struct gather *gather);
// 0, or ERROR_MEMORY.
int gather_add(struct gather *gather, uint32_t point, int64_t t_us, struct number number);

size_t gather_readings(const struct gather *gather);
size_t gather_points(const struct gather *gather);  // that have readings
size_t gather_bytes(const struct gather *gather);   // of memory, that the readings take
size_t gather_longest(const struct gather *gather); // readings of the point that has most

// Takes the points in ascending order: 1 and the point's number and readings, 0 at the end.
// `t_us` and `numbers` are valid until the next call. ERROR_MEMORY. Begin with *cursor 0; do not
// add meanwhile.
int gather_take(struct gather *gather, size_t *cursor, uint32_t *point, const int64_t **t_us,
                const struct number **numbers, size_t *length);

#endif
