// Where the centre keeps its half of each log: the calls that a store answers. One by name of a
// log's origin, so that a store may hold few of them open at a time.
//
// Knows nothing of MQTT, keys that are accepted, or receipts. One thread. What a call has returned
// 0 for is durable. Every call may return ERROR_SYSTEM, ERROR_MEMORY, ERROR_FULL (no room on the
// disk: nothing of it was stored, ask again later) and ERROR_DAMAGED (this log cannot be gone on
// with until a person has looked), with why; the log is then as before.
#ifndef TALLY_CENTRE_STORE_H
#define TALLY_CENTRE_STORE_H

#include "base/text.h"
#include "ident/key.h"
#include "ledger/frontier.h"
#include "ledger/ledger.h"

struct store_head {
    uint64_t first; // blocks [first, frontier.size) are held
    struct frontier frontier;
    struct digest tip; // leaf hash of the last block; zero when none is held
    bool keyed;        // `key` signed what is held
    struct public_key key;
    uint64_t receipted; // size of the last receipt that was kept, 0: none
    int64_t bytes;      // on the disk
};

// From block from_n on these definitions are in force and need these files.
struct store_definitions {
    uint64_t from_n;
    struct digest hash;
    const struct digest *files;
    size_t count;
};

struct store_append {
    const struct public_key *key;      // that signed the checkpoint over them; the log's only one
    const struct ledger_block *blocks; // they go on where the log ends
    size_t count;
    const struct store_definitions *definitions; // changes within them
    size_t definitions_count;
};

struct store {
    void *context;
    // Of a log of which nothing is held yet: all zero, and OK.
    int (*load)(void *context, const char *origin, struct store_head *head, struct why *why);
    int (*append)(void *context, const char *origin, const struct store_append *append,
                  struct why *why);
    // ERROR_ABSENT when that block is not held.
    int (*leaf)(void *context, const char *origin, uint64_t n, struct digest *leaf,
                struct why *why);
    int (*root)(void *context, const char *origin, uint64_t size, struct digest *root,
                struct why *why);
    // The block's bytes; `out` is cleared first.
    int (*block)(void *context, const char *origin, uint64_t n, struct text *out, struct why *why);
    // OK, ERROR_ABSENT.
    int (*has_file)(void *context, const char *origin, const struct digest *hash, struct why *why);
    int (*read_file)(void *context, const char *origin, const struct digest *hash, struct text *out,
                     struct why *why);
    int (*put_file)(void *context, const char *origin, const char *kind, const void *bytes,
                    size_t length, struct why *why);
    // The checkpoint that the head stands on, and the first receipt of that size (either may be
    // NULL: none). `centre` is the receipt's signer.
    int (*put_notes)(void *context, const char *origin, const char *centre, uint64_t size,
                     const struct text *checkpoint, const struct text *receipt, struct why *why);
    // The last checkpoint kept; ERROR_ABSENT.
    int (*checkpoint)(void *context, const char *origin, struct text *out, struct why *why);
    // Puts what is held of the log out of the way, whole; nothing of it is held any more.
    int (*set_aside)(void *context, const char *origin, struct why *why);
};

#endif
