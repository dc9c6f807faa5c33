// When a block of a ledger begins and ends.
#ifndef TALLY_TOOLS_TIMES_H
#define TALLY_TOOLS_TIMES_H

#include "ledger/ledger.h"

struct times {
    int64_t begin_us;  // of its first reading or miss; its closing when it has none
    int64_t closed_us; // by its own clock
};

// Of block n. 0, or what reading it gives, with why.
int times_of_block(struct ledger_reader *reader, uint64_t n, struct times *times, struct why *why);

#endif
