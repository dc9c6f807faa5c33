#include "daemon/traceability.h"

#include "base/log.h"

#include <limits.h>
#include <stdio.h>

static int load(struct shelf *shelf, const struct config *config, struct faults *faults)
{
    char folder[PATH_MAX];
    struct why why = {""};
    snprintf(folder, sizeof folder, "%s/%s", config->gateway.data, SHELF_FOLDER);
    int error = shelf_load(shelf, folder, faults, &why);
    if (error) {
        faults_add(faults, folder, 0, 0, "%s", why.text);
    }
    return error;
}

static void warn(const struct faults *faults, size_t from)
{
    for (size_t i = from; i < faults->count; i++) {
        log_warning("%s", faults->lines[i]);
    }
}

void traceability_load(struct traceability *traceability, const struct config *config)
{
    *traceability = (struct traceability){.shelf = {.count = 0}};
    (void)load(&traceability->shelf, config, &traceability->faults); // a fault now, if it failed
    warn(&traceability->faults, 0);
}

bool traceability_changed(const struct traceability *traceability, const struct config *config)
{
    struct faults faults = {0};
    struct shelf now;
    bool changed = load(&now, config, &faults) == OK && !shelf_is_same(&traceability->shelf, &now);
    shelf_free(&now);
    faults_free(&faults);
    return changed;
}

int traceability_calibrate(struct traceability *traceability, struct calibrations **out,
                           const struct config *config, struct why *why)
{
    size_t known = traceability->faults.count;
    int error = calibrations_make(out, config, &traceability->shelf, &traceability->faults, why);
    warn(&traceability->faults, known);
    return error;
}

void traceability_free(struct traceability *traceability)
{
    shelf_free(&traceability->shelf);
    faults_free(&traceability->faults);
}

void traceability_announce(const struct traceability *traceability,
                           const struct calibrations *calibrations, struct recorder *recorder)
{
    for (size_t i = 0; i < traceability->faults.count; i++) {
        recorder_event(recorder, "certificate.refused", SHELF_FOLDER, "%s",
                       traceability->faults.lines[i]);
    }
    for (size_t i = 0; i < calibrations->used_count; i++) {
        const struct certificate *certificate = calibrations->used[i].entry->certificate;
        char hex[DIGEST_HEX];
        if (calibrations->used[i].fresh) {
            text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
            recorder_event(recorder, "certificate.added", certificate->serial,
                           "%s of %s, sha256 %s%s%s", certificate->id, certificate->laboratory, hex,
                           certificate->signature[0] ? "; signature " : "", certificate->signature);
        }
    }
}

void traceability_look(struct calibrations *calibrations, struct recorder *recorder, int64_t now_us)
{
    for (size_t i = 0; i < calibrations->used_count; i++) {
        struct calibrations_used *used = &calibrations->used[i];
        const struct certificate *certificate = used->entry->certificate;
        char day[CERTIFICATE_DATE_SIZE];
        if (used->overdue_told || now_us < shelf_overdue_us(certificate)) {
            continue;
        }
        used->overdue_told = true;
        certificate_format_date(shelf_last_day(certificate), day);
        log_warning("certificate %s of %s: overdue since %s", certificate->id, certificate->serial,
                    day);
        recorder_event(recorder, "certificate.overdue", certificate->serial,
                       "%s of %s was in order up to %s", certificate->id, certificate->laboratory,
                       day);
    }
}
