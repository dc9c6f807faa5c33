#include "series/summary.h"

#include "base/error.h"
#include "series/shelf.h"

#include <math.h>
#include <string.h>

void summary_add(struct text *out, const struct summary_entry *previous,
                 const struct summary_entry *entry)
{
    const struct segment_head *head = &entry->head;
    uint64_t before = previous ? (uint64_t)previous->head.t_lo_us : 0;
    pack_varint(out, (uint64_t)entry->step << 8 | entry->part);
    pack_varint(out, pack_zigzag((int64_t)((uint64_t)head->t_lo_us - before)));
    pack_varint(out, (uint64_t)head->t_hi_us - (uint64_t)head->t_lo_us);
    pack_varint(out, head->count);
    pack_varint(out, head->none);
    if (head->count) {
        pack_fixed(out, pack_double_bits(head->minimum));
        pack_fixed(out, pack_double_bits(head->maximum));
    }
}

void summary_open(struct summary_reader *reader, const void *bytes, size_t length)
{
    *reader = (struct summary_reader){.from = row_open(bytes, length)};
}

int summary_next(struct summary_reader *reader)
{
    struct unpack *from = &reader->from;
    struct segment_head *head = &reader->entry.head;
    if (from->at == from->end) {
        return 0;
    }
    uint64_t place = unpack_varint(from);
    head->t_lo_us =
        (int64_t)((uint64_t)head->t_lo_us + (uint64_t)unpack_zigzag(unpack_varint(from)));
    head->t_hi_us = (int64_t)((uint64_t)head->t_lo_us + unpack_varint(from));
    head->count = (uint32_t)unpack_varint(from);
    head->none = (uint32_t)unpack_varint(from);
    head->minimum = head->maximum = NAN;
    if (head->count) {
        head->minimum = pack_bits_double(unpack_fixed(from));
        head->maximum = pack_bits_double(unpack_fixed(from));
    }
    reader->entry.step = (uint32_t)(place >> 8);
    reader->entry.part = place & 255;
    return from->bad || place >> 8 >= SHELF_STRETCH_STEPS ? ERROR_DAMAGED : 1;
}

void roster_add(struct text *out, uint32_t *last_point, uint32_t point, uint32_t number)
{
    pack_varint(out, point - *last_point);
    pack_varint(out, number);
    *last_point = point;
}

int roster_find(struct unpack *from, uint32_t point, uint32_t *number)
{
    uint32_t at = 0;
    *number = 0;
    while (from->at < from->end) {
        at += (uint32_t)unpack_varint(from);
        uint32_t parts = (uint32_t)unpack_varint(from);
        if (at >= point) {
            *number = at == point ? parts : 0;
            break;
        }
    }
    return from->bad ? ERROR_DAMAGED : OK;
}

#define SPAN_BYTES 24

void stretch_begin(struct text *out)
{
    static const char blank[SPAN_BYTES];
    row_begin(out);
    text_append(out, blank, sizeof blank);
}

void stretch_end(struct text *out, const struct stretch_span *span)
{
    struct text bytes = text_make(SPAN_BYTES);
    pack_fixed(&bytes, span->end_n);
    pack_fixed(&bytes, (uint64_t)span->t_lo_us);
    pack_fixed(&bytes, (uint64_t)span->t_hi_us);
    out->failed = out->failed || bytes.failed;
    if (!out->failed) {
        memcpy(out->data + ROW_CHECK_BYTES, bytes.data, SPAN_BYTES);
    }
    text_free(&bytes);
    row_end(out);
}

int stretch_open(struct unpack *from, const void *bytes, size_t length, struct stretch_span *span)
{
    *from = row_open(bytes, length);
    span->end_n = unpack_fixed(from);
    span->t_lo_us = (int64_t)unpack_fixed(from);
    span->t_hi_us = (int64_t)unpack_fixed(from);
    return from->bad ? ERROR_DAMAGED : OK;
}
