// Whether what a register of energy counted agrees with the power that the same meter shows: its
// difference over a window against the integral of the power over the same time.
//
// Pure: no memory, no clock; one rule and one state for each register that is watched so, one
// thread. Times are microseconds of one monotonic clock. Windows follow one another: each begins
// with the reading of the register that ended the one before. The power goes in straight lines from
// reading to reading (trapezoids), also to the register's own times between them; where it crosses
// zero, only the side that the register counts. What would make a figure unknown ends the window
// without a judgement: readings of power too far apart, a register that fell (it rolled over, was
// reset or exchanged), energy_check_break.
#ifndef TALLY_LIMITS_ENERGY_CHECK_H
#define TALLY_LIMITS_ENERGY_CHECK_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct energy_check_rule {
    int64_t over_us, gap_us;
    double per_second; // what a unit of power adds to the register in a second
    double within;     // 0.05: 5% of the greater of the two
    double floor;      // in the register's unit; < 0: 2 steps / within
    double step;       // of the register; 0: not known
    bool float32;      // the step is that of the number itself
    enum energy_counts counts;
};

struct energy_check_state {
    bool raised;
    bool has_power, has_energy;
    bool begun;  // there is a window …
    bool ending; // … and the register's reading that ends it: the power up to there is awaited
    int64_t power_us, begin_us, end_us;
    int64_t done_us;      // the integral reaches so far
    double power, energy; // the last of each
    double begin_energy, end_energy;
    double integral; // of the power that counts, in its unit × s
    // As last judged; in the register's unit.
    double counted, expected;
    int64_t judged_us; // how long the window was
};

// All but the units: per_second and step are the caller's.
void energy_check_compile(const struct config_energy_check *check, struct energy_check_rule *rule);
// A reading of the power, or of the register, as a number. 1: raised by it; -1: cleared; 0. The two
// disagree when they are more than `within` of the greater apart; where the greater is below the
// floor nothing is judged, and what is raised stays.
int energy_check_power(const struct energy_check_rule *rule, struct energy_check_state *state,
                       double power, int64_t mono_us);
int energy_check_energy(const struct energy_check_rule *rule, struct energy_check_state *state,
                        double energy, int64_t mono_us);
// It may be another meter from here on, say. What is raised stays.
void energy_check_break(struct energy_check_state *state);

#endif
