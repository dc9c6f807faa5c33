// The history of a point by intervals: roll-ups of quarters of an hour from the series, put
// together to hours or days, a row for each interval and number of the point, and a row for an
// interval in which there is nothing.
#ifndef TALLY_TOOLS_INTERVALS_H
#define TALLY_TOOLS_INTERVALS_H

#include "amendments/amendments.h"
#include "history/interval.h"
#include "history/rows.h"

#include "ledger/ledger.h"

#define INTERVALS_MAX 100000 // that are written

struct intervals {
    const char *directory, *name; // of the ledger; of the point
    struct ledger_reader *reader; // borrowed
    const uint32_t *numbers;      // that the point has had
    size_t number_count;
    const struct amendments *amendments;
    enum interval interval;
    enum rows_form form;
    int64_t from_us, to_us; // what meets [from, to) is written, whole
    int64_t kept_us;        // what begins before is not kept whole; INT64_MIN: all is
    int64_t recorded_us;    // what ends after may get more
};

// Writes to standard output. 0; ERROR_RANGE (more than INTERVALS_MAX, nothing written), or what
// reading gives.
int intervals_write(const struct intervals *intervals, struct why *why);

#endif
