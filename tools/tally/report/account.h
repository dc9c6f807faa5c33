// The energy of one meter, or of a sum of several, over the intervals of a report.
//
// A sum has an interval only where each of its meters has it; what its meters have in others is in
// its unallocated energy. One thread.
#ifndef TALLY_TOOLS_ACCOUNT_H
#define TALLY_TOOLS_ACCOUNT_H

#include "report/corrected.h"
#include "report/meter.h"

#define ACCOUNT_COEFFICIENTS_MAX 8 // that are named; more count all the same

// The intervals: i is [boundaries[i], boundaries[i + 1]), whole quarters of an hour.
struct calendar {
    int64_t *boundaries;
    size_t count;
    int64_t kept_us;     // what begins before is not kept whole; INT64_MIN: all is
    int64_t recorded_us; // what ends after may get more
};

static inline size_t calendar_quarters(const struct calendar *calendar)
{
    return (size_t)((calendar->boundaries[calendar->count] - calendar->boundaries[0]) /
                    ROLLUP_QUARTER_US);
}

struct account {
    const char *name;       // of a meter's point; borrowed; NULL: of a sum
    const char *title;      // of a sum; borrowed
    const char *amended_of; // as amended (energy_amended.h): whose readings, borrowed; else NULL
    size_t amended;         // … and how many of the time asked for are
    const char *kind;       // of a sum: "electricity" …; NULL when not stated
    const struct energy_part *parts;
    size_t part_count;
    char unit[33];
    // Of a sum: intervals, allocated, unallocated, crossing and registered alone; no lists.
    struct energy energy;
    uint64_t taken, none, missed, mismatched;
    size_t disordered;
    // Of quarters of an hour with a figure, that with most.
    bool has_demand;
    int64_t demand_us;        // its beginning
    struct exact demand;      // its energy, and …
    struct exact demand_mean; // … that in an hour
    bool demand_ambiguous;    // as of an interval
    int64_t demand_bound_us;
    // The quarters, when they are kept.
    struct energy_interval *quarters;
    const struct meter *meter; // borrowed; NULL: of a sum
    struct corrected corrected;
    // From account_use on. With a tariff (else NULL): of quarters of an hour with a figure, by its
    // periods, and what is in none of them; together they are energy.registered.
    const struct tariff *tariff;
    struct exact periods[TARIFF_PERIODS_MAX], unassigned;
    // In kgce, of the intervals with a figure, each by the coefficient in force when it begins …
    struct exact coal;
    const struct coefficient *coefficients[ACCOUNT_COEFFICIENTS_MAX]; // … which were these
    size_t coefficient_count;                                         // 0: there was none
    struct exact unconverted; // energy of intervals for which there was none
};

// Of a meter whose readings are there. `keep_quarters`: for account_add and a tariff. 0 or
// ERROR_MEMORY; account_free in any case.
int account_make(struct account *account, const struct meter *meter,
                 const struct calendar *calendar, bool keep_quarters);
// Begins a sum, to which accounts are added by account_add; account_end looks at its quarters.
// `title` is borrowed.
int account_begin(struct account *account, const struct calendar *calendar, const char *title,
                  const struct energy_part *parts, size_t part_count);
void account_add(struct account *sum, const struct account *part, bool minus,
                 const struct calendar *calendar);
void account_end(struct account *sum, const struct calendar *calendar);
// The place of the quarter of an hour with most demand, of those of the calendar; has_demand.
size_t account_demand_quarter(const struct account *account, const struct calendar *calendar);
// Adds what the table says of tariff and coal equivalent; with a tariff the quarters must be kept.
// 0, or ERROR_RANGE: the energy has too many digits.
int account_use(struct account *account, const struct energy_table *table,
                const struct calendar *calendar);
void account_free(struct account *account);

// "complete", "incomplete", "unknown" (an unknown is in it), "open" (more may be recorded yet),
// "pruned" (not all is kept).
const char *account_state(const struct account *account, size_t interval,
                          const struct calendar *calendar);

#endif
