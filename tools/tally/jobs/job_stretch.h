// Which readings are of a job: those between its two entries, by the order of blocks and by time.
//
// The order of blocks decides; time divides the blocks at the two ends, which hold readings of
// before and after too. (docs/DESIGN.md says why.) A reading that was taken before an entry may
// stand behind it, never the other way round: it comes through a queue, an entry does not.
// Pure.
#ifndef TALLY_TOOLS_JOB_STRETCH_H
#define TALLY_TOOLS_JOB_STRETCH_H

#include "jobs/jobs.h"

// For so long after a job's end, by the monotonic clock, a reading of it may still come.
#define JOB_STRETCH_LATE_US INT64_C(10000000)

struct job_stretch {
    const struct job *job; // borrowed
    bool begun;            // a block was taken
    bool set;              // the clock was set since the start, as blocks tell
    bool settled;          // no block that is not there yet can hold a reading of it
    uint64_t sets;         // how often the clock was set, or went back between two blocks
    // Of the block taken last:
    bool lower, upper; // its times are held against the start, the end
    bool inside;       // it is not behind the block of the job's end
    int64_t closed_us;
    // Of the block of the job's end:
    char end_run[33];
    int64_t end_mono_us;
};

void job_stretch_begin(struct job_stretch *stretch, const struct job *job);
// The next block of the log, from the one of the start on (or the first that is kept). False: it is
// behind all that can be of the job, and so are those behind it.
bool job_stretch_take(struct job_stretch *stretch, const struct block_view *view);
// Whether something of that time, in the block taken last, is of the job.
bool job_stretch_holds(const struct job_stretch *stretch, int64_t t_us);

#endif
