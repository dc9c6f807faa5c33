// tally certificate end: that an adjustment or a repair has ended a certificate, kept beside it and
// put on record.
#include "certificates/certificate.h"

#include "certificates/calibrated.h"
#include "certificates/certificate_find.h"
#include "common/entry.h"
#include "common/moment.h"
#include "common/show.h"
#include "common/statement.h"

#include "base/clock.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define DAY_US INT64_C(86400000000)

static int refuse(const struct certificate_request *request, const char *text)
{
    fprintf(stderr, "%s: %s\n", request->command->name, text);
    return EXIT_FINDING;
}

// When it ended: not before the day of its measurements, wherever on earth that was, nor after now.
static int read_end(const struct certificate_request *request,
                    const struct certificate *certificate, struct ended *ended)
{
    int64_t now_us = clock_wall_us(&clock_system);
    if (moment_parse(request->at, now_us, &ended->at_us) != OK) {
        return command_misused(request->command,
                               "--at %s: not a time (2026-11-24, 2026-11-24T08:00:00+08:00, -1h, "
                               "now)",
                               request->at);
    }
    if (ended->at_us > now_us || ended->at_us < (certificate->performed - 1) * DAY_US) {
        return command_misused(request->command, "--at %s: %s", request->at,
                               ended->at_us > now_us ? "in the future"
                                                     : "before the certificate's measurements");
    }
    snprintf(ended->account, sizeof ended->account, "%s",
             request->by ? request->by : statement_account());
    snprintf(ended->reason, sizeof ended->reason, "%s", request->reason);
    return EXIT_GOOD;
}

// On record, then the daemon reads the folder again. The file comes first: what is on record has
// happened.
static int put(const struct certificate_request *request, const struct shelf_entry *entry,
               const struct ended *ended, struct why *why)
{
    const struct certificate *certificate = entry->certificate;
    char path[PATH_MAX + sizeof SHELF_ENDED], hex[DIGEST_HEX], utc[32], body[1024];
    struct text text = text_make(ENDED_BYTES_MAX);
    uint64_t n;
    text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
    clock_format_utc(ended->at_us, utc);
    snprintf(path, sizeof path, "%s" SHELF_ENDED, entry->name);
    snprintf(body, sizeof body, "%s, sha256 %s, at %s: %s", certificate->id, hex, utc,
             ended->reason);
    ended_write(&text, ended);
    int error = text.failed ? why_set(why, ERROR_MEMORY, "out of memory")
                            : certificate_write_file(path, text.data, text.length, why);
    text_free(&text);
    if (error) {
        return error;
    }
    error = entry_put(&request->place, "certificate.ended", request->by, certificate->serial, body,
                      &n, why);
    if (error && error != ERROR_TIMEOUT) {
        unlink(path);
    }
    return error;
}

// What its quantities have from now on.
static void tell_what_follows(const struct certificate_request *request,
                              const struct shelf_entry *entry)
{
    const struct config *config = request->place.config;
    struct calibrated calibrated;
    if (calibrated_open(&calibrated, request->command, &request->place) == EXIT_GOOD) {
        for (size_t i = 0; i < config->instrument_count; i++) {
            const struct config_instrument *instrument = &config->instruments[i];
            if (!certificate_bears(entry->certificate, instrument->serial)) {
                continue;
            }
            for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
                const struct calibration *of = &calibrated.calibrations->of[i][slot];
                if (of->entry || of->ended) {
                    printf("%s.%s: %s\n", instrument->name, instrument->quantities[slot]->name,
                           of->entry ? of->entry->certificate->id
                                     : "no certificate is in force from now on");
                }
            }
        }
    }
    calibrated_close(&calibrated);
}

static int end(const struct certificate_request *request, const struct shelf *shelf)
{
    struct why why = {""};
    struct ended ended;
    const struct shelf_entry *entry = certificate_find(shelf, request->file, &why);
    if (!entry) {
        return refuse(request, why.text);
    }
    if (entry->ended) {
        return refuse(request, "it has ended already (tally certificate list)");
    }
    int status = read_end(request, entry->certificate, &ended);
    if (status != EXIT_GOOD) {
        return status;
    }
    int error = put(request, entry, &ended, &why);
    if (error && error != ERROR_TIMEOUT) {
        return refuse(request, why.text);
    }
    printf("ended        %s of %s\n", entry->certificate->id, entry->certificate->serial);
    tell_what_follows(request, entry);
    certificate_tell(&request->place);
    return error ? refuse(request, why.text) : EXIT_GOOD;
}

int certificate_end(struct certificate_request *request)
{
    char folder[PATH_MAX];
    struct shelf shelf;
    struct faults faults = {0};
    struct why why = {""};
    int status = place_find(&request->place);
    if (status != EXIT_GOOD) {
        return status;
    }
    show_set_zone(request->place.config->site.time_zone);
    snprintf(folder, sizeof folder, "%s/%s", request->place.ledger, SHELF_FOLDER);
    if (shelf_load(&shelf, folder, &faults, &why) != OK) {
        faults_free(&faults);
        return refuse(request, why.text);
    }
    faults_free(&faults);
    status = end(request, &shelf);
    shelf_free(&shelf);
    return status;
}
