// The numbers of one dcc:quantity: si:real, si:realListXMLList, or one of those in an si:hybrid,
// with the expanded uncertainty in its older or its newer form.
#include "measure/dcc_read.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST "XMLList" // the lists are named as the single ones, and this

// Numbers of one element, in the file's order; of at most CERTIFICATE_POINTS_MAX.
struct numbers {
    double *values;
    size_t count;
};

// The child by its name in si:real; in a list, where `list`.
static const xmlNode *si_child(const xmlNode *node, const char *name, bool list)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, list ? LIST : "");
    return dcc_child(node, SI_NAMESPACE, full);
}

// xs:double, without NaN and INF, which correct nothing.
static bool parse_number(const char *word, double *out)
{
    char *end;
    if (strspn(word, "0123456789+-.eE") != strlen(word)) {
        return false;
    }
    *out = strtod(word, &end);
    return end != word && !*end && isfinite(*out);
}

static bool read_word(struct dcc *dcc, const xmlNode *node, const char *word,
                      struct numbers *numbers)
{
    if (numbers->count >= CERTIFICATE_POINTS_MAX) {
        dcc_fault(dcc, node, "more than %d values", CERTIFICATE_POINTS_MAX);
        return false;
    }
    if (!parse_number(word, &numbers->values[numbers->count])) {
        dcc_fault(dcc, node, "value %zu '%.40s': not a number (expected one such as -1.25E-3)",
                  numbers->count + 1, word);
        return false;
    }
    numbers->count++;
    return true;
}

// Numbers and white space. False after a fault; numbers->values is to be freed in any case.
static bool read_numbers(struct dcc *dcc, const xmlNode *node, bool list, struct numbers *numbers)
{
    xmlChar *text = xmlNodeGetContent(node);
    char *rest = NULL;
    *numbers = (struct numbers){.values = calloc(CERTIFICATE_POINTS_MAX, sizeof(double))};
    bool good = text && numbers->values;
    if (!good) {
        dcc_fault(dcc, node, "out of memory");
    }
    for (char *word = good ? strtok_r((char *)text, " \t\r\n", &rest) : NULL; word && good;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        good = read_word(dcc, node, word, numbers);
    }
    if (good && (numbers->count == 0 || (!list && numbers->count > 1))) {
        dcc_fault(dcc, node, "%zu values (expected %s)", numbers->count,
                  list ? "at least one" : "one");
        good = false;
    }
    xmlFree(text);
    return good;
}

// --- units

// The word of a list of units at `at`, or the only one there is; its length, 0 when there is none.
static size_t unit_word(const char *text, size_t at, const char **word)
{
    size_t length = strcspn(text, " ");
    *word = text;
    while (at-- && text[length]) {
        text += length + 1;
        length = strcspn(text, " ");
        *word = text;
    }
    return length;
}

static int parse_unit_word(const char *text, size_t at, char out[UNIT_TEXT_MAX + 1],
                           struct unit *unit, struct why *why)
{
    const char *word;
    size_t length = unit_word(text, at, &word);
    if (length > UNIT_TEXT_MAX) {
        return why_set(why, ERROR_INPUT, "a unit of %zu bytes (expected at most %d)", length,
                       UNIT_TEXT_MAX);
    }
    memcpy(out, word, length);
    out[length] = '\0';
    return unit_parse(out, unit, why);
}

// All in the first one's unit. False after a fault.
static bool read_units(struct dcc *dcc, const xmlNode *node, const char *text,
                       struct numbers *numbers, char out[UNIT_TEXT_MAX + 1], struct unit *unit,
                       struct unit *own)
{
    struct why why;
    size_t words = 1;
    char word[UNIT_TEXT_MAX + 1];
    for (const char *p = text; *p; p++) {
        words += *p == ' ';
    }
    if (words != 1 && words != numbers->count) {
        dcc_fault(dcc, node, "%zu units for %zu values (expected 1 or as many)", words,
                  numbers->count);
        return false;
    }
    if (parse_unit_word(text, 0, out, unit, &why)) {
        dcc_fault(dcc, node, "%s", why.text);
        return false;
    }
    for (size_t i = 0; i < numbers->count; i++) {
        if (parse_unit_word(text, words == 1 ? 0 : i, word, &own[i], &why)) {
            dcc_fault(dcc, node, "%s", why.text);
            return false;
        }
        if (!unit_same_kind(unit, &own[i])) {
            dcc_fault(dcc, node, "'%.60s' beside '%.60s': not of one kind", word, out);
            return false;
        }
        numbers->values[i] = unit_convert(&own[i], unit, numbers->values[i]);
    }
    return true;
}

// --- uncertainty

// Where U and k are: of the older form, or the newer.
struct uncertainty_place {
    const xmlNode *node;  // what holds them; NULL: none
    const xmlNode *u, *k; // elements of U and k
    bool standard;        // a standard uncertainty: k = 1
};

static struct uncertainty_place find_uncertainty(const xmlNode *node, bool list)
{
    struct uncertainty_place place = {.node = si_child(node, "expandedUnc", list)};
    if (place.node) {
        place.u = si_child(place.node, "uncertainty", list);
        place.k = si_child(place.node, "coverageFactor", list);
        return place;
    }
    const xmlNode *newer = si_child(node, "measurementUncertaintyUnivariate", list);
    const xmlNode *expanded = newer ? si_child(newer, "expandedMU", list) : NULL;
    const xmlNode *standard = newer ? si_child(newer, "standardMU", list) : NULL;
    place.node = expanded ? expanded : standard ? standard : newer;
    if (expanded) {
        place.u = si_child(expanded, "valueExpandedMU", list);
        place.k = si_child(expanded, "coverageFactor", list);
    } else if (standard) {
        place.u = si_child(standard, "valueStandardMU", list);
        place.standard = true;
    }
    return place;
}

// One number for all, or one for each. False after a fault.
static bool read_each(struct dcc *dcc, const xmlNode *node, bool list, size_t count,
                      struct numbers *numbers)
{
    if (!read_numbers(dcc, node, list, numbers)) {
        return false;
    }
    if (numbers->count != 1 && numbers->count != count) {
        dcc_fault(dcc, node, "%zu numbers for %zu values (expected 1 or as many)", numbers->count,
                  count);
        return false;
    }
    for (size_t i = 1; i < count && numbers->count == 1; i++) {
        numbers->values[i] = numbers->values[0];
    }
    return true;
}

// Reads them into values[0 … count). False after a fault; *has when there is any.
static bool read_uncertainty(struct dcc *dcc, const xmlNode *node, bool list, bool *has,
                             struct dcc_value *values, size_t count)
{
    struct uncertainty_place place = find_uncertainty(node, list);
    *has = place.node != NULL;
    if (!place.node) {
        return true;
    }
    if (!place.u || (!place.k && !place.standard)) {
        dcc_fault(dcc, place.node, "no expanded uncertainty with its coverage factor");
        return false;
    }
    struct numbers u = {0}, k = {0};
    bool good = read_each(dcc, place.u, list, count, &u) &&
                (place.standard || read_each(dcc, place.k, list, count, &k));
    for (size_t i = 0; i < count && good; i++) {
        values[i].uncertainty = u.values[i];
        values[i].factor = place.standard ? 1 : k.values[i];
        struct certificate_point point = {.expanded_uncertainty = values[i].uncertainty,
                                          .coverage_factor = values[i].factor};
        struct why why;
        if (certificate_check_point(&point, &why)) {
            dcc_fault(dcc, place.node, "value %zu: %s", i + 1, why.text);
            good = false;
        }
    }
    free(u.values);
    free(k.values);
    return good;
}

// --- values

// Room for `more` values behind those there are, or NULL after a fault.
static struct dcc_value *grow(struct dcc *dcc, const xmlNode *node, struct dcc_series *series,
                              size_t more)
{
    if (series->count + more > CERTIFICATE_POINTS_MAX) {
        dcc_fault(dcc, node, "more than %d values", CERTIFICATE_POINTS_MAX);
        return NULL;
    }
    struct dcc_value *values = realloc(series->values, (series->count + more) * sizeof *values);
    if (!values) {
        dcc_fault(dcc, node, "out of memory");
        return NULL;
    }
    series->values = values;
    memset(values + series->count, 0, more * sizeof *values);
    return values + series->count;
}

// What was read, given in the unit of the series.
static bool join(struct dcc *dcc, const xmlNode *node, struct dcc_series *series,
                 const struct unit *unit, struct dcc_value *values, size_t count, bool has)
{
    if (series->count && !unit_same_kind(unit, &series->unit)) {
        dcc_fault(dcc, node, "not of one kind with '%.60s' at line %d", series->unit_text,
                  series->values[0].line);
        return false;
    }
    if (series->count && has != series->has_uncertainty) {
        dcc_fault(dcc, node, "with an uncertainty, or without, and at line %d it is otherwise",
                  series->values[0].line);
        return false;
    }
    for (size_t i = 0; i < count && series->count; i++) {
        values[i].value = unit_convert(unit, &series->unit, values[i].value);
        values[i].uncertainty = unit_convert_difference(unit, &series->unit, values[i].uncertainty);
    }
    return true;
}

// si:real, or si:realListXMLList.
static bool read_real(struct dcc *dcc, const xmlNode *node, struct dcc_series *series)
{
    bool list = dcc_is(node, SI_NAMESPACE, "realListXMLList"), has = false;
    const xmlNode *value = si_child(node, "value", list), *unit_node = si_child(node, "unit", list);
    if (!value || !unit_node) {
        dcc_fault(dcc, node, "si:%s%s is missing", value ? "unit" : "value", list ? LIST : "");
        return false;
    }
    struct numbers numbers = {0};
    struct unit unit, *own = NULL;
    static const size_t text_max = (UNIT_TEXT_MAX + 1) * CERTIFICATE_POINTS_MAX;
    char unit_text[UNIT_TEXT_MAX + 1], *text = malloc(text_max + 1);
    struct dcc_value *values = NULL;
    bool good = read_numbers(dcc, value, list, &numbers) && text &&
                dcc_text(dcc, unit_node, text, text_max);
    own = good ? calloc(numbers.count, sizeof *own) : NULL;
    good = good && own && read_units(dcc, unit_node, text, &numbers, unit_text, &unit, own);
    values = good ? grow(dcc, node, series, numbers.count) : NULL;
    good = values && read_uncertainty(dcc, node, list, &has, values, numbers.count);
    for (size_t i = 0; i < numbers.count && good; i++) {
        values[i].value = numbers.values[i];
        values[i].uncertainty = unit_convert_difference(&own[i], &unit, values[i].uncertainty);
        values[i].line = dcc_line(value);
    }
    good = good && join(dcc, node, series, &unit, values, numbers.count, has);
    if (good && series->count == 0) {
        series->unit = unit;
        memcpy(series->unit_text, unit_text, sizeof unit_text);
        series->has_uncertainty = has;
        series->is_list = list;
    }
    series->count += good ? numbers.count : 0;
    free(own);
    free(text);
    free(numbers.values);
    return good;
}

// The first in a unit that is one of ours: the same values follow in others, which may be none that
// the D-SI has ("|mbar").
static const xmlNode *choose_of_hybrid(const xmlNode *hybrid)
{
    const xmlNode *first = NULL;
    for (const xmlNode *node = hybrid->children; node; node = node->next) {
        bool list = dcc_is(node, SI_NAMESPACE, "realListXMLList");
        if (!list && !dcc_is(node, SI_NAMESPACE, "real")) {
            continue;
        }
        first = first ? first : node;
        struct faults faults = {0};
        struct dcc quiet = {.name = "", .faults = &faults};
        const xmlNode *unit = si_child(node, "unit", list);
        char text[UNIT_TEXT_MAX + 1];
        struct unit parsed;
        bool good = unit && dcc_text(&quiet, unit, text, UNIT_TEXT_MAX) &&
                    unit_parse(text, &parsed, NULL) == OK;
        faults_free(&faults);
        if (good) {
            return node;
        }
    }
    return first;
}

bool dcc_read_quantity(struct dcc *dcc, const xmlNode *quantity, struct dcc_series *series)
{
    const xmlNode *hybrid = dcc_child(quantity, SI_NAMESPACE, "hybrid");
    const xmlNode *within = hybrid ? hybrid : quantity;
    const xmlNode *node =
        hybrid ? choose_of_hybrid(hybrid) : dcc_child(quantity, SI_NAMESPACE, "realListXMLList");
    node = node ? node : dcc_child(quantity, SI_NAMESPACE, "real");
    if (!node) {
        dcc_fault(dcc, within, "no values (expected si:real or si:realListXMLList%s)",
                  hybrid ? "" : ", or si:hybrid with them");
        return false;
    }
    if (series->node && (series->is_list || dcc_is(node, SI_NAMESPACE, "realListXMLList"))) {
        dcc_fault(dcc, quantity, "a second list of the same refType (the first is at line %d)",
                  dcc_line(series->node));
        return false;
    }
    series->node = series->node ? series->node : quantity;
    return read_real(dcc, node, series);
}

void dcc_series_free(struct dcc_series *series)
{
    free(series->values);
    *series = (struct dcc_series){.node = NULL};
}
