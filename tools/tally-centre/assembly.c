#include "assembly.h"

#include <stdio.h>
#include <string.h>

void assembly_clear(struct assembly *assembly)
{
    text_free(&assembly->bytes);
    *assembly = (struct assembly){0};
}

static void begin(struct assembly *assembly, const struct assembly_chunk *chunk)
{
    assembly_clear(assembly);
    assembly->used = true;
    assembly->file = chunk->file;
    assembly->total = chunk->total;
    assembly->bytes = text_make(ASSEMBLY_FILE_MAX);
    snprintf(assembly->kind, sizeof assembly->kind, "%s", chunk->kind);
}

int assembly_add(struct assembly *assembly, const struct assembly_chunk *chunk, struct why *why)
{
    if (chunk->total > ASSEMBLY_FILE_MAX || chunk->offset > chunk->total ||
        chunk->length > chunk->total - chunk->offset) {
        return why_set(why, ERROR_INPUT, "bytes %zu to %zu of a file of %zu (expected at most %u)",
                       chunk->offset, chunk->offset + chunk->length, chunk->total,
                       ASSEMBLY_FILE_MAX);
    }
    if (chunk->offset == 0 && (!assembly->used || assembly->bytes.length < assembly->total)) {
        begin(assembly, chunk);
    }
    if (!assembly->used || chunk->offset > assembly->bytes.length) {
        assembly_clear(assembly);
        return why_set(why, ERROR_ABSENT, "a chunk before byte %zu did not come", chunk->offset);
    }
    if (chunk->total != assembly->total) {
        return why_set(why, ERROR_INPUT, "a file of %zu bytes now has %zu", assembly->total,
                       chunk->total);
    }
    if (chunk->offset < assembly->bytes.length) {
        return OK; // again
    }
    text_append(&assembly->bytes, chunk->bytes, chunk->length);
    if (assembly->bytes.failed) {
        assembly_clear(assembly);
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    return OK;
}

bool assembly_is_whole(const struct assembly *assembly)
{
    return assembly->used && assembly->bytes.length == assembly->total;
}

bool assembly_is_right(const struct assembly *assembly)
{
    struct digest real = digest_of(NULL, 0, assembly->bytes.data, assembly->bytes.length);
    return memcmp(&real, &assembly->file, sizeof real) == 0;
}
