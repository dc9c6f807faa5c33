// The tables of a DCC's results: what was indicated, what it should have been, and by how much it
// was wrong, made one quantity of the certificate each.
//
// A table is a dcc:list (or a dcc:data) of quantities whose refType, or that of a dcc:list around
// them, is one of the roles below. Tables of one point each in one dcc:result, one for each
// setting, are one series. What was found before an adjustment or a repair is read likewise, from a
// dcc:influenceCondition or a dcc:result that says so.
#include "measure/dcc_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16 // of dcc:list in dcc:list

enum role { ROLE_MEASURED, ROLE_REFERENCE, ROLE_ERROR, ROLE_COUNT, ROLE_NONE = ROLE_COUNT };

static const char *const roles[ROLE_COUNT] = {"basic_measuredValue", "basic_referenceValue",
                                              "basic_measurementError"};

struct table {
    const xmlNode *node;
    struct dcc_series series[ROLE_COUNT];
    bool good;
};

// The quantity that a result's tables make, while it may still grow.
struct open_quantity {
    struct certificate_point *points;
    int *lines; // of each point
    size_t count;
    char unit[UNIT_TEXT_MAX + 1];
    int line;
    bool single; // of tables of one point each
};

struct results {
    struct dcc *dcc;
    struct open_quantity open;
    size_t tables; // of results, not of what was found before
    bool as_found; // what is read now
};

static enum role role_of(const xmlNode *node)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (dcc_has_type(node, roles[i])) {
            return (enum role)i;
        }
    }
    return ROLE_NONE;
}

// --- quantities

static void close_quantity(struct results *results)
{
    struct open_quantity *open = &results->open;
    struct dcc *dcc = results->dcc;
    struct certificate_quantity *quantity = NULL;
    struct why why;
    size_t at;
    if (open->count) {
        quantity = certificate_add_quantity(dcc->certificate, results->as_found);
    }
    if (open->count && !quantity) {
        faults_add(dcc->faults, dcc->name, open->line, 0, "more than %d results",
                   CERTIFICATE_QUANTITIES_MAX);
        dcc->good = false;
    }
    if (quantity) {
        quantity->line = open->line;
        quantity->points = open->points;
        quantity->point_count = open->count;
        snprintf(quantity->unit, sizeof quantity->unit, "%s", open->unit);
        open->points = NULL;
        if (certificate_sort_points(quantity, &at, &why)) {
            faults_add(dcc->faults, dcc->name, open->lines[at], 0, "%s: value %zu: %s",
                       roles[ROLE_MEASURED], at + 1, why.text);
            dcc->good = false;
        }
    }
    free(open->points);
    free(open->lines);
    *open = (struct open_quantity){.points = NULL};
}

static bool add_point(struct results *results, const struct certificate_point *point, int line)
{
    struct open_quantity *open = &results->open;
    size_t count = open->count;
    struct certificate_point *points = realloc(open->points, (count + 1) * sizeof *points);
    open->points = points ? points : open->points;
    int *lines = realloc(open->lines, (count + 1) * sizeof *lines);
    open->lines = lines ? lines : open->lines;
    if (!points || !lines || count >= CERTIFICATE_POINTS_MAX) {
        faults_add(results->dcc->faults, results->dcc->name, line, 0, "more than %d points",
                   CERTIFICATE_POINTS_MAX);
        results->dcc->good = false;
        return false;
    }
    points[count] = *point;
    lines[count] = line;
    open->count++;
    return true;
}

// --- one table

// Error and uncertainty may be stated as a part of the reference value ("\percent" of a pressure).
struct error_form {
    bool relative;
    struct unit from, to; // relative: `to` is a number; otherwise the indication's unit
};

// The form of the series that has the error, or of the one that has the uncertainty. False after a
// fault.
static bool error_form(struct dcc *dcc, const struct dcc_series *series,
                       const struct dcc_series *indicated, struct error_form *form)
{
    *form = (struct error_form){.from = series->unit, .to = indicated->unit};
    if (unit_same_kind(&series->unit, &indicated->unit)) {
        return true;
    }
    form->relative = unit_is_number(&series->unit);
    form->to = (struct unit){.factor = 1, .divisor = 1};
    if (!form->relative) {
        dcc_fault(dcc, series->node, "in '%.60s', and the indication in '%.60s': not of one kind",
                  series->unit_text, indicated->unit_text);
    }
    return form->relative;
}

static bool check_counts(struct dcc *dcc, const struct table *table,
                         const struct dcc_series *indicated)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        const struct dcc_series *series = &table->series[i];
        if (series->node && series->count != indicated->count) {
            dcc_fault(dcc, series->node, "%zu values, and %zu at line %d (expected as many)",
                      series->count, indicated->count, dcc_line(indicated->node));
            return false;
        }
    }
    return true;
}

// indication − reference, reference in the indication's unit.
static double error_by_reference(const struct dcc_series *reference,
                                 const struct dcc_series *indicated, size_t i)
{
    return indicated->values[i].value -
           unit_convert(&reference->unit, &indicated->unit, reference->values[i].value);
}

// Where the three are stated they must agree, within U: a "correction" under the name of an error
// has the other sign.
static bool check_agreement(struct dcc *dcc, const struct table *table,
                            const struct certificate_point *point, size_t i)
{
    const struct dcc_series *reference = &table->series[ROLE_REFERENCE];
    const struct dcc_series *measured = &table->series[ROLE_MEASURED];
    if (!reference->node || !measured->node || !table->series[ROLE_ERROR].node) {
        return true;
    }
    double expected = error_by_reference(reference, measured, i);
    if (fabs(expected - point->error) <= point->expanded_uncertainty) {
        return true;
    }
    dcc_fault(dcc, table->series[ROLE_ERROR].node,
              "value %zu: error %g, and measured minus reference value is %g: apart by more than U",
              i + 1, point->error, expected);
    return false;
}

struct table_reading {
    const struct dcc_series *indicated; // the measured values, or those that the error is added to
    const struct dcc_series *error;     // NULL: measured minus reference
    const struct dcc_series *uncertainty; // the error's, or else the measured value's
    struct error_form error_form, uncertainty_form;
};

static struct certificate_point make_point(const struct table *table,
                                           const struct table_reading *reading, size_t i)
{
    const struct dcc_series *indicated = reading->indicated;
    const struct dcc_value *u = &reading->uncertainty->values[i];
    struct certificate_point point = {.indication = indicated->values[i].value,
                                      .coverage_factor = u->factor};
    double stated = 0, reference;
    if (reading->error) {
        stated = unit_convert_difference(&reading->error_form.from, &reading->error_form.to,
                                         reading->error->values[i].value);
    } else {
        point.error = error_by_reference(&table->series[ROLE_REFERENCE], indicated, i);
    }
    if (indicated == &table->series[ROLE_REFERENCE]) {
        reference = point.indication;
        point.error = reading->error_form.relative ? reference * stated : stated;
        point.indication += point.error;
    } else {
        bool relative = reading->error && reading->error_form.relative;
        reference = relative ? certificate_reference(point.indication, stated)
                             : point.indication - (reading->error ? stated : point.error);
        point.error = relative ? reference * stated : reading->error ? stated : point.error;
    }
    point.expanded_uncertainty = unit_convert_difference(
        &reading->uncertainty_form.from, &reading->uncertainty_form.to, u->uncertainty);
    if (reading->uncertainty_form.relative) {
        point.expanded_uncertainty *= fabs(reference);
    }
    return point;
}

// Which series say what. False after a fault.
static bool plan_table(struct dcc *dcc, const struct table *table, struct table_reading *reading)
{
    const struct dcc_series *measured = &table->series[ROLE_MEASURED];
    const struct dcc_series *reference = &table->series[ROLE_REFERENCE];
    const struct dcc_series *error = &table->series[ROLE_ERROR];
    int there = (measured->node != NULL) + (reference->node != NULL) + (error->node != NULL);
    if (there < 2) {
        const struct dcc_series *only = measured->node    ? measured
                                        : reference->node ? reference
                                                          : error;
        dcc_fault(dcc, only->node,
                  "alone in its table (expected two of basic_measuredValue, basic_referenceValue "
                  "and basic_measurementError)");
        return false;
    }
    reading->indicated = measured->node ? measured : reference;
    reading->error = error->node ? error : NULL;
    reading->uncertainty = error->node && error->has_uncertainty         ? error
                           : measured->node && measured->has_uncertainty ? measured
                                                                         : NULL;
    if (!reading->error && !unit_same_kind(&reference->unit, &measured->unit)) {
        dcc_fault(dcc, measured->node,
                  "in '%.60s', and the reference value in '%.60s': not of one kind, so that they "
                  "have no error",
                  measured->unit_text, reference->unit_text);
        return false;
    }
    if (reading->error && reference->node && measured->node &&
        !unit_same_kind(&reference->unit, &measured->unit)) {
        dcc_fault(dcc, reference->node,
                  "in '%.60s', and the measured value in '%.60s': not of "
                  "one kind",
                  reference->unit_text, measured->unit_text);
        return false;
    }
    if (!reading->uncertainty) {
        dcc_fault(dcc, error->node ? error->node : measured->node,
                  "no expanded uncertainty (expected si:expandedUnc or "
                  "si:measurementUncertaintyUnivariate, or their lists)");
        return false;
    }
    return (!reading->error ||
            error_form(dcc, reading->error, reading->indicated, &reading->error_form)) &&
           error_form(dcc, reading->uncertainty, reading->indicated, &reading->uncertainty_form) &&
           check_counts(dcc, table, reading->indicated);
}

// A table that stands alone closes what came before; one of one point may go on with it.
static void make_quantity(struct results *results, const struct table *table)
{
    struct dcc *dcc = results->dcc;
    struct table_reading reading = {.indicated = NULL};
    struct open_quantity *open = &results->open;
    if (!plan_table(dcc, table, &reading)) {
        return;
    }
    const struct dcc_series *indicated = reading.indicated;
    bool single = indicated->count == 1 && !indicated->is_list;
    if (!single || !open->single || strcmp(open->unit, indicated->unit_text) != 0) {
        close_quantity(results);
        snprintf(open->unit, sizeof open->unit, "%s", indicated->unit_text);
        open->line = dcc_line(indicated->node);
        open->single = single;
    }
    for (size_t i = 0; i < indicated->count; i++) {
        struct certificate_point point = make_point(table, &reading, i);
        struct why why;
        if (certificate_check_point(&point, &why)) {
            dcc_fault(dcc, indicated->node, "value %zu: %s", i + 1, why.text);
            return;
        }
        if (!check_agreement(dcc, table, &point, i) ||
            !add_point(results, &point, indicated->values[i].line)) {
            return;
        }
    }
}

// --- the way through the elements

static void walk(struct results *results, struct table *table, const xmlNode *node,
                 enum role inherited, int depth);

static void walk_table(struct results *results, const xmlNode *node, enum role inherited, int depth)
{
    struct table table = {.node = node, .good = true};
    bool any = false;
    walk(results, &table, node, inherited, depth);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        any = any || table.series[i].node;
    }
    results->tables += any && !results->as_found;
    if (any && table.good) {
        make_quantity(results, &table);
    }
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        dcc_series_free(&table.series[i]);
    }
}

// What hangs below a dcc:list or dcc:data. A list with a role belongs to the table around it.
static void walk(struct results *results, struct table *table, const xmlNode *node,
                 enum role inherited, int depth)
{
    for (const xmlNode *child = node->children; child; child = child->next) {
        bool list = dcc_is(child, DCC_NAMESPACE, "list");
        if (!list && !dcc_is(child, DCC_NAMESPACE, "quantity")) {
            continue;
        }
        enum role own = role_of(child);
        enum role role = own == ROLE_NONE ? inherited : own;
        if (list && depth >= DEPTH_MAX) {
            dcc_fault(results->dcc, child, "more than %d lists within each other", DEPTH_MAX);
            table->good = false;
        } else if (list && role == ROLE_NONE) {
            walk_table(results, child, role, depth + 1);
        } else if (list) {
            walk(results, table, child, role, depth + 1);
        } else if (role != ROLE_NONE) {
            table->good =
                dcc_read_quantity(results->dcc, child, &table->series[role]) && table->good;
        }
    }
}

// Whether it states what was found: by its dcc:status, or by its refType.
static bool is_as_found(const xmlNode *node)
{
    static const char *const states[] = {"beforeAdjustment", "beforeRepair"};
    static const char *const types[] = {"basic_beforeAdjustment", "basic_beforeRepair"};
    const xmlNode *status = dcc_child(node, DCC_NAMESPACE, "status");
    xmlChar *text = status ? xmlNodeGetContent(status) : NULL;
    const char *word = text ? (const char *)text + strspn((const char *)text, " \t\r\n") : "";
    size_t length = strcspn(word, " \t\r\n");
    bool found = false;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        found = found || dcc_has_type(node, types[i]) ||
                (length == strlen(states[i]) && memcmp(word, states[i], length) == 0);
    }
    xmlFree(text);
    return found;
}

static void read_result(struct results *results, const xmlNode *result, bool as_found)
{
    results->as_found = as_found;
    for (const xmlNode *data = dcc_child(result, DCC_NAMESPACE, "data"); data;
         data = dcc_next(data, DCC_NAMESPACE, "data")) {
        walk_table(results, data, ROLE_NONE, 0);
    }
    close_quantity(results);
}

void dcc_read_results(struct dcc *dcc, const xmlNode *root)
{
    struct results results = {.dcc = dcc};
    const xmlNode *all = dcc_child(root, DCC_NAMESPACE, "measurementResults");
    for (const xmlNode *one = dcc_child(all, DCC_NAMESPACE, "measurementResult"); one;
         one = dcc_next(one, DCC_NAMESPACE, "measurementResult")) {
        const xmlNode *list = dcc_child(one, DCC_NAMESPACE, "results");
        for (const xmlNode *result = dcc_child(list, DCC_NAMESPACE, "result"); result;
             result = dcc_next(result, DCC_NAMESPACE, "result")) {
            read_result(&results, result, is_as_found(result));
        }
        list = dcc_child(one, DCC_NAMESPACE, "influenceConditions");
        for (const xmlNode *at = dcc_child(list, DCC_NAMESPACE, "influenceCondition"); at;
             at = dcc_next(at, DCC_NAMESPACE, "influenceCondition")) {
            if (is_as_found(at)) {
                read_result(&results, at, true);
            }
        }
    }
    if (results.tables == 0) {
        dcc_fault(dcc, all ? all : root,
                  "no table of results that can be read (expected quantities whose refType is "
                  "basic_measuredValue, basic_referenceValue or basic_measurementError)");
    }
}
