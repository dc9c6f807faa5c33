#include "daemon/certificates.h"

#include "base/log.h"

#include <limits.h>
#include <stdio.h>

static void warn(const struct faults *faults, size_t from)
{
    for (size_t i = from; i < faults->count; i++) {
        log_warning("%s", faults->lines[i]);
    }
}

void certificates_load(struct certificates *certificates, const struct config *config)
{
    char folder[PATH_MAX];
    struct why why = {""};
    *certificates = (struct certificates){.shelf = {.count = 0}};
    snprintf(folder, sizeof folder, "%s/%s", config->gateway.data, SHELF_FOLDER);
    if (shelf_load(&certificates->shelf, folder, &certificates->faults, &why) != OK) {
        faults_add(&certificates->faults, folder, 0, 0, "%s", why.text);
    }
    warn(&certificates->faults, 0);
}

int certificates_calibrate(struct certificates *certificates, struct calibrations **out,
                           const struct config *config, struct why *why)
{
    size_t known = certificates->faults.count;
    int error = calibrations_make(out, config, &certificates->shelf, &certificates->faults, why);
    warn(&certificates->faults, known);
    return error;
}

void certificates_free(struct certificates *certificates)
{
    shelf_free(&certificates->shelf);
    faults_free(&certificates->faults);
}

void certificates_announce(const struct certificates *certificates,
                           const struct calibrations *calibrations, struct recorder *recorder)
{
    for (size_t i = 0; i < certificates->faults.count; i++) {
        recorder_event(recorder, "certificate.refused", SHELF_FOLDER, "%s",
                       certificates->faults.lines[i]);
    }
    for (size_t i = 0; i < calibrations->used_count; i++) {
        const struct certificate *certificate = calibrations->used[i].entry->certificate;
        char hex[DIGEST_HEX];
        if (calibrations->used[i].fresh) {
            text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
            recorder_event(recorder, "certificate.added", certificate->serial,
                           "%s of %s, sha256 %s", certificate->id, certificate->laboratory, hex);
        }
    }
}
