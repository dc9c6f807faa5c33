// When an instrument is due: at multiples of `every` since the epoch on the wall clock (aligned),
// or every so long on the monotonic clock from a phase of its own. Pure: both clocks are passed in.
//
// A due time that has passed unused is never made up for; it is counted. Wall-clock steps move the
// aligned times at once and count as nothing missed.
#ifndef TALLY_BUS_SCHEDULE_H
#define TALLY_BUS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_STEP_US 100000 // a greater change between the clocks is a step

struct schedule_now {
    int64_t wall_us, mono_us;
};

struct schedule {
    bool align, begun;
    int64_t every_us;  // 0: always due, as fast as it goes
    int64_t due_us;    // on the wall clock when aligned, else on the monotonic one
    int64_t offset_us; // wall - monotonic when due_us was set
};

struct schedule_poll {
    int64_t due_wall_us;   // of the poll to be made now
    uint64_t missed;       // due times before it that passed unused
    int64_t first_wall_us; // of the missed ones; the others follow `every` apart
};

// Due at once, and from then on every `every_us` from `phase_us` (0 to every_us) after now;
// aligned: due at the next multiple.
void schedule_start(struct schedule *schedule, bool align, int64_t every_us, int64_t phase_us,
                    struct schedule_now now);
// Time until it is due; 0 or less when it is. Sets the due time right after a clock step.
int64_t schedule_wait_us(struct schedule *schedule, struct schedule_now now);
// It is due: takes the latest due time, counts those before it, and goes on to the next.
struct schedule_poll schedule_take(struct schedule *schedule, struct schedule_now now);
// The poll that was taken last is not made: it is due again, as it was.
void schedule_give_back(struct schedule *schedule);

#endif
