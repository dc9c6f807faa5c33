// Energy corrected by the load at which it was counted, and its uncertainty: what a certificate
// with errors by load, or a verification, says of the differences of a register that counts up.
//
// The error at a load is a part of the reference value, e = (indicated − reference) / reference, so
// that corrected = indicated / (1 + e) (VIM 2.53; OIML R 46-1, 2.2). It is interpolated linearly
// against the load and never beyond the points: at a load outside them, at none for one, the
// indication is all there is. Through all that one meter counted the u of e is taken as fully
// correlated, r = 1 (GUM, JCGM 100:2008, 5.2.2, note 1), the resolution of its readings as
// independent, q/√12 each (GUM F.2.2.1). A verified meter states no error: corrected = indicated,
// u = MPE/√3 (GUM 4.3.7).
//
// Energy stands for whatever a register counts; a load is so much of it in an hour. Pure;
// thread-safe.
#ifndef TALLY_MEASURE_LOAD_H
#define TALLY_MEASURE_LOAD_H

#include "measure/certificate.h"

// What is known of a meter's errors.
struct load_curve {
    const struct certificate_quantity *quantity; // borrowed; NULL: nothing
    double resolution; // u of one reading, q/√12, in the register's unit; 0: not declared
    double k;          // the greatest of the certificate's coverage factors, and at least 2
};

// `quantity` in the register's unit, its loads in that per hour (certificate_fits); NULL, or one
// that states neither errors by load nor a maximum permissible error: nothing is known.
struct load_curve load_curve_make(const struct certificate_quantity *quantity, double resolution);

enum load_state {
    LOAD_UNKNOWN, // no certificate says how large the error is
    LOAD_OUTSIDE, // the load is outside the calibrated range
    LOAD_CORRECTED,
};

// What passed between two readings.
struct load_share {
    enum load_state state;
    double load;
    // When corrected; otherwise 0:
    double corrected;
    double weight;      // by which a reading at either end counts: 1/(1 + e)
    double uncertainty; // standard, of the error
    bool permissible;   // … which is that of a verification
};
struct load_share load_share_of(const struct load_curve *curve, double energy, double hours);

// Shares put together. Zeroed: none.
struct load_sum {
    size_t count;       // of shares that are corrected
    double corrected;   // Σ of those
    double calibration; // standard uncertainty, r = 1, from points of error …
    double permissible; // … and from maximum permissible errors: at least …
    double least;       // … this, where one is stated in the unit
    double time;        // the square of that of the clock's error and the readings' windows
    double variance;    // of what is independent
    double open;        // of the last reading added: what load_sum_end closes
    double k;           // 0: none
};

// Adds a share of a meter; shares come in order of time. `joined`: it begins with the reading with
// which the one added last ended. A share that is not corrected adds nothing but that it parts
// those beside it.
void load_sum_add(struct load_sum *sum, const struct load_curve *curve,
                  const struct load_share *share, bool joined);
// Adds what is uncertain of the time of one end of it, at a load: the bound of the reading's time,
// and its distance from the boundary that it stands for; rectangular both (GUM 4.3.7).
void load_sum_add_end(struct load_sum *sum, double load, double bound_hours, double distance_hours);
// Ends it with the last share's last reading.
void load_sum_end(struct load_sum *sum);
// The combined standard uncertainty of an ended sum; U is k times that.
double load_sum_uncertainty(const struct load_sum *sum);

#endif
