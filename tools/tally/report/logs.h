// The logs of a gateway before the current one, in the folders where damaged ledgers were set
// aside: which there are, what can be read of them, and of what time they are. Changes nothing
// there.
#ifndef TALLY_TOOLS_LOGS_H
#define TALLY_TOOLS_LOGS_H

#include "report/covered.h"
#include "report/meter.h"

#define LOGS_MAX 64

struct older_log {
    char folder[64];              // in the ledger's
    struct ledger_reader *reader; // NULL: it cannot be read, and why
    uint64_t first, size;
    int64_t begin_us;       // of its first reading; INT64_MIN: not known
    int64_t ended_us;       // nothing in it is later
    bool asked;             // it may hold something of the time asked for …
    char why[200];          // … and could not be read, because
    struct covered covered; // of what it holds of that time
};

struct logs {
    struct older_log list[LOGS_MAX];     // as they followed on each other; those with a block
    size_t count, left_out;              // beyond LOGS_MAX, the earliest
    struct meter_log read[LOGS_MAX + 1]; // of logs_use: those asked for, and the current one last
    size_t read_count;
};

// Finds those beside the ledger in `directory`. 0, ERROR_SYSTEM. logs_free in any case.
int logs_find(struct logs *logs, const char *directory, struct why *why);
// When the earliest that can be read begins; INT64_MAX: none.
int64_t logs_begin(const struct logs *logs);
// Lists what is to be read for [from, to): those that may hold something of it, then the current
// log, whose reader and series are borrowed.
void logs_use(struct logs *logs, int64_t from_us, int64_t to_us, const struct meter_log *current);
void logs_free(struct logs *logs);
// From when on all is kept, once the current log keeps all of itself.
int64_t logs_kept(const struct logs *logs);
// The current log's standing is that of all: what is lacking before it is noted in `covered`, for a
// time from `from_us` on.
void logs_judge(const struct logs *logs, int64_t from_us, struct covered *covered);

// "log …, blocks 0 to 41, in set-aside-…", a line each, of those asked for.
void logs_append(struct text *out, const struct logs *logs);
// The same as an array.
void logs_append_json(struct text *out, const struct logs *logs);

#endif
