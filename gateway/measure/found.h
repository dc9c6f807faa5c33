// What was found of an instrument before an adjustment, at an indication: its error, and whether
// that is beyond what it may be.
//
// Between two points the error is interpolated as for a correction, and U with it; outside them
// nothing is known. The decision rule (ISO/IEC 17025, 7.1.3; ILAC-G8): simple acceptance, within
// when |error| <= tolerance, or guarded by U, within when |error| <= tolerance − U. Pure; any
// thread.
#ifndef TALLY_MEASURE_FOUND_H
#define TALLY_MEASURE_FOUND_H

#include "measure/certificate.h"

// The greater of both is the tolerance; as of struct certificate_quantity: in the unit, and of the
// indication; of a quantity by load, `relative` alone, of the reference value. Both >= 0, one > 0.
struct found_rule {
    double absolute, relative;
    bool guarded;
};

enum found_verdict {
    FOUND_WITHIN,
    FOUND_BEYOND,
    FOUND_UNKNOWN, // outside the points, or no number
};

// In the units of struct certificate_point.
struct found {
    enum found_verdict verdict;
    double error, expanded_uncertainty; // not when unknown
    double tolerance;
};

// `as_found` has at least one point; of a quantity by load the indication is the load.
struct found found_at(const struct certificate_quantity *as_found, const struct found_rule *rule,
                      double indication);
// "within", "beyond", "not known".
const char *found_word(enum found_verdict verdict);
// How many of its points are beyond.
size_t found_beyond(const struct certificate_quantity *as_found, const struct found_rule *rule);

#endif
