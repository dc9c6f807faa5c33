// What was published and is not yet acknowledged, in order, so that the cursor moves over blocks
// without a gap whatever the order of the acknowledgements.
//
// Pure book-keeping: publishes and stores nothing. Not thread-safe.
#ifndef TALLY_UPLINK_WINDOW_H
#define TALLY_UPLINK_WINDOW_H

#include "base/digest.h"
#include "uplink/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum item_kind {
    ITEM_BLOCK,
    ITEM_FILE,        // a chunk of a content-addressed file
    ITEM_DEFINITIONS, // retained, for whoever joins
    ITEM_STATUS,
    ITEM_NOTE,  // a checkpoint, or a hello
    ITEM_EVENT, // for whoever watches
};

struct window_item {
    enum item_kind kind;
    int id;             // of the message
    bool disowned;      // sent before the feed was set to another place
    bool answered;      // an acknowledgement came, with this reason
    int reason;         // of MQTT 5: 0 success, 0x10 no subscriber, 0x80 and above refused
    uint64_t n;         // ITEM_BLOCK; ITEM_EVENT: the place behind it in the bulletin
    uint32_t readings;  // ITEM_BLOCK
    struct digest file; // ITEM_FILE
    bool last;          // ITEM_FILE: the file's last chunk
    size_t bytes;
};

struct window {
    struct window_item items[SESSION_WINDOW_MAX]; // a ring
    size_t head, count;
    size_t bytes; // of all items
};

void window_clear(struct window *window);
// Asserts that count < SESSION_WINDOW_MAX.
void window_add(struct window *window, const struct window_item *item);
// Marks all that is under way as disowned.
void window_disown(struct window *window);
// Notes an acknowledgement. False when no message under way has that id.
bool window_answer(struct window *window, int id, int reason);
// Takes out the oldest item if it has been answered.
bool window_take(struct window *window, struct window_item *item);

#endif
