#include "limits/limits.h"

#include <math.h>

#define SECOND_US 1e6
#define BIT(kind) ((uint8_t)(1u << (kind)))

static const uint8_t bound_bits =
    BIT(LIMIT_MIN) | BIT(LIMIT_WARNING_MIN) | BIT(LIMIT_WARNING_MAX) | BIT(LIMIT_MAX);

const char *limit_name(enum limit_kind kind)
{
    static const char *const names[] = {
        [LIMIT_RATE] = "rate", [LIMIT_FROZEN] = "frozen", [LIMIT_SILENCE] = "silence"};
    return kind < LIMIT_RATE ? config_bound_name((enum config_bound)kind) : names[kind];
}

bool limit_is_warning(enum limit_kind kind)
{
    return kind == LIMIT_WARNING_MIN || kind == LIMIT_WARNING_MAX;
}

void limits_compile(const struct config_limits *limits, struct limits_rule *rule)
{
    *rule = (struct limits_rule){.guarded = limits->decision == DECISION_GUARDED,
                                 .delay_us = limits->delay_us,
                                 .frozen_us = limits->frozen_us,
                                 .silence_us = limits->silence_us};
    for (int i = 0; i < BOUND_COUNT; i++) {
        if (limits->has_bound[i]) {
            double at = decimal_to_double(limits->bound[i]);
            double back = decimal_to_double(limits->back[i]);
            rule->bounds[i] = (struct limits_bound){at, back, (float)at, (float)back};
            rule->watched |= BIT(i);
        }
    }
    if (limits->rate.magnitude) {
        rule->rate_per_s =
            decimal_to_double(limits->rate) / ((double)limits->rate_per_us / SECOND_US);
        rule->watched |= BIT(LIMIT_RATE);
    }
    rule->watched |= limits->frozen_us ? BIT(LIMIT_FROZEN) : 0;
    rule->watched |= limits->silence_us ? BIT(LIMIT_SILENCE) : 0;
}

void limits_begin(struct limits_state *state, int64_t mono_us)
{
    *state = (struct limits_state){.seen_us = mono_us};
}

// Moves one of bounds and rate on. `still`: exceeded, or not yet back where it clears.
static void step(struct limits_state *state, enum limit_kind kind, bool exceeded, bool still,
                 int64_t delay_us, int64_t mono_us, struct limits_change *change)
{
    uint8_t bit = BIT(kind);
    if (state->raised & bit) {
        if (!still) {
            state->raised &= (uint8_t)~bit;
            change->cleared |= bit;
        }
        return;
    }
    if (!exceeded) {
        state->pending &= (uint8_t)~bit;
        return;
    }
    if (!(state->pending & bit)) {
        state->pending |= bit;
        state->since_us[kind] = mono_us;
    }
    if (mono_us - state->since_us[kind] >= delay_us) {
        state->pending &= (uint8_t)~bit;
        state->raised |= bit;
        change->raised |= bit;
    }
}

// A value with its U where that counts.
struct compared {
    const struct value *value;
    double number, guard; // guard: 0 where the value alone is compared
};

// Beyond `at`, or `back`, which is given in both widths. A float32 is compared in its own width:
// rounding keeps order, so that what is beyond the decimal it was rounded from is beyond here.
static bool is_beyond(const struct compared *c, bool upwards, double at, float at32)
{
    if (c->value->kind == VALUE_FLOAT32 && c->guard == 0) {
        return upwards ? c->value->float32 > at32 : c->value->float32 < at32;
    }
    return upwards ? c->number + c->guard > at : c->number - c->guard < at;
}

static void take_bounds(const struct limits_rule *rule, struct limits_state *state,
                        const struct compared *c, int64_t mono_us, struct limits_change *change)
{
    for (int i = 0; i < BOUND_COUNT; i++) {
        if (!(rule->watched & BIT(i))) {
            continue;
        }
        const struct limits_bound *bound = &rule->bounds[i];
        bool upwards = i >= BOUND_WARNING_MAX;
        bool exceeded = is_beyond(c, upwards, bound->at, bound->at32);
        bool still = is_beyond(c, upwards, bound->back, bound->back32);
        step(state, (enum limit_kind)i, exceeded, still, rule->delay_us, mono_us, change);
        change->exceeds = change->exceeds || (exceeded && !limit_is_warning((enum limit_kind)i));
    }
}

static void take_rate(const struct limits_rule *rule, struct limits_state *state, double number,
                      int64_t mono_us, struct limits_change *change)
{
    if (!state->has_number || mono_us <= state->number_us) {
        return;
    }
    double seconds = (double)(mono_us - state->number_us) / SECOND_US;
    bool exceeded = fabs(number - state->number) > rule->rate_per_s * seconds;
    step(state, LIMIT_RATE, exceeded, exceeded, rule->delay_us, mono_us, change);
    change->exceeds = change->exceeds || exceeded;
}

static void take_frozen(const struct limits_rule *rule, struct limits_state *state,
                        double indication, int64_t mono_us, struct limits_change *change)
{
    if (!state->has_number || indication != state->indication) {
        state->unchanged_us = mono_us;
    }
    bool frozen = mono_us - state->unchanged_us >= rule->frozen_us;
    step(state, LIMIT_FROZEN, frozen, frozen, 0, mono_us, change);
    change->exceeds = change->exceeds || frozen;
}

// Clears silence.
static void take_life(struct limits_state *state, int64_t mono_us, struct limits_change *change)
{
    change->cleared |= state->raised & BIT(LIMIT_SILENCE);
    state->raised &= (uint8_t)~BIT(LIMIT_SILENCE);
    state->seen_us = mono_us;
}

struct limits_change limits_take(const struct limits_rule *rule, struct limits_state *state,
                                 const struct reading *reading, int64_t mono_us)
{
    struct limits_change change = {0};
    bool corrected = reading->corrected.kind != VALUE_NONE;
    struct compared c = {.value = corrected ? &reading->corrected : &reading->indication};
    take_life(state, mono_us, &change);
    c.number = value_to_double(c.value);
    if (isnan(c.number)) {
        return change;
    }
    if (rule->guarded && reading->expanded_uncertainty.kind != VALUE_NONE) {
        c.guard = value_to_double(&reading->expanded_uncertainty);
    }
    double indication = corrected ? value_to_double(&reading->indication) : c.number;
    if (rule->watched & bound_bits) {
        take_bounds(rule, state, &c, mono_us, &change);
    }
    if (rule->watched & BIT(LIMIT_RATE)) {
        take_rate(rule, state, c.number, mono_us, &change);
    }
    if (rule->watched & BIT(LIMIT_FROZEN)) {
        take_frozen(rule, state, indication, mono_us, &change);
    }
    state->has_number = true;
    state->number = c.number;
    state->number_us = mono_us;
    state->indication = indication;
    return change;
}

struct limits_change limits_miss(const struct limits_rule *rule, struct limits_state *state,
                                 int64_t mono_us)
{
    struct limits_change change = {0};
    uint8_t bit = BIT(LIMIT_SILENCE);
    if ((rule->watched & bit) && !(state->raised & bit) &&
        mono_us - state->seen_us >= rule->silence_us) {
        state->raised |= bit;
        change.raised = bit;
    }
    return change;
}
