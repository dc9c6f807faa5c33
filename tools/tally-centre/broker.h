// The centre's connection to its broker: MQTT 5 over TLS, a session that outlives the connection
// (clean start off, expiry one day), QoS 1; connects by itself, again and again, jittered.
//
// The only file here that knows libmosquitto. No thread of its own: the caller polls broker_fd for
// broker_events and calls broker_step, which gives each message to the hook. One call may take
// long: libmosquitto's way to open a session with properties waits for TCP, so an address is tried
// with a socket of our own first, without waiting, and libmosquitto is called when it has answered.
#ifndef TALLY_CENTRE_BROKER_H
#define TALLY_CENTRE_BROKER_H

#include "base/error.h"
#include "uplink/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BROKER_PACKET_MAX (17u << 20) // definitions of 16 MiB go whole
#define BROKER_PROPERTIES 4           // user properties looked at

struct broker;

struct broker_message {
    const char *topic;
    const void *payload;
    size_t length;
    bool retained;            // kept by the broker from before
    const char *content_type; // "" when it has none
    size_t property_count;
    struct {
        const char *name, *value;
    } properties[BROKER_PROPERTIES];
};

struct broker_hooks {
    void *context;
    void (*message)(void *context, const struct broker_message *message);
    // Subscribed to everything: what the broker kept comes now.
    void (*up)(void *context);
    // With what a person should know.
    void (*down)(void *context, const char *why);
    // The broker has that message.
    void (*published)(void *context, int id);
};

struct broker_options {
    const char *host;
    int port;
    struct tls_files files; // borrowed
    const char *client_id;
    struct broker_hooks hooks;
};

// Connects from the first broker_step on. OK or ERROR_MEMORY.
int broker_open(struct broker **out, const struct broker_options *options);
// Says good-bye, which ends the connection and not the session. Harmless on NULL.
void broker_close(struct broker *broker);
// -1 while there is nothing to poll.
int broker_fd(const struct broker *broker);
short broker_events(const struct broker *broker);
// Does what `revents` allow; call it at least every 200 ms too. True when there is more to be read
// at once.
bool broker_step(struct broker *broker, short revents, int64_t now_us);
bool broker_is_up(const struct broker *broker);
// At QoS 1; copies. OK and *id; ERROR_CLOSED when there is no connection; ERROR_MEMORY.
int broker_publish(struct broker *broker, const char *topic, const void *payload, size_t length,
                   bool retain, int *id);

#endif
