// A set of numbers as runs: which points have a roll-up in a quarter of an hour. Points are
// numbered one after the other, so a plant's are a few runs.
//
// Not thread-safe.
#ifndef TALLY_SERIES_RUNS_H
#define TALLY_SERIES_RUNS_H

#include "series/pack.h"

struct run {
    uint32_t from, to; // both in it
};

// Zeroed: empty. Freed by free(list).
struct runs {
    struct run *list; // ascending, with a gap between each two
    size_t count, room;
};

// Adds [from, to], where `from` is not below the beginning of the last run. 0, or ERROR_MEMORY.
int runs_add(struct runs *runs, uint32_t from, uint32_t to);
// Adds to `out`, which is empty, what is in either. 0, or ERROR_MEMORY.
int runs_unite(const struct runs *a, const struct runs *b, struct runs *out);
uint64_t runs_size(const struct runs *runs); // how many numbers
void runs_write(const struct runs *runs, struct text *out);
// Adds to `runs`, which is empty, all that lies in `from`. 0, ERROR_DAMAGED, ERROR_MEMORY.
int runs_read(struct runs *runs, struct unpack *from);
// Looks a number up in what runs_write wrote. ERROR_DAMAGED.
int runs_find(struct unpack *from, uint32_t number, bool *found);

#endif
