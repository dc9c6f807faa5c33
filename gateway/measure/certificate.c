// Certificates as structures: their life, their dates, and the rules of certificate_read.h.
#include "measure/certificate_read.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_US ((int64_t)86400 * 1000000)

static void free_quantities(struct certificate_quantity *quantities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(quantities[i].points);
    }
    free(quantities);
}

void certificate_free(struct certificate *certificate)
{
    if (certificate) {
        free_quantities(certificate->quantities, certificate->quantity_count);
        free_quantities(certificate->as_found, certificate->as_found_count);
        free(certificate);
    }
}

struct certificate *certificate_new(const void *bytes, size_t length)
{
    struct certificate *certificate = calloc(1, sizeof *certificate);
    if (certificate) {
        certificate->performed = CERTIFICATE_NO_DATE;
        certificate->due = CERTIFICATE_NO_DATE;
        certificate->valid_until = CERTIFICATE_NO_DATE;
        certificate->hash = digest_of(NULL, 0, bytes, length);
    }
    return certificate;
}

struct certificate_quantity *certificate_add_quantity(struct certificate *certificate,
                                                      bool as_found)
{
    struct certificate_quantity **list =
        as_found ? &certificate->as_found : &certificate->quantities;
    size_t *count = as_found ? &certificate->as_found_count : &certificate->quantity_count;
    struct certificate_quantity *grown = NULL;
    if (*count < CERTIFICATE_QUANTITIES_MAX) {
        grown = realloc(*list, (*count + 1) * sizeof *grown);
    }
    if (!grown) {
        return NULL;
    }
    *list = grown;
    grown[*count] = (struct certificate_quantity){.line = 0};
    return &grown[(*count)++];
}

int certificate_make_points(struct certificate_quantity *quantity, size_t count)
{
    if (count == 0 || count > CERTIFICATE_POINTS_MAX) {
        return ERROR_RANGE;
    }
    quantity->points = calloc(count, sizeof *quantity->points);
    if (!quantity->points) {
        return ERROR_MEMORY;
    }
    quantity->point_count = count;
    return OK;
}

int certificate_check_point(const struct certificate_point *point, struct why *why)
{
    if (!isfinite(point->indication) || !isfinite(point->error)) {
        return why_set(why, ERROR_INPUT, "indication or error: no finite number");
    }
    if (!(point->expanded_uncertainty > 0) || !isfinite(point->expanded_uncertainty)) {
        return why_set(why, ERROR_INPUT, "expanded uncertainty %g: expected more than 0",
                       point->expanded_uncertainty);
    }
    if (!(point->coverage_factor >= 1) || !isfinite(point->coverage_factor)) {
        return why_set(why, ERROR_INPUT, "coverage factor %g: expected at least 1",
                       point->coverage_factor);
    }
    return OK;
}

int certificate_sort_points(struct certificate_quantity *quantity, size_t *at, struct why *why)
{
    struct certificate_point *points = quantity->points;
    size_t count = quantity->point_count;
    bool descends = count > 1 && points[1].indication < points[0].indication;
    for (size_t i = 1; i < count; i++) {
        double before = points[i - 1].indication, now = points[i].indication;
        if (now == before || (now < before) != descends) {
            *at = i;
            return why_set(why, ERROR_INPUT,
                           "indication %.12g behind %.12g: expected them to rise, or to fall, all "
                           "the way, each once (a series up and down is two curves)",
                           now, before);
        }
    }
    for (size_t i = 0; descends && i < count / 2; i++) {
        struct certificate_point point = points[i];
        points[i] = points[count - 1 - i];
        points[count - 1 - i] = point;
    }
    return OK;
}

double certificate_reference(double indication, double relative_error)
{
    return relative_error > -1 ? indication / (1 + relative_error) : NAN;
}

int certificate_parse_date(const char *text, int64_t *days)
{
    int64_t us;
    if (strlen(text) != CERTIFICATE_DATE_SIZE - 1 || clock_parse_utc(text, &us) != OK ||
        strcmp(text, "1900-01-01") < 0 || strcmp(text, "2999-12-31") > 0) {
        return ERROR_INPUT;
    }
    *days = us / DAY_US - (us % DAY_US < 0);
    return OK;
}

void certificate_format_date(int64_t days, char out[CERTIFICATE_DATE_SIZE])
{
    char text[32];
    clock_format_utc(days * DAY_US, text);
    snprintf(out, CERTIFICATE_DATE_SIZE, "%.10s", text);
}

static int check_later(const struct certificate *certificate, int64_t day, enum certificate_date is,
                       enum certificate_date *which, struct why *why)
{
    char shown[CERTIFICATE_DATE_SIZE], performed[CERTIFICATE_DATE_SIZE];
    if (day == CERTIFICATE_NO_DATE || day > certificate->performed) {
        return OK;
    }
    *which = is;
    certificate_format_date(day, shown);
    certificate_format_date(certificate->performed, performed);
    return why_set(why, ERROR_INPUT, "%s: expected a day after %s, when the measurements ended",
                   shown, performed);
}

int certificate_check_dates(const struct certificate *certificate, int64_t today,
                            enum certificate_date *which, struct why *why)
{
    char shown[CERTIFICATE_DATE_SIZE], now[CERTIFICATE_DATE_SIZE];
    if (certificate->performed > today) {
        *which = DATE_PERFORMED;
        certificate_format_date(certificate->performed, shown);
        certificate_format_date(today, now);
        return why_set(why, ERROR_INPUT, "%s: in the future (today is %s)", shown, now);
    }
    int error = check_later(certificate, certificate->due, DATE_DUE, which, why);
    return error ? error
                 : check_later(certificate, certificate->valid_until, DATE_VALID_UNTIL, which, why);
}
