// What lies in one quarter of an hour of one meter, from the roll-ups and, where those do not tell
// all, from the blocks (meter.h says when). meter_read.c puts it together.
#ifndef TALLY_TOOLS_METER_COLLECT_H
#define TALLY_TOOLS_METER_COLLECT_H

#include "report/meter.h"

#include "ledger/block.h"

// A quarter of an hour in which there is a reading.
struct entry {
    int64_t quarter;
    size_t number;                 // place in meter->numbers, of the readings in the roll-up
    int64_t first_us, last_us;     // of the roll-up …
    struct number first, last;     // … of that number
    uint32_t flags;                // of all
    int64_t bound_us;              // the greatest (series/bound.h)
    bool broken;                   // the roll-up has breaks
    bool drill;                    // all readings are needed
    bool dropped;                  // … and their order says that the clock was set: none is used
    size_t drilled, drilled_count; // where they are
};

// A reading of a drilled quarter.
struct drilled {
    size_t work, entry; // whose it is
    uint64_t n;         // block
    size_t at;          // place in it
    size_t number;
    struct energy_reading reading;
};

// A meter at work.
struct work {
    struct meter *meter;
    struct entry *entries; // ascending
    size_t entry_count, entry_room;
};

struct collection {
    struct meters *meters;
    struct work *works;
    size_t work_count;
    bool told;   // blocks that cannot be read were named
    bool counts; // readings and misses in the time asked for are counted
    // The numbers of all meters, ascending, and whose they are.
    uint32_t *numbers;
    struct owner {
        uint32_t number;
        size_t work, place; // place in the meter's numbers
    } * owners;
    size_t number_count;
    struct drilled *drilled;
    size_t drilled_count, drilled_room;
};

// Lists the owners and makes room. 0 or ERROR_MEMORY; collection_free in any case.
int collection_make(struct collection *collection, struct meters *meters, struct meter **some,
                    size_t count);
void collection_free(struct collection *collection);
// Whether the quarter is in the time asked for, and what is in it is counted.
bool collection_counts(const struct collection *collection, int64_t quarter);
// The entries of the quarters [from, to). 0, or what reading gives.
int collection_list(struct collection *collection, int64_t from, int64_t to, struct why *why);
// The same without roll-ups, from the blocks of a log that may be damaged: what cannot be read is
// said, and left out.
int collection_list_blocks(struct collection *collection, int64_t from, int64_t to,
                           struct why *why);
// Whose number it is, or NULL.
const struct owner *collection_owner(const struct collection *collection, uint32_t number);
// Reads and takes apart a block of the log that is being read. What cannot be read is said, once.
int collection_read_block(struct collection *collection, uint64_t n, struct text *bytes,
                          struct block_view *view, struct why *why);
// Reads what must come from blocks, in order of time by work and entry, but what is dropped.
int collection_drill(struct collection *collection, struct why *why);

// Drops the raw readings, which are in order of time, of quarters of an hour in which a later log
// has an earlier time than a log before it: the clock was set between them.
void meter_drop_mixed(struct meter *meter, const struct meters *meters);

// Room for one more, as of realloc: the list, or NULL and the list stays.
void *collection_grow(void *list, size_t *room, size_t count, size_t size);

#endif
