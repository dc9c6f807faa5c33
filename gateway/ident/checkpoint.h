// Checkpoints (C2SP tlog-checkpoint) and proofs of one block (C2SP tlog-proof): their texts,
// written and read in one form only. Pure; signatures are note.h's.
#ifndef TALLY_IDENT_CHECKPOINT_H
#define TALLY_IDENT_CHECKPOINT_H

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "ident/note.h"

#include <stddef.h>
#include <stdint.h>

#define CHECKPOINT_PROOF_MAX 64 // hashes on the way from a leaf to the root of 2^64 leaves

// Size and root hash of a log, as its gateway states them.
struct checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size; // at most INT64_MAX
    struct digest root;
};

// Three lines: origin, size, root in base64. No extension lines.
void checkpoint_write(struct text *out, const struct checkpoint *checkpoint);
// Exactly those three lines; ERROR_INPUT with the line otherwise (a leading zero, another form of
// base64, an extension line).
int checkpoint_read(struct checkpoint *checkpoint, const char *text, size_t length,
                    struct why *why);
// The same, of the last three of more lines.
struct lines;
int checkpoint_read_lines(struct lines *lines, struct checkpoint *checkpoint);
// Reads a signed note, verifies the signature of `key` under the origin's own name (and that there
// is no other), and takes the checkpoint apart. ERROR_INPUT, ERROR_ABSENT, ERROR_REFUSED.
int checkpoint_open(struct checkpoint *checkpoint, const void *bytes, size_t length,
                    const struct public_key *key, struct why *why);

// Writes a `.tlog-proof`: that the block `index` is in the log of the signed checkpoint, given here
// as it is. Hashes from the leaf's sibling up.
void checkpoint_proof_write(struct text *out, uint64_t index, const struct digest *hashes,
                            size_t count, const void *note, size_t note_length);

struct checkpoint_proof {
    uint64_t index;
    struct digest hashes[CHECKPOINT_PROOF_MAX];
    size_t count;
    const char *note; // the checkpoint's bytes, in the caller's; not verified yet
    size_t note_length;
};
// ERROR_INPUT with the line when it is of another form. Extra data, which C2SP allows, are refused:
// nothing of ours writes any.
int checkpoint_proof_read(struct checkpoint_proof *proof, const void *bytes, size_t length,
                          struct why *why);

// The same layout under another first line, where the note is another signed statement about the
// log (receipt.h).
void checkpoint_proof_write_as(struct text *out, const char *head, uint64_t index,
                               const struct digest *hashes, size_t count, const void *note,
                               size_t note_length);
int checkpoint_proof_read_as(struct checkpoint_proof *proof, const char *head, const void *bytes,
                             size_t length, struct why *why);

#endif
