// Takes the broker's answers: moves the cursor over what it took, and goes back over what it did
// not.
#include "uplink/delivery.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

// MQTT 5, 3.4.2.1
enum { REASON_SUCCESS = 0x00, REASON_NO_SUBSCRIBERS = 0x10, REASON_REFUSED_FROM = 0x80 };

void delivery_acknowledged(void *delivery, int id, int reason)
{
    window_answer(&((struct delivery *)delivery)->window, id, reason);
}

void delivery_stumble(struct delivery *delivery, const char *kind, const char *text)
{
    notices_fault(delivery->notices, kind, text);
    delivery->stumbled = true;
}

// After a stumble, once nothing is under way: from the cursor again, after some time.
static void recover(struct delivery *delivery)
{
    if (delivery->stumbled && delivery->window.count == 0) {
        delivery->stumbled = false;
        delivery->probing = true;
        delivery->retry_at_us =
            clock_mono_us(delivery->clock) + backoff_next(&delivery->retry, INT64_MAX);
        feed_rewind(delivery->feed, delivery->acknowledged, false);
    }
}

static bool is_refused(const struct window_item *item)
{
    return item->reason >= REASON_REFUSED_FROM;
}

// Whether what follows may count. A status or definitions that were refused hold nothing back.
static bool is_taken(const struct delivery *delivery, const struct window_item *item)
{
    if (item->kind == ITEM_BLOCK) {
        return item->reason == REASON_SUCCESS ||
               (item->reason == REASON_NO_SUBSCRIBERS && delivery->settings->no_subscribers_accept);
    }
    return item->kind != ITEM_FILE || !is_refused(item);
}

static void say_not_taken(struct delivery *delivery, const struct window_item *item)
{
    static const char *const what[] = {[ITEM_BLOCK] = "blocks",
                                       [ITEM_FILE] = "a file",
                                       [ITEM_DEFINITIONS] = "the definitions",
                                       [ITEM_STATUS] = "the status",
                                       [ITEM_NOTE] = "a note",
                                       [ITEM_EVENT] = "events"};
    char text[TLS_FAULT_MAX];
    if (item->reason == REASON_NO_SUBSCRIBERS) {
        notices_fault(delivery->notices, "uplink.no-subscribers",
                      "nobody subscribes to the blocks: the broker dropped what was sent, and it "
                      "is kept here");
        return;
    }
    snprintf(text, sizeof text, "the broker does not take %s: %s (0x%02x)", what[item->kind],
             session_reason(item->reason), (unsigned)item->reason);
    notices_fault(delivery->notices, "uplink.rejected", text);
}

static void on_block_taken(struct delivery *delivery, const struct window_item *item)
{
    if (!item->disowned) {
        delivery->acknowledged = item->n + 1;
    }
    if (delivery->probing) {
        delivery->probing = false;
        backoff_reset(&delivery->retry);
        notices_all_well(delivery->notices);
    }
    notices_progress(delivery->notices,
                     delivery->settings->has_centre
                         ? ledger_cursor(delivery->ledger, delivery->settings->name)
                         : delivery->acknowledged,
                     1, item->readings);
}

static void on_event_answered(struct delivery *delivery, const struct window_item *item)
{
    delivery->events--;
    delivery->event_place = item->n;
    delivery->no_events = delivery->no_events || is_refused(item);
}

// One message, the oldest, has been answered.
static void settle(struct delivery *delivery, const struct window_item *item)
{
    bool taken = is_taken(delivery, item);
    if (item->kind == ITEM_STATUS && is_refused(item)) {
        delivery->no_status = true;
    }
    if (item->kind == ITEM_EVENT) {
        on_event_answered(delivery, item);
    }
    if (!taken || (item->kind != ITEM_BLOCK && is_refused(item))) {
        say_not_taken(delivery, item);
    }
    if (!taken) {
        delivery->stumbled = true;
    } else if (!delivery->stumbled && item->kind == ITEM_BLOCK) {
        on_block_taken(delivery, item);
    } else if (!delivery->stumbled && item->kind == ITEM_FILE && item->last &&
               item->reason == REASON_SUCCESS && !item->disowned) {
        feed_delivered(delivery->feed, &item->file);
    }
}

void delivery_harvest(struct delivery *delivery)
{
    struct window_item item;
    uint64_t before = delivery->acknowledged;
    while (window_take(&delivery->window, &item)) {
        settle(delivery, &item);
    }
    if (delivery->acknowledged != before && !delivery->settings->has_centre) {
        ledger_note_cursor(delivery->ledger, delivery->settings->name, delivery->acknowledged);
    }
    recover(delivery);
    if (delivery->behind && delivery->window.count == 0 &&
        delivery->acknowledged >= delivery->size) {
        delivery->behind = false;
        malloc_trim(0); // the backlog went through some megabytes
    }
}
