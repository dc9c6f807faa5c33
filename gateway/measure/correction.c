#include "measure/correction.h"

#include <math.h>

#define COVERAGE_LEAST 2.0

const char *correction_mode_name(enum correction_mode mode)
{
    static const char *const names[] = {[CORRECTION_NONE] = "none",
                                        [CORRECTION_POINTWISE] = "pointwise",
                                        [CORRECTION_INTERVAL] = "interval"};
    return names[mode];
}

struct correction correction_make(const struct certificate_quantity *quantity, bool counts_up,
                                  const struct correction_parts *parts)
{
    struct correction correction = {.mode = CORRECTION_NONE, .k = COVERAGE_LEAST};
    if (!quantity) {
        return correction;
    }
    correction.mode = counts_up ? CORRECTION_INTERVAL : CORRECTION_POINTWISE;
    correction.points = quantity->points;
    correction.point_count = (uint16_t)quantity->point_count; // CERTIFICATE_POINTS_MAX
    correction.by_load = quantity->by_load;
    correction.mpe_absolute = quantity->mpe_absolute;
    correction.mpe_relative = quantity->mpe_relative;
    correction.parts = *parts;
    for (size_t i = 0; i < quantity->point_count; i++) {
        correction.k = fmax(correction.k, quantity->points[i].coverage_factor);
    }
    return correction;
}

static double standard_uncertainty(const struct certificate_point *point)
{
    return point->expanded_uncertainty / point->coverage_factor;
}

// The first point that is not below `indication`; the count when all are.
static size_t find(const struct certificate_point *points, size_t count, double indication)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (points[middle].indication < indication) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool interpolate(const struct certificate_point *points, size_t count, double indication,
                        double *error, double *uncertainty)
{
    size_t above = find(points, count, indication);
    if (above == count) {
        return false;
    }
    const struct certificate_point *high = &points[above];
    if (high->indication == indication) {
        *error = high->error;
        *uncertainty = standard_uncertainty(high);
        return true;
    }
    if (above == 0) {
        return false;
    }
    const struct certificate_point *low = high - 1;
    double width = high->indication - low->indication;
    double share = (indication - low->indication) / width;
    double rest = (high->indication - indication) / width;
    *error = rest * low->error + share * high->error;
    *uncertainty = rest * standard_uncertainty(low) + share * standard_uncertainty(high);
    return true;
}

bool correction_interpolate(const struct certificate_quantity *quantity, double at, double *error,
                            double *uncertainty)
{
    return interpolate(quantity->points, quantity->point_count, at, error, uncertainty);
}

// What is declared, at the time of a reading.
static void add_declared(const struct correction_declared *declared, struct correction_time time,
                         struct correction_budget *budget)
{
    double age_us = fmax((double)(time.t_us - declared->since_us), 0);
    budget->influence = declared->influence;
    budget->drift = declared->drift_per_us * age_us;
    budget->time =
        declared->slope_per_us * hypot((double)time.half_window_us, (double)declared->refresh_us);
}

static inline enum corrected find_parts(const struct correction *correction, double indication,
                                        struct correction_time time,
                                        struct correction_budget *budget)
{
    *budget =
        (struct correction_budget){.resolution = correction->parts.resolution, .k = correction->k};
    if (correction->mode != CORRECTION_POINTWISE || !isfinite(indication)) {
        return CORRECTED_NOT;
    }
    if (correction->point_count == 0) {
        budget->calibration =
            fmax(correction->mpe_absolute, correction->mpe_relative * fabs(indication)) / sqrt(3);
    } else if (!interpolate(correction->points, correction->point_count, indication, &budget->error,
                            &budget->calibration)) {
        return CORRECTED_OUTSIDE;
    }
    double square =
        budget->calibration * budget->calibration + budget->resolution * budget->resolution;
    if (correction->parts.declared) {
        add_declared(correction->parts.declared, time, budget);
        square += budget->influence * budget->influence + budget->drift * budget->drift +
                  budget->time * budget->time;
    }
    budget->combined = sqrt(square);
    return CORRECTED;
}

enum corrected correction_budget(const struct correction *correction, double indication,
                                 struct correction_time time, struct correction_budget *budget)
{
    struct correction_budget found;
    enum corrected corrected = find_parts(correction, indication, time, &found);
    if (corrected == CORRECTED) {
        *budget = found;
    }
    return corrected;
}

enum corrected correction_apply(const struct correction *correction, double indication,
                                struct correction_time time, double *value,
                                double *expanded_uncertainty)
{
    struct correction_budget budget;
    enum corrected corrected = find_parts(correction, indication, time, &budget);
    if (corrected == CORRECTED) {
        *value = indication - budget.error;
        *expanded_uncertainty = budget.k * budget.combined;
    }
    return corrected;
}
