// Tells the events of limits to whoever watches, on the topic `event`, each once it is durable.
//
// Unsigned, for people; never evidence: the blocks have them. What is older than a minute is not
// told, so that a connection that was away for long floods nobody; what was not acknowledged when
// one broke goes again on the next. Sends through the delivery. The uplink's thread alone.
#ifndef TALLY_UPLINK_HERALD_H
#define TALLY_UPLINK_HERALD_H

#include "uplink/delivery.h"

struct herald {
    struct delivery *delivery;
    struct bulletin *bulletin;
    char topic[BLOCK_ORIGIN_MAX + 32];
    uint64_t place; // of the next to be sent, in the bulletin
};

// `hooks` may be NULL; the delivery is open, and borrowed as the bulletin is.
void herald_begin(struct herald *herald, struct delivery *delivery,
                  const struct uplink_hooks *hooks);
// A connection is up.
void herald_up(struct herald *herald);
// Call it after each turn of the connection's loop: sends what is durable, as far as there is room.
void herald_look(struct herald *herald);

#endif
