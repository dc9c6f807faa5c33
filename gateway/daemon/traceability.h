// The certificates of the data folder: read at start and at reload, and what is to be said of them
// on record.
//
// Main's thread only.
#ifndef TALLY_DAEMON_TRACEABILITY_H
#define TALLY_DAEMON_TRACEABILITY_H

#include "measure/shelf.h"
#include "record/recorder.h"

struct traceability {
    struct shelf shelf;
    struct faults faults; // of files that are no certificates, or fit no driver
};

// Reads `<data>/certificates`. A file that is none, or a folder that cannot be read, is a fault and
// a warning: acquisition goes on without it, its readings flagged. Free it with traceability_free.
void traceability_load(struct traceability *traceability, const struct config *config);
void traceability_free(struct traceability *traceability);
// Whether the folder holds others now.
bool traceability_changed(const struct traceability *traceability, const struct config *config);
// As calibrations_make; what does not fit is a fault and a warning.
int traceability_calibrate(struct traceability *traceability, struct calibrations **out,
                           const struct config *config, struct why *why);
// Puts on record what was refused, and which certificates this ledger has for the first time.
void traceability_announce(const struct traceability *traceability,
                           const struct calibrations *calibrations, struct recorder *recorder);
// Puts on record which have become overdue since the last look.
void traceability_look(struct calibrations *calibrations, struct recorder *recorder,
                       int64_t now_us);

#endif
