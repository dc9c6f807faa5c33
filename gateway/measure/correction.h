// The corrected value of an indication and its expanded uncertainty, by a certificate's points of
// error or its maximum permissible error.
//
// corrected = indication − error, the error interpolated linearly against the indication between
// two points of the certificate and never beyond them (GUM, JCGM 100:2008, H.3; F.2.4.5).
// Between the points their calibrations are taken as fully correlated, r = 1, so that the standard
// uncertainty of the interpolated error is the interpolation of the points' u = U/k (GUM 5.2.2,
// note 1: never less than the truth). A verified instrument states no error: the corrected value is
// the indication, u = MPE/√3 (GUM 4.3.7). With it are combined, as independent (GUM 5.1.2): the
// resolution q as q/√12 (GUM F.2.2.1), and what the owner declared: influences; drift, within a
// half-width that grows in proportion to the time since the calibration, rectangular (EA-4/02 S2;
// GUM 4.3.7); the time of the value, which is within half the window of the exchange, and older by
// up to what the register's value may be, times the slope with which the quantity changes at most,
// both rectangular (of an age within [0, r] the mean square is r²/3).
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

// What is declared of a quantity beside its certificate; 0: not. In its unit.
struct correction_declared {
    double influence;    // standard uncertainty of all influences together
    double drift_per_us; // standard uncertainty of the drift, for each µs since `since_us`
    int64_t since_us;    // the calibration, UTC
    double slope_per_us; // standard uncertainty for each µs by which the time may be off
    int64_t refresh_us;  // how old a register's value may be
};

// Parts of u beside the certificate's.
struct correction_parts {
    double resolution;                          // q/√12
    const struct correction_declared *declared; // borrowed; NULL: nothing
};

// Nothing else is looked at for a reading, and of the points two or three: readings of thousands of
// points take turns, and what each of them reaches for is not in the cache.
struct correction {
    enum correction_mode mode;
    uint16_t point_count; // 0: a verification
    bool by_load;         // the points are of loads, and parts of the reference value
    const struct certificate_point *points; // borrowed, in the unit of the indication
    double mpe_absolute, mpe_relative;      // verification
    struct correction_parts parts;
    double k;
};

// Of a reading.
struct correction_time {
    int64_t t_us, half_window_us;
};

// `quantity`, whose points must outlive it, must be in the unit of the indication; NULL:
// CORRECTION_NONE.
struct correction correction_make(const struct certificate_quantity *quantity, bool counts_up,
                                  const struct correction_parts *parts);

enum corrected {
    CORRECTED,         // *value and *expanded_uncertainty are set
    CORRECTED_NOT,     // not by reading: the mode is none or interval, or `indication` is no number
    CORRECTED_OUTSIDE, // outside the calibrated range
};
// On anything but CORRECTED the outs are left as they were.
enum corrected correction_apply(const struct correction *correction, double indication,
                                struct correction_time time, double *value,
                                double *expanded_uncertainty);

// The error that a calibration's points give at an indication, or at a load where they are by load,
// and its standard uncertainty. False, and the outs as they were: outside the points.
bool correction_interpolate(const struct certificate_quantity *quantity, double at, double *error,
                            double *uncertainty);

// The parts of u at an indication, for a budget; in the quantity's unit. As correction_apply.
struct correction_budget {
    double error; // the rest are standard uncertainties
    double calibration, resolution, influence, drift, time;
    double combined, k;
};
enum corrected correction_budget(const struct correction *correction, double indication,
                                 struct correction_time time, struct correction_budget *budget);

#endif
