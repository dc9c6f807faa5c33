#include "series/bound.h"

// A floating point number of 3 bits behind the first: below 8 itself; from there on each power of
// two has eight steps.
#define STEPS   8
#define MOST    255
#define MOST_US ((int64_t)14 << 30)

static int64_t sum_of(int64_t clock_error_us, int64_t half_window_us)
{
    int64_t error_us = clock_error_us > 0 ? clock_error_us : 0;
    int64_t window_us = half_window_us > 0 ? half_window_us : 0;
    return error_us > MOST_US || window_us > MOST_US ? MOST_US + 1 : error_us + window_us;
}

uint8_t bound_of(int64_t clock_error_us, int64_t half_window_us)
{
    int64_t us = sum_of(clock_error_us, half_window_us);
    int exponent = 0;
    if (us < STEPS) {
        return (uint8_t)us;
    }
    if (us > MOST_US) {
        return MOST;
    }
    while (us >> exponent >= 2 * STEPS) {
        exponent++;
    }
    int64_t steps = (us + ((int64_t)1 << exponent) - 1) >> exponent; // 2 × STEPS: the next power
    return (uint8_t)(STEPS * exponent + steps);
}

int64_t bound_us(uint8_t bound)
{
    if (bound == MOST) {
        return INT64_MAX;
    }
    return bound < STEPS ? bound : (int64_t)(STEPS + bound % STEPS) << (bound / STEPS - 1);
}
