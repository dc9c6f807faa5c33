// The paper certificate as a whole: what it is, of which instrument, and its dates.
#include "measure/paper.h"

#include "measure/paper_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct paper_nodes {
    const struct node *id, *laboratory, *instrument, *performed, *due, *valid_until, *signature,
        *calibration, *verification, *as_found;
};

void paper_fault(struct paper *paper, const struct node *node, const char *format, ...)
{
    char text[WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    document_fault(paper->document, node, "%s", text);
    paper->good = false;
}

bool paper_note(struct paper *paper, bool good)
{
    paper->good = paper->good && good;
    return good;
}

bool paper_read_text(struct paper *paper, const struct node *node, const char *what, char *out,
                     size_t max)
{
    const char *text;
    if (!node || !paper_note(paper, document_string(paper->document, node, what, 1, max, &text))) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static void read_date(struct paper *paper, const struct node *node, const char *what, int64_t *out)
{
    char text[CERTIFICATE_TEXT_MAX + 1];
    if (paper_read_text(paper, node, what, text, CERTIFICATE_TEXT_MAX) &&
        certificate_parse_date(text, out)) {
        paper_fault(paper, node, "%s %.40s: not a date (expected one such as 2026-03-02)", what,
                    text);
    }
}

static void read_instrument(struct paper *paper, const struct node *node)
{
    struct certificate *certificate = paper->certificate;
    const struct node *maker, *model, *serial;
    const struct document_key keys[] = {{"maker", false, NODE_SCALAR, &maker},
                                        {"model", false, NODE_SCALAR, &model},
                                        {"serial", true, NODE_SCALAR, &serial}};
    if (!node) {
        return;
    }
    paper_note(paper,
               document_read_keys(paper->document, node, "instrument", keys, COUNT_OF(keys)));
    paper_read_text(paper, maker, "maker", certificate->maker, CERTIFICATE_TEXT_MAX);
    paper_read_text(paper, model, "model", certificate->model, CERTIFICATE_TEXT_MAX);
    paper_read_text(paper, serial, "serial", certificate->serial, CERTIFICATE_TEXT_MAX);
    certificate->serial_line = serial ? serial->line : 0;
}

static void check_dates(struct paper *paper, const struct paper_nodes *nodes, int64_t today)
{
    const struct {
        const struct node *node;
        const char *what;
    } dates[] = {[DATE_PERFORMED] = {nodes->performed, "performed"},
                 [DATE_DUE] = {nodes->due, "due"},
                 [DATE_VALID_UNTIL] = {nodes->valid_until, "valid_until"}};
    struct why why;
    enum certificate_date which;
    if (paper->certificate->performed != CERTIFICATE_NO_DATE &&
        certificate_check_dates(paper->certificate, today, &which, &why)) {
        paper_fault(paper, dates[which].node, "%s %s", dates[which].what, why.text);
    }
}

static void read_root(struct paper *paper, int64_t today)
{
    struct certificate *certificate = paper->certificate;
    struct paper_nodes nodes = {.id = NULL};
    const struct node *root = paper->document->root;
    const struct document_key keys[] = {
        {"certificate", true, NODE_SCALAR, &nodes.id},
        {"laboratory", true, NODE_SCALAR, &nodes.laboratory},
        {"instrument", true, NODE_MAPPING, &nodes.instrument},
        {"performed", true, NODE_SCALAR, &nodes.performed},
        {"due", false, NODE_SCALAR, &nodes.due},
        {"valid_until", false, NODE_SCALAR, &nodes.valid_until},
        {"signature", false, NODE_SCALAR, &nodes.signature},
        {"calibration", false, NODE_SEQUENCE, &nodes.calibration},
        {"verification", false, NODE_SEQUENCE, &nodes.verification},
        {"as_found", false, NODE_SEQUENCE, &nodes.as_found},
    };
    bool keys_good = paper_note(
        paper, document_read_keys(paper->document, root, "certificate", keys, COUNT_OF(keys)));
    paper_read_text(paper, nodes.id, "certificate", certificate->id, CERTIFICATE_TEXT_MAX);
    paper_read_text(paper, nodes.laboratory, "laboratory", certificate->laboratory,
                    CERTIFICATE_TEXT_MAX);
    paper_read_text(paper, nodes.signature, "signature", certificate->signature,
                    CERTIFICATE_TEXT_MAX);
    read_instrument(paper, nodes.instrument);
    read_date(paper, nodes.performed, "performed", &certificate->performed);
    read_date(paper, nodes.due, "due", &certificate->due);
    read_date(paper, nodes.valid_until, "valid_until", &certificate->valid_until);
    check_dates(paper, &nodes, today);
    if (nodes.calibration && nodes.verification) {
        paper_fault(paper, nodes.verification,
                    "both 'calibration' and 'verification' (expected one of them)");
    } else if (nodes.calibration) {
        paper_read_calibration(paper, nodes.calibration);
    } else if (nodes.verification) {
        certificate->kind = CERTIFICATE_VERIFICATION;
        paper_read_verification(paper, nodes.verification);
    } else if (keys_good) { // else what was misspelt may be it
        paper_fault(paper, root, "neither 'calibration' nor 'verification' (expected one of them)");
    }
    if (nodes.as_found) {
        paper_read_as_found(paper, nodes.as_found);
    }
}

int paper_read(struct certificate **out, const char *name, const void *bytes, size_t length,
               int64_t today, struct faults *faults)
{
    struct document document;
    struct paper paper = {.document = &document, .good = true};
    *out = NULL;
    if (length > CERTIFICATE_BYTES_MAX) {
        faults_add(faults, name, 0, 0, "%zu bytes (expected at most %u)", length,
                   CERTIFICATE_BYTES_MAX);
        return ERROR_INPUT;
    }
    const size_t before = faults->count + faults->dropped;
    if (document_read_text(&document, name, bytes, length, faults)) {
        document_free(&document);
        return ERROR_INPUT;
    }
    paper.certificate = certificate_new(bytes, length);
    if (!paper.certificate) {
        paper_fault(&paper, NULL, "out of memory");
    } else {
        read_root(&paper, today);
    }
    document_free(&document);
    // A fault of the YAML alone (a key twice, say) leaves a tree.
    if (faults->count + faults->dropped != before) {
        certificate_free(paper.certificate);
        return ERROR_INPUT;
    }
    *out = paper.certificate;
    return OK;
}
