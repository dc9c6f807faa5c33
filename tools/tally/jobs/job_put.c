// tally job start, stop: what a person states of a job goes on record, once it makes sense.
#include "jobs/job.h"

#include "common/answer.h"
#include "common/entry.h"
#include "common/show.h"
#include "config/document.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define BODY_MAX  1024
#define NAMES_MAX 2048 // of instruments
#define TRIES     10   // to get a code that nobody else got meanwhile

// --- start --------------------------------------------------------------------------------------

static bool has_instrument(const struct job_ledger *ledger, const char *name)
{
    const cJSON *point;
    cJSON_ArrayForEach(point, answer_member(ledger->definitions, "points"))
    {
        if (strcmp(answer_string(point, "instrument"), name) == 0) {
            return true;
        }
    }
    return false;
}

static int say_unknown(const struct job_request *request, const struct job_ledger *ledger,
                       const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    const cJSON *point;
    cJSON_ArrayForEach(point, answer_member(ledger->definitions, "points"))
    {
        if (count < NAMES_MAX) {
            names[count++] = answer_string(point, "instrument");
        }
    }
    const char *nearest = document_nearest(name, names, count);
    struct text clean = text_make(BODY_MAX);
    show_append_clean(&clean, name, JOB_NAME_MAX);
    fprintf(stderr, "%s: the gateway has no instrument '%s'%s%s%s\n", request->command->name,
            clean.length ? clean.data : "", nearest ? "; did you mean '" : "",
            nearest ? nearest : "", nearest ? "'?" : "");
    text_free(&clean);
    return EXIT_FINDING;
}

static int check_instruments(const struct job_request *request, const struct job_ledger *ledger)
{
    for (size_t i = 0; i < request->instrument_count; i++) {
        if (!has_instrument(ledger, request->instruments[i])) {
            return say_unknown(request, ledger, request->instruments[i]);
        }
    }
    return EXIT_GOOD;
}

// That an instrument is in another job too, as it may be: two samples in one oven.
static void say_shared(const struct job_request *request, const struct job_ledger *ledger)
{
    for (size_t i = 0; i < ledger->jobs.count; i++) {
        const struct job *job = &ledger->jobs.list[i];
        for (size_t k = 0; job->runs && k < request->instrument_count; k++) {
            if (job_has_instrument(job, request->instruments[k])) {
                fprintf(stderr, "%s: note: job %s runs on %s too\n", request->command->name,
                        job->code, request->instruments[k]);
            }
        }
    }
}

// "J20261124-1": the day of the site, and the first number of it that is free.
static void make_code(const struct job_ledger *ledger, char code[JOB_CODE_MAX + 1])
{
    time_t now = (time_t)(clock_wall_us(&clock_system) / 1000000);
    struct tm t;
    char day[32];
    unsigned number = 0;
    localtime_r(&now, &t);
    strftime(day, sizeof day, "%Y%m%d", &t);
    do {
        snprintf(code, JOB_CODE_MAX + 1, "J%s-%u", day, ++number);
    } while (jobs_find(&ledger->jobs, code));
}

static void copy_words(char out[JOB_WORDS_MAX + 1], const char *words)
{
    snprintf(out, JOB_WORDS_MAX + 1, "%s", words ? words : "");
}

static int put_start(const struct job_request *request, const char *code, const char *body,
                     uint64_t *n, struct why *why)
{
    return entry_put(&request->place, JOB_STARTED, request->by, code, body, n, why);
}

// Puts it on record, under the code given or one that is made.
static int put_until_first(const struct job_request *request, struct job_ledger *ledger,
                           const char *body, struct why *why)
{
    char code[JOB_CODE_MAX + 1];
    for (int i = 0; i < TRIES; i++) {
        uint64_t n;
        if (request->code) {
            snprintf(code, sizeof code, "%s", request->code);
        } else {
            make_code(ledger, code);
        }
        int error = put_start(request, code, body, &n, why);
        error = error ? error : job_ledger_again(ledger, why);
        if (error) {
            return error;
        }
        const struct job *job = jobs_find(&ledger->jobs, code);
        if (job && job->start.n == n) {
            printf("started %s (block %" PRIu64 ")\n", code, n);
            return OK;
        }
        if (request->code) {
            break;
        }
    }
    return why_set(why, ERROR_BUSY,
                   "another job was started with this code meanwhile: what is on "
                   "record of this one is void");
}

int job_start(const struct job_request *request)
{
    struct job_statement statement = {.instrument_count = request->instrument_count};
    struct text body = text_make(BODY_MAX);
    struct job_ledger ledger;
    struct why why = {""};
    copy_words(statement.item, request->item);
    copy_words(statement.order, request->order);
    copy_words(statement.operated_by, request->operated_by);
    int status = job_ledger_open(&ledger, request);
    status = status == EXIT_GOOD ? check_instruments(request, &ledger) : status;
    if (status == EXIT_GOOD && request->code && jobs_find(&ledger.jobs, request->code)) {
        why_set(&why, ERROR_BUSY, "the code %s was used before", request->code);
        status = job_fail(request, &why);
    }
    for (size_t i = 0; status == EXIT_GOOD && i < request->instrument_count; i++) {
        snprintf(statement.instruments[i], sizeof statement.instruments[i], "%s",
                 request->instruments[i]);
    }
    if (status == EXIT_GOOD) {
        int error = job_record_write(&statement, &body, &why);
        if (!error) {
            say_shared(request, &ledger);
            error = put_until_first(request, &ledger, body.data, &why);
        }
        status = error ? job_fail(request, &why) : EXIT_GOOD;
    }
    job_ledger_close(&ledger);
    text_free(&body);
    return status;
}

// --- stop ---------------------------------------------------------------------------------------

static int write_stop(const struct job_request *request, const struct job *job, struct text *body,
                      struct why *why)
{
    struct job_statement statement = {.instrument_count = job->instrument_count,
                                      .stops = true,
                                      .started_us = job->start.t_us,
                                      .started_n = job->start.n};
    copy_words(statement.item, job->item);
    copy_words(statement.order, job->order);
    copy_words(statement.operated_by, job->operated_by);
    copy_words(statement.result, request->result);
    copy_words(statement.note, request->note);
    for (size_t i = 0; i < job->instrument_count; i++) {
        snprintf(statement.instruments[i], sizeof statement.instruments[i], "%s",
                 job->instruments[i]);
    }
    return job_record_write(&statement, body, why);
}

static int put_stop(const struct job_request *request, struct job_ledger *ledger,
                    const struct job *job)
{
    struct text body = text_make(BODY_MAX);
    struct why why = {""};
    uint64_t n;
    int error = write_stop(request, job, &body, &why);
    error = error ? error
                  : entry_put(&request->place, JOB_STOPPED, request->by, request->code, body.data,
                              &n, &why);
    error = error ? error : job_ledger_again(ledger, &why);
    text_free(&body);
    if (error) {
        return job_fail(request, &why);
    }
    job = jobs_find(&ledger->jobs, request->code);
    if (!job || job->stop.n != n) {
        why_set(&why, ERROR_BUSY, "it was stopped by another meanwhile: this stop is void");
        return job_fail(request, &why);
    }
    printf("stopped %s (block %" PRIu64 ")\n", job->code, n);
    if (job->stop.t_us < job->start.t_us) {
        fprintf(stderr,
                "%s: note: by the gateway's clock, which was set, that is before its "
                "start; its readings are those of the blocks between\n",
                request->command->name);
    }
    return EXIT_GOOD;
}

int job_stop(const struct job_request *request)
{
    struct job_ledger ledger;
    int status = job_ledger_open(&ledger, request);
    const struct job *job = status == EXIT_GOOD ? job_ledger_find(&ledger, request) : NULL;
    if (job && !job->runs) {
        struct text when = text_make(64);
        struct why why;
        show_append_local(&when, job->stop.t_us);
        why_set(&why, ERROR_REFUSED, "%s was stopped on %s", job->code, when.data);
        status = job_fail(request, &why);
        text_free(&when);
    } else {
        status = job ? put_stop(request, &ledger, job) : EXIT_FINDING;
    }
    job_ledger_close(&ledger);
    return status;
}
