// The jobs that a log has on record, from its entries. An entry that does not fit is void: a code
// that was used before, the end of a job that does not run, a statement of another form.
#ifndef TALLY_TOOLS_JOBS_H
#define TALLY_TOOLS_JOBS_H

#include "jobs/job_record.h"
#include "ledger/ledger.h"

// One end of a job: who put it on record, when by the gateway's clock, in which block.
struct job_end {
    bool known; // else only what the other end says of it: its block is pruned
    uint64_t n;
    size_t index; // among the block's events
    int64_t t_us;
    char account[33];
    unsigned user;
};

struct job {
    const char *code;
    const char *item, *order, *operated_by, *result, *note; // "": not stated
    const char *const *instruments;
    size_t instrument_count;
    struct job_end start, stop;
    bool runs; // then there is no `stop`
};

struct jobs {
    struct job *list; // in the order in which they started, as far as that is known
    size_t count, room;
    uint64_t void_entries;
    void *arena; // owns the strings
};

// All of them. 0, or an error with why. jobs_free in any case.
int jobs_read(struct jobs *jobs, struct ledger_reader *reader, struct why *why);
void jobs_free(struct jobs *jobs);
// NULL when there is none with this code.
const struct job *jobs_find(const struct jobs *jobs, const char *code);

// Whether it holds the readings of this instrument ("oven").
bool job_has_instrument(const struct job *job, const char *instrument);
// Whether it may hold readings of times in [from_us, to_us). By the clock alone: one that was set
// within the job is allowed for as far as its ends show it.
bool job_meets(const struct job *job, int64_t from_us, int64_t to_us);

#endif
