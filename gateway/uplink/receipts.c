#include "uplink/receipts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct receipts receipts_make(const struct trusted_key *centre, const char *origin,
                              int64_t resend_us, uint64_t cursor)
{
    struct receipts receipts = {
        .centre = centre, .resend_us = resend_us, .cursor = cursor, .resend_step = 1};
    snprintf(receipts.origin, sizeof receipts.origin, "%s", origin);
    return receipts;
}

void receipts_connected(struct receipts *receipts, const char *nonce, int64_t now_us)
{
    snprintf(receipts->nonce, sizeof receipts->nonce, "%s", nonce);
    receipts->answered = false;
    receipts->heard_us = now_us;
    receipts->resend_step = 1;
    receipts->resumed_us = 0;
}

// The name that the centre must have; NULL: its key says enough.
static const char *name_of(const struct receipts *receipts)
{
    return receipts->centre->name[0] ? receipts->centre->name : NULL;
}

// Whether the head is in our log. What the centre signed stays true, however old: a size beyond
// ours, or another root, means that this log was put back to an earlier state, or is another's.
static int compare(const struct checkpoint *head, uint64_t size, receipts_root *root, void *context,
                   struct why *why)
{
    struct digest own;
    if (head->size > size) {
        return why_set(why, ERROR_REFUSED, "it holds %" PRIu64 " blocks, this log has %" PRIu64,
                       head->size, size);
    }
    int error = root(context, head->size, &own);
    if (error) {
        return why_set(why, error, "the root of %" PRIu64 " blocks cannot be had", head->size);
    }
    return memcmp(&own, &head->root, sizeof own) == 0
               ? OK
               : why_set(why, ERROR_REFUSED, "its root of %" PRIu64 " blocks is another",
                         head->size);
}

enum receipts_verdict receipts_take(struct receipts *receipts, const void *bytes, size_t length,
                                    uint64_t first, uint64_t size, receipts_root *root,
                                    void *context, int64_t now_us, struct receipt *receipt,
                                    struct why *why)
{
    if (receipt_open(receipt, bytes, length, name_of(receipts), &receipts->centre->key, why)) {
        return RECEIPTS_IGNORED;
    }
    if (strcmp(receipt->head.origin, receipts->origin) != 0) {
        why_set(why, ERROR_INPUT, "it is of the log %s", receipt->head.origin);
        return RECEIPTS_IGNORED;
    }
    int error = compare(&receipt->head, size, root, context, why);
    if (error) {
        return error == ERROR_REFUSED ? RECEIPTS_CONTRADICTS : RECEIPTS_IGNORED;
    }
    // One that leaves out blocks which the cursor has not passed says nothing about them.
    uint64_t known = receipts->cursor > first ? receipts->cursor : first;
    bool rises = receipt->head.size > receipts->cursor && receipt->from <= known;
    bool answers =
        !receipts->answered && receipts->nonce[0] && strcmp(receipt->nonce, receipts->nonce) == 0;
    if (rises) {
        receipts->cursor = receipt->head.size;
        receipts->resend_step = 1;
    }
    if (rises || answers) {
        receipts->heard_us = now_us;
    }
    receipts->answered = receipts->answered || answers;
    return answers ? RECEIPTS_ANSWERED : rises ? RECEIPTS_RISEN : RECEIPTS_OLD;
}

enum receipts_verdict receipts_resume(struct receipts *receipts, const void *bytes, size_t length,
                                      uint64_t first, uint64_t size, int64_t now_us, uint64_t *from,
                                      struct why *why)
{
    struct resume resume;
    if (resume_open(&resume, bytes, length, name_of(receipts), &receipts->centre->key, why)) {
        return RECEIPTS_IGNORED;
    }
    bool soon = receipts->resumed_us && now_us - receipts->resumed_us < RECEIPTS_RESUME_US;
    if (strcmp(resume.origin, receipts->origin) != 0) {
        why_set(why, ERROR_INPUT, "it is of the log %s", resume.origin);
    } else if (strcmp(resume.nonce, receipts->nonce) != 0) {
        why_set(why, ERROR_INPUT, "it is not of this connection");
    } else if (!receipts->answered) {
        why_set(why, ERROR_INPUT, "it came before the answer to the hello");
    } else if (resume.from < first || resume.from > size) {
        why_set(why, ERROR_RANGE, "it asks for block %" PRIu64 "; kept are %" PRIu64 " to %" PRIu64,
                resume.from, first, size);
    } else if (soon || (receipts->resumed_us && resume.time_s <= receipts->resume_time_s)) {
        why_set(why, ERROR_REFUSED, "one was obeyed within the last half minute");
    } else {
        receipts->resumed_us = now_us;
        receipts->resume_time_s = resume.time_s;
        *from = resume.from;
        return RECEIPTS_RESUME;
    }
    return RECEIPTS_IGNORED;
}

bool receipts_resend(struct receipts *receipts, uint64_t sent, int64_t now_us)
{
    if (!receipts->answered || sent <= receipts->cursor) {
        receipts->heard_us = now_us;
        return false;
    }
    if (now_us - receipts->heard_us < receipts->resend_us * receipts->resend_step) {
        return false;
    }
    receipts->heard_us = now_us;
    if (receipts->resend_step < RECEIPTS_RESEND_MAX) {
        receipts->resend_step *= 2;
    }
    return true;
}
