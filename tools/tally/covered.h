// Which receipt covers what a ledger holds of a stretch of time. Looks whether the receipt's root
// is the ledger's; that the centre signed it is for `tally verify`, which is given the centre's
// key.
#ifndef TALLY_TOOLS_COVERED_H
#define TALLY_TOOLS_COVERED_H

#include "ident/receipt.h"
#include "ledger/ledger.h"

struct covered {
    uint64_t first, size; // blocks that are kept: [first, size)
    bool over;            // a block was closed after the stretch's end
    bool final;           // over, and all that was recorded of it is receipted
    bool receipted;       // there is a receipt at all; the rest tells which: that of most blocks
    char uplink[33];      // to which it came
    struct receipt head;  // what it says
};

// 0, or what reading gives.
int covered_find(struct ledger_reader *reader, int64_t from_us, int64_t to_us,
                 struct covered *covered, struct why *why);

#endif
