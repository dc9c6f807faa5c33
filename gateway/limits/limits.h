// What the limits of one point say of its readings, one after the other: which of them are raised
// and cleared, and whether a reading itself exceeds one.
//
// Pure: no memory, no clock; one rule for each point that is watched, and a state that belongs to
// whoever feeds it, one thread. Times are microseconds of one monotonic clock: a wall clock that is
// set neither raises nor clears anything.
//
// What is compared is the corrected value where there is one, else the indication; of a float32 as
// the instrument shows it (242.1 is not above 242.1). A reading without a number says nothing of
// bounds, rate and frozen, and leaves them as they are, as does a miss.
#ifndef TALLY_LIMITS_LIMITS_H
#define TALLY_LIMITS_LIMITS_H

#include "base/reading.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

// Those of enum config_bound, in its order, and more. The last two look at a time and not at one
// reading: completeness.h and energy_check.h judge them.
enum limit_kind {
    LIMIT_MIN,
    LIMIT_WARNING_MIN,
    LIMIT_WARNING_MAX,
    LIMIT_MAX,
    LIMIT_RATE,
    LIMIT_FROZEN,
    LIMIT_SILENCE,
    LIMIT_COMPLETENESS,
    LIMIT_CHECK_ENERGY,
};
#define LIMIT_KINDS 9

// "min", "warning_min" … "rate", "frozen": as the configuration has them.
const char *limit_name(enum limit_kind kind);
// Whether it is a warning, and not an alarm.
bool limit_is_warning(enum limit_kind kind);

struct limits_bound {
    double at, back; // back: where it clears
};

// What each reading needs is last here and first in the state, for whoever puts them side by side.
struct limits_rule {
    struct limits_bound bounds[BOUND_COUNT];
    int64_t delay_us, silence_us;
    int64_t frozen_us; // INT64_MAX: never
    double rate_per_s; // infinite where there is none
    double low, high;  // the innermost bounds; likewise
    uint8_t watched;   // a bit for each limit_kind up to silence
    bool guarded;
};

struct limits_state {
    uint8_t raised, pending;         // likewise
    bool has_number;                 // there was a reading with a number
    int64_t seen_us;                 // the last reading, or where the state began
    int64_t number_us, unchanged_us; // of the last with a number; since when it has been the same
    double number, indication;       // the last: what is compared, and what was shown
    int64_t since_us[LIMIT_SILENCE]; // of all but silence, while pending: exceeded from then on
};

struct limits_change {
    uint16_t raised, cleared; // by this reading: a bit for each limit_kind
    bool exceeds;             // the reading itself is beyond min or max, or came at more than the
                              // rate, by the rule and whatever the delay; or is frozen
};

void limits_compile(const struct config_limits *limits, struct limits_rule *rule);
// Nothing is raised; silence counts from now.
void limits_begin(struct limits_state *state, int64_t mono_us);
// A reading. Bounds and rate are raised when they have been exceeded by each reading from one at
// least `delay` ago on; a bound is cleared by the first reading that is no longer beyond where it
// clears, rate by the first at which it is not exceeded. Guarded: the value with its U on the
// bound's side; where U is not known, the value alone. Rate: the change since the number before,
// over the time between. Frozen: the indication has not changed for so long.
struct limits_change limits_take(const struct limits_rule *rule, struct limits_state *state,
                                 const struct reading *reading, int64_t mono_us);
// A reading that was due is absent: silence is raised when the last one is so long ago. A reading
// clears it.
struct limits_change limits_miss(const struct limits_rule *rule, struct limits_state *state,
                                 int64_t mono_us);

#endif
