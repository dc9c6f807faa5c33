// Reports that were issued: which file it was, by its hash, and what it is of, on record
// (docs/FORMAT.md, §1.3).
#ifndef TALLY_TOOLS_ISSUED_H
#define TALLY_TOOLS_ISSUED_H

#include "base/digest.h"
#include "tally.h"

#define ISSUED_KIND "report.issued" // of the entry; its subject says of what: "job J20261124-1"

struct issued {
    char form[16];          // "html", "json", "csv", "text", "xlsx"
    uint64_t bytes;         // of the file
    struct digest hash;     // of it
    int64_t from_us, to_us; // what it is of: [from_us, to_us), years 1 to 9999
    uint64_t size;          // of the log that it was made from
    bool final;             // else preliminary
};

// Appends what the entry states: "html of 5120 bytes, SHA-256 …, from … to …, of a log of 57
// blocks, final".
void issued_write(const struct issued *issued, struct text *out);
// Reads it, of an entry's body, whatever is behind it. False when it is of any other form.
bool issued_read(struct issued *issued, const char *body);

// The hash and length of the file at `path`, as it is on the disk.
int issued_hash(const char *path, struct digest *hash, uint64_t *bytes, struct why *why);
// Puts on record that the file at `path` was issued by an account (NULL: the one that runs this
// program): sets issued->hash and ->bytes. 0 and *n, the block; else an error with why, as
// entry_put.
int issued_put(const struct place *place, const char *by, const char *subject, const char *path,
               struct issued *issued, uint64_t *n, struct why *why);

#endif
