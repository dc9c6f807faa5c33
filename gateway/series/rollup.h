// A roll-up: what the readings of one point in one stretch of time come to.
//
// Pure; not thread-safe. Readings are added in the order of their blocks; the same ones in the same
// order always give the same bytes, in however many parts they come.
#ifndef TALLY_SERIES_ROLLUP_H
#define TALLY_SERIES_ROLLUP_H

#include "series/bound.h"
#include "series/number.h"
#include "series/pack.h"
#include "series/total.h"

// What is stored is quarters of an hour, on UTC boundaries: numbered from 1970, [start, end). An
// hour and a day of any time zone in use are whole quarters, so they are put together from these.
#define ROLLUP_QUARTER_US INT64_C(900000000)
#define ROLLUP_BYTES_MAX  193

static inline int64_t rollup_quarter_of(int64_t t_us)
{
    return t_us / ROLLUP_QUARTER_US - (t_us % ROLLUP_QUARTER_US < 0);
}

// Wrapping, because the first quarter of all begins before what 64 bits hold.
static inline int64_t rollup_quarter_start(int64_t quarter)
{
    return (int64_t)((uint64_t)quarter * (uint64_t)ROLLUP_QUARTER_US);
}

// Zeroed: nothing there.
struct rollup {
    uint64_t count;            // readings with a number; 0: what follows `breaks` means nothing
    uint64_t none;             // readings without one (NaN, "not available", a text)
    uint64_t missed;           // polls that brought nothing
    uint32_t flags;            // of all readings, put together (enum reading_flag)
    uint64_t breaks;           // readings with a number that did not come later than the latest of
                               // those before them, or were below it. 0: they rose, or stayed,
                               // with time, so that first and last stand for all of a register
    uint8_t bound;             // the greatest of those readings
    int64_t first_us, last_us; // least and greatest time. Of equal ones the first recorded is
                               // `first`, the last recorded `last`.
    struct number first, last, minimum, maximum;
    struct total total;
};

void rollup_add(struct rollup *rollup, int64_t t_us, struct number number, uint32_t flags,
                uint8_t bound);
// Adds what another says of the same point, at other times.
void rollup_merge(struct rollup *into, const struct rollup *from);
// Appends at most ROLLUP_BYTES_MAX bytes, of one whose times lie in this quarter of an hour.
void rollup_write(const struct rollup *rollup, int64_t quarter, struct text *out);
// Reads what lies in `from`, all of it. ERROR_DAMAGED.
int rollup_read(struct rollup *rollup, int64_t quarter, struct unpack *from);

#endif
