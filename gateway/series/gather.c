#include "series/gather.h"

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

struct waiting {
    uint32_t point;
    uint32_t length;
    uint32_t used, capacity; // bytes
    uint8_t *bytes;
    int64_t t_us, period_us; // of the last reading; from the first to the second
    int64_t mantissa;
    int exponent;
};

struct gather {
    struct waiting **table; // open addressing, by point
    size_t size, count;     // of the table: a power of two; entries in it
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

void gather_free(struct gather *gather)
{
    if (!gather) {
        return;
    }
    for (size_t i = 0; i < gather->size; i++) {
        if (gather->table[i]) {
            free(gather->table[i]->bytes);
            free(gather->table[i]);
        }
    }
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
            free(waiting->bytes);
            waiting->bytes = NULL;
            waiting->length = waiting->used = waiting->capacity = 0;
        }
    }
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
    *place = calloc(1, sizeof(struct waiting));
    if (*place) {
        (*place)->point = point;
        gather->count++;
    }
    return *place;
}

static int make_room(struct gather *gather, struct waiting *waiting)
{
    if (waiting->capacity - waiting->used >= ENTRY_MAX) {
        return OK;
    }
    uint32_t capacity = waiting->capacity + waiting->capacity / 4 + 2 * ENTRY_MAX;
    uint8_t *bytes = realloc(waiting->bytes, capacity);
    if (!bytes) {
        return ERROR_MEMORY;
    }
    gather->bytes += capacity - waiting->capacity;
    waiting->bytes = bytes;
    waiting->capacity = capacity;
    return OK;
}

// Mantissa of the last decimal at another exponent: what the next is likely to be near.
static int64_t expected(const struct waiting *waiting, int exponent)
{
    int fits = 0, places = waiting->exponent - exponent;
    int64_t mantissa = waiting->mantissa;
    for (; places < 0 && mantissa; places++) {
        mantissa /= 10;
    }
    mantissa = number_shift(mantissa, places, &fits);
    return fits ? 0 : mantissa;
}

static size_t put_number(struct waiting *waiting, struct number number, uint8_t *to)
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
    uint64_t changed = number.exponent != waiting->exponent;
    uint64_t difference = pack_zigzag(number.mantissa - expected(waiting, number.exponent));
    size_t length = pack_varint_to(to, difference << 1 | changed);
    if (changed) {
        to[length++] = (uint8_t)(int8_t)number.exponent;
    }
    waiting->exponent = number.exponent;
    waiting->mantissa = number.mantissa;
    return length;
}

int gather_add(struct gather *gather, uint32_t point, int64_t t_us, struct number number)
{
    struct waiting *waiting = get(gather, point);
    if (!waiting || make_room(gather, waiting)) {
        return ERROR_MEMORY;
    }
    uint8_t *to = waiting->bytes + waiting->used;
    if (!waiting->length) { // decoding begins with these
        waiting->mantissa = waiting->t_us = waiting->period_us = 0;
        waiting->exponent = 0;
    }
    // Unsigned, because it may wrap: a block's times can be anything.
    uint64_t step = (uint64_t)t_us - (uint64_t)waiting->t_us;
    size_t length = pack_varint_to(to, pack_zigzag((int64_t)(step - (uint64_t)waiting->period_us)));
    length += put_number(waiting, number, to + length);
    waiting->period_us = waiting->length == 1 ? (int64_t)step : waiting->period_us;
    waiting->t_us = t_us;
    waiting->used += (uint32_t)length;
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

// The reverse of put_number; `state` holds the last decimal.
static struct number get_number(struct unpack *from, struct waiting *state)
{
    uint64_t code = unpack_varint(from);
    int exponent = code & 1 ? (int8_t)unpack_byte(from) : state->exponent;
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
    number.mantissa = expected(state, exponent) + unpack_zigzag(code >> 1);
    state->exponent = exponent;
    state->mantissa = number.mantissa;
    return number;
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
    struct unpack from = {.at = waiting->bytes, .end = waiting->bytes + waiting->used};
    struct waiting state = {0};
    for (size_t i = 0; i < waiting->length; i++) {
        uint64_t step = (uint64_t)state.period_us + (uint64_t)unpack_zigzag(unpack_varint(&from));
        state.period_us = i == 1 ? (int64_t)step : state.period_us;
        state.t_us = (int64_t)((uint64_t)state.t_us + step);
        gather->t_us[i] = state.t_us;
        gather->numbers[i] = get_number(&from, &state);
    }
    *point = waiting->point;
    *t_us = gather->t_us;
    *numbers = gather->numbers;
    *length = waiting->length;
    return 1;
}
