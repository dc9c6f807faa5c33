#include "certificates/budget.h"

#include "common/show.h"
#include "measure/freedom.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define YEAR_US 31557600e6

static struct budget_part *add(struct budget *budget, const char *name)
{
    struct budget_part *part = &budget->parts[budget->count++];
    *part = (struct budget_part){.sensitivity = 1, .in_readings = true};
    snprintf(part->name, sizeof part->name, "%s", name);
    return part;
}

static void say(struct budget_part *part, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct budget_part *part, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part->source, sizeof part->source, format, arguments);
    va_end(arguments);
}

// A value with the distribution that it is of.
static void set(struct budget_part *part, double value, double divisor, double sensitivity)
{
    part->known = true;
    part->value = value;
    part->divisor = divisor;
    part->distribution = divisor == sqrt(3) ? "rectangular" : "normal";
    part->sensitivity = sensitivity;
    part->u = value / divisor * sensitivity;
}

static void not_declared(struct budget_part *part)
{
    part->in_readings = false;
    say(part, "not declared");
}

// --- the parts

static void add_calibration(struct budget *budget, const struct correction_budget *found)
{
    const struct correction *correction = &budget->calibration->correction;
    const struct certificate *certificate = budget->calibration->entry->certificate;
    struct budget_part *part = add(budget, "calibration");
    if (correction->point_count == 0) {
        set(part, found->calibration * sqrt(3), sqrt(3), 1);
        say(part, "maximum permissible error by verification %s of %s", certificate->id,
            certificate->laboratory);
        return;
    }
    size_t above = 0;
    while (correction->points[above].indication < budget->indication) {
        above++;
    }
    set(part, found->calibration * correction->k, correction->k, 1);
    if (correction->points[above].indication == budget->indication) {
        say(part, "certificate %s of %s, point %.10g", certificate->id, certificate->laboratory,
            budget->indication);
    } else {
        say(part, "certificate %s of %s, between points %.10g and %.10g", certificate->id,
            certificate->laboratory, correction->points[above - 1].indication,
            correction->points[above].indication);
    }
}

static void add_resolution(struct budget *budget)
{
    const struct driver_quantity *quantity = budget->quantity;
    struct budget_part *part = add(budget, "resolution");
    if (!quantity->has_resolution) {
        not_declared(part);
        return;
    }
    set(part, fabs(decimal_to_double(quantity->resolution)) / 2, sqrt(3), 1);
    say(part, "half a digit, by driver %s", budget->instrument->driver->id);
}

static void add_drift(struct budget *budget, const struct config_uncertainty *declared)
{
    struct budget_part *part = add(budget, "drift");
    if (!declared || !declared->drift.magnitude) {
        not_declared(part);
        return;
    }
    const struct certificate *certificate = budget->calibration->entry->certificate;
    char day[CERTIFICATE_DATE_SIZE];
    double rate = decimal_to_double(declared->drift) / (double)declared->drift_per_us;
    double age_us = fmax((double)(budget->t_us - certificate->performed * INT64_C(86400000000)), 0);
    certificate_format_date(certificate->performed, day);
    set(part, rate * age_us, sqrt(3), 1);
    say(part, "%.6g a year, declared; %.3g years since %s", rate * YEAR_US, age_us / YEAR_US, day);
}

static void add_influences(struct budget *budget, const struct config_uncertainty *declared)
{
    if (!declared || declared->influence_count == 0) {
        not_declared(add(budget, "influences"));
        return;
    }
    for (size_t i = 0; i < declared->influence_count; i++) {
        const struct config_influence *influence = &declared->influences[i];
        struct budget_part *part = add(budget, influence->name);
        set(part, decimal_to_double(influence->value), influence->is_standard ? 1 : sqrt(3), 1);
        say(part, "declared: %s", influence->source);
    }
}

// One of the three by which the time may be off; `why`: why it is not known, or NULL.
static void add_time(struct budget *budget, const char *name, int64_t us, double per_s,
                     bool in_readings, const char *why, const char *source)
{
    struct budget_part *part = add(budget, name);
    part->of_time = true;
    part->in_readings = in_readings && !why;
    if (!why) {
        set(part, (double)us / 1e6, sqrt(3), per_s);
    }
    say(part, "%s", why ? why : source);
}

static void add_times(struct budget *budget, const struct config_uncertainty *declared)
{
    const struct budget_slope *seen = &budget->slope;
    bool stated = declared && declared->slope.magnitude;
    double per_s = stated
                       ? decimal_to_double(declared->slope) / (double)declared->slope_per_us * 1e6
                       : seen->per_s;
    const char *flat =
        isnan(per_s) ? "no slope: none is declared, and too few readings are in the ledger" : NULL;
    const char *why = seen->readings ? flat : "no reading is in the ledger";
    add_time(budget, "half window", seen->half_window_us, per_s, stated, why,
             "the greatest of the readings looked at");
    if (declared && declared->refresh_us) {
        add_time(budget, "refresh", declared->refresh_us, per_s, stated, flat,
                 "declared: how old the register's value may be");
    } else {
        not_declared(add(budget, "refresh"));
    }
    add_time(budget, "clock", seen->clock_error_us, per_s, false, why,
             "the kernel's maximum error, the greatest of their blocks");
}

// --- together

static void combine(struct budget *budget)
{
    double all = 0, read = 0;
    for (size_t i = 0; i < budget->count; i++) {
        double square = budget->parts[i].u * budget->parts[i].u;
        all += square;
        read += budget->parts[i].in_readings ? square : 0;
    }
    double calibration = budget->parts[0].u;
    budget->combined = sqrt(all);
    budget->in_readings = sqrt(read);
    budget->freedom =
        budget->calibration->correction.point_count ? freedom_of(budget->k) : INFINITY;
    // Welch–Satterthwaite (GUM G.4.1): all parts but the calibration have infinitely many.
    budget->effective = budget->freedom * pow(budget->combined / calibration, 4);
    budget->coverage = freedom_coverage(budget->effective);
}

enum corrected budget_make(struct budget *budget)
{
    const struct config_uncertainty *declared = budget->calibration->declared;
    const struct correction_time time = {budget->t_us, budget->slope.half_window_us};
    struct correction_budget found;
    enum corrected corrected =
        correction_budget(&budget->calibration->correction, budget->indication, time, &found);
    if (corrected != CORRECTED) {
        return corrected;
    }
    budget->error = found.error;
    budget->corrected = budget->indication - found.error;
    budget->k = found.k;
    budget->count = 0;
    add_calibration(budget, &found);
    add_resolution(budget);
    add_drift(budget, declared);
    add_influences(budget, declared);
    add_times(budget, declared);
    combine(budget);
    return CORRECTED;
}
