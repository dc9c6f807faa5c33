#include "record/alarm_windows.h"

#include "measure/counting.h"

#include <math.h>
#include <stdlib.h>

#define BIT(kind) ((uint16_t)(1u << (kind)))

// --- making

bool alarm_windows_is_power(const struct config_instrument *instrument, size_t slot)
{
    for (size_t i = 0; instrument->limits && i < instrument->quantity_count; i++) {
        const struct config_limits *limits = instrument->limits[i];
        if (limits && limits->energy.over_us && limits->energy.power == slot) {
            return true;
        }
    }
    return false;
}

// The least by which a register of whole numbers can differ; 0: not known, or a float.
static double step_of(const struct config_instrument *instrument,
                      const struct driver_quantity *quantity)
{
    bool is_float = quantity->type == TYPE_FLOAT32 || quantity->type == TYPE_FLOAT64;
    if (quantity->has_resolution) {
        return decimal_to_double(quantity->resolution);
    }
    if (is_float || quantity->has_scale_register) {
        return 0;
    }
    return decimal_to_double(quantity->scale) *
           (quantity->ratio_pt ? decimal_to_double(instrument->ratio_pt) : 1) *
           (quantity->ratio_ct ? decimal_to_double(instrument->ratio_ct) : 1);
}

// counting_check has seen the units: one that does not fit never comes here.
static void make_energy(struct alarm_windows *windows, const struct config_instrument *instrument,
                        const uint32_t *numbers, size_t slot)
{
    const struct config_energy_check *check = &instrument->limits[slot]->energy;
    const struct driver_quantity *energy = instrument->quantities[slot];
    const struct driver_quantity *power = instrument->quantities[check->power];
    struct energy_check_rule *rule = &windows->energy_rule;
    energy_check_compile(check, rule);
    windows->has_energy = counting_factor(energy->unit, power->unit, &rule->per_second, NULL) == OK;
    rule->step = step_of(instrument, energy);
    rule->float32 = energy->type == TYPE_FLOAT32 && !energy->has_resolution;
    windows->power_name = power->name;
    windows->power_number = numbers[check->power];
}

bool alarm_windows_make(struct alarm_windows **out, const struct config_instrument *instrument,
                        const uint32_t *numbers, size_t slot, int64_t mono_us)
{
    const struct config_limits *limits = instrument->limits[slot];
    *out = NULL;
    if (!(limits && (limits->completeness.over_us || limits->energy.over_us)) &&
        !alarm_windows_is_power(instrument, slot)) {
        return true;
    }
    struct alarm_windows *windows = calloc(1, sizeof *windows);
    if (!windows) {
        return false;
    }
    if (limits && limits->completeness.over_us) {
        windows->has_completeness = true;
        completeness_compile(&limits->completeness, &windows->completeness_rule);
        completeness_begin(&windows->completeness_rule, &windows->completeness, mono_us);
    }
    if (limits && limits->energy.over_us) {
        make_energy(windows, instrument, numbers, slot);
    }
    *out = windows;
    return true;
}

// --- from one configuration to the next

static bool same_energy(const struct alarm_windows *a, const struct alarm_windows *b)
{
    const struct energy_check_rule *x = &a->energy_rule, *y = &b->energy_rule;
    return a->has_energy == b->has_energy && a->power_number == b->power_number &&
           x->over_us == y->over_us && x->gap_us == y->gap_us && x->within == y->within &&
           x->floor == y->floor && x->counts == y->counts;
}

bool alarm_windows_same(const struct alarm_windows *a, const struct alarm_windows *b)
{
    static const struct alarm_windows none;
    a = a ? a : &none;
    b = b ? b : &none;
    const struct completeness_rule *x = &a->completeness_rule, *y = &b->completeness_rule;
    return a->has_completeness == b->has_completeness && x->part_us == y->part_us &&
           x->below_ppm == y->below_ppm && x->back_ppm == y->back_ppm && same_energy(a, b);
}

void alarm_windows_take_over(struct alarm_windows *to, const struct alarm_windows *from)
{
    if (to && from) {
        to->completeness = from->completeness;
        to->energy = from->energy;
    }
}

uint16_t alarm_windows_raised(const struct alarm_windows *windows)
{
    return windows ? (uint16_t)((windows->completeness.raised ? BIT(LIMIT_COMPLETENESS) : 0) |
                                (windows->energy.raised ? BIT(LIMIT_CHECK_ENERGY) : 0))
                   : 0;
}

// --- readings

static void add(struct limits_change *change, enum limit_kind kind, int by)
{
    change->raised |= by > 0 ? BIT(kind) : 0;
    change->cleared |= by < 0 ? BIT(kind) : 0;
}

struct limits_change alarm_windows_take(struct alarm_windows *windows,
                                        const struct reading *reading, int64_t mono_us)
{
    struct limits_change change = {0};
    if (windows->has_completeness) {
        add(&change, LIMIT_COMPLETENESS,
            completeness_take(&windows->completeness_rule, &windows->completeness, reading != NULL,
                              mono_us));
    }
    if (windows->has_energy && reading) {
        double energy = value_to_double(&reading->indication);
        if (reading->flags & FLAG_IDENTITY_MISMATCH) {
            energy_check_break(&windows->energy);
        } else if (!isnan(energy)) {
            add(&change, LIMIT_CHECK_ENERGY,
                energy_check_energy(&windows->energy_rule, &windows->energy, energy, mono_us));
        }
    }
    return change;
}

struct limits_change alarm_windows_take_power(struct alarm_windows *windows,
                                              const struct reading *reading, int64_t mono_us)
{
    struct limits_change change = {0};
    bool corrected = reading->corrected.kind != VALUE_NONE;
    double power = value_to_double(corrected ? &reading->corrected : &reading->indication);
    if (reading->flags & FLAG_IDENTITY_MISMATCH) {
        energy_check_break(&windows->energy);
    } else if (!isnan(power)) {
        add(&change, LIMIT_CHECK_ENERGY,
            energy_check_power(&windows->energy_rule, &windows->energy, power, mono_us));
    }
    return change;
}
