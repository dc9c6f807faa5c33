// The limits of a point that look at a time and not at one reading, as alarms.c keeps them beside
// those that do. Private to record/alarms.
#ifndef TALLY_RECORD_ALARM_WINDOWS_H
#define TALLY_RECORD_ALARM_WINDOWS_H

#include "base/reading.h"
#include "limits/completeness.h"
#include "limits/limits.h"

struct alarm_windows {
    bool has_completeness;
    struct completeness_rule completeness_rule;
    struct completeness_state completeness;
};

// *out is NULL where a point has none. free() it. False when memory is short.
bool alarm_windows_make(struct alarm_windows **out, const struct config_limits *limits,
                        int64_t mono_us);
// Whether both watch for the same; either may be NULL.
bool alarm_windows_same(const struct alarm_windows *a, const struct alarm_windows *b);
// What one that watches for the same has counted. Both may be NULL.
void alarm_windows_take_over(struct alarm_windows *to, const struct alarm_windows *from);
// What is raised: a bit for each limit_kind. NULL: nothing.
uint16_t alarm_windows_raised(const struct alarm_windows *windows);
// A reading that was due, and was taken or is absent.
struct limits_change alarm_windows_take(struct alarm_windows *windows, bool taken, int64_t mono_us);

#endif
