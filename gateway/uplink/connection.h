// One connection to the broker at one of its addresses: opened, run until it ends, and parted from.
//
// Where it goes and whether it is tried again is uplink.c's. The uplink's thread alone.
#ifndef TALLY_UPLINK_CONNECTION_H
#define TALLY_UPLINK_CONNECTION_H

#include "uplink/certificates.h"
#include "uplink/delivery.h"
#include "uplink/dialogue.h"
#include "uplink/herald.h"
#include "uplink/presence.h"

#include <stdatomic.h>

struct stop {
    int fd; // eventfd, readable for good once a stop is asked for
    atomic_bool asked;
};

// What a connection uses; all outlives it.
struct connection_parts {
    const struct config_uplink *settings;
    const struct clock *clock;
    const struct stop *stop;
    struct notices *notices;
    struct certificates *certificates; // looked at, so that new ones end the connection
    struct delivery *delivery;
    struct dialogue *dialogue;
    struct presence *presence;
    struct herald *herald;
    int watch_fd; // of the ledger: readable when there are new blocks
    const char *client_id;
};

enum ending {
    ENDING_STOP,  // a stop was asked for
    ENDING_RENEW, // there are other certificates, to be used at once
    ENDING_FAULT,
};

struct connection_result {
    enum ending ending;
    bool was_up;
    int64_t up_us;        // for how long
    enum session_end end; // of ENDING_FAULT; why too, in words that nobody has been told yet
    struct why why;
};

// Returns when it has ended. Says good-bye within 1.5 s unless it failed.
void connection_run(const struct connection_parts *parts, struct tls *tls, const char *address,
                    struct connection_result *result);

#endif
