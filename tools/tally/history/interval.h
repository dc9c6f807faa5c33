// Intervals of the calendar: quarters of an hour and hours on UTC boundaries, days and months of
// the site.
//
// All of them are whole quarters of an hour, because the offsets of all time zones in use are
// (where an old one is not, a day begins at the quarter before its midnight). A day has 23 or 25
// hours when clocks are put forward or back. Not thread-safe: local time is the process's time zone
// (show_set_zone).
#ifndef TALLY_TOOLS_INTERVAL_H
#define TALLY_TOOLS_INTERVAL_H

#include <stdint.h>

enum interval {
    INTERVAL_NONE,
    INTERVAL_QUARTER,
    INTERVAL_HOUR,
    INTERVAL_DAY,
    INTERVAL_MONTH,
};

// "15min", "hour", "day", "month"; INTERVAL_NONE for another word.
enum interval interval_parse(const char *word);
const char *interval_word(enum interval interval);
// The number of the quarter of an hour (rollup.h) with which the interval begins in which `quarter`
// is; and with which the next one begins. Between the years 1 and 9999.
int64_t interval_start(enum interval interval, int64_t quarter);
int64_t interval_end(enum interval interval, int64_t quarter);

#endif
