#include "common/point_map.h"

#include <stdlib.h>
#include <string.h>

struct point_map_entry {
    uint32_t number;
    uint64_t value;
};

// Puts it in its place.
static int learn(struct point_map *map, size_t at, const struct point_map_entry *entry,
                 struct why *why)
{
    struct point_map_entry *grown = realloc(map->entries, (map->count + 1) * sizeof *grown);
    if (!grown) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    map->entries = grown;
    memmove(grown + at + 1, grown + at, (map->count - at) * sizeof *grown);
    grown[at] = *entry;
    map->count++;
    return OK;
}

static int look_up(struct point_map *map, struct point_map_entry *entry, struct why *why)
{
    struct text text = text_make(BLOCK_BYTES_MAX);
    int error = ledger_reader_point_definition(map->reader, entry->number, &text, why);
    if (!error) {
        cJSON *definition = cJSON_ParseWithLength(text.data ? text.data : "", text.length);
        if (!cJSON_IsObject(definition)) {
            error =
                why_set(why, ERROR_INPUT, "the definition of point %u is not of the form required",
                        (unsigned)entry->number);
        } else if (!map->judge(map->context, definition, &entry->value)) {
            error = why_set(why, ERROR_MEMORY, "out of memory");
        }
        cJSON_Delete(definition);
    }
    text_free(&text);
    return error;
}

int point_map_find(struct point_map *map, uint32_t number, uint64_t *value, struct why *why)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->entries[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < map->count && map->entries[low].number == number) {
        *value = map->entries[low].value;
        return OK;
    }
    struct point_map_entry entry = {.number = number};
    int error = look_up(map, &entry, why);
    error = error ? error : learn(map, low, &entry, why);
    *value = entry.value;
    return error;
}

void point_map_free(struct point_map *map)
{
    free(map->entries);
    map->entries = NULL;
    map->count = 0;
}
