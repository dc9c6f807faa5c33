#include "jobs/job_words.h"

#include "common/show.h"
#include "measure/shelf.h"

#include <inttypes.h>
#include <string.h>

// Why it is not final yet, or NULL.
static const char *find_reason(const struct job_report *report, const struct job_proof *proof)
{
    return report->job->runs               ? "it runs"
           : !report->walk.stretch.settled ? "it ended so lately that readings of it may still come"
           : !proof->is_signed             ? "not all of its blocks are signed yet"
           : !proof->receipt ? "no receipt whose signature is verified covers all of it yet"
                             : NULL;
}

bool job_is_final(const struct job_report *report, const struct job_proof *proof)
{
    return !find_reason(report, proof) && !proof->lacking[0];
}

void job_append_standing(struct text *out, const struct job_report *report,
                         const struct job_proof *proof)
{
    const struct job_walk *walk = &report->walk;
    const char *reason = find_reason(report, proof);
    if (reason) {
        text_append_format(out, "preliminary: %s", reason);
    } else if (proof->lacking[0]) {
        text_append_string(out, "preliminary: no receipt of ");
        show_append_clean(out, proof->lacking, SIZE_MAX);
        text_append_string(out, ", which is required, covers all of it yet");
    } else {
        text_append_string(out, "final: ");
        show_append_clean(out, proof->receipt->centre, SIZE_MAX);
        text_append_string(out, " held all of it by ");
        show_append_second(out, proof->receipt->time_s);
        text_append_string(out, ", signature verified");
    }
    if (walk->gone_from < walk->gone_to) {
        text_append_format(out, "; not whole: blocks %" PRIu64 " to %" PRIu64 " of it are pruned",
                           walk->gone_from, walk->gone_to - 1);
    }
    if (walk->left_out) {
        text_append_format(out,
                           "; not whole: %" PRIu64 " blocks of it cannot be read, block %" PRIu64
                           " first: %s",
                           walk->left_out, walk->left_out_n, walk->left_out_why.text);
    }
}

const char *job_signature_word(enum job_signature signature)
{
    return signature == JOB_SIGNATURE_GOOD      ? "good"
           : signature == JOB_SIGNATURE_UNKNOWN ? "unknown"
                                                : "false";
}

void job_append_instruments(struct text *out, const struct job *job)
{
    for (size_t i = 0; i < job->instrument_count; i++) {
        text_append_string(out, i ? ", " : "");
        text_append_string(out, job->instruments[i]);
    }
}

void job_append_stop(struct text *out, const struct job *job)
{
    if (job->runs) {
        text_append_string(out, "—");
    } else {
        show_append_local(out, job->stop.t_us);
    }
}

void job_certificate_last_day(const struct job_certificate *certificate,
                              char out[CERTIFICATE_DATE_SIZE])
{
    int64_t day =
        certificate->certificate ? shelf_last_day(certificate->certificate) : CERTIFICATE_NO_DATE;
    out[0] = '\0';
    if (*certificate->due) { // what its owner said, which readings were flagged by
        snprintf(out, CERTIFICATE_DATE_SIZE, "%s", certificate->due);
    } else if (day != CERTIFICATE_NO_DATE) {
        certificate_format_date(day, out);
    }
}
