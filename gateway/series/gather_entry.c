#include "series/gather_entry.h"

#include "series/rollup.h"

#include <string.h>

// Varint of the time's difference from the period (zigzag), then varint of `mantissa's difference
// << 1 | exponent changed` and, when it changed, the exponent's byte, which may also say that there
// is no number, that 8 bytes of a double follow, that it is a miss, or that a bound, or varint of
// new flags, follows and the number after that.
#define EXPONENT_BOUND  123
#define EXPONENT_FLAGS  124
#define EXPONENT_MISS   125
#define EXPONENT_NONE   126
#define EXPONENT_DOUBLE 127

// Mantissa of the last decimal at another exponent: what the next is likely to be near.
static int64_t expected(const struct entry_before *before, int exponent)
{
    int fits = 0, places = before->exponent - exponent;
    int64_t mantissa = before->mantissa;
    for (; places < 0 && mantissa; places++) {
        mantissa /= 10;
    }
    mantissa = number_shift(mantissa, places, &fits);
    return fits ? 0 : mantissa;
}

static size_t put_escape(uint8_t code, uint8_t *to)
{
    size_t length = pack_varint_to(to, 1);
    to[length++] = code;
    return length;
}

static size_t put_number(struct entry_before *before, struct number number, uint8_t *to)
{
    if (number.kind != NUMBER_DECIMAL) {
        size_t length =
            put_escape(number.kind == NUMBER_NONE ? EXPONENT_NONE : EXPONENT_DOUBLE, to);
        if (number.kind == NUMBER_DOUBLE) {
            memcpy(to + length, &number.real, sizeof number.real);
            length += sizeof number.real;
        }
        return length;
    }
    uint64_t changed = number.exponent != before->exponent;
    uint64_t difference = pack_zigzag(number.mantissa - expected(before, number.exponent));
    size_t length = pack_varint_to(to, difference << 1 | changed);
    if (changed) {
        to[length++] = (uint8_t)(int8_t)number.exponent;
    }
    before->exponent = number.exponent;
    before->mantissa = number.mantissa;
    return length;
}

// The time, and where it leads; `index` is the entry's among the point's.
static size_t put_time(struct entry_before *before, size_t index, int64_t t_us, uint8_t *to)
{
    // Unsigned, because it may wrap: a block's times can be anything.
    uint64_t step = (uint64_t)t_us - (uint64_t)before->t_us;
    uint64_t code = pack_zigzag((int64_t)(step - (uint64_t)before->period_us));
    before->period_us = index == 1 ? (int64_t)step : before->period_us;
    before->t_us = t_us;
    return pack_varint_to(to, code);
}

static size_t put_flags(struct entry_before *before, uint32_t flags, uint8_t *to)
{
    if (flags == before->flags) {
        return 0;
    }
    before->flags = flags;
    size_t length = put_escape(EXPONENT_FLAGS, to);
    return length + pack_varint_to(to + length, flags);
}

// Written where it rises, and with the first reading of a quarter of an hour; readings without a
// number are in no roll-up's bound.
static size_t put_bound(struct entry_before *before, const struct entry *entry, uint8_t *to)
{
    int64_t quarter = rollup_quarter_of(entry->t_us);
    if (entry->number.kind == NUMBER_NONE ||
        (quarter == before->quarter && entry->bound <= before->bound)) {
        return 0;
    }
    before->quarter = quarter;
    before->bound = entry->bound;
    size_t length = put_escape(EXPONENT_BOUND, to);
    to[length++] = entry->bound;
    return length;
}

size_t entry_write(const struct entry *entry, struct entry_before *before, size_t index,
                   uint8_t *to)
{
    size_t length = put_time(before, index, entry->t_us, to);
    if (entry->missed) {
        return length + put_escape(EXPONENT_MISS, to + length);
    }
    length += put_flags(before, entry->flags, to + length);
    length += put_bound(before, entry, to + length);
    return length + put_number(before, entry->number, to + length);
}

// The reverse of put_number, behind its code and exponent's byte.
static struct number get_number(struct unpack *from, uint64_t code, int exponent,
                                struct entry_before *before)
{
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
    number.mantissa = expected(before, exponent) + unpack_zigzag(code >> 1);
    before->exponent = exponent;
    before->mantissa = number.mantissa;
    return number;
}

static uint64_t get_code(struct unpack *from, const struct entry_before *before, int *exponent)
{
    uint64_t code = unpack_varint(from);
    *exponent = code & 1 ? (int8_t)unpack_byte(from) : before->exponent;
    return code;
}

// The reverse of put_time.
static void get_time(struct unpack *from, size_t index, struct entry_before *before)
{
    uint64_t step = (uint64_t)before->period_us + (uint64_t)unpack_zigzag(unpack_varint(from));
    before->period_us = index == 1 ? (int64_t)step : before->period_us;
    before->t_us = (int64_t)((uint64_t)before->t_us + step);
}

void entry_read(struct unpack *from, struct entry_before *before, size_t index, struct entry *entry)
{
    int exponent;
    get_time(from, index, before);
    uint64_t code = get_code(from, before, &exponent);
    *entry = (struct entry){.missed = exponent == EXPONENT_MISS, .t_us = before->t_us};
    if (entry->missed) {
        return;
    }
    if (exponent == EXPONENT_FLAGS) {
        before->flags = (uint32_t)unpack_varint(from);
        code = get_code(from, before, &exponent);
    }
    if (exponent == EXPONENT_BOUND) {
        before->bound = unpack_byte(from);
        code = get_code(from, before, &exponent);
    }
    entry->flags = before->flags;
    entry->bound = before->bound;
    entry->number = get_number(from, code, exponent, before);
}
