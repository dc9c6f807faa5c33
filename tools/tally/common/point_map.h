// What the point numbers of a ledger are to whoever reads its blocks: each is looked up once, by
// its definition. One thread.
#ifndef TALLY_TOOLS_POINT_MAP_H
#define TALLY_TOOLS_POINT_MAP_H

#include "ledger/ledger.h"

#include <cjson/cJSON.h>

#define POINT_MAP_NONE UINT64_MAX // by custom: a point that is passed over

struct point_map {
    struct ledger_reader *reader; // borrowed
    // Says what a definition is: any number. False: out of memory.
    bool (*judge)(void *context, const cJSON *definition, uint64_t *value);
    void *context;
    struct point_map_entry *entries; // by number; point_map_free frees them
    size_t count;
};

// What `judge` said of that number. 0, or an error with why: no such point, no memory.
int point_map_find(struct point_map *map, uint32_t number, uint64_t *value, struct why *why);
void point_map_free(struct point_map *map);

#endif
