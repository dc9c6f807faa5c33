#include "archive/bounds.h"

#include "ledger/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_TEXT_MAX 4096 // an event holds 1024 bytes before escaping

// A receipt that stands in a block.
struct recorded {
    bool there, verified;
    uint64_t block;
    struct receipt receipt;
    char note[NOTE_TEXT_MAX];
    size_t length;
};

// Of one key.
struct centre {
    struct recorded last;  // in a block before the current one
    struct recorded fresh; // in the current one
    struct bounds_limit lower;
};

struct waiting {
    uint64_t block;
    int64_t t_us, slack_us;
    uint32_t point;
};

struct cover {
    uint64_t last;
    int64_t time_s;
    char centre[NOTE_NAME_MAX + 1];
};

struct bounds {
    const struct trusted_key *keys;
    size_t key_count;
    struct centre *centres; // one a key
    struct cover covers[BOUNDS_CENTRES_MAX];
    size_t cover_count;
    struct waiting *waiting; // a ring
    size_t waiting_first, waiting_count;
    uint64_t outside;
    struct bounds_outside shown[BOUNDS_SHOWN];
    size_t shown_count;
    uint64_t block; // the current one
};

struct bounds *bounds_make(const struct trusted_key *keys, size_t count)
{
    struct bounds *bounds = calloc(1, sizeof *bounds);
    if (!bounds) {
        return NULL;
    }
    bounds->keys = keys;
    bounds->key_count = count < BOUNDS_CENTRES_MAX ? count : BOUNDS_CENTRES_MAX;
    if (count == 0) {
        return bounds;
    }
    bounds->centres = calloc(bounds->key_count, sizeof *bounds->centres);
    bounds->waiting = calloc(BOUNDS_WAITING_MAX, sizeof *bounds->waiting);
    if (!bounds->centres || !bounds->waiting) {
        bounds_free(bounds);
        return NULL;
    }
    return bounds;
}

void bounds_free(struct bounds *bounds)
{
    if (bounds) {
        free(bounds->centres);
        free(bounds->waiting);
        free(bounds);
    }
}

static bool is_key_of(const struct trusted_key *key, const struct receipt *receipt,
                      const struct note *note)
{
    uint8_t id[PUBLIC_KEY_ID];
    public_key_id(&key->key, id);
    return note->count == 1 && memcmp(note->signatures[0].id, id, sizeof id) == 0 &&
           (!key->name[0] || strcmp(key->name, receipt->centre) == 0);
}

const struct trusted_key *bounds_key_of(const struct trusted_key *keys, size_t count,
                                        const struct receipt *receipt, const struct note *note)
{
    for (size_t i = 0; i < count; i++) {
        if (is_key_of(&keys[i], receipt, note)) {
            return &keys[i];
        }
    }
    return NULL;
}

void bounds_cover(struct bounds *bounds, uint64_t last, const struct receipt *receipt)
{
    if (bounds->cover_count == BOUNDS_CENTRES_MAX) {
        return;
    }
    struct cover *cover = &bounds->covers[bounds->cover_count++];
    cover->last = last;
    cover->time_s = receipt->time_s;
    snprintf(cover->centre, sizeof cover->centre, "%s", receipt->centre);
}

static void add_outside(struct bounds *bounds, const struct waiting *reading, bool late,
                        int64_t receipt_s, const char *centre)
{
    bounds->outside++;
    if (bounds->shown_count == BOUNDS_SHOWN) {
        return;
    }
    struct bounds_outside *shown = &bounds->shown[bounds->shown_count++];
    *shown = (struct bounds_outside){.block = reading->block,
                                     .point = reading->point,
                                     .t_us = reading->t_us,
                                     .late = late,
                                     .receipt_s = receipt_s};
    snprintf(shown->centre, sizeof shown->centre, "%s", centre);
}

// False, and it is forgotten, when the centre did not sign it.
static bool is_signed(const struct trusted_key *key, struct recorded *recorded)
{
    struct note note;
    struct receipt receipt;
    if (recorded->there && !recorded->verified) {
        recorded->there =
            receipt_read(&receipt, &note, recorded->note, recorded->length, NULL) == OK &&
            receipt_verify(&receipt, &note, key->name[0] ? key->name : NULL, &key->key, NULL) == OK;
        recorded->verified = true;
    }
    return recorded->there;
}

// --- earlier than a receipt before it

// The latest of the receipts in blocks before; NULL when there is none.
static struct centre *latest(struct bounds *bounds)
{
    struct centre *found = NULL;
    for (size_t i = 0; i < bounds->key_count; i++) {
        struct centre *centre = &bounds->centres[i];
        if (centre->last.there &&
            (!found || centre->last.receipt.time_s > found->last.receipt.time_s)) {
            found = centre;
        }
    }
    return found;
}

// A second in µs, or as near as an int64_t comes.
static int64_t us_of(int64_t seconds)
{
    return seconds > INT64_MAX / 4000000 ? INT64_MAX / 4 : seconds * 1000000;
}

static int64_t least_time(const struct centre *centre)
{
    return centre ? us_of(centre->last.receipt.time_s) - BOUNDS_GRAIN_US : INT64_MIN;
}

// --- later than a receipt that covers it

static const struct cover *cover_of(const struct bounds *bounds, uint64_t block)
{
    const struct cover *found = NULL;
    for (size_t i = 0; i < bounds->cover_count; i++) {
        const struct cover *cover = &bounds->covers[i];
        if (block <= cover->last && (!found || cover->time_s < found->time_s)) {
            found = cover;
        }
    }
    return found;
}

static int64_t greatest_time(int64_t receipt_s)
{
    return us_of(receipt_s) + BOUNDS_GRAIN_US;
}

static void wait_for_receipt(struct bounds *bounds, const struct waiting *reading)
{
    if (bounds->waiting_count == BOUNDS_WAITING_MAX) {
        bounds->waiting_first = (bounds->waiting_first + 1) % BOUNDS_WAITING_MAX;
        bounds->waiting_count--;
    }
    size_t at = (bounds->waiting_first + bounds->waiting_count++) % BOUNDS_WAITING_MAX;
    bounds->waiting[at] = *reading;
}

// The readings below a receipt's size wait no longer.
static void settle(struct bounds *bounds, const struct trusted_key *key, struct recorded *recorded)
{
    int64_t limit_us = greatest_time(recorded->receipt.time_s);
    while (bounds->waiting_count) {
        const struct waiting *reading = &bounds->waiting[bounds->waiting_first];
        if (reading->block >= recorded->receipt.head.size) {
            break;
        }
        if (reading->t_us - reading->slack_us > limit_us) {
            if (!is_signed(key, recorded)) {
                break;
            }
            add_outside(bounds, reading, true, recorded->receipt.time_s, recorded->receipt.centre);
        }
        bounds->waiting_first = (bounds->waiting_first + 1) % BOUNDS_WAITING_MAX;
        bounds->waiting_count--;
    }
}

// --- blocks

static int64_t within(int64_t number, int64_t least, int64_t most)
{
    return number < least ? least : number > most ? most : number;
}

// Times come from a file and may be anything: no sum of them may overflow.
static struct waiting waiting_of(const struct block_view *view, const struct block_reading *reading)
{
    return (struct waiting){.block = view->n,
                            .t_us = within(reading->t_us, INT64_MIN / 2, INT64_MAX / 2),
                            .slack_us = within(reading->half_window_us, 0, INT64_MAX / 8) +
                                        within(view->clock.error_us, 0, INT64_MAX / 8),
                            .point = reading->point};
}

static void take_readings(struct bounds *bounds, const struct block_view *view)
{
    struct centre *before = latest(bounds);
    const struct cover *cover = cover_of(bounds, view->n);
    int64_t least_us = least_time(before);
    int64_t greatest_us = cover ? greatest_time(cover->time_s) : INT64_MAX;
    for (size_t i = 0; i < view->reading_count; i++) {
        struct waiting reading = waiting_of(view, &view->readings[i]);
        while (before && reading.t_us + reading.slack_us < least_us) {
            if (is_signed(&bounds->keys[before - bounds->centres], &before->last)) {
                add_outside(bounds, &reading, false, before->last.receipt.time_s,
                            before->last.receipt.centre);
                break;
            }
            before = latest(bounds);
            least_us = least_time(before);
        }
        if (reading.t_us - reading.slack_us > greatest_us) {
            add_outside(bounds, &reading, true, cover->time_s, cover->centre);
        } else if (bounds->key_count) {
            wait_for_receipt(bounds, &reading);
        }
    }
}

static void take_receipt(void *context, const struct receipt *receipt, const struct note *note,
                         const struct text *text)
{
    struct bounds *bounds = context;
    for (size_t i = 0; i < bounds->key_count; i++) {
        struct recorded *fresh = &bounds->centres[i].fresh;
        if (is_key_of(&bounds->keys[i], receipt, note) && receipt->head.size <= bounds->block &&
            text->data && text->length <= sizeof fresh->note) {
            fresh->there = true;
            fresh->verified = false;
            fresh->block = bounds->block;
            fresh->receipt = *receipt;
            memcpy(fresh->note, text->data, text->length);
            fresh->length = text->length;
            settle(bounds, &bounds->keys[i], fresh);
        }
    }
}

// What stands in this block is before all that follow.
static void promote(struct bounds *bounds, size_t i)
{
    struct centre *centre = &bounds->centres[i];
    if (!centre->fresh.there) {
        return;
    }
    if (!centre->lower.there && is_signed(&bounds->keys[i], &centre->fresh)) {
        centre->lower = (struct bounds_limit){.there = true,
                                              .block = centre->fresh.block,
                                              .time_s = centre->fresh.receipt.time_s,
                                              .size = centre->fresh.receipt.head.size};
        snprintf(centre->lower.centre, sizeof centre->lower.centre, "%s",
                 centre->fresh.receipt.centre);
    }
    if (centre->fresh.there) {
        centre->last = centre->fresh;
        centre->fresh.there = false;
    }
}

void bounds_take(struct bounds *bounds, const struct block_view *view)
{
    bounds->block = view->n;
    take_readings(bounds, view);
    if (bounds->key_count) {
        bounds_each_receipt(view, take_receipt, bounds);
        for (size_t i = 0; i < bounds->key_count; i++) {
            promote(bounds, i);
        }
    }
}

struct bounds_limit bounds_lower(const struct bounds *bounds)
{
    struct bounds_limit found = {0};
    for (size_t i = 0; i < bounds->key_count; i++) {
        const struct bounds_limit *lower = &bounds->centres[i].lower;
        if (lower->there && (!found.there || lower->block < found.block ||
                             (lower->block == found.block && lower->time_s > found.time_s))) {
            found = *lower;
        }
    }
    return found;
}

uint64_t bounds_outside(const struct bounds *bounds, const struct bounds_outside **shown,
                        size_t *shown_count)
{
    *shown = bounds->shown;
    *shown_count = bounds->shown_count;
    return bounds->outside;
}

void bounds_each_receipt(const struct block_view *view,
                         void (*each)(void *context, const struct receipt *receipt,
                                      const struct note *note, const struct text *text),
                         void *context)
{
    for (size_t i = 0; i < view->event_count; i++) {
        const struct block_event *event = &view->events[i];
        if (event->kind_length != 7 || memcmp(event->kind, "receipt", 7) != 0) {
            continue;
        }
        struct text text = text_make(NOTE_TEXT_MAX);
        struct receipt receipt;
        struct note note;
        cursor_unescape(&text, event->text, event->text_length);
        if (!text.failed &&
            receipt_read(&receipt, &note, text.data ? text.data : "", text.length, NULL) == OK &&
            strcmp(receipt.head.origin, view->origin) == 0) {
            each(context, &receipt, &note, &text);
        }
        text_free(&text);
    }
}
