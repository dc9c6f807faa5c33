// The certificate as a whole: the XML without anything that could reach out of it or grow, its
// elements, and the administrative data.
#include "measure/dcc.h"

#include "base/text.h"
#include "measure/dcc_read.h"

#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_NAMESPACE "http://www.w3.org/2000/09/xmldsig#"

// --- elements

static const char *prefix_of(const xmlNode *node)
{
    const char *space = node->ns ? (const char *)node->ns->href : "";
    return strcmp(space, DCC_NAMESPACE) == 0  ? "dcc:"
           : strcmp(space, SI_NAMESPACE) == 0 ? "si:"
                                              : "";
}

int dcc_line(const xmlNode *node)
{
    long line = xmlGetLineNo(node);
    return line > 0 ? (int)line : 1;
}

void dcc_fault(struct dcc *dcc, const xmlNode *node, const char *format, ...)
{
    char text[WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xmlChar *type = xmlGetNoNsProp(node, (const xmlChar *)"refType");
    faults_add(dcc->faults, dcc->name, dcc_line(node), 0, "%s%.60s%s%.80s: %s", prefix_of(node),
               (const char *)node->name, type ? " " : "", type ? (const char *)type : "", text);
    xmlFree(type);
    dcc->good = false;
}

bool dcc_is(const xmlNode *node, const char *space, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns &&
           strcmp((const char *)node->ns->href, space) == 0 &&
           strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *find(const xmlNode *node, const char *space, const char *name)
{
    while (node && !dcc_is(node, space, name)) {
        node = node->next;
    }
    return node;
}

const xmlNode *dcc_child(const xmlNode *node, const char *space, const char *name)
{
    return node ? find(node->children, space, name) : NULL;
}

const xmlNode *dcc_next(const xmlNode *node, const char *space, const char *name)
{
    return find(node->next, space, name);
}

bool dcc_has_type(const xmlNode *node, const char *type)
{
    xmlChar *words = xmlGetNoNsProp(node, (const xmlChar *)"refType");
    size_t length = strlen(type);
    bool found = false;
    for (const char *p = (const char *)words; p && *p && !found;) {
        p += strspn(p, " \t\r\n");
        size_t word = strcspn(p, " \t\r\n");
        found = word == length && memcmp(p, type, length) == 0;
        p += word;
    }
    xmlFree(words);
    return found;
}

// In place: no white space at the ends, one space for each run within.
static void collapse(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        bool blank = strchr(" \t\r\n", *from) != NULL;
        if (!blank) {
            *to++ = *from;
        } else if (to > text && to[-1] != ' ') {
            *to++ = ' ';
        }
    }
    to -= to > text && to[-1] == ' ';
    *to = '\0';
}

bool dcc_text(struct dcc *dcc, const xmlNode *node, char *out, size_t max)
{
    xmlChar *content = xmlNodeGetContent(node);
    char *text = (char *)content;
    bool good = false;
    if (text) {
        collapse(text);
    }
    if (!text || !*text) {
        dcc_fault(dcc, node, "nothing (expected a text)");
    } else if (strlen(text) > max) {
        dcc_fault(dcc, node, "%zu bytes long (expected at most %zu)", strlen(text), max);
    } else {
        memcpy(out, text, strlen(text) + 1);
        good = true;
    }
    xmlFree(content);
    return good;
}

// --- administrative data

// A child that must be there, or NULL after a fault at the parent.
static const xmlNode *need(struct dcc *dcc, const xmlNode *node, const char *name)
{
    const xmlNode *child = dcc_child(node, DCC_NAMESPACE, name);
    if (node && !child) {
        dcc_fault(dcc, node, "dcc:%s is missing", name);
    }
    return child;
}

// xs:date: the day, and a time zone that nothing depends on. False after a fault.
static bool read_date(struct dcc *dcc, const xmlNode *node, int64_t *out)
{
    char text[32] = "";
    if (!node || !dcc_text(dcc, node, text, sizeof text - 1)) {
        return false;
    }
    char zone[sizeof text] = "";
    if (strlen(text) >= CERTIFICATE_DATE_SIZE) {
        memcpy(zone, text + CERTIFICATE_DATE_SIZE - 1, strlen(text) - CERTIFICATE_DATE_SIZE + 2);
        text[CERTIFICATE_DATE_SIZE - 1] = '\0';
    }
    bool zoned = !zone[0] || strcmp(zone, "Z") == 0 ||
                 ((zone[0] == '+' || zone[0] == '-') && strlen(zone) == 6 && zone[3] == ':' &&
                  strspn(zone + 1, "0123456789:") == 5);
    if (!zoned || certificate_parse_date(text, out)) {
        dcc_fault(dcc, node, "'%s%s': not a date (expected one such as 2026-03-02)", text, zone);
        return false;
    }
    return true;
}

static void read_core(struct dcc *dcc, const xmlNode *core)
{
    const xmlNode *id = need(dcc, core, "uniqueIdentifier");
    const xmlNode *begin = need(dcc, core, "beginPerformanceDate");
    const xmlNode *end = need(dcc, core, "endPerformanceDate");
    int64_t begun, ended;
    if (id) {
        dcc_text(dcc, id, dcc->certificate->id, CERTIFICATE_TEXT_MAX);
    }
    bool good = read_date(dcc, begin, &begun);
    if (read_date(dcc, end, &ended)) {
        dcc->certificate->performed = ended;
        if (good && begun > ended) {
            dcc_fault(dcc, end, "before dcc:beginPerformanceDate");
        }
    }
}

// The text of the first dcc:content in an element's dcc:name; "" when there is none, or it is too
// long to show.
static void read_name(const xmlNode *node, char out[CERTIFICATE_TEXT_MAX + 1])
{
    const xmlNode *name = dcc_child(node, DCC_NAMESPACE, "name");
    struct faults none = {0};
    struct dcc quiet = {.name = "", .faults = &none};
    const xmlNode *content = dcc_child(name, DCC_NAMESPACE, "content");
    out[0] = '\0';
    if (content) {
        dcc_text(&quiet, content, out, CERTIFICATE_TEXT_MAX);
    }
    faults_free(&none);
}

// An item's number from its maker; the one that says it is a serial number before others.
static const xmlNode *find_serial(const xmlNode *item)
{
    static const char *const types[] = {"basic_serialNumber", "basic_serialNo"};
    const xmlNode *found = NULL;
    const xmlNode *list = dcc_child(item, DCC_NAMESPACE, "identifications");
    for (const xmlNode *at = dcc_child(list, DCC_NAMESPACE, "identification"); at;
         at = dcc_next(at, DCC_NAMESPACE, "identification")) {
        const xmlNode *issuer = dcc_child(at, DCC_NAMESPACE, "issuer");
        xmlChar *text = issuer ? xmlNodeGetContent(issuer) : NULL;
        if (text) {
            collapse((char *)text);
        }
        bool typed = dcc_has_type(at, types[0]) || dcc_has_type(at, types[1]);
        bool made = text && strcmp((char *)text, "manufacturer") == 0;
        xmlFree(text);
        if (typed) {
            return at;
        }
        found = made && !found ? at : found;
    }
    return found;
}

static void add_serial(struct dcc *dcc, const xmlNode *value, size_t *count)
{
    struct certificate *certificate = dcc->certificate;
    if (*count >= CERTIFICATE_SERIALS_MAX) {
        dcc_fault(dcc, value, "a serial number beyond the first %d: too many for one certificate",
                  CERTIFICATE_SERIALS_MAX);
        return;
    }
    char *to = *count ? certificate->more_serials[*count - 1] : certificate->serial;
    if (dcc_text(dcc, value, to, CERTIFICATE_TEXT_MAX)) {
        certificate->serial_line = *count ? certificate->serial_line : dcc_line(value);
        ++*count;
    }
}

// Maker and model are of the item whose serial number comes first.
static void read_items(struct dcc *dcc, const xmlNode *items)
{
    struct certificate *certificate = dcc->certificate;
    const xmlNode *item = need(dcc, items, "item");
    size_t count = 0;
    bool faulted = !item;
    for (; item; item = dcc_next(item, DCC_NAMESPACE, "item")) {
        const xmlNode *identification = find_serial(item);
        const xmlNode *value = identification ? need(dcc, identification, "value") : NULL;
        if (!value) {
            faulted = faulted || identification;
            continue;
        }
        if (count == 0) {
            struct dcc quiet = {.name = "", .faults = &(struct faults){0}};
            const xmlNode *model = dcc_child(item, DCC_NAMESPACE, "model");
            read_name(dcc_child(item, DCC_NAMESPACE, "manufacturer"), certificate->maker);
            if (model) {
                dcc_text(&quiet, model, certificate->model, CERTIFICATE_TEXT_MAX);
            }
            faults_free(quiet.faults);
        }
        add_serial(dcc, value, &count);
    }
    if (items && count == 0 && !faulted && dcc->good) {
        dcc_fault(dcc, items,
                  "no item has an identification issued by its manufacturer (expected "
                  "its serial number)");
    }
}

// The one date of a DCC for what comes next is the owner's, and it need not be there.
static void read_statements(struct dcc *dcc, const xmlNode *statements)
{
    for (const xmlNode *at = dcc_child(statements, DCC_NAMESPACE, "statement"); at;
         at = dcc_next(at, DCC_NAMESPACE, "statement")) {
        const xmlNode *date = dcc_child(at, DCC_NAMESPACE, "date");
        int64_t day;
        if (!date || !dcc_has_type(at, "basic_recalibration") || !read_date(dcc, date, &day)) {
            continue;
        }
        if (dcc->certificate->due != CERTIFICATE_NO_DATE && dcc->certificate->due != day) {
            dcc_fault(dcc, date, "a second date for the next calibration, and another");
        }
        dcc->certificate->due = day;
    }
}

static void check_dates(struct dcc *dcc, const xmlNode *core, int64_t today)
{
    struct why why;
    enum certificate_date which;
    const xmlNode *end = dcc_child(core, DCC_NAMESPACE, "endPerformanceDate");
    if (!end || dcc->certificate->performed == CERTIFICATE_NO_DATE ||
        certificate_check_dates(dcc->certificate, today, &which, &why) == OK) {
        return;
    }
    dcc_fault(dcc, end, "%s%s", which == DATE_DUE ? "next calibration " : "", why.text);
}

static void read_administration(struct dcc *dcc, const xmlNode *root, int64_t today)
{
    const xmlNode *data = need(dcc, root, "administrativeData");
    const xmlNode *core = need(dcc, data, "coreData");
    const xmlNode *laboratory = need(dcc, data, "calibrationLaboratory");
    read_core(dcc, core);
    read_items(dcc, need(dcc, data, "items"));
    read_name(dcc_child(laboratory, DCC_NAMESPACE, "contact"), dcc->certificate->laboratory);
    if (laboratory && !dcc->certificate->laboratory[0]) {
        dcc_fault(dcc, laboratory, "no name of at most %d bytes (expected one in dcc:contact)",
                  CERTIFICATE_TEXT_MAX);
    }
    read_statements(dcc, dcc_child(data, DCC_NAMESPACE, "statements"));
    check_dates(dcc, core, today);
}

// --- the file

// "2.4.0", "3.0.0" to "3.3.x": a name without a suffix.
static bool known_version(const char *text)
{
    static const char *const known[] = {"2.4.", "3.0.", "3.1.", "3.2.", "3.3."};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t length = strlen(known[i]);
        if (strncmp(text, known[i], length) == 0) {
            return text[length] && strspn(text + length, "0123456789") == strlen(text + length);
        }
    }
    return false;
}

static bool check_root(struct dcc *dcc, const xmlNode *root)
{
    if (!dcc_is(root, DCC_NAMESPACE, "digitalCalibrationCertificate")) {
        dcc_fault(dcc, root,
                  "not a certificate, in namespace '%.80s' (expected "
                  "digitalCalibrationCertificate of %s)",
                  root->ns ? (const char *)root->ns->href : "", DCC_NAMESPACE);
        return false;
    }
    xmlChar *version = xmlGetNoNsProp(root, (const xmlChar *)"schemaVersion");
    bool known = version && known_version((const char *)version);
    if (!known) {
        dcc_fault(dcc, root, "schemaVersion '%.40s': not known (expected 2.4.0, or 3.0.0 to 3.3)",
                  version ? (const char *)version : "");
    }
    xmlFree(version);
    return known;
}

static bool has_signature(const xmlNode *root)
{
    return dcc_child(root, SIGNATURE_NAMESPACE, "Signature") != NULL;
}

// libxml2 calls this where a DOCTYPE begins, before anything is declared in it.
static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    xmlParserCtxtPtr parser = context;
    struct dcc *dcc = parser->_private;
    faults_add(dcc->faults, dcc->name, parser->input ? parser->input->line : 1, 0,
               "a DOCTYPE: not taken (a certificate needs none, and it could name other files or "
               "grow without end)");
    dcc->good = false;
    xmlStopParser(parser);
}

static xmlDoc *parse(struct dcc *dcc, const void *bytes, size_t length)
{
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser) {
        faults_add(dcc->faults, dcc->name, 0, 0, "out of memory");
        return NULL;
    }
    parser->_private = dcc;
    parser->sax->internalSubset = on_doctype;
    xmlDoc *document = xmlCtxtReadMemory(parser, bytes, (int)length, NULL, NULL,
                                         XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR |
                                             XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    const xmlError *error = xmlCtxtGetLastError(parser);
    if (dcc->good && (!document || (error && error->level >= XML_ERR_ERROR))) {
        char text[200] = "cannot be read";
        if (error && error->message) {
            snprintf(text, sizeof text, "%s", error->message);
            collapse(text);
        }
        faults_add(dcc->faults, dcc->name, error && error->line > 0 ? error->line : 1, 0,
                   "not XML: %s", text);
        dcc->good = false;
    }
    if (!dcc->good && document) {
        xmlFreeDoc(document);
        document = NULL;
    }
    xmlFreeParserCtxt(parser);
    return document;
}

bool dcc_is_xml(const void *bytes, size_t length)
{
    const char *p = bytes, *end = p + length;
    if (length >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }
    while (p < end && strchr(" \t\r\n", *p) && *p) {
        p++;
    }
    return p < end && *p == '<';
}

int dcc_read(struct certificate **out, const char *name, const void *bytes, size_t length,
             int64_t today, struct faults *faults)
{
    struct dcc dcc = {.name = name, .faults = faults, .good = true};
    *out = NULL;
    if (length > CERTIFICATE_BYTES_MAX) {
        faults_add(faults, name, 0, 0, "%zu bytes (expected at most %u)", length,
                   CERTIFICATE_BYTES_MAX);
        return ERROR_INPUT;
    }
    xmlDoc *document = parse(&dcc, bytes, length);
    const xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    if (root && check_root(&dcc, root)) {
        dcc.certificate = certificate_new(bytes, length);
        if (dcc.certificate) {
            dcc.certificate->has_signature = has_signature(root);
            read_administration(&dcc, root, today);
            dcc_read_results(&dcc, root);
        } else {
            faults_add(faults, name, 0, 0, "out of memory");
            dcc.good = false;
        }
    }
    xmlFreeDoc(document);
    if (!root || !dcc.good) {
        certificate_free(dcc.certificate);
        return ERROR_INPUT;
    }
    *out = dcc.certificate;
    return OK;
}
