// The certificates that were in force for a job's points, by what their definitions name.
#include "jobs/job_collect.h"

#include "base/arena.h"
#include "common/answer.h"

#include <stdlib.h>
#include <string.h>

// Dates that are to come are not held against the certificate: it was taken long ago.
#define ANY_DAY INT64_C(400000)

static void read_certificate(struct job_report *report, struct job_certificate *certificate)
{
    struct text bytes = text_make(CERTIFICATE_BYTES_MAX);
    struct faults faults = {0};
    int error = ledger_reader_file(report->reader, &certificate->hash, &bytes, &certificate->why);
    if (!error && certificate_read(&certificate->certificate, "certificate",
                                   bytes.data ? bytes.data : "", bytes.length, ANY_DAY, &faults)) {
        certificate->certificate = NULL;
        why_set(&certificate->why, ERROR_INPUT, "%s",
                faults.count ? faults.lines[0] : "not of a form that is read");
    }
    faults_free(&faults);
    text_free(&bytes);
}

static struct job_certificate *find(struct job_report *report, const struct digest *hash)
{
    for (size_t i = 0; i < report->certificate_count; i++) {
        if (digest_equal(&report->certificates[i].hash, hash)) {
            return &report->certificates[i];
        }
    }
    struct job_certificate *grown =
        realloc(report->certificates, (report->certificate_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    report->certificates = grown;
    struct job_certificate *fresh = &grown[report->certificate_count++];
    *fresh = (struct job_certificate){.hash = *hash, .points = ""};
    read_certificate(report, fresh);
    return fresh;
}

static int name_point(struct job_report *report, const struct job_point *point)
{
    struct digest hash;
    const char *hex = answer_string(point->definition, "certificate");
    if (strlen(hex) != DIGEST_HEX - 1 || text_parse_hex(hex, &hash, DIGEST_SIZE)) {
        return OK; // none
    }
    struct job_certificate *certificate = find(report, &hash);
    if (!certificate) {
        return ERROR_MEMORY;
    }
    certificate->k = answer_string(point->definition, "k");
    certificate->due = answer_string(point->definition, "due");
    if (!strstr(certificate->points, point->name)) {
        certificate->points = arena_format(&report->arena, "%s%s%s", certificate->points,
                                           *certificate->points ? ", " : "", point->name);
    }
    return certificate->points ? OK : ERROR_MEMORY;
}

int job_certificates_find(struct job_report *report, struct why *why)
{
    (void)why;
    for (size_t i = 0; i < report->point_count; i++) {
        if (name_point(report, &report->points[i])) {
            return ERROR_MEMORY;
        }
    }
    return OK;
}
