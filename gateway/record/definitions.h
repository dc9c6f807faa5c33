// The definitions in force: every point with its number, as one line of JSON that, with the files
// it names, is all one needs to read the blocks decades later (docs/FORMAT.md).
//
// Built at start and at reload, on one thread; immutable afterwards.
#ifndef TALLY_RECORD_DEFINITIONS_H
#define TALLY_RECORD_DEFINITIONS_H

#include "config/config.h"
#include "ledger/ledger.h"
#include "record/calibrations.h"

struct definitions {
    struct digest hash;
    struct text json;   // the file's bytes
    uint32_t **numbers; // numbers[instrument][slot]
    size_t instrument_count;
};

// Gives every point its number (ledger_point_number), writes the files (driver, configuration
// without secrets, certificates in force, definitions) and declares them in force from `from_n`.
// `calibrations` are those of this configuration; which of their certificates the ledger did not
// have is noted there.
int definitions_make(struct definitions **out, const struct config *config,
                     struct calibrations *calibrations, struct ledger *ledger, uint64_t from_n,
                     struct why *why);
void definitions_free(struct definitions *definitions);

#endif
