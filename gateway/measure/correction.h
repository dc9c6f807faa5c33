// The corrected value of an indication and its expanded uncertainty, by a certificate's points of
// error or its maximum permissible error.
//
// corrected = indication − error, the error interpolated linearly against the indication between
// two points of the certificate and never beyond them (GUM, JCGM 100:2008, H.3; F.2.4.5).
// Between the points their calibrations are taken as fully correlated, r = 1, so that the standard
// uncertainty of the interpolated error is the interpolation of the points' u = U/k (GUM 5.2.2,
// note 1: never less than the truth). A verified instrument states no error: the corrected value is
// the indication, u = MPE/√3 (GUM 4.3.7). With it are combined, as independent (GUM 5.1.2): the
// resolution q as q/√12 (GUM F.2.2.1), and what is declared of drift and influences.
//
// U = k·u_c, k the greatest coverage factor of the certificate's points and at least 2: never less
// than by Welch–Satterthwaite (GUM G.4), since the parts beside the calibration only add degrees of
// freedom; so it is one number for a point, and can be stated beside it.
//
// Pure; immutable once made; any thread.
#ifndef TALLY_MEASURE_CORRECTION_H
#define TALLY_MEASURE_CORRECTION_H

#include "measure/certificate.h"

enum correction_mode {
    CORRECTION_NONE,      // no certificate speaks of this quantity
    CORRECTION_POINTWISE, // each reading by itself: temperature, voltage
    CORRECTION_INTERVAL,  // a register that counts up: not corrected reading by reading, but on
                          // differences, by whoever makes a report
};

// "none", "pointwise", "interval", as the definitions write it.
const char *correction_mode_name(enum correction_mode mode);

// Beside the certificate's, standard uncertainties in the quantity's unit; 0: not declared.
struct correction_parts {
    double resolution; // q/√12
    double drift, influence;
};

struct correction {
    enum correction_mode mode;
    const struct certificate_quantity *quantity; // borrowed, in the unit of the indication
    struct correction_parts parts;
    double k;
};

// `quantity` must outlive it, and must be in the unit of the indication; NULL: CORRECTION_NONE.
struct correction correction_make(const struct certificate_quantity *quantity, bool counts_up,
                                  const struct correction_parts *parts);

// The error by a quantity's points at an indication, and its standard uncertainty. False: outside
// the points, and the outs are left as they were.
bool correction_interpolate(const struct certificate_quantity *quantity, double indication,
                            double *error, double *uncertainty);

enum corrected {
    CORRECTED,         // *value and *expanded_uncertainty are set
    CORRECTED_NOT,     // not by reading: the mode is none or interval, or `indication` is no number
    CORRECTED_OUTSIDE, // outside the calibrated range
};
// On anything but CORRECTED the outs are left as they were.
enum corrected correction_apply(const struct correction *correction, double indication,
                                double *value, double *expanded_uncertainty);

// The error that a calibration's points give at an indication, or at a load where they are by load,
// and its standard uncertainty. False, and the outs as they were: outside the points.
bool correction_interpolate(const struct certificate_quantity *quantity, double at, double *error,
                            double *uncertainty);

// The parts of u at an indication, for a budget; in the quantity's unit. As correction_apply.
struct correction_budget {
    double error, calibration, resolution, drift, influence; // standard uncertainties but `error`
    double combined, k;
};
enum corrected correction_budget(const struct correction *correction, double indication,
                                 struct correction_budget *budget);

#endif
