// The roll-ups of the file, a row for each point and quarter of an hour: adding a step's readings,
// finding, and dropping those whose blocks are gone.
//
// A row depends on the blocks alone and not on how they were divided into steps: each reading is
// added to what is there, in the order of the blocks. Within a transaction that the caller began
// and ends.
#ifndef TALLY_SERIES_QUARTERS_H
#define TALLY_SERIES_QUARTERS_H

#include "series/gather.h"
#include "series/rollup.h"
#include "series/shelf.h"

struct quarters;

// All return 0, ERROR_MEMORY, or what shelf.h says.
int quarters_begin(struct quarters **out, struct shelf *shelf, const struct gather *gather);
// Adds one point; points come in ascending order.
int quarters_take(struct quarters *quarters, const struct gathered *point);
// Writes what points there are in the quarters, once all points were taken. state->quarters is
// raised.
int quarters_end(struct quarters *quarters, struct shelf_state *state);
void quarters_free(struct quarters *quarters); // harmless on NULL

// What quarters_find fills: for points[i] in the quarters [first, first + count), those at
// rollups + i × count.
struct quarters_wanted {
    const uint32_t *points; // ascending
    size_t point_count;
    int64_t first;
    size_t count;
    struct rollup *rollups;
};
// One that is not there is left as it is. ERROR_DAMAGED also when a row is gone.
int quarters_find(struct shelf *shelf, const struct shelf_state *state,
                  const struct quarters_wanted *wanted);
// Drops the quarters that hold nothing of block `first_n` or later ones. state->quarters falls.
int quarters_prune(struct shelf *shelf, uint64_t first_n, struct shelf_state *state);

#endif
