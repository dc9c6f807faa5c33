// tally job: what its parts share. One thread.
#ifndef TALLY_TOOLS_JOB_H
#define TALLY_TOOLS_JOB_H

#include "archive/bounds.h"
#include "jobs/job_show.h"
#include "jobs/jobs.h"
#include "tally.h"

// As given on the command line; NULL: not.
struct job_request {
    const struct command *command;
    struct place place;
    const char *code; // of a job: --job, or the word behind stop and report
    const char *instruments[JOB_INSTRUMENTS_MAX];
    size_t instrument_count;
    const char *item, *order, *operated_by, *by, *result, *note, *from, *to;
    const char *centres[BOUNDS_CENTRES_MAX]; // files of keys
    size_t centre_count;
    const char *export, *output;
    struct job_form form;
    bool issue;
};

// Each returns an exit status; what is wrong is said. After place_find.
int job_start(const struct job_request *request);
int job_stop(const struct job_request *request);
int job_list(const struct job_request *request);
int job_report(const struct job_request *request);

// --- job_open.c

// A ledger with its jobs, and local time in its site's zone.
struct job_ledger {
    struct ledger_reader *reader;
    uint64_t first, size;
    struct jobs jobs;
    char time_zone[65];
    void *definitions; // cJSON, the newest
};

// EXIT_GOOD, or EXIT_FINDING, which is said. job_ledger_close in any case.
int job_ledger_open(struct job_ledger *ledger, const struct job_request *request);
void job_ledger_close(struct job_ledger *ledger);
// The jobs as they are now, anew.
int job_ledger_again(struct job_ledger *ledger, struct why *why);
// The job that is meant, or NULL, which is said.
const struct job *job_ledger_find(const struct job_ledger *ledger,
                                  const struct job_request *request);
int job_fail(const struct job_request *request, const struct why *why);

#endif
