// Traceability coverage: which share of points and of readings is under a certificate in order, by
// site and kind of quantity; what the parts of `tally coverage` share. One thread.
#ifndef TALLY_TOOLS_COVERAGE_H
#define TALLY_TOOLS_COVERAGE_H

#include "tally.h"

#include "ledger/ledger.h"
#include "measure/certificate.h"

#define COVERAGE_DAY_US INT64_C(86400000000)

struct coverage_count {
    uint64_t points, covered;            // now
    uint64_t readings, readings_covered; // of the period, as recorded
};

// Of one kind of quantity ("voltage") of one site.
struct coverage_row {
    char site[19], kind[17]; // unified social credit code
    struct coverage_count count;
};

// A certificate with a last day.
struct coverage_due {
    char site[19], serial[CERTIFICATE_TEXT_MAX + 1];
    char number[CERTIFICATE_TEXT_MAX + 1]; // of a ledger alone: the file's SHA-256
    int64_t day;
};

// A point without one since the one it had has ended.
struct coverage_ended {
    char point[96], number[CERTIFICATE_TEXT_MAX + 1];
    int64_t at_us;
};

struct coverage {
    const struct command *command;
    struct place place;
    const char *from, *to; // as given
    bool json;
    int64_t from_us, to_us, now_us;
    struct coverage_row *rows; // owned, as the rest
    struct coverage_due *dues;
    struct coverage_ended *ended;
    size_t row_count, due_count, ended_count;
};

static inline bool coverage_has_period(const struct coverage *coverage)
{
    return coverage->from || coverage->to;
}

void coverage_free(struct coverage *coverage);
// The place of a row, a new one when there is none; SIZE_MAX: out of memory.
size_t coverage_row(struct coverage *coverage, const char *site, const char *kind);
// Room for one more, zeroed; NULL: out of memory. A certificate that is noted is noted once.
struct coverage_due *coverage_add_due(struct coverage *coverage, const char *site,
                                      const char *serial, const char *number, int64_t day);
struct coverage_ended *coverage_add_ended(struct coverage *coverage);

// --- coverage_ledger.c

// Counts the readings of the period in a ledger, when there is one; with `now` also the points of
// the definitions in force and their certificates. 0, or an error with why.
int coverage_read_ledger(struct coverage *coverage, struct ledger_reader *reader, bool now,
                         struct why *why);

// --- coverage_print.c

// Sorts, and prints all of it.
void coverage_print(struct coverage *coverage);

#endif
