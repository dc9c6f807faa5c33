// A content-addressed file that comes in chunks, in order, until it is whole and is what its name
// says. Pure; bounded by its caller.
#ifndef TALLY_CENTRE_ASSEMBLY_H
#define TALLY_CENTRE_ASSEMBLY_H

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

#define ASSEMBLY_FILE_MAX (16u << 20)
#define ASSEMBLY_KIND_MAX 16

struct assembly_chunk {
    struct digest file;
    const char *kind; // "definitions", "file"; what it is kept as
    const void *bytes;
    size_t length, offset, total;
};

struct assembly {
    bool used;
    struct digest file;
    char kind[ASSEMBLY_KIND_MAX];
    size_t total;
    struct text bytes;
};

// OK: taken, or had already. ERROR_INPUT when it contradicts itself or what came before;
// ERROR_ABSENT when a chunk before it is missing (the assembly is given up); ERROR_MEMORY.
int assembly_add(struct assembly *assembly, const struct assembly_chunk *chunk, struct why *why);
bool assembly_is_whole(const struct assembly *assembly);
// Whether the whole file has the hash that names it.
bool assembly_is_right(const struct assembly *assembly);
void assembly_clear(struct assembly *assembly);

#endif
