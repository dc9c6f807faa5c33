// Readings and misses waiting to become segments and roll-ups: packed as they come, in small pieces
// by point.
//
// In memory only; what is lost with it is read from the blocks again. The caller keeps it bounded
// by asking gather_bytes. Not thread-safe.
#ifndef TALLY_SERIES_GATHER_H
#define TALLY_SERIES_GATHER_H

#include "series/number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather;

int gather_make(struct gather **out);
void gather_free(struct gather *gather);
// Empties it. Keeps the points' entries and gives their bytes back.
void gather_clear(struct gather *gather);
// What follows is of block `n`.
void gather_begin_block(struct gather *gather, uint64_t n);
// 0, or ERROR_MEMORY.
int gather_add(struct gather *gather, uint32_t point, int64_t t_us, struct number number,
               uint32_t flags, uint8_t bound);
int gather_miss(struct gather *gather, uint32_t point, int64_t t_us);

bool gather_is_empty(const struct gather *gather); // no reading and no miss
size_t gather_readings(const struct gather *gather);
size_t gather_points(const struct gather *gather);  // that have readings
size_t gather_bytes(const struct gather *gather);   // of memory, that readings and misses take
size_t gather_longest(const struct gather *gather); // readings of the point that has most

// A quarter of an hour (rollup.h) into which something falls, and the last block with such a thing.
struct gather_quarter {
    int64_t quarter;
    uint64_t last_n;
};
// All of them, in the order in which they came. Valid until the next gather_add, _miss or _clear.
const struct gather_quarter *gather_quarters(const struct gather *gather, size_t *count);

// All that waits of a point, in the order of recording.
struct gathered {
    uint32_t point;
    size_t length; // readings
    const int64_t *t_us;
    const struct number *numbers;
    const uint32_t *flags;
    const uint8_t *bounds; // the greatest so far, gather_entry.h
    size_t missed;
    const int64_t *missed_us;
};

// Takes the points in ascending order: 1 and *out, valid until the next call; 0 at the end;
// ERROR_MEMORY. Begin with *cursor 0; do not add meanwhile.
int gather_take(struct gather *gather, size_t *cursor, struct gathered *out);

#endif
