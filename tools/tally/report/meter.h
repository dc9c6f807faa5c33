// The points that a report of energy is about: their numbers, whether those are of one register,
// and their readings, as few of them as the energy of whole quarters of an hour needs.
//
// Readings come from the roll-ups of the series: in a quarter of an hour in which a register rose
// with time, its first and its last reading stand for all. Where it did not, and where more than
// one number, an exchange or a flag of identity is in a quarter, all readings of it come from the
// blocks. One thread.
#ifndef TALLY_TOOLS_METER_H
#define TALLY_TOOLS_METER_H

#include "amendments/amendments.h"
#include "report/energy_table.h"
#include "report/meter_curve.h"

#include "ledger/ledger.h"
#include "series/series.h"

#define METER_REACH_QUARTERS (32 * 96) // how far beyond the time asked for a reading is looked for

// A number that the point has had.
struct meter_number {
    size_t log; // in which of the logs
    uint32_t number;
    size_t identity;  // numbers of one identity read the same register of the same meter
    int64_t every_us; // 0: nonstop
    struct meter_curve curve;
    uint32_t source; // place in `numbers` of the first with the same curve
};

struct meter_reading {
    struct energy_reading reading;
    size_t number; // place in `numbers`
};

struct meter {
    const char *name; // borrowed
    char unit[33];
    struct meter_number *numbers;
    size_t number_count;
    struct energy_rules rules;
    const struct energy_exchange **exchanges; // of this point, ascending
    size_t exchange_count;
    // From meters_read on:
    struct meter_reading *raw;
    size_t raw_count, raw_room;
    struct energy_reading *readings;
    size_t reading_count;
    uint64_t taken, none, missed; // readings and polls in the time asked for
    uint64_t mismatched;          // readings that were not used: the meter was another one
    size_t disordered;            // quarters of an hour that were not used: the clock was set
    int64_t greatest_every_us;    // of the numbers that were read in the time asked for
};

// A log that is read.
struct meter_log {
    struct ledger_reader *reader;
    struct series *series; // NULL: it has none, and is read from blocks
};

// The numbers and the unit of meter->name in all of the logs. ERROR_ABSENT: there is no such point;
// ERROR_REFUSED: its numbers have several units; or what reading gives.
int meter_open(struct meter *meter, const struct meter_log *logs, size_t log_count,
               const struct energy_table *table, struct why *why);
void meter_free(struct meter *meter);
// The same meter, to be read once more: it borrows what of it does not come from readings.
struct meter meter_again(const struct meter *meter);
void meter_free_again(struct meter *again);

struct meters {
    struct meter *list;
    size_t count;
    const struct meter_log *logs; // as they followed on each other
    size_t log_count, log;        // which is being read
    int64_t from, to;             // quarters of an hour: [from, to)
    uint64_t left_out;            // blocks that could not be read, which was said by …
    const char *command;
    const struct amendments *amendments; // of each log, that readings are taken by; NULL: as
                                         // recorded
};

// Those of the log that is being read, or NULL.
static inline const struct amendments *meters_amendments(const struct meters *meters)
{
    return meters->amendments ? &meters->amendments[meters->log] : NULL;
}

// Fills in the readings of all. 0, ERROR_MEMORY, or what reading gives.
int meters_read(struct meters *meters, struct why *why);

#endif
