#include "series/segment.h"

#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// What follows the head: bits of the form byte.
enum {
    FORM_DECIMAL = 1 << 0,    // values are integers at one scale
    FORM_HAS_NONE = 1 << 1,   // a bit map says which have no number
    FORM_TIMES_BACK = 1 << 2, // times are another row's
    FORM_KNOWN = FORM_DECIMAL | FORM_HAS_NONE | FORM_TIMES_BACK,
};

// The difference between two times, wrapping: times come from a file and may be anything.
static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

void segment_encode_times(const int64_t *t_us, size_t length, struct text *out)
{
    assert(length >= 1 && length <= SEGMENT_READINGS_MAX);
    // The middle of three differences is the period well enough: one late poll does not spoil it.
    int64_t period = 0;
    if (length > 3) {
        int64_t a = minus(t_us[1], t_us[0]), b = minus(t_us[2], t_us[1]),
                c = minus(t_us[3], t_us[2]);
        period = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    }
    uint64_t codes[SEGMENT_READINGS_MAX];
    for (size_t i = 1; i < length; i++) {
        codes[i - 1] = pack_zigzag(minus(minus(t_us[i], t_us[i - 1]), period));
    }
    pack_fixed(out, (uint64_t)t_us[0]);
    pack_varint(out, pack_zigzag(period));
    pack_run(out, codes, length - 1);
}

static void read_times(struct unpack *from, int64_t *t_us, size_t length)
{
    uint64_t codes[SEGMENT_READINGS_MAX];
    uint64_t t = unpack_fixed(from);
    uint64_t period = (uint64_t)unpack_zigzag(unpack_varint(from));
    unpack_run(from, codes, length - 1);
    t_us[0] = (int64_t)t;
    for (size_t i = 1; i < length; i++) {
        t += period + (uint64_t)unpack_zigzag(codes[i - 1]);
        t_us[i] = (int64_t)t;
    }
}

// The integers of the numbers at their finest scale; false when one does not fit.
static bool to_scale(const struct number *numbers, size_t length, int64_t *integers, int *scale)
{
    int finest = NUMBER_EXPONENT_MAX;
    for (size_t i = 0; i < length; i++) {
        if (numbers[i].kind == NUMBER_DOUBLE) {
            return false;
        }
        if (numbers[i].kind == NUMBER_DECIMAL && numbers[i].mantissa &&
            numbers[i].exponent < finest) {
            finest = numbers[i].exponent;
        }
    }
    finest = finest > 0 ? 0 : finest;
    int fits = 0;
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (numbers[i].kind == NUMBER_DECIMAL) {
            integers[kept++] =
                number_shift(numbers[i].mantissa, numbers[i].exponent - finest, &fits);
        }
    }
    *scale = finest;
    return fits == 0;
}

static void encode_values(const struct number *numbers, size_t length, bool decimal,
                          int64_t *integers, int scale, size_t kept, struct text *out)
{
    uint64_t codes[SEGMENT_READINGS_MAX];
    codes[0] = 0;
    if (decimal) {
        text_append(out, &(uint8_t){(uint8_t)-scale}, 1);
        int64_t previous = 0;
        for (size_t i = 0; i < kept; i++) {
            codes[i] = pack_zigzag(integers[i] - previous);
            previous = integers[i];
        }
    } else {
        uint64_t previous = 0;
        size_t at = 0;
        for (size_t i = 0; i < length; i++) {
            if (numbers[i].kind != NUMBER_NONE) {
                uint64_t bits = pack_double_bits(number_to_double(numbers[i]));
                codes[at++] = bits ^ previous;
                previous = bits;
            }
        }
    }
    // The first is a whole value, not a difference: apart, or it would widen its run.
    pack_varint(out, codes[0]);
    pack_run(out, codes + 1, kept - 1);
}

static void encode_none(const struct number *numbers, size_t length, struct text *out)
{
    uint8_t map[(SEGMENT_READINGS_MAX + 7) / 8] = {0};
    for (size_t i = 0; i < length; i++) {
        if (numbers[i].kind == NUMBER_NONE) {
            map[i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
    text_append(out, map, (length + 7) / 8);
}

static void fill_head(const int64_t *t_us, const struct number *numbers, size_t length,
                      struct segment_head *head)
{
    *head = (struct segment_head){
        .t_lo_us = INT64_MAX, .t_hi_us = INT64_MIN, .minimum = INFINITY, .maximum = -INFINITY};
    for (size_t i = 0; i < length; i++) {
        head->t_lo_us = t_us[i] < head->t_lo_us ? t_us[i] : head->t_lo_us;
        head->t_hi_us = t_us[i] > head->t_hi_us ? t_us[i] : head->t_hi_us;
        if (numbers[i].kind == NUMBER_NONE) {
            head->none++;
            continue;
        }
        double value = number_to_double(numbers[i]);
        head->count++;
        head->minimum = fmin(head->minimum, value);
        head->maximum = fmax(head->maximum, value);
    }
    if (!head->count) {
        head->minimum = head->maximum = NAN;
    }
}

void segment_encode(const int64_t *t_us, const struct number *numbers, size_t length,
                    const struct text *times, uint64_t times_back, struct segment_head *head,
                    struct text *out)
{
    assert(length >= 1 && length <= SEGMENT_READINGS_MAX);
    int64_t integers[SEGMENT_READINGS_MAX] = {0};
    int scale = 0;
    fill_head(t_us, numbers, length, head);
    bool decimal = to_scale(numbers, length, integers, &scale);
    uint8_t form = (uint8_t)((decimal ? FORM_DECIMAL : 0) | (head->none ? FORM_HAS_NONE : 0) |
                             (times_back ? FORM_TIMES_BACK : 0));
    row_begin(out);
    text_append(out, &form, 1);
    pack_varint(out, head->count);
    pack_varint(out, head->none);
    pack_fixed(out, (uint64_t)head->t_lo_us);
    pack_varint(out, (uint64_t)minus(head->t_hi_us, head->t_lo_us));
    if (head->count) {
        pack_fixed(out, pack_double_bits(head->minimum));
        pack_fixed(out, pack_double_bits(head->maximum));
    }
    if (times_back) {
        pack_varint(out, times_back);
    } else {
        text_append(out, times->data, times->length);
    }
    if (head->none) {
        encode_none(numbers, length, out);
    }
    if (head->count) {
        encode_values(numbers, length, decimal, integers, scale, head->count, out);
    }
    row_end(out);
}

static int read_head(struct unpack *from, struct segment_head *head, uint8_t *form)
{
    *form = unpack_byte(from);
    uint64_t count = unpack_varint(from), none = unpack_varint(from);
    head->t_lo_us = (int64_t)unpack_fixed(from);
    head->t_hi_us = (int64_t)((uint64_t)head->t_lo_us + unpack_varint(from));
    if (from->bad || count > SEGMENT_READINGS_MAX || none > SEGMENT_READINGS_MAX ||
        count + none < 1 || count + none > SEGMENT_READINGS_MAX || *form & ~FORM_KNOWN) {
        return ERROR_DAMAGED;
    }
    head->count = (uint32_t)count;
    head->none = (uint32_t)none;
    head->minimum = head->maximum = NAN;
    if (count) {
        head->minimum = pack_bits_double(unpack_fixed(from));
        head->maximum = pack_bits_double(unpack_fixed(from));
    }
    return from->bad ? ERROR_DAMAGED : OK;
}

int segment_read_head(const void *bytes, size_t length, struct segment_head *head)
{
    struct unpack from = row_open(bytes, length);
    uint8_t form;
    return read_head(&from, head, &form);
}

static void read_values(struct unpack *from, bool decimal, struct segment *out, const uint8_t *none)
{
    uint64_t codes[SEGMENT_READINGS_MAX];
    int scale = decimal ? unpack_byte(from) : 0;
    if (scale > NUMBER_EXPONENT_MAX) {
        from->bad = true;
        return;
    }
    codes[0] = unpack_varint(from);
    unpack_run(from, codes + 1, out->head.count - 1);
    uint64_t value = 0;
    size_t at = 0;
    for (size_t i = 0; i < out->length; i++) {
        if (none && none[i / 8] >> i % 8 & 1) {
            out->values[i] = NAN;
        } else if (at >= out->head.count) {
            from->bad = true;
            return;
        } else if (decimal) {
            value += (uint64_t)unpack_zigzag(codes[at++]);
            out->values[i] = number_of((int64_t)value, -scale);
        } else {
            value ^= codes[at++];
            out->values[i] = pack_bits_double(value);
        }
    }
}

int segment_read(const void *bytes, size_t length, struct segment *out)
{
    struct unpack from = row_open(bytes, length);
    uint8_t form;
    if (read_head(&from, &out->head, &form)) {
        return ERROR_DAMAGED;
    }
    out->length = out->head.count + out->head.none;
    out->times_back = 0;
    if (form & FORM_TIMES_BACK) {
        out->times_back = unpack_varint(&from);
    } else {
        read_times(&from, out->t_us, out->length);
    }
    const uint8_t *none = NULL;
    if (form & FORM_HAS_NONE) {
        none = from.at;
        size_t map = (out->length + 7) / 8;
        if (map > (size_t)(from.end - from.at)) {
            return ERROR_DAMAGED;
        }
        from.at += map;
    }
    for (size_t i = 0; !out->head.count && i < out->length; i++) {
        out->values[i] = NAN;
    }
    if (out->head.count) {
        read_values(&from, form & FORM_DECIMAL, out, none);
    }
    return from.bad || from.at != from.end ? ERROR_DAMAGED : OK;
}

int segment_read_times(const void *bytes, size_t length, struct segment *out)
{
    struct unpack from = row_open(bytes, length);
    struct segment_head head;
    uint8_t form;
    if (read_head(&from, &head, &form) || form & FORM_TIMES_BACK ||
        head.count + head.none != out->length) {
        return ERROR_DAMAGED;
    }
    read_times(&from, out->t_us, out->length);
    return from.bad ? ERROR_DAMAGED : OK;
}
