// The certificates of the data folder: read at start and at reload, and what is to be said of them
// on record.
//
// Main's thread only.
#ifndef TALLY_DAEMON_CERTIFICATES_H
#define TALLY_DAEMON_CERTIFICATES_H

#include "measure/shelf.h"
#include "record/recorder.h"

struct certificates {
    struct shelf shelf;
    struct faults faults; // of files that are no certificates, or fit no driver
};

// Reads `<data>/certificates`. A file that is none, or a folder that cannot be read, is a fault and
// a warning: acquisition goes on without it, its readings flagged. Free it with certificates_free.
void certificates_load(struct certificates *certificates, const struct config *config);
void certificates_free(struct certificates *certificates);
// Whether the folder holds others now.
bool certificates_changed(const struct certificates *certificates, const struct config *config);
// As calibrations_make; what does not fit is a fault and a warning.
int certificates_calibrate(struct certificates *certificates, struct calibrations **out,
                           const struct config *config, struct why *why);
// Puts on record what was refused, and which certificates this ledger has for the first time.
void certificates_announce(const struct certificates *certificates,
                           const struct calibrations *calibrations, struct recorder *recorder);
// Puts on record which have become overdue since the last look.
void certificates_look(struct calibrations *calibrations, struct recorder *recorder,
                       int64_t now_us);

#endif
