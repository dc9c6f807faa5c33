// A segment: some hundred readings of one point as the bytes of one row (row.h), with count, span,
// minimum and maximum in front.
//
// Times are kept as differences from a regular period, decimal values as differences of integers
// at one scale, others as differences of bits. Exact: decoding gives the times and the doubles that
// went in, in the same order. Readings without a number are kept too, and counted apart. Points
// read by one request have the same times; a segment may then refer to another for them. Pure; not
// thread-safe.
#ifndef TALLY_SERIES_SEGMENT_H
#define TALLY_SERIES_SEGMENT_H

#include "series/number.h"
#include "series/row.h"

#include <stdbool.h>

#define SEGMENT_READINGS_MAX 512
#define SEGMENT_BYTES_MAX    (SEGMENT_READINGS_MAX * 18 + 256)

struct segment_head {
    uint32_t count, none; // readings with a number, without one
    int64_t t_lo_us, t_hi_us;
    double minimum, maximum; // NaN when count is 0
};

// What a segment says, in arrays of its own.
struct segment {
    struct segment_head head;
    size_t length; // head.count + head.none
    int64_t t_us[SEGMENT_READINGS_MAX];
    double values[SEGMENT_READINGS_MAX]; // NaN: no number
    uint64_t times_back;                 // the row so many before has its times; 0: its own
};

// Appends the times (a part of a segment, made first so that equal ones can be found).
void segment_encode_times(const int64_t *t_us, size_t length, struct text *out);
// Makes `out` the segment of `length` (1 to SEGMENT_READINGS_MAX) readings. `times` is what
// segment_encode_times gave, used when times_back is 0. *head is filled in.
void segment_encode(const int64_t *t_us, const struct number *numbers, size_t length,
                    const struct text *times, uint64_t times_back, struct segment_head *head,
                    struct text *out);
// Only the head. ERROR_DAMAGED for what is never written; row_check is the caller's.
int segment_read_head(const void *bytes, size_t length, struct segment_head *head);
// All of it, but that t_us is left as it was when times_back is not 0: segment_read_times on that
// row then fills it. ERROR_DAMAGED.
int segment_read(const void *bytes, size_t length, struct segment *out);
int segment_read_times(const void *bytes, size_t length, struct segment *out);

#endif
