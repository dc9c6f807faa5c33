// A point that has limits, as alarms.c keeps it, and the sentences of its events. Private to
// record/alarms.
#ifndef TALLY_RECORD_ALARM_TEXT_H
#define TALLY_RECORD_ALARM_TEXT_H

#include "base/text.h"
#include "record/alarm_windows.h"
#include "record/alarms.h"

// What other threads may see of a point; under the lock of the alarms.
struct alarm_seen {
    uint16_t raised, acknowledged; // a bit for each limit_kind
    int64_t since_us[LIMIT_KINDS], since_mono_us[LIMIT_KINDS];
    int64_t acknowledged_us; // the last time
    char account[ALARM_ACCOUNT_MAX + 1];
};

struct watched {
    struct limits_rule rule;
    struct alarm_windows *windows; // owned; NULL: none
    struct limits_state state;     // this and what is in windows: the recorder's thread's own
    char name[ALARM_POINT_MAX + 1];
    uint32_t number;
    const char *unit;                   // the driver's
    const struct config_limits *limits; // the configuration's
    struct alarm_seen seen;
};

// A reading or a miss, and what was before it.
struct alarm_moment {
    int64_t t_us, mono_us;
    const struct reading *reading; // NULL: a miss
    double number_before;
    int64_t number_before_us; // monotonic clock
};

// "max 242 V", "rate 5 V/min", "frozen 10min", "silence 5min", "completeness 90%",
// "check_energy 5%".
void alarm_text_limit(struct text *out, const struct config_limits *limits, const char *unit,
                      enum limit_kind kind);
// "max 242 V: 243.1 V; simple acceptance"; docs/FORMAT.md has the forms.
void alarm_text_raised(struct text *out, const struct watched *watched, enum limit_kind kind,
                       const struct alarm_moment *moment);
// `since_mono_us`: when it was raised.
void alarm_text_cleared(struct text *out, const struct watched *watched, enum limit_kind kind,
                        const struct alarm_moment *moment, int64_t since_mono_us);
// The same of one that is raised and watched no more, or in another way.
void alarm_text_ended(struct text *out, const struct watched *watched, enum limit_kind kind,
                      int64_t mono_us);

#endif
