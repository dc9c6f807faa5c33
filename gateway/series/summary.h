// A summary: what segments of one point lie in one stretch, with span, count, minimum and maximum
// of each, as the bytes of one row (row.h). A query reads it in place of the segments.
//
// Pure; not thread-safe.
#ifndef TALLY_SERIES_SUMMARY_H
#define TALLY_SERIES_SUMMARY_H

#include "series/segment.h"

struct summary_entry {
    uint32_t step; // within the stretch
    uint32_t part;
    struct segment_head head;
};

// Between row_begin and row_end: entries in order of step and part.
void summary_add(struct text *out, const struct summary_entry *previous,
                 const struct summary_entry *entry);

struct summary_reader {
    struct unpack from;
    struct summary_entry entry; // the last one read
};

// Of bytes whose check holds.
void summary_open(struct summary_reader *reader, const void *bytes, size_t length);
// 1 and reader->entry; 0 at the end; ERROR_DAMAGED.
int summary_next(struct summary_reader *reader);

// A roster: which points there are, with a number for each (of parts), so that a row that is gone
// is missed. In ascending order of points.
void roster_add(struct text *out, uint32_t *last_point, uint32_t point, uint32_t number);
// *number of the point in the roster that `from` is at, 0 when it is not there. ERROR_DAMAGED.
int roster_find(struct unpack *from, uint32_t point, uint32_t *number);

// A stretch: its span, then a roster of the points that have a summary, with their number of
// entries.
struct stretch_span {
    uint64_t end_n; // blocks before this are in it or in earlier ones
    int64_t t_lo_us, t_hi_us;
};
void stretch_begin(struct text *out);
void stretch_end(struct text *out, const struct stretch_span *span);
// Reads the span and leaves `from` at the roster. ERROR_DAMAGED.
int stretch_open(struct unpack *from, const void *bytes, size_t length, struct stretch_span *span);

#endif
