// Writing a step: what has gathered becomes segments and is added to the roll-ups, and every
// SHELF_STRETCH_STEPS steps come the summaries of a stretch.
//
// Within a transaction that the caller began and ends.
#ifndef TALLY_SERIES_STEP_H
#define TALLY_SERIES_STEP_H

#include "series/gather.h"
#include "series/shelf.h"

#define STEP_PART_READINGS 384 // a longer run of one point is cut into equal parts of at most this

// Adds the segments as step state->next_step, raises it, and sees to the roll-ups; when that
// completes a stretch, its summaries too. Does not store the state.
int step_write(struct shelf *shelf, struct gather *gather, struct shelf_state *state);

#endif
