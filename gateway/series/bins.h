// Bins being filled: which bin a time falls into, and what a bin has seen.
//
// Pure; not thread-safe.
#ifndef TALLY_SERIES_BINS_H
#define TALLY_SERIES_BINS_H

#include "series/segment.h"
#include "series/series.h"

struct bins {
    struct series_bin *bins;
    size_t count;
    int64_t from_us, to_us;
    size_t last;                      // bin of the last reading
    int64_t last_from_us, last_to_us; // its span, so that the next one is mostly found at once
};

// Empties the bins.
void bins_begin(struct bins *bins, struct series_bin *array, size_t count, int64_t from_us,
                int64_t to_us);
// A reading; one outside [from, to) changes nothing. NaN counts as none.
void bins_add(struct bins *bins, int64_t t_us, double value);
// A segment as a whole, when it lies in one bin or outside all of them. False when it must be
// decoded.
bool bins_add_whole(struct bins *bins, const struct segment_head *head);
// The bins that saw no number get NaN.
void bins_end(struct bins *bins);

#endif
