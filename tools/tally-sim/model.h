// What a plausible instrument would show at a time: voltages with a little noise, power on a daily
// load curve, energy that is exactly the integral of that power, temperatures that wander.
//
// A pure function of seed and time, but for a memo of each wandering quantity; nothing runs while
// nobody asks. Knows nothing of registers. One thread per model.
#ifndef TALLY_SIM_MODEL_H
#define TALLY_SIM_MODEL_H

#include "config/driver.h"

#include <stddef.h>
#include <stdint.h>

struct model;

// The driver is borrowed. `power_w` is the mean active power of the instrument's load in W, or 0:
// then it follows from the driver's typical power, or is 10 kW (three phases) or 500 W. NULL when
// there is no memory.
struct model *model_make(const struct driver *driver, uint64_t seed, double power_w);
void model_free(struct model *model);
// The quantity's mean is `value` (in its unit) from now on. For power and energy it has no effect
// on the other quantities.
void model_set_typical(struct model *model, size_t quantity, double value);
// The value of the driver's quantity `quantity`, in its unit. `t_s`: seconds since 1970 in the
// lab's local time.
double model_value(struct model *model, size_t quantity, double t_s);

#endif
