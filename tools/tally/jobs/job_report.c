// tally job report: what a job's stretch holds, with its proof; and that the report was issued.
#include "jobs/job.h"

#include "common/issued.h"
#include "common/outfile.h"
#include "jobs/job_words.h"

#include <inttypes.h>
#include <string.h>

struct reporting {
    const struct job_request *request;
    struct job_ledger ledger;
    struct job_key keys[JOB_KEYS_MAX];
    size_t key_count;
    struct job_report report;
    struct job_proof proof;
};

// Those given, and those of the configuration's uplinks, whose receipts are needed where the uplink
// is required.
static int load_keys(struct reporting *reporting, struct why *why)
{
    const struct job_request *request = reporting->request;
    const struct config *config = request->place.config;
    int error = OK;
    for (size_t i = 0; i < request->centre_count && !error; i++) {
        error = trusted_key_load(&reporting->keys[reporting->key_count++].key, request->centres[i],
                                 why);
    }
    for (size_t i = 0; config && i < config->uplink_count; i++) {
        const struct config_uplink *uplink = &config->uplinks[i];
        if (uplink->has_centre) {
            reporting->keys[reporting->key_count++] =
                (struct job_key){uplink->centre, uplink->required};
        }
    }
    return error;
}

static int write_form(struct reporting *reporting, FILE *to, struct why *why)
{
    const struct job_form *form = &reporting->request->form;
    struct job_report *report = &reporting->report;
    return form->csv    ? job_write_rows(report, ROWS_CSV, to, why)
           : form->json ? job_write_json(report, &reporting->proof, form, to, why)
                        : job_show(report, &reporting->proof, form, to, why);
}

static int write_report(struct reporting *reporting, struct why *why)
{
    const char *output = reporting->request->output;
    struct outfile file = {0};
    if (!output) {
        return write_form(reporting, stdout, why);
    }
    int error = outfile_open(&file, output, why);
    error = error ? error : write_form(reporting, file.to, why);
    return outfile_close(&file, error, why);
}

static int gather(struct reporting *reporting, const struct job *job, struct why *why)
{
    const struct job_request *request = reporting->request;
    struct job_report *report = &reporting->report;
    struct job_proof *proof = &reporting->proof;
    int error = load_keys(reporting, why);
    error = error ? error
                  : job_collect(report, reporting->ledger.reader, job, request->command->name, why);
    if (!error && report->walk.first >= report->walk.end) {
        error = why_set(why, ERROR_ABSENT, "no block of job %s is kept", job->code);
    }
    error = error ? error
                  : job_proof_find(proof, reporting->ledger.reader, report->walk.first,
                                   report->walk.end, reporting->keys, reporting->key_count,
                                   request->export, why);
    if (!error && request->export && !proof->path) {
        error = why_set(why, ERROR_ABSENT,
                        "nothing is exported: the last blocks of job %s are not signed yet (a "
                        "gateway with a key signs once a minute)",
                        job->code);
    }
    return error;
}

static const char *form_word(const struct job_form *form)
{
    return form->html ? "html" : form->json ? "json" : form->csv ? "csv" : "text";
}

static int issue(const struct reporting *reporting, struct why *why)
{
    const struct job_request *request = reporting->request;
    const struct job *job = reporting->report.job;
    char subject[JOB_CODE_MAX + 8];
    uint64_t n;
    struct issued issued = {.from_us = job->start.t_us,
                            .to_us = job->runs ? reporting->report.walk.stretch.closed_us
                                               : job->stop.t_us,
                            .size = reporting->ledger.size,
                            .final = job_is_final(&reporting->report, &reporting->proof)};
    snprintf(issued.form, sizeof issued.form, "%s", form_word(&request->form));
    snprintf(subject, sizeof subject, "job %s", job->code);
    int error =
        issued_put(&request->place, request->by, subject, request->output, &issued, &n, why);
    if (!error) {
        char hex[DIGEST_HEX];
        text_format_hex(issued.hash.bytes, DIGEST_SIZE, hex);
        printf("issued %s, SHA-256 %s (block %" PRIu64 ")\n", request->output, hex, n);
    }
    return error;
}

int job_report(const struct job_request *request)
{
    struct reporting reporting = {.request = request};
    struct why why = {""};
    int status = job_ledger_open(&reporting.ledger, request);
    const struct job *job =
        status == EXIT_GOOD ? job_ledger_find(&reporting.ledger, request) : NULL;
    if (job) {
        int error = gather(&reporting, job, &why);
        error = error ? error : write_report(&reporting, &why);
        error = error || !request->issue ? error : issue(&reporting, &why);
        status = error                            ? job_fail(request, &why)
                 : reporting.report.walk.left_out ? EXIT_FINDING
                                                  : EXIT_GOOD;
        job_report_free(&reporting.report);
    }
    job_ledger_close(&reporting.ledger);
    return job ? status : EXIT_FINDING;
}
