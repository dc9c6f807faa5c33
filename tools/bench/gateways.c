// gateways PORT CA CERTIFICATE KEY FOLDER COUNT: so many gateways in one process, each with a log,
// a key and a TLS connection of its own: 100 readings every 10 s as a block, a checkpoint a minute.
//
// Prints each log and its key's fingerprint, then `ready` when every hello was answered. The word
// `go` on standard input begins the blocks, `report` prints JSON, its end ends it. FOLDER is for
// keys, gone again at once.
#include "ident/receipt.h"
#include "ledger/block.h"
#include "ledger/frontier.h"
#include "uplink/session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READINGS   100
#define BLOCK_US   INT64_C(10000000)
#define A_MINUTE   6  // blocks
#define OPENING    50 // connections that are being made at a time
#define LINE_BYTES 256

struct gateway {
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct signing_key *key;
    struct session *session;
    struct frontier frontier;
    struct digest previous;
    bool up, answered;
    int64_t block_us;  // when the next is due
    uint64_t receipts; // size of the last
};

struct city {
    struct gateway *gateways;
    struct pollfd *fds; // the first is standard input
    size_t count, opened, up, answered;
    struct tls *tls;
    int port;
    bool going;
    struct block_writer writer;
    struct text bytes;
    uint64_t blocks, receipts, random;
};

static struct city city; // session's hooks have a gateway

static void need(bool good, const char *what, const struct why *why)
{
    if (!good) {
        fprintf(stderr, "gateways: %s: %s\n", what, why ? why->text : "");
        exit(1);
    }
}

static void on_acknowledged(void *context, int id, int reason)
{
    (void)context;
    (void)id;
    need(reason == 0, "a message was refused", NULL);
}

static void on_received(void *context, const char *topic, const void *payload, size_t length)
{
    struct gateway *gateway = context;
    struct receipt receipt;
    struct note note;
    struct why why = {""};
    (void)topic;
    need(receipt_read(&receipt, &note, payload, length, &why) == OK, "a receipt", &why);
    city.answered += !gateway->answered;
    gateway->answered = true;
    city.receipts += receipt.head.size > gateway->receipts;
    gateway->receipts = receipt.head.size;
}

static void topic_of(const struct gateway *gateway, const char *last, char out[256])
{
    snprintf(out, 256, "tally/1/%s/%s", gateway->origin, last);
}

static void publish(struct gateway *gateway, const char *last, const struct text *bytes,
                    bool retain)
{
    char topic[256];
    struct why why = {""};
    int id;
    topic_of(gateway, last, topic);
    const struct session_message message = {
        .topic = topic, .payload = bytes->data, .length = bytes->length, .retain = retain};
    need(session_publish(gateway->session, &message, &id, &why) == OK, topic, &why);
}

// --- what a gateway sends -----------------------------------------------------------------------

static void say_hello(struct gateway *gateway)
{
    struct hello hello = {.key = *signing_key_public(gateway->key)};
    struct text text = text_make(NOTE_BYTES_MAX);
    char topic[256];
    const char *topics[] = {topic, NULL};
    struct why why = {""};
    topic_of(gateway, "receipt", topic);
    need(session_subscribe(gateway->session, topics, &why) == OK, topic, &why);
    snprintf(hello.nonce, sizeof hello.nonce, "%016" PRIx64 "%016" PRIx64, city.random,
             (uint64_t)(gateway - city.gateways));
    snprintf(hello.origin, sizeof hello.origin, "%s", gateway->origin);
    hello_write(&text, &hello);
    publish(gateway, "hello", &text, false);
    text_free(&text);
}

static void send_checkpoint(struct gateway *gateway)
{
    struct checkpoint checkpoint = {.size = gateway->frontier.size,
                                    .root = frontier_root(&gateway->frontier)};
    struct text text = text_make(NOTE_BYTES_MAX), note = text_make(NOTE_BYTES_MAX);
    struct why why = {""};
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", gateway->origin);
    checkpoint_write(&text, &checkpoint);
    need(note_sign(&note, text.data, text.length, gateway->origin, gateway->key, &why) == OK,
         "checkpoint", &why);
    publish(gateway, "checkpoint", &note, true);
    text_free(&text);
    text_free(&note);
}

static void send_block(struct gateway *gateway)
{
    int64_t now_us = clock_wall_us(&clock_system);
    block_writer_clear(&city.writer);
    for (uint32_t i = 0; i < READINGS; i++) {
        city.random = city.random * 6364136223846793005u + 1442695040888963407u;
        uint32_t noise = 2300 + (uint32_t)(city.random >> 57);
        uint8_t raw[2] = {(uint8_t)(noise >> 8), (uint8_t)noise};
        struct reading reading = {
            .point = i + 1,
            .t_us = now_us - BLOCK_US + i * BLOCK_US / READINGS,
            .half_window_us = 150,
            .raw = raw,
            .raw_length = sizeof raw,
            .indication = {.kind = VALUE_DECIMAL, .decimal = {noise, false, -1}},
            .flags = FLAG_NO_CERTIFICATE};
        block_add_reading(&city.writer, &reading, i);
    }
    const struct block_seal seal = {.origin = gateway->origin,
                                    .n = gateway->frontier.size,
                                    .previous = gateway->previous,
                                    .run = "00112233445566778899aabbccddeeff",
                                    .mono_us = READINGS,
                                    .closed_us = now_us,
                                    .clock = {.synchronised = true, .error_us = 850}};
    need(block_seal(&city.writer, &seal, &city.bytes) == OK, "block", NULL);
    publish(gateway, "block", &city.bytes, false);
    gateway->previous = block_leaf(city.bytes.data, city.bytes.length);
    frontier_add(&gateway->frontier, &gateway->previous);
    city.blocks++;
    if ((gateway->frontier.size + (uint64_t)(gateway - city.gateways)) % A_MINUTE == 0) {
        send_checkpoint(gateway);
    }
}

// --- the city -----------------------------------------------------------------------------------

static void make(struct gateway *gateway, const char *folder)
{
    size_t i = (size_t)(gateway - city.gateways);
    char path[4096], print[PUBLIC_KEY_FINGERPRINT];
    struct why why = {""};
    snprintf(path, sizeof path, "%s/%zu.key", folder, i);
    need(signing_key_make(path, &why) == OK && signing_key_load(&gateway->key, path, &why) == OK,
         path, &why);
    unlink(path);
    snprintf(gateway->origin, sizeof gateway->origin,
             "91350100M000100Y43/gw-%zu/%016" PRIx64 "%016zx", i, city.random, i);
    public_key_fingerprint(signing_key_public(gateway->key), print);
    printf("%s %s\n", gateway->origin, print);
}

static void open_next(void)
{
    struct gateway *gateway = &city.gateways[city.opened++];
    char topic[256], name[32];
    enum session_end end;
    struct why why = {""};
    topic_of(gateway, "status", topic);
    snprintf(name, sizeof name, "bench-%zu", city.opened);
    const struct session_message will = {.topic = topic, .payload = "{}", .length = 2};
    const struct session_options options = {.tls = city.tls,
                                            .address = "127.0.0.1",
                                            .port = city.port,
                                            .client_id = name,
                                            .will = &will,
                                            .now_us = clock_mono_us(&clock_system),
                                            .acknowledged = on_acknowledged,
                                            .received = on_received,
                                            .received_context = gateway};
    need(session_open(&gateway->session, &options, &end, &why) == OK, name, &why);
}

static void step(struct gateway *gateway, short revents, int64_t now_us)
{
    enum session_end end;
    struct why why = {""};
    need(session_step(gateway->session, revents, now_us, &end, &why) == OK, gateway->origin, &why);
    if (!gateway->up && session_is_up(gateway->session)) {
        gateway->up = true;
        city.up++;
        say_hello(gateway);
    }
    if (city.going && now_us >= gateway->block_us) {
        gateway->block_us += BLOCK_US;
        send_block(gateway);
    }
}

// False at the end of standard input.
static bool obey(int64_t now_us)
{
    char line[LINE_BYTES];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) {
        return false;
    }
    line[got] = '\0';
    if (strstr(line, "go")) {
        city.going = true;
        for (size_t i = 0; i < city.count; i++) {
            city.gateways[i].block_us = now_us + (int64_t)i * BLOCK_US / (int64_t)city.count;
        }
    }
    if (strstr(line, "report")) {
        printf("{\"blocks\": %" PRIu64 ", \"receipts\": %" PRIu64 "}\n", city.blocks,
               city.receipts);
        fflush(stdout);
    }
    return true;
}

static void run(void)
{
    bool ready = false;
    for (;;) {
        int64_t now_us = clock_mono_us(&clock_system);
        while (city.opened < city.count && city.opened - city.up < OPENING) {
            open_next();
        }
        if (!ready && city.answered == city.count) {
            ready = true;
            puts("ready");
            fflush(stdout);
        }
        city.fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        for (size_t i = 0; i < city.opened; i++) {
            city.fds[1 + i] = (struct pollfd){.fd = session_fd(city.gateways[i].session),
                                              .events = session_events(city.gateways[i].session)};
        }
        poll(city.fds, 1 + city.opened, 10);
        if (city.fds[0].revents && !obey(now_us)) {
            return;
        }
        for (size_t i = 0; i < city.opened; i++) {
            step(&city.gateways[i], city.fds[1 + i].revents, now_us);
        }
    }
}

int main(int argc, char **argv)
{
    struct why why = {""};
    if (argc != 7) {
        fputs("usage: gateways PORT CA CERTIFICATE KEY FOLDER COUNT\n", stderr);
        return 2;
    }
    const struct tls_files files = {
        .host = "localhost", .ca = argv[2], .certificate = argv[3], .key = argv[4]};
    city.port = atoi(argv[1]);
    city.count = strtoul(argv[6], NULL, 10);
    city.gateways = calloc(city.count, sizeof *city.gateways);
    city.fds = calloc(city.count + 1, sizeof *city.fds);
    need(city.gateways && city.fds, "out of memory", NULL);
    city.bytes = text_make(BLOCK_BYTES_MAX);
    city.random = (uint64_t)clock_wall_us(&clock_system);
    block_writer_init(&city.writer);
    session_library_start();
    need(tls_open(&city.tls, &files, &why) == OK, "TLS", &why);
    for (size_t i = 0; i < city.count; i++) {
        make(&city.gateways[i], argv[5]);
    }
    run();
    for (size_t i = 0; i < city.count; i++) {
        session_close(city.gateways[i].session);
        signing_key_free(city.gateways[i].key);
    }
    tls_free(city.tls);
    session_library_stop();
    block_writer_free(&city.writer);
    text_free(&city.bytes);
    free(city.gateways);
    free(city.fds);
    return 0;
}
