#include "uplink/uplink.h"

#include "base/log.h"
#include "base/lookup.h"
#include "base/thread.h"
#include "uplink/feed.h"
#include "uplink/pace.h"
#include "uplink/session.h"
#include "uplink/tls.h"
#include "uplink/window.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define SECOND_US          INT64_C(1000000)
#define THREAD_STACK_BYTES (256u << 10)
#define TICK_US            SECOND_US        // keep-alive, time limits, certificate files
#define STOP_US            (2 * SECOND_US)  // for acknowledgements and the farewell
#define STEADY_US          (10 * SECOND_US) // up for so long, a connection has proved itself
#define IN_FLIGHT_BYTES    (8u << 20)
#define PACKET_OVERHEAD    1024 // topic, properties and header of a message, at most
#define RATE_WAIT_US       10000
#define STATUS_LOOK_US     (10 * SECOND_US)
#define STATUS_REPEAT_US   (60 * SECOND_US)
#define STATUS_BYTES_MAX   (256u << 10)
#define LOOKUP_LATE_US     (10 * SECOND_US)
// A connection refused at once costs nobody anything: for the first ten minutes it is tried twice a
// second, so that a broker that is back is noticed within a second.
#define QUICK_CAP_US    500000
#define QUICK_PERIOD_US (600 * SECOND_US)
#define QUICK_ANSWER_US 200000
#define REPORTS         4 // faults remembered as reported

enum { REASON_SUCCESS = 0x00, REASON_NO_SUBSCRIBERS = 0x10, REASON_REFUSED_FROM = 0x80 };

struct uplink {
    const struct config_uplink *settings;
    struct ledger *ledger;
    const struct clock *clock;
    struct uplink_hooks hooks;
    char client_id[128];
    char status_topic[BLOCK_ORIGIN_MAX + 32];

    pthread_t thread;
    int stop_fd, watch_fd;
    atomic_bool stopping;
    pthread_mutex_t lock; // guards status
    struct uplink_status status;

    // The thread's own.
    struct tls_files files;
    struct tls *tls, *fresh_tls;      // in use; read anew, for the next connection
    struct tls_stamp loaded, watched; // of the files last read; as last seen
    bool told_own;                    // the fault of our own certificate was reported
    struct feed *feed;
    struct session *session;
    struct window window;
    struct backoff reconnect, retry;
    struct rate drain;
    int64_t lost_us; // when the connection was lost, or we started (monotonic)
    int64_t up_us;
    int64_t tick_us; // of the last tick
    uint64_t acknowledged, size, backlog_end;
    bool was_up;          // in this connection
    bool stumbled;        // a message was not taken: wait for the rest, then go back
    bool probing;         // after that, one block at a time until one is taken
    int64_t retry_at_us;  // nothing is sent before
    bool behind;          // there was a backlog; memory is given back after it
    bool no_status;       // the broker does not want the status
    struct text document; // status as last published
    int64_t document_us;  // when it was published
    int64_t look_us;      // when it was last looked at
    char reported[REPORTS][TLS_FAULT_MAX];
    unsigned report_place;
};

static int64_t now_us(const struct uplink *uplink)
{
    return clock_mono_us(uplink->clock);
}

static bool is_stopping(struct uplink *uplink)
{
    return atomic_load(&uplink->stopping);
}

// --- what people get to know

static void tell(struct uplink *uplink, const char *kind, const char *text)
{
    if (strcmp(kind, "uplink.up") == 0 || strcmp(kind, "uplink.certificate") == 0) {
        log_info("uplink %s: %s", uplink->settings->name, text);
    } else {
        log_warning("uplink %s: %s", uplink->settings->name, text);
    }
    if (uplink->hooks.event) {
        uplink->hooks.event(uplink->hooks.context, kind, uplink->settings->name, text);
    }
}

static void set_fault(struct uplink *uplink, const char *text)
{
    pthread_mutex_lock(&uplink->lock);
    snprintf(uplink->status.last_fault, sizeof uplink->status.last_fault, "%s", text);
    pthread_mutex_unlock(&uplink->lock);
}

static void set_connected(struct uplink *uplink, bool connected)
{
    pthread_mutex_lock(&uplink->lock);
    if (uplink->status.connected != connected) {
        uplink->status.connected = connected;
        uplink->status.since_us = clock_wall_us(uplink->clock);
    }
    pthread_mutex_unlock(&uplink->lock);
}

// A fault that may come again with each try: shown always, put on record once until all is well.
static void report(struct uplink *uplink, const char *kind, const char *text)
{
    set_fault(uplink, text);
    for (unsigned i = 0; i < REPORTS; i++) {
        if (strncmp(uplink->reported[i], text, TLS_FAULT_MAX - 1) == 0) {
            return;
        }
    }
    snprintf(uplink->reported[uplink->report_place], TLS_FAULT_MAX, "%s", text);
    uplink->report_place = (uplink->report_place + 1) % REPORTS;
    tell(uplink, kind, text);
}

static void forget_reports(struct uplink *uplink)
{
    memset(uplink->reported, 0, sizeof uplink->reported);
    set_fault(uplink, "");
}

// --- waiting

// Waits for fd (-1: none) or a stop, at most wait_us. What poll says of fd.
static short wait_for(struct uplink *uplink, int fd, short events, int64_t wait_us)
{
    struct pollfd fds[2] = {{.fd = uplink->stop_fd, .events = POLLIN},
                            {.fd = fd, .events = events}};
    int64_t wait_ms = wait_us <= 0 ? 0 : (wait_us + 999) / 1000;
    poll(fds, 2, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    return fds[1].revents;
}

// --- certificate files

// Reads the files for the first time, or again while they are faulty.
static bool have_certificates(struct uplink *uplink)
{
    struct why why;
    if (uplink->fresh_tls) {
        tls_free(uplink->tls);
        uplink->tls = uplink->fresh_tls;
        uplink->fresh_tls = NULL;
    }
    if (!uplink->tls) {
        tls_stamp(&uplink->files, &uplink->loaded);
        uplink->watched = uplink->loaded;
        if (tls_open(&uplink->tls, &uplink->files, &why)) {
            report(uplink, "uplink.certificate-fault", why.text);
            return false;
        }
    }
    char fault[TLS_FAULT_MAX];
    tls_check_own(uplink->tls, clock_wall_us(uplink->clock) / SECOND_US, fault);
    if (fault[0]) {
        report(uplink, "uplink.certificate-fault", fault); // and the broker decides
    }
    return true;
}

// Reads the files anew when they have changed and then stayed as they are for a tick, so that a
// certificate and its key may be replaced one after the other. True when there is something new.
static bool look_at_certificates(struct uplink *uplink)
{
    struct tls_stamp stamp;
    struct tls *fresh;
    struct why why;
    tls_stamp(&uplink->files, &stamp);
    bool settled = tls_stamp_equal(&stamp, &uplink->watched);
    uplink->watched = stamp;
    if (!settled || tls_stamp_equal(&stamp, &uplink->loaded)) {
        return false;
    }
    uplink->loaded = stamp;
    if (tls_open(&fresh, &uplink->files, &why)) {
        char text[WHY_MAX + 64];
        snprintf(text, sizeof text, "%s%s", why.text,
                 uplink->tls ? "; the certificate read before stays in use" : "");
        tell(uplink, "uplink.certificate-fault", text);
        set_fault(uplink, text);
        return false;
    }
    char when[32], text[128];
    clock_format_utc(tls_not_after_s(fresh) * SECOND_US, when);
    snprintf(text, sizeof text, "certificate files read again; ours is valid until %.10s", when);
    tell(uplink, "uplink.certificate", text);
    tls_free(uplink->fresh_tls);
    uplink->fresh_tls = fresh;
    return true;
}

// --- sending

// Something was not taken: nothing more is sent until the rest is answered and some time has
// passed; then all from the cursor again.
static void stumble(struct uplink *uplink, const char *kind, const char *text)
{
    report(uplink, kind, text);
    uplink->stumbled = true;
}

static void recover(struct uplink *uplink)
{
    if (uplink->stumbled && uplink->window.count == 0) {
        uplink->stumbled = false;
        uplink->probing = true;
        uplink->retry_at_us = now_us(uplink) + backoff_next(&uplink->retry, INT64_MAX);
        feed_rewind(uplink->feed, uplink->acknowledged, false);
    }
}

// 0 when sent. Files and blocks that cannot be sent make us stumble; status and definitions are
// done without.
static int send_item(struct uplink *uplink, struct feed_item *out)
{
    struct why why;
    int error = session_publish(uplink->session, &out->message, &out->item.id, &why);
    if (error == OK) {
        window_add(&uplink->window, &out->item);
    } else if (error == ERROR_RANGE || error == ERROR_REFUSED) {
        if (out->item.kind == ITEM_BLOCK || out->item.kind == ITEM_FILE) {
            stumble(uplink, "uplink.rejected", why.text);
        } else {
            report(uplink, "uplink.rejected", why.text);
        }
    }
    return error;
}

static bool has_room(const struct uplink *uplink)
{
    unsigned most = uplink->probing ? 1 : session_window(uplink->session);
    return uplink->window.count < most && uplink->window.bytes < IN_FLIGHT_BYTES;
}

// Sends what the window, the rate and the broker allow. *wait_us is shortened to when there will be
// more to do.
static int send_feed(struct uplink *uplink, int64_t *wait_us)
{
    struct why why;
    struct feed_item out;
    size_t packet_max = session_packet_max(uplink->session);
    size_t chunk_max = packet_max > 2 * PACKET_OVERHEAD ? packet_max - PACKET_OVERHEAD : 1024;
    int64_t now = now_us(uplink);
    if (now < uplink->retry_at_us) {
        *wait_us = uplink->retry_at_us - now < *wait_us ? uplink->retry_at_us - now : *wait_us;
        return OK;
    }
    while (!uplink->stumbled && has_room(uplink)) {
        uint64_t next = feed_next_block(uplink->feed);
        if (next < uplink->backlog_end && next < uplink->size &&
            !rate_take(&uplink->drain, now_us(uplink))) {
            *wait_us = RATE_WAIT_US < *wait_us ? RATE_WAIT_US : *wait_us;
            break;
        }
        int error = feed_next(uplink->feed, uplink->size, chunk_max, &out, &why);
        if (error == ERROR_ABSENT) {
            break;
        }
        if (error == ERROR_RANGE) {
            report(uplink, "uplink.gap", why.text);
            continue;
        }
        if (error == ERROR_DAMAGED) {
            ledger_report_damage(uplink->ledger, why.text);
        }
        if (error) {
            stumble(uplink, "uplink.damaged", why.text);
            break;
        }
        error = send_item(uplink, &out);
        if (error && !uplink->stumbled && out.item.kind != ITEM_DEFINITIONS) {
            return error;
        }
    }
    return OK;
}

static void publish_status(struct uplink *uplink, const char *json, size_t length)
{
    struct feed_item out = {.message = {.topic = uplink->status_topic,
                                        .payload = json,
                                        .length = length,
                                        .retain = true,
                                        .content_type = "application/json"},
                            .item = {.kind = ITEM_STATUS, .bytes = length}};
    if (!uplink->no_status && uplink->window.count < session_window(uplink->session)) {
        send_item(uplink, &out);
    }
}

// Publishes the status document when it differs from the last one, or a minute has passed.
static void look_at_status(struct uplink *uplink, bool at_once)
{
    int64_t now = now_us(uplink);
    if (!at_once && now - uplink->look_us < STATUS_LOOK_US) {
        return;
    }
    uplink->look_us = now;
    struct text text = text_make(STATUS_BYTES_MAX);
    if (uplink->hooks.status) {
        uplink->hooks.status(uplink->hooks.context, &text);
    } else {
        text_append_string(&text, "{\"online\":true}");
    }
    const struct text *last = &uplink->document;
    bool differs = text.length != last->length ||
                   (text.length && memcmp(text.data, last->data, text.length) != 0);
    if (text.failed || text.length == 0 ||
        (!at_once && !differs && now - uplink->document_us < STATUS_REPEAT_US)) {
        text_free(&text);
        return;
    }
    publish_status(uplink, text.data, text.length);
    text_free(&uplink->document);
    uplink->document = text;
    uplink->document_us = now;
}

// --- acknowledgements

static void on_acknowledged(void *context, int id, int reason)
{
    struct uplink *uplink = context;
    window_answer(&uplink->window, id, reason);
}

static bool is_taken(const struct uplink *uplink, const struct window_item *item)
{
    if (item->kind == ITEM_BLOCK) {
        return item->reason == REASON_SUCCESS ||
               (item->reason == REASON_NO_SUBSCRIBERS && uplink->settings->no_subscribers_accept);
    }
    return item->kind != ITEM_FILE || item->reason < REASON_REFUSED_FROM;
}

static void say_not_taken(struct uplink *uplink, const struct window_item *item)
{
    char text[TLS_FAULT_MAX];
    const char *what = item->kind == ITEM_FILE          ? "a file"
                       : item->kind == ITEM_DEFINITIONS ? "the definitions"
                       : item->kind == ITEM_STATUS      ? "the status"
                                                        : NULL;
    char block[40];
    snprintf(block, sizeof block, "block %" PRIu64, item->n);
    if (item->reason == REASON_NO_SUBSCRIBERS) {
        report(uplink, "uplink.no-subscribers",
               "nobody subscribes to the blocks: the broker dropped what was sent, and it is kept "
               "here");
        return;
    }
    snprintf(text, sizeof text, "the broker does not take %s: %s (0x%02x)",
             what                       ? what
             : item->kind == ITEM_BLOCK ? "blocks"
                                        : block,
             session_reason(item->reason), (unsigned)item->reason);
    report(uplink, "uplink.rejected", text);
}

static void on_block_taken(struct uplink *uplink, const struct window_item *item)
{
    uplink->acknowledged = item->n + 1;
    if (uplink->probing) {
        uplink->probing = false;
        backoff_reset(&uplink->retry);
        forget_reports(uplink);
    }
    pthread_mutex_lock(&uplink->lock);
    uplink->status.acknowledged = uplink->acknowledged;
    uplink->status.published++;
    uplink->status.readings += item->readings;
    pthread_mutex_unlock(&uplink->lock);
}

// Takes what was answered out of the window, in order, and moves the cursor over the blocks that
// were taken, up to the first thing that was not.
static void harvest(struct uplink *uplink)
{
    struct window_item item;
    uint64_t before = uplink->acknowledged;
    while (window_take(&uplink->window, &item)) {
        if (item.kind == ITEM_STATUS && item.reason >= REASON_REFUSED_FROM) {
            uplink->no_status = true;
        }
        if (!is_taken(uplink, &item) ||
            (item.kind != ITEM_BLOCK && item.reason >= REASON_REFUSED_FROM)) {
            say_not_taken(uplink, &item);
        }
        if (!is_taken(uplink, &item)) {
            uplink->stumbled = true;
        } else if (!uplink->stumbled && item.kind == ITEM_BLOCK) {
            on_block_taken(uplink, &item);
        } else if (!uplink->stumbled && item.kind == ITEM_FILE && item.last &&
                   item.reason == REASON_SUCCESS) {
            feed_delivered(uplink->feed, &item.file);
        }
    }
    if (uplink->acknowledged != before) {
        ledger_note_cursor(uplink->ledger, uplink->settings->name, uplink->acknowledged);
    }
    recover(uplink);
    if (uplink->behind && uplink->window.count == 0 && uplink->acknowledged >= uplink->size) {
        uplink->behind = false;
        malloc_trim(0); // the backlog went through some megabytes
    }
}

// --- one connection

static void look_at_ledger(struct uplink *uplink)
{
    eventfd_t count;
    eventfd_read(uplink->watch_fd, &count);
    uplink->size = ledger_size(uplink->ledger);
}

static void on_up(struct uplink *uplink)
{
    int64_t now = now_us(uplink);
    uplink->was_up = true;
    uplink->up_us = now;
    uplink->probing = uplink->no_status = false;
    uplink->retry_at_us = 0;
    backoff_reset(&uplink->retry);
    rate_init(&uplink->drain, uplink->settings->drain_rate, now);
    look_at_ledger(uplink);
    uplink->acknowledged = ledger_cursor(uplink->ledger, uplink->settings->name);
    uplink->backlog_end = uplink->size;
    uplink->behind = uplink->size > uplink->acknowledged + SESSION_WINDOW_MAX;
    feed_rewind(uplink->feed, uplink->acknowledged, true);
    pthread_mutex_lock(&uplink->lock);
    uplink->status.acknowledged = uplink->acknowledged;
    pthread_mutex_unlock(&uplink->lock);
    forget_reports(uplink);
    set_connected(uplink, true);
    tell(uplink, "uplink.up", "connected");
    look_at_status(uplink, true);
}

// Waits until the connection, the ledger or the clock has something for us. What poll says of the
// connection.
static short wait_connected(struct uplink *uplink, int64_t wait_us)
{
    // While nothing may be sent, new blocks need not wake us.
    bool want_blocks = uplink->was_up && !uplink->stumbled && has_room(uplink) &&
                       uplink->retry_at_us <= now_us(uplink);
    struct pollfd fds[3] = {
        {.fd = session_fd(uplink->session), .events = session_events(uplink->session)},
        {.fd = uplink->stop_fd, .events = POLLIN},
        {.fd = want_blocks ? uplink->watch_fd : -1, .events = POLLIN}};
    int ready = poll(fds, 3, (int)((wait_us + 999) / 1000));
    if (ready <= 0) {
        return 0;
    }
    if (fds[2].revents) {
        look_at_ledger(uplink);
    }
    return fds[0].revents;
}

// Says good-bye within STOP_US: what is under way may still be acknowledged, the status says
// offline (when we stop), the will is taken back.
static void part(struct uplink *uplink, bool for_good)
{
    static const char offline[] = "{\"online\":false,\"why\":\"stopped\"}";
    int64_t deadline = now_us(uplink) + STOP_US * 3 / 4;
    enum session_end end;
    struct why why;
    bool said = false;
    if (for_good) {
        publish_status(uplink, offline, sizeof offline - 1);
    }
    for (;;) {
        int64_t left = deadline - now_us(uplink);
        if (!said && (uplink->window.count == 0 || left < STOP_US / 4)) {
            session_disconnect(uplink->session);
            said = true;
        }
        if (left <= 0) {
            return;
        }
        struct pollfd fd = {.fd = session_fd(uplink->session),
                            .events = session_events(uplink->session)};
        if (fd.fd < 0 || poll(&fd, 1, (int)(left < 100000 ? left / 1000 + 1 : 100)) < 0 ||
            session_step(uplink->session, fd.revents, now_us(uplink), &end, &why)) {
            return;
        }
        harvest(uplink);
    }
}

// Once a second. True when the connection is to be replaced by one with other certificates.
static bool tick(struct uplink *uplink)
{
    int64_t now = now_us(uplink);
    if (now - uplink->tick_us < TICK_US) {
        return false;
    }
    uplink->tick_us = now;
    bool renew = look_at_certificates(uplink);
    if (uplink->was_up) {
        look_at_ledger(uplink);
        look_at_status(uplink, false);
        if (now - uplink->up_us >= STEADY_US) {
            backoff_reset(&uplink->reconnect);
        }
    }
    return renew && uplink->was_up;
}

enum ending { ENDING_STOP, ENDING_RENEW, ENDING_FAULT };

// Runs the open session until it ends. Of ENDING_FAULT, *end and why tell more.
static enum ending run_session(struct uplink *uplink, enum session_end *end, struct why *why)
{
    for (;;) {
        int64_t wait_us = TICK_US;
        if (is_stopping(uplink)) {
            return ENDING_STOP;
        }
        if (uplink->was_up && send_feed(uplink, &wait_us)) {
            *end = SESSION_LOST;
            why_set(why, ERROR_CLOSED, "connection lost");
            return ENDING_FAULT;
        }
        short revents = wait_connected(uplink, wait_us);
        if (session_step(uplink->session, revents, now_us(uplink), end, why)) {
            harvest(uplink);
            return ENDING_FAULT;
        }
        if (session_is_up(uplink->session) && !uplink->was_up) {
            on_up(uplink);
        }
        harvest(uplink);
        if (tick(uplink)) {
            return ENDING_RENEW;
        }
    }
}

static int open_session(struct uplink *uplink, const char *address, enum session_end *end,
                        struct why *why)
{
    static const char will[] = "{\"online\":false,\"why\":\"connection lost\"}";
    struct session_message message = {.topic = uplink->status_topic,
                                      .payload = will,
                                      .length = sizeof will - 1,
                                      .retain = true,
                                      .content_type = "application/json"};
    struct session_options options = {.tls = uplink->tls,
                                      .address = address,
                                      .port = uplink->settings->port,
                                      .client_id = uplink->client_id,
                                      .will = &message,
                                      .now_us = now_us(uplink),
                                      .acknowledged = on_acknowledged,
                                      .context = uplink};
    window_clear(&uplink->window);
    uplink->was_up = uplink->stumbled = false;
    return session_open(&uplink->session, &options, end, why);
}

static void on_fault(struct uplink *uplink, enum session_end end, const char *text)
{
    if (end == SESSION_LOST) {
        set_fault(uplink, text);
        tell(uplink, "uplink.down", text);
    } else {
        report(uplink, end == SESSION_REFUSED ? "uplink.refused" : "uplink.unreachable", text);
    }
}

// One try at one address, and all that follows while it is up.
static enum ending try_address(struct uplink *uplink, const char *address, bool last,
                               enum session_end *end)
{
    struct why why;
    enum ending ending = ENDING_FAULT;
    if (open_session(uplink, address, end, &why) == OK) {
        ending = run_session(uplink, end, &why);
        if (ending != ENDING_FAULT && uplink->was_up) {
            part(uplink, ending == ENDING_STOP);
        }
    }
    if (uplink->was_up) {
        uplink->lost_us = now_us(uplink);
        set_connected(uplink, false);
    }
    session_close(uplink->session);
    uplink->session = NULL;
    if (ending == ENDING_FAULT && (last || *end != SESSION_UNREACHABLE)) {
        on_fault(uplink, *end, why.text);
    }
    return ending;
}

// The broker's addresses. 0; ERROR_STOPPED; another error, which was reported.
static int find_addresses(struct uplink *uplink, char addresses[][LOOKUP_ADDRESS_SIZE],
                          size_t *count)
{
    struct lookup *lookup;
    struct why why;
    int64_t started = now_us(uplink);
    int error = lookup_start(&lookup, uplink->settings->host, &why);
    if (error) {
        report(uplink, "uplink.unreachable", why.text);
        return error;
    }
    while ((error = lookup_take(lookup, addresses, count, &why)) == ERROR_BUSY) {
        wait_for(uplink, lookup_fd(lookup), POLLIN, TICK_US);
        if (is_stopping(uplink)) {
            error = ERROR_STOPPED;
            break;
        }
        if (now_us(uplink) - started > LOOKUP_LATE_US) {
            report(uplink, "uplink.unreachable",
                   "no answer from the name server for the broker's host name");
        }
        look_at_certificates(uplink);
    }
    lookup_free(lookup);
    if (error && error != ERROR_STOPPED) {
        report(uplink, "uplink.unreachable", why.text);
    }
    return error;
}

// Tries the broker's addresses in turn, until one answers.
static enum ending try_broker(struct uplink *uplink, enum session_end *end)
{
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t count = 0;
    enum ending ending = ENDING_FAULT;
    *end = SESSION_REFUSED; // for the back-off: not a quick refusal
    if (!have_certificates(uplink) || find_addresses(uplink, addresses, &count)) {
        return is_stopping(uplink) ? ENDING_STOP : ENDING_FAULT;
    }
    for (size_t i = 0; i < count; i++) {
        ending = try_address(uplink, addresses[i], i + 1 == count, end);
        if (ending != ENDING_FAULT || *end != SESSION_UNREACHABLE) {
            break;
        }
    }
    return ending;
}

static void wait_before_retry(struct uplink *uplink, int64_t began_us, enum session_end end)
{
    int64_t now = now_us(uplink);
    bool quick = end == SESSION_UNREACHABLE && now - began_us < QUICK_ANSWER_US &&
                 now - uplink->lost_us < QUICK_PERIOD_US;
    int64_t cap = uplink->settings->reconnect_min_us > QUICK_CAP_US
                      ? uplink->settings->reconnect_min_us
                      : QUICK_CAP_US;
    int64_t until = now + backoff_next(&uplink->reconnect, quick ? cap : INT64_MAX);
    while (!is_stopping(uplink) && (now = now_us(uplink)) < until) {
        int64_t left = until - now;
        wait_for(uplink, -1, 0, left < TICK_US ? left : TICK_US);
        if (now_us(uplink) - uplink->tick_us >= TICK_US) {
            uplink->tick_us = now_us(uplink);
            if (look_at_certificates(uplink)) {
                return; // they may be what was missing
            }
        }
    }
}

static void *run(void *argument)
{
    struct uplink *uplink = argument;
    char name[16];
    snprintf(name, sizeof name, "up-%s", uplink->settings->name);
    pthread_setname_np(pthread_self(), name);
    uplink->lost_us = now_us(uplink);
    while (!is_stopping(uplink)) {
        enum session_end end;
        int64_t began = now_us(uplink);
        enum ending ending = try_broker(uplink, &end);
        if (ending == ENDING_FAULT) {
            wait_before_retry(uplink, end == SESSION_LOST ? now_us(uplink) : began, end);
        }
    }
    return NULL;
}

// --- start and stop

static int start_thread(struct uplink *uplink, struct why *why)
{
    int error = thread_start(&uplink->thread, THREAD_STACK_BYTES, run, uplink);
    return error ? why_set(why, error, "uplink %s: no thread: %s", uplink->settings->name,
                           strerror(errno))
                 : OK;
}

// The name under which the broker knows this connection: of this log and this uplink alone.
static void set_names(struct uplink *uplink, const struct config *config)
{
    const char *origin = ledger_origin(uplink->ledger);
    const char *slash = strrchr(origin, '/');
    snprintf(uplink->client_id, sizeof uplink->client_id, "tally-%s-%.8s-%s", config->gateway.name,
             slash ? slash + 1 : origin, uplink->settings->name);
    snprintf(uplink->status_topic, sizeof uplink->status_topic, "%sstatus",
             feed_topic_prefix(uplink->feed));
}

static void free_uplink(struct uplink *uplink)
{
    tls_free(uplink->fresh_tls);
    tls_free(uplink->tls);
    feed_close(uplink->feed);
    text_free(&uplink->document);
    if (uplink->watch_fd >= 0) {
        ledger_unwatch(uplink->ledger, uplink->watch_fd);
    }
    if (uplink->stop_fd >= 0) {
        close(uplink->stop_fd);
    }
    pthread_mutex_destroy(&uplink->lock);
    free(uplink);
    session_library_stop();
}

static int prepare(struct uplink *uplink, const struct config *config, struct why *why)
{
    const struct config_uplink *settings = uplink->settings;
    uint64_t seed = 0;
    int error = ledger_declare_uplink(uplink->ledger, settings->name, settings->required, why);
    if (error) {
        return error;
    }
    error = feed_open(&uplink->feed, config->gateway.data, settings->compress, why);
    if (error) {
        return error;
    }
    uplink->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uplink->watch_fd = ledger_watch(uplink->ledger);
    if (uplink->stop_fd < 0 || uplink->watch_fd < 0) {
        return why_set(why, ERROR_SYSTEM, "uplink %s: no eventfd: %s", settings->name,
                       strerror(errno));
    }
    set_names(uplink, config);
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0) {
        seed = (uint64_t)now_us(uplink);
    }
    backoff_init(&uplink->reconnect, settings->reconnect_min_us, settings->reconnect_max_us, seed);
    int64_t retry_max =
        settings->reconnect_max_us > SECOND_US ? settings->reconnect_max_us : SECOND_US;
    backoff_init(&uplink->retry, SECOND_US, retry_max, seed ^ 1);
    uplink->acknowledged = ledger_cursor(uplink->ledger, settings->name);
    uplink->size = ledger_size(uplink->ledger);
    uplink->status = (struct uplink_status){.acknowledged = uplink->acknowledged,
                                            .since_us = clock_wall_us(uplink->clock)};
    return OK;
}

int uplink_start(struct uplink **out, const struct config *config,
                 const struct config_uplink *settings, struct ledger *ledger,
                 const struct clock *clock, const struct uplink_hooks *hooks, struct why *why)
{
    *out = NULL;
    struct uplink *uplink = calloc(1, sizeof *uplink);
    if (!uplink) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    session_library_start();
    uplink->settings = settings;
    uplink->ledger = ledger;
    uplink->clock = clock;
    uplink->hooks = hooks ? *hooks : (struct uplink_hooks){0};
    uplink->stop_fd = uplink->watch_fd = -1;
    uplink->document = text_make(STATUS_BYTES_MAX);
    uplink->files = (struct tls_files){.host = settings->host,
                                       .ca = settings->ca,
                                       .certificate = settings->certificate,
                                       .key = settings->key};
    pthread_mutex_init(&uplink->lock, NULL);
    int error = prepare(uplink, config, why);
    if (error == OK) {
        error = start_thread(uplink, why);
    }
    if (error) {
        free_uplink(uplink);
        return error;
    }
    *out = uplink;
    return OK;
}

void uplink_stop(struct uplink *uplink)
{
    if (uplink) {
        atomic_store(&uplink->stopping, true);
        eventfd_write(uplink->stop_fd, 1);
        pthread_join(uplink->thread, NULL);
        free_uplink(uplink);
    }
}

void uplink_status(struct uplink *uplink, struct uplink_status *status)
{
    pthread_mutex_lock(&uplink->lock);
    *status = uplink->status;
    pthread_mutex_unlock(&uplink->lock);
    // Of now: while there is no connection, nobody else looks.
    status->size = ledger_size(uplink->ledger);
}
