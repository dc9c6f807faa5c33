// A job's report, written: for people, or as JSON or CSV for programs.
#ifndef TALLY_TOOLS_JOB_SHOW_H
#define TALLY_TOOLS_JOB_SHOW_H

#include "history/rows.h"
#include "jobs/job_collect.h"
#include "jobs/job_out.h"
#include "jobs/job_proof.h"

#include <stdio.h>

struct job_form {
    bool html, json, csv; // else a table
    bool readings;        // every reading too; CSV is nothing else
};

// As tables, or as a page to print. 0, or an error with why.
int job_show(const struct job_report *report, const struct job_proof *proof,
             const struct job_form *form, FILE *to, struct why *why);
// --- job_show_readings.c
int job_show_readings(struct job_out *out, const struct job_report *report, struct why *why);
// --- job_json.c
int job_write_json(struct job_report *report, const struct job_proof *proof,
                   const struct job_form *form, FILE *to, struct why *why);
// Appends the members of an object that say what the job is: "job":"J1","item": …
void job_append_json(struct text *out, const struct job *job);
// --- job_rows.c
// Every reading and miss: CSV, or an array.
int job_write_rows(struct job_report *report, enum rows_form form, FILE *to, struct why *why);

#endif
