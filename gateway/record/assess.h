// What is to be said of a reading beside its value: flags for the clock's state, a leap second
// near, no certificate, the instrument's own fault, another identity.
//
// Decides flags only. Certificates come with an issue of their own: until then none applies. One
// thread.
#ifndef TALLY_RECORD_ASSESS_H
#define TALLY_RECORD_ASSESS_H

#include "base/clock.h"
#include "base/reading.h"

#include <stdbool.h>

struct assess {
    const struct clock *clock;
    struct clock_state state;
    int64_t read_mono_us; // when the state was read
    int64_t leap_us;      // wall clock of the end of the leap second last announced; 0: none
    int leap;             // +1 inserted, -1 deleted
};

void assess_init(struct assess *assess, const struct clock *clock);
// Flags of everything taken at t_us, at mono_us of the monotonic clock. The kernel is asked for the
// clock's state once a second, by that clock.
uint32_t assess_time(struct assess *assess, int64_t t_us, int64_t mono_us);
// Flags of one value: `common` (assess_time, and what the sample says) and its own.
uint32_t assess_value(uint32_t common, uint32_t decoded, const struct value *value);

#endif
