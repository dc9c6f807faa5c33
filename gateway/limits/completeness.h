// How complete the readings of one point are: those taken against those due over a window of time
// that moves on part by part, and whether the share is below its limit.
//
// Pure: no memory, no clock; one rule and one state for each point that is watched so, one thread.
// Times are microseconds of one monotonic clock. The share is exact: whole numbers are compared.
#ifndef TALLY_LIMITS_COMPLETENESS_H
#define TALLY_LIMITS_COMPLETENESS_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define COMPLETENESS_PARTS CONFIG_WINDOW_PARTS

struct completeness_rule {
    int64_t part_us;
    int32_t below_ppm, back_ppm; // raised below the one, cleared at the other or above it
};

struct completeness_state {
    int64_t part_end_us;
    unsigned place, full; // of the part that is being counted; how many are complete
    bool raised;
    uint32_t due[COMPLETENESS_PARTS + 1], taken[COMPLETENESS_PARTS + 1]; // a ring
    uint64_t window_due, window_taken;                                   // when it was last judged
};

// `completeness`: one with a window.
void completeness_compile(const struct config_completeness *completeness,
                          struct completeness_rule *rule);
// Nothing is raised, and nothing judged before a whole window has passed.
void completeness_begin(const struct completeness_rule *rule, struct completeness_state *state,
                        int64_t mono_us);
// A reading that was due, and was taken or is absent. The window is judged with the first that
// comes after a part of it is over, over the parts that are complete; one in which nothing was due
// is not. 1: raised by it; -1: cleared; 0.
int completeness_take(const struct completeness_rule *rule, struct completeness_state *state,
                      bool taken, int64_t mono_us);

#endif
