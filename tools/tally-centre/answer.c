// What the centre says about a log, signed: receipts, heads, `resume`.
//
// - An accepted log: its head, when it moved and when a hello asks. Kept with the ledger before it
//   is published, when it is the first of that size.
// - A log that nobody has accepted: a hello is answered with a head of size 0, which claims
//   nothing, so that the gateway begins to send: it sends nothing before it has an answer, and a
//   person who accepts a log wants to see that there is one. What is held already is not sent
//   again: a `resume`, which claims nothing either, says where to go on.
// - A suspect log: a hello is answered with the last head that was receipted, and nothing newer:
//   the clone, or the gateway restored from a copy, sees that it is not its own and begins a new
//   log.
// - A revoked one: nothing.
#include "centre.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int64_t now_s(const struct centre *centre)
{
    return clock_wall_us(centre->clock) / 1000000;
}

static int sign_receipt(struct centre *centre, const struct roster_log *log,
                        const struct checkpoint *head, uint64_t from, bool answers,
                        struct text *out, struct why *why)
{
    struct receipt receipt = {.time_s = now_s(centre), .from = from, .head = *head};
    snprintf(receipt.centre, sizeof receipt.centre, "%s", centre->settings->name);
    snprintf(receipt.nonce, sizeof receipt.nonce, "%s",
             answers && log->row.nonce[0] ? log->row.nonce : "-");
    return receipt_sign(out, &receipt, centre->key, why);
}

static bool publish_receipt(struct centre *centre, struct roster_log *log, const struct text *note)
{
    char topic[TOPIC_MAX];
    topic_write(topic, log->intake.origin, "receipt");
    return broker_publish(centre->broker, topic, note->data, note->length, true,
                          &log->receipt_id) == OK;
}

void centre_resume(struct centre *centre, struct roster_log *log)
{
    struct resume resume = {.time_s = now_s(centre), .from = log->intake.head.frontier.size};
    struct text note = text_make(NOTE_BYTES_MAX);
    struct why why = {""};
    char topic[TOPIC_MAX];
    int id;
    if (!log->row.nonce[0] || log->row.state == LOG_REVOKED) {
        return;
    }
    snprintf(resume.centre, sizeof resume.centre, "%s", centre->settings->name);
    snprintf(resume.nonce, sizeof resume.nonce, "%s", log->row.nonce);
    snprintf(resume.origin, sizeof resume.origin, "%s", log->intake.origin);
    topic_write(topic, log->intake.origin, "resume");
    if (resume_sign(&note, &resume, centre->key, &why) == OK) {
        (void)broker_publish(centre->broker, topic, note.data, note.length, false, &id);
    } else {
        log_error("%s", why.text);
    }
    text_free(&note);
}

// What failed, as the log's state. Always false.
static bool put_off(const struct centre *centre, struct roster_log *log, const struct why *why)
{
    intake_store_failed(&log->intake, clock_mono_us(centre->clock), why);
    log->dirty = true;
    return false;
}

// Of what is held now. `size` 0: claims nothing.
static void head_of(const struct roster_log *log, bool nothing, struct checkpoint *head)
{
    static const struct frontier empty = {.size = 0};
    const struct frontier *frontier = nothing ? &empty : &log->intake.head.frontier;
    *head = (struct checkpoint){.size = frontier->size, .root = frontier_root(frontier)};
    snprintf(head->origin, sizeof head->origin, "%s", log->intake.origin);
}

static bool answer_accepted(struct centre *centre, struct roster_log *log)
{
    const struct store_head *held = &log->intake.head;
    struct text note = text_make(NOTE_BYTES_MAX);
    struct why why = {""};
    struct checkpoint head;
    bool fresh = held->frontier.size > held->receipted;
    head_of(log, false, &head);
    int error = OK;
    if (fresh || log->greeted) {
        error = sign_receipt(centre, log, &head, held->first, log->greeted, &note, &why);
    }
    error = error ? error
                  : intake_keep_notes(&centre->intake, &log->intake, centre->settings->name,
                                      fresh ? &note : NULL, &why);
    bool done =
        error ? put_off(centre, log, &why) : !note.length || publish_receipt(centre, log, &note);
    if (done && note.length) {
        log->row.receipt_us = clock_wall_us(centre->clock);
        log->greeted = false;
        log->dirty = true;
    }
    text_free(&note);
    return done;
}

static bool answer_waiting(struct centre *centre, struct roster_log *log)
{
    struct text note = text_make(NOTE_BYTES_MAX);
    struct why why = {""};
    struct checkpoint head;
    head_of(log, true, &head);
    int error =
        intake_keep_notes(&centre->intake, &log->intake, centre->settings->name, NULL, &why);
    if (!error && log->greeted) {
        error = sign_receipt(centre, log, &head, 0, true, &note, &why);
    }
    bool done =
        error ? put_off(centre, log, &why) : !note.length || publish_receipt(centre, log, &note);
    text_free(&note);
    if (done && log->greeted) {
        log->greeted = false;
        if (log->intake.head.frontier.size) {
            centre_resume(centre, log);
        }
    }
    return done;
}

static bool answer_suspect(struct centre *centre, struct roster_log *log)
{
    struct text note = text_make(NOTE_BYTES_MAX);
    struct store_head held;
    struct checkpoint head;
    struct why why = {""};
    if (!log->greeted) {
        return true;
    }
    const struct store *store = &centre->store;
    int error = store->load(store->context, log->intake.origin, &held, &why);
    head_of(log, true, &head);
    if (!error && held.receipted) {
        head.size = held.receipted;
        error = store->root(store->context, log->intake.origin, head.size, &head.root, &why);
    }
    error = error ? error : sign_receipt(centre, log, &head, held.first, true, &note, &why);
    bool done = error ? put_off(centre, log, &why) : publish_receipt(centre, log, &note);
    log->greeted = log->greeted && !done;
    text_free(&note);
    return done;
}

bool centre_answer(struct centre *centre, struct roster_log *log, int64_t now_us)
{
    if (log->row.state == LOG_REVOKED) {
        log->greeted = false;
        return true;
    }
    if (!broker_is_up(centre->broker)) {
        return false;
    }
    if (log->intake.forked) {
        return answer_suspect(centre, log);
    }
    if (!intake_is_ready(&centre->intake, &log->intake, now_us)) {
        return false;
    }
    return log->row.state == LOG_ACCEPTED ? answer_accepted(centre, log)
                                          : answer_waiting(centre, log);
}
