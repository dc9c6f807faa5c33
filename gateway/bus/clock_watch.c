#include "bus/clock_watch.h"

bool clock_watch_look(struct clock_watch *watch, int64_t wall_us, int64_t mono_us, int64_t *step_us)
{
    int64_t offset = wall_us - mono_us;
    *step_us = offset - watch->offset_us;
    watch->offset_us = offset;
    if (!watch->begun) {
        watch->begun = true;
        return false;
    }
    return *step_us > CLOCK_WATCH_STEP_US || *step_us < -CLOCK_WATCH_STEP_US;
}
