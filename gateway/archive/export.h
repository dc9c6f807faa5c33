// An export: a run of blocks with all that is needed to read and to check it later, as one
// canonical archive (docs/FORMAT.md §6). Writing and strict reading, both as a stream: memory does
// not grow with the run. What is read proves nothing yet: verify.h.
//
// One thread on each.
#ifndef TALLY_ARCHIVE_EXPORT_H
#define TALLY_ARCHIVE_EXPORT_H

#include "archive/book.h"
#include "archive/bounds.h"
#include "ident/checkpoint.h"
#include "ledger/ledger.h"

#include <stdio.h>

#define EXPORT_README        "README"
#define EXPORT_PROOF         "last-block.tlog-proof"
#define EXPORT_RECEIPTS      "receipts/"
#define EXPORT_DEFINITIONS   "definitions/"
#define EXPORT_FILES         "files/"
#define EXPORT_BLOCKS        "blocks/"
#define EXPORT_REACH         4096 // blocks that are searched for a receipt, before and behind a run
#define EXPORT_BLOCKS_A_FILE 256
#define EXPORT_FILES_MAX     16384
#define EXPORT_FILE_MAX      (16u << 20) // bytes
#define EXPORT_PROOF_MAX     (32u << 10) // bytes

extern const char export_readme[];

// --- what is exported

struct export_signed {
    struct text note;
    struct receipt receipt; // not verified: that is for whoever checks, and has keys
    uint64_t last;          // the last block of the run that it covers
};

// What is signed about a run of blocks: found in a ledger, and written into the export as it is.
struct export_notes {
    struct text checkpoint;
    uint64_t size;                                     // of the log that the checkpoint is of
    struct export_signed receipts[BOUNDS_CENTRES_MAX]; // at most one a centre, by name
    size_t count;
};

// The blocks that hold readings, misses or events of [from_us, to_us): [*first, *end).
// ERROR_ABSENT.
int export_span(struct ledger_reader *reader, int64_t from_us, int64_t to_us, uint64_t *first,
                uint64_t *end, struct why *why);
// Finds the ledger's last checkpoint, for each centre the first receipt that covers the run (or
// else as much of it as one does), and moves *first back to the blocks, at most EXPORT_REACH
// before, that hold the last receipts recorded before it: only so does an export show that its
// blocks are later. ERROR_ABSENT when there is no checkpoint or it does not cover the run.
// export_notes_free also after an error.
int export_notes_find(struct export_notes *notes, struct ledger_reader *reader, uint64_t *first,
                      uint64_t end, struct why *why);
void export_notes_free(struct export_notes *notes);

// Appends the proof (.tlog-proof) that block `index` is in the log of this signed checkpoint.
// ERROR_ABSENT when it is not below its size, ERROR_DAMAGED when the root is not these blocks'.
int export_prove(struct ledger_reader *reader, uint64_t index, const struct text *checkpoint,
                 struct text *out, struct why *why);

struct export_progress {
    void (*tell)(void *context, uint64_t done, uint64_t all); // may be NULL
    void *context;
};

struct export_written {
    uint64_t blocks, readings;
    size_t definitions, files;
};

// Writes blocks [first, end), first < end. What is written was checked: an error leaves a file that
// is not whole, which is for the caller to remove. ERROR_DAMAGED, ERROR_ABSENT (pruned meanwhile),
// ERROR_INPUT (a block does not hold), ERROR_FULL, ERROR_SYSTEM.
int export_write(struct ledger_reader *reader, const struct export_notes *notes, uint64_t first,
                 uint64_t end, FILE *to, const struct export_progress *progress,
                 struct export_written *written, struct why *why);

// --- what is read

struct export_receipt {
    struct text bytes;
    struct checkpoint_proof proof; // points into the bytes
    struct receipt receipt;        // not verified
    struct note note;              // points into the bytes
};

struct export_reader;

// Reads up to the first block. `from` is borrowed. ERROR_INPUT with the place of the first byte
// that an export cannot have there; ERROR_RANGE, ERROR_SYSTEM, ERROR_MEMORY.
int export_open(struct export_reader **out, FILE *from, struct why *why);
void export_close(struct export_reader *reader);
// Blocks [*first, *end), by the archive's names.
void export_extent(const struct export_reader *reader, uint64_t *first, uint64_t *end);
const struct checkpoint_proof *export_proof(const struct export_reader *reader);
const struct export_receipt *export_receipts(const struct export_reader *reader, size_t *count);
struct book *export_book(struct export_reader *reader);
// The next block's bytes, which live until the next call. ERROR_ABSENT when that was the last, and
// the archive has ended as it must; else as export_open.
int export_next(struct export_reader *reader, const char **bytes, size_t *length, struct why *why);
// Something names this file; false when it is not there.
bool export_name_file(struct export_reader *reader, const struct digest *hash);
// ERROR_INPUT when there are files or definitions that nothing names. After the last block.
int export_all_named(const struct export_reader *reader, struct why *why);

#endif
