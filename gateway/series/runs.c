#include "series/runs.h"

#include "base/error.h"

#include <assert.h>
#include <stdlib.h>

int runs_add(struct runs *runs, uint32_t from, uint32_t to)
{
    struct run *last = runs->count ? &runs->list[runs->count - 1] : NULL;
    if (last && from <= (uint64_t)last->to + 1) {
        last->to = to > last->to ? to : last->to;
        return OK;
    }
    if (runs->count == runs->room) {
        size_t room = runs->room ? 2 * runs->room : 2;
        struct run *list = realloc(runs->list, room * sizeof *list);
        if (!list) {
            return ERROR_MEMORY;
        }
        runs->list = list;
        runs->room = room;
    }
    assert(runs->list);
    runs->list[runs->count++] = (struct run){from, to};
    return OK;
}

int runs_unite(const struct runs *a, const struct runs *b, struct runs *out)
{
    size_t i = 0, k = 0;
    int error = OK;
    while (!error && (i < a->count || k < b->count)) {
        bool first = k == b->count || (i < a->count && a->list[i].from <= b->list[k].from);
        const struct run *next = first ? &a->list[i++] : &b->list[k++];
        error = runs_add(out, next->from, next->to);
    }
    return error;
}

uint64_t runs_size(const struct runs *runs)
{
    uint64_t size = 0;
    for (size_t i = 0; i < runs->count; i++) {
        size += (uint64_t)runs->list[i].to - runs->list[i].from + 1;
    }
    return size;
}

// A run: how far it begins after the end of the one before, and how far it goes.
void runs_write(const struct runs *runs, struct text *out)
{
    uint32_t end = 0;
    for (size_t i = 0; i < runs->count; i++) {
        pack_varint(out, runs->list[i].from - end);
        pack_varint(out, runs->list[i].to - runs->list[i].from);
        end = runs->list[i].to;
    }
}

static struct run read_run(struct unpack *from, uint32_t end)
{
    uint64_t start = end + unpack_varint(from), length = unpack_varint(from);
    if (start > UINT32_MAX || length > UINT32_MAX - start) {
        from->bad = true;
        start = length = 0;
    }
    return (struct run){(uint32_t)start, (uint32_t)(start + length)};
}

int runs_read(struct runs *runs, struct unpack *from)
{
    struct run run = {0, 0};
    int error = OK;
    while (!error && !from->bad && from->at < from->end) {
        run = read_run(from, run.to);
        error = from->bad ? ERROR_DAMAGED : runs_add(runs, run.from, run.to);
    }
    return error;
}

int runs_find(struct unpack *from, uint32_t number, bool *found)
{
    struct run run = {0, 0};
    *found = false;
    while (!from->bad && from->at < from->end && !*found && run.from <= number) {
        run = read_run(from, run.to);
        *found = number >= run.from && number <= run.to;
    }
    return from->bad ? ERROR_DAMAGED : OK;
}
