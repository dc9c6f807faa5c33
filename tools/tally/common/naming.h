// A point's name ("oven.temperature") to the numbers it has had and to the number and unit that it
// has in a block, through the definitions that blocks name.
#ifndef TALLY_TOOLS_NAMING_H
#define TALLY_TOOLS_NAMING_H

#include "ledger/ledger.h"

#define NAMING_NUMBERS_MAX 1000

struct naming {
    struct ledger_reader *reader; // borrowed
    const char *name;             // borrowed; NULL: of no point
    struct digest definitions;    // those that the rest is of
    bool loaded;
    bool found;      // the point is in them
    uint32_t number; // when found
    char unit[33], time_zone[65];
    uint32_t numbers[NAMING_NUMBERS_MAX]; // that the point has had (naming_now)
    size_t number_count;
};

// Looks at the ledger as it is now: its blocks [*first, *size), the site's zone, which local times
// are in from then on, and the numbers that the point has had. ERROR_ABSENT when it holds no block
// or has no such point. Errors are said, by `command`.
int naming_now(struct naming *naming, const char *command, uint64_t *first, uint64_t *size);

// Looks the name up in these definitions; nothing is done when they are the ones of the last call.
// 0 (see `found`), or an error with why when the file is missing or not of the form required.
int naming_find(struct naming *naming, const struct digest *definitions, struct why *why);
#endif
