// Events that are to be told as soon as they are durable, to whoever tells them on: a bounded queue
// with one writer of what happens and any number of readers, each with a place of its own.
//
// Not a record: the ledger is. At most BULLETIN_EVENTS_MAX events of BULLETIN_BYTES_MAX bytes
// together are kept, and the oldest give way: nobody who posts ever waits, and a reader that is
// slow learns how many it did not get. An event is open until the block that it is in is sealed,
// then closed, and ready to be read once that block is durable. All may be called from any thread.
#ifndef TALLY_BASE_BULLETIN_H
#define TALLY_BASE_BULLETIN_H

#include "base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BULLETIN_EVENTS_MAX  256
#define BULLETIN_BYTES_MAX   (64u << 10)
#define BULLETIN_ORIGIN_MAX  84
#define BULLETIN_KIND_MAX    64
#define BULLETIN_SUBJECT_MAX 256
#define BULLETIN_TEXT_MAX    512 // bytes; what is longer is cut, between characters
#define BULLETIN_JSON_MAX    (8u << 10)

struct bulletin;

struct bulletin_event {
    char log[BULLETIN_ORIGIN_MAX + 1]; // origin
    uint64_t n;                        // of the block that it is in
    int64_t t_us;                      // as on record
    int64_t closed_us;                 // monotonic clock when that block was closed
    char kind[BULLETIN_KIND_MAX + 1], subject[BULLETIN_SUBJECT_MAX + 1],
        text[BULLETIN_TEXT_MAX + 1];
};

// NULL when memory is short. 12 KiB, and what is posted.
struct bulletin *bulletin_make(void);
void bulletin_free(struct bulletin *bulletin); // harmless on NULL

// From now on events are of this log, of which nothing is known to be durable; what is there is
// forgotten. Places stay good.
void bulletin_begin(struct bulletin *bulletin, const char *origin);
// An event of the block being filled. When memory is short, or the bulletin is NULL, it is not
// kept.
void bulletin_post(struct bulletin *bulletin, int64_t t_us, const char *kind, const char *subject,
                   const char *text);
// Behind the last that was posted: where a reader begins that is to get only what comes.
uint64_t bulletin_end(struct bulletin *bulletin);
// All open ones before `end` are in block n, closed at this time of the monotonic clock; `lost`:
// that block could not be made, and they are forgotten.
void bulletin_close(struct bulletin *bulletin, uint64_t end, uint64_t n, int64_t mono_us,
                    bool lost);
// Blocks [.., size) are durable. Wakes who waits.
void bulletin_durable(struct bulletin *bulletin, uint64_t size);

// The first place at which an event is not ready yet; the end where all are.
uint64_t bulletin_ready(struct bulletin *bulletin);
// Whether there is anything at or behind a place, ready or not. Takes no lock.
bool bulletin_has(const struct bulletin *bulletin, uint64_t place);
// The next that is ready, in *out, with *place behind it. False when there is none now. What gave
// way before it was read is added to *missed, which may be NULL.
bool bulletin_next(struct bulletin *bulletin, uint64_t *place, struct bulletin_event *out,
                   uint64_t *missed);
// Waits until there is one at or behind `place`, *end is set, or until_ns (clock_wait_ns) has come.
// Who sets *end calls bulletin_wake after it.
void bulletin_wait(struct bulletin *bulletin, uint64_t place, const atomic_bool *end,
                   int64_t until_ns);
void bulletin_wake(struct bulletin *bulletin);

// As it is told on: one line of JSON without the newline (docs/FORMAT.md §9).
void bulletin_append_json(struct text *out, const struct bulletin_event *event);

#endif
