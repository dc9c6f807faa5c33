#include "record/assess.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US    (INT64_C(86400) * SECOND_US)

static void read_state(struct assess *assess)
{
    clock_state(assess->clock, &assess->state);
    if (assess->state.leap != 0) {
        // A leap second comes at the end of the UTC day (ITU-R TF.460-6); once it is over the
        // kernel no longer tells, so its place is remembered.
        assess->leap = assess->state.leap;
        assess->leap_us = (clock_wall_us(assess->clock) / DAY_US + 1) * DAY_US;
    }
}

void assess_init(struct assess *assess, const struct clock *clock)
{
    *assess = (struct assess){.clock = clock, .read_mono_us = clock_mono_us(clock)};
    read_state(assess);
}

// An inserted second repeats the last of the day in POSIX time, a deleted one leaves it out: with a
// second on either side that is from one (deleted: two) before midnight to one behind it.
static bool is_near_leap(const struct assess *assess, int64_t t_us)
{
    int64_t before_us = assess->leap < 0 ? 2 * SECOND_US : SECOND_US;
    return assess->leap_us != 0 && t_us >= assess->leap_us - before_us &&
           t_us < assess->leap_us + SECOND_US;
}

uint32_t assess_time(struct assess *assess, int64_t t_us, int64_t mono_us)
{
    if (mono_us - assess->read_mono_us >= SECOND_US || mono_us < assess->read_mono_us - SECOND_US) {
        read_state(assess);
        assess->read_mono_us = mono_us;
    }
    return (assess->state.synchronised ? 0 : FLAG_CLOCK_UNSYNCHRONISED) |
           (is_near_leap(assess, t_us) ? FLAG_LEAP_SECOND : 0);
}

// Not by a copy of the whole: there is room for a text in it.
static void set_number(struct value *value, double number)
{
    value->kind = VALUE_FLOAT64;
    value->float64 = number;
}

void assess_calibration(const struct calibration *calibration, struct reading *reading)
{
    double corrected, expanded_uncertainty;
    reading->corrected.kind = reading->expanded_uncertainty.kind = VALUE_NONE;
    if (reading->indication.kind == VALUE_STRING) {
        return;
    }
    if (calibration->correction.mode == CORRECTION_NONE ||
        reading->flags & FLAG_IDENTITY_MISMATCH) {
        reading->flags |= FLAG_NO_CERTIFICATE;
        return;
    }
    reading->flags |= reading->t_us >= calibration->overdue_us ? FLAG_CALIBRATION_OVERDUE : 0;
    switch (correction_apply(&calibration->correction, value_to_double(&reading->indication),
                             (struct correction_time){reading->t_us, reading->half_window_us},
                             &corrected, &expanded_uncertainty)) {
    case CORRECTED:
        set_number(&reading->corrected, corrected);
        set_number(&reading->expanded_uncertainty, expanded_uncertainty);
        break;
    case CORRECTED_OUTSIDE: reading->flags |= FLAG_OUTSIDE_CALIBRATED_RANGE; break;
    case CORRECTED_NOT: break;
    }
}
