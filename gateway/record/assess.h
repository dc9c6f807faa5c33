// What is to be said of a reading beside its indication: the corrected value and its expanded
// uncertainty by the certificate in force, and flags for the clock's state, a leap second near, no
// certificate, one that is overdue, an indication outside its range.
//
// One thread.
#ifndef TALLY_RECORD_ASSESS_H
#define TALLY_RECORD_ASSESS_H

#include "base/clock.h"
#include "base/reading.h"
#include "record/calibrations.h"

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

// Sets the corrected value and U of a reading that has its time, indication and flags (the sample's
// and its own), and adds the flags that follow. Of an instrument that says it is another one
// (FLAG_IDENTITY_MISMATCH) no certificate speaks. A text is not measured, and gets no flag of
// these.
void assess_calibration(const struct calibration *calibration, struct reading *reading);

#endif
