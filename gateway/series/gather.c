#include "series/gather.h"

#include "base/arena.h"
#include "base/error.h"
#include "series/pack.h"

#include <stdlib.h>
#include <string.h>

// A reading: varint of the time's difference from the period (zigzag), then varint of
// `mantissa's difference << 1 | exponent changed` and, when it changed, the exponent's byte, which
// may also say that there is no number or that 8 bytes of a double follow.
#define EXPONENT_NONE   126
#define EXPONENT_DOUBLE 127
#define ENTRY_MAX       (10 + 10 + 1 + 8)

// What the next entry of a point is written, and read, as a difference from.
struct last {
    int64_t t_us, period_us; // of the last reading; from the first to the second
    int64_t mantissa;        // of the last decimal
    int exponent;
};

// Entries lie in pieces of one size, which are cut from slabs as they are needed: a buffer that
// grows would be moved again and again, and a quarter of it would be room to grow. An entry lies in
// one piece.
#define PIECE_BYTES 128
#define SLAB_PIECES 2047 // 256 KiB, which malloc takes from the system and gives back at once

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
    uint32_t length;
    struct piece *first_piece, *last_piece; // NULL while length is 0
    struct last last;
};

struct gather {
    struct waiting **table; // open addressing, by point
    size_t size, count;     // of the table: a power of two; entries in it
    void *arena;            // holds the entries
    struct slab *slabs;     // the one in use first
    size_t readings, points, bytes, longest;
    // gather_take:
    struct waiting **sorted;
    int64_t *t_us;
    struct number *numbers;
    size_t room;
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

void gather_free(struct gather *gather)
{
    if (!gather) {
        return;
    }
    free_pieces(gather);
    arena_free(&gather->arena);
    free(gather->table);
    free(gather->sorted);
    free(gather->t_us);
    free(gather->numbers);
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
    gather->readings = gather->points = gather->bytes = gather->longest = 0;
    free(gather->t_us);
    free(gather->numbers);
    gather->t_us = NULL;
    gather->numbers = NULL;
    gather->room = 0;
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

// Mantissa of the last decimal at another exponent: what the next is likely to be near.
static int64_t expected(const struct last *last, int exponent)
{
    int fits = 0, places = last->exponent - exponent;
    int64_t mantissa = last->mantissa;
    for (; places < 0 && mantissa; places++) {
        mantissa /= 10;
    }
    mantissa = number_shift(mantissa, places, &fits);
    return fits ? 0 : mantissa;
}

static size_t put_number(struct last *last, struct number number, uint8_t *to)
{
    if (number.kind != NUMBER_DECIMAL) {
        size_t length = pack_varint_to(to, 1);
        to[length++] = number.kind == NUMBER_NONE ? EXPONENT_NONE : EXPONENT_DOUBLE;
        if (number.kind == NUMBER_DOUBLE) {
            memcpy(to + length, &number.real, sizeof number.real);
            length += sizeof number.real;
        }
        return length;
    }
    uint64_t changed = number.exponent != last->exponent;
    uint64_t difference = pack_zigzag(number.mantissa - expected(last, number.exponent));
    size_t length = pack_varint_to(to, difference << 1 | changed);
    if (changed) {
        to[length++] = (uint8_t)(int8_t)number.exponent;
    }
    last->exponent = number.exponent;
    last->mantissa = number.mantissa;
    return length;
}

int gather_add(struct gather *gather, uint32_t point, int64_t t_us, struct number number)
{
    struct waiting *waiting = get(gather, point);
    if (!waiting) {
        return ERROR_MEMORY;
    }
    uint8_t entry[ENTRY_MAX];
    struct last last = waiting->last;
    // Unsigned, because it may wrap: a block's times can be anything.
    uint64_t step = (uint64_t)t_us - (uint64_t)last.t_us;
    size_t length = pack_varint_to(entry, pack_zigzag((int64_t)(step - (uint64_t)last.period_us)));
    length += put_number(&last, number, entry + length);
    uint8_t *to = make_room(gather, waiting, length);
    if (!to) {
        return ERROR_MEMORY;
    }
    memcpy(to, entry, length);
    last.period_us = waiting->length == 1 ? (int64_t)step : last.period_us;
    last.t_us = t_us;
    waiting->last = last;
    gather->points += waiting->length == 0;
    waiting->length++;
    gather->readings++;
    gather->longest = waiting->length > gather->longest ? waiting->length : gather->longest;
    return OK;
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

// Lists the points that have readings, and gets room for the longest.
static int begin_take(struct gather *gather)
{
    free(gather->sorted);
    gather->sorted = calloc(gather->points + 1, sizeof(struct waiting *));
    if (!gather->sorted) {
        return ERROR_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < gather->size; i++) {
        if (gather->table[i] && gather->table[i]->length) {
            gather->sorted[count++] = gather->table[i];
        }
    }
    qsort(gather->sorted, count, sizeof(struct waiting *), by_point);
    if (gather->room < gather->longest) {
        free(gather->t_us);
        free(gather->numbers);
        gather->t_us = calloc(gather->longest, sizeof *gather->t_us);
        gather->numbers = calloc(gather->longest, sizeof *gather->numbers);
        gather->room = gather->t_us && gather->numbers ? gather->longest : 0;
        return gather->room ? OK : ERROR_MEMORY;
    }
    return OK;
}

// The reverse of put_number.
static struct number get_number(struct unpack *from, struct last *last)
{
    uint64_t code = unpack_varint(from);
    int exponent = code & 1 ? (int8_t)unpack_byte(from) : last->exponent;
    struct number number = {.kind = NUMBER_NONE};
    if (exponent == EXPONENT_NONE) {
        return number;
    }
    if (exponent == EXPONENT_DOUBLE) {
        number.kind = NUMBER_DOUBLE;
        memcpy(&number.real, from->at, sizeof number.real);
        from->at += sizeof number.real;
        return number;
    }
    number.kind = NUMBER_DECIMAL;
    number.exponent = exponent;
    number.mantissa = expected(last, exponent) + unpack_zigzag(code >> 1);
    last->exponent = exponent;
    last->mantissa = number.mantissa;
    return number;
}

// The reverse of gather_add, for all entries of a point.
static void get_readings(const struct waiting *waiting, int64_t *t_us, struct number *numbers)
{
    struct last last = {0};
    size_t i = 0;
    for (const struct piece *piece = waiting->first_piece; piece; piece = piece->next) {
        struct unpack from = {.at = piece->bytes, .end = piece->bytes + piece->used};
        for (; from.at < from.end; i++) {
            uint64_t code = unpack_varint(&from);
            uint64_t step = (uint64_t)last.period_us + (uint64_t)unpack_zigzag(code);
            last.period_us = i == 1 ? (int64_t)step : last.period_us;
            last.t_us = (int64_t)((uint64_t)last.t_us + step);
            t_us[i] = last.t_us;
            numbers[i] = get_number(&from, &last);
        }
    }
}

int gather_take(struct gather *gather, size_t *cursor, uint32_t *point, const int64_t **t_us,
                const struct number **numbers, size_t *length)
{
    if (*cursor == 0) {
        int error = begin_take(gather);
        if (error) {
            return error;
        }
    }
    if (*cursor >= gather->points) {
        return 0;
    }
    const struct waiting *waiting = gather->sorted[(*cursor)++];
    get_readings(waiting, gather->t_us, gather->numbers);
    *point = waiting->point;
    *t_us = gather->t_us;
    *numbers = gather->numbers;
    *length = waiting->length;
    return 1;
}
