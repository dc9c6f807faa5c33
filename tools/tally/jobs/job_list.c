// tally job list: the jobs that a log has on record, running and ended.
#include "jobs/job.h"

#include "common/moment.h"
#include "common/show.h"
#include "jobs/job_words.h"

#include <inttypes.h>
#include <string.h>

#define OUT_MAX   (64u << 20)
#define WORDS_MAX 4096

static bool is_meant(const struct job_request *request, const struct job *job, int64_t from_us,
                     int64_t to_us)
{
    for (size_t i = 0; i < request->instrument_count; i++) {
        if (!job_has_instrument(job, request->instruments[i])) {
            return false;
        }
    }
    return (!request->item || strcmp(request->item, job->item) == 0) &&
           (!request->order || strcmp(request->order, job->order) == 0) &&
           job_meets(job, from_us, to_us);
}

static void add_text(struct show_table *table, struct text *text)
{
    show_table_add(table, text->length ? text->data : "");
    text_clear(text);
}

static void add_row(struct show_table *table, const struct job *job)
{
    struct text text = text_make(WORDS_MAX);
    show_table_add(table, job->code);
    show_table_add(table, job->item);
    show_table_add(table, job->order);
    job_append_instruments(&text, job);
    add_text(table, &text);
    show_append_local(&text, job->start.t_us);
    add_text(table, &text);
    job_append_stop(&text, job);
    add_text(table, &text);
    show_table_add(table, job->start.known ? job->start.account : "—");
    show_table_add(table, job->result);
    text_free(&text);
}

static void print(const struct job_request *request, const struct job_ledger *ledger,
                  int64_t from_us, int64_t to_us)
{
    static const char *const headings[] = {"job",     "item",    "order", "instruments",
                                           "started", "stopped", "by",    "result"};
    struct show_table table = show_table_make(8, headings);
    struct text out = text_make(OUT_MAX);
    bool json = request->form.json, first = true;
    text_append_string(&out, json ? "[" : "");
    for (size_t i = 0; i < ledger->jobs.count; i++) {
        const struct job *job = &ledger->jobs.list[i];
        if (!is_meant(request, job, from_us, to_us)) {
            continue;
        }
        if (json) {
            text_append_string(&out, first ? "\n{" : ",\n{");
            job_append_json(&out, job);
            text_append_string(&out, "}");
        } else {
            add_row(&table, job);
        }
        first = false;
    }
    if (json) {
        text_append_string(&out, "\n]\n");
    } else if (first) {
        text_append_string(&out, "no job\n");
    } else {
        show_table_append(&table, &out);
    }
    fwrite(out.data, 1, out.failed ? 0 : out.length, stdout);
    text_free(&out);
    show_table_free(&table);
}

int job_list(const struct job_request *request)
{
    struct job_ledger ledger;
    int64_t from_us, to_us;
    int status = job_ledger_open(&ledger, request);
    status = status == EXIT_GOOD ? moment_read_span(request->command, request->from, request->to,
                                                    true, &from_us, &to_us)
                                 : status;
    if (status == EXIT_GOOD) {
        print(request, &ledger, from_us, to_us);
        if (ledger.jobs.void_entries) {
            fprintf(stderr, "%s: %" PRIu64 " entries on record fit no job, and are void\n",
                    request->command->name, ledger.jobs.void_entries);
        }
    }
    job_ledger_close(&ledger);
    return status;
}
