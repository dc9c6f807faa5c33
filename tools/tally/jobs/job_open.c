#include "jobs/job.h"

#include "common/answer.h"
#include "common/show.h"
#include "config/document.h"

#include <stdlib.h>
#include <string.h>

#define DEFINITIONS_BYTES_MAX (16u << 20)
#define FILES_MAX             4096 // of definitions
#define NAMES_MAX             200  // among which the nearest is looked for

int job_fail(const struct job_request *request, const struct why *why)
{
    fprintf(stderr, "%s: %s\n", request->command->name, why->text);
    return EXIT_FINDING;
}

// Those in force now, as the daemon last put them.
static int read_definitions(struct job_ledger *ledger, struct why *why)
{
    struct text text = text_make(DEFINITIONS_BYTES_MAX);
    struct digest hash, *files = calloc(FILES_MAX, sizeof *files);
    size_t count;
    int error = files ? ledger_reader_definitions(ledger->reader, ledger->size, &hash, files,
                                                  FILES_MAX, &count, why)
                      : why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    error = error ? error : ledger_reader_file(ledger->reader, &hash, &text, why);
    ledger->definitions = error ? NULL : cJSON_ParseWithLength(text.data, text.length);
    if (!error && !cJSON_IsObject(ledger->definitions)) {
        error = why_set(why, ERROR_INPUT, "the definitions are not of the form required");
    }
    snprintf(ledger->time_zone, sizeof ledger->time_zone, "%s",
             answer_string(ledger->definitions, "time_zone"));
    text_free(&text);
    free(files);
    return error;
}

int job_ledger_open(struct job_ledger *ledger, const struct job_request *request)
{
    struct why why = {""};
    *ledger = (struct job_ledger){.reader = NULL};
    int error = ledger_reader_open(&ledger->reader, request->place.ledger, &why);
    if (!error) {
        error = ledger_reader_extent(ledger->reader, &ledger->first, &ledger->size, &why);
        error = error ? error : read_definitions(ledger, &why);
        error = error ? error : jobs_read(&ledger->jobs, ledger->reader, &why);
    }
    if (error) {
        return job_fail(request, &why);
    }
    if (!show_set_zone(ledger->time_zone)) {
        fprintf(stderr, "%s: this machine does not know the time zone '%s': local times are UTC\n",
                request->command->name, ledger->time_zone);
    }
    return EXIT_GOOD;
}

void job_ledger_close(struct job_ledger *ledger)
{
    jobs_free(&ledger->jobs);
    cJSON_Delete(ledger->definitions);
    ledger_reader_close(ledger->reader);
    *ledger = (struct job_ledger){.reader = NULL};
}

int job_ledger_again(struct job_ledger *ledger, struct why *why)
{
    jobs_free(&ledger->jobs);
    return jobs_read(&ledger->jobs, ledger->reader, why);
}

const struct job *job_ledger_find(const struct job_ledger *ledger,
                                  const struct job_request *request)
{
    const struct job *job = jobs_find(&ledger->jobs, request->code);
    const char *names[NAMES_MAX];
    size_t count = 0;
    if (job) {
        return job;
    }
    for (size_t i = ledger->jobs.count; i-- > 0 && count < NAMES_MAX;) {
        names[count++] = ledger->jobs.list[i].code;
    }
    const char *nearest = document_nearest(request->code, names, count);
    struct text code = text_make(4 * JOB_CODE_MAX);
    show_append_clean(&code, request->code, JOB_CODE_MAX);
    fprintf(stderr, "%s: there is no job '%s' in this log%s%s%s\n", request->command->name,
            code.length ? code.data : "", nearest ? "; did you mean '" : "", nearest ? nearest : "",
            nearest ? "'?" : "");
    text_free(&code);
    return NULL;
}
