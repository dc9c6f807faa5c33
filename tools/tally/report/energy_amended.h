// The meters of a report of energy once more, with the readings of their registers as they were
// amended: beside the figures as recorded, never in their place.
//
// Only those of which a reading that counts was amended. One thread.
#ifndef TALLY_TOOLS_ENERGY_AMENDED_H
#define TALLY_TOOLS_ENERGY_AMENDED_H

#include "amendments/amendments.h"
#include "report/account.h"

struct energy_amended {
    struct amendments *amendments; // of each log
    struct meters meters;          // those with an amendment in reach
    struct account *accounts;      // of each of them
    char **names;                  // "main-meter.active-energy-import (as amended)"
    size_t *places;                // of each in the meters as recorded
    bool *changed;                 // whether what counts of it is amended
};

// Of meters that were read, with their logs open. `keep` as of account_make. 0 (energy_amended_free
// it, in any case), ERROR_MEMORY, or what reading gives, with why.
int energy_amended_make(struct energy_amended *out, const struct meters *recorded,
                        const struct energy_table *table, const struct calendar *calendar,
                        bool keep, struct why *why);
void energy_amended_free(struct energy_amended *amended);
// The account as amended of the meter at this place of the meters as recorded; NULL: none is.
const struct account *energy_amended_find(const struct energy_amended *amended, size_t place);
// The last block of the current log with an amendment that it goes by. False: there is none.
bool energy_amended_last(const struct energy_amended *amended, uint64_t *n);
// Names an account, once it is reckoned, as amended; of a sum `count` is the readings of its parts.
// 0 or ERROR_MEMORY; free *name.
int energy_amended_name(struct account *account, size_t count, char **name);

#endif
