#include "amendments/amendment.h"

#include "base/clock.h"
#include "series/number.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX    1024
#define UTC_LENGTH  27
#define DIGITS_MAX  15 // that every reader's doubles keep
#define NO_NUMBER   "no number"
#define AMENDED_TO  ", amended to "
#define VOID        ", void: "
#define AS_RECORDED ", as recorded: "

void amendment_set_value(struct amendment *amendment, struct decimal value)
{
    struct text digits = text_make(AMENDMENT_NUMBER_SIZE);
    value_append_plain(&digits, &(struct value){.kind = VALUE_DECIMAL, .decimal = value});
    amendment->kind = AMENDMENT_VALUE;
    snprintf(amendment->value, sizeof amendment->value, "%s", digits.data);
    text_free(&digits);
}

bool amendment_set_recorded(struct amendment *amendment, const char *json, size_t length)
{
    size_t quote = *json == '"';
    bool number = number_parse(json, length).kind != NUMBER_NONE;
    if (!number && (length != 4 || memcmp(json, "null", 4) != 0)) {
        return false;
    }
    if (length - 2 * quote >= sizeof amendment->recorded) {
        return false;
    }
    snprintf(amendment->recorded, sizeof amendment->recorded, "%.*s",
             number ? (int)(length - 2 * quote) : 0, json + quote);
    return true;
}

// --- writing ------------------------------------------------------------------------------------

static void append_quantity(const char *digits, const char *unit, struct text *out)
{
    text_append_format(out, *unit ? "%s %s" : "%s", digits, unit);
}

static void append_body(const struct amendment *amendment, struct text *out)
{
    char utc[32];
    clock_format_utc(amendment->t_us, utc);
    text_append_format(
        out, "block %llu, readings[%lu], point %lu, %s: ", (unsigned long long)amendment->block,
        (unsigned long)amendment->index, (unsigned long)amendment->point, utc);
    if (*amendment->recorded) {
        append_quantity(amendment->recorded, amendment->unit, out);
    } else {
        text_append_string(out, NO_NUMBER);
    }
    switch (amendment->kind) {
    case AMENDMENT_VALUE:
        text_append_string(out, AMENDED_TO);
        append_quantity(amendment->value, amendment->unit, out);
        text_append_string(out, ": ");
        break;
    case AMENDMENT_VOID: text_append_string(out, VOID); break;
    case AMENDMENT_WITHDRAWN: text_append_string(out, AS_RECORDED); break;
    }
    text_append_string(out, amendment->reason);
}

static bool is_same(const struct amendment *a, const struct amendment *b)
{
    bool has_unit = *a->recorded || a->kind == AMENDMENT_VALUE;
    return a->block == b->block && a->index == b->index && a->point == b->point &&
           a->t_us == b->t_us && a->kind == b->kind && strcmp(a->recorded, b->recorded) == 0 &&
           (!has_unit || strcmp(a->unit, b->unit) == 0) && strcmp(a->value, b->value) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

int amendment_write(const struct amendment *amendment, struct text *out)
{
    struct text body = text_make(BODY_MAX);
    struct amendment back;
    append_body(amendment, &body);
    bool good =
        !body.failed && amendment_parse(&back, body.data, NULL) == OK && is_same(amendment, &back);
    if (good) {
        text_append_string(out, body.data);
    }
    text_free(&body);
    return good && !out->failed ? OK : ERROR_RANGE;
}

void amendment_append_json(const char *digits, struct text *out)
{
    size_t significant = 0;
    for (const char *s = digits; *s && *s != 'e'; s++) {
        significant += *s >= '0' && *s <= '9' && (significant || *s != '0');
    }
    text_append_format(out, !*digits ? "null" : significant > DIGITS_MAX ? "\"%s\"" : "%s", digits);
}

void amendment_append_outcome(const struct amendment *amendment, struct text *out)
{
    switch (amendment->kind) {
    case AMENDMENT_VALUE: append_quantity(amendment->value, amendment->unit, out); break;
    case AMENDMENT_VOID: text_append_string(out, "void"); break;
    case AMENDMENT_WITHDRAWN: text_append_string(out, "as recorded"); break;
    }
}

// --- reading ------------------------------------------------------------------------------------

struct parsing {
    const char *body, *at;
    struct why *why;
};

static bool fault(const struct parsing *parsing, const char *expected)
{
    if (parsing->why) {
        why_set(parsing->why, ERROR_INPUT, "byte %zu: expected %s",
                (size_t)(parsing->at - parsing->body), expected);
    }
    return false;
}

static bool take_words(struct parsing *parsing, const char *words)
{
    size_t length = strlen(words);
    if (strncmp(parsing->at, words, length) != 0) {
        return fault(parsing, words);
    }
    parsing->at += length;
    return true;
}

static bool take_integer(struct parsing *parsing, uint64_t max, uint64_t *out)
{
    const char *from = parsing->at;
    size_t digits = strspn(from, "0123456789");
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        uint64_t digit = (uint64_t)(from[i] - '0');
        if (*out > (max - digit) / 10) {
            return fault(parsing, "a smaller number");
        }
        *out = *out * 10 + digit;
    }
    if (digits == 0 || (*from == '0' && digits > 1)) {
        return fault(parsing, "a number");
    }
    parsing->at += digits;
    return true;
}

static bool take_time(struct parsing *parsing, int64_t *out)
{
    char text[UTC_LENGTH + 1], back[32];
    snprintf(text, sizeof text, "%s", parsing->at);
    bool good = strlen(text) == UTC_LENGTH && clock_parse_utc(text, out) == OK;
    if (good) {
        clock_format_utc(*out, back);
    }
    if (!good || strcmp(text, back) != 0) {
        return fault(parsing, "a time as 2026-11-24T05:39:36.120034Z");
    }
    parsing->at += UTC_LENGTH;
    return true;
}

// A number in the one form of §1.4, without quotes: by the decimal that it is, or, beyond decimals,
// as far as its characters go.
static bool take_digits(struct parsing *parsing, bool decimals_only,
                        char out[AMENDMENT_NUMBER_SIZE])
{
    size_t length = strspn(parsing->at, "0123456789.e-");
    struct decimal decimal;
    if (length == 0 || length >= AMENDMENT_NUMBER_SIZE) {
        return fault(parsing, "a number");
    }
    memcpy(out, parsing->at, length);
    out[length] = '\0';
    bool good = !decimals_only && number_parse(out, length).kind != NUMBER_NONE;
    if (decimal_parse(out, &decimal) == OK) {
        struct amendment one;
        amendment_set_value(&one, decimal);
        good = strcmp(one.value, out) == 0;
    }
    if (!good) {
        return fault(parsing, "a number in the form of a block's");
    }
    parsing->at += length;
    return true;
}

// " V" or nothing, up to `end`.
static bool take_unit(struct parsing *parsing, const char *end, char out[AMENDMENT_UNIT_SIZE])
{
    size_t length = end ? (size_t)(end - parsing->at) : 0;
    out[0] = '\0';
    if (!end || length == 1 || length > AMENDMENT_UNIT_SIZE ||
        (length > 1 && *parsing->at != ' ')) {
        return fault(parsing, "a unit");
    }
    snprintf(out, AMENDMENT_UNIT_SIZE, "%.*s", length ? (int)length - 1 : 0,
             parsing->at + (length > 0));
    parsing->at = end;
    return true;
}

// Where what was recorded ends, and what holds instead.
static const char *find_kind(const char *from, enum amendment_kind *kind, const char **word)
{
    static const char *const words[] = {[AMENDMENT_VALUE] = AMENDED_TO,
                                        [AMENDMENT_VOID] = VOID,
                                        [AMENDMENT_WITHDRAWN] = AS_RECORDED};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *found = strstr(from, words[i]);
        if (found && (!first || found < first)) {
            first = found;
            *kind = (enum amendment_kind)i;
            *word = words[i];
        }
    }
    return first;
}

static bool take_recorded(struct parsing *parsing, struct amendment *amendment)
{
    const char *word = NULL, *end = find_kind(parsing->at, &amendment->kind, &word);
    amendment->recorded[0] = amendment->unit[0] = '\0';
    if (!end) {
        return fault(parsing, "what was recorded, and what holds instead");
    }
    if (strncmp(parsing->at, NO_NUMBER, strlen(NO_NUMBER)) == 0) {
        parsing->at += strlen(NO_NUMBER);
    } else if (!take_digits(parsing, false, amendment->recorded) ||
               !take_unit(parsing, end, amendment->unit)) {
        return false;
    }
    return take_words(parsing, word);
}

static bool take_value(struct parsing *parsing, struct amendment *amendment)
{
    char unit[AMENDMENT_UNIT_SIZE];
    amendment->value[0] = '\0';
    if (amendment->kind != AMENDMENT_VALUE) {
        return true;
    }
    if (!take_digits(parsing, true, amendment->value) ||
        !take_unit(parsing, strstr(parsing->at, ": "), unit)) {
        return false;
    }
    if (*amendment->recorded && strcmp(unit, amendment->unit) != 0) {
        return fault(parsing, "the same unit");
    }
    memcpy(amendment->unit, unit, sizeof unit);
    return take_words(parsing, ": ");
}

int amendment_parse(struct amendment *amendment, const char *body, struct why *why)
{
    struct parsing parsing = {body, body, why};
    uint64_t index, point;
    bool good = take_words(&parsing, "block ") &&
                take_integer(&parsing, INT64_MAX, &amendment->block) &&
                take_words(&parsing, ", readings[") && take_integer(&parsing, UINT32_MAX, &index) &&
                take_words(&parsing, "], point ") && take_integer(&parsing, UINT32_MAX, &point) &&
                take_words(&parsing, ", ") && take_time(&parsing, &amendment->t_us) &&
                take_words(&parsing, ": ") && take_recorded(&parsing, amendment) &&
                take_value(&parsing, amendment) && (*parsing.at || fault(&parsing, "a reason"));
    if (!good) {
        return ERROR_INPUT;
    }
    amendment->index = (uint32_t)index;
    amendment->point = (uint32_t)point;
    amendment->reason = parsing.at;
    return OK;
}
