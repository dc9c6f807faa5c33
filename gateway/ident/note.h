// Signed notes (C2SP signed-note): a text, a blank line, signature lines. Writing and strict
// reading; which text means what is the business of checkpoint.h and receipt.h.
//
// Pure but for the key's own state. Views point into the caller's bytes.
#ifndef TALLY_IDENT_NOTE_H
#define TALLY_IDENT_NOTE_H

#include "ident/key.h"

#include <stddef.h>
#include <stdint.h>

#define NOTE_BYTES_MAX      (16u << 10)
#define NOTE_SIGNATURES_MAX 16 // what C2SP asks a reader to take
#define NOTE_NAME_MAX       128

struct note_signature {
    const char *name; // not terminated
    size_t name_length;
    uint8_t id[PUBLIC_KEY_ID];
    const char *digits; // base64 of the identifier and the signature, not terminated
    size_t digit_count;
};

struct note {
    const char *text; // with its last newline; not terminated
    size_t text_length;
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t count;
};

// A name that a signature line can carry: 1 to NOTE_NAME_MAX bytes of ASCII from '!' to '~', no
// '+'. (C2SP allows more of Unicode; nothing of ours needs it.)
bool note_name_is_valid(const char *name, size_t length);

// Appends the signed note. ERROR_INPUT when text or name are not of a note's form (the text ends in
// a newline, has no control character else, and no blank line at its end), ERROR_MEMORY,
// ERROR_SYSTEM; out is then as before.
int note_sign(struct text *out, const char *text, size_t length, const char *name,
              struct signing_key *key, struct why *why);

// Takes a note apart. ERROR_INPUT, with the line, when it is of any other form: control characters,
// invalid UTF-8, a malformed or repeated signature line (same name and identifier), non-canonical
// base64, bytes behind the last line; ERROR_RANGE beyond the limits above. Proves nothing yet.
int note_read(struct note *note, const void *bytes, size_t length, struct why *why);

// OK when there is a signature by this key under this name, and it verifies. ERROR_ABSENT when
// there is none, ERROR_REFUSED when it does not verify.
int note_verify(const struct note *note, const char *name, const struct public_key *key,
                struct why *why);
// As note_verify, and no other signature is there: what is kept or exported has one form.
int note_verify_sole(const struct note *note, const char *name, const struct public_key *key,
                     struct why *why);

// The key as a line for verifiers (C2SP): <name>+<8 hex digits of the id>+<base64 of 0x02 ‖ DER>.
void note_key_write(struct text *out, const char *name, const struct public_key *key);
// Reads such a line (without newline); `name` gets the name. ERROR_INPUT with why.
int note_key_read(const char *line, size_t length, char name[NOTE_NAME_MAX + 1],
                  struct public_key *key, struct why *why);

// A key that someone trusts, from a file: a verifier's line as above, or a PEM, which has no name
// (name is then "": any).
struct trusted_key {
    char name[NOTE_NAME_MAX + 1];
    struct public_key key;
};
int trusted_key_load(struct trusted_key *trusted, const char *path, struct why *why);

#endif
