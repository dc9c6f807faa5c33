#include "archive/anchor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int anchor_checkpoint(const struct anchors *anchors, const char *origin, const void *note,
                      size_t length, struct checkpoint *checkpoint, struct why *why)
{
    const struct trusted_key *gateway = anchors->gateway;
    struct note parts;
    int error = note_read(&parts, note, length, why);
    error = error ? error : checkpoint_read(checkpoint, parts.text, parts.text_length, why);
    if (error) {
        return error;
    }
    if (origin && strcmp(checkpoint->origin, origin) != 0) {
        return why_set(why, ERROR_INPUT, "it is of another log, %s", checkpoint->origin);
    }
    if (gateway && gateway->name[0] && strcmp(gateway->name, checkpoint->origin) != 0) {
        return why_set(why, ERROR_ABSENT, "it is of the log %s; the key given is that of %s",
                       checkpoint->origin, gateway->name);
    }
    return gateway ? note_verify_sole(&parts, checkpoint->origin, &gateway->key, why) : OK;
}

static void note_unknown(struct verdict *verdict, const char *centre)
{
    for (size_t i = 0; i < verdict->unknown_count; i++) {
        if (strcmp(verdict->unknown[i], centre) == 0) {
            return;
        }
    }
    if (verdict->unknown_count < BOUNDS_CENTRES_MAX) {
        snprintf(verdict->unknown[verdict->unknown_count++], sizeof verdict->unknown[0], "%s",
                 centre);
    }
}

static void object(const struct anchoring *anchoring, const struct receipt *receipt,
                   const char *what)
{
    struct why why;
    why_set(&why, ERROR_REFUSED, "receipt of %s over %" PRIu64 " blocks: %s", receipt->centre,
            receipt->head.size, what);
    run_object(anchoring->run, &why);
}

// A key of this name or of this identifier is given, though not of both.
static bool is_half_known(const struct anchors *anchors, const struct receipt *receipt,
                          const struct note *note)
{
    for (size_t i = 0; i < anchors->centre_count; i++) {
        uint8_t id[PUBLIC_KEY_ID];
        public_key_id(&anchors->centres[i].key, id);
        if (strcmp(anchors->centres[i].name, receipt->centre) == 0 ||
            memcmp(note->signatures[0].id, id, sizeof id) == 0) {
            return true;
        }
    }
    return false;
}

bool anchor_receipt(struct anchoring *anchoring, const struct receipt *receipt,
                    const struct note *note)
{
    const struct anchors *anchors = anchoring->anchors;
    const struct trusted_key *key =
        bounds_key_of(anchors->centres, anchors->centre_count, receipt, note);
    if (!key) {
        if (is_half_known(anchors, receipt, note)) {
            object(anchoring, receipt, "not signed by the key that was given for it");
        } else {
            note_unknown(anchoring->verdict, receipt->centre);
        }
        return false;
    }
    anchoring->used[key - anchors->centres] = true;
    struct why why = {""};
    if (receipt_verify(receipt, note, key->name[0] ? key->name : NULL, &key->key, &why)) {
        object(anchoring, receipt, why.text);
        return false;
    }
    return true;
}

static void given(struct anchoring *anchoring, const struct text *bytes,
                  const struct checkpoint *head)
{
    struct receipt receipt;
    struct note note;
    struct why particulars = {""}, why;
    if (receipt_read(&receipt, &note, bytes->data, bytes->length, &particulars)) {
        why_set(&why, ERROR_INPUT, "the receipt given: %s", particulars.text);
        run_object(anchoring->run, &why);
        return;
    }
    if (!anchor_receipt(anchoring, &receipt, &note)) {
        return;
    }
    if (strcmp(receipt.head.origin, head->origin) != 0) {
        object(anchoring, &receipt, "it is of another log than this");
    } else if (receipt.head.size > head->size) {
        object(anchoring, &receipt,
               "the centre held more than this shows: the end of the log was cut off");
    } else if (receipt.head.size == head->size &&
               memcmp(&receipt.head.root, &head->root, sizeof head->root) != 0) {
        object(anchoring, &receipt, "the centre held other blocks than these");
    }
}

void anchor_given(struct anchoring *anchoring, const struct checkpoint *head)
{
    for (size_t i = 0; i < anchoring->anchors->receipt_count; i++) {
        given(anchoring, &anchoring->anchors->receipts[i], head);
    }
}

void anchor_finish(const struct anchoring *anchoring)
{
    for (size_t i = 0; i < anchoring->anchors->centre_count; i++) {
        if (!anchoring->used[i] && anchoring->verdict->unknown_count) {
            struct why why;
            const char *name = anchoring->anchors->centres[i].name;
            why_set(&why, ERROR_ABSENT,
                    "there is a receipt of %s, and none by a key that was given%s%s",
                    anchoring->verdict->unknown[0], name[0] ? ": " : "", name);
            run_object(anchoring->run, &why);
        }
    }
}

void anchor_limit(struct verdict *verdict, const struct receipt *receipt, uint64_t last)
{
    struct bounds_limit *upper = &verdict->upper;
    if (upper->there &&
        (last < upper->block || (last == upper->block && receipt->time_s >= upper->time_s))) {
        return;
    }
    *upper = (struct bounds_limit){
        .there = true, .block = last, .time_s = receipt->time_s, .size = receipt->head.size};
    snprintf(upper->centre, sizeof upper->centre, "%s", receipt->centre);
}

void verdict_fill(struct verdict *verdict, const struct run *run, const struct bounds *bounds)
{
    const struct bounds_outside *shown;
    snprintf(verdict->origin, sizeof verdict->origin, "%s", run->origin);
    verdict->readings = run->readings;
    verdict->missed = run->missed;
    verdict->events = run->events;
    verdict->t_lo_us = run->t_lo_us;
    verdict->t_hi_us = run->t_hi_us;
    verdict->fault = run->fault;
    verdict->faults = run->faults;
    verdict->lower = bounds_lower(bounds);
    verdict->outside = bounds_outside(bounds, &shown, &verdict->shown_count);
    memcpy(verdict->shown, shown, verdict->shown_count * sizeof *shown);
}
