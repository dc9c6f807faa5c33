// The certificates of a gateway: a folder with each certificate's file as it is, and beside it, in
// NAME.read, what `tally certificate add` read of it and its owner said: of the instrument and in
// the driver's names and units, with dates, in the form of a paper certificate (paper.h); and in
// NAME.ended, when there is one, that an adjustment or a repair has ended it (ended.h).
//
// So the daemon reads no XML; who doubts what was read has the file, under its hash. Loaded once,
// immutable afterwards; may be read by any thread.
#ifndef TALLY_MEASURE_SHELF_H
#define TALLY_MEASURE_SHELF_H

#include "base/text.h"
#include "config/document.h"
#include "measure/certificate.h"
#include "measure/ended.h"

#define SHELF_CERTIFICATES_MAX 10000
#define SHELF_FOLDER           "certificates" // in the data folder
#define SHELF_READ             ".read"
#define SHELF_ENDED            ".ended"

struct shelf_entry {
    struct certificate *certificate; // its hash is that of the file
    struct digest read;              // of what was read of it
    struct ended *ended;             // NULL: it has not
    char *name;                      // of the file, with the folder
    struct text bytes;               // the file, as it is
};

struct shelf {
    struct shelf_entry *entries; // by hash
    size_t count;
};

// Reads every certificate of the folder, in which nothing is a folder and no name begins with a
// dot. One that was not read yet, or whose NAME.read or NAME.ended is not of the form required, is
// a fault, with its place, and is left out; of two files with the same bytes one counts, and it has
// ended when one of them has. Dates are not held
// against today: the clock may not be set yet. A folder that is not there is empty. ERROR_SYSTEM,
// ERROR_MEMORY or ERROR_RANGE (too many), and the shelf is then empty.
int shelf_load(struct shelf *shelf, const char *folder, struct faults *faults, struct why *why);
void shelf_free(struct shelf *shelf);
// Whether both hold the same certificates, of which the same was read, ended or not.
bool shelf_is_same(const struct shelf *one, const struct shelf *other);

// The last day on which the certificate is in order: when it is due or its validity ends, the
// earlier one. CERTIFICATE_NO_DATE: it has no such day.
int64_t shelf_last_day(const struct certificate *certificate);
// From when readings are overdue by it: 24:00 UTC of that day (not of a place, so that anybody can
// reckon it for ever); INT64_MAX: never.
int64_t shelf_overdue_us(const struct certificate *certificate);

#endif
