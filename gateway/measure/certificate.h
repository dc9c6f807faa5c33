// What a calibration or verification certificate says, whatever form it came in: for which
// instrument, when, and per quantity either points of error with their uncertainty, or a class with
// its maximum permissible error; and whether it is this instrument's.
//
// The words are those of VIM 3 (JCGM 200:2012): indication (4.1), error of indication (2.16),
// expanded uncertainty U (2.35), coverage factor k (2.38). error = indication − reference value
// (EA-4/02, DCC `basic_measurementError`); a reader (dcc.h, paper.h) brings every form to this one.
// Immutable once read; may be read by any thread.
#ifndef TALLY_MEASURE_CERTIFICATE_H
#define TALLY_MEASURE_CERTIFICATE_H

#include "base/digest.h"
#include "base/error.h"
#include "config/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERTIFICATE_BYTES_MAX      (8u << 20) // of its file
#define CERTIFICATE_POINTS_MAX     1000       // per quantity
#define CERTIFICATE_QUANTITIES_MAX 64
#define CERTIFICATE_SERIALS_MAX    8
#define CERTIFICATE_TEXT_MAX       200 // bytes of each text below, without the \0

#define CERTIFICATE_NO_DATE INT64_MIN

enum certificate_kind {
    CERTIFICATE_CALIBRATION,  // errors at points
    CERTIFICATE_VERIFICATION, // legal metrology: within its maximum permissible error
};

// All in the unit of the quantity; but of a quantity `by_load`, the indication is the load, and
// error and U are parts of the reference value (0.01 is 1 %).
struct certificate_point {
    double indication;
    double error;                // indication − reference value
    double expanded_uncertainty; // U = k·u, > 0
    double coverage_factor;      // k, >= 1
};

struct certificate_quantity {
    char name[CERTIFICATE_TEXT_MAX + 1]; // a quantity of the driver, "temperature"; "" when the
                                         // certificate does not say which
    char unit[CERTIFICATE_TEXT_MAX + 1]; // as the certificate writes it: "\degreecelsius", "°C"
    int line;                            // of the file, where it begins
    // Calibration: by ascending indication, no two the same.
    struct certificate_point *points;
    size_t point_count;
    // A meter whose register counts up, calibrated at loads: what `unit` is of. "" otherwise.
    bool by_load;
    char load_unit[CERTIFICATE_TEXT_MAX + 1]; // "kW"; where certificate_fits made it, "kWh/h": the
                                              // load in the target's unit per hour
    // Verification: the maximum permissible error is the greater of the two parts; both >= 0, one
    // > 0. Calibration: likewise the tolerance, where the certificate states one; else both 0. It
    // corrects nothing.
    char class[CERTIFICATE_TEXT_MAX + 1];
    double mpe_absolute; // in the unit
    double mpe_relative; // of the indication; 0.01 is 1 %. By load: of the reference value
};

struct certificate {
    enum certificate_kind kind;
    char id[CERTIFICATE_TEXT_MAX + 1];         // its number, unique in its laboratory
    char laboratory[CERTIFICATE_TEXT_MAX + 1]; // who issued it
    // Of the instrument, as it writes it; and of what was calibrated together with it, a probe say.
    char serial[CERTIFICATE_TEXT_MAX + 1];
    char more_serials[CERTIFICATE_SERIALS_MAX - 1][CERTIFICATE_TEXT_MAX + 1]; // "" ends them
    int serial_line;                                                          // of the file
    char maker[CERTIFICATE_TEXT_MAX + 1], model[CERTIFICATE_TEXT_MAX + 1];    // "": not stated
    // Days since 1970-01-01 (civil, of the place of the laboratory), or CERTIFICATE_NO_DATE.
    int64_t performed;   // the end of the measurements; always there
    int64_t due;         // next calibration, by the owner's programme; after `performed`
    int64_t valid_until; // legal verification; after `performed`
    bool has_signature;  // an XML signature is in it; whether it is good is another question …
    char signature[CERTIFICATE_TEXT_MAX + 1]; // … and what came of it; "": nobody asked
    struct certificate_quantity *quantities;
    size_t quantity_count;
    // What was found before an adjustment or a repair: points, which correct nothing. At most one
    // of a quantity, once it is known whose it is (certificate_fits).
    struct certificate_quantity *as_found;
    size_t as_found_count;
    struct digest hash; // SHA-256 of the file
};

void certificate_free(struct certificate *certificate); // NULL is fine

// Reads a file's bytes in whichever form they are: XML by dcc.h, anything else by paper.h; what
// they say of the arguments holds. What came of a signature is not for a file to say.
int certificate_read(struct certificate **out, const char *name, const void *bytes, size_t length,
                     int64_t today, struct faults *faults);

// Whether it is of the instrument with this serial number, exactly as written; never of one without
// ("").
bool certificate_bears(const struct certificate *certificate, const char *serial);

// A quantity that an instrument has, as its driver names it.
struct certificate_target {
    const char *name, *unit; // "active-energy-import", "kWh"
    bool counts_up;          // a register of energy or volume
};

// Whether the certificate is of the instrument with this serial number, and of which of its
// quantities. 0 and *out (certificate_free it): a copy whose quantities, those as found too, have
// the names and units of their targets, with `serial` as given. Otherwise ERROR_INPUT, *out NULL
// and every reason in `faults`, at the places in the file `name`: another serial number, a quantity
// that the instrument has not, a unit of another kind, a quantity that could be several of the
// instrument's, two that are the same. What was found without a name is of the one quantity of its
// kind that the certificate speaks of. To settle which is which, write the answer into a quantity's
// `name` before.
int certificate_fits(const struct certificate *certificate, const char *name, const char *serial,
                     const struct certificate_target *targets, size_t target_count,
                     struct certificate **out, struct faults *faults);

// A civil date "2026-03-02" as days since 1970-01-01; years 1900 to 2999. ERROR_INPUT.
int certificate_parse_date(const char *text, int64_t *days);
#define CERTIFICATE_DATE_SIZE 11
void certificate_format_date(int64_t days, char out[CERTIFICATE_DATE_SIZE]);

#endif
