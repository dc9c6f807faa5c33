#include "meter_curve.h"

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

static int say(const char *name, const char *hex, const char *text)
{
    fprintf(stderr, "tally report: %s is not corrected by certificate %.16s: %s\n", name, hex,
            text);
    return OK;
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

static int read_certificate(struct meter_curve *out, const char *name, const char *hex,
                            const struct text *bytes, const cJSON *definition)
{
    const struct certificate_target target = {string_of(definition, "quantity"),
                                              string_of(definition, "unit"), true};
    struct certificate *certificate = NULL;
    struct faults faults = {0};
    int error = certificate_read(&certificate, hex, bytes->data, bytes->length, INT64_MAX, &faults);
    if (!error) {
        keep_candidates(certificate, target.name);
        error = fit(certificate, hex, &target, string_of(definition, "serial"), &out->certificate,
                    &faults);
    }
    if (error) {
        say(name, hex,
            faults.count ? faults.lines[0] : "it does not say which of its results is meant");
    }
    certificate_free(certificate);
    faults_free(&faults);
    return OK;
}

// Rectangular within a digit (GUM F.2.2.1).
static double resolution_of(const cJSON *definition)
{
    struct decimal resolution;
    return decimal_parse(string_of(definition, "resolution"), &resolution) == OK
               ? fabs(decimal_to_double(resolution)) / sqrt(12)
               : 0;
}

int meter_curve_read(struct meter_curve *out, struct ledger_reader *reader, const char *name,
                     const cJSON *definition)
{
    const char *hex = string_of(definition, "certificate"), *ratio = string_of(definition, "ratio");
    struct text bytes = text_make(CERTIFICATE_BYTES_MAX);
    struct digest hash;
    struct why why = {""};
    int error = OK;
    *out = (struct meter_curve){.transformers = *ratio && strcmp(ratio, "1") != 0};
    if (strcmp(string_of(definition, "correction"), "interval") == 0) {
        error = strlen(hex) == DIGEST_SIZE * 2 ? text_parse_hex(hex, hash.bytes, DIGEST_SIZE)
                                               : ERROR_INPUT;
        error = error ? why_set(&why, error, "that is no SHA-256")
                      : ledger_reader_file(reader, &hash, &bytes, &why);
        error = error == ERROR_MEMORY ? error
                : error               ? say(name, hex, why.text)
                                      : read_certificate(out, name, hex, &bytes, definition);
    }
    text_free(&bytes);
    out->curve = load_curve_make(out->certificate ? &out->certificate->quantities[0] : NULL,
                                 resolution_of(definition));
    return error;
}

void meter_curve_free(struct meter_curve *curve)
{
    certificate_free(curve->certificate);
}

bool meter_curve_is_same(const struct meter_curve *one, const struct meter_curve *other)
{
    if (!one->curve.quantity || !other->curve.quantity) {
        return one->curve.quantity == other->curve.quantity;
    }
    return digest_equal(&one->certificate->hash, &other->certificate->hash) &&
           strcmp(one->certificate->serial, other->certificate->serial) == 0 &&
           one->curve.resolution == other->curve.resolution;
}
