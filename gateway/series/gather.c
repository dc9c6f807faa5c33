#include "series/gather.h"

#include "base/arena.h"
#include "base/error.h"
#include "series/gather_entry.h"
#include "series/rollup.h"

#include <stdlib.h>
#include <string.h>

// Entries lie in pieces of one size, which are cut from slabs as they are needed: a buffer that
// grows would be moved again and again, and a quarter of it would be room to grow. An entry lies in
// one piece.
#define PIECE_BYTES 128
// 132 KiB, just above what malloc takes from the system and gives back at once (main.c): the last
// slab is half empty on average.
#define SLAB_PIECES 1055

struct piece {
    struct piece *next;
    uint8_t used; // of the bytes
    uint8_t bytes[PIECE_BYTES - sizeof(struct piece *) - 1];
};

struct slab {
    struct slab *next;
    size_t used; // pieces
    struct piece pieces[SLAB_PIECES];
};

struct waiting {
    uint32_t point;
    uint32_t length, missed;                // readings, misses
    struct piece *first_piece, *last_piece; // NULL while both are 0
    struct entry_before before;
};

struct gather {
    struct waiting **table; // open addressing, by point
    size_t size, count;     // of the table: a power of two; entries in it
    void *arena;            // holds the entries
    struct slab *slabs;     // the one in use first
    size_t readings, misses, points, bytes, longest, most_missed;
    uint64_t n; // the block that is being added
    struct gather_quarter *quarters;
    size_t quarter_count, quarter_room;
    // gather_take:
    struct waiting **sorted;
    size_t sorted_count;
    int64_t *t_us, *missed_us;
    struct number *numbers;
    uint32_t *flags;
    uint8_t *bounds;
};

int gather_make(struct gather **out)
{
    struct gather *gather = calloc(1, sizeof *gather);
    if (!gather) {
        return ERROR_MEMORY;
    }
    gather->size = 64;
    gather->table = calloc(gather->size, sizeof(struct waiting *));
    if (!gather->table) {
        free(gather);
        return ERROR_MEMORY;
    }
    *out = gather;
    return OK;
}

static void free_pieces(struct gather *gather)
{
    for (struct slab *slab = gather->slabs; slab;) {
        struct slab *next = slab->next;
        free(slab);
        slab = next;
    }
    gather->slabs = NULL;
}

static void free_taken(struct gather *gather)
{
    free(gather->t_us);
    free(gather->numbers);
    free(gather->flags);
    free(gather->bounds);
    free(gather->missed_us);
    gather->t_us = gather->missed_us = NULL;
    gather->numbers = NULL;
    gather->flags = NULL;
    gather->bounds = NULL;
}

void gather_free(struct gather *gather)
{
    if (!gather) {
        return;
    }
    free_pieces(gather);
    free_taken(gather);
    arena_free(&gather->arena);
    free(gather->table);
    free(gather->quarters);
    free(gather->sorted);
    free(gather);
}

void gather_clear(struct gather *gather)
{
    for (size_t i = 0; i < gather->size; i++) {
        struct waiting *waiting = gather->table[i];
        if (waiting) {
            *waiting = (struct waiting){.point = waiting->point};
        }
    }
    free_pieces(gather);
    free_taken(gather);
    gather->readings = gather->misses = gather->points = gather->bytes = 0;
    gather->longest = gather->most_missed = gather->quarter_count = 0;
}

static struct waiting **find(struct waiting **table, size_t size, uint32_t point)
{
    size_t at = (point * 2654435761u) & (size - 1); // Knuth's multiplicative hash
    while (table[at] && table[at]->point != point) {
        at = (at + 1) & (size - 1);
    }
    return &table[at];
}

static int grow_table(struct gather *gather)
{
    size_t size = 2 * gather->size;
    struct waiting **table = calloc(size, sizeof(struct waiting *));
    if (!table) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < gather->size; i++) {
        if (gather->table[i]) {
            *find(table, size, gather->table[i]->point) = gather->table[i];
        }
    }
    free(gather->table);
    gather->table = table;
    gather->size = size;
    return OK;
}

static struct waiting *get(struct gather *gather, uint32_t point)
{
    struct waiting **place = find(gather->table, gather->size, point);
    if (*place) {
        return *place;
    }
    if (2 * gather->count >= gather->size) {
        if (grow_table(gather)) {
            return NULL;
        }
        place = find(gather->table, gather->size, point);
    }
    *place = arena_take(&gather->arena, sizeof(struct waiting));
    if (*place) {
        (*place)->point = point;
        gather->count++;
    }
    return *place;
}

static struct piece *take_piece(struct gather *gather)
{
    struct slab *slab = gather->slabs;
    if (!slab || slab->used == SLAB_PIECES) {
        slab = malloc(sizeof *slab);
        if (!slab) {
            return NULL;
        }
        slab->used = 0;
        slab->next = gather->slabs;
        gather->slabs = slab;
    }
    struct piece *piece = &slab->pieces[slab->used++];
    piece->next = NULL;
    piece->used = 0;
    gather->bytes += PIECE_BYTES;
    return piece;
}

// Room for an entry of so many bytes behind the point's last. NULL when there is no memory.
static uint8_t *make_room(struct gather *gather, struct waiting *waiting, size_t length)
{
    struct piece *piece = waiting->last_piece;
    if (!piece || sizeof piece->bytes - piece->used < length) {
        piece = take_piece(gather);
        if (!piece) {
            return NULL;
        }
        if (waiting->last_piece) {
            waiting->last_piece->next = piece;
        } else {
            waiting->first_piece = piece;
        }
        waiting->last_piece = piece;
    }
    uint8_t *room = piece->bytes + piece->used;
    piece->used = (uint8_t)(piece->used + length);
    return room;
}

void gather_begin_block(struct gather *gather, uint64_t n)
{
    gather->n = n;
}

// Notes that something of this block falls into the quarter. The last one is nearly always it.
static int note_quarter(struct gather *gather, int64_t quarter)
{
    size_t i = gather->quarter_count;
    while (i > 0 && gather->quarters[i - 1].quarter != quarter) {
        i--;
    }
    if (i > 0) {
        gather->quarters[i - 1].last_n = gather->n;
        return OK;
    }
    if (gather->quarter_count == gather->quarter_room) {
        size_t room = gather->quarter_room ? 2 * gather->quarter_room : 8;
        struct gather_quarter *quarters = realloc(gather->quarters, room * sizeof *quarters);
        if (!quarters) {
            return ERROR_MEMORY;
        }
        gather->quarters = quarters;
        gather->quarter_room = room;
    }
    gather->quarters[gather->quarter_count++] = (struct gather_quarter){quarter, gather->n};
    return OK;
}

// Puts an entry behind the point's last. *out is the point's.
static int put(struct gather *gather, uint32_t point, const struct entry *entry,
               struct waiting **out)
{
    struct waiting *waiting = get(gather, point);
    if (!waiting || note_quarter(gather, rollup_quarter_of(entry->t_us))) {
        return ERROR_MEMORY;
    }
    uint8_t bytes[ENTRY_BYTES_MAX];
    struct entry_before before = waiting->before;
    size_t length = entry_write(entry, &before, waiting->length + waiting->missed, bytes);
    uint8_t *to = make_room(gather, waiting, length);
    if (!to) {
        return ERROR_MEMORY;
    }
    memcpy(to, bytes, length);
    waiting->before = before;
    *out = waiting;
    return OK;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

int gather_miss(struct gather *gather, uint32_t point, int64_t t_us)
{
    struct waiting *waiting;
    if (put(gather, point, &(struct entry){.missed = true, .t_us = t_us}, &waiting)) {
        return ERROR_MEMORY;
    }
    waiting->missed++;
    gather->misses++;
    gather->most_missed = most(gather->most_missed, waiting->missed);
    return OK;
}

int gather_add(struct gather *gather, uint32_t point, int64_t t_us, struct number number,
               uint32_t flags, uint8_t bound)
{
    struct entry entry = {.t_us = t_us, .number = number, .flags = flags, .bound = bound};
    struct waiting *waiting;
    if (put(gather, point, &entry, &waiting)) {
        return ERROR_MEMORY;
    }
    gather->points += waiting->length == 0;
    waiting->length++;
    gather->readings++;
    gather->longest = most(gather->longest, waiting->length);
    return OK;
}

const struct gather_quarter *gather_quarters(const struct gather *gather, size_t *count)
{
    *count = gather->quarter_count;
    return gather->quarters;
}

bool gather_is_empty(const struct gather *gather)
{
    return !gather->readings && !gather->misses;
}

size_t gather_readings(const struct gather *gather)
{
    return gather->readings;
}

size_t gather_points(const struct gather *gather)
{
    return gather->points;
}

size_t gather_bytes(const struct gather *gather)
{
    return gather->bytes;
}

size_t gather_longest(const struct gather *gather)
{
    return gather->longest;
}

static int by_point(const void *a, const void *b)
{
    uint32_t x = (*(struct waiting *const *)a)->point, y = (*(struct waiting *const *)b)->point;
    return x < y ? -1 : x > y;
}

// Lists the points that have something, and gets room for the most that one has.
static int begin_take(struct gather *gather)
{
    free(gather->sorted);
    free_taken(gather);
    gather->sorted = calloc(gather->count + 1, sizeof(struct waiting *));
    gather->t_us = calloc(gather->longest + 1, sizeof *gather->t_us);
    gather->numbers = calloc(gather->longest + 1, sizeof *gather->numbers);
    gather->flags = calloc(gather->longest + 1, sizeof *gather->flags);
    gather->bounds = calloc(gather->longest + 1, sizeof *gather->bounds);
    gather->missed_us = calloc(gather->most_missed + 1, sizeof *gather->missed_us);
    if (!gather->sorted || !gather->t_us || !gather->numbers || !gather->flags || !gather->bounds ||
        !gather->missed_us) {
        return ERROR_MEMORY;
    }
    gather->sorted_count = 0;
    for (size_t i = 0; i < gather->size; i++) {
        struct waiting *waiting = gather->table[i];
        if (waiting && (waiting->length || waiting->missed)) {
            gather->sorted[gather->sorted_count++] = waiting;
        }
    }
    qsort(gather->sorted, gather->sorted_count, sizeof(struct waiting *), by_point);
    return OK;
}

int gather_take(struct gather *gather, size_t *cursor, struct gathered *out)
{
    if (*cursor == 0) {
        int error = begin_take(gather);
        if (error) {
            return error;
        }
    }
    if (*cursor >= gather->sorted_count) {
        return 0;
    }
    const struct waiting *waiting = gather->sorted[(*cursor)++];
    struct entry_before before = {0};
    struct entry entry;
    size_t length = 0, missed = 0;
    for (const struct piece *piece = waiting->first_piece; piece; piece = piece->next) {
        struct unpack from = {.at = piece->bytes, .end = piece->bytes + piece->used};
        while (from.at < from.end) {
            entry_read(&from, &before, length + missed, &entry);
            if (entry.missed) {
                gather->missed_us[missed++] = entry.t_us;
            } else {
                gather->t_us[length] = entry.t_us;
                gather->flags[length] = entry.flags;
                gather->bounds[length] = entry.bound;
                gather->numbers[length++] = entry.number;
            }
        }
    }
    *out = (struct gathered){.point = waiting->point,
                             .length = length,
                             .t_us = gather->t_us,
                             .numbers = gather->numbers,
                             .flags = gather->flags,
                             .bounds = gather->bounds,
                             .missed = missed,
                             .missed_us = gather->missed_us};
    return 1;
}
