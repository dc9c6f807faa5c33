#include "jobs/jobs.h"

#include "base/arena.h"
#include "common/entry.h"

#include <stdlib.h>
#include <string.h>

static struct job *find(const struct jobs *jobs, const char *code)
{
    for (size_t i = jobs->count; i-- > 0;) {
        if (strcmp(jobs->list[i].code, code) == 0) {
            return &jobs->list[i];
        }
    }
    return NULL;
}

static struct job *add(struct jobs *jobs)
{
    if (jobs->count == jobs->room) {
        size_t room = jobs->room ? 2 * jobs->room : 64;
        struct job *grown = realloc(jobs->list, room * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        jobs->list = grown;
        jobs->room = room;
    }
    struct job *job = &jobs->list[jobs->count++];
    *job = (struct job){.code = NULL};
    return job;
}

static const char *copy(struct jobs *jobs, const char *words)
{
    return arena_copy(&jobs->arena, words, strlen(words));
}

static int copy_beginning(struct jobs *jobs, struct job *job, const char *code,
                          const struct job_statement *statement)
{
    const char **names = arena_take(&jobs->arena, statement->instrument_count * sizeof *names);
    bool good = names != NULL;
    for (size_t i = 0; good && i < statement->instrument_count; i++) {
        good = (names[i] = copy(jobs, statement->instruments[i])) != NULL;
    }
    job->code = copy(jobs, code);
    job->item = copy(jobs, statement->item);
    job->order = copy(jobs, statement->order);
    job->operated_by = copy(jobs, statement->operated_by);
    job->result = job->note = "";
    job->instruments = names;
    job->instrument_count = statement->instrument_count;
    return good && job->code && job->item && job->order && job->operated_by ? OK : ERROR_MEMORY;
}

static struct job_end end_of(const struct entry *entry)
{
    struct job_end end = {true, entry->n, entry->index, entry->t_us, "", entry->user};
    memcpy(end.account, entry->account, sizeof end.account);
    return end;
}

static int take_start(struct jobs *jobs, const struct entry *entry,
                      const struct job_statement *statement)
{
    if (find(jobs, entry->subject)) {
        jobs->void_entries++;
        return OK;
    }
    struct job *job = add(jobs);
    if (!job) {
        return ERROR_MEMORY;
    }
    job->start = end_of(entry);
    job->runs = true;
    return copy_beginning(jobs, job, entry->subject, statement);
}

static int take_stop(struct jobs *jobs, const struct entry *entry,
                     const struct job_statement *statement)
{
    struct job *job = find(jobs, entry->subject);
    if (job && (!job->runs || job->start.n != statement->started_n)) {
        jobs->void_entries++;
        return OK;
    }
    if (!job) { // its start is pruned: this says all that it said
        job = add(jobs);
        if (!job) {
            return ERROR_MEMORY;
        }
        job->start = (struct job_end){.n = statement->started_n, .t_us = statement->started_us};
        if (copy_beginning(jobs, job, entry->subject, statement)) {
            return ERROR_MEMORY;
        }
    }
    job->runs = false;
    job->stop = end_of(entry);
    job->result = copy(jobs, statement->result);
    job->note = copy(jobs, statement->note);
    return job->result && job->note ? OK : ERROR_MEMORY;
}

static int take(void *context, const struct entry *entry)
{
    struct jobs *jobs = context;
    struct job_statement statement;
    bool stops = strcmp(entry->kind, JOB_STOPPED) == 0;
    if (!job_code_is_valid(entry->subject) || !job_record_read(&statement, entry->body) ||
        statement.stops != stops) {
        jobs->void_entries++;
        return OK;
    }
    return stops ? take_stop(jobs, entry, &statement) : take_start(jobs, entry, &statement);
}

int jobs_read(struct jobs *jobs, struct ledger_reader *reader, struct why *why)
{
    *jobs = (struct jobs){.count = 0};
    int error = entry_each(reader, 0, "job.", take, jobs, why);
    return error == ERROR_MEMORY ? why_set(why, error, "%s", error_text(error)) : error;
}

void jobs_free(struct jobs *jobs)
{
    free(jobs->list);
    arena_free(&jobs->arena);
    *jobs = (struct jobs){.count = 0};
}

const struct job *jobs_find(const struct jobs *jobs, const char *code)
{
    return find(jobs, code);
}

bool job_has_instrument(const struct job *job, const char *instrument)
{
    for (size_t i = 0; i < job->instrument_count; i++) {
        if (strcmp(job->instruments[i], instrument) == 0) {
            return true;
        }
    }
    return false;
}

bool job_meets(const struct job *job, int64_t from_us, int64_t to_us)
{
    int64_t begin = job->start.t_us, end = job->runs ? INT64_MAX : job->stop.t_us;
    return end < begin ? end < to_us && begin >= from_us : begin < to_us && end > from_us;
}
