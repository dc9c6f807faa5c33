#include "measure/counting.h"

#include "measure/unit.h"

#define HOUR_S 3600.0

int counting_factor(const char *count, const char *rate, double *per_second, struct why *why)
{
    struct unit counted, rated;
    int error = unit_parse(count, &counted, why);
    error = error ? error : unit_parse(rate, &rated, why);
    if (error) {
        return error;
    }
    struct unit per_hour = unit_per_hour(&counted);
    if (!unit_same_kind(&per_hour, &rated)) {
        return why_set(why, ERROR_INPUT, "%s in the course of time gives no %s", rate, count);
    }
    *per_second = unit_convert_difference(&rated, &per_hour, 1) / HOUR_S;
    return OK;
}

static void check_point(const struct config *config, const struct config_instrument *instrument,
                        size_t slot, struct faults *faults)
{
    const struct config_energy_check *check = &instrument->limits[slot]->energy;
    double factor;
    struct why why;
    if (!check->over_us) {
        return;
    }
    const struct driver_quantity *power = instrument->quantities[check->power];
    if (counting_factor(instrument->quantities[slot]->unit, power->unit, &factor, &why) != OK) {
        faults_add(faults, config->path, check->line, check->column, "power %s: %s", power->name,
                   why.text);
    }
}

void counting_check(const struct config *config, struct faults *faults)
{
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        for (size_t slot = 0; instrument->limits && slot < instrument->quantity_count; slot++) {
            if (instrument->limits[slot]) {
                check_point(config, instrument, slot, faults);
            }
        }
    }
}
