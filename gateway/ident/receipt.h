// What a gateway and a centre say to each other about a log, beside its blocks: hello, receipt,
// resume. Their texts, written and read in one form only. Pure; signatures are note.h's.
//
//   hello     the gateway, unsigned, on every connection: this is my log, so long, and the key that
//             signs it; answer this nonce
//   receipt   the centre, signed: by this time I durably held blocks [from, size) of that log, with
//             this root, and the files that they name
//   resume    the centre, signed: send again from here
#ifndef TALLY_IDENT_RECEIPT_H
#define TALLY_IDENT_RECEIPT_H

#include "ident/checkpoint.h"

#include <stddef.h>
#include <stdint.h>

#define NONCE_HEX 33 // 32 lower-case hex digits (128 random bits) and the terminator

struct hello {
    char nonce[NONCE_HEX];
    struct public_key key; // that signs the log, as claimed: believed by nobody before a person has
                           // compared its fingerprint
    uint64_t first;        // the first block that the gateway still keeps
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
};

//     tally-hello/v1
//     nonce <32 hex digits>
//     key <DER in base64>
//     first <n>
//     <origin>
//     <size>
void hello_write(struct text *out, const struct hello *hello);
// ERROR_INPUT with the line when it is of another form, or first > size.
int hello_read(struct hello *hello, const void *bytes, size_t length, struct why *why);

struct receipt {
    char centre[NOTE_NAME_MAX + 1];
    int64_t time_s;         // by the centre's clock, POSIX seconds
    char nonce[NONCE_HEX];  // of the hello that it answers; "-" when it answers none
    uint64_t from;          // least block held; from <= head.size
    struct checkpoint head; // origin, size, root. Size 0: nothing held, the root of an empty tree
};

//     tally-receipt/v1
//     centre <name>
//     time <seconds>
//     nonce <32 hex digits, or ->
//     from <n>
//     <origin>
//     <size>
//     <root in base64>
// and the centre's signature under its name.
int receipt_sign(struct text *out, const struct receipt *receipt, struct signing_key *key,
                 struct why *why);
// Takes a receipt and its note apart, and proves nothing yet. `note` points into the bytes.
int receipt_read(struct receipt *receipt, struct note *note, const void *bytes, size_t length,
                 struct why *why);
// Of what receipt_read gave: as receipt_open.
int receipt_verify(const struct receipt *receipt, const struct note *note, const char *name,
                   const struct public_key *key, struct why *why);
// Reads a signed note and verifies that `key` alone signed it, under the name it states; when
// `name` is not NULL it must be that. ERROR_INPUT, ERROR_ABSENT (signed by others), ERROR_REFUSED.
// Says nothing about whether the root is that of the log.
int receipt_open(struct receipt *receipt, const void *bytes, size_t length, const char *name,
                 const struct public_key *key, struct why *why);

// First line of a proof that a block is in the log that a receipt is of: laid out as a tlog-proof
// (checkpoint_proof_write_as), with the receipt in the checkpoint's place.
#define RECEIPT_PROOF_HEAD "tally-receipt-proof/v1"

struct resume {
    char centre[NOTE_NAME_MAX + 1];
    int64_t time_s;
    char nonce[NONCE_HEX]; // of the last hello
    uint64_t from;
    char origin[NOTE_NAME_MAX + 1];
};

//     tally-resume/v1
//     centre <name>
//     time <seconds>
//     nonce <32 hex digits>
//     from <n>
//     <origin>
// and the centre's signature.
int resume_sign(struct text *out, const struct resume *resume, struct signing_key *key,
                struct why *why);
// As receipt_open.
int resume_open(struct resume *resume, const void *bytes, size_t length, const char *name,
                const struct public_key *key, struct why *why);

#endif
