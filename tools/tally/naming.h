// A point's name ("oven.temperature") to the number and unit that it has in a block, through the
// definitions that the block names.
#ifndef TALLY_TOOLS_NAMING_H
#define TALLY_TOOLS_NAMING_H

#include "ledger/ledger.h"

struct naming {
    struct ledger_reader *reader; // borrowed
    const char *name;             // borrowed
    struct digest definitions;    // those that the rest is of
    bool loaded;
    bool found;      // the point is in them
    uint32_t number; // when found
    char unit[33], time_zone[65];
};

// Looks the name up in these definitions; nothing is done when they are the ones of the last call.
// 0 (see `found`), or an error with why when the file is missing or not of the form required.
int naming_find(struct naming *naming, const struct digest *definitions, struct why *why);
// Prints to standard error that there is no such point in these definitions, with the nearest name
// and the names there are.
void naming_print_unknown(struct naming *naming, const struct digest *definitions);

#endif
