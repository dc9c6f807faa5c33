// The limits of a point that look at a time and not at one reading, as alarms.c keeps them beside
// those that do. Private to record/alarms.
#ifndef TALLY_RECORD_ALARM_WINDOWS_H
#define TALLY_RECORD_ALARM_WINDOWS_H

#include "base/reading.h"
#include "limits/completeness.h"
#include "limits/energy_check.h"
#include "limits/limits.h"

struct watched;

struct alarm_windows {
    bool has_completeness;
    struct completeness_rule completeness_rule;
    struct completeness_state completeness;

    // Of a register of energy that is checked.
    bool has_energy;
    struct energy_check_rule energy_rule;
    struct energy_check_state energy;
    const char *power_name;
    uint32_t power_number;         // of the point that shows the power
    struct watched *next_of_power; // another register that the same power is compared with

    struct watched *registers; // of a power: those it is compared with; NULL: none
};

// Of a slot of an instrument, whose points have these numbers. *out is NULL where it has none and
// is no power that a register is compared with. free() it. False when memory is short.
bool alarm_windows_make(struct alarm_windows **out, const struct config_instrument *instrument,
                        const uint32_t *numbers, size_t slot, int64_t mono_us);
// Whether a register of the instrument is compared with the power in this slot.
bool alarm_windows_is_power(const struct config_instrument *instrument, size_t slot);
// Whether both watch for the same; either may be NULL.
bool alarm_windows_same(const struct alarm_windows *a, const struct alarm_windows *b);
// What one that watches for the same has counted. Both may be NULL.
void alarm_windows_take_over(struct alarm_windows *to, const struct alarm_windows *from);
// What is raised: a bit for each limit_kind. NULL: nothing.
uint16_t alarm_windows_raised(const struct alarm_windows *windows);
// A reading of the point that was due, or (NULL) that is absent.
struct limits_change alarm_windows_take(struct alarm_windows *windows,
                                        const struct reading *reading, int64_t mono_us);
// A reading of the power that a register, whose windows these are, is compared with.
struct limits_change alarm_windows_take_power(struct alarm_windows *windows,
                                              const struct reading *reading, int64_t mono_us);

#endif
