// tally impact: what a certificate states as found, and what it is held against.
#include "certificates/impact.h"

#include "certificates/certificate_find.h"
#include "common/moment.h"

#include "base/clock.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

// --- tolerances ---------------------------------------------------------------------------------

static const struct certificate_quantity *speaks_of(const struct certificate *certificate,
                                                    const char *name)
{
    for (size_t i = 0; certificate && i < certificate->quantity_count; i++) {
        if (strcmp(certificate->quantities[i].name, name) == 0) {
            return &certificate->quantities[i];
        }
    }
    return NULL;
}

// The certificate before this one that speaks of the quantity.
static const struct shelf_entry *find_previous(const struct impact *impact, const char *name)
{
    const struct shelf_entry *found = NULL;
    for (size_t i = 0; i < impact->shelf.count; i++) {
        const struct certificate *other = impact->shelf.entries[i].certificate;
        if (strcmp(other->serial, impact->certificate->serial) == 0 && speaks_of(other, name) &&
            other->performed < impact->certificate->performed &&
            (!found || other->performed > found->certificate->performed)) {
            found = &impact->shelf.entries[i];
        }
    }
    return found;
}

// What a certificate permits of the quantity; false: it does not say.
static bool take_permitted(struct impact_subject *subject, const struct certificate *certificate,
                           const char *which)
{
    const struct certificate_quantity *quantity = speaks_of(certificate, subject->found->name);
    if (!certificate || !quantity || (quantity->mpe_absolute <= 0 && quantity->mpe_relative <= 0) ||
        (subject->found->by_load && quantity->mpe_relative <= 0)) {
        return false;
    }
    subject->rule.absolute = quantity->mpe_absolute;
    subject->rule.relative = quantity->mpe_relative;
    bool verified = certificate->kind == CERTIFICATE_VERIFICATION;
    snprintf(subject->source, sizeof subject->source, "%s%s%s%s certificate, %s",
             verified ? "maximum permissible error" : "tolerance",
             verified && quantity->class[0] ? " of class " : "", verified ? quantity->class : "",
             which, certificate->id);
    return true;
}

// "[QUANTITY=]NUMBER[%]". False: it is no such thing, or of another quantity.
static bool take_option(struct impact_subject *subject, const char *text)
{
    const char *equals = strchr(text, '='), *number = equals ? equals + 1 : text;
    size_t length = equals ? (size_t)(equals - text) : 0;
    char *end;
    if (equals && (strlen(subject->found->name) != length ||
                   memcmp(subject->found->name, text, length) != 0)) {
        return false;
    }
    double value = strtod(number, &end);
    bool percent = *end == '%';
    subject->rule.absolute = percent ? 0 : value;
    subject->rule.relative = percent ? value / 100 : 0;
    snprintf(subject->source, sizeof subject->source, "given with --tolerance");
    return true;
}

static bool is_tolerance(const char *text)
{
    const char *equals = strchr(text, '='), *number = equals ? equals + 1 : text;
    char *end;
    double value = strtod(number, &end);
    end += *end == '%';
    return end != number && !*end && strspn(number, "0123456789.eE+-%") == strlen(number) &&
           value > 0 && value < 1e300;
}

// False, which is said: no tolerance is known.
static bool find_tolerance(struct impact_subject *subject, const struct impact *impact,
                           const struct impact_request *request)
{
    const char *name = subject->found->name;
    bool given = false;
    for (size_t i = 0; i < request->tolerance_count; i++) {
        given = take_option(subject, request->tolerances[i]) || given;
    }
    if (given && subject->found->by_load && subject->rule.absolute > 0) {
        command_misused(request->command,
                        "--tolerance of %s: expected a percentage, as 1%%: it was calibrated at "
                        "loads",
                        name);
        return false;
    }
    if (!given && !take_permitted(subject, impact->certificate, ", this") &&
        !take_permitted(subject, subject->previous, ", the previous")) {
        command_misused(request->command,
                        "no certificate says which error of %s is permitted: give --tolerance "
                        "%s=NUMBER, in %s, or NUMBER%%",
                        name, name, subject->found->unit);
        return false;
    }
    return true;
}

// --- what was found -----------------------------------------------------------------------------

static bool add_subject(struct impact *impact, const struct impact_request *request,
                        const struct certificate_quantity *found)
{
    struct impact_subject *subject = &impact->subjects[impact->subject_count];
    *subject = (struct impact_subject){.found = found, .rule.guarded = request->guarded};
    const struct shelf_entry *previous = find_previous(impact, found->name);
    subject->previous = previous ? previous->certificate : NULL;
    subject->previous_ended = previous ? previous->ended : NULL;
    if (!find_tolerance(subject, impact, request)) {
        return false;
    }
    subject->beyond = found_beyond(found, &subject->rule);
    impact->touched = impact->touched || subject->beyond;
    impact->subject_count++;
    return true;
}

static int weigh(struct impact *impact, const struct impact_request *request)
{
    const struct certificate *certificate = impact->certificate;
    bool own = request->unadjusted;
    const struct certificate_quantity *found =
        own ? certificate->quantities : certificate->as_found;
    size_t count = own ? certificate->quantity_count : certificate->as_found_count;
    if (own && (certificate->kind != CERTIFICATE_CALIBRATION || certificate->as_found_count)) {
        return command_misused(request->command,
                               certificate->as_found_count
                                   ? "--unadjusted: the certificate states what was found before "
                                     "an adjustment"
                                   : "--unadjusted: a verification states no errors");
    }
    if (!count) {
        return command_misused(
            request->command,
            "%s states nothing as found before an adjustment: if there was none, its results are "
            "what was found, and --unadjusted takes them for it",
            certificate->id);
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_subject(impact, request, &found[i])) {
            return EXIT_MISUSE;
        }
    }
    return EXIT_GOOD;
}

// Whether each --tolerance is of a quantity that was found, and of one only.
static int check_options(const struct impact_request *request)
{
    for (size_t i = 0; i < request->tolerance_count; i++) {
        if (!is_tolerance(request->tolerances[i])) {
            return command_misused(request->command,
                                   "--tolerance %s: expected a number above 0, with %% a part of "
                                   "the indication, as 0.2, 1%% or temperature=0.2",
                                   request->tolerances[i]);
        }
    }
    return EXIT_GOOD;
}

static int check_names(const struct impact *impact, const struct impact_request *request)
{
    for (size_t i = 0; i < request->tolerance_count; i++) {
        const char *equals = strchr(request->tolerances[i], '=');
        bool known = !equals;
        for (size_t k = 0; equals && k < impact->subject_count; k++) {
            const char *name = impact->subjects[k].found->name;
            known = known || (strlen(name) == (size_t)(equals - request->tolerances[i]) &&
                              strncmp(name, request->tolerances[i], strlen(name)) == 0);
        }
        if (!known || (!equals && impact->subject_count > 1)) {
            return command_misused(request->command, "--tolerance %s: %s", request->tolerances[i],
                                   equals ? "no such quantity was found"
                                          : "of which quantity? give QUANTITY=NUMBER");
        }
    }
    return EXIT_GOOD;
}

int impact_weigh(struct impact *impact, const struct impact_request *request)
{
    char folder[PATH_MAX];
    struct faults faults = {0};
    struct why why = {""};
    int status = check_options(request);
    if (status != EXIT_GOOD) {
        return status;
    }
    snprintf(folder, sizeof folder, "%s/%s", request->place.ledger, SHELF_FOLDER);
    int error = shelf_load(&impact->shelf, folder, &faults, &why);
    for (size_t i = 0; i < faults.count; i++) {
        fprintf(stderr, "%s\n", faults.lines[i]);
    }
    faults_free(&faults);
    const struct shelf_entry *entry =
        error ? NULL : certificate_find(&impact->shelf, request->certificate, &why);
    if (!entry) {
        fprintf(stderr, "%s: %s\n", request->command->name, why.text);
        return EXIT_MISUSE;
    }
    impact->certificate = entry->certificate;
    status = weigh(impact, request);
    return status == EXIT_GOOD ? check_names(impact, request) : status;
}

void impact_free(struct impact *impact)
{
    for (size_t i = 0; i < impact->subject_count; i++) {
        free(impact->subjects[i].points);
    }
    shelf_free(&impact->shelf);
}

// --- the span -----------------------------------------------------------------------------------

// When a day begins in local time.
static int64_t begin_of_day(int64_t day)
{
    char text[CERTIFICATE_DATE_SIZE];
    int64_t us = 0;
    certificate_format_date(day, text);
    moment_parse(text, 0, &us);
    return us;
}

int impact_find_span(struct impact *impact, const struct impact_request *request)
{
    int64_t from_us, to_us;
    int status =
        moment_read_span(request->command, request->from, request->to, true, &from_us, &to_us);
    for (size_t i = 0; i < impact->subject_count && status == EXIT_GOOD; i++) {
        struct impact_subject *subject = &impact->subjects[i];
        subject->from_us = request->from       ? from_us
                           : subject->previous ? begin_of_day(subject->previous->performed)
                                               : INT64_MIN;
        subject->to_us = request->to ? to_us : begin_of_day(impact->certificate->performed + 1);
    }
    return status;
}
