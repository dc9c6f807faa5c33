#include "pending.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_BYTES sizeof(void *) // of one in the list

size_t pending_block_bytes(const struct pending_block *block)
{
    return sizeof *block + block->block.packed_length + block->file_count * sizeof *block->files +
           PLACE_BYTES;
}

void pending_block_free(struct pending_block *block)
{
    if (block) {
        free((void *)block->block.packed);
        free(block->files);
        free(block);
    }
}

size_t pending_find(const struct pending *pending, uint64_t n)
{
    size_t low = 0, high = pending->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pending->blocks[middle]->block.n < n) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool pending_has(const struct pending *pending, uint64_t n, const struct digest *leaf,
                 size_t *others)
{
    bool has = false;
    *others = 0;
    for (size_t i = pending_find(pending, n);
         i < pending->count && pending->blocks[i]->block.n == n; i++) {
        bool same = memcmp(&pending->blocks[i]->block.leaf, leaf, sizeof *leaf) == 0;
        has = has || same;
        *others += !same;
    }
    return has;
}

int pending_add(struct pending *pending, struct pending_block *block)
{
    if (pending->count == pending->room) {
        size_t room = pending->room ? 2 * pending->room : 16;
        struct pending_block **blocks = realloc(pending->blocks, room * PLACE_BYTES);
        if (!blocks) {
            return ERROR_MEMORY;
        }
        pending->blocks = blocks;
        pending->room = room;
    }
    size_t at = pending_find(pending, block->block.n + 1);
    memmove(&pending->blocks[at + 1], &pending->blocks[at], (pending->count - at) * PLACE_BYTES);
    pending->blocks[at] = block;
    pending->count++;
    pending->bytes += pending_block_bytes(block);
    return OK;
}

void pending_drop_below(struct pending *pending, uint64_t n)
{
    size_t end = pending_find(pending, n);
    for (size_t i = 0; i < end; i++) {
        pending->bytes -= pending_block_bytes(pending->blocks[i]);
        pending_block_free(pending->blocks[i]);
    }
    if (end) {
        memmove(pending->blocks, &pending->blocks[end], (pending->count - end) * PLACE_BYTES);
        pending->count -= end;
    }
    if (pending->count == 0) {
        free(pending->blocks);
        pending->blocks = NULL;
        pending->room = 0;
    }
}

void pending_clear(struct pending *pending)
{
    pending_drop_below(pending, UINT64_MAX);
}

uint64_t pending_end(const struct pending *pending, uint64_t from)
{
    for (size_t i = pending_find(pending, from); i < pending->count; i++) {
        if (pending->blocks[i]->block.n > from) {
            break;
        }
        from = pending->blocks[i]->block.n + 1;
    }
    return from;
}
