// Says to whoever looks whether the gateway is there: the retained status document, the last will
// that replaces it when the connection breaks, and the farewell.
//
// Unsigned, for people; never evidence. Sends through the delivery. The uplink's thread alone.
#ifndef TALLY_UPLINK_PRESENCE_H
#define TALLY_UPLINK_PRESENCE_H

#include "base/text.h"
#include "uplink/delivery.h"

struct presence {
    struct delivery *delivery;
    struct uplink_hooks hooks; // for the document
    char topic[BLOCK_ORIGIN_MAX + 32];
    struct text document; // as last published
    int64_t published_us, looked_us;
};

// `hooks` may be NULL and is copied; the delivery is open, and borrowed until presence_end.
void presence_begin(struct presence *presence, struct delivery *delivery,
                    const struct uplink_hooks *hooks);
void presence_end(struct presence *presence);

// What the broker is to publish when the connection breaks. Valid as long as the presence.
struct session_message presence_will(const struct presence *presence);
// Once a connection is up: publishes the document.
void presence_announce(struct presence *presence);
// Call it often: looks every 10 s, and publishes the document when it differs from the last one or
// a minute has passed.
void presence_look(struct presence *presence);
// Before the last connection is closed for good.
void presence_farewell(struct presence *presence);

#endif
