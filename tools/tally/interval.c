#include "interval.h"

#include "series/rollup.h"

#include <string.h>
#include <time.h>

#define QUARTERS_AN_HOUR 4

enum interval interval_parse(const char *word)
{
    return strcmp(word, "15min") == 0  ? INTERVAL_QUARTER
           : strcmp(word, "hour") == 0 ? INTERVAL_HOUR
           : strcmp(word, "day") == 0  ? INTERVAL_DAY
                                       : INTERVAL_NONE;
}

// The local date at the quarter's start, as a number that rises with it.
static long date_of(int64_t quarter)
{
    time_t seconds = (time_t)(rollup_quarter_start(quarter) / 1000000);
    struct tm t = {.tm_year = 0};
    localtime_r(&seconds, &t);
    return (t.tm_year * 12L + t.tm_mon) * 31 + t.tm_mday;
}

static int64_t hour_of(int64_t quarter)
{
    return quarter - ((quarter % QUARTERS_AN_HOUR) + QUARTERS_AN_HOUR) % QUARTERS_AN_HOUR;
}

int64_t interval_start(enum interval interval, int64_t quarter)
{
    if (interval != INTERVAL_DAY) {
        return interval == INTERVAL_HOUR ? hour_of(quarter) : quarter;
    }
    long date = date_of(quarter);
    while (date_of(quarter - 1) == date) {
        quarter--;
    }
    return quarter;
}

int64_t interval_end(enum interval interval, int64_t quarter)
{
    if (interval != INTERVAL_DAY) {
        return interval == INTERVAL_HOUR ? hour_of(quarter) + QUARTERS_AN_HOUR : quarter + 1;
    }
    // The next date, and not another: clocks put back at midnight begin no day twice.
    long date = date_of(quarter);
    while (date_of(quarter) <= date) {
        quarter++;
    }
    return quarter;
}
