// The committer: makes sealed blocks durable, in order, in a thread of its own; retries when the
// disk is full or fails; prunes what retention allows.
//
// Knows blocks as packed bytes only. Bounded: COMMITTER_WAITING_MAX blocks wait, then
// committer_put waits.
#ifndef TALLY_RECORD_COMMITTER_H
#define TALLY_RECORD_COMMITTER_H

#include "ledger/ledger.h"

#define COMMITTER_WAITING_MAX 64
#define COMMITTER_BATCH_MAX   16 // blocks in one transaction, when they have piled up

struct committer;

struct committer_options {
    struct ledger *ledger;
    int64_t keep_us, keep_bytes; // retention, as ledger_prune takes it
    // From the committer's thread: an event to put on record; `urgent`: close its block at once.
    void (*event)(void *context, const char *kind, const char *text, bool urgent);
    // From the committer's thread, after blocks [.., size) became durable. May be NULL.
    void (*committed)(void *context, uint64_t size);
    void *event_context, *committed_context;
};

int committer_start(struct committer **out, const struct committer_options *options,
                    struct why *why);
// Hands over a block, whose `packed` was malloc'd and is freed by the committer. Waits while
// COMMITTER_WAITING_MAX wait.
void committer_put(struct committer *committer, const struct ledger_block *block);
size_t committer_waiting(struct committer *committer);
// The end is near: from 5 s from now on, blocks that cannot be stored are saved beside the ledger
// where there is room (ledger_save_unstored), and nobody waits any more.
void committer_hurry(struct committer *committer);
// Everything is put. Waits until all is durable or saved, and frees. The number of blocks that
// could be neither. Harmless on NULL.
size_t committer_stop(struct committer *committer);

#endif
