// Goes through what a log holds of a job, block by block: its readings and misses, and what else
// was recorded meanwhile. Memory does not grow with the job.
#ifndef TALLY_TOOLS_JOB_WALK_H
#define TALLY_TOOLS_JOB_WALK_H

#include "jobs/job_stretch.h"

#include <cjson/cJSON.h>

// A point of one of the job's instruments, under one number: one definition.
struct job_number {
    uint32_t number;
    cJSON *definition; // docs/FORMAT.md, §2
    char name[160];    // instrument.quantity
    const char *unit;  // of the definition
    size_t index;      // in the order in which they were found
};

// What is called; NULL: nothing. Each returns 0 to go on, or an error. Of one block: `block` first;
// then readings and misses, by time.
struct job_visitor {
    void *context;
    int (*block)(void *context, const struct job_stretch *stretch, const struct block_view *view,
                 struct why *why);
    int (*reading)(void *context, const struct job_number *number,
                   const struct block_reading *reading, uint64_t block, size_t index);
    int (*miss)(void *context, const struct job_number *number, const struct block_miss *miss,
                uint64_t block);
};

struct job_walk {
    struct job_stretch stretch;
    struct job_number *numbers; // by index
    size_t number_count, number_room;
    uint64_t first, end;           // blocks [first, end) hold what there is of it
    uint64_t gone_from, gone_to;   // blocks of it that are pruned: [gone_from, gone_to)
    uint64_t left_out, left_out_n; // blocks that cannot be read; the first of them
    struct why left_out_why;
};

// Goes through it once. job_walk_free in any case; numbers stay until then. 0, or an error with
// why. A block that cannot be read is counted and left out.
int job_walk(struct job_walk *walk, struct ledger_reader *reader, const struct job *job,
             const struct job_visitor *visitor, struct why *why);
void job_walk_free(struct job_walk *walk);

#endif
