// What the files that read the parts of a DCC share. Private to dcc_read().
#ifndef TALLY_MEASURE_DCC_READ_H
#define TALLY_MEASURE_DCC_READ_H

#include "measure/certificate_read.h"
#include "measure/unit.h"

#include <libxml/tree.h>

#define DCC_NAMESPACE "https://ptb.de/dcc"
#define SI_NAMESPACE  "https://ptb.de/si"

// Everything is read on after a fault, so that all are found.
struct dcc {
    const char *name; // of the file
    struct faults *faults;
    struct certificate *certificate;
    bool good; // no fault yet
};

// --- dcc.c: elements

// The element, "dcc:quantity basic_measuredValue", with its refType where it has one, comes before
// the message.
void dcc_fault(struct dcc *dcc, const xmlNode *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool dcc_is(const xmlNode *node, const char *space, const char *name);
// The first child element of that name; the next sibling of it. NULL: none.
const xmlNode *dcc_child(const xmlNode *node, const char *space, const char *name);
const xmlNode *dcc_next(const xmlNode *node, const char *space, const char *name);
// Whether one of the words of the refType attribute is this.
bool dcc_has_type(const xmlNode *node, const char *type);
int dcc_line(const xmlNode *node);
// The text of an element with each run of white space as one space, at most `max` bytes. False
// after a fault: nothing there (unless `max` is 0 to begin with), or too long.
bool dcc_text(struct dcc *dcc, const xmlNode *node, char *out, size_t max);

// --- dcc_values.c: the numbers of a quantity

struct dcc_value {
    double value;
    double uncertainty, factor; // U and k; only of a series that has_uncertainty
    int line;
};

// The values of one role in a table, from one list or of several single ones.
struct dcc_series {
    const xmlNode *node; // the quantity where it begins; NULL: absent
    struct dcc_value *values;
    size_t count;
    bool is_list; // of one realListXMLList
    bool has_uncertainty;
    char unit_text[UNIT_TEXT_MAX + 1];
    struct unit unit; // of all values, uncertainties too
};

// Adds the values of a dcc:quantity. False after a fault.
bool dcc_read_quantity(struct dcc *dcc, const xmlNode *quantity, struct dcc_series *series);
void dcc_series_free(struct dcc_series *series);

// --- dcc_results.c: tables of results

void dcc_read_results(struct dcc *dcc, const xmlNode *root);

#endif
