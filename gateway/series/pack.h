// Numbers as bytes: variable-length integers, and runs of small differences packed to the bits
// they need, 64 at a time.
//
// Writing goes to a struct text; reading never goes past the end and sets `bad` instead. Pure; not
// thread-safe.
#ifndef TALLY_SERIES_PACK_H
#define TALLY_SERIES_PACK_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct unpack {
    const uint8_t *at, *end;
    bool bad; // ran past the end, or met a form that is never written
};

static inline uint64_t pack_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}
static inline int64_t unpack_zigzag(uint64_t code)
{
    return (int64_t)(code >> 1 ^ (0 - (code & 1)));
}

// A double's bits as they are, and back.
static inline uint64_t pack_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double pack_bits_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// 7 bits a byte, low ones first; at most 10 bytes.
size_t pack_varint_to(uint8_t *out, uint64_t value);
void pack_varint(struct text *out, uint64_t value);
void pack_fixed(struct text *out, uint64_t value);
// `count` codes; each 64 are preceded by one byte, the bits of the widest.
void pack_run(struct text *out, const uint64_t *codes, size_t count);

uint64_t unpack_varint(struct unpack *from);
uint64_t unpack_fixed(struct unpack *from);
uint8_t unpack_byte(struct unpack *from);
void unpack_run(struct unpack *from, uint64_t *codes, size_t count);

#endif
