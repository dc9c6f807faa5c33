// What an uplink has to send, in order: blocks from the ledger, and before each the files that are
// needed to read it and that this uplink is not known to have delivered.
//
// Reads the ledger through a reader of its own; publishes nothing. Used by the uplink's thread.
#ifndef TALLY_UPLINK_FEED_H
#define TALLY_UPLINK_FEED_H

#include "ledger/ledger.h"
#include "uplink/window.h"

#define FEED_CHUNK_BYTES   (64u << 10) // of a file in one message
#define FEED_FILES_MAX     1024        // needed by one definitions file
#define FEED_DELIVERED_MAX 1024        // files remembered as delivered; the oldest are forgotten

struct feed;

// Opens a reader on the ledger's folder. `compress`: blocks go as stored, in zstd.
int feed_open(struct feed **out, const char *directory, bool compress, struct why *why);
void feed_close(struct feed *feed);
// "tally/1/<origin>/", for other messages.
const char *feed_topic_prefix(const struct feed *feed);

// Begins (again) at block n. `fresh`: of a new connection, on which definitions are sent again.
void feed_rewind(struct feed *feed, uint64_t n, bool fresh);
// The number of the next block to be sent.
uint64_t feed_next_block(const struct feed *feed);

// One message, valid until the next call of feed_next, with its place in the window (id not set).
struct feed_item {
    struct session_message message;
    struct window_item item;
};
// Blocks up to `size` (not included) and what they need; chunks of at most `chunk_max` bytes. 0;
// ERROR_ABSENT when there is nothing to be sent; ERROR_RANGE with why after something that is
// wanting was passed over (pruned blocks, a missing file): call again; ERROR_DAMAGED, ERROR_MEMORY,
// ERROR_SYSTEM with why: the same block comes again next time.
int feed_next(struct feed *feed, uint64_t size, size_t chunk_max, struct feed_item *out,
              struct why *why);
// Whoever is behind the broker may have lost what the broker took: every file goes again.
void feed_forget(struct feed *feed);
// Root of the first `size` blocks (ledger_reader_root).
int feed_root(struct feed *feed, uint64_t size, struct digest *root);
// The broker has all chunks of a file and someone subscribed to it.
void feed_delivered(struct feed *feed, const struct digest *file);

#endif
