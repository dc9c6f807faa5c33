// How a result is shown: U with two significant digits, and the value to the same place (GUM,
// JCGM 100:2008, 7.2.6). Only shown: what is stored is not rounded.
//
// Pure; thread-safe.
#ifndef TALLY_MEASURE_ROUNDING_H
#define TALLY_MEASURE_ROUNDING_H

#include "base/text.h"

// The place to round to: digits behind the point, negative before it. `expanded_uncertainty` > 0
// and finite.
int rounding_place(double expanded_uncertainty);
// Appends a number rounded to a place, "230.12", "1200"; half away from zero, never "-0".
void rounding_append(struct text *text, double number, int place);

#endif
