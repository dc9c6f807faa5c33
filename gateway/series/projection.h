// Inside of a series, for the files of this folder: what building and asking share.
#ifndef TALLY_SERIES_PROJECTION_H
#define TALLY_SERIES_PROJECTION_H

#include "series/gather.h"
#include "series/series.h"
#include "series/shelf.h"

struct series {
    char path[4096];
    bool writable;
    struct shelf *shelf;      // NULL: nothing there (never when writable, but after a failure)
    struct shelf_state state; // as stored
    char origin[BLOCK_ORIGIN_MAX + 1]; // of the log that gather is from
    struct gather *gather;             // readings of blocks [state.next_n, taken_n)
    uint64_t taken_n;
    int64_t since_us; // monotonic: when the first of them came
    struct block_view view;
    struct text block;
};

#endif
