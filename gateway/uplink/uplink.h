// One uplink: publishes blocks from the ledger, in order, over MQTT 5 and TLS, and moves its cursor
// when the broker has acknowledged them, or, with receipts, when the centre has.
//
// The sole user of libmosquitto. A thread of its own, which reads through a ledger reader of its
// own; never delays polling. TLS 1.2 or newer with a client certificate; the host name is checked;
// never a fallback to less. Delivery is in order and at least once.
#ifndef TALLY_UPLINK_UPLINK_H
#define TALLY_UPLINK_UPLINK_H

#include "base/bulletin.h"
#include "base/clock.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "sign/signer.h"

struct uplink;

struct uplink_hooks {
    // An event worth keeping (kind "uplink.up", "uplink.down", "uplink.refused",
    // "uplink.no-subscribers", …). From the uplink's thread.
    void (*event)(void *context, const char *kind, const char *subject, const char *text);
    // The status document (JSON) to publish, retained, when it changes and every minute; appended
    // to `out`. From the uplink's thread. May be NULL.
    void (*status)(void *context, struct text *out);
    void *context;
    // What is published on `event`, from this place on; borrowed, NULL: nothing.
    struct bulletin *bulletin;
    uint64_t bulletin_from;
};

struct uplink_status {
    bool connected;
    uint64_t acknowledged;        // first block not yet acknowledged (with receipts: receipted)
    uint64_t size;                // blocks in the ledger
    uint64_t published, readings; // acknowledged since start: blocks, readings
    int64_t since_us;             // wall clock of the last change of `connected`
    char last_fault[256]; // what a person should know: "broker's certificate has expired (…)"; ""
                          // when all is well
};

// Starts the thread; connects by itself, again and again. Configuration, ledger, signer (NULL: the
// log is not signed, and no receipts are to be had), clock are borrowed until uplink_stop.
int uplink_start(struct uplink **out, const struct config *config,
                 const struct config_uplink *uplink, struct ledger *ledger, struct signer *signer,
                 const struct clock *clock, const struct uplink_hooks *hooks, struct why *why);
// Publishes status "offline", disconnects, waits for the thread (at most 2 s for acknowledgements
// under way). Frees.
void uplink_stop(struct uplink *uplink);
void uplink_status(struct uplink *uplink, struct uplink_status *status);

#endif
