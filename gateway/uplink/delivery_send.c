// Sends what the feed gives, as far as the window, the rate and the broker allow.
#include "uplink/delivery.h"

#define SECOND_US       INT64_C(1000000)
#define IN_FLIGHT_BYTES (8u << 20)
#define PACKET_OVERHEAD 1024 // topic, properties and header of a message, at most
#define RATE_WAIT_US    10000
#define EVENTS_MAX      8 // under way, and at most a quarter of what the broker takes

int delivery_open(struct delivery *delivery, const struct delivery_options *options,
                  struct why *why)
{
    const struct config_uplink *settings = options->settings;
    *delivery = (struct delivery){.settings = settings,
                                  .ledger = options->ledger,
                                  .clock = options->clock,
                                  .notices = options->notices};
    int error = ledger_declare_uplink(options->ledger, settings->name, settings->required, why);
    if (error) {
        return error;
    }
    error = feed_open(&delivery->feed, options->directory, settings->compress, why);
    if (error) {
        return error;
    }
    int64_t retry_max_us =
        settings->reconnect_max_us > SECOND_US ? settings->reconnect_max_us : SECOND_US;
    backoff_init(&delivery->retry, SECOND_US, retry_max_us, options->seed);
    delivery->acknowledged = ledger_cursor(options->ledger, settings->name);
    delivery->size = ledger_size(options->ledger);
    notices_progress(options->notices, delivery->acknowledged, 0, 0);
    return OK;
}

void delivery_close(struct delivery *delivery)
{
    feed_close(delivery->feed);
    delivery->feed = NULL;
}

void delivery_attach(struct delivery *delivery, struct session *session)
{
    window_clear(&delivery->window);
    delivery->session = session;
    delivery->stumbled = false;
    delivery->events = 0;
}

void delivery_look(struct delivery *delivery)
{
    delivery->size = ledger_size(delivery->ledger);
}

void delivery_begin(struct delivery *delivery)
{
    delivery->probing = delivery->no_status = delivery->no_events = false;
    delivery->retry_at_us = 0;
    backoff_reset(&delivery->retry);
    rate_init(&delivery->drain, delivery->settings->drain_rate, clock_mono_us(delivery->clock));
    delivery_look(delivery);
    delivery->acknowledged = ledger_cursor(delivery->ledger, delivery->settings->name);
    delivery->backlog_end = delivery->size;
    delivery->behind = delivery->size > delivery->acknowledged + SESSION_WINDOW_MAX;
    delivery->held = delivery->settings->has_centre;
    feed_rewind(delivery->feed, delivery->acknowledged, true);
    notices_progress(delivery->notices, delivery->acknowledged, 0, 0);
}

void delivery_resume(struct delivery *delivery, uint64_t n)
{
    delivery->held = false;
    delivery->acknowledged = n;
    feed_forget(delivery->feed);
    feed_rewind(delivery->feed, n, false);
    // What is under way still counts as sent, not as the place to go back to.
    window_disown(&delivery->window);
}

void delivery_receipted(struct delivery *delivery, uint64_t size)
{
    ledger_note_cursor(delivery->ledger, delivery->settings->name, size);
    notices_progress(delivery->notices, size, 0, 0);
}

void delivery_hold(struct delivery *delivery)
{
    delivery->held = true;
}

uint64_t delivery_next(const struct delivery *delivery)
{
    return feed_next_block(delivery->feed);
}

static bool has_room(const struct delivery *delivery)
{
    unsigned most = delivery->probing ? 1 : session_window(delivery->session);
    return delivery->window.count < most && delivery->window.bytes < IN_FLIGHT_BYTES;
}

bool delivery_wants_blocks(const struct delivery *delivery)
{
    return !delivery->held && !delivery->stumbled && has_room(delivery) &&
           delivery->retry_at_us <= clock_mono_us(delivery->clock);
}

// 0 when sent. Files and blocks that cannot be sent make us stumble; all else is done without.
static int send_item(struct delivery *delivery, struct feed_item *out)
{
    struct why why;
    int error = session_publish(delivery->session, &out->message, &out->item.id, &why);
    if (error == OK) {
        window_add(&delivery->window, &out->item);
    } else if (error == ERROR_RANGE || error == ERROR_REFUSED) {
        if (out->item.kind == ITEM_BLOCK || out->item.kind == ITEM_FILE) {
            delivery_stumble(delivery, "uplink.rejected", why.text);
        } else {
            notices_fault(delivery->notices, "uplink.rejected", why.text);
        }
    }
    return error;
}

// Of what was there already, only so much a second.
static bool rate_allows(struct delivery *delivery)
{
    uint64_t next = feed_next_block(delivery->feed);
    return next >= delivery->backlog_end || next >= delivery->size ||
           rate_take(&delivery->drain, clock_mono_us(delivery->clock));
}

// What the feed gives next, past what it has to pass over. 0; ERROR_ABSENT: nothing now.
static int take_item(struct delivery *delivery, struct feed_item *out)
{
    struct why why;
    size_t packet_max = session_packet_max(delivery->session);
    size_t chunk_max = packet_max > 2 * PACKET_OVERHEAD ? packet_max - PACKET_OVERHEAD : 1024;
    int error = feed_next(delivery->feed, delivery->size, chunk_max, out, &why);
    if (error == ERROR_RANGE) {
        notices_fault(delivery->notices, "uplink.gap", why.text);
    } else if (error && error != ERROR_ABSENT) {
        if (error == ERROR_DAMAGED) {
            ledger_report_damage(delivery->ledger, why.text);
        }
        delivery_stumble(delivery, "uplink.damaged", why.text);
    }
    return error;
}

int delivery_send(struct delivery *delivery, int64_t *wait_us)
{
    struct feed_item out;
    int64_t left_us = delivery->retry_at_us - clock_mono_us(delivery->clock);
    if (left_us > 0) {
        *wait_us = left_us < *wait_us ? left_us : *wait_us;
        return OK;
    }
    while (!delivery->held && !delivery->stumbled && has_room(delivery)) {
        if (!rate_allows(delivery)) {
            *wait_us = RATE_WAIT_US < *wait_us ? RATE_WAIT_US : *wait_us;
            break;
        }
        int error = take_item(delivery, &out);
        if (error == ERROR_RANGE) {
            continue;
        }
        if (error) {
            break;
        }
        error = send_item(delivery, &out);
        if (error && !delivery->stumbled && out.item.kind != ITEM_DEFINITIONS) {
            return error;
        }
    }
    return OK;
}

void delivery_send_status(struct delivery *delivery, const char *topic, const char *json,
                          size_t length)
{
    struct feed_item out = {.message = {.topic = topic,
                                        .payload = json,
                                        .length = length,
                                        .retain = true,
                                        .content_type = "application/json"},
                            .item = {.kind = ITEM_STATUS, .bytes = length}};
    if (!delivery->no_status && delivery->window.count < session_window(delivery->session)) {
        send_item(delivery, &out);
    }
}

bool delivery_wants_events(const struct delivery *delivery)
{
    unsigned most = session_window(delivery->session);
    unsigned events = most / 4 < EVENTS_MAX ? most / 4 : EVENTS_MAX;
    return !delivery->stumbled && has_room(delivery) && delivery->events < (events ? events : 1);
}

void delivery_send_event(struct delivery *delivery, const char *topic, const char *json,
                         size_t length, uint64_t place)
{
    struct feed_item out = {.message = {.topic = topic,
                                        .payload = json,
                                        .length = length,
                                        .content_type = "application/json"},
                            .item = {.kind = ITEM_EVENT, .n = place, .bytes = length}};
    if (!delivery->no_events && send_item(delivery, &out) == OK) {
        delivery->events++;
    }
}

bool delivery_send_note(struct delivery *delivery, const char *topic, const char *note,
                        size_t length, bool retain)
{
    struct feed_item out = {.message = {.topic = topic,
                                        .payload = note,
                                        .length = length,
                                        .retain = retain,
                                        .content_type = "text/plain; charset=utf-8"},
                            .item = {.kind = ITEM_NOTE, .bytes = length}};
    if (delivery->window.count >= session_window(delivery->session)) {
        return false;
    }
    send_item(delivery, &out);
    return true;
}
