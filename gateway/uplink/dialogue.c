#include "uplink/dialogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define HELLO_FIRST_US INT64_C(1000000) // until it is said again, each time twice as long
#define HELLO_AGAIN_US INT64_C(30000000)
#define BACKLOG_BLOCKS 256 // while behind, a checkpoint after so many

void dialogue_begin(struct dialogue *dialogue, struct delivery *delivery, struct signer *signer)
{
    const char *prefix = feed_topic_prefix(delivery->feed);
    const struct config_uplink *settings = delivery->settings;
    *dialogue = (struct dialogue){.settings = settings,
                                  .ledger = delivery->ledger,
                                  .clock = delivery->clock,
                                  .notices = delivery->notices,
                                  .delivery = delivery,
                                  .signer = signer,
                                  .note_serial = UINT64_MAX,
                                  .kept = text_make(LEDGER_NOTE_MAX)};
    dialogue->receipts =
        receipts_make(&settings->centre, ledger_origin(delivery->ledger), settings->resend_us,
                      ledger_cursor(delivery->ledger, settings->name));
    snprintf(dialogue->hello_topic, sizeof dialogue->hello_topic, "%shello", prefix);
    snprintf(dialogue->checkpoint_topic, sizeof dialogue->checkpoint_topic, "%scheckpoint", prefix);
    snprintf(dialogue->receipt_topic, sizeof dialogue->receipt_topic, "%sreceipt", prefix);
    snprintf(dialogue->resume_topic, sizeof dialogue->resume_topic, "%sresume", prefix);
}

void dialogue_end(struct dialogue *dialogue)
{
    text_free(&dialogue->kept);
}

static int64_t now_us(const struct dialogue *dialogue)
{
    return clock_mono_us(dialogue->clock);
}

static uint64_t first_kept(struct dialogue *dialogue)
{
    struct ledger_status status;
    ledger_status(dialogue->ledger, &status);
    return status.first;
}

// --- hello

static void say_hello(struct dialogue *dialogue)
{
    struct hello hello = {.key = *signer_key(dialogue->signer),
                          .first = first_kept(dialogue),
                          .size = ledger_size(dialogue->ledger)};
    snprintf(hello.nonce, sizeof hello.nonce, "%s", dialogue->receipts.nonce);
    snprintf(hello.origin, sizeof hello.origin, "%s", dialogue->receipts.origin);
    struct text text = text_make(1024);
    hello_write(&text, &hello);
    if (!text.failed && delivery_send_note(dialogue->delivery, dialogue->hello_topic, text.data,
                                           text.length, false)) {
        dialogue->hello_us = now_us(dialogue);
        dialogue->hello_wait_us =
            dialogue->hello_wait_us ? 2 * dialogue->hello_wait_us : HELLO_FIRST_US;
        if (dialogue->hello_wait_us > HELLO_AGAIN_US) {
            dialogue->hello_wait_us = HELLO_AGAIN_US;
        }
    }
    text_free(&text);
}

int dialogue_up(struct dialogue *dialogue, struct why *why)
{
    dialogue->hello_us = dialogue->hello_wait_us = 0;
    dialogue->signed_size = 0;
    dialogue->subscription_told = false;
    if (!dialogue->settings->has_centre) {
        return OK;
    }
    uint8_t bytes[16];
    char nonce[NONCE_HEX];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return why_set(why, ERROR_SYSTEM, "no random numbers");
    }
    text_format_hex(bytes, sizeof bytes, nonce);
    receipts_connected(&dialogue->receipts, nonce, now_us(dialogue));
    const char *topics[] = {dialogue->receipt_topic, dialogue->resume_topic, NULL};
    int error = session_subscribe(dialogue->delivery->session, topics, why);
    if (!error) {
        say_hello(dialogue);
    }
    return error;
}

void dialogue_down(struct dialogue *dialogue)
{
    if (dialogue->allowing) {
        dialogue->allowing = false;
        signer_hold(dialogue->signer);
    }
}

// --- what the centre says

static int own_root(void *context, uint64_t size, struct digest *root)
{
    struct dialogue *dialogue = context;
    return feed_root(dialogue->delivery->feed, size, root);
}

// By the centre's signature this log is not the one it holds: it is never signed again, and the
// daemon begins another, which names it.
static void on_contradiction(struct dialogue *dialogue, const struct why *why)
{
    char text[WHY_MAX];
    if (dialogue->contradicted) {
        return;
    }
    dialogue->contradicted = true;
    signer_forbid(dialogue->signer);
    delivery_hold(dialogue->delivery);
    snprintf(text, sizeof text,
             "the centre of uplink %s does not hold this log: %.200s. It was put back to an "
             "earlier state, or is written by two gateways",
             dialogue->settings->name, why->text);
    notices_fault(dialogue->notices, "uplink.contradicted", text);
    ledger_report_damage(dialogue->ledger, text);
}

// Kept, and put on record: every block that follows is later than this receipt.
static void keep_receipt(struct dialogue *dialogue, const struct receipt *receipt,
                         const void *bytes, size_t length)
{
    char text[LEDGER_RECEIPT_MAX + 1];
    struct why why;
    delivery_receipted(dialogue->delivery, dialogue->receipts.cursor);
    if (ledger_put_note(dialogue->ledger, LEDGER_RECEIPT, dialogue->settings->name,
                        receipt->head.size, bytes, length, &why)) {
        notices_fault(dialogue->notices, "uplink.receipt-ignored", why.text);
    }
    if (length < sizeof text) {
        memcpy(text, bytes, length);
        text[length] = '\0';
        notices_record(dialogue->notices, "receipt", receipt->centre, text);
    }
}

static void send_from(struct dialogue *dialogue, uint64_t n)
{
    delivery_resume(dialogue->delivery, n);
    dialogue->way_from = n;
    dialogue->signed_size = 0;
}

// From the centre's head on, which may be before the cursor when the centre was put back.
static void go_on_from(struct dialogue *dialogue, uint64_t head)
{
    uint64_t first = first_kept(dialogue);
    send_from(dialogue, head > first ? head : first);
    if (!dialogue->allowing) {
        dialogue->allowing = true;
        signer_allow(dialogue->signer);
    }
    notices_all_well(dialogue->notices);
}

static void on_receipt(struct dialogue *dialogue, const void *payload, size_t length)
{
    struct receipt receipt;
    struct why why = {""};
    uint64_t before = dialogue->receipts.cursor;
    enum receipts_verdict verdict = receipts_take(
        &dialogue->receipts, payload, length, first_kept(dialogue), ledger_size(dialogue->ledger),
        own_root, dialogue, now_us(dialogue), &receipt, &why);
    if (dialogue->receipts.cursor > before) {
        keep_receipt(dialogue, &receipt, payload, length);
    }
    switch (verdict) {
    case RECEIPTS_CONTRADICTS: on_contradiction(dialogue, &why); break;
    case RECEIPTS_ANSWERED: go_on_from(dialogue, receipt.head.size); break;
    case RECEIPTS_IGNORED: {
        char text[WHY_MAX];
        snprintf(text, sizeof text, "a receipt was not taken: %.400s", why.text);
        notices_fault(dialogue->notices, "uplink.receipt-ignored", text);
        break;
    }
    default: break;
    }
}

static void on_resume(struct dialogue *dialogue, const void *payload, size_t length)
{
    struct why why = {""};
    uint64_t from;
    enum receipts_verdict verdict =
        receipts_resume(&dialogue->receipts, payload, length, first_kept(dialogue),
                        ledger_size(dialogue->ledger), now_us(dialogue), &from, &why);
    if (verdict == RECEIPTS_RESUME) {
        send_from(dialogue, from);
    }
}

void dialogue_received(void *context, const char *topic, const void *payload, size_t length)
{
    struct dialogue *dialogue = context;
    if (dialogue->contradicted) {
        return;
    }
    if (strcmp(topic, dialogue->receipt_topic) == 0) {
        on_receipt(dialogue, payload, length);
    } else if (strcmp(topic, dialogue->resume_topic) == 0) {
        on_resume(dialogue, payload, length);
    }
}

// --- checkpoints

// Tried again at the next turn when there is no room now.
static void publish_checkpoint(struct dialogue *dialogue, const struct text *note, uint64_t size)
{
    if (delivery_send_note(dialogue->delivery, dialogue->checkpoint_topic, note->data, note->length,
                           true)) {
        dialogue->signed_size = dialogue->way_from = size;
    }
}

// Whoever checks blocks against a checkpoint must keep them until it comes: while there is a
// backlog, one is signed every so many blocks.
static void sign_on_the_way(struct dialogue *dialogue, uint64_t next)
{
    struct text note = text_make(LEDGER_NOTE_MAX);
    struct why why;
    if (signer_checkpoint(dialogue->signer, next, &note, &why) == OK) {
        publish_checkpoint(dialogue, &note, next);
    }
    text_free(&note);
}

// The ledger's own checkpoint as soon as all its blocks were sent.
static void look_at_checkpoints(struct dialogue *dialogue)
{
    uint64_t next = delivery_next(dialogue->delivery);
    uint64_t serial = ledger_note_serial(dialogue->ledger);
    if (serial != dialogue->note_serial) {
        dialogue->note_serial = serial;
        if (ledger_get_note(dialogue->ledger, LEDGER_CHECKPOINT, "", &dialogue->kept,
                            &dialogue->kept_size) != OK) {
            dialogue->kept_size = 0;
        }
    }
    if (dialogue->kept_size > dialogue->signed_size && next >= dialogue->kept_size) {
        publish_checkpoint(dialogue, &dialogue->kept, dialogue->kept_size);
    } else if (dialogue->settings->has_centre && next >= dialogue->way_from + BACKLOG_BLOCKS) {
        sign_on_the_way(dialogue, next);
    }
}

// --- every turn

static void look_at_subscription(struct dialogue *dialogue)
{
    int reason = session_subscription(dialogue->delivery->session);
    if (reason >= 0x80 && !dialogue->subscription_told) {
        char text[128];
        snprintf(text, sizeof text, "the broker does not let us read our receipts: %s (0x%02x)",
                 session_reason(reason), (unsigned)reason);
        notices_fault(dialogue->notices, "uplink.rejected", text);
        dialogue->subscription_told = true;
    }
}

void dialogue_look(struct dialogue *dialogue)
{
    if (dialogue->contradicted) {
        return;
    }
    if (dialogue->settings->has_centre) {
        look_at_subscription(dialogue);
        if (!dialogue->receipts.answered) {
            if (now_us(dialogue) - dialogue->hello_us < dialogue->hello_wait_us) {
                return;
            }
            bool long_since = dialogue->hello_wait_us == HELLO_AGAIN_US;
            say_hello(dialogue);
            if (long_since) {
                notices_fault(dialogue->notices, "uplink.unanswered",
                              "the centre has not answered: nothing is sent before it does");
            }
            return;
        }
        if (receipts_resend(&dialogue->receipts, delivery_next(dialogue->delivery),
                            now_us(dialogue))) {
            notices_tell(dialogue->notices, "uplink.resent",
                         "no receipt came: sent again from the last one");
            send_from(dialogue, dialogue->receipts.cursor);
        }
    }
    if (dialogue->signer) {
        look_at_checkpoints(dialogue);
    }
}
