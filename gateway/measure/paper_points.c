// The results of a paper certificate: points of error, or class and maximum permissible error.
#include "base/text.h"
#include "measure/paper_read.h"
#include "measure/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What all points of a quantity have unless they say otherwise.
struct defaults {
    const struct node *k, *uncertainty, *uncertainty_percent;
};

struct point_nodes {
    const struct node *indication, *load, *error, *error_percent, *reference, *correction,
        *uncertainty, *uncertainty_percent, *k;
};

// A number; NaN when there is no node, or after a fault.
static double read_number(struct paper *paper, const struct node *node, const char *what)
{
    struct decimal number;
    return node && paper_note(paper, document_decimal(paper->document, node, what, &number))
               ? decimal_to_double(number)
               : NAN;
}

static size_t count_children(const struct node *list)
{
    size_t count = 0;
    for (const struct node *child = list->first; child; child = child->next) {
        count++;
    }
    return count;
}

static void read_unit(struct paper *paper, const struct node *node, const char *what, char *out)
{
    struct unit unit;
    struct why why;
    if (paper_read_text(paper, node, what, out, UNIT_TEXT_MAX) && unit_parse(out, &unit, &why)) {
        paper_fault(paper, node, "%s", why.text);
    }
}

static void read_name(struct paper *paper, const struct node *node,
                      struct certificate_quantity *quantity)
{
    if (paper_read_text(paper, node, "quantity", quantity->name, CERTIFICATE_TEXT_MAX) &&
        !text_is_name(quantity->name, 32)) {
        paper_fault(paper, node,
                    "quantity %s: expected the name of one of the driver's, as in voltage-l1",
                    quantity->name);
    }
}

// A new quantity, or NULL after a fault.
static struct certificate_quantity *add_quantity(struct paper *paper, const struct node *item,
                                                 bool as_found)
{
    struct certificate_quantity *quantity = certificate_add_quantity(paper->certificate, as_found);
    if (!quantity) {
        paper_fault(paper, item, "more than %d quantities", CERTIFICATE_QUANTITIES_MAX);
        return NULL;
    }
    quantity->line = item->line;
    return quantity;
}

// --- one point

static bool read_point_keys(struct paper *paper, const struct node *item, struct point_nodes *nodes)
{
    const struct document_key keys[] = {
        {"indication", false, NODE_SCALAR, &nodes->indication},
        {"load", false, NODE_SCALAR, &nodes->load},
        {"error", false, NODE_SCALAR, &nodes->error},
        {"error_percent", false, NODE_SCALAR, &nodes->error_percent},
        {"reference", false, NODE_SCALAR, &nodes->reference},
        {"correction", false, NODE_SCALAR, &nodes->correction},
        {"uncertainty", false, NODE_SCALAR, &nodes->uncertainty},
        {"uncertainty_percent", false, NODE_SCALAR, &nodes->uncertainty_percent},
        {"k", false, NODE_SCALAR, &nodes->k},
    };
    return paper_note(paper,
                      document_read_keys(paper->document, item, "point", keys, COUNT_OF(keys)));
}

// Whether the keys that there are go together.
static bool check_keys(struct paper *paper, const struct node *item,
                       const struct point_nodes *nodes, bool by_load)
{
    int errors = (nodes->error != NULL) + (nodes->error_percent != NULL) +
                 (nodes->reference != NULL) + (nodes->correction != NULL);
    int uncertainties = (nodes->uncertainty != NULL) + (nodes->uncertainty_percent != NULL);
    bool good = true;
    if (by_load ? !nodes->load || nodes->indication : !nodes->indication || nodes->load) {
        paper_fault(paper, item,
                    "point: expected 'load' where the quantity has a 'load_unit', "
                    "otherwise 'indication'");
        good = false;
    }
    if (by_load ? !nodes->error_percent || errors != 1 : errors != 1) {
        paper_fault(paper, item, "point: expected %s",
                    by_load ? "'error_percent'"
                            : "one of 'error', 'error_percent', 'reference' and 'correction'");
        good = false;
    }
    if (by_load ? !nodes->uncertainty_percent || uncertainties != 1 : uncertainties != 1) {
        paper_fault(paper, item, "point: expected %s, here or beside 'points' for all",
                    by_load ? "'uncertainty_percent'"
                            : "one of 'uncertainty' and 'uncertainty_percent'");
        good = false;
    }
    if (!nodes->k) {
        paper_fault(paper, item,
                    "point: expected the coverage factor 'k', here or beside "
                    "'points' for all");
        good = false;
    }
    return good;
}

static struct certificate_point load_point(struct paper *paper, const struct point_nodes *nodes)
{
    return (struct certificate_point){
        .indication = read_number(paper, nodes->load, "load"),
        .error = read_number(paper, nodes->error_percent, "error_percent") / 100,
        .expanded_uncertainty =
            read_number(paper, nodes->uncertainty_percent, "uncertainty_percent") / 100,
        .coverage_factor = read_number(paper, nodes->k, "k"),
    };
}

static struct certificate_point indication_point(struct paper *paper,
                                                 const struct point_nodes *nodes)
{
    struct certificate_point point = {
        .indication = read_number(paper, nodes->indication, "indication"),
        .coverage_factor = read_number(paper, nodes->k, "k"),
    };
    double reference;
    if (nodes->reference) {
        reference = read_number(paper, nodes->reference, "reference");
        point.error = point.indication - reference;
    } else if (nodes->error_percent) {
        double part = read_number(paper, nodes->error_percent, "error_percent") / 100;
        reference = certificate_reference(point.indication, part);
        point.error = reference * part;
    } else {
        point.error = nodes->error ? read_number(paper, nodes->error, "error")
                                   : -read_number(paper, nodes->correction, "correction");
        reference = point.indication - point.error;
    }
    point.expanded_uncertainty =
        nodes->uncertainty ? read_number(paper, nodes->uncertainty, "uncertainty")
                           : read_number(paper, nodes->uncertainty_percent, "uncertainty_percent") /
                                 100 * fabs(reference);
    return point;
}

static bool read_point(struct paper *paper, const struct node *item,
                       const struct defaults *defaults, bool by_load,
                       struct certificate_point *point)
{
    struct point_nodes nodes = {.k = NULL};
    struct why why;
    bool keys_good = read_point_keys(paper, item, &nodes);
    nodes.k = nodes.k ? nodes.k : defaults->k;
    if (!nodes.uncertainty && !nodes.uncertainty_percent) {
        nodes.uncertainty = defaults->uncertainty;
        nodes.uncertainty_percent = defaults->uncertainty_percent;
    }
    // What was misspelt is not missing too.
    if (!keys_good || !check_keys(paper, item, &nodes, by_load)) {
        return false;
    }
    bool was_good = paper->good;
    paper->good = true;
    *point = by_load ? load_point(paper, &nodes) : indication_point(paper, &nodes);
    bool good = paper->good;
    paper->good = was_good && good;
    if (good && certificate_check_point(point, &why)) {
        paper_fault(paper, item, "%s", why.text);
        good = false;
    }
    return good;
}

// --- a quantity

static void sort_points(struct paper *paper, const struct node *list,
                        struct certificate_quantity *quantity)
{
    struct why why;
    size_t at;
    if (certificate_sort_points(quantity, &at, &why) == OK) {
        return;
    }
    const struct node *item = list->first;
    for (; at && item; at--) {
        item = item->next;
    }
    paper_fault(paper, item, "%s", why.text);
}

static void read_points(struct paper *paper, const struct node *list,
                        const struct defaults *defaults, struct certificate_quantity *quantity)
{
    size_t count = count_children(list), i = 0;
    int error = certificate_make_points(quantity, count);
    if (error) {
        paper_fault(paper, list,
                    error == ERROR_RANGE ? "points: %zu of them (expected 1 to %d)"
                                         : "out of memory",
                    count, CERTIFICATE_POINTS_MAX);
        return;
    }
    bool good = true;
    for (const struct node *item = list->first; item; item = item->next, i++) {
        good = read_point(paper, item, defaults, quantity->by_load, &quantity->points[i]) && good;
    }
    if (good) {
        sort_points(paper, list, quantity);
    }
}

// An error that is permitted, more than 0; 0 where it is not stated, or after a fault.
static double read_permitted(struct paper *paper, const struct node *node, const char *what)
{
    double number = node ? read_number(paper, node, what) : 0;
    if (node && number <= 0) {
        paper_fault(paper, node, "%s %s: expected more than 0", what, node->scalar);
    }
    return number;
}

#define TOLERANCE_KEYS 2

// With as_found, what was found: it has no tolerance of its own.
static void read_results(struct paper *paper, const struct node *item, bool as_found)
{
    const struct node *name, *unit, *load_unit, *points, *tolerance = NULL,
                                                         *tolerance_percent = NULL;
    struct defaults defaults = {.k = NULL};
    const struct document_key keys[] = {
        {"quantity", false, NODE_SCALAR, &name},
        {"unit", true, NODE_SCALAR, &unit},
        {"load_unit", false, NODE_SCALAR, &load_unit},
        {"points", true, NODE_SEQUENCE, &points},
        {"k", false, NODE_SCALAR, &defaults.k},
        {"uncertainty", false, NODE_SCALAR, &defaults.uncertainty},
        {"uncertainty_percent", false, NODE_SCALAR, &defaults.uncertainty_percent},
        {"tolerance", false, NODE_SCALAR, &tolerance},
        {"tolerance_percent", false, NODE_SCALAR, &tolerance_percent},
    };
    struct certificate_quantity *quantity = add_quantity(paper, item, as_found);
    if (!quantity) {
        return;
    }
    paper_note(paper, document_read_keys(paper->document, item, "quantity", keys,
                                         COUNT_OF(keys) - (as_found ? TOLERANCE_KEYS : 0)));
    read_name(paper, name, quantity);
    read_unit(paper, unit, "unit", quantity->unit);
    read_unit(paper, load_unit, "load_unit", quantity->load_unit);
    quantity->by_load = load_unit != NULL;
    if (quantity->by_load && tolerance) {
        paper_fault(paper, tolerance,
                    "tolerance: expected 'tolerance_percent' where the quantity has a 'load_unit'");
        tolerance = NULL;
    }
    quantity->mpe_absolute = read_permitted(paper, tolerance, "tolerance");
    quantity->mpe_relative = read_permitted(paper, tolerance_percent, "tolerance_percent") / 100;
    if (points) {
        read_points(paper, points, &defaults, quantity);
    }
}

static void read_calibrated(struct paper *paper, const struct node *item)
{
    read_results(paper, item, false);
}

static void read_found(struct paper *paper, const struct node *item)
{
    read_results(paper, item, true);
}

static void read_verified(struct paper *paper, const struct node *item)
{
    const struct node *name, *unit, *class, *mpe, *mpe_percent;
    const struct document_key keys[] = {
        {"quantity", false, NODE_SCALAR, &name},
        {"unit", true, NODE_SCALAR, &unit},
        {"class", false, NODE_SCALAR, &class},
        {"mpe", false, NODE_SCALAR, &mpe},
        {"mpe_percent", false, NODE_SCALAR, &mpe_percent},
    };
    struct certificate_quantity *quantity = add_quantity(paper, item, false);
    if (!quantity) {
        return;
    }
    bool good = paper_note(
        paper, document_read_keys(paper->document, item, "quantity", keys, COUNT_OF(keys)));
    read_name(paper, name, quantity);
    read_unit(paper, unit, "unit", quantity->unit);
    paper_read_text(paper, class, "class", quantity->class, CERTIFICATE_TEXT_MAX);
    quantity->mpe_absolute = read_permitted(paper, mpe, "mpe");
    quantity->mpe_relative = read_permitted(paper, mpe_percent, "mpe_percent") / 100;
    if (good && !mpe && !mpe_percent) {
        paper_fault(paper, item,
                    "quantity: expected its maximum permissible error, 'mpe' in the "
                    "unit or 'mpe_percent' of the indication, or both (the greater "
                    "holds)");
    }
}

static void read_each(struct paper *paper, const struct node *list, const char *what,
                      void (*read_one)(struct paper *paper, const struct node *item))
{
    if (!list->first) {
        paper_fault(paper, list, "%s: empty (expected at least one quantity)", what);
    }
    for (const struct node *item = list->first; item; item = item->next) {
        read_one(paper, item);
    }
}

void paper_read_calibration(struct paper *paper, const struct node *list)
{
    read_each(paper, list, "calibration", read_calibrated);
}

void paper_read_verification(struct paper *paper, const struct node *list)
{
    read_each(paper, list, "verification", read_verified);
}

void paper_read_as_found(struct paper *paper, const struct node *list)
{
    read_each(paper, list, "as_found", read_found);
}
