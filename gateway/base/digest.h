// SHA-256 (FIPS 180-4), by libcrypto, which is loaded anyway, by libmosquitto, and measured five
// times as fast as Mbed TLS 2.28 on a block (docs/DESIGN.md). Thread-safe; each call stands alone.
#ifndef TALLY_BASE_DIGEST_H
#define TALLY_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX  65 // with the terminator

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

// The SHA-256 of `head` followed by `body` (either may be empty). Never fails.
struct digest digest_of(const void *head, size_t head_length, const void *body, size_t body_length);

#endif
