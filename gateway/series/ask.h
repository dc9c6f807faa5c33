// The frame of a question: the file's part in one transaction, then the blocks that are not in it
// yet; or all from the blocks, where the file is of no use.
#ifndef TALLY_SERIES_ASK_H
#define TALLY_SERIES_ASK_H

#include "series/projection.h"

struct ask {
    void *context;                // given to each
    uint32_t point;               // the greatest that is asked for
    int64_t from_us, to_us;       // blocks with nothing in [from, to) may be left out
    void (*begin)(void *context); // empties the answer; may come twice
    int (*add_stored)(void *context, struct shelf *shelf, const struct shelf_state *state);
    void (*add_block)(void *context, const struct block_view *view);
};

// 0, or what reading blocks gives. A damaged file is said in the log.
int ask_series(const struct ask *ask, struct series *series, struct ledger_reader *reader,
               struct why *why);

#endif
