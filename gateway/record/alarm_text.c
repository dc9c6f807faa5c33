#include "record/alarm_text.h"

#include <math.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static void append_unit(struct text *out, const char *unit)
{
    if (strcmp(unit, "1") != 0) {
        text_append_format(out, " %s", unit);
    }
}

static void append_decimal(struct text *out, struct decimal number)
{
    value_append_plain(out, &(struct value){.kind = VALUE_DECIMAL, .decimal = number});
}

// As the configuration has it: "90s", "10min".
static void append_span(struct text *out, int64_t us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"d", 86400 * SECOND_US},
                 {"h", 3600 * SECOND_US},
                 {"min", 60 * SECOND_US},
                 {"s", SECOND_US},
                 {"ms", 1000},
                 {"us", 1}};
    size_t i = 0;
    while (us % units[i].us != 0) {
        i++;
    }
    text_append_int(out, us / units[i].us);
    text_append_string(out, units[i].name);
}

static void append_seconds(struct text *out, int64_t us)
{
    text_append_format(out, "%.1f s", (double)us / (double)SECOND_US);
}

static void append_rate(struct text *out, const struct config_limits *limits, const char *unit)
{
    append_decimal(out, limits->rate);
    append_unit(out, unit);
    text_append_format(out, "/%s", config_rate_unit(limits->rate_per_us));
}

// In per cent.
static void append_share(struct text *out, int32_t ppm)
{
    append_decimal(out, (struct decimal){(uint64_t)ppm, false, -4});
    text_append_string(out, "%");
}

void alarm_text_limit(struct text *out, const struct config_limits *limits, const char *unit,
                      enum limit_kind kind)
{
    text_append_format(out, "%s ", limit_name(kind));
    switch (kind) {
    case LIMIT_RATE: append_rate(out, limits, unit); break;
    case LIMIT_FROZEN: append_span(out, limits->frozen_us); break;
    case LIMIT_SILENCE: append_span(out, limits->silence_us); break;
    case LIMIT_COMPLETENESS: append_share(out, limits->completeness.below_ppm); break;
    case LIMIT_CHECK_ENERGY: append_share(out, limits->energy.within_ppm); break;
    default:
        append_decimal(out, limits->bound[kind]);
        append_unit(out, unit);
        break;
    }
}

// The number that was compared.
static void append_value(struct text *out, const struct watched *watched,
                         const struct reading *reading)
{
    bool corrected = reading->corrected.kind != VALUE_NONE;
    value_append_plain(out, corrected ? &reading->corrected : &reading->indication);
    append_unit(out, watched->unit);
    text_append_string(out, corrected ? " corrected" : "");
}

static void append_rule(struct text *out, const struct watched *watched,
                        const struct reading *reading)
{
    const struct value *uncertainty = &reading->expanded_uncertainty;
    if (watched->limits->decision == DECISION_SIMPLE) {
        text_append_string(out, "; simple acceptance");
    } else if (uncertainty->kind == VALUE_NONE) {
        text_append_string(out, "; guarded, but U is not known: simple acceptance");
    } else {
        text_append_string(out, "; guarded by U ");
        value_append_plain(out, uncertainty);
        append_unit(out, watched->unit);
    }
}

static void append_step(struct text *out, const struct watched *watched,
                        const struct alarm_moment *moment)
{
    append_value(out, watched, moment->reading);
    text_append_string(out, ", ");
    append_seconds(out, moment->mono_us - moment->number_before_us);
    text_append_string(out, " before ");
    const struct reading *reading = moment->reading;
    bool narrow =
        reading->corrected.kind == VALUE_NONE && reading->indication.kind == VALUE_FLOAT32;
    struct value before = {.kind = VALUE_FLOAT64, .float64 = moment->number_before};
    if (narrow) { // with the digits of its own width
        before = (struct value){.kind = VALUE_FLOAT32, .float32 = (float)moment->number_before};
    }
    value_append_plain(out, &before);
    append_unit(out, watched->unit);
}

static void append_completeness(struct text *out, const struct watched *watched)
{
    const struct completeness_state *state = &watched->windows->completeness;
    text_append_format(out, "%.1f%%, %llu of %llu readings that were due in ",
                       100.0 * (double)state->window_taken / (double)state->window_due,
                       (unsigned long long)state->window_taken,
                       (unsigned long long)state->window_due);
    append_span(out, watched->limits->completeness.over_us);
}

// Both figures, as the check has them.
static void append_energy(struct text *out, const struct watched *watched)
{
    const struct energy_check_state *state = &watched->windows->energy;
    double greater = state->counted > state->expected ? state->counted : state->expected;
    double apart = 100 * fabs(state->counted - state->expected) / greater;
    text_append_format(out, "counted %.6g", state->counted);
    append_unit(out, watched->unit);
    text_append_format(out, ", %s gives %.6g", watched->windows->power_name, state->expected);
    append_unit(out, watched->unit);
    text_append_format(out, ", %.1f%% apart, in ", apart);
    append_seconds(out, state->judged_us);
}

void alarm_text_raised(struct text *out, const struct watched *watched, enum limit_kind kind,
                       const struct alarm_moment *moment)
{
    const struct limits_state *state = &watched->state;
    alarm_text_limit(out, watched->limits, watched->unit, kind);
    text_append_string(out, ": ");
    switch (kind) {
    case LIMIT_SILENCE:
        text_append_string(out, "no reading for ");
        append_seconds(out, moment->mono_us - state->seen_us);
        return;
    case LIMIT_FROZEN:
        value_append_plain(out, &moment->reading->indication);
        append_unit(out, watched->unit);
        text_append_string(out, " for ");
        append_seconds(out, moment->mono_us - state->unchanged_us);
        return;
    case LIMIT_COMPLETENESS: append_completeness(out, watched); return;
    case LIMIT_CHECK_ENERGY: append_energy(out, watched); return;
    case LIMIT_RATE: append_step(out, watched, moment); break;
    default:
        append_value(out, watched, moment->reading);
        append_rule(out, watched, moment->reading);
        break;
    }
    if (watched->limits->delay_us) {
        text_append_string(out, "; for ");
        append_seconds(out, moment->mono_us - state->since_us[kind]);
        text_append_string(out, ", delay ");
        append_span(out, watched->limits->delay_us);
    }
}

void alarm_text_cleared(struct text *out, const struct watched *watched, enum limit_kind kind,
                        const struct alarm_moment *moment, int64_t since_mono_us)
{
    alarm_text_limit(out, watched->limits, watched->unit, kind);
    text_append_string(out, ": ");
    if (kind == LIMIT_COMPLETENESS) {
        append_completeness(out, watched);
    } else if (kind == LIMIT_CHECK_ENERGY) {
        append_energy(out, watched);
    } else {
        append_value(out, watched, moment->reading);
    }
    text_append_string(out, "; after ");
    append_seconds(out, moment->mono_us - since_mono_us);
    if (kind < LIMIT_RATE && watched->limits->hysteresis.magnitude) {
        text_append_string(out, ", hysteresis ");
        append_decimal(out, watched->limits->hysteresis);
        append_unit(out, watched->unit);
    }
    if (kind == LIMIT_COMPLETENESS && watched->limits->completeness.hysteresis_ppm) {
        text_append_string(out, ", hysteresis ");
        append_share(out, watched->limits->completeness.hysteresis_ppm);
    }
}

void alarm_text_ended(struct text *out, const struct watched *watched, enum limit_kind kind,
                      int64_t mono_us)
{
    alarm_text_limit(out, watched->limits, watched->unit, kind);
    text_append_string(out, ": watched no more, or in another way; after ");
    append_seconds(out, mono_us - watched->seen.since_mono_us[kind]);
}
