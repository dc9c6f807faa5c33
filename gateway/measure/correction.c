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
    correction.quantity = quantity;
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

// The first point that is not below `indication`, of at least one; the count when all are.
static size_t find(const struct certificate_quantity *quantity, double indication)
{
    size_t low = 0, high = quantity->point_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (quantity->points[middle].indication < indication) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool correction_interpolate(const struct certificate_quantity *quantity, double indication,
                            double *error, double *uncertainty)
{
    size_t above = find(quantity, indication);
    if (above == quantity->point_count) {
        return false;
    }
    const struct certificate_point *high = &quantity->points[above];
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

enum corrected correction_budget(const struct correction *correction, double indication,
                                 struct correction_budget *budget)
{
    const struct certificate_quantity *quantity = correction->quantity;
    const struct correction_parts *parts = &correction->parts;
    double error = 0, calibration;
    if (correction->mode != CORRECTION_POINTWISE || !isfinite(indication)) {
        return CORRECTED_NOT;
    }
    if (quantity->point_count == 0) {
        calibration =
            fmax(quantity->mpe_absolute, quantity->mpe_relative * fabs(indication)) / sqrt(3);
    } else if (!correction_interpolate(quantity, indication, &error, &calibration)) {
        return CORRECTED_OUTSIDE;
    }
    double square = calibration * calibration + parts->resolution * parts->resolution +
                    parts->drift * parts->drift + parts->influence * parts->influence;
    *budget = (struct correction_budget){.error = error,
                                         .calibration = calibration,
                                         .resolution = parts->resolution,
                                         .drift = parts->drift,
                                         .influence = parts->influence,
                                         .combined = sqrt(square),
                                         .k = correction->k};
    return CORRECTED;
}

enum corrected correction_apply(const struct correction *correction, double indication,
                                double *value, double *expanded_uncertainty)
{
    struct correction_budget budget;
    enum corrected corrected = correction_budget(correction, indication, &budget);
    if (corrected == CORRECTED) {
        *value = indication - budget.error;
        *expanded_uncertainty = budget.k * budget.combined;
    }
    return corrected;
}
