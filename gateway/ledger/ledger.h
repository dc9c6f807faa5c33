// The ledger: the current log of sealed blocks in SQLite, with leaf hashes, Merkle tiles,
// content-addressed files, point numbers and uplink cursors. The only queue there is.
//
// The sole user of SQLite for blocks. One process holds it open for writing (a lock); any number of
// readers, in this process or others. Knows nothing of configuration, buses or MQTT. A damaged
// database is set aside whole (never repaired in place) and a new log begins, whose first block
// says so.
#ifndef TALLY_LEDGER_LEDGER_H
#define TALLY_LEDGER_LEDGER_H

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "ledger/block.h"
#include "ledger/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_CURSORS_MAX 32 // uplinks that a ledger keeps cursors of

struct ledger;

struct ledger_options {
    const char *directory;    // made if absent (0750)
    const char *site_code;    // of the origin
    const char *gateway_name; // of the origin
    const char *copy_of;      // NULL, or the origin of a log of which this is another's copy (a
                              // centre's half): no other log is ever begun in its place, and what
                              // cannot be gone on with is ERROR_DAMAGED
    const void *key;          // that signs the log, as it is to be compared (DER); NULL: none
    size_t key_length;
    const struct clock *clock;
};

#define LEDGER_RECEIPT_MAX 1024 // bytes: what an event can carry
struct ledger_old_receipt {
    char uplink[33];
    uint64_t size; // of the old log that it covers
    char note[LEDGER_RECEIPT_MAX + 1];
};

// What opening found, to be recorded as events by the caller in the next block.
struct ledger_opening {
    bool fresh;       // the directory held no ledger
    bool new_log;     // a log was begun now
    char reason[256]; // why a new log was begun ("" when fresh or not new): damage …
    char old_origin[BLOCK_ORIGIN_MAX + 1];
    uint64_t old_size; // blocks known of the old log
    size_t old_receipt_count;
    struct ledger_old_receipt old_receipts[8]; // the last of each uplink
    char set_aside[256];    // folder where the damaged files now are, "" when none
    size_t recovered_count; // files holding whole blocks of the old log that some uplink had not
                            // acknowledged; already in the ledger
    struct digest recovered[64];
    uint64_t recovered_from, recovered_to; // [from, to) in the old log
    uint64_t left_from, left_to; // of it, what found no room in those files: it is in set_aside
                                 // only; 0 and 0: nothing
    uint64_t unsaved_left;       // blocks in `unsaved` that do not follow on the log …
    char unsaved_kept[64];       // … and the file in the directory that it is now, "" when none
};

// Opens, verifying the tail (the last tile's blocks: bytes against leaf hash and prev). 0, or a
// negative error with why (ERROR_BUSY: another daemon has it; ERROR_SYSTEM: read-only or no disk …;
// ERROR_REFUSED: ledger_fits).
int ledger_open(struct ledger **out, const struct ledger_options *options,
                struct ledger_opening *opening, struct why *why);
// Writes what is pending (cursors). Harmless on NULL.
void ledger_close(struct ledger *ledger);

// Whether the ledger in a folder, if there is one, may be gone on with: 0; or ERROR_REFUSED with
// why: it is of another site or gateway, or was written by a newer program. Changes nothing there;
// any process, at any time. Damage is not looked for.
int ledger_fits(const char *directory, const char *site_code, const char *gateway_name,
                struct why *why);
// Likewise, whether it has room for cursors of these uplinks (ledger_make_room), as far as its
// database alone tells, without what is only in its WAL.
int ledger_has_room(const char *directory, const char *const *uplinks, size_t uplink_count,
                    struct why *why);

const char *ledger_origin(const struct ledger *ledger);
// Blocks durably stored; the number of the next block. Any thread.
uint64_t ledger_size(struct ledger *ledger);
// Leaf hash of block size - 1 (all zero when empty): where the recorder's chain goes on.
struct digest ledger_tip(struct ledger *ledger);

struct ledger_block {
    uint64_t n;
    struct digest leaf, definitions;
    int64_t t_lo_us, t_hi_us; // span of the times in it
    const void *packed;       // zstd
    size_t packed_length;
    size_t length; // of the block's bytes
    uint32_t readings;
    bool has_entry; // an event that is an entry (block_is_entry): it can be found by that
};

// Appends blocks size, size + 1 … durably, in one transaction, with the pending cursors. 0;
// ERROR_FULL (disk: nothing was stored, ask again later); ERROR_SYSTEM; ERROR_DAMAGED. On error
// nothing of it is stored and the ledger is as before. One thread at a time (the committer).
int ledger_append(struct ledger *ledger, const struct ledger_block *blocks, size_t count,
                  struct why *why);

// Damage was found while running (ledger_append says so by itself; a reader's ERROR_DAMAGED on a
// block that is still needed is for its caller to report): ledger_status says `damaged` from now
// on, and the next ledger_open sets the ledger aside, even if its own look finds nothing. Any
// thread.
void ledger_report_damage(struct ledger *ledger, const char *what);

// Keeps a block that could not be appended in the file `unsaved` beside the database; the next
// ledger_open appends it, or, when a new log begins, keeps it as a recovered file.
int ledger_save_unstored(struct ledger *ledger, const struct ledger_block *block, struct why *why);
// What ledger_open does with that file, for a recorder that follows on another in one process;
// while nobody appends. Errors as of ledger_append: call it again, before anything is appended.
// Sets what of `found` speaks of `unsaved`.
int ledger_take_in_unsaved(struct ledger *ledger, struct ledger_opening *found, struct why *why);
// 1 MiB held back in the file `reserve`, really written, so that the event of a full disk has room.
int ledger_reserve_hold(struct ledger *ledger, struct why *why);
void ledger_reserve_release(struct ledger *ledger);

// Content-addressed files: put is idempotent and durable on return; `kind` is for people ("driver",
// "definitions", "configuration", "recovered"). At most 16 MiB.
int ledger_put_file(struct ledger *ledger, const char *kind, const void *bytes, size_t length,
                    struct digest *hash, struct why *why);
// Whether a file is there.
bool ledger_has_file(struct ledger *ledger, const struct digest *hash);
// States that from block `from_n` on `definitions` is in force and needs these files (its own file
// included). Durable on return.
int ledger_put_definitions(struct ledger *ledger, uint64_t from_n, const struct digest *definitions,
                           const struct digest *files, size_t count, struct why *why);
// The number of a point under this exact definition: the one it had, or the next that was never
// used. `fresh` tells.
int ledger_point_number(struct ledger *ledger, const char *name, const char *definition,
                        uint32_t *number, bool *fresh, struct why *why);

// Notes a point as another's definitions number it (a copy): `name` and `definition` as for
// ledger_point_number. What is known already stays.
int ledger_put_point(struct ledger *ledger, uint32_t number, const char *name,
                     const char *definition, struct why *why);

// What is put between begin and end is one transaction, durable when ledger_batch_end returns 0 and
// undone when it does not. Appends of other threads wait meanwhile. `error` is how the work between
// went: when it is not 0, all is undone and it is returned.
int ledger_batch_begin(struct ledger *ledger, struct why *why);
int ledger_batch_end(struct ledger *ledger, int error, struct why *why);

// Uplink cursors. `acknowledged` is the number of the first block not yet acknowledged; only rises.
// Kept in memory at once, durable with the next append or close. Any thread.
void ledger_note_cursor(struct ledger *ledger, const char *uplink, uint64_t acknowledged);
uint64_t ledger_cursor(struct ledger *ledger, const char *uplink);
// Declares an uplink (so that its cursor exists, at the log's first kept block when new) and
// whether it holds back pruning. ERROR_FULL: see ledger_make_room.
int ledger_declare_uplink(struct ledger *ledger, const char *uplink, bool required,
                          struct why *why);
struct ledger_cursor_row {
    char uplink[33];
    uint64_t acknowledged;
    bool required;
};
// How an uplink stands; false when the ledger knows none of this name.
bool ledger_find_uplink(struct ledger *ledger, const char *uplink, struct ledger_cursor_row *row);
// Makes room for the cursors of the uplinks named, which are all that are configured: drops those
// of others that are not required, the longest unused first, one for each that is new and has no
// room. dropped[0 … *count) tells which; their receipts go too. ERROR_FULL with why when that does
// not do; nothing is then changed.
int ledger_make_room(struct ledger *ledger, const char *const *uplinks, size_t uplink_count,
                     struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX], size_t *count,
                     struct why *why);
// Signed notes that belong to the log: its last checkpoint (name ""), the last receipt of each
// uplink (name: the uplink's), the key that signs it (name "", DER). A new one takes the place of
// the old. Kept in memory at once, durable with the next append or settle; wakes the watchers. Any
// thread.
enum ledger_note_kind {
    LEDGER_CHECKPOINT,
    LEDGER_RECEIPT,
    LEDGER_KEY,
};
#define LEDGER_NOTE_MAX  (16 << 10) // bytes
#define LEDGER_NOTE_NAME 129        // with the terminator
#define LEDGER_NOTES_MAX (LEDGER_CURSORS_MAX + 2)
// `size` is what the note says of the log. ERROR_RANGE, ERROR_FULL (LEDGER_NOTES_MAX),
// ERROR_MEMORY.
int ledger_put_note(struct ledger *ledger, enum ledger_note_kind kind, const char *name,
                    uint64_t size, const void *bytes, size_t length, struct why *why);
// ERROR_ABSENT when there is none. `out` is cleared first.
int ledger_get_note(struct ledger *ledger, enum ledger_note_kind kind, const char *name,
                    struct text *out, uint64_t *size);
// Rises with each note put: cheap to look at.
uint64_t ledger_note_serial(struct ledger *ledger);
// Writes pending cursors and notes when nothing was appended for 15 s (or `now`). The committer
// calls it every few seconds.
int ledger_settle(struct ledger *ledger, bool now, struct why *why);

// Retention: prunes at most one batch (whole tiles of blocks) of what is older than keep_us (0: by
// size only; counted in time that a daemon had this log open, so that no wall clock makes anything
// older) or beyond keep_bytes (0: no limit), acknowledged by every required uplink, and 30 days
// past that acknowledgement where an uplink is required. *pruned is the number of blocks removed.
// Files no longer needed go too.
int ledger_prune(struct ledger *ledger, int64_t keep_us, int64_t keep_bytes, uint64_t *pruned,
                 struct why *why);

struct ledger_status {
    uint64_t first, size; // blocks kept: [first, size)
    uint64_t readings;    // stored since the daemon started
    int64_t bytes;        // of the database and its WAL
    int64_t free_bytes;   // of the file system
    double hours_to_full; // at the rate of the last day or two; infinite when unknown
    bool filling;         // hours_to_full is an alarm (ledger_judge_room)
    bool full;            // the last append failed for want of room
    bool failed;          // the last append failed otherwise
    bool damaged;         // damage was found: the daemon must start again, which begins a new log
    char last_fault[256];
};
void ledger_status(struct ledger *ledger, struct ledger_status *status);
// Judges how long the disk lasts: the alarm begins below 72 hours and ends above 96. Returns 1 when
// it began now, -1 when it ended, else 0. The committer calls it once in a while.
int ledger_judge_room(struct ledger *ledger, double *hours);

// An eventfd that becomes readable when blocks were appended; one for each waiter. Owned by the
// ledger until ledger_unwatch.
int ledger_watch(struct ledger *ledger);
void ledger_unwatch(struct ledger *ledger, int fd);

// --- readers: a connection of their own, from any process; one thread each
// -------------------------------------------------------------------------------

struct ledger_reader;

int ledger_reader_open(struct ledger_reader **out, const char *directory, struct why *why);
// The same of a folder that was set aside: its database and WAL stay byte for byte as they are.
int ledger_reader_open_aside(struct ledger_reader **out, const char *directory, struct why *why);
void ledger_reader_close(struct ledger_reader *reader);
const char *ledger_reader_origin(struct ledger_reader *reader);
// [*first, *size) is kept.
int ledger_reader_extent(struct ledger_reader *reader, uint64_t *first, uint64_t *size,
                         struct why *why);
// The block's bytes (checked against its leaf hash), or as stored (zstd). ERROR_ABSENT,
// ERROR_DAMAGED.
int ledger_reader_block(struct ledger_reader *reader, uint64_t n, struct text *out,
                        struct why *why);
int ledger_reader_packed(struct ledger_reader *reader, uint64_t n, struct text *out,
                         struct why *why);
// How many readings the block has that was read last.
uint32_t ledger_reader_readings(const struct ledger_reader *reader);
int ledger_reader_leaf(struct ledger_reader *reader, uint64_t n, struct digest *leaf,
                       struct why *why);
int ledger_reader_file(struct ledger_reader *reader, const struct digest *hash, struct text *out,
                       struct why *why);
// The definitions in force at block n, and the files they need (at most `max`).
int ledger_reader_definitions(struct ledger_reader *reader, uint64_t n, struct digest *definitions,
                              struct digest *files, size_t max, size_t *count, struct why *why);
// The next block at or after *n that may hold a reading in [from_us, to_us): *n is set to it.
// ERROR_ABSENT when there is none. Uses the time spans kept with blocks and tiles.
int ledger_reader_next_in_time(struct ledger_reader *reader, int64_t from_us, int64_t to_us,
                               uint64_t *n, struct why *why);
// The next block at or after *n that holds an entry (block_is_entry): *n is set to it. ERROR_ABSENT
// when there is none.
int ledger_reader_next_entry(struct ledger_reader *reader, uint64_t *n, struct why *why);
int ledger_reader_root(struct ledger_reader *reader, uint64_t size, struct digest *root,
                       struct why *why);
// The proof that block n is in the log of `size` blocks (merkle.h).
int ledger_reader_inclusion(struct ledger_reader *reader, uint64_t n, uint64_t size,
                            struct digest proof[MERKLE_PROOF_MAX], size_t *count, struct why *why);
// The numbers that a point of this name has had, in order. ERROR_RANGE when there are more than
// `max`.
int ledger_reader_point_numbers(struct ledger_reader *reader, const char *name, uint32_t *numbers,
                                size_t max, size_t *count, struct why *why);
// The definition (JSON) that a point number stands for. ERROR_ABSENT when there is no such number.
int ledger_reader_point_definition(struct ledger_reader *reader, uint32_t number, struct text *out,
                                   struct why *why);

// A note (ledger_put_note) as it was last made durable. `out` is cleared first. ERROR_ABSENT.
int ledger_reader_note(struct ledger_reader *reader, enum ledger_note_kind kind, const char *name,
                       struct text *out, uint64_t *size, struct why *why);
struct ledger_note_row {
    char name[LEDGER_NOTE_NAME];
    uint64_t size;
};
// The names that a kind of note is kept under, sorted; at most `max`.
int ledger_reader_note_names(struct ledger_reader *reader, enum ledger_note_kind kind,
                             struct ledger_note_row *rows, size_t max, size_t *count);

int ledger_reader_cursors(struct ledger_reader *reader, struct ledger_cursor_row *rows, size_t max,
                          size_t *count, struct why *why);

#endif
