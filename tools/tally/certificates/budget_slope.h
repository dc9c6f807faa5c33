// How fast a point changed lately, by the readings of its ledger, and how well their time is known:
// what time adds to the uncertainty of a reading for which no slope is declared.
#ifndef TALLY_TOOLS_BUDGET_SLOPE_H
#define TALLY_TOOLS_BUDGET_SLOPE_H

#include <stddef.h>
#include <stdint.h>

struct budget_slope {
    size_t readings;        // looked at, with a number; 0: none, and the rest is 0
    int64_t from_us, to_us; // of the first and last of them
    double per_s;           // greatest change between two a minute apart, or the next; NaN: unknown
    int64_t half_window_us; // the greatest
    int64_t clock_error_us; // the greatest of their blocks
};

// The point's last readings in the ledger's folder: those of the hour before the last one, at most
// 4,096 of at most 1,024 blocks. A ledger that is not there has none.
struct budget_slope budget_slope_read(const char *ledger, const char *point);

#endif
