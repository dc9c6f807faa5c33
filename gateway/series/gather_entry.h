// An entry of a point in what has gathered (gather.h), a reading or a miss, as bytes: the
// difference from the point's entry before.
//
// In memory only, so the form may change with any build. Pure; not thread-safe.
#ifndef TALLY_SERIES_GATHER_ENTRY_H
#define TALLY_SERIES_GATHER_ENTRY_H

#include "series/number.h"
#include "series/pack.h"

#define ENTRY_BYTES_MAX (10 + 2 + 5 + 2 + 1 + 10 + 1 + 8)

struct entry {
    bool missed; // then there is no more than a time
    int64_t t_us;
    struct number number;
    uint32_t flags;
    uint8_t bound; // bound.h, of one with a number; read back is the greatest so far of a stretch
                   // in one quarter of an hour, which is all that a roll-up asks
};

// What the next entry of a point is written, and read, as a difference from. Zeroed: it is the
// first.
struct entry_before {
    int64_t t_us, period_us; // of the last entry; from the first to the second
    int64_t mantissa;        // of the last decimal
    int exponent;
    uint32_t flags;  // of the last reading
    uint8_t bound;   // …, of those of its quarter of an hour …
    int64_t quarter; // … which is this
};

// `index` is the entry's among the point's. Both raise *before to this entry. Writes at most
// ENTRY_BYTES_MAX and returns how many.
size_t entry_write(const struct entry *entry, struct entry_before *before, size_t index,
                   uint8_t *to);
void entry_read(struct unpack *from, struct entry_before *before, size_t index,
                struct entry *entry);

#endif
