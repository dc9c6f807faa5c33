#include "limits/energy_check.h"

#include <math.h>

#define SECOND_US   1e6
#define WHOLE_PPM   1e6
#define FLOOR_STEPS 2 // a difference of two readings is off by one step at most

void energy_check_compile(const struct config_energy_check *check, struct energy_check_rule *rule)
{
    *rule =
        (struct energy_check_rule){.over_us = check->over_us,
                                   .gap_us = check->gap_us,
                                   .within = check->within_ppm / WHOLE_PPM,
                                   .floor = check->has_floor ? decimal_to_double(check->floor) : -1,
                                   .counts = check->counts};
}

void energy_check_break(struct energy_check_state *state)
{
    state->begun = state->ending = state->has_power = state->has_energy = false;
}

// --- the integral

// Of the part above zero of a straight line, over 1.
static double area_above(double from, double to)
{
    double high = from > to ? from : to, low = from > to ? to : from;
    if (high <= 0) {
        return 0;
    }
    return low >= 0 ? (high + low) / 2 : high * high / (2 * (high - low));
}

static double area(enum energy_counts counts, double from, double to)
{
    double up = counts == COUNTS_NEGATIVE ? 0 : area_above(from, to);
    double down = counts == COUNTS_POSITIVE ? 0 : area_above(-from, -to);
    return up + down;
}

// Goes on to `until_us`, between the last reading of power and this one.
static void integrate(const struct energy_check_rule *rule, struct energy_check_state *state,
                      double power, int64_t mono_us, int64_t until_us)
{
    double slope = (power - state->power) / (double)(mono_us - state->power_us);
    double from = state->power + slope * (double)(state->done_us - state->power_us);
    double to = state->power + slope * (double)(until_us - state->power_us);
    state->integral +=
        area(rule->counts, from, to) * (double)(until_us - state->done_us) / SECOND_US;
    state->done_us = until_us;
}

// --- the window

static double floor_of(const struct energy_check_rule *rule, const struct energy_check_state *state)
{
    if (rule->floor >= 0) {
        return rule->floor;
    }
    float last = (float)state->end_energy;
    double step = rule->float32 ? (double)(nextafterf(last, INFINITY) - last) : rule->step;
    return FLOOR_STEPS * step / rule->within;
}

static void begin(struct energy_check_state *state, int64_t mono_us, double energy)
{
    state->begun = true;
    state->ending = false;
    state->begin_us = state->done_us = mono_us;
    state->begin_energy = energy;
    state->integral = 0;
}

// The integral has reached the window's end; the next begins there.
static int judge(const struct energy_check_rule *rule, struct energy_check_state *state)
{
    int change = 0;
    double counted = state->end_energy - state->begin_energy;
    double expected = state->integral * rule->per_second;
    double greater = counted > expected ? counted : expected;
    if (greater > 0 && greater >= floor_of(rule, state)) {
        bool apart = fabs(counted - expected) > rule->within * greater;
        state->counted = counted;
        state->expected = expected;
        state->judged_us = state->end_us - state->begin_us;
        change = apart - state->raised;
        state->raised = apart;
    }
    begin(state, state->end_us, state->end_energy);
    return change;
}

static int pass(const struct energy_check_rule *rule, struct energy_check_state *state,
                double power, int64_t mono_us)
{
    int change = 0;
    if (state->ending && state->end_us <= mono_us) {
        integrate(rule, state, power, mono_us, state->end_us);
        change = judge(rule, state);
    }
    integrate(rule, state, power, mono_us, mono_us);
    return change;
}

int energy_check_power(const struct energy_check_rule *rule, struct energy_check_state *state,
                       double power, int64_t mono_us)
{
    int change = 0;
    if (state->has_power && mono_us <= state->power_us) {
        return 0;
    }
    if (state->has_power && mono_us - state->power_us > rule->gap_us) {
        state->begun = state->ending = false;
    } else if (state->begun) {
        change = pass(rule, state, power, mono_us);
    }
    state->power = power;
    state->power_us = mono_us;
    state->has_power = true;
    return change;
}

int energy_check_energy(const struct energy_check_rule *rule, struct energy_check_state *state,
                        double energy, int64_t mono_us)
{
    bool fell = state->has_energy && energy < state->energy;
    state->energy = energy;
    state->has_energy = true;
    if (fell) {
        state->begun = state->ending = false;
    }
    if (!state->has_power || mono_us < state->power_us ||
        mono_us - state->power_us > rule->gap_us) {
        return 0; // the power at this time will not be known
    }
    if (!state->begun) {
        begin(state, mono_us, energy);
    } else if (!state->ending && mono_us - state->begin_us >= rule->over_us) {
        state->ending = true;
        state->end_us = mono_us;
        state->end_energy = energy;
        return state->done_us == mono_us ? judge(rule, state) : 0;
    }
    return 0;
}
