// ECDSA P-256 keys: made once, kept in a file, and used to sign and to verify. The sole user of
// Mbed TLS.
//
// Knows neither notes nor logs nor MQTT. A signing key never leaves its file but into this process;
// nothing here prints it. Functions on one key may be called by several threads; signing is
// serialised by the caller.
#ifndef TALLY_IDENT_KEY_H
#define TALLY_IDENT_KEY_H

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// SubjectPublicKeyInfo in DER (RFC 5480): a head of 26 bytes, then the uncompressed point of 65.
#define PUBLIC_KEY_DER         91
#define PUBLIC_KEY_ID          4
#define PUBLIC_KEY_FINGERPRINT 80  // 16 groups of 4 hex digits, blanks between, terminator
#define PUBLIC_KEY_PEM_MAX     256 // bytes
#define SIGNATURE_MAX          72  // DER of two integers of 33 bytes
#define KEY_FILE_MAX           4096

struct public_key {
    uint8_t der[PUBLIC_KEY_DER];
};

// Takes exactly one public key in PEM ("BEGIN PUBLIC KEY"), on P-256, in its one form of 91 bytes
// of DER. ERROR_INPUT with why otherwise (a private key, a certificate, another curve).
int public_key_read_pem(struct public_key *key, const char *pem, size_t length, struct why *why);
// The same from 91 bytes of DER: the point must be on the curve.
int public_key_read_der(struct public_key *key, const void *der, size_t length, struct why *why);
// A whole file that holds a key, terminated; *length without the terminator. ERROR_ABSENT,
// ERROR_SYSTEM, ERROR_RANGE (above KEY_FILE_MAX).
int key_file_read(const char *path, char bytes[KEY_FILE_MAX + 1], size_t *length, struct why *why);
void public_key_write_pem(const struct public_key *key, struct text *out);
// C2SP signed-note, type 0x02: the first four bytes of SHA-256 of the DER.
void public_key_id(const struct public_key *key, uint8_t id[PUBLIC_KEY_ID]);
// SHA-256 of the DER, to be compared by eye or by telephone:
//     openssl pkey -pubin -in KEY.pem -outform DER | sha256sum
void public_key_fingerprint(const struct public_key *key, char out[PUBLIC_KEY_FINGERPRINT]);
// ECDSA over SHA-256 of the message. OK; ERROR_REFUSED when it does not verify or the signature is
// not in the one form of DER; ERROR_MEMORY.
int public_key_verify(const struct public_key *key, const void *message, size_t length,
                      const uint8_t *signature, size_t signature_length);

struct signing_key;

// Makes a key by the kernel's random numbers and keeps it in a new file (0600, PEM, durable on
// return). ERROR_BUSY when there is a file already: none is ever overwritten.
int signing_key_make(const char *path, struct why *why);
// ERROR_ABSENT (no file), ERROR_REFUSED (others than its owner may read or write it), ERROR_INPUT
// (not a P-256 private key without passphrase), ERROR_SYSTEM.
int signing_key_load(struct signing_key **out, const char *path, struct why *why);
// Wipes it. Harmless on NULL.
void signing_key_free(struct signing_key *key);
const struct public_key *signing_key_public(const struct signing_key *key);
// Deterministic (RFC 6979): the same key and message give the same bytes.
int signing_key_sign(struct signing_key *key, const void *message, size_t length,
                     uint8_t signature[SIGNATURE_MAX], size_t *signature_length, struct why *why);
// A certificate request (PKCS #10, PEM) for this key with the common name given. ERROR_INPUT when
// the name has a character that a distinguished name gives a meaning to (one of ,=+"\<>#; or a
// control character), or more than 64 bytes (X.520's ub-common-name).
int signing_key_request(struct signing_key *key, const char *common_name, struct text *out,
                        struct why *why);

#endif
