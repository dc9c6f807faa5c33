#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Each is twice the one before: most arenas are small, an instrument's plan; a few are large.
#define CHUNK_FIRST ((size_t)2 << 10)
#define CHUNK_BYTES ((size_t)16 << 10)

struct chunk {
    struct chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

// The one that follows `before`, with room for a piece of so many bytes.
static struct chunk *chunk_make(const struct chunk *before, size_t bytes)
{
    size_t size = before ? 2 * before->size : CHUNK_FIRST;
    size = size > CHUNK_BYTES ? CHUNK_BYTES : size;
    size = bytes > size ? bytes : size;
    struct chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk) {
        chunk->size = size;
    }
    return chunk;
}

void *arena_take(void **arena, size_t bytes)
{
    if (bytes > ARENA_PIECE_MAX) {
        return NULL;
    }
    size_t unit = _Alignof(max_align_t), rounded = (bytes + unit - 1) / unit * unit;
    struct chunk *chunk = *arena;
    if (!chunk || chunk->size - chunk->used < rounded) {
        struct chunk *more = chunk_make(chunk, rounded);
        if (!more) {
            return NULL;
        }
        // A piece of a size of its own goes behind the chunk in use, so that its room is not lost.
        if (chunk && rounded > CHUNK_BYTES) {
            more->next = chunk->next;
            chunk->next = more;
        } else {
            more->next = chunk;
            *arena = more;
        }
        chunk = more;
    }
    void *taken = (char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    return taken;
}

char *arena_copy(void **arena, const void *bytes, size_t length)
{
    char *copy = length < ARENA_PIECE_MAX ? arena_take(arena, length + 1) : NULL;
    if (copy && length) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

char *arena_format(void **arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length >= 0 ? arena_take(arena, (size_t)length + 1) : NULL;
    if (text) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    return text;
}

void arena_free(void **arena)
{
    for (struct chunk *chunk = *arena; chunk;) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = NULL;
}
