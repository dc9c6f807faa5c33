#include "centre.h"

#include "base/log.h"
#include "ident/receipt.h"
#include "store_ledger.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS       200
#define TICK_US       1000000
#define WRITE_US      2000000
#define RETRY_US      5000000
#define READS_A_TURN  256
#define COUNT_A_TICK  256 // blocks
#define HELLO_MAX     1024
#define STATUS_MAX    (64u << 10)
#define CHECKPOINTS_S 50 // verifying one takes about a millisecond
#define HELLOS_S      2
#define PACKED_TYPE   "application/vnd.tally.block+zstd"

// --- what intake tells --------------------------------------------------------------------------

static void on_fault(void *context, struct intake_log *intake_log, enum fault fault,
                     const char *text)
{
    struct centre *centre = context;
    struct roster_log *log = (struct roster_log *)intake_log;
    log->dirty = true;
    roster_fault(&centre->roster, log->gateway, intake_log->origin, fault, text);
}

static void on_moved(void *context, struct intake_log *intake_log)
{
    struct roster_log *log = (struct roster_log *)intake_log;
    log->dirty = true;
    centre_due(context, log);
}

static void on_forked(void *context, struct intake_log *intake_log, const char *one,
                      const char *other, const char *text)
{
    struct centre *centre = context;
    roster_suspect(&centre->roster, (struct roster_log *)intake_log, one, other, text);
}

void centre_due(struct centre *centre, struct roster_log *log)
{
    if (!log->due) {
        log->due = true;
        log->next_due = centre->due;
        centre->due = log;
    }
}

// --- what gateways send -------------------------------------------------------------------------

// The gateway says how its log stands; what does not fit with what is held is named.
static void compare_extents(struct centre *centre, struct roster_log *log,
                            const struct hello *hello)
{
    uint64_t held = log->intake.head.frontier.size;
    char text[160];
    if (!log->intake.loaded || log->intake.forked) {
        return;
    }
    if (hello->size < held) {
        snprintf(text, sizeof text,
                 "it says that it has %" PRIu64 " blocks, and %" PRIu64
                 " are held: restored from a copy?",
                 hello->size, held);
        on_fault(centre, &log->intake, FAULT_ROLLED_BACK, text);
    } else if (hello->first > held) {
        snprintf(text, sizeof text,
                 "it keeps blocks from %" PRIu64 " on, and those from %" PRIu64 " are not held",
                 hello->first, held);
        on_fault(centre, &log->intake, FAULT_GONE, text);
    }
}

static void take_hello(struct centre *centre, struct roster_log *log,
                       const struct broker_message *message, int64_t now_us)
{
    struct hello hello;
    struct why why = {""};
    char text[128 + PUBLIC_KEY_FINGERPRINT], print[PUBLIC_KEY_FINGERPRINT];
    if (hello_read(&hello, message->payload, message->length, &why) != OK) {
        snprintf(text, sizeof text, "a hello: %.180s", why.text);
        on_fault(centre, &log->intake, FAULT_JUNK, text);
        return;
    }
    if (strcmp(hello.origin, log->intake.origin) != 0) {
        on_fault(centre, &log->intake, FAULT_WRONG_LOG, "a hello of another log");
        return;
    }
    int error = intake_claim(&log->intake, &hello.key);
    if (error) {
        public_key_fingerprint(&hello.key, print);
        snprintf(text, sizeof text, "%s: %s",
                 error == ERROR_FULL ? "too many keys are claimed for this log"
                                     : "a hello with a key that is not the log's",
                 print);
        on_fault(centre, &log->intake, error == ERROR_FULL ? FAULT_LIMIT : FAULT_KEY, text);
        return;
    }
    if (!log->intake.pinned) {
        roster_claim(&centre->roster, log, &hello.key);
    }
    snprintf(log->row.nonce, sizeof log->row.nonce, "%s", hello.nonce);
    log->row.gateway_first = hello.first;
    log->row.gateway_size = hello.size;
    log->dirty = log->greeted = centre->roster.urgent = true;
    if (intake_is_ready(&centre->intake, &log->intake, now_us)) {
        compare_extents(centre, log, &hello);
        intake_greeted(&log->intake);
    }
    centre_due(centre, log);
}

// Of the status, which is for people, only whether the gateway says that it is there.
static void take_status(struct roster_log *log, const struct broker_message *message)
{
    if (message->length > STATUS_MAX) {
        return;
    }
    cJSON *json = cJSON_ParseWithLength(message->payload, message->length);
    const cJSON *online = cJSON_GetObjectItemCaseSensitive(json, "online");
    if (cJSON_IsBool(online)) {
        log->row.online = cJSON_IsTrue(online);
        log->dirty = true;
    }
    cJSON_Delete(json);
}

static bool parse_size(const char *digits, size_t *out)
{
    char *end;
    unsigned long value = strtoul(digits, &end, 10);
    *out = value;
    return digits[0] >= '0' && digits[0] <= '9' && !*end && strlen(digits) <= 10;
}

static void take_chunk(struct centre *centre, struct roster_log *log, const struct topic *topic,
                       const struct broker_message *message, int64_t now_us)
{
    bool offset = false, total = false;
    struct assembly_chunk chunk = {
        .file = topic->file, .kind = "file", .bytes = message->payload, .length = message->length};
    for (size_t i = 0; i < message->property_count; i++) {
        const char *name = message->properties[i].name, *value = message->properties[i].value;
        offset = offset || (strcmp(name, "offset") == 0 && parse_size(value, &chunk.offset));
        total = total || (strcmp(name, "total") == 0 && parse_size(value, &chunk.total));
        if (strcmp(name, "kind") == 0 && strcmp(value, "definitions") == 0) {
            chunk.kind = "definitions";
        }
    }
    if (offset && total) {
        intake_chunk(&centre->intake, &log->intake, &chunk, now_us);
    } else {
        on_fault(centre, &log->intake, FAULT_JUNK, "a chunk of a file without its place");
    }
}

static void take_definitions(struct centre *centre, struct roster_log *log,
                             const struct broker_message *message, int64_t now_us)
{
    struct assembly_chunk chunk = {.file = digest_of(NULL, 0, message->payload, message->length),
                                   .kind = "definitions",
                                   .bytes = message->payload,
                                   .length = message->length,
                                   .total = message->length};
    intake_chunk(&centre->intake, &log->intake, &chunk, now_us);
}

// Whether the gateway has not used up what it may send in a second.
static bool is_within_rate(struct centre *centre, struct roster_log *log, const struct topic *topic,
                           const struct broker_message *message, int64_t now_us)
{
    struct roster_gateway *gateway = log->gateway;
    int64_t rate = centre->settings->limits.rate;
    int64_t bytes = (int64_t)message->length + 256;
    bool good = bucket_take(&gateway->bytes, bytes, rate, 2 * rate + BROKER_PACKET_MAX, now_us);
    if (good && topic->kind == TOPIC_CHECKPOINT) {
        good = bucket_take(&gateway->checkpoints, 1, CHECKPOINTS_S, 4 * CHECKPOINTS_S, now_us);
    }
    if (good && topic->kind == TOPIC_HELLO) {
        good = bucket_take(&gateway->hellos, 1, HELLOS_S, 20, now_us);
    }
    if (!good) {
        on_fault(centre, &log->intake, FAULT_ROOM, "more in a second than a gateway may send");
    }
    return good;
}

static void take_message(struct centre *centre, struct roster_log *log, const struct topic *topic,
                         const struct broker_message *message, int64_t now_us)
{
    struct intake_log *intake_log = &log->intake;
    switch (topic->kind) {
    case TOPIC_HELLO: take_hello(centre, log, message, now_us); break;
    case TOPIC_STATUS: take_status(log, message); break;
    case TOPIC_FILE: take_chunk(centre, log, topic, message, now_us); break;
    case TOPIC_DEFINITIONS: take_definitions(centre, log, message, now_us); break;
    case TOPIC_CHECKPOINT:
        intake_checkpoint(&centre->intake, intake_log, message->payload, message->length, now_us);
        break;
    case TOPIC_BLOCK:
        intake_block(&centre->intake, intake_log, message->payload, message->length,
                     strcmp(message->content_type, PACKED_TYPE) == 0, now_us);
        break;
    }
}

static void on_message(void *context, const struct broker_message *message)
{
    struct centre *centre = context;
    struct topic topic;
    int64_t now_us = clock_mono_us(centre->clock);
    if (topic_read(&topic, message->topic) != OK) {
        char text[WHY_MAX];
        snprintf(text, sizeof text, "a topic of no form that is known: %.200s", message->topic);
        roster_fault(&centre->roster, roster_gateway(&centre->roster, topic.gateway), topic.origin,
                     FAULT_JUNK, text);
        return;
    }
    // A status says nothing that would be worth a log, and what the broker kept may be of a log
    // that is long over.
    struct roster_log *log = topic.kind == TOPIC_STATUS || message->retained
                                 ? roster_find(&centre->roster, topic.origin)
                                 : roster_log(&centre->roster, &topic, now_us);
    if (!log || log->row.state == LOG_REVOKED) {
        return;
    }
    if (!message->retained) {
        log->heard_mono_us = now_us;
        log->row.heard_us = clock_wall_us(centre->clock);
        log->dirty = true;
    }
    if (is_within_rate(centre, log, &topic, message, now_us)) {
        take_message(centre, log, &topic, message, now_us);
        log->dirty = true;
    }
}

// --- the connection -----------------------------------------------------------------------------

static void on_up(void *context)
{
    struct centre *centre = context;
    log_info("connected to %s port %d", centre->settings->host, centre->settings->port);
    centre->daemon.connected = true;
    centre->daemon.fault[0] = '\0';
    // What was on its way when the connection broke may be lost.
    for (size_t i = 0; i < centre->roster.log_count; i++) {
        struct roster_log *log = centre->roster.logs[i];
        log->retry_us = 0;
        if (log->receipt_id) {
            log->receipt_id = 0;
            log->greeted = true;
            centre_due(centre, log);
        }
    }
}

static void on_down(void *context, const char *why)
{
    struct centre *centre = context;
    if (strcmp(centre->daemon.fault, why) != 0) {
        log_warning("broker %s: %s", centre->settings->host, why);
    }
    centre->daemon.connected = false;
    snprintf(centre->daemon.fault, sizeof centre->daemon.fault, "%s", why);
}

static void on_published(void *context, int id)
{
    struct centre *centre = context;
    for (size_t i = 0; i < centre->roster.log_count; i++) {
        if (centre->roster.logs[i]->receipt_id == id) {
            centre->roster.logs[i]->receipt_id = 0;
            return;
        }
    }
}

// --- turns --------------------------------------------------------------------------------------

static int write_down(struct centre *centre)
{
    struct why why = {""};
    centre->daemon.written_us = clock_wall_us(centre->clock);
    int error = roster_write(&centre->roster, &centre->daemon, &why);
    if (error && !centre->roster.write_failed) {
        log_error("%s", why.text);
    } else if (!error && centre->roster.write_failed) {
        log_info("centre.db is written again");
    }
    centre->roster.write_failed = error != OK;
    return error;
}

// Keeps and says what became due. A hello's nonce is durable before it is answered: a `resume`
// after a crash must bear it. A log for which that fails waits by itself.
static void answer_all(struct centre *centre, int64_t now_us)
{
    if (!centre->due || !broker_is_up(centre->broker) || now_us < centre->retry_us) {
        return;
    }
    if (centre->roster.urgent && write_down(centre) != OK) {
        centre->retry_us = now_us + RETRY_US;
        return;
    }
    struct roster_log *list = centre->due, *log;
    centre->due = NULL;
    while ((log = list)) {
        list = log->next_due;
        log->due = false;
        if (now_us < log->retry_us) {
            centre_due(centre, log);
        } else if (!centre_answer(centre, log, now_us)) {
            log->retry_us = now_us + RETRY_US;
            centre_due(centre, log);
        }
    }
}

static void on_decided(void *context, struct roster_log *log)
{
    struct centre *centre = context;
    if (log->row.state == LOG_ACCEPTED) {
        log_info("%s: accepted", log->intake.origin);
        intake_pin(&centre->intake, &log->intake, &log->row.key, clock_mono_us(centre->clock));
    } else {
        log_info("%s: revoked", log->intake.origin);
    }
    centre_due(centre, log);
}

// After a crash, or without the database as it was: some blocks of those held are not counted yet.
static void count_some(struct centre *centre, struct intake_log *log)
{
    struct text block = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {0};
    struct why why = {""};
    for (int i = 0; i < COUNT_A_TICK && log->loaded && log->counted < log->head.frontier.size;
         i++) {
        if (centre->store.block(centre->store.context, log->origin, log->counted, &block, &why) ||
            block_parse(&view, block.data, block.length, &why)) {
            log_error("%s", why.text);
            break;
        }
        log->readings += view.reading_count;
        log->missed += view.missed_count;
        log->counted++;
    }
    text_free(&block);
    block_view_free(&view);
}

static void tick(struct centre *centre, int64_t now_us)
{
    roster_look(&centre->roster, on_decided, centre);
    for (size_t i = 0; i < centre->roster.log_count; i++) {
        struct roster_log *log = centre->roster.logs[i];
        bool silent = now_us - log->heard_mono_us > ROSTER_HEARD_US;
        intake_tick(&centre->intake, &log->intake, now_us);
        if (log->intake.loaded && log->intake.counted < log->intake.head.frontier.size) {
            count_some(centre, &log->intake);
            log->dirty = true;
        }
        if (log->intake.resume_at_us && !silent && broker_is_up(centre->broker) &&
            intake_resume_due(&centre->intake, &log->intake, now_us)) {
            centre_resume(centre, log);
        }
    }
}

static void turn(struct centre *centre, short revents)
{
    int64_t now_us = clock_mono_us(centre->clock);
    for (int i = 0; i < READS_A_TURN && broker_step(centre->broker, revents, now_us); i++) {
        revents = POLLIN;
    }
    answer_all(centre, now_us);
    if (now_us - centre->tick_us >= TICK_US) {
        centre->tick_us = now_us;
        tick(centre, now_us);
    }
    if (now_us - centre->write_us >= WRITE_US) {
        centre->write_us = now_us;
        (void)write_down(centre);
    }
}

void centre_run(struct centre *centre, int stop_fd)
{
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = stop_fd, .events = POLLIN},
            {.fd = broker_fd(centre->broker), .events = broker_events(centre->broker)}};
        int ready = poll(fds, 2, TURN_MS);
        if (ready > 0 && fds[0].revents) {
            return;
        }
        turn(centre, ready > 0 ? fds[1].revents : 0);
    }
}

// --- opening ------------------------------------------------------------------------------------

static int open_broker(struct centre *centre, struct why *why)
{
    const struct settings *settings = centre->settings;
    static char client_id[64];
    snprintf(client_id, sizeof client_id, "tally-centre-%s", settings->name);
    struct broker_options options = {.host = settings->host,
                                     .port = settings->port,
                                     .files = {.host = settings->host,
                                               .ca = settings->ca,
                                               .certificate = settings->certificate,
                                               .key = settings->client_key},
                                     .client_id = client_id,
                                     .hooks = {.context = centre,
                                               .message = on_message,
                                               .up = on_up,
                                               .down = on_down,
                                               .published = on_published}};
    return broker_open(&centre->broker, &options) == OK
               ? OK
               : why_set(why, ERROR_MEMORY, "out of memory");
}

int centre_open(struct centre *centre, const struct settings *settings, const struct clock *clock,
                struct why *why)
{
    *centre = (struct centre){.settings = settings, .clock = clock};
    centre->daemon.started_us = clock_wall_us(clock);
    centre->daemon.running = true;
    const struct intake_limits limits = {.log_bytes = (size_t)settings->limits.log_memory,
                                         .all_bytes = (size_t)settings->limits.all_memory};
    const struct intake_hooks hooks = {
        .context = centre, .fault = on_fault, .moved = on_moved, .forked = on_forked};
    int error = signing_key_load(&centre->key, settings->key, why);
    error = error ? error : database_open(&centre->database, settings->database, true, why);
    error = error ? error
                  : store_ledger_open(&centre->ledgers, settings->logs,
                                      (size_t)settings->limits.open_ledgers, clock, why);
    if (error) {
        goto failed;
    }
    centre->store = store_ledger_calls(centre->ledgers);
    error = intake_open(&centre->intake, &limits, &centre->store, &hooks);
    if (error) {
        why_set(why, error, "out of memory");
        goto failed;
    }
    error = roster_open(&centre->roster, settings, clock, centre->database, &centre->intake, why);
    if (error) {
        goto close_intake;
    }
    error = open_broker(centre, why);
    if (error) {
        goto close_roster;
    }
    return OK;

close_roster:
    roster_close(&centre->roster);
close_intake:
    intake_close(&centre->intake);
failed:
    store_ledger_close(centre->ledgers);
    database_close(centre->database);
    signing_key_free(centre->key);
    return error;
}

void centre_close(struct centre *centre)
{
    broker_close(centre->broker);
    centre->daemon.running = centre->daemon.connected = false;
    (void)write_down(centre);
    roster_close(&centre->roster);
    intake_close(&centre->intake);
    store_ledger_close(centre->ledgers);
    database_close(centre->database);
    signing_key_free(centre->key);
}
