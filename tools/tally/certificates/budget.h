// The uncertainty budget of a point: its parts, which budget_parts.c lists and budget_print.c
// shows.
#ifndef TALLY_TOOLS_BUDGET_H
#define TALLY_TOOLS_BUDGET_H

#include "certificates/budget_slope.h"

#include "record/calibrations.h"

#include <stdbool.h>

// Calibration, resolution, drift, what time makes of three things, and the influences.
#define BUDGET_PARTS_MAX (6 + CONFIG_INFLUENCES_MAX)

struct budget_part {
    char name[64], source[512];
    bool known;               // otherwise what follows is 0; `source` says why
    bool in_readings;         // it is in the U that readings have
    const char *distribution; // "normal", "rectangular"
    double value, divisor;    // U, or a half-width; of time: in s
    bool of_time;             // multiplied by the slope, in the unit per s
    double sensitivity, u;    // u = value / divisor × sensitivity, in the quantity's unit
};

struct budget {
    // What it is of.
    const char *point;
    const struct config_instrument *instrument;
    const struct driver_quantity *quantity;
    const struct calibration *calibration;
    double indication;
    int64_t t_us; // of the reading
    struct budget_slope slope;
    // What comes of it.
    struct budget_part parts[BUDGET_PARTS_MAX];
    size_t count;
    double error, corrected;
    double in_readings, combined; // u of what readings have in U; of all parts
    double k;                     // of readings
    double freedom;               // of the calibration, by the greatest k of its points
    double effective, coverage;   // degrees of freedom of `combined`, and their k
};

// What is known of `indication` at `t_us` is put together. CORRECTED, or why there is none.
enum corrected budget_make(struct budget *budget);

void budget_print_table(const struct budget *budget);
void budget_print_json(const struct budget *budget);
// Of a register that counts up: its percent errors by load, or its maximum permissible error.
void budget_print_loads(const struct budget *budget, bool json);

#endif
