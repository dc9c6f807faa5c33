#include "series/rollup.h"

#include "base/error.h"

#define EXPONENT_DOUBLE 127 // in place of an exponent: 8 bytes of a double follow
#define TOTAL_HAS_REST  0x80

static void add_ends(struct rollup *rollup, const struct rollup *more)
{
    if (!rollup->count || more->first_us < rollup->first_us) {
        rollup->first_us = more->first_us;
        rollup->first = more->first;
    }
    if (!rollup->count || more->last_us >= rollup->last_us) {
        rollup->last_us = more->last_us;
        rollup->last = more->last;
    }
    if (!rollup->count || number_compare(more->minimum, rollup->minimum) < 0) {
        rollup->minimum = more->minimum;
    }
    if (!rollup->count || number_compare(more->maximum, rollup->maximum) > 0) {
        rollup->maximum = more->maximum;
    }
}

// Whether `later` is later than `earlier`, and not below it.
static bool follows(const struct rollup *later, const struct rollup *earlier)
{
    return later->first_us > earlier->last_us && number_compare(later->first, earlier->last) >= 0;
}

static uint8_t greater(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

void rollup_add(struct rollup *rollup, int64_t t_us, struct number number, uint32_t flags,
                uint8_t bound)
{
    rollup->flags |= flags;
    if (number.kind == NUMBER_NONE) {
        rollup->none++;
        return;
    }
    struct rollup one = {.first_us = t_us,
                         .last_us = t_us,
                         .first = number,
                         .last = number,
                         .minimum = number,
                         .maximum = number};
    rollup->breaks += rollup->count && !follows(&one, rollup);
    add_ends(rollup, &one);
    total_add(&rollup->total, number);
    rollup->bound = greater(rollup->bound, bound);
    rollup->count++;
}

void rollup_merge(struct rollup *into, const struct rollup *from)
{
    if (from->count) {
        into->breaks += into->count && !follows(from, into) && !follows(into, from);
        add_ends(into, from);
        total_merge(&into->total, &from->total);
        into->bound = greater(into->bound, from->bound);
    }
    into->count += from->count;
    into->none += from->none;
    into->missed += from->missed;
    into->flags |= from->flags;
    into->breaks += from->breaks;
}

// A decimal's mantissa is written as the difference from one before of the same exponent.
static int64_t expected(struct number number, const struct number *before)
{
    return before && before->kind == NUMBER_DECIMAL && before->exponent == number.exponent
               ? before->mantissa
               : 0;
}

static void write_number(struct text *out, struct number number, const struct number *before)
{
    uint8_t exponent = number.kind == NUMBER_DECIMAL
                           ? (uint8_t)(number.exponent + NUMBER_EXPONENT_MAX)
                           : EXPONENT_DOUBLE;
    text_append(out, &exponent, 1);
    if (number.kind == NUMBER_DECIMAL) {
        pack_varint(out, pack_zigzag(number.mantissa - expected(number, before)));
    } else {
        pack_fixed(out, pack_double_bits(number.real));
    }
}

static bool is_exponent(int exponent)
{
    return exponent >= -NUMBER_EXPONENT_MAX && exponent <= NUMBER_EXPONENT_MAX;
}

static struct number read_number(struct unpack *from, const struct number *before)
{
    struct number number = {.kind = NUMBER_DECIMAL};
    uint8_t exponent = unpack_byte(from);
    if (exponent == EXPONENT_DOUBLE) {
        number.kind = NUMBER_DOUBLE;
        number.real = pack_bits_double(unpack_fixed(from));
        return number;
    }
    number.exponent = exponent - NUMBER_EXPONENT_MAX;
    uint64_t difference = (uint64_t)unpack_zigzag(unpack_varint(from));
    number.mantissa = (int64_t)(difference + (uint64_t)expected(number, before));
    from->bad = from->bad || !is_exponent(number.exponent);
    return number;
}

static void write_total(struct text *out, const struct total *total)
{
    bool rest = total->high != 0 || total->low != 0;
    uint8_t head = (uint8_t)((total->exponent + NUMBER_EXPONENT_MAX) | (rest ? TOTAL_HAS_REST : 0));
    text_append(out, &head, 1);
    pack_varint(out, pack_zigzag(total->mantissa));
    if (rest) {
        pack_fixed(out, pack_double_bits(total->high));
        pack_fixed(out, pack_double_bits(total->low));
    }
}

static void read_total(struct unpack *from, struct total *total)
{
    uint8_t head = unpack_byte(from);
    *total = (struct total){.exponent = (head & ~TOTAL_HAS_REST) - NUMBER_EXPONENT_MAX};
    total->mantissa = unpack_zigzag(unpack_varint(from));
    if (head & TOTAL_HAS_REST) {
        total->high = pack_bits_double(unpack_fixed(from));
        total->low = pack_bits_double(unpack_fixed(from));
    }
    from->bad = from->bad || !is_exponent(total->exponent);
}

void rollup_write(const struct rollup *rollup, int64_t quarter, struct text *out)
{
    pack_varint(out, rollup->count);
    pack_varint(out, rollup->none);
    pack_varint(out, rollup->missed);
    pack_varint(out, rollup->flags);
    if (rollup->count) {
        uint64_t first = (uint64_t)rollup->first_us;
        pack_varint(out, rollup->breaks);
        text_append(out, &rollup->bound, 1);
        pack_varint(out, first - (uint64_t)rollup_quarter_start(quarter));
        pack_varint(out, (uint64_t)rollup->last_us - first);
        write_number(out, rollup->first, NULL);
        write_number(out, rollup->last, &rollup->first);
        write_number(out, rollup->minimum, &rollup->first);
        write_number(out, rollup->maximum, &rollup->last);
        write_total(out, &rollup->total);
    }
}

int rollup_read(struct rollup *rollup, int64_t quarter, struct unpack *from)
{
    *rollup = (struct rollup){.count = unpack_varint(from)};
    rollup->none = unpack_varint(from);
    rollup->missed = unpack_varint(from);
    rollup->flags = (uint32_t)unpack_varint(from);
    if (rollup->count) {
        rollup->breaks = unpack_varint(from);
        rollup->bound = unpack_byte(from);
        uint64_t first = unpack_varint(from), length = unpack_varint(from);
        from->bad = from->bad || first >= ROLLUP_QUARTER_US || length >= ROLLUP_QUARTER_US - first;
        first += (uint64_t)rollup_quarter_start(quarter);
        rollup->first_us = (int64_t)first;
        rollup->last_us = (int64_t)(first + length);
        rollup->first = read_number(from, NULL);
        rollup->last = read_number(from, &rollup->first);
        rollup->minimum = read_number(from, &rollup->first);
        rollup->maximum = read_number(from, &rollup->last);
        read_total(from, &rollup->total);
    }
    return from->bad || from->at != from->end ? ERROR_DAMAGED : OK;
}
