#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Energy is counted from here (2025-01-01), so that a lab which is started again goes on counting
// and does not go back.
#define MODEL_EPOCH_S 1735689600.0

#define WANDER_STEP_S   15.0
#define WANDER_TIME_S   900.0 // the time in which a wandering value forgets
#define WANDER_HORIZON  720   // steps; e^-12 of what came before is left
#define POWER_FACTOR    0.95
#define REACTIVE_FACTOR 0.3287 // tan(acos(0.95))

enum what {
    WHAT_CONSTANT,
    WHAT_WANDER,
    WHAT_FREQUENCY,
    WHAT_VOLTAGE,
    WHAT_CURRENT,
    WHAT_NEUTRAL,
    WHAT_POWER,
    WHAT_ENERGY,
    WHAT_COUNT,
    WHAT_POWER_FACTOR,
};

struct part {
    enum what what;
    int phase;           // 0: all; 1 to 3
    bool between_phases; // a voltage from phase to phase
    double factor;       // from W, Wh, A or V to the unit; of reactive and apparent power, too
    double mean;      // in the unit; of an energy, its value at the epoch; of a power, 0 unless set
    double deviation; // WHAT_WANDER: standard deviation, in the unit
    uint64_t seed;
    int64_t step; // WHAT_WANDER: the memo: `state` is the value after this step
    double state; // in standard deviations
};

struct model {
    const struct driver *driver;
    double power_w;
    bool three_phase;
    double share[4]; // of the power, by phase; [0] is 1
    double phase_rad[5];
    uint64_t seed;
    struct part parts[]; // one a quantity
};

// The load curve: 1 + the sum of these. Their sum stays below 1, so that power is never negative,
// and each has an integral in closed form, so that energy is exact however seldom it is asked for.
static const struct {
    double amplitude, period_s;
} curve[5] = {{0.35, 86400}, {0.12, 43200}, {0.06, 3600}, {0.03, 300}, {0.01, 17}};

static uint64_t mix(uint64_t x)
{
    // splitmix64 (Steele, Lea, Flood 2014): enough for a lab, and the same on every machine.
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double uniform(uint64_t seed)
{
    return (double)(mix(seed) >> 11) * 0x1p-53;
}

// About normal, mean 0, deviation 1, never beyond 3.5: the sum of four uniform numbers.
static double normal(uint64_t seed)
{
    uint64_t bits = mix(seed);
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += (double)(bits >> (16 * i) & 0xffff) / 65535.0;
    }
    return (sum - 2.0) * 1.7320508;
}

// Noise that is continuous in time: straight lines between normal numbers `grid_s` apart.
static double noise(uint64_t seed, double t_s, double grid_s)
{
    double at = floor(t_s / grid_s);
    uint64_t k = (uint64_t)(int64_t)at;
    double along = t_s / grid_s - at;
    double from = normal(seed ^ mix(k));
    return from + (normal(seed ^ mix(k + 1)) - from) * along;
}

// An Ornstein–Uhlenbeck process on a fixed grid, so that it is a function of time and not of who
// asked when; between grid points, straight.
static double wander(struct part *part, double t_s)
{
    double decay = exp(-WANDER_STEP_S / WANDER_TIME_S);
    double kick = sqrt(1 - decay * decay);
    int64_t k = (int64_t)floor(t_s / WANDER_STEP_S);
    if (part->step > k || part->step < k - WANDER_HORIZON) {
        part->step = k - WANDER_HORIZON;
        part->state = 0;
    }
    for (; part->step < k; part->step++) {
        part->state =
            part->state * decay + kick * normal(part->seed ^ mix((uint64_t)part->step + 1));
    }
    double next = part->state * decay + kick * normal(part->seed ^ mix((uint64_t)k + 1));
    double along = t_s / WANDER_STEP_S - (double)k;
    return part->state + (next - part->state) * along;
}

static double load_factor(const struct model *model, double t_s)
{
    double factor = 1;
    for (int i = 0; i < 5; i++) {
        factor +=
            curve[i].amplitude * sin(2 * M_PI * t_s / curve[i].period_s + model->phase_rad[i]);
    }
    return factor;
}

// The integral of load_factor from the epoch, in s.
static double load_integral(const struct model *model, double t_s)
{
    double sum = t_s - MODEL_EPOCH_S;
    for (int i = 0; i < 5; i++) {
        double omega = 2 * M_PI / curve[i].period_s, phase = model->phase_rad[i];
        sum += curve[i].amplitude / omega *
               (cos(omega * MODEL_EPOCH_S + phase) - cos(omega * t_s + phase));
    }
    return sum;
}

static double phase_voltage(const struct model *model, int phase, double mean, double t_s)
{
    uint64_t seed = model->seed + 0x1000u * (uint64_t)phase;
    return mean * (1 + 0.004 * noise(seed, t_s, 60) + 0.0008 * noise(seed ^ 0xabcd, t_s, 2));
}

static double current_a(const struct model *model, const struct part *part, double t_s)
{
    double power_w = model->power_w * load_factor(model, t_s) * model->share[part->phase];
    double volts = 0;
    if (part->phase == 0 && model->three_phase) {
        volts = 230; // the sum of the phases' currents
    } else {
        volts = phase_voltage(model, part->phase, 230, t_s);
    }
    return power_w / (volts * POWER_FACTOR);
}

double model_value(struct model *model, size_t quantity, double t_s)
{
    struct part *part = &model->parts[quantity];
    double power = model->power_w * part->factor * model->share[part->phase];
    switch (part->what) {
    case WHAT_CONSTANT: return part->mean;
    case WHAT_WANDER: return part->mean + part->deviation * wander(part, t_s);
    case WHAT_FREQUENCY: return part->mean + 0.0057 * noise(part->seed, t_s, 5);
    case WHAT_VOLTAGE: return phase_voltage(model, part->phase, part->mean, t_s);
    case WHAT_CURRENT: return current_a(model, part, t_s) * part->factor;
    case WHAT_NEUTRAL: return 0.04 * current_a(model, part, t_s) * part->factor;
    case WHAT_POWER: return (part->mean != 0 ? part->mean : power) * load_factor(model, t_s);
    case WHAT_ENERGY: return part->mean + power * load_integral(model, t_s) / 3600;
    case WHAT_COUNT: return part->mean + 0.001 * (t_s - MODEL_EPOCH_S);
    case WHAT_POWER_FACTOR:
        return part->factor * (POWER_FACTOR + 0.004 * noise(part->seed, t_s, 20));
    }
    return 0;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

// 1e-3 for "kWh", 1e3 for "mV", 1 for "V"; a unit without prefix begins with a letter of its own.
static double prefix(const char *unit, const char *bases)
{
    if (unit[0] != '\0' && strchr(bases, unit[0]) != NULL) {
        return 1;
    }
    switch (unit[0]) {
    case 'k': return 1e-3;
    case 'M': return 1e-6;
    case 'm': return 1e3;
    default: return 1;
    }
}

static int phase_of(const char *name, bool *between)
{
    const char *at = strstr(name, "-l");
    *between = false;
    if (at == NULL || at[2] < '1' || at[2] > '3') {
        return 0;
    }
    const char *rest = at + 3;
    *between = strncmp(rest, "-l", 2) == 0 ||
               (rest[0] == 'l' && rest[1] >= '1' && rest[1] <= '3') ||
               (rest[0] >= '1' && rest[0] <= '3');
    return at[2] - '0';
}

// Reactive and apparent against active power.
static double kind_of_power(const char *unit)
{
    if (has(unit, "var")) {
        return REACTIVE_FACTOR;
    }
    return has(unit, "VA") ? 1 / POWER_FACTOR : 1;
}

static double mean_pressure(const char *unit)
{
    static const struct {
        const char *unit;
        double mean;
    } table[] = {{"bar", 1.013}, {"mbar", 1013},  {"hPa", 1013},
                 {"kPa", 101.3}, {"MPa", 0.1013}, {"Pa", 101300}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(unit, table[i].unit) == 0) {
            return table[i].mean;
        }
    }
    return 1;
}

static void part_wander(struct part *part, double typical, double otherwise, double deviation)
{
    part->what = WHAT_WANDER;
    part->mean = typical != 0 ? typical : otherwise;
    part->deviation = deviation;
}

static void part_energy(struct part *part, const struct driver_quantity *quantity)
{
    part->what = WHAT_ENERGY;
    part->factor = prefix(quantity->unit, "WVv") * kind_of_power(quantity->unit);
    part->mean = quantity->typical != 0 ? quantity->typical
                                        : 2e6 * (1 + 4 * uniform(part->seed)) * part->factor;
    if (has(quantity->name, "export")) {
        part->what = WHAT_CONSTANT; // the load never feeds back
        part->mean *= quantity->typical != 0 ? 1 : 0.001;
    }
}

static void part_ratio(struct part *part, const struct driver_quantity *quantity)
{
    if (has(quantity->name, "factor") || has(quantity->name, "cos")) {
        part->what = WHAT_POWER_FACTOR;
        part->factor = strcmp(quantity->unit, "%") == 0 ? 100 : 1;
        return;
    }
    double mean = quantity->typical != 0 ? quantity->typical : 2;
    part_wander(part, mean, mean, 0.05 * fabs(mean));
}

static void part_voltage(struct part *part, const struct driver_quantity *quantity)
{
    double volts = part->between_phases || has(quantity->name, "line-to-line") ? 398.37 : 230;
    part->what = WHAT_VOLTAGE;
    part->mean = quantity->typical != 0 ? quantity->typical : volts * prefix(quantity->unit, "V");
}

static void part_other(struct part *part, const struct driver_quantity *quantity)
{
    double mean = quantity->typical;
    part->what = WHAT_CONSTANT;
    part->mean = mean;
    if (strcmp(quantity->kind != NULL ? quantity->kind : "", "volume") == 0) {
        part->what = WHAT_COUNT;
        return;
    }
    if (quantity->type != TYPE_BITS && mean != 0) {
        part_wander(part, mean, mean, 0.01 * fabs(mean));
    }
}

static void part_make(struct model *model, size_t i)
{
    const struct driver_quantity *quantity = &model->driver->quantities[i];
    struct part *part = &model->parts[i];
    const char *kind = quantity->kind != NULL ? quantity->kind : "other";
    part->seed = mix(model->seed ^ mix(i + 1));
    part->phase = phase_of(quantity->name, &part->between_phases);
    part->factor = 1;
    part->step = INT64_MIN / 2;
    if (strcmp(kind, "voltage") == 0) {
        part_voltage(part, quantity);
    } else if (strcmp(kind, "current") == 0) {
        part->what = has(quantity->name, "neutral") ? WHAT_NEUTRAL : WHAT_CURRENT;
        part->factor = prefix(quantity->unit, "A");
        if (model->three_phase && has(quantity->name, "average")) {
            part->factor /= 3;
        }
    } else if (strcmp(kind, "power") == 0) {
        part->what = WHAT_POWER;
        part->factor = prefix(quantity->unit, "WVv") * kind_of_power(quantity->unit);
    } else if (strcmp(kind, "energy") == 0) {
        part_energy(part, quantity);
    } else if (strcmp(kind, "frequency") == 0) {
        part->what = WHAT_FREQUENCY;
        part->mean = quantity->typical != 0 ? quantity->typical : 50;
    } else if (strcmp(kind, "temperature") == 0) {
        part_wander(part, quantity->typical, 23, 0.5);
    } else if (strcmp(kind, "humidity") == 0) {
        double mean = quantity->typical != 0 ? quantity->typical : 45;
        part_wander(part, mean, mean, 0.04 * fabs(mean));
    } else if (strcmp(kind, "pressure") == 0) {
        double mean = quantity->typical != 0 ? quantity->typical : mean_pressure(quantity->unit);
        part_wander(part, mean, mean, 0.003 * fabs(mean));
    } else if (strcmp(kind, "ratio") == 0) {
        part_ratio(part, quantity);
    } else {
        part_other(part, quantity);
    }
}

// The typical active power of the whole instrument as the driver states it, in W, or 0.
static double driver_power_w(const struct driver *driver)
{
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *quantity = &driver->quantities[i];
        bool between = false;
        bool power = quantity->kind != NULL && strcmp(quantity->kind, "power") == 0;
        if (power && quantity->typical > 0 && has(quantity->unit, "W") &&
            phase_of(quantity->name, &between) == 0) {
            return quantity->typical / prefix(quantity->unit, "W");
        }
    }
    return 0;
}

struct model *model_make(const struct driver *driver, uint64_t seed, double power_w)
{
    struct model *model =
        calloc(1, sizeof *model + driver->quantity_count * sizeof model->parts[0]);
    if (model == NULL) {
        return NULL;
    }
    model->driver = driver;
    model->seed = mix(seed);
    for (size_t i = 0; i < driver->quantity_count; i++) {
        bool between = false;
        if (phase_of(driver->quantities[i].name, &between) != 0) {
            model->three_phase = true;
        }
    }
    model->power_w = power_w > 0 ? power_w : driver_power_w(driver);
    if (model->power_w <= 0) {
        model->power_w = model->three_phase ? 10000 : 500;
    }
    model->share[0] = 1;
    model->share[1] = 1 / 3.0 + 0.03 * (uniform(seed + 1) - 0.5);
    model->share[2] = 1 / 3.0 + 0.03 * (uniform(seed + 2) - 0.5);
    model->share[3] = 1 - model->share[1] - model->share[2];
    model->phase_rad[0] = -2 * M_PI * 8 / 24; // the day's peak is at 14 h
    for (int i = 1; i < 5; i++) {
        model->phase_rad[i] = 2 * M_PI * uniform(seed + 10 + (uint64_t)i);
    }
    for (size_t i = 0; i < driver->quantity_count; i++) {
        part_make(model, i);
    }
    return model;
}

void model_free(struct model *model)
{
    free(model);
}

void model_set_typical(struct model *model, size_t quantity, double value)
{
    struct part *part = &model->parts[quantity];
    if (part->what == WHAT_CURRENT || part->what == WHAT_NEUTRAL ||
        part->what == WHAT_POWER_FACTOR) {
        part_wander(part, value, value, 0.01 * fabs(value));
    }
    part->mean = value;
}
