#include "measure/ended.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

static bool read_time(struct document *document, const struct node *node, int64_t *out)
{
    const char *text;
    if (!document_string(document, node, "ended", 1, 64, &text)) {
        return false;
    }
    if (clock_parse_utc(text, out) != OK) {
        document_fault(document, node,
                       "ended %s: not a time (expected one such as 2026-03-02T08:00:00Z)", text);
        return false;
    }
    return true;
}

static bool read_text(struct document *document, const struct node *node, const char *what,
                      char *out, size_t max)
{
    const char *text;
    if (!document_string(document, node, what, 1, max, &text)) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

int ended_read(struct ended *ended, const char *name, const char *bytes, size_t length,
               struct faults *faults)
{
    struct document document;
    const struct node *at = NULL, *by = NULL, *reason = NULL;
    const struct document_key keys[] = {{"ended", true, NODE_SCALAR, &at},
                                        {"by", true, NODE_SCALAR, &by},
                                        {"reason", true, NODE_SCALAR, &reason}};
    const size_t before = faults->count + faults->dropped;
    *ended = (struct ended){.at_us = 0};
    if (document_read_text(&document, name, bytes, length, faults) == OK) {
        document_read_keys(&document, document.root, "end of a certificate", keys, 3);
        if (at) {
            read_time(&document, at, &ended->at_us);
        }
        if (by) {
            read_text(&document, by, "by", ended->account, ENDED_ACCOUNT_MAX);
        }
        if (reason) {
            read_text(&document, reason, "reason", ended->reason, ENDED_REASON_MAX);
        }
    }
    document_free(&document);
    return faults->count + faults->dropped == before ? OK : ERROR_INPUT;
}

void ended_write(struct text *out, const struct ended *ended)
{
    char utc[32];
    clock_format_utc(ended->at_us, utc);
    text_append_format(out, "ended: %s\nby: ", utc);
    text_append_json(out, ended->account);
    text_append_string(out, "\nreason: ");
    text_append_json(out, ended->reason);
    text_append_string(out, "\n");
}
