// How much a test of many cases does: TALLY_EFFORT percent of it (100), for emulators and
// sanitizers.
#ifndef TALLY_TESTS_EFFORT_H
#define TALLY_TESTS_EFFORT_H

#include <stdlib.h>

static inline long effort(long base)
{
    const char *percent = getenv("TALLY_EFFORT");
    return percent ? base * atol(percent) / 100 : base;
}

// Where cases are counted through: every one, or with less effort each seventh.
static inline unsigned effort_step(void)
{
    return effort(100) < 100 ? 7 : 1;
}

#endif
