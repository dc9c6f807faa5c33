#include "limits/limits.h"

#include <math.h>

#define SECOND_US 1e6
#define BIT(kind) ((uint8_t)(1u << (kind)))

static const uint8_t bound_bits =
    BIT(LIMIT_MIN) | BIT(LIMIT_WARNING_MIN) | BIT(LIMIT_WARNING_MAX) | BIT(LIMIT_MAX);

const char *limit_name(enum limit_kind kind)
{
    static const char *const names[] = {[LIMIT_RATE] = "rate",
                                        [LIMIT_FROZEN] = "frozen",
                                        [LIMIT_SILENCE] = "silence",
                                        [LIMIT_COMPLETENESS] = "completeness",
                                        [LIMIT_CHECK_ENERGY] = "check_energy"};
    return kind < LIMIT_RATE ? config_bound_name((enum config_bound)kind) : names[kind];
}

bool limit_is_warning(enum limit_kind kind)
{
    return kind == LIMIT_WARNING_MIN || kind == LIMIT_WARNING_MAX;
}

void limits_compile(const struct config_limits *limits, struct limits_rule *rule)
{
    *rule = (struct limits_rule){.low = -INFINITY,
                                 .high = INFINITY,
                                 .rate_per_s = INFINITY,
                                 .guarded = limits->decision == DECISION_GUARDED,
                                 .delay_us = limits->delay_us,
                                 .frozen_us = limits->frozen_us ? limits->frozen_us : INT64_MAX,
                                 .silence_us = limits->silence_us};
    for (int i = 0; i < BOUND_COUNT; i++) {
        if (limits->has_bound[i]) {
            double at = decimal_to_double(limits->bound[i]);
            double back = decimal_to_double(limits->back[i]);
            rule->bounds[i] = (struct limits_bound){at, back};
            rule->low = i < BOUND_WARNING_MAX ? at : rule->low;
            rule->high = i >= BOUND_WARNING_MAX && at < rule->high ? at : rule->high;
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

// A float32 is compared in its own width: rounding keeps order, so that what is beyond the decimal
// it was rounded from is beyond here.
static bool is_beyond(const struct compared *c, bool upwards, double at)
{
    if (c->value->kind == VALUE_FLOAT32 && c->guard == 0) {
        return upwards ? c->value->float32 > (float)at : c->value->float32 < (float)at;
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
        bool exceeded = is_beyond(c, upwards, bound->at);
        bool still = is_beyond(c, upwards, bound->back);
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
    double span_us = (double)(mono_us - state->number_us);
    bool exceeded = fabs(number - state->number) * SECOND_US > rule->rate_per_s * span_us;
    step(state, LIMIT_RATE, exceeded, exceeded, rule->delay_us, mono_us, change);
    change->exceeds = change->exceeds || exceeded;
}

static void take_frozen(const struct limits_rule *rule, struct limits_state *state,
                        double indication, int64_t mono_us, struct limits_change *change)
{
    bool same = state->has_number && indication == state->indication;
    bool frozen = same && mono_us - state->unchanged_us >= rule->frozen_us;
    step(state, LIMIT_FROZEN, frozen, frozen, 0, mono_us, change);
    change->exceeds = change->exceeds || frozen;
}

// Clears silence.
static void take_life(struct limits_state *state, struct limits_change *change)
{
    change->cleared |= state->raised & BIT(LIMIT_SILENCE);
    state->raised &= (uint8_t)~BIT(LIMIT_SILENCE);
}

// What is not as is_uneventful says. Apart, so that what nearly every reading takes is short.
static __attribute__((noinline)) struct limits_change take_each(const struct limits_rule *rule,
                                                                struct limits_state *state,
                                                                struct compared c,
                                                                double indication, int64_t mono_us)
{
    struct limits_change change = {0};
    take_life(state, &change);
    if (isnan(c.number)) {
        return change;
    }
    if (rule->watched & bound_bits) {
        take_bounds(rule, state, &c, mono_us, &change);
    }
    take_rate(rule, state, c.number, mono_us, &change);
    take_frozen(rule, state, indication, mono_us, &change);
    return change;
}

// The number is in bounds, came at no more than the rate and is not frozen, and nothing is raised
// or pending: so nothing changes. Nearly every reading is such, and costs no more than this.
static inline bool is_uneventful(const struct limits_rule *rule, const struct limits_state *state,
                                 double number, double guard, bool same, int64_t mono_us)
{
    double span_us = (double)(mono_us - state->number_us);
    return state->has_number && !(state->raised | state->pending) && number - guard >= rule->low &&
           number + guard <= rule->high &&
           fabs(number - state->number) * SECOND_US <= rule->rate_per_s * span_us &&
           (!same || mono_us - state->unchanged_us < rule->frozen_us);
}

struct limits_change limits_take(const struct limits_rule *rule, struct limits_state *state,
                                 const struct reading *reading, int64_t mono_us)
{
    struct limits_change change = {0};
    bool corrected = reading->corrected.kind != VALUE_NONE;
    const struct value *value = corrected ? &reading->corrected : &reading->indication;
    double number = value_to_double(value), guard = 0;
    double indication = corrected ? value_to_double(&reading->indication) : number;
    if (rule->guarded && reading->expanded_uncertainty.kind != VALUE_NONE) {
        guard = value_to_double(&reading->expanded_uncertainty);
    }
    bool same = state->has_number && indication == state->indication;
    if (!is_uneventful(rule, state, number, guard, same, mono_us)) {
        struct compared c = {value, number, guard};
        change = take_each(rule, state, c, indication, mono_us);
    }
    state->seen_us = mono_us;
    if (!isnan(number)) {
        state->unchanged_us = same ? state->unchanged_us : mono_us;
        state->has_number = true;
        state->number = number;
        state->number_us = mono_us;
        state->indication = indication;
    }
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
