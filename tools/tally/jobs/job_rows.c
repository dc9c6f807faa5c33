// Every reading and miss of a job, as `tally export` and `tally history` write them.
#include "jobs/job_show.h"

#include "history/rows.h"

#include <errno.h>
#include <string.h>

static int write_reading(void *context, const struct job_number *number,
                         const struct block_reading *reading, uint64_t block, size_t index)
{
    struct rows *rows = context;
    rows->name = number->name;
    rows_reading(rows, reading, number->unit, block, index);
    return ferror(rows->to) ? ERROR_SYSTEM : OK;
}

static int write_miss(void *context, const struct job_number *number, const struct block_miss *miss,
                      uint64_t block)
{
    struct rows *rows = context;
    rows->name = number->name;
    rows_miss(rows, miss, block);
    return ferror(rows->to) ? ERROR_SYSTEM : OK;
}

int job_write_rows(struct job_report *report, enum rows_form form, FILE *to, struct why *why)
{
    struct rows rows;
    const struct job_visitor visitor = {&rows, NULL, write_reading, write_miss};
    struct job_walk walk;
    rows_begin(&rows, form, to, "", &report->amended);
    int error = job_walk(&walk, report->reader, report->job, &visitor, why);
    rows_end(&rows);
    job_walk_free(&walk);
    return error == ERROR_SYSTEM ? why_set(why, error, "cannot write: %s", strerror(errno)) : error;
}
