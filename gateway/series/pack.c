#include "series/pack.h"

#include <string.h>

#define RUN 64

size_t pack_varint_to(uint8_t *out, uint64_t value)
{
    size_t length = 0;
    while (value >= 0x80) {
        out[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[length++] = (uint8_t)value;
    return length;
}

void pack_varint(struct text *out, uint64_t value)
{
    uint8_t bytes[10];
    text_append(out, bytes, pack_varint_to(bytes, value));
}

void pack_fixed(struct text *out, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
    text_append(out, bytes, sizeof bytes);
}

// One run of at most 64.
static void pack_some(struct text *out, const uint64_t *codes, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= codes[i];
    }
    unsigned width = all ? 64 - (unsigned)__builtin_clzll(all) : 0;
    uint8_t bytes[1 + RUN * 8];
    size_t length = 0;
    bytes[length++] = (uint8_t)width;
    uint64_t waiting = 0; // fewer than 8 bits between two codes
    unsigned bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t beyond = bits ? codes[i] >> (64 - bits) : 0;
        waiting |= codes[i] << bits;
        for (bits += width; bits >= 8; bits -= 8) {
            bytes[length++] = (uint8_t)waiting;
            waiting = waiting >> 8 | beyond << 56;
            beyond >>= 8;
        }
    }
    if (bits) {
        bytes[length++] = (uint8_t)waiting;
    }
    text_append(out, bytes, length);
}

void pack_run(struct text *out, const uint64_t *codes, size_t count)
{
    for (size_t done = 0; done < count; done += RUN) {
        pack_some(out, codes + done, count - done < RUN ? count - done : RUN);
    }
}

uint64_t unpack_varint(struct unpack *from)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_byte(from);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return value;
        }
    }
    from->bad = true;
    return 0;
}

uint64_t unpack_fixed(struct unpack *from)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)unpack_byte(from) << 8 * i;
    }
    return value;
}

uint8_t unpack_byte(struct unpack *from)
{
    if (from->at >= from->end) {
        from->bad = true;
        return 0;
    }
    return *from->at++;
}

static uint64_t load_bits(const uint8_t *bytes, size_t bit, unsigned width)
{
    uint64_t low = 0;
    const uint8_t *at = bytes + bit / 8;
    for (unsigned i = 0; i < 8; i++) { // one load on a little-endian machine
        low |= (uint64_t)at[i] << 8 * i;
    }
    unsigned shift = bit % 8;
    low >>= shift;
    if (shift && width + shift > 64) {
        low |= (uint64_t)at[8] << (64 - shift);
    }
    return width == 64 ? low : low & (((uint64_t)1 << width) - 1);
}

static void unpack_some(struct unpack *from, uint64_t *codes, size_t count)
{
    uint8_t bytes[RUN * 8 + 16] = {0};
    unsigned width = unpack_byte(from);
    size_t length = (width * count + 7) / 8;
    if (width > 64 || length > (size_t)(from->end - from->at)) {
        from->bad = true;
        memset(codes, 0, count * sizeof *codes);
        return;
    }
    memcpy(bytes, from->at, length);
    from->at += length;
    for (size_t i = 0; i < count; i++) {
        codes[i] = load_bits(bytes, i * width, width);
    }
}

void unpack_run(struct unpack *from, uint64_t *codes, size_t count)
{
    for (size_t done = 0; done < count; done += RUN) {
        unpack_some(from, codes + done, count - done < RUN ? count - done : RUN);
    }
}
