#include "broker.h"

#include "base/lookup.h"
#include "uplink/nonblocking.h"
#include "uplink/pace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_S      30
#define RECEIVE_MAX      1000
#define SEND_MAX         1000
#define SESSION_EXPIRY_S 86400
#define RECONNECT_MIN_US 200000
#define RECONNECT_MAX_US 30000000
#define ANSWER_US        10000000 // for a name, and for TCP
#define HANDSHAKE_US     20000000 // for TLS, MQTT and the subscription

enum stage {
    STAGE_WAIT,   // until at_us
    STAGE_NAME,   // a look-up is under way
    STAGE_TCP,    // our own socket tries an address
    STAGE_TLS,    // libmosquitto has a connection
    STAGE_MQTT,   // CONNECT is on its way
    STAGE_JOINED, // connected, the subscription is on its way
    STAGE_UP,
};

struct broker {
    struct broker_options options;
    enum stage stage;
    int64_t at_us;
    struct backoff backoff;
    struct tls *tls;
    struct tls_stamp stamp;
    struct lookup *lookup;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t address_count, address_next;
    int probe;
    struct mosquitto *mosquitto;
    bool up_is_new; // the hook is to be called
    char refusal[160];
};

static const char *const filters[] = {"tally/1/+/+/+/hello",  "tally/1/+/+/+/block",
                                      "tally/1/+/+/+/file/+", "tally/1/+/+/+/checkpoint",
                                      "tally/1/+/+/+/status", "tally/1/+/+/+/definitions"};
#define FILTERS ((int)(sizeof filters / sizeof filters[0]))

int broker_open(struct broker **out, const struct broker_options *options)
{
    uint64_t seed = 1;
    *out = calloc(1, sizeof **out);
    if (!*out) {
        return ERROR_MEMORY;
    }
    (void)!getrandom(&seed, sizeof seed, 0);
    (*out)->options = *options;
    (*out)->probe = -1;
    backoff_init(&(*out)->backoff, RECONNECT_MIN_US, RECONNECT_MAX_US, seed);
    mosquitto_lib_init();
    return OK;
}

// Ends whatever is under way.
static void drop(struct broker *broker)
{
    lookup_free(broker->lookup);
    broker->lookup = NULL;
    if (broker->probe >= 0) {
        close(broker->probe);
        broker->probe = -1;
    }
    mosquitto_destroy(broker->mosquitto);
    broker->mosquitto = NULL;
}

void broker_close(struct broker *broker)
{
    if (!broker) {
        return;
    }
    if (broker->stage == STAGE_UP) {
        mosquitto_disconnect_v5(broker->mosquitto, 0, NULL);
        for (int i = 0; i < 20 && mosquitto_socket(broker->mosquitto) >= 0 &&
                        mosquitto_want_write(broker->mosquitto);
             i++) {
            mosquitto_loop_write(broker->mosquitto, 1);
        }
    }
    drop(broker);
    tls_free(broker->tls);
    free(broker);
    mosquitto_lib_cleanup();
}

// The connection, or the attempt, has ended.
static void fall(struct broker *broker, int64_t now_us, const char *why)
{
    broker->options.hooks.down(broker->options.hooks.context, why);
    drop(broker);
    broker->stage = STAGE_WAIT;
    broker->at_us = now_us + backoff_next(&broker->backoff, RECONNECT_MAX_US);
}

// --- what libmosquitto calls --------------------------------------------------------------------

static void refuse(struct broker *broker, const char *what, int reason)
{
    snprintf(broker->refusal, sizeof broker->refusal, "the broker %s: %s (0x%02x)", what,
             mosquitto_reason_string(reason), (unsigned)reason);
}

static void on_connect(struct mosquitto *mosquitto, void *context, int reason, int flags,
                       const mosquitto_property *properties)
{
    (void)flags;
    (void)properties;
    struct broker *broker = context;
    if (reason) {
        refuse(broker, "refuses the connection", reason);
        return;
    }
    broker->stage = STAGE_JOINED;
    // What the broker kept comes with a new session only: with the old one, all that came since.
    int rc = mosquitto_subscribe_multiple(mosquitto, NULL, FILTERS, (char *const *)filters, 1,
                                          MQTT_SUB_OPT_SEND_RETAIN_NEW, NULL);
    if (rc) {
        snprintf(broker->refusal, sizeof broker->refusal, "cannot subscribe: %s",
                 mosquitto_strerror(rc));
    }
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int id, int count,
                         const int *granted, const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)id;
    (void)properties;
    struct broker *broker = context;
    for (int i = 0; i < count; i++) {
        if (granted[i] != 1 && granted[i] != 2) {
            refuse(broker, "does not let us subscribe", granted[i]);
            return;
        }
    }
    broker->stage = STAGE_UP;
    broker->up_is_new = true;
}

static void on_disconnect(struct mosquitto *mosquitto, void *context, int reason,
                          const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    struct broker *broker = context;
    if (reason >= MQTT_RC_UNSPECIFIED && !broker->refusal[0]) {
        refuse(broker, "closed the connection", reason);
    }
}

static void on_publish(struct mosquitto *mosquitto, void *context, int id, int reason,
                       const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    (void)reason; // a refusal would be the ACL's: said once by nobody receiving it
    struct broker *broker = context;
    broker->options.hooks.published(broker->options.hooks.context, id);
}

static void on_message(struct mosquitto *mosquitto, void *context,
                       const struct mosquitto_message *message, const mosquitto_property *all)
{
    (void)mosquitto;
    struct broker *broker = context;
    char *type = NULL, *names[BROKER_PROPERTIES] = {NULL}, *values[BROKER_PROPERTIES] = {NULL};
    struct broker_message out = {.topic = message->topic ? message->topic : "",
                                 .payload = message->payloadlen > 0 ? message->payload : "",
                                 .length =
                                     message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
                                 .retained = message->retain,
                                 .content_type = ""};
    if (mosquitto_property_read_string(all, MQTT_PROP_CONTENT_TYPE, &type, false) && type) {
        out.content_type = type;
    }
    const mosquitto_property *at = all;
    size_t count = 0;
    while (count < BROKER_PROPERTIES &&
           (at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &names[count],
                                                     &values[count], count > 0))) {
        out.properties[count].name = names[count] ? names[count] : "";
        out.properties[count].value = values[count] ? values[count] : "";
        count++;
    }
    out.property_count = count;
    broker->options.hooks.message(broker->options.hooks.context, &out);
    free(type);
    for (size_t i = 0; i < BROKER_PROPERTIES; i++) {
        free(names[i]);
        free(values[i]);
    }
}

// --- connecting ---------------------------------------------------------------------------------

// Reads the certificate files when they are new or were changed.
static int refresh_tls(struct broker *broker, struct why *why)
{
    struct tls_stamp stamp;
    tls_stamp(&broker->options.files, &stamp);
    if (broker->tls && tls_stamp_equal(&stamp, &broker->stamp)) {
        return OK;
    }
    tls_free(broker->tls);
    broker->tls = NULL;
    broker->stamp = stamp;
    return tls_open(&broker->tls, &broker->options.files, why);
}

static void begin(struct broker *broker, int64_t now_us)
{
    struct why why = {""};
    broker->refusal[0] = '\0';
    int error = refresh_tls(broker, &why);
    error = error ? error : lookup_start(&broker->lookup, broker->options.host, &why);
    if (error) {
        fall(broker, now_us, why.text);
        return;
    }
    broker->stage = STAGE_NAME;
    broker->at_us = now_us + ANSWER_US;
}

// Begins to connect a socket of our own to the next address. False when none is left.
static bool try_next(struct broker *broker, int64_t now_us)
{
    while (broker->address_next < broker->address_count) {
        char port[8];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
        struct addrinfo *list = NULL;
        snprintf(port, sizeof port, "%d", broker->options.port);
        if (getaddrinfo(broker->addresses[broker->address_next++], port, &hints, &list) != 0) {
            continue;
        }
        if (broker->probe >= 0) {
            close(broker->probe);
        }
        broker->probe = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int rc = broker->probe < 0 ? -1 : connect(broker->probe, list->ai_addr, list->ai_addrlen);
        bool begun = broker->probe >= 0 && (rc == 0 || errno == EINPROGRESS);
        freeaddrinfo(list);
        if (begun) {
            broker->stage = STAGE_TCP;
            broker->at_us = now_us + ANSWER_US;
            return true;
        }
    }
    return false;
}

static void step_name(struct broker *broker, int64_t now_us)
{
    struct why why = {""};
    int error = lookup_take(broker->lookup, broker->addresses, &broker->address_count, &why);
    if (error == ERROR_BUSY) {
        if (now_us > broker->at_us) {
            fall(broker, now_us, "the name server does not answer");
        }
        return;
    }
    lookup_free(broker->lookup);
    broker->lookup = NULL;
    broker->address_next = 0;
    if (error) {
        fall(broker, now_us, why.text);
    } else if (!try_next(broker, now_us)) {
        fall(broker, now_us, "broker cannot be reached");
    }
}

static bool prepare(struct broker *broker)
{
    struct mosquitto *mosquitto = mosquitto_new(broker->options.client_id, false, broker);
    broker->mosquitto = mosquitto;
    if (!mosquitto) {
        return false;
    }
    int failed = 0;
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_SEND_MAXIMUM, SEND_MAX);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_RECEIVE_MAXIMUM, RECEIVE_MAX);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    failed |= mosquitto_void_option(mosquitto, MOSQ_OPT_SSL_CTX, tls_context(broker->tls));
    mosquitto_connect_v5_callback_set(mosquitto, on_connect);
    mosquitto_subscribe_v5_callback_set(mosquitto, on_subscribe);
    mosquitto_message_v5_callback_set(mosquitto, on_message);
    mosquitto_publish_v5_callback_set(mosquitto, on_publish);
    mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
    return !failed;
}

// Why the connection ended, best reason first.
static void fall_for(struct broker *broker, int rc, int64_t now_us)
{
    char words[TLS_FAULT_MAX];
    const char *fault = broker->tls ? tls_fault(broker->tls) : "";
    if (fault[0]) {
        snprintf(words, sizeof words, "%s", fault);
    } else if (broker->refusal[0]) {
        snprintf(words, sizeof words, "%s", broker->refusal);
    } else if (rc == MOSQ_ERR_KEEPALIVE) {
        snprintf(words, sizeof words, "no answer from the broker for %d s", KEEPALIVE_S);
    } else if (broker->stage == STAGE_UP) {
        snprintf(words, sizeof words, "connection lost");
    } else {
        snprintf(words, sizeof words, "the broker closed the connection during the %s",
                 broker->stage == STAGE_TLS ? "TLS handshake" : "MQTT handshake");
    }
    fall(broker, now_us, words);
}

// The address answers: libmosquitto connects to it.
static void join(struct broker *broker, int64_t now_us)
{
    mosquitto_property *properties = NULL;
    int failed =
        mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                     SESSION_EXPIRY_S) ||
        mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, BROKER_PACKET_MAX);
    close(broker->probe);
    broker->probe = -1;
    tls_begin(broker->tls);
    if (failed || !prepare(broker)) {
        mosquitto_property_free_all(&properties);
        fall(broker, now_us, "out of memory");
        return;
    }
    broker->stage = STAGE_TLS;
    broker->at_us = now_us + HANDSHAKE_US;
    int rc =
        mosquitto_connect_bind_v5(broker->mosquitto, broker->addresses[broker->address_next - 1],
                                  broker->options.port, KEEPALIVE_S, NULL, properties);
    mosquitto_property_free_all(&properties);
    if (rc) {
        fall_for(broker, rc, now_us);
    }
}

static void step_tcp(struct broker *broker, short revents, int64_t now_us)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (revents) {
        getsockopt(broker->probe, SOL_SOCKET, SO_ERROR, &error, &size);
    } else if (now_us <= broker->at_us) {
        return;
    } else {
        error = ETIMEDOUT;
    }
    if (!error) {
        join(broker, now_us);
    } else if (!try_next(broker, now_us)) {
        char words[160];
        snprintf(words, sizeof words, "broker cannot be reached at %s port %d: %s",
                 broker->addresses[broker->address_next - 1], broker->options.port,
                 strerror(error));
        fall(broker, now_us, words);
    }
}

// --- connected ----------------------------------------------------------------------------------

int broker_fd(const struct broker *broker)
{
    return broker->stage == STAGE_NAME  ? lookup_fd(broker->lookup)
           : broker->stage == STAGE_TCP ? broker->probe
           : broker->mosquitto          ? mosquitto_socket(broker->mosquitto)
                                        : -1;
}

short broker_events(const struct broker *broker)
{
    switch (broker->stage) {
    case STAGE_TCP: return POLLOUT;
    case STAGE_WAIT:
    case STAGE_NAME: return POLLIN;
    default: return nonblocking_events(broker->mosquitto, broker->stage == STAGE_TLS);
    }
}

// Moves libmosquitto on. Its return code; 0 when the connection goes on.
static int step_library(struct broker *broker, short revents)
{
    bool in_tls = broker->stage == STAGE_TLS;
    int rc = nonblocking_step(broker->mosquitto, &in_tls, revents);
    if (broker->stage == STAGE_TLS && !in_tls) {
        broker->stage = STAGE_MQTT;
    }
    if (rc == 0 && broker->stage >= STAGE_JOINED && mosquitto_socket(broker->mosquitto) >= 0) {
        rc = mosquitto_loop_misc(broker->mosquitto);
    }
    return rc;
}

static bool step_session(struct broker *broker, short revents, int64_t now_us)
{
    int rc = step_library(broker, revents);
    if (rc || mosquitto_socket(broker->mosquitto) < 0 || broker->refusal[0]) {
        fall_for(broker, rc, now_us);
        return false;
    }
    if (broker->stage != STAGE_UP && now_us > broker->at_us) {
        fall(broker, now_us, "the broker did not finish the handshake in time");
        return false;
    }
    if (broker->up_is_new) {
        broker->up_is_new = false;
        backoff_reset(&broker->backoff);
        broker->options.hooks.up(broker->options.hooks.context);
    }
    const SSL *ssl = mosquitto_ssl_get(broker->mosquitto);
    return ssl && SSL_pending(ssl) > 0;
}

bool broker_step(struct broker *broker, short revents, int64_t now_us)
{
    switch (broker->stage) {
    case STAGE_WAIT:
        if (now_us >= broker->at_us) {
            begin(broker, now_us);
        }
        return false;
    case STAGE_NAME: step_name(broker, now_us); return false;
    case STAGE_TCP: step_tcp(broker, revents, now_us); return false;
    default: return step_session(broker, revents, now_us);
    }
}

bool broker_is_up(const struct broker *broker)
{
    return broker->stage == STAGE_UP;
}

int broker_publish(struct broker *broker, const char *topic, const void *payload, size_t length,
                   bool retain, int *id)
{
    if (broker->stage != STAGE_UP) {
        return ERROR_CLOSED;
    }
    int rc =
        mosquitto_publish_v5(broker->mosquitto, id, topic, (int)length, payload, 1, retain, NULL);
    return rc == MOSQ_ERR_SUCCESS ? OK : rc == MOSQ_ERR_NOMEM ? ERROR_MEMORY : ERROR_CLOSED;
}
