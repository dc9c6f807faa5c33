// tally impact: the jobs and the issued reports that hold readings which are touched.
#include "certificates/impact.h"

#include "common/entry.h"

#include <stdlib.h>
#include <string.h>

#define OF_JOB "job "

// Room for one more report; NULL: out of memory.
static struct impact_report *add_report(struct impact_touched *touched)
{
    struct impact_report *grown =
        realloc(touched->reports, (touched->report_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    touched->reports = grown;
    grown[touched->report_count] = (struct impact_report){.job = IMPACT_NO_JOB};
    return &grown[touched->report_count++];
}

// Which of the jobs a report is of.
static size_t job_of(const struct impact_touched *touched, const char *subject)
{
    size_t i = 0;
    if (strncmp(subject, OF_JOB, strlen(OF_JOB)) != 0) {
        return IMPACT_NO_JOB;
    }
    while (i < touched->jobs.count &&
           strcmp(touched->jobs.list[i].code, subject + strlen(OF_JOB)) != 0) {
        i++;
    }
    return i < touched->jobs.count ? i : IMPACT_NO_JOB;
}

static int visit(void *context, const struct entry *entry)
{
    struct impact_touched *touched = context;
    struct issued issued;
    if (strcmp(entry->kind, ISSUED_KIND) != 0 || !issued_read(&issued, entry->body)) {
        return OK;
    }
    struct impact_report *report = add_report(touched);
    if (!report) {
        return ERROR_MEMORY;
    }
    report->issued = issued;
    report->n = entry->n;
    report->t_us = entry->t_us;
    report->job = job_of(touched, entry->subject);
    report->of_points = strchr(entry->subject, '.') != NULL;
    snprintf(report->subject, sizeof report->subject, "%s", entry->subject);
    snprintf(report->account, sizeof report->account, "%s", entry->account);
    return OK;
}

int impact_touched_open(struct impact_touched *touched, struct ledger_reader *reader,
                        const char *log, struct why *why)
{
    *touched = (struct impact_touched){.reader = reader, .log = log};
    int error = jobs_read(&touched->jobs, reader, why);
    if (error) {
        return error;
    }
    touched->held = calloc(touched->jobs.count + 1, sizeof *touched->held);
    if (!touched->held) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    touched->job_count = touched->jobs.count;
    for (size_t i = 0; i < touched->job_count; i++) {
        touched->held[i].job = &touched->jobs.list[i];
        job_stretch_begin(&touched->held[i].stretch, &touched->jobs.list[i]);
    }
    error = entry_each(reader, 0, ISSUED_KIND, visit, touched, why);
    return error == ERROR_MEMORY ? why_set(why, error, "out of memory") : error;
}

void impact_touched_free(struct impact_touched *touched)
{
    free(touched->held);
    free(touched->reports);
    jobs_free(&touched->jobs);
}

void impact_touched_block(struct impact_touched *touched, const struct block_view *view)
{
    touched->n = view->n;
    for (size_t i = 0; i < touched->job_count; i++) {
        struct impact_job *held = &touched->held[i];
        held->inside =
            !held->over && view->n >= held->job->start.n && job_stretch_take(&held->stretch, view);
        held->over = held->over || held->stretch.settled;
    }
}

static void count(struct impact_held *held, enum found_verdict verdict)
{
    held->readings++;
    held->beyond += verdict == FOUND_BEYOND;
    held->unknown += verdict == FOUND_UNKNOWN;
}

static bool is_of_job(const struct impact_job *held, const struct impact_row *row)
{
    return held->inside && job_has_instrument(held->job, row->point->instrument) &&
           job_stretch_holds(&held->stretch, row->reading->t_us);
}

// Whether one of the words of a report's subject is the point's name.
static bool names(const char *subject, const char *point)
{
    size_t length = strlen(point);
    for (const char *word = subject; *word;) {
        size_t size = strcspn(word, " ,;");
        if (size == length && memcmp(word, point, length) == 0) {
            return true;
        }
        word += size;
        word += strspn(word, " ,;");
    }
    return false;
}

// A report of a job holds what the job does; of points, those; of anything else it may hold what
// was read in its time.
static bool is_in_time(const struct impact_report *report, int64_t t_us)
{
    return t_us >= report->issued.from_us && t_us < report->issued.to_us;
}

static bool is_in_report(const struct impact_touched *touched, const struct impact_report *report,
                         const struct impact_row *row)
{
    return report->job != IMPACT_NO_JOB ? is_of_job(&touched->held[report->job], row)
           : report->of_points          ? names(report->subject, row->point->name)
                                        : true;
}

// Of a log after the reading's: a report of energy goes back to those before, one of a job does
// not.
static void count_later(struct impact_touched *touched, const struct impact_row *row)
{
    for (size_t i = 0; i < touched->report_count; i++) {
        struct impact_report *report = &touched->reports[i];
        if (strncmp(report->subject, OF_JOB, strlen(OF_JOB)) != 0 &&
            is_in_time(report, row->reading->t_us) && is_in_report(touched, report, row)) {
            count(&report->held, row->found.verdict);
        }
    }
}

void impact_touched_reading(struct impact_touched *touched, const struct impact_row *row)
{
    for (size_t i = 0; i < touched->job_count; i++) {
        if (is_of_job(&touched->held[i], row)) {
            count(&touched->held[i].held, row->found.verdict);
        }
    }
    for (size_t i = 0; i < touched->report_count; i++) {
        struct impact_report *report = &touched->reports[i];
        if (is_in_time(report, row->reading->t_us) && touched->n < report->issued.size &&
            is_in_report(touched, report, row)) {
            count(&report->held, row->found.verdict);
        }
    }
    for (struct impact_touched *later = touched->next; later; later = later->next) {
        count_later(later, row);
    }
}
