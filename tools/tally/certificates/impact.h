// What an as-found error beyond tolerance touches (ISO/IEC 17025, 7.10): what the parts of `tally
// impact` share. One thread.
#ifndef TALLY_TOOLS_IMPACT_H
#define TALLY_TOOLS_IMPACT_H

#include "tally.h"

#include "common/issued.h"
#include "history/rows.h"
#include "jobs/job_stretch.h"
#include "ledger/ledger.h"
#include "measure/found.h"
#include "measure/shelf.h"

#define IMPACT_SUBJECTS_MAX CERTIFICATE_QUANTITIES_MAX

// What was asked for.
struct impact_request {
    const struct command *command;
    struct place place;
    const char *certificate;
    const char *from, *to; // as given; NULL: not
    const char *tolerances[IMPACT_SUBJECTS_MAX];
    size_t tolerance_count;
    bool guarded, unadjusted;
    enum rows_form form;
};

// One point, under whichever numbers it had.
struct impact_point {
    char name[160], instrument[65], unit[33];
    uint64_t readings, beyond, unknown; // unknown: outside of what was calibrated, or no number
    int64_t first_us, last_us;
    bool has_error, has_off;
    double error, error_at; // of the greatest magnitude as found, and at which indication
    double off, off_at;     // likewise, of the value that was stated
    // By load: the reading that the present stretch begins with, and sums over stretches.
    bool has_anchor;
    double anchor;
    int64_t anchor_us;
    double counted, counted_beyond, counted_unknown, sum_off;
};

// A quantity as it was found.
struct impact_subject {
    const struct certificate_quantity *found;
    struct found_rule rule;
    char source[3 * CERTIFICATE_TEXT_MAX]; // of the tolerance, for people
    size_t beyond;                         // points of the certificate that are
    const struct certificate *previous;    // NULL: none before
    const struct ended *previous_ended;    // NULL: it has not
    int64_t from_us, to_us;
    struct impact_point *points; // owned
    size_t point_count;
};

struct impact {
    struct shelf shelf;
    const struct certificate *certificate;
    struct impact_subject subjects[IMPACT_SUBJECTS_MAX];
    size_t subject_count;
    bool touched;      // a subject has points beyond
    uint64_t left_out; // blocks that could not be read
};

// How many readings that are touched something holds.
struct impact_held {
    uint64_t readings, beyond, unknown;
};

struct impact_job {
    const struct job *job; // borrowed of `jobs`
    struct impact_held held;
    struct job_stretch stretch;
    bool inside, over; // the block at hand may hold readings of it; none behind will
};

#define IMPACT_NO_JOB SIZE_MAX

// A report that was issued.
struct impact_report {
    char subject[ENTRY_SUBJECT_MAX + 1], account[33];
    struct issued issued;
    uint64_t n; // the block in which it is on record
    int64_t t_us;
    size_t job;     // index of `held`: it is of that job; IMPACT_NO_JOB: of none that is known
    bool of_points; // it names points; else, and without a job, it may hold what is of its time
    struct impact_held held;
};

// Of one log: what it has on record, and the readings of all of them as they are met.
struct impact_touched {
    struct ledger_reader *reader; // borrowed
    const char *log;              // "" or the folder of an older one; borrowed
    struct impact_touched *next;  // the log after it; NULL: it is the current one
    struct jobs jobs;
    struct impact_job *held;       // owned; of each job
    struct impact_report *reports; // owned
    size_t job_count, report_count;
    uint64_t n; // the block at hand
};

// --- impact_weigh.c

// Finds the certificate and holds what it states as found against the tolerance. Returns an exit
// status: EXIT_GOOD with `touched` set or not; what is wrong is said. impact_free in any case.
int impact_weigh(struct impact *impact, const struct impact_request *request);
void impact_free(struct impact *impact);
// From when to when each subject's readings are touched; when local time is the site's. An exit
// status.
int impact_find_span(struct impact *impact, const struct impact_request *request);

// --- impact_read.c

// One reading that is touched.
struct impact_row {
    const struct block_reading *reading;
    const struct impact_subject *subject;
    const struct impact_point *point;
    uint64_t block;
    const char *log;    // as of struct impact_touched
    struct found found; // at its indication; by load at its stretch's load, when it ends one
    bool has_off;       // `found` is known, and off: how far what was stated is from what was
    double off;         // found; by load, of what was counted over the stretch
    bool has_load;      // by load: it ends a stretch
    double load;
};

// Reads all of them from `touched` and the logs after it, in the order of recording, and counts
// them; `each` may be NULL. A block that cannot be read is said, counted and left out. 0 or an
// error with why.
int impact_read(struct impact *impact, const char *command, struct impact_touched *touched,
                void (*each)(void *context, const struct impact_row *row), void *context,
                struct why *why);

// --- impact_touched.c

// The jobs and issued reports of a log. 0, or an error with why. impact_touched_free in any case.
int impact_touched_open(struct impact_touched *touched, struct ledger_reader *reader,
                        const char *log, struct why *why);
void impact_touched_free(struct impact_touched *touched);
// The next block, before its readings.
void impact_touched_block(struct impact_touched *touched, const struct block_view *view);
void impact_touched_reading(struct impact_touched *touched, const struct impact_row *row);
// The time in which readings are touched, of all subjects.
void impact_whole_span(const struct impact *impact, int64_t *from_us, int64_t *to_us);

// --- impact_print.c

struct impact_print {
    enum rows_form form;
    const struct impact *impact;
    const struct impact_touched *touched; // of the earliest log; NULL: nothing is
    uint64_t written;
};

// What was found against what may be; before the readings.
void impact_print_head(const struct impact_print *print);
void impact_print_row(void *print, const struct impact_row *row);
// What is touched; behind the readings.
void impact_print_end(const struct impact_print *print);

#endif
