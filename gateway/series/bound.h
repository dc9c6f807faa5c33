// How far a reading's time may be from the truth, in one byte: the clock's error, as its block
// states it, and half the window, rounded up by an eighth at most.
//
// Pure; thread-safe.
#ifndef TALLY_SERIES_BOUND_H
#define TALLY_SERIES_BOUND_H

#include <stdint.h>

// Greater for what is farther. Negative times count as 0.
uint8_t bound_of(int64_t clock_error_us, int64_t half_window_us);
// At least what it was made of; INT64_MAX: beyond four hours.
int64_t bound_us(uint8_t bound);

#endif
