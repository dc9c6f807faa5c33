#include "history/interval.h"

#include "series/rollup.h"

#include <string.h>
#include <time.h>

#define QUARTERS_AN_HOUR 4

static const char *const words[] = {[INTERVAL_QUARTER] = "15min",
                                    [INTERVAL_HOUR] = "hour",
                                    [INTERVAL_DAY] = "day",
                                    [INTERVAL_MONTH] = "month"};

enum interval interval_parse(const char *word)
{
    for (int i = INTERVAL_QUARTER; i <= INTERVAL_MONTH; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (enum interval)i;
        }
    }
    return INTERVAL_NONE;
}

const char *interval_word(enum interval interval)
{
    return words[interval];
}

// The local date, or month, at the quarter's start, as a number that rises with it.
static long date_of(enum interval interval, int64_t quarter)
{
    time_t seconds = (time_t)(rollup_quarter_start(quarter) / 1000000);
    struct tm t = {.tm_year = 0};
    localtime_r(&seconds, &t);
    long month = t.tm_year * 12L + t.tm_mon;
    return interval == INTERVAL_MONTH ? month : month * 31 + t.tm_mday;
}

static int64_t hour_of(int64_t quarter)
{
    return quarter - ((quarter % QUARTERS_AN_HOUR) + QUARTERS_AN_HOUR) % QUARTERS_AN_HOUR;
}

int64_t interval_start(enum interval interval, int64_t quarter)
{
    if (interval < INTERVAL_DAY) {
        return interval == INTERVAL_HOUR ? hour_of(quarter) : quarter;
    }
    long date = date_of(interval, quarter);
    while (date_of(interval, quarter - 1) == date) {
        quarter--;
    }
    return quarter;
}

int64_t interval_end(enum interval interval, int64_t quarter)
{
    if (interval < INTERVAL_DAY) {
        return interval == INTERVAL_HOUR ? hour_of(quarter) + QUARTERS_AN_HOUR : quarter + 1;
    }
    // The next date, and not another: clocks put back at midnight begin no day twice.
    long date = date_of(interval, quarter);
    while (date_of(interval, quarter) <= date) {
        quarter++;
    }
    return quarter;
}
