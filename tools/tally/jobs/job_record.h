// What a person states of a job, a stretch of readings of one item or order: the one form in which
// it is put on record (docs/FORMAT.md, §1.3), written and read. Pure.
#ifndef TALLY_TOOLS_JOB_RECORD_H
#define TALLY_TOOLS_JOB_RECORD_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_STARTED "job.started" // kinds of entry; the subject is the job's code
#define JOB_STOPPED "job.stopped"

#define JOB_CODE_MAX        64 // bytes
#define JOB_WORDS_MAX       200
#define JOB_NAME_MAX        32 // of an instrument
#define JOB_INSTRUMENTS_MAX 16
#define JOB_BEGINNING_MAX   540 // bytes of the statement that starts a job, so that one that stops
#define JOB_ENDING_MAX      290 // it, which says it again, has room for what is said then

// item "S-7", order "WO 118", operator "Li Na", on oven, chamber-2; started
// 2026-11-24T05:39:36.120034Z in block 41, result "passed", note "left to cool"
struct job_statement {
    // "": not stated. One of item and order at least is.
    char item[JOB_WORDS_MAX + 1], order[JOB_WORDS_MAX + 1], operated_by[JOB_WORDS_MAX + 1];
    char instruments[JOB_INSTRUMENTS_MAX][JOB_NAME_MAX + 1]; // at least one, none twice
    size_t instrument_count;
    // Of one that stops: where and when, by the gateway's clock, the job started.
    bool stops;
    int64_t started_us; // years 1 to 9999
    uint64_t started_n;
    char result[JOB_WORDS_MAX + 1], note[JOB_WORDS_MAX + 1]; // "": not stated
};

// A job's code: 1 to JOB_CODE_MAX bytes of printable UTF-8 without blanks and quotes, which does
// not begin with '-'.
bool job_code_is_valid(const char *code);
// 1 to JOB_WORDS_MAX bytes of UTF-8 that all can be seen: no control characters, none that change
// the direction of what is around them, no blanks at the ends.
bool job_words_are_valid(const char *words);

// Appends the statement. ERROR_INPUT when it is none as above, ERROR_RANGE when it is too long,
// with why; `out` is then as before.
int job_record_write(const struct job_statement *statement, struct text *out, struct why *why);
// Reads one, of an entry's body: " (said from the account …)" may be behind it. False when it is of
// any other form.
bool job_record_read(struct job_statement *statement, const char *body);

#endif
