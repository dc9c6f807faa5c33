// What a calibration or verification certificate says, whatever form it came in: for which
// instrument, when, and per quantity either points of error with their uncertainty, or a class with
// its maximum permissible error.
//
// The words are those of VIM 3 (JCGM 200:2012): indication (4.1), error of indication (2.16),
// expanded uncertainty U (2.35), coverage factor k (2.38). error = indication − reference value
// (EA-4/02, DCC `basic_measurementError`); a reader (dcc.h, paper.h) brings every form to this one.
// Immutable once read; may be read by any thread.
#ifndef TALLY_MEASURE_CERTIFICATE_H
#define TALLY_MEASURE_CERTIFICATE_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERTIFICATE_BYTES_MAX      (8u << 20) // of its file
#define CERTIFICATE_POINTS_MAX     1000       // per quantity
#define CERTIFICATE_QUANTITIES_MAX 64
#define CERTIFICATE_TEXT_MAX       200 // bytes of each text below, without the \0

#define CERTIFICATE_NO_DATE INT64_MIN

enum certificate_kind {
    CERTIFICATE_CALIBRATION,  // errors at points
    CERTIFICATE_VERIFICATION, // legal metrology: within its maximum permissible error
};

// All in the unit of the quantity.
struct certificate_point {
    double indication;
    double error; // indication − reference value
    double expanded_uncertainty; // U = k·u, > 0
    double coverage_factor;      // k, >= 1
};

struct certificate_quantity {
    char name[CERTIFICATE_TEXT_MAX + 1]; // a quantity of the driver, "temperature"; "" when the
                                         // certificate does not say which
    char unit[CERTIFICATE_TEXT_MAX + 1]; // as the certificate writes it: "\degreecelsius", "°C"
    // Calibration: by ascending indication, no two the same.
    struct certificate_point *points;
    size_t point_count;
    // Verification: the maximum permissible error is the greater of the two parts; both >= 0, one
    // > 0.
    char class[CERTIFICATE_TEXT_MAX + 1];
    double mpe_absolute; // in the unit
    double mpe_relative; // of the indication; 0.01 is 1 %
};

struct certificate {
    enum certificate_kind kind;
    char id[CERTIFICATE_TEXT_MAX + 1];         // its number, unique in its laboratory
    char laboratory[CERTIFICATE_TEXT_MAX + 1]; // who issued it
    char serial[CERTIFICATE_TEXT_MAX + 1];     // of the instrument, as it writes it
    char maker[CERTIFICATE_TEXT_MAX + 1], model[CERTIFICATE_TEXT_MAX + 1]; // "": not stated
    // Days since 1970-01-01 (civil, of the place of the laboratory), or CERTIFICATE_NO_DATE.
    int64_t performed; // the end of the measurements; always there
    int64_t due;         // next calibration, by the owner's programme
    int64_t valid_until; // legal verification
    bool has_signature;  // an XML signature is in it; whether it is good is another question
    struct certificate_quantity *quantities;
    size_t quantity_count;
    struct digest hash; // SHA-256 of the file
};

void certificate_free(struct certificate *certificate); // NULL is fine

#endif
