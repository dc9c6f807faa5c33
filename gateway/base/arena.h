// Memory that is given back all at once: a tree, a plan, a configuration.
//
// Not thread-safe. Start from a NULL pointer; there is nothing else to set up.
#ifndef TALLY_BASE_ARENA_H
#define TALLY_BASE_ARENA_H

#include <stddef.h>

#define ARENA_PIECE_MAX ((size_t)256 << 20) // bytes at once

// Zeroed memory, aligned for any type; NULL when there is none or more than ARENA_PIECE_MAX is
// asked for. It lives until arena_free; `bytes` may be 0.
void *arena_take(void **arena, size_t bytes);
// The bytes and a terminator, or NULL.
char *arena_copy(void **arena, const void *bytes, size_t length);
// printf into the arena, or NULL.
char *arena_format(void **arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Frees all of it and leaves *arena NULL.
void arena_free(void **arena);

#endif
