// All that a job's report says, gathered in one walk through its blocks: what each point read, what
// else was recorded, what was in force.
#ifndef TALLY_TOOLS_JOB_COLLECT_H
#define TALLY_TOOLS_JOB_COLLECT_H

#include "amendments/rows_amended.h"
#include "jobs/job_walk.h"
#include "measure/certificate.h"

#define JOB_NUMBER_MAX  48 // bytes of a number as a block writes it
#define JOB_REASONS_MAX 8
#define JOB_FLAGS       32
#define JOB_EVENTS_MAX  10000

// Of the numbers that a point read: as the block has them, in the order of recording.
struct job_values {
    uint64_t count;
    char minimum[JOB_NUMBER_MAX], maximum[JOB_NUMBER_MAX], first[JOB_NUMBER_MAX],
        last[JOB_NUMBER_MAX];
    double least, most, shift, sum; // the mean is shift + sum / count
};

// What readings come to.
struct job_outcome {
    struct job_values indications, corrected;
    double u_least, u_most; // of the corrected values
};

// What one point read under one number, so by one definition.
struct job_point {
    uint32_t number;
    char name[160];
    const cJSON *definition; // of the walk's
    const char *unit;
    uint64_t readings, missed;
    int64_t first_us, last_us; // of the readings
    struct job_outcome recorded;
    uint64_t amendments;        // of its readings, how many are amended, and
    struct job_outcome amended; // what they all come to with what these are amended to
    uint64_t flags[JOB_FLAGS];  // readings that bear each
    struct {
        char word[32];
        uint64_t count;
    } reasons[JOB_REASONS_MAX]; // of misses; the last one stands for all that have no place
    size_t reason_count;
};

// A reading that is, or was, amended: each says what was recorded too.
struct job_amendment {
    const char *name, *unit; // of its point
    const struct amended *list;
    size_t count;
};

struct job_event {
    uint64_t n;
    int64_t t_us;
    const char *kind, *subject, *text;
};

// What the configuration in force from a block on says of one of the job's instruments.
struct job_setting {
    const char *subject; // an instrument; or a point, for its limits
    const char *words;   // "min 20, max 30", or where the instrument is
    bool is_location;
    struct digest config;
    uint64_t from_n, to_n; // of the job's blocks: [from_n, to_n)
};

// A certificate that was in force for some of its points.
struct job_certificate {
    struct digest hash;
    const char *k, *due;             // of the definition; "": no such day
    struct certificate *certificate; // NULL: it cannot be read, and
    struct why why;
    const char *points; // "oven.temperature, oven.humidity"
};

struct job_clock {
    uint64_t blocks, unsynchronised; // of the job; of them, with a clock that was not synchronised
    int64_t error_us;                // the greatest maximum error of those that were
    uint64_t sets;                   // how often it was set
    uint64_t anew;                   // recording began anew: a start, a reload
};

struct job_report {
    const struct job *job;
    struct ledger_reader *reader; // borrowed
    struct job_walk walk;
    struct job_point *points; // by name, then number
    size_t point_count, point_room;
    uint64_t readings, missed;
    struct job_event *alarms, *events;
    size_t alarm_count, event_count;
    uint64_t events_left_out;    // beyond JOB_EVENTS_MAX
    struct rows_amended amended; // of the whole ledger
    struct job_amendment *amendments;
    size_t amendment_count, amendment_room;
    struct job_setting *settings;
    size_t setting_count;
    struct job_certificate *certificates;
    size_t certificate_count;
    struct job_clock clock;
    char time_zone[65];
    void *arena;
};

// 0, or an error with why. job_report_free in any case. Amendments that amend nothing are said, by
// `command`.
int job_collect(struct job_report *report, struct ledger_reader *reader, const struct job *job,
                const char *command, struct why *why);
void job_report_free(struct job_report *report);
// NaN when there is none.
double job_values_mean(const struct job_values *values);

// --- job_settings.c

// What the configuration says of the job's instruments: adds to settings what is new or another,
// from block n on, and ends what is no more.
int job_settings_take(struct job_report *report, const struct digest *config, uint64_t n,
                      struct why *why);
// --- job_certificates.c

// The certificates that the points' definitions name. A file that cannot be read is told in `why`
// of the certificate.
int job_certificates_find(struct job_report *report, struct why *why);

#endif
