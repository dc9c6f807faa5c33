#include "ledger/block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KIND_MAX    64
#define SUBJECT_MAX 256
#define EVENT_MAX   1024

static const char hex_digits[] = "0123456789abcdef";

void block_writer_init(struct block_writer *writer)
{
    *writer = (struct block_writer){.readings = text_make(BLOCK_BYTES_MAX),
                                    .missed = text_make(BLOCK_BYTES_MAX),
                                    .events = text_make(BLOCK_BYTES_MAX)};
    block_writer_clear(writer);
}

void block_writer_free(struct block_writer *writer)
{
    if (writer) {
        text_free(&writer->readings);
        text_free(&writer->missed);
        text_free(&writer->events);
    }
}

void block_writer_clear(struct block_writer *writer)
{
    text_clear(&writer->readings);
    text_clear(&writer->missed);
    text_clear(&writer->events);
    writer->count = writer->missed_count = writer->event_count = 0;
    writer->has_entry = false;
    writer->first_mono_us = writer->t_lo_us = INT64_MAX;
    writer->last_mono_us = writer->t_hi_us = INT64_MIN;
}

size_t block_writer_bytes(const struct block_writer *writer)
{
    return writer->readings.length + writer->missed.length + writer->events.length;
}

static void note_time(struct block_writer *writer, int64_t t_us, int64_t mono_us)
{
    writer->t_lo_us = t_us < writer->t_lo_us ? t_us : writer->t_lo_us;
    writer->t_hi_us = t_us > writer->t_hi_us ? t_us : writer->t_hi_us;
    writer->first_mono_us = mono_us < writer->first_mono_us ? mono_us : writer->first_mono_us;
    writer->last_mono_us = mono_us > writer->last_mono_us ? mono_us : writer->last_mono_us;
}

// The digits of `number` at `to`; returns the end. Two digits a division: three such numbers stand
// in every reading.
static char *put_int(char *to, int64_t number)
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    if (number < 0) {
        *to++ = '-';
    }
    char digits[20];
    size_t at = sizeof digits;
    while (rest >= 10) {
        unsigned pair = (unsigned)(rest % 100);
        rest /= 100;
        digits[--at] = (char)('0' + pair % 10);
        digits[--at] = (char)('0' + pair / 10);
    }
    if (rest || at == sizeof digits) {
        digits[--at] = (char)('0' + rest);
    }
    memcpy(to, digits + at, sizeof digits - at);
    return to + (sizeof digits - at);
}

// `,[point,t_us,half_window_us,"raw",`
static void append_reading_head(struct text *text, const struct reading *reading, bool first)
{
    char *start = text_reserve(text, 72 + 2 * (size_t)reading->raw_length);
    if (!start) {
        return;
    }
    char *to = start;
    if (!first) {
        *to++ = ',';
    }
    *to++ = '[';
    to = put_int(to, reading->point);
    *to++ = ',';
    to = put_int(to, reading->t_us);
    *to++ = ',';
    to = put_int(to, reading->half_window_us);
    *to++ = ',';
    *to++ = '"';
    for (size_t i = 0; i < reading->raw_length; i++) {
        *to++ = hex_digits[reading->raw[i] >> 4];
        *to++ = hex_digits[reading->raw[i] & 15];
    }
    *to++ = '"';
    *to++ = ',';
    text_commit(text, (size_t)(to - start));
}

static void append_value(struct text *text, const struct value *value)
{
    if (value->kind == VALUE_NONE) {
        text_append(text, "null,", 5);
    } else {
        value_append_json(text, value);
        text_append(text, ",", 1);
    }
}

void block_add_reading(struct block_writer *writer, const struct reading *reading, int64_t mono_us)
{
    assert(reading->raw_length <= READING_RAW_MAX && reading->raw_length % 2 == 0);
    struct text *text = &writer->readings;
    append_reading_head(text, reading, writer->count == 0);
    append_value(text, &reading->indication);
    append_value(text, &reading->corrected);
    append_value(text, &reading->expanded_uncertainty);
    char *start = text_reserve(text, 24);
    if (start) {
        char *to = put_int(start, reading->flags);
        *to++ = ']';
        text_commit(text, (size_t)(to - start));
    }
    writer->count++;
    note_time(writer, reading->t_us, mono_us);
}

void block_add_miss(struct block_writer *writer, uint32_t point, int64_t t_us, int64_t mono_us,
                    const char *word)
{
    struct text *text = &writer->missed;
    text_append_string(text, writer->missed_count ? ",[" : "[");
    text_append_int(text, point);
    text_append(text, ",", 1);
    text_append_int(text, t_us);
    text_append(text, ",", 1);
    text_append_json(text, word);
    text_append(text, "]", 1);
    writer->missed_count++;
    note_time(writer, t_us, mono_us);
}

// Appends a string of at most `max` bytes of `string`, cut between characters.
static void append_cut(struct text *text, const char *string, size_t max)
{
    char cut[EVENT_MAX + 1];
    size_t length = strnlen(string, max + 1);
    if (length > max) {
        length = max;
        while (length > 0 && ((unsigned char)string[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    memcpy(cut, string, length);
    cut[length] = '\0';
    text_append_json(text, cut);
}

bool block_is_entry(const char *kind, size_t length)
{
    static const char *const kinds[] = {"job.started", "job.stopped", "reading.amended",
                                        "report.issued", "certificate.ended"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i]) == length && memcmp(kinds[i], kind, length) == 0) {
            return true;
        }
    }
    return false;
}

void block_add_event(struct block_writer *writer, int64_t t_us, int64_t mono_us, const char *kind,
                     const char *subject, const char *text)
{
    struct text *out = &writer->events;
    text_append_string(out, writer->event_count ? ",{\"t\":" : "{\"t\":");
    text_append_int(out, t_us);
    text_append_string(out, ",\"kind\":");
    append_cut(out, kind, KIND_MAX);
    text_append_string(out, ",\"subject\":");
    append_cut(out, subject, SUBJECT_MAX);
    text_append_string(out, ",\"text\":");
    append_cut(out, text, EVENT_MAX);
    text_append(out, "}", 1);
    writer->event_count++;
    writer->has_entry = writer->has_entry || block_is_entry(kind, strlen(kind));
    note_time(writer, t_us, mono_us);
}

static void append_head(const struct block_writer *writer, const struct block_seal *seal,
                        struct text *out)
{
    int64_t first = writer->first_mono_us < seal->mono_us ? writer->first_mono_us : seal->mono_us;
    text_append_string(out, "{\"tally\":1,\"log\":");
    text_append_json(out, seal->origin);
    text_append_string(out, ",\"n\":");
    text_append_int(out, (int64_t)seal->n);
    text_append_string(out, ",\"prev\":\"");
    if (seal->n > 0) {
        text_append_hex(out, seal->previous.bytes, DIGEST_SIZE);
    }
    text_append_string(out, "\",\"run\":");
    text_append_json(out, seal->run);
    text_append_string(out, ",\"mono_us\":[");
    text_append_int(out, first);
    text_append(out, ",", 1);
    text_append_int(out, seal->mono_us);
    text_append_string(out, "],\"closed_us\":");
    text_append_int(out, seal->closed_us);
    text_append_string(out, ",\"clock\":{\"state\":");
    text_append_string(out, seal->clock.synchronised ? "\"synchronised\"" : "\"unsynchronised\"");
    text_append_string(out, ",\"error_us\":");
    text_append_int(out, seal->clock.error_us);
    text_append_string(out, ",\"leap\":");
    text_append_int(out, seal->clock.leap);
    text_append_string(out, "},\"defs\":\"");
    text_append_hex(out, seal->definitions.bytes, DIGEST_SIZE);
    text_append_string(out, "\"");
}

int block_seal(const struct block_writer *writer, const struct block_seal *seal, struct text *out)
{
    text_clear(out);
    append_head(writer, seal, out);
    text_append_string(out, ",\"readings\":[");
    text_append(out, writer->readings.data, writer->readings.length);
    text_append_string(out, "],\"missed\":[");
    text_append(out, writer->missed.data, writer->missed.length);
    text_append_string(out, "],\"events\":[");
    text_append(out, writer->events.data, writer->events.length);
    text_append_string(out, "]}\n");
    bool failed =
        out->failed || writer->readings.failed || writer->missed.failed || writer->events.failed;
    size_t body = block_writer_bytes(writer);
    if (failed || out->length > BLOCK_BYTES_MAX) {
        return body + 512 > BLOCK_BYTES_MAX || out->length > BLOCK_BYTES_MAX ? ERROR_RANGE
                                                                             : ERROR_MEMORY;
    }
    return OK;
}

struct digest block_leaf(const void *bytes, size_t length)
{
    static const uint8_t zero = 0;
    return digest_of(&zero, 1, bytes, length);
}
