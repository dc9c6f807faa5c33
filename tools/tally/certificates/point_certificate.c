#include "certificates/point_certificate.h"

#include "base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return string ? string : "";
}

// The results that may be the point's: those of its name, otherwise those without one.
static void keep_candidates(struct certificate *certificate, const char *name)
{
    size_t kept = 0;
    bool named = false;
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        named = named || strcmp(certificate->quantities[i].name, name) == 0;
    }
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        struct certificate_quantity *quantity = &certificate->quantities[i];
        if (strcmp(quantity->name, named ? name : "") == 0) {
            struct certificate_quantity other = certificate->quantities[kept];
            certificate->quantities[kept++] = *quantity;
            *quantity = other;
        }
    }
    for (size_t i = kept; i < certificate->quantity_count; i++) {
        free(certificate->quantities[i].points);
    }
    certificate->quantity_count = kept;
}

// One result after the other: of those without a name only one may be in a unit of the point's.
static int fit(const struct certificate *certificate, const char *name,
               const struct certificate_target *target, const char *serial,
               struct certificate **out, struct faults *faults)
{
    struct certificate one = *certificate, *fitted;
    size_t count = 0;
    *out = NULL;
    one.quantity_count = 1;
    one.as_found_count = 0; // corrects nothing
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        one.quantities = &certificate->quantities[i];
        if (certificate_fits(&one, name, serial, target, 1, &fitted, faults) == OK) {
            certificate_free(*out);
            *out = fitted;
            count++;
        }
    }
    if (count == 1) {
        return OK;
    }
    certificate_free(*out);
    *out = NULL;
    return ERROR_INPUT;
}

static int read_bytes(struct certificate **out, const char *hex, const struct text *bytes,
                      const cJSON *definition, bool counts_up, struct why *why)
{
    const struct certificate_target target = {string_of(definition, "quantity"),
                                              string_of(definition, "unit"), counts_up};
    struct certificate *certificate = NULL;
    struct faults faults = {0};
    int error = certificate_read(&certificate, hex, bytes->data, bytes->length, INT64_MAX, &faults);
    if (!error) {
        keep_candidates(certificate, target.name);
        error = fit(certificate, hex, &target, string_of(definition, "serial"), out, &faults);
    }
    if (error) {
        why_set(why, error, "%s",
                faults.count ? faults.lines[0] : "it does not say which of its results is meant");
    }
    certificate_free(certificate);
    faults_free(&faults);
    return error;
}

int point_certificate_read(struct certificate **out, struct ledger_reader *reader,
                           const cJSON *definition, bool counts_up, struct why *why)
{
    const char *hex = string_of(definition, "certificate");
    struct text bytes = text_make(CERTIFICATE_BYTES_MAX);
    struct digest hash;
    *out = NULL;
    int error =
        strlen(hex) == DIGEST_SIZE * 2 ? text_parse_hex(hex, hash.bytes, DIGEST_SIZE) : ERROR_INPUT;
    error = error ? why_set(why, error, "that is no SHA-256")
                  : ledger_reader_file(reader, &hash, &bytes, why);
    error = error ? error : read_bytes(out, hex, &bytes, definition, counts_up, why);
    text_free(&bytes);
    return error;
}

double point_resolution(const cJSON *definition)
{
    struct decimal resolution;
    return decimal_parse(string_of(definition, "resolution"), &resolution) == OK
               ? fabs(decimal_to_double(resolution)) / sqrt(12)
               : 0;
}

static double decimal_of(const cJSON *object, const char *name)
{
    struct decimal decimal;
    return decimal_parse(string_of(object, name), &decimal) == OK ? decimal_to_double(decimal) : 0;
}

static double number_of(const cJSON *object, const char *name)
{
    double number = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return isfinite(number) ? number : 0;
}

// {"half_width":"0.5","per_us":60000000} as a standard uncertainty for each µs.
static double per_us(const cJSON *rate)
{
    double in_us = number_of(rate, "per_us");
    return in_us > 0 ? decimal_of(rate, "half_width") / in_us / sqrt(3) : 0;
}

struct correction_declared point_declared(const cJSON *definition)
{
    const cJSON *influence, *drift = cJSON_GetObjectItemCaseSensitive(definition, "drift");
    int64_t since = 0;
    double square = 0;
    certificate_parse_date(string_of(drift, "since"), &since);
    cJSON_ArrayForEach(influence, cJSON_GetObjectItemCaseSensitive(definition, "influences"))
    {
        double half_width = decimal_of(influence, "half_width");
        double standard = decimal_of(influence, "standard_uncertainty");
        square += half_width * half_width / 3 + standard * standard;
    }
    return (struct correction_declared){
        .influence = sqrt(square),
        .drift_per_us = per_us(drift),
        .since_us = since * INT64_C(86400000000),
        .slope_per_us = per_us(cJSON_GetObjectItemCaseSensitive(definition, "slope")),
        .refresh_us = (int64_t)number_of(definition, "refresh_us")};
}
