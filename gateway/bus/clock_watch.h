// Notices that the wall clock was set: compares it with the monotonic clock, which cannot be. Pure;
// the times are passed in.
#ifndef TALLY_BUS_CLOCK_WATCH_H
#define TALLY_BUS_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_WATCH_EVERY_US 500000
// Between two looks; slewing, at most 8.4% (chrony's maxslewrate), stays below.
#define CLOCK_WATCH_STEP_US 100000

struct clock_watch {
    int64_t offset_us; // wall - monotonic at the last look
    bool begun;
};

// True when the clock was set since the last look, and by how much.
bool clock_watch_look(struct clock_watch *watch, int64_t wall_us, int64_t mono_us,
                      int64_t *step_us);

#endif
