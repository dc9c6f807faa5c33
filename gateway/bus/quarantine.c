#include "bus/quarantine.h"

bool quarantine_failed(struct quarantine *quarantine, int64_t now_us, int64_t cost_us,
                       bool nobody_else, uint32_t chance)
{
    if (quarantine->failed < QUARANTINE_AFTER) {
        quarantine->failed++;
    }
    if (quarantine->failed < QUARANTINE_AFTER) {
        return false;
    }
    int64_t least = QUARANTINE_SHARE * cost_us;
    int64_t longest = nobody_else ? QUARANTINE_NOBODY_US : QUARANTINE_LONGEST_US;
    int64_t interval = quarantine->held ? 2 * quarantine->interval_us : least;
    interval = interval > longest ? longest : interval;
    interval = interval < least && !nobody_else ? least : interval;
    bool begins = !quarantine->held;
    quarantine->held = true;
    quarantine->interval_us = interval;
    // Up to a fifth later, so that instruments which fell silent together are not probed together.
    quarantine->probe_us = now_us + interval + interval / 5 * (chance % 1024) / 1024;
    return begins;
}

bool quarantine_answered(struct quarantine *quarantine)
{
    bool ends = quarantine->held;
    *quarantine = (struct quarantine){0};
    return ends;
}
