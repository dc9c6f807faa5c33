#include "common/answer.h"

#include "control/control.h"

#include <math.h>

int answer_get(const char *control, const char *request, struct text *raw, cJSON **out,
               struct why *why)
{
    *out = NULL;
    int error = control_ask(control, request, raw, why);
    if (error) {
        return error;
    }
    *out = cJSON_ParseWithLength(raw->data ? raw->data : "", raw->length);
    if (!*out || !cJSON_IsObject(*out)) {
        cJSON_Delete(*out);
        *out = NULL;
        return why_set(why, ERROR_INPUT, "%s: the answer is not a JSON object", control);
    }
    const char *said = answer_string(*out, "error");
    if (*said) {
        error = why_set(why, ERROR_REFUSED, "the daemon says: %s", said);
        cJSON_Delete(*out);
        *out = NULL;
    }
    return error;
}

const cJSON *answer_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *answer_string(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(answer_member(object, name));
    return string ? string : "";
}

double answer_number(const cJSON *object, const char *name)
{
    const cJSON *item = answer_member(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

int64_t answer_int(const cJSON *object, const char *name)
{
    double number = answer_number(object, name);
    return number > -9e18 && number < 9e18 ? (int64_t)number : 0;
}

bool answer_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(answer_member(object, name));
}

bool answer_has(const cJSON *object, const char *name)
{
    return answer_member(object, name) != NULL;
}
