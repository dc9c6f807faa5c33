// Which certificate is in force for each point of a configuration, and how its readings are
// corrected by it.
//
// Made at start and at reload, on one thread; immutable afterwards but for what `used` notes.
#ifndef TALLY_RECORD_CALIBRATIONS_H
#define TALLY_RECORD_CALIBRATIONS_H

#include "config/config.h"
#include "measure/correction.h"
#include "measure/shelf.h"

struct calibration {
    struct correction correction;
    const struct shelf_entry *entry; // the certificate; NULL: none is in force …
    const struct shelf_entry *ended; // … since this one has ended; NULL: there never was one
    const struct config_uncertainty *declared; // beside `entry`; NULL: nothing
    int64_t overdue_us; // UTC: from then on readings are flagged; INT64_MAX: no date is stated
};

struct calibrations_used {
    const struct shelf_entry *entry;
    bool fresh;        // the ledger did not have it before (definitions_make)
    bool overdue_told; // that it is overdue is on record
};

struct calibrations {
    struct calibration **of;        // of[instrument][slot]
    struct calibrations_used *used; // in force for some point, each once
    size_t used_count;
    void *arena; // owns all this
};

// certificate_fits, for an instrument and all that its driver has.
int calibrations_fit(const struct certificate *certificate, const char *name,
                     const struct config_instrument *instrument, struct certificate **out,
                     struct faults *faults);

// Of the certificates that bear an instrument's serial number and fit its driver (certificate_fits;
// why one does not is added to `faults`), for each quantity the one that was performed last: of
// several on one day one that has not ended, by the greater hash. When it has ended none is in
// force: what ends it, an adjustment or a repair, ends those before it too. An instrument whose
// serial number is not declared has none. `config` and `shelf` must outlive it. ERROR_MEMORY, and
// *out is then NULL.
int calibrations_make(struct calibrations **out, const struct config *config,
                      const struct shelf *shelf, struct faults *faults, struct why *why);
void calibrations_free(struct calibrations *calibrations);

#endif
