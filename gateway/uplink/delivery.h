// What is under way on one uplink: what the feed gives is sent as far as the window, the rate and
// the broker allow (delivery_send.c), and as it is answered the cursor moves or all goes again from
// the cursor (delivery_answer.c).
//
// Outlives connections, of which it borrows the session. Neither opens them nor waits. The uplink's
// thread alone.
#ifndef TALLY_UPLINK_DELIVERY_H
#define TALLY_UPLINK_DELIVERY_H

#include "config/config.h"
#include "ledger/ledger.h"
#include "uplink/feed.h"
#include "uplink/notices.h"
#include "uplink/pace.h"
#include "uplink/session.h"
#include "uplink/window.h"

#include <stdbool.h>

struct delivery {
    const struct config_uplink *settings;
    struct ledger *ledger;
    const struct clock *clock;
    struct notices *notices;
    struct feed *feed;
    struct session *session; // of the present connection
    struct window window;
    struct rate drain; // of what was there when the connection came up
    struct backoff retry;
    uint64_t acknowledged; // where to go back to: the first block that the broker has not taken
                           // since the feed was last set; without receipts the cursor
    bool held;             // nothing of the feed is sent: the centre has not answered, or holds
                           // another log
    uint64_t size;         // of the ledger, as last seen
    uint64_t backlog_end;
    bool stumbled;        // a message was not taken: wait for the rest, then go back
    bool probing;         // after that, one block at a time until one is taken
    int64_t retry_at_us;  // nothing is sent before
    bool behind;          // there was a backlog; memory is given back after it
    bool no_status;       // the broker does not want the status
    bool no_events;       // likewise events
    unsigned events;      // of these, how many are under way
    uint64_t event_place; // behind the last that was answered, in the bulletin
};

struct delivery_options {
    const struct config_uplink *settings;
    const char *directory; // of the ledger, for a reader of its own
    struct ledger *ledger;
    const struct clock *clock;
    struct notices *notices;
    uint64_t seed; // for the jitter of tries again
};

// Declares the uplink to the ledger and takes its cursor up. All is borrowed until delivery_close.
// 0, or an error with why (delivery_close is harmless).
int delivery_open(struct delivery *delivery, const struct delivery_options *options,
                  struct why *why);
void delivery_close(struct delivery *delivery);

// A session is being opened: nothing is under way on it yet.
void delivery_attach(struct delivery *delivery, struct session *session);
// It is up: begins at the cursor, with the definitions again.
void delivery_begin(struct delivery *delivery);
// With receipts: from block n on, which the centre has asked for, with all files; no longer held.
void delivery_resume(struct delivery *delivery, uint64_t n);
// With receipts: the centre holds the first `size` blocks; the cursor rises to there.
void delivery_receipted(struct delivery *delivery, uint64_t size);
// Nothing more of this log is sent.
void delivery_hold(struct delivery *delivery);
// The next block to be sent.
uint64_t delivery_next(const struct delivery *delivery);
// Looks how many blocks the ledger has.
void delivery_look(struct delivery *delivery);
// Whether a new block could be sent now.
bool delivery_wants_blocks(const struct delivery *delivery);

// Sends blocks, and before each the files and definitions that it needs. *wait_us is shortened to
// when there will be more to do. 0, or an error: the connection is lost.
int delivery_send(struct delivery *delivery, int64_t *wait_us);
// Publishes a status document, retained, unless the window is full or the broker wants none.
void delivery_send_status(struct delivery *delivery, const char *topic, const char *json,
                          size_t length);

// Whether an event could be sent now: few are under way at a time, so that they take no room from
// blocks.
bool delivery_wants_events(const struct delivery *delivery);
// Publishes one, unless the broker wants none. `place`: behind it, in the bulletin.
void delivery_send_event(struct delivery *delivery, const char *topic, const char *json,
                         size_t length, uint64_t place);

// Publishes a checkpoint or a hello. False when there is no room now: try again later.
bool delivery_send_note(struct delivery *delivery, const char *topic, const char *note,
                        size_t length, bool retain);

// A PUBACK: for session_options, with the delivery as context.
void delivery_acknowledged(void *delivery, int id, int reason);
// Takes out of the window what was answered, in order, and moves the cursor over the blocks that
// were taken, up to the first thing that was not; from there all goes again after a while. Also to
// be called when the session has ended.
void delivery_harvest(struct delivery *delivery);

// A message was not taken, or could not be made: tells it, and sends nothing more until
// delivery_harvest has seen the rest answered. For delivery_send.c and delivery_answer.c.
void delivery_stumble(struct delivery *delivery, const char *kind, const char *text);

#endif
