// What happens to what a gateway sends about one log: blocks wait in memory until a checkpoint that
// the log's key signed agrees with them, and are made durable then; everything else is refused and
// named.
//
// No broker, no clock, no files: time is passed in, the store is an interface (store.h), what
// happened is told through hooks. Whether a log is accepted, and receipts, are the caller's
// (centre.h). Bounded: memory of each log and of all (struct intake_limits); when all of it is
// used, the log that holds most loses what it holds, so that one gateway cannot starve the others.
// Not thread-safe.
//
// Several blocks may wait for one number: whoever can write to the broker may send a false one
// first. `prev` makes a chain of them from the last block down, and the signed root says which
// chain is right; so a false block costs nothing but its own memory.
#ifndef TALLY_CENTRE_INTAKE_H
#define TALLY_CENTRE_INTAKE_H

#include "assembly.h"
#include "fault.h"
#include "ident/checkpoint.h"
#include "ident/receipt.h"
#include "pending.h"
#include "store.h"

#include <zstd.h>

#define INTAKE_KEYS_MAX   4     // claimed for a log that nobody has accepted
#define INTAKE_WINDOW     16384 // blocks beyond those held that are taken
#define INTAKE_WANTED_MAX 2     // checkpoints whose blocks are not all there: the least, the last
#define INTAKE_FILES_MAX  2     // files under way at a time

#define INTAKE_RESUME_FIRST_US 2000000
#define INTAKE_RESUME_LAST_US  16000000 // the gateway obeys one in 30 s: within a minute, then
#define INTAKE_GRACE_US        1000000  // for blocks that only come in another order
#define INTAKE_RETRY_US        5000000  // of a store that took nothing

struct intake_limits {
    size_t log_bytes, all_bytes;
};

// A verified checkpoint beyond what is held.
struct intake_wanted {
    struct checkpoint checkpoint;
    struct public_key key; // that signed it
    struct text note;
    bool disputed; // no blocks that came agree with it
};

struct intake_log {
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct intake_log *next; // of all logs
    struct public_key keys[INTAKE_KEYS_MAX];
    size_t key_count;
    bool pinned;        // keys[0] is the log's, for ever
    int64_t size_limit; // bytes on the disk; the caller sets it

    bool loaded; // head is what the store has
    struct store_head head;
    struct pending pending;
    uint64_t end;                                   // blocks [head, end) are held or wait
    struct intake_wanted wanted[INTAKE_WANTED_MAX]; // by size
    size_t wanted_count;
    struct text checkpoint; // that head stands on, until it is kept in the store
    struct digest seen;     // SHA-256 of the last checkpoint that said nothing new
    struct digest in_force; // definitions of the last block held; zero: not known
    struct assembly files[INTAKE_FILES_MAX];
    size_t file_turn, file_bytes;

    uint64_t counted; // blocks [0, counted) have so many readings and misses in them
    uint64_t readings, missed;

    bool forked;             // nothing of it is taken any more
    uint64_t lost_to;        // blocks below were dropped or discarded, and not asked for yet
    bool waits_for_files;    // a block's files are not all there
    int64_t resume_at_us;    // when to ask, if it is still needed; 0: nothing is missing
    int64_t resume_delay_us; // until the next time
    int64_t retry_us;        // when to try the store again; 0: no need
    char store_fault[256];   // "" while the store takes everything
};

struct intake_hooks {
    void *context;
    void (*fault)(void *context, struct intake_log *log, enum fault fault, const char *text);
    // The head has moved; it is durable.
    void (*moved)(void *context, struct intake_log *log);
    // Two checkpoints signed by one key that contradict each other; each signed note ends in \0.
    void (*forked)(void *context, struct intake_log *log, const char *one, const char *other,
                   const char *text);
};

struct intake {
    struct intake_limits limits;
    struct store store;
    struct intake_hooks hooks;
    struct intake_log *logs;
    size_t bytes;      // of memory, of all logs
    struct text block; // unpacked
    struct block_view view;
    ZSTD_CCtx *packer;
    ZSTD_DCtx *unpacker;
};

// OK or ERROR_MEMORY.
int intake_open(struct intake *intake, const struct intake_limits *limits,
                const struct store *store, const struct intake_hooks *hooks);
void intake_close(struct intake *intake); // the logs are their owners'

// Adds a zeroed log with its origin and keys set. What the store has of it is looked up when it is
// first needed.
void intake_add(struct intake *intake, struct intake_log *log);
// Looks that up. False: the store could not be read (store_fault says why; it is tried again), or
// the log is forked.
bool intake_is_ready(struct intake *intake, struct intake_log *log, int64_t now_us);
void intake_remove(struct intake *intake, struct intake_log *log);

// A key that a hello claims. OK; ERROR_REFUSED when it cannot be the log's; ERROR_FULL when too
// many are claimed.
int intake_claim(struct intake_log *log, const struct public_key *key);
// From now on this key and no other is the log's. What another key vouched for is set aside.
void intake_pin(struct intake *intake, struct intake_log *log, const struct public_key *key,
                int64_t now_us);

void intake_block(struct intake *intake, struct intake_log *log, const void *bytes, size_t length,
                  bool packed, int64_t now_us);
void intake_checkpoint(struct intake *intake, struct intake_log *log, const void *bytes,
                       size_t length, int64_t now_us);
void intake_chunk(struct intake *intake, struct intake_log *log, const struct assembly_chunk *chunk,
                  int64_t now_us);
// The gateway begins again: what is missing is asked for soon, when it is not sent by itself.
void intake_greeted(struct intake_log *log);
// Every second: what was put off.
void intake_tick(struct intake *intake, struct intake_log *log, int64_t now_us);
// Whether `resume` is to be sent now, from the head; it is then counted as sent.
bool intake_resume_due(struct intake *intake, struct intake_log *log, int64_t now_us);
// Keeps the checkpoint that the head stands on, and the receipt (NULL: none), durably.
int intake_keep_notes(struct intake *intake, struct intake_log *log, const char *centre,
                      const struct text *receipt, struct why *why);

// Between the two files that make this up.
bool intake_is_complete(const struct intake_log *log); // something may be settled
void intake_settle(struct intake *intake, struct intake_log *log, int64_t now_us);
void intake_fault(struct intake *intake, struct intake_log *log, enum fault fault,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void intake_ask_again(struct intake_log *log, int64_t now_us, int64_t grace_us);
void intake_discard(struct intake *intake, struct intake_log *log);
void intake_forget_wanted(struct intake_log *log, size_t index);
void intake_store_failed(struct intake_log *log, int64_t now_us, const struct why *why);

#endif
