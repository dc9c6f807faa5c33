#include "uplink/session.h"

#include "uplink/nonblocking.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum phase { PHASE_TCP, PHASE_TLS, PHASE_MQTT, PHASE_UP };

struct session {
    struct mosquitto *mosquitto;
    struct tls *tls;
    enum phase phase;
    char address[80];
    int port;
    int64_t deadline_us; // of this phase, until it is up
    unsigned window;
    uint32_t packet_max;
    void (*acknowledged)(void *context, int id, int reason);
    void *context;
    void (*received)(void *context, const char *topic, const void *payload, size_t length);
    void *received_context;
    int subscription;    // reason of the SUBACK, -1 while none came
    int refusal;         // reason code of a CONNACK or DISCONNECT, 0 while none came
    char tls_words[128]; // what libmosquitto logged of OpenSSL's errors
};

static void on_connect(struct mosquitto *mosquitto, void *context, int reason, int flags,
                       const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)flags;
    struct session *session = context;
    if (reason) {
        session->refusal = reason;
        return;
    }
    uint16_t receive_max = UINT16_MAX;
    mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &receive_max, false);
    mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, &session->packet_max,
                                  false);
    session->window = receive_max < SESSION_WINDOW_MAX ? receive_max : SESSION_WINDOW_MAX;
    session->phase = PHASE_UP;
}

static void on_publish(struct mosquitto *mosquitto, void *context, int id, int reason,
                       const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    struct session *session = context;
    session->acknowledged(session->context, id, reason);
}

static void on_message(struct mosquitto *mosquitto, void *context,
                       const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    struct session *session = context;
    if (session->received) {
        session->received(session->received_context, message->topic, message->payload,
                          (size_t)message->payloadlen);
    }
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int id, int count,
                         const int *granted, const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)id;
    (void)properties;
    struct session *session = context;
    for (int i = 0; i < count; i++) {
        session->subscription =
            granted[i] > session->subscription ? granted[i] : session->subscription;
    }
}

// libmosquitto gives its own error numbers (below 0x80) here too; those are not the broker's words.
static void on_disconnect(struct mosquitto *mosquitto, void *context, int reason,
                          const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    struct session *session = context;
    if (reason >= MQTT_RC_UNSPECIFIED && !session->refusal) {
        session->refusal = reason;
    }
}

// OpenSSL's errors reach us through the log only: "OpenSSL Error[0]: error:0A00010B:SSL
// routines::wrong version number".
static void on_log(struct mosquitto *mosquitto, void *context, int level, const char *text)
{
    (void)mosquitto;
    struct session *session = context;
    const char *colon = strrchr(text, ':');
    if (level == MOSQ_LOG_ERR && strncmp(text, "OpenSSL", 7) == 0 && colon) {
        snprintf(session->tls_words, sizeof session->tls_words, "%s", colon + 1);
    }
}

// The MQTT 5 properties of a message. -1 when memory is short.
static int make_properties(const struct session_message *message, mosquitto_property **out)
{
    *out = NULL;
    int failed = 0;
    if (message->content_type) {
        failed |= mosquitto_property_add_string(out, MQTT_PROP_CONTENT_TYPE, message->content_type);
    }
    for (int i = 0; i < SESSION_PROPERTY_MAX && message->properties[i][0]; i++) {
        failed |= mosquitto_property_add_string_pair(
            out, MQTT_PROP_USER_PROPERTY, message->properties[i][0], message->properties[i][1]);
    }
    if (failed) {
        mosquitto_property_free_all(out);
        return -1;
    }
    return 0;
}

static int set_will(struct session *session, const struct session_message *will)
{
    mosquitto_property *properties;
    if (make_properties(will, &properties)) {
        return -1;
    }
    int rc = mosquitto_will_set_v5(session->mosquitto, will->topic, (int)will->length,
                                   will->payload, 1, will->retain, properties);
    if (rc) {
        mosquitto_property_free_all(&properties);
    }
    return rc ? -1 : 0;
}

static int prepare(struct session *session, const struct session_options *options)
{
    struct mosquitto *mosquitto = mosquitto_new(options->client_id, true, session);
    session->mosquitto = mosquitto;
    if (!mosquitto) {
        return -1;
    }
    int failed = 0;
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_SEND_MAXIMUM, SESSION_WINDOW_MAX);
    failed |= mosquitto_int_option(mosquitto, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    failed |= mosquitto_void_option(mosquitto, MOSQ_OPT_SSL_CTX, tls_context(options->tls));
    mosquitto_connect_v5_callback_set(mosquitto, on_connect);
    mosquitto_publish_v5_callback_set(mosquitto, on_publish);
    mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
    mosquitto_message_v5_callback_set(mosquitto, on_message);
    mosquitto_subscribe_v5_callback_set(mosquitto, on_subscribe);
    mosquitto_log_callback_set(mosquitto, on_log);
    return failed || set_will(session, options->will) ? -1 : 0;
}

static int say_unreachable(const struct session *session, const char *reason, struct why *why)
{
    return why_set(why, ERROR_CLOSED, "broker cannot be reached at %s port %d: %s",
                   session->address, session->port, reason);
}

// Why the connection ended, best reason first.
static int say_end(const struct session *session, int rc, enum session_end *end, struct why *why)
{
    const char *fault = tls_fault(session->tls);
    *end = session->phase == PHASE_UP ? SESSION_LOST : SESSION_REFUSED;
    if (fault[0]) {
        return why_set(why, ERROR_CLOSED, "%s", fault);
    }
    if (session->refusal) {
        return why_set(why, ERROR_CLOSED, "the broker %s: %s (0x%02x)",
                       session->phase == PHASE_UP ? "closed the connection"
                                                  : "refuses the connection",
                       mosquitto_reason_string(session->refusal), (unsigned)session->refusal);
    }
    if (rc == MOSQ_ERR_KEEPALIVE) {
        return why_set(why, ERROR_CLOSED, "connection lost: no answer from the broker for %d s",
                       SESSION_KEEPALIVE_S);
    }
    if (session->phase == PHASE_UP) {
        return why_set(why, ERROR_CLOSED, "connection lost");
    }
    if (session->tls_words[0]) {
        return why_set(why, ERROR_CLOSED, "TLS failed: %s", session->tls_words);
    }
    return why_set(why, ERROR_CLOSED, "the broker closed the connection during the %s",
                   session->phase == PHASE_TLS ? "TLS handshake" : "MQTT handshake");
}

// The connection can be refused, or even TLS be done with, before mosquitto_connect_async returns;
// libmosquitto then swallows the one (only errno is left of it) and returns an error for the other.
static int judge_opening(struct session *session, int rc, int number, enum session_end *end,
                         struct why *why)
{
    struct tcp_info tcp = {0};
    socklen_t size = sizeof tcp;
    int fd = session_fd(session);
    if (tls_fault(session->tls)[0]) {
        session->phase = PHASE_TLS;
        return say_end(session, rc, end, why);
    }
    *end = SESSION_UNREACHABLE;
    if (rc == MOSQ_ERR_TLS || number == EPROTO) {
        // libmosquitto begins TLS on a socket that was refused, and reports that; or the other side
        // closed at once. The socket that would tell is gone.
        return say_unreachable(session, "Connection refused, or closed at once", why);
    }
    if (rc > 0 || fd < 0) {
        return say_unreachable(session, number ? strerror(number) : mosquitto_strerror(rc), why);
    }
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &size) == 0 && tcp.tcpi_state == TCP_CLOSE) {
        return say_unreachable(session, strerror(number ? number : ECONNREFUSED), why);
    }
    return OK;
}

int session_open(struct session **out, const struct session_options *options, enum session_end *end,
                 struct why *why)
{
    int error = ERROR_MEMORY;
    *out = NULL;
    *end = SESSION_UNREACHABLE;
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        return why_set(why, error, "out of memory");
    }
    session->tls = options->tls;
    session->port = options->port;
    session->acknowledged = options->acknowledged;
    session->context = options->context;
    session->received = options->received;
    session->received_context = options->received_context;
    session->subscription = -1;
    session->deadline_us = options->now_us + SESSION_CONNECT_S * INT64_C(1000000);
    snprintf(session->address, sizeof session->address, "%s", options->address);
    tls_begin(session->tls);
    if (prepare(session, options)) {
        why_set(why, error, "out of memory");
        goto failed;
    }
    errno = 0;
    int rc = mosquitto_connect_async(session->mosquitto, session->address, session->port,
                                     SESSION_KEEPALIVE_S);
    error = judge_opening(session, rc, errno, end, why);
    if (error) {
        goto failed;
    }
    *out = session;
    return OK;
failed:
    session_close(session);
    return error;
}

void session_close(struct session *session)
{
    if (session) {
        mosquitto_destroy(session->mosquitto);
        free(session);
    }
}

int session_fd(const struct session *session)
{
    return mosquitto_socket(session->mosquitto);
}

short session_events(const struct session *session)
{
    return session->phase == PHASE_TCP
               ? POLLOUT
               : nonblocking_events(session->mosquitto, session->phase == PHASE_TLS);
}

static int say_late(const struct session *session, enum session_end *end, struct why *why)
{
    if (session->phase == PHASE_TCP) {
        *end = SESSION_UNREACHABLE;
        return say_unreachable(session, "no answer", why);
    }
    *end = SESSION_REFUSED;
    return why_set(why, ERROR_CLOSED, "the broker did not finish the %s handshake within %d s",
                   session->phase == PHASE_TLS ? "TLS" : "MQTT", SESSION_HANDSHAKE_S);
}

// TCP has become connected, or has failed (which libmosquitto would not notice).
static int step_tcp(struct session *session, int64_t now_us, enum session_end *end, struct why *why)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(session_fd(session), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        *end = SESSION_UNREACHABLE;
        return say_unreachable(session, strerror(error), why);
    }
    session->phase = PHASE_TLS;
    session->deadline_us = now_us + SESSION_HANDSHAKE_S * INT64_C(1000000);
    return OK;
}

// Moves libmosquitto on. Its return code; 0 when the connection goes on.
static int step_library(struct session *session, short revents)
{
    bool in_tls = session->phase == PHASE_TLS;
    int rc = nonblocking_step(session->mosquitto, &in_tls, revents);
    if (session->phase == PHASE_TLS && !in_tls) {
        session->phase = PHASE_MQTT;
    }
    if (rc == 0 && session->phase == PHASE_UP) {
        rc = mosquitto_loop_misc(session->mosquitto);
    }
    return rc;
}

int session_step(struct session *session, short revents, int64_t now_us, enum session_end *end,
                 struct why *why)
{
    if (session->phase == PHASE_TCP && revents) {
        int error = step_tcp(session, now_us, end, why);
        if (error) {
            return error;
        }
    }
    if (session->phase != PHASE_TCP) {
        int rc = step_library(session, revents);
        if (rc || session_fd(session) < 0) {
            return say_end(session, rc, end, why);
        }
    }
    if (session->phase != PHASE_UP && now_us > session->deadline_us) {
        return say_late(session, end, why);
    }
    return OK;
}

bool session_is_up(const struct session *session)
{
    return session->phase == PHASE_UP;
}

unsigned session_window(const struct session *session)
{
    return session->window;
}

size_t session_packet_max(const struct session *session)
{
    return session->packet_max ? session->packet_max : SIZE_MAX;
}

int session_publish(struct session *session, const struct session_message *message, int *id,
                    struct why *why)
{
    mosquitto_property *properties;
    if (make_properties(message, &properties)) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int rc = mosquitto_publish_v5(session->mosquitto, id, message->topic, (int)message->length,
                                  message->payload, 1, message->retain, properties);
    mosquitto_property_free_all(&properties);
    switch (rc) {
    case MOSQ_ERR_SUCCESS: return OK;
    case MOSQ_ERR_NOMEM: return why_set(why, ERROR_MEMORY, "out of memory");
    case MOSQ_ERR_OVERSIZE_PACKET:
        return why_set(why, ERROR_RANGE,
                       "the broker takes packets of at most %u bytes, and %zu "
                       "are to be sent",
                       (unsigned)session->packet_max, message->length);
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
        return why_set(why, ERROR_REFUSED, "the broker takes no messages of QoS 1");
    default: return why_set(why, ERROR_CLOSED, "connection lost: %s", mosquitto_strerror(rc));
    }
}

int session_subscribe(struct session *session, const char *const *topics, struct why *why)
{
    for (; *topics; topics++) {
        int rc = mosquitto_subscribe_v5(session->mosquitto, NULL, *topics, 1, 0, NULL);
        if (rc == MOSQ_ERR_NOMEM) {
            return why_set(why, ERROR_MEMORY, "out of memory");
        }
        if (rc) {
            return why_set(why, ERROR_CLOSED, "connection lost: %s", mosquitto_strerror(rc));
        }
    }
    return OK;
}

int session_subscription(const struct session *session)
{
    return session->subscription;
}

void session_disconnect(struct session *session)
{
    mosquitto_disconnect_v5(session->mosquitto, 0, NULL);
}

const char *session_reason(int reason)
{
    return mosquitto_reason_string(reason);
}

void session_library_start(void)
{
    mosquitto_lib_init();
}

void session_library_stop(void)
{
    mosquitto_lib_cleanup();
}
