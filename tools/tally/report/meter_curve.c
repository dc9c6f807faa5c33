#include "report/meter_curve.h"

#include "certificates/point_certificate.h"

#include <stdio.h>
#include <string.h>

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return string ? string : "";
}

int meter_curve_read(struct meter_curve *out, struct ledger_reader *reader, const char *name,
                     const cJSON *definition)
{
    const char *ratio = string_of(definition, "ratio");
    struct why why = {""};
    int error = OK;
    *out = (struct meter_curve){.transformers = *ratio && strcmp(ratio, "1") != 0};
    if (strcmp(string_of(definition, "correction"), "interval") == 0) {
        error = point_certificate_read(&out->certificate, reader, definition, true, &why);
    }
    if (error) {
        fprintf(stderr, "tally report: %s is not corrected by certificate %.16s: %s\n", name,
                string_of(definition, "certificate"), why.text);
    }
    out->curve = load_curve_make(out->certificate ? &out->certificate->quantities[0] : NULL,
                                 point_resolution(definition));
    return error == ERROR_MEMORY ? error : OK;
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
