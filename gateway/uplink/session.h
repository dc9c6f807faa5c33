// One connection to a broker: MQTT 5, clean start, over TLS; a new libmosquitto handle each time,
// because a used one sends its own old messages again beside ours.
//
// Never blocks: the caller polls session_fd for session_events and calls session_step. Publishes
// and subscribes to what it is given; knows nothing of blocks, cursors or when to try again. Used
// by the uplink's thread alone.
#ifndef TALLY_UPLINK_SESSION_H
#define TALLY_UPLINK_SESSION_H

#include "base/error.h"
#include "uplink/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Messages under way, however much the broker would take: libmosquitto walks through all of them on
// each acknowledgement, which at 1000 was a third of the CPU of publishing.
#define SESSION_WINDOW_MAX   256
#define SESSION_KEEPALIVE_S  30
#define SESSION_CONNECT_S    10 // for TCP to be connected
#define SESSION_HANDSHAKE_S  20 // from then to CONNACK
#define SESSION_PROPERTY_MAX 4

struct session;

struct session_message {
    const char *topic;
    const void *payload;
    size_t length;
    bool retain;
    const char *content_type;
    const char *properties[SESSION_PROPERTY_MAX][2]; // user properties, name and value; up to the
                                                     // first NULL
};

struct session_options {
    struct tls *tls;     // borrowed; tls_begin is called on it
    const char *address; // numeric, so that connecting looks nothing up
    int port;
    const char *client_id;
    const struct session_message *will; // its retain flag counts
    int64_t now_us;                     // monotonic
    // Called from session_step for each PUBACK, with its reason (0: success).
    void (*acknowledged)(void *context, int id, int reason);
    void *context;
    // Called from session_step for each message on a topic subscribed to; may be NULL. The bytes
    // are lent. Nothing may be published from it.
    void (*received)(void *context, const char *topic, const void *payload, size_t length);
    void *received_context;
};

// How a connection ended, for whoever decides when to try again.
enum session_end {
    SESSION_UNREACHABLE, // no TCP connection came about
    SESSION_REFUSED,     // TLS or the broker said no
    SESSION_LOST,        // it was up
};

// Begins to connect. 0, or ERROR_MEMORY / ERROR_CLOSED (refused at once, no route, …) with why and
// *end.
int session_open(struct session **out, const struct session_options *options, enum session_end *end,
                 struct why *why);
// At once, without saying good-bye (session_disconnect does). Harmless on NULL.
void session_close(struct session *session);
int session_fd(const struct session *session);
short session_events(const struct session *session); // for poll

// Does what `revents` allow; call it at least once a second too (keep-alive, time limits). 0, or
// ERROR_CLOSED with why in words for people and *end: only session_close is left to be called.
int session_step(struct session *session, short revents, int64_t now_us, enum session_end *end,
                 struct why *why);
bool session_is_up(const struct session *session);
// Once it is up: how many messages, and how large a packet, the broker takes.
unsigned session_window(const struct session *session);
size_t session_packet_max(const struct session *session);

// At QoS 1; copies. 0 and *id; ERROR_RANGE when the broker takes no packet that large;
// ERROR_REFUSED when it takes no QoS 1; ERROR_CLOSED; ERROR_MEMORY; with why. Not from
// `acknowledged`.
int session_publish(struct session *session, const struct session_message *message, int *id,
                    struct why *why);
// At QoS 1, to all topics of the list (up to its NULL). A broker that refuses one closes nothing:
// session_subscription tells. 0, ERROR_MEMORY, ERROR_CLOSED.
int session_subscribe(struct session *session, const char *const *topics, struct why *why);
// The worst reason that the broker gave for a subscription: 0 to 2 granted, -1 none came yet, from
// 0x80 on refused.
int session_subscription(const struct session *session);
// Sends DISCONNECT, which makes the broker forget the will. session_step then reports the end.
void session_disconnect(struct session *session);

// What a broker means by a reason code, in words. Static storage.
const char *session_reason(int reason);

// Around all use, counted; from one thread.
void session_library_start(void);
void session_library_stop(void);

#endif
