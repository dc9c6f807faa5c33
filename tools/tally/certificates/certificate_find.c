#include "certificates/certificate_find.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_LEAST 6

// The hash of a file that is no larger than a certificate may be; false when there is none.
static bool hash_file(const char *path, struct digest *hash)
{
    struct text bytes = text_make(CERTIFICATE_BYTES_MAX);
    char chunk[65536];
    size_t got;
    FILE *file = fopen(path, "rbe");
    while (file && (got = fread(chunk, 1, sizeof chunk, file)) > 0 && !bytes.failed) {
        text_append(&bytes, chunk, got);
    }
    bool good = file && !ferror(file) && !bytes.failed;
    if (good) {
        *hash = digest_of(NULL, 0, bytes.data, bytes.length);
    }
    if (file) {
        fclose(file);
    }
    text_free(&bytes);
    return good;
}

static bool is_meant(const struct certificate *certificate, const char *word,
                     const struct digest *hash)
{
    char hex[DIGEST_HEX];
    size_t length = strlen(word);
    if (hash) {
        return digest_equal(&certificate->hash, hash);
    }
    text_format_hex(certificate->hash.bytes, DIGEST_SIZE, hex);
    return strcmp(certificate->id, word) == 0 ||
           (length >= DIGITS_LEAST && length < DIGEST_HEX && strncmp(hex, word, length) == 0);
}

const struct shelf_entry *certificate_find(const struct shelf *shelf, const char *word,
                                           struct why *why)
{
    const struct shelf_entry *found = NULL;
    struct digest hash;
    bool is_file = hash_file(word, &hash);
    for (size_t i = 0; i < shelf->count; i++) {
        if (!is_meant(shelf->entries[i].certificate, word, is_file ? &hash : NULL)) {
            continue;
        }
        if (found) {
            why_set(why, ERROR_INPUT,
                    "%s: more than one certificate is meant: give the first digits of its SHA-256 "
                    "(tally certificate list)",
                    word);
            return NULL;
        }
        found = &shelf->entries[i];
    }
    if (!found) {
        why_set(why, ERROR_ABSENT, "%s: %s (tally certificate list shows those there are)", word,
                is_file ? "this file is not among the gateway's certificates: add it first"
                        : "neither a file, nor the number or SHA-256 of one of the certificates");
    }
    return found;
}
