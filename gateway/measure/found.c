#include "measure/found.h"

#include "measure/correction.h"

#include <math.h>

// An error that was reckoned (50.2 − 50) bears the last digit of what it came from: by so much of
// the indication it may pass the tolerance.
#define LAST_DIGIT 1e-12

static double greatest_factor(const struct certificate_quantity *quantity)
{
    double greatest = 1;
    for (size_t i = 0; i < quantity->point_count; i++) {
        greatest = fmax(greatest, quantity->points[i].coverage_factor);
    }
    return greatest;
}

static double tolerance_at(const struct certificate_quantity *quantity,
                           const struct found_rule *rule, double indication)
{
    return quantity->by_load ? rule->relative
                             : fmax(rule->absolute, rule->relative * fabs(indication));
}

struct found found_at(const struct certificate_quantity *as_found, const struct found_rule *rule,
                      double indication)
{
    struct found found = {.verdict = FOUND_UNKNOWN,
                          .tolerance = tolerance_at(as_found, rule, indication)};
    double error, uncertainty;
    if (!isfinite(indication) ||
        !correction_interpolate(as_found, indication, &error, &uncertainty)) {
        return found;
    }
    double slack = as_found->by_load ? LAST_DIGIT : LAST_DIGIT * fabs(indication);
    found.error = error;
    found.expanded_uncertainty = greatest_factor(as_found) * uncertainty;
    double limit = found.tolerance - (rule->guarded ? found.expanded_uncertainty : 0);
    found.verdict = fabs(error) > limit + slack ? FOUND_BEYOND : FOUND_WITHIN;
    return found;
}

const char *found_word(enum found_verdict verdict)
{
    static const char *const words[] = {
        [FOUND_WITHIN] = "within", [FOUND_BEYOND] = "beyond", [FOUND_UNKNOWN] = "not known"};
    return words[verdict];
}

size_t found_beyond(const struct certificate_quantity *as_found, const struct found_rule *rule)
{
    size_t count = 0;
    for (size_t i = 0; i < as_found->point_count; i++) {
        count += found_at(as_found, rule, as_found->points[i].indication).verdict == FOUND_BEYOND;
    }
    return count;
}
