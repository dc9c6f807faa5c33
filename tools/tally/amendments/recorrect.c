#include "amendments/recorrect.h"

#include "certificates/point_certificate.h"

#include "measure/correction.h"
#include "series/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFINITION_MAX 65536
#define SAME           1e-12 // of the indication: two programs' doubles

struct recorrect {
    struct ledger_reader *reader;
    bool known; // what follows is of the point `number`
    uint32_t number;
    struct certificate *certificate; // NULL: none
    struct correction_declared declared;
    struct correction correction; // by these
};

struct recorrect *recorrect_make(struct ledger_reader *reader)
{
    struct recorrect *recorrect = calloc(1, sizeof *recorrect);
    if (recorrect) {
        recorrect->reader = reader;
    }
    return recorrect;
}

void recorrect_free(struct recorrect *recorrect)
{
    if (recorrect) {
        certificate_free(recorrect->certificate);
        free(recorrect);
    }
}

static void look_up(struct recorrect *recorrect, uint32_t number)
{
    struct text bytes = text_make(DEFINITION_MAX);
    certificate_free(recorrect->certificate);
    recorrect->certificate = NULL;
    recorrect->known = true;
    recorrect->number = number;
    cJSON *json = ledger_reader_point_definition(recorrect->reader, number, &bytes, NULL)
                      ? NULL
                      : cJSON_ParseWithLength(bytes.data, bytes.length);
    if (point_certificate_read(&recorrect->certificate, recorrect->reader, json, false, NULL) ==
        OK) {
        const struct correction_parts parts = {point_resolution(json), &recorrect->declared};
        recorrect->declared = point_declared(json);
        recorrect->correction =
            correction_make(&recorrect->certificate->quantities[0], false, &parts);
    }
    cJSON_Delete(json);
    text_free(&bytes);
}

// A number of a block; false: null.
static bool read_number(const char *json, size_t length, double *out)
{
    *out = number_to_double(number_parse(json, length));
    return !isnan(*out);
}

static bool is_same(double one, double other, double scale)
{
    return fabs(one - other) <= SAME * fmax(fabs(scale), 1);
}

bool recorrect(struct recorrect *recorrect, const struct amendment *amendment,
               const struct block_reading *reading, double *value, double *expanded_uncertainty)
{
    double indication, corrected, uncertainty, again, again_uncertainty;
    if (amendment->kind != AMENDMENT_VALUE ||
        !read_number(reading->indication, reading->indication_length, &indication) ||
        !read_number(reading->corrected, reading->corrected_length, &corrected) ||
        !read_number(reading->uncertainty, reading->uncertainty_length, &uncertainty)) {
        return false;
    }
    if (!recorrect->known || recorrect->number != reading->point) {
        look_up(recorrect, reading->point);
    }
    const struct correction *correction = &recorrect->correction;
    const struct correction_time time = {reading->t_us, reading->half_window_us};
    return recorrect->certificate &&
           correction_apply(correction, indication, time, &again, &again_uncertainty) ==
               CORRECTED &&
           is_same(again, corrected, indication) &&
           is_same(again_uncertainty, uncertainty, uncertainty) &&
           correction_apply(correction, strtod(amendment->value, NULL), time, value,
                            expanded_uncertainty) == CORRECTED;
}
