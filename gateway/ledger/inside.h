// The ledger's own state, shared by the files of gateway/ledger that make up ledger.h. Internal.
//
// Two locks: `writing` for the database and what belongs to it, held across commits; `looking` for
// the few numbers that others ask for at any time, never held across anything slow. Taken in this
// order.
#ifndef TALLY_LEDGER_INSIDE_H
#define TALLY_LEDGER_INSIDE_H

#include "ledger/ledger.h"
#include "ledger/lock_note.h"
#include "ledger/store.h"
#include "ledger/tree.h"

#include <limits.h>
#include <pthread.h>
#include <zstd.h>

#define LEDGER_WATCHERS_MAX 16
#define LEDGER_FILE_MAX     (16u << 20)
#define LEDGER_IDLE_US      15000000 // cursors wait so long for a block to go along with

struct ledger_cursor {
    char uplink[33];
    bool required, dirty;
    uint64_t acknowledged;
    int64_t acknowledged_us; // wall clock when it last rose
    int64_t mark_us;         // age of the log when its last mark was written
};

struct ledger_note {
    enum ledger_note_kind kind;
    char name[LEDGER_NOTE_NAME];
    uint64_t size;
    char *bytes; // owned
    size_t length;
    bool dirty, writing; // not written yet; written in the transaction under way
};

struct ledger {
    char directory[PATH_MAX];
    char origin[BLOCK_ORIGIN_MAX + 1];
    const struct clock *clock;
    int lock_fd;

    pthread_mutex_t writing; // recursive: a batch holds it from begin to end
    struct store store;
    struct tree tree;
    bool tree_valid;
    bool in_batch;
    int64_t appended_mono_us;
    struct lock_note note; // as it is in `lock`
    bool note_due;         // the next append writes it
    int64_t opened_age_us; // the log's age (age_us) when it was opened

    pthread_mutex_t looking;
    struct digest tip; // leaf hash of block size - 1
    uint64_t first, size, readings;
    struct ledger_cursor cursors[LEDGER_CURSORS_MAX];
    size_t cursor_count;
    struct ledger_note notes[LEDGER_NOTES_MAX];
    size_t note_count;
    uint64_t note_serial; // counts what was put
    int watchers[LEDGER_WATCHERS_MAX];
    size_t watcher_count;
    bool full, filling, failed, damaged;
    struct {
        int64_t mono_us, bytes;
    } room[2]; // how large the files were: a window ago or more, and since
    char last_fault[256];
    int64_t opened_mono_us;
};

// Ends the caller's transaction: commits it with the cursors that rose and the notes that were put,
// or, when `error` is how it went so far, rolls it back. 0 or an error, and all is to be written
// again.
int pending_commit(struct ledger *ledger, int error, struct why *why);
int cursors_load(struct ledger *ledger, struct why *why);
// Reads at most `max` rows of the table.
int cursors_list(struct store *store, struct ledger_cursor *rows, size_t max, size_t *count,
                 struct why *why);
// How many cursors must be dropped for those of the uplinks named; ERROR_FULL when too few may be.
int cursors_to_drop(const struct ledger_cursor *cursors, size_t count, const char *const *uplinks,
                    size_t uplink_count, size_t *drop, struct why *why);

// For how long this log has been written, by the monotonic clock, in all runs together: what
// retention measures by. The caller holds `writing`.
int64_t age_us(const struct ledger *ledger);
// The last mark at or before the age *at_us of the log, whose own age becomes *at_us: where the
// uplink's cursor stood then. 0 and 0 when nobody wrote it down.
int mark_before(struct store *store, const char *uplink, int64_t *at_us, uint64_t *n,
                struct why *why);
// The newest mark of the log's age that was written, and the block before which everything is at
// least as old; both 0 when there is none.
int age_last_mark(struct store *store, int64_t *at_us, uint64_t *before_n, struct why *why);
// Marks the age of a tile that is full with block n, within the caller's transaction.
int age_mark(struct ledger *ledger, uint64_t n, struct why *why);

// Writes the notes that were put, within the caller's transaction.
int notes_write(struct ledger *ledger, struct why *why);
// After the commit of what notes_write wrote (`good`), or its roll-back.
void notes_settled(struct ledger *ledger, bool good);
bool notes_are_dirty(struct ledger *ledger);
// Forgets one, in memory alone. The caller holds `looking`.
void note_drop(struct ledger *ledger, enum ledger_note_kind kind, const char *name);
int notes_load(struct ledger *ledger, struct why *why);
void notes_free(struct ledger *ledger);
// Of a store that is open for reading.
int store_get_note(struct store *store, enum ledger_note_kind kind, const char *name,
                   struct text *out, uint64_t *size, struct why *why);
int store_note_names(struct store *store, enum ledger_note_kind kind, struct ledger_note_row *rows,
                     size_t max, size_t *count);

// Makes a watcher's eventfd readable.
void ledger_wake(int watcher);

// Of the database and its WAL.
int64_t ledger_file_bytes(const struct ledger *ledger);
// Where growth is measured from; and what it is since. *hours to a full disk, infinite when
// unknown.
void room_begin(struct ledger *ledger);
void room_measure(struct ledger *ledger, int64_t *bytes, int64_t *free_bytes, double *hours);

// Puts a file within the caller's transaction.
int files_put(struct ledger *ledger, const char *kind, const void *bytes, size_t length,
              struct digest *hash, struct why *why);

// Drops the files that no kept definitions name, put well before block `first`; within the caller's
// transaction.
int files_prune(struct ledger *ledger, uint64_t first, struct why *why);

// [*first, *size) of the blocks in a store.
int store_extent(struct store *store, uint64_t *first, uint64_t *size, struct why *why);

// Reads and checks one block: bytes against leaf hash, place, origin and, when `known`, prev.
// *previous is the leaf hash of the one before it, and becomes its own. `bytes` holds the block.
int tail_verify_block(struct store *store, const char *origin, uint64_t n, bool known,
                      struct digest *previous, struct text *bytes, struct block_view *view,
                      struct why *why);
// Checks the last tile's blocks: bytes against leaf hash, place, origin and prev. Sets *tip, and
// *span_us: the monotonic time up to the last block from the one before `since`, as far as it
// passed within runs.
int tail_verify(struct store *store, const char *origin, uint64_t first, uint64_t size,
                uint64_t since, struct digest *tip, int64_t *span_us, struct why *why);

// Unpacks a block of `length` bytes into `out`. ERROR_DAMAGED. `unpacker` may be NULL: then one is
// made for this block, which takes ten times as long.
int block_unpack(ZSTD_DCtx *unpacker, const void *packed, size_t packed_length, size_t length,
                 struct text *out, struct why *why);

#endif
