// What a register counts: how much a rate, such as a power in W, adds to it in a second, such as
// 1/3600000 kWh; and whether the quantities that a configuration ties together so have units of
// such a pair.
//
// Pure; thread-safe.
#ifndef TALLY_MEASURE_COUNTING_H
#define TALLY_MEASURE_COUNTING_H

#include "base/error.h"
#include "config/config.h"

// The units as drivers write them: "kWh" and "W", "m³" and "L/min". ERROR_INPUT with why.
int counting_factor(const char *count, const char *rate, double *per_second, struct why *why);

// Adds a fault for each `check_energy` whose units do not go together, at the place of the power's
// name. What config_load cannot see: it knows no units.
void counting_check(const struct config *config, struct faults *faults);

#endif
