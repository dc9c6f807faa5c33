// series.db: where segments and roll-ups lie, and how far the ledger has been taken in.
//
// The sole user of SQLite for it. Knows nothing of what is in a row. A rollback journal, not a
// write-ahead log: rows are only added at the end, and new pages need no journal, so that each is
// written once (a WAL writes them twice). One thread at a time.
//
// A step is what one transaction takes in; its rows are numbered by step, point and part, so that
// they are added in order. A stretch is SHELF_STRETCH_STEPS steps, summed up point by point. The
// roll-ups know no steps: a step adds to them where they lie, by quarter of an hour and point, so
// that what one step changes lies together.
#ifndef TALLY_SERIES_SHELF_H
#define TALLY_SERIES_SHELF_H

#include "base/error.h"
#include "base/text.h"
#include "ledger/block.h"

#include <stdbool.h>
#include <stdint.h>

#define SHELF_STRETCH_STEPS 32
#define SHELF_POINT_MAX     ((1u << 24) - 1)
#define SHELF_PARTS_MAX     256 // segments of a point in a step
#define SHELF_STEP_MAX      (((uint64_t)1 << 31) - 2)

static inline int64_t shelf_segment_id(uint64_t step, uint32_t point, uint32_t part)
{
    return (int64_t)(step << 32 | (uint64_t)point << 8 | part);
}
static inline int64_t shelf_summary_id(uint64_t stretch, uint32_t point)
{
    return (int64_t)(stretch << 32 | point);
}
static inline int64_t shelf_rollup_id(int64_t quarter, uint32_t point)
{
    return quarter * (SHELF_POINT_MAX + INT64_C(1)) + point;
}

// All bodies are rows as row.h has them; shelf_get and shelf_scan_next look at the check.
enum shelf_kind {
    SHELF_STATE,   // one row, 1
    SHELF_SEGMENT, // by shelf_segment_id
    SHELF_ROSTER,  // by step: what points have how many parts in it
    SHELF_SUMMARY, // by shelf_summary_id
    SHELF_STRETCH, // by stretch: its span, and what points have a summary in it
    SHELF_ROLLUP,  // by shelf_rollup_id
    SHELF_QUARTER, // by quarter of an hour: its number again, the last block with something in it,
                   // and what points have a roll-up in it
    SHELF_KINDS
};

struct shelf_state {
    char origin[BLOCK_ORIGIN_MAX + 1]; // of the log; "" when nothing was taken in yet
    uint64_t next_n;                   // first block not taken in
    uint64_t next_step;
    uint64_t first_stretch; // the oldest that was not pruned
    uint64_t next_stretch;  // steps from next_stretch × SHELF_STRETCH_STEPS on have no summary
    uint64_t quarters;      // rows of SHELF_QUARTER, so that one that is gone is missed
};

struct shelf;

// All return 0 or: ERROR_DAMAGED (not ours, or broken), ERROR_ABSENT (no such row; no file, when
// not writable), ERROR_BUSY (another process is at it for 10 s), ERROR_FULL, ERROR_MEMORY,
// ERROR_SYSTEM.
int shelf_open(struct shelf **out, const char *path, bool writable, struct why *why);
void shelf_close(struct shelf *shelf);
// Whether the file is still the one that lies at the path.
bool shelf_is_current(const struct shelf *shelf);
// Deletes the file and its journal.
void shelf_delete(const char *path);
const char *shelf_fault(struct shelf *shelf); // of the last failure

int shelf_begin(struct shelf *shelf, bool writing);
int shelf_commit(struct shelf *shelf);
void shelf_rollback(struct shelf *shelf); // harmless outside a transaction

int shelf_get_state(struct shelf *shelf, struct shelf_state *state);
int shelf_put_state(struct shelf *shelf, const struct shelf_state *state);
// Adds a row (of SHELF_STATE, SHELF_ROLLUP and SHELF_QUARTER: or replaces it).
int shelf_put(struct shelf *shelf, enum shelf_kind kind, int64_t id, const struct text *bytes);
// Bytes are valid until the next shelf_get of this kind. ERROR_DAMAGED when the check fails.
int shelf_get(struct shelf *shelf, enum shelf_kind kind, int64_t id, const void **bytes,
              size_t *length);

// Rows of [from, to) in order, of SHELF_SEGMENT or SHELF_QUARTER: begin, then next until
// ERROR_ABSENT. One scan of a kind at a time; the bytes are valid until the next shelf_scan_next of
// the kind, through shelf_get too.
void shelf_scan_begin(struct shelf *shelf, enum shelf_kind kind, int64_t from, int64_t to);
int shelf_scan_next(struct shelf *shelf, enum shelf_kind kind, int64_t *id, const void **bytes,
                    size_t *length);
// Deletes all segments that are of this stretch and those before it, with what sums them up.
int shelf_prune(struct shelf *shelf, uint64_t stretch);
// Deletes the roll-ups of one quarter of an hour.
int shelf_prune_quarter(struct shelf *shelf, int64_t quarter);

#endif
