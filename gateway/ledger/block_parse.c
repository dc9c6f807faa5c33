#include "ledger/block.h"

#include "base/error.h"
#include "ledger/cursor.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_DIGITS_MAX       21 // as base/value.h writes numbers
#define SIGNIFICANT_DIGITS_MAX 17
#define MISS_WORD_MAX          31

struct arena {
    struct block_reading *readings;
    struct block_miss *missed;
    struct block_event *events;
    size_t readings_room, missed_room, events_room;
};
// Raw registers in quotes: four digits a register.
static inline bool take_raw(struct cursor *c, struct block_reading *reading)
{
    if (!cursor_take(c, '"', "raw registers")) {
        return false;
    }
    const char *p = c->at;
    while (p < c->end && (cursor_is_digit(*p) || (*p >= 'a' && *p <= 'f'))) {
        p++;
    }
    reading->raw = c->at;
    reading->raw_digits = (uint32_t)(p - c->at);
    c->at = p;
    if (reading->raw_digits % 4 != 0 || reading->raw_digits > 2 * READING_RAW_MAX) {
        return cursor_fault(c, "four digits a register");
    }
    return cursor_take(c, '"', "the end of the raw registers");
}

// The exponent of a number with one digit before the point and `count` in all. Written only where
// the plain form would be too long.
static bool take_exponent(struct cursor *c, size_t whole, size_t count)
{
    int64_t exponent;
    c->at++;
    if (!cursor_int(c, &exponent)) {
        return false;
    }
    int64_t point = exponent + 1;
    int64_t plain = point <= 0               ? 1 - point + (int64_t)count
                    : point > (int64_t)count ? point
                                             : (int64_t)count;
    bool fits = exponent < -400 || exponent > 400 || plain > PLAIN_DIGITS_MAX;
    if (whole != 1 || !fits) {
        return cursor_fault(c, "a number in its one form");
    }
    return true;
}

// A number in the one form that base/value.h writes.
static bool take_number(struct cursor *c)
{
    const char *p = c->at, *end = c->end;
    p += p < end && *p == '-';
    const char *first = p;
    while (p < end && cursor_is_digit(*p)) {
        p++;
    }
    size_t whole = (size_t)(p - first), fraction = 0;
    const char *last = p; // end of the digits
    if (p < end && *p == '.') {
        const char *point = p++;
        while (p < end && cursor_is_digit(*p)) {
            p++;
        }
        fraction = (size_t)(p - point) - 1;
        last = p;
        if (fraction == 0 || p[-1] == '0') {
            return cursor_fault(c, "a number in its one form");
        }
    }
    bool zero = whole == 1 && *first == '0';
    bool negative_zero = zero && fraction == 0 && *c->at == '-';
    if (whole == 0 || (*first == '0' && whole > 1) || negative_zero) {
        return cursor_fault(c, "a number in its one form");
    }
    if (whole + fraction > SIGNIFICANT_DIGITS_MAX) {
        const char *a = first, *b = last;
        while (a < b && (*a == '0' || *a == '.')) {
            a++;
        }
        while (b > a && b[-1] == '0') {
            b--;
        }
        size_t significant = (size_t)(b - a) - (memchr(a, '.', (size_t)(b - a)) != NULL);
        if (significant > SIGNIFICANT_DIGITS_MAX || whole + fraction > PLAIN_DIGITS_MAX) {
            return cursor_fault(c, "a number in its one form");
        }
    }
    c->at = p;
    if (p < end && *p == 'e') {
        return take_exponent(c, zero ? 0 : whole, whole + fraction);
    }
    return true;
}

// null, a number or a string.
static inline bool take_value(struct cursor *c, const char **out, uint32_t *length)
{
    *out = c->at;
    bool good;
    if (c->at < c->end && *c->at == 'n') {
        good = cursor_literal(c, "null");
    } else if (c->at < c->end && *c->at == '"') {
        const char *body;
        uint32_t body_length;
        good = cursor_string(c, &body, &body_length);
    } else {
        good = take_number(c);
    }
    *length = (uint32_t)(c->at - *out);
    return good;
}

static bool take_reading(struct cursor *c, struct block_reading *r)
{
    uint64_t point, flags;
    bool good = cursor_take(c, '[', "a reading") && cursor_unsigned(c, UINT32_MAX, &point) &&
                cursor_comma(c) && cursor_int(c, &r->t_us) && cursor_comma(c) &&
                cursor_int(c, &r->half_window_us) && cursor_comma(c) && take_raw(c, r) &&
                cursor_comma(c) && take_value(c, &r->indication, &r->indication_length) &&
                cursor_comma(c) && take_value(c, &r->corrected, &r->corrected_length) &&
                cursor_comma(c) && take_value(c, &r->uncertainty, &r->uncertainty_length) &&
                cursor_comma(c) && cursor_unsigned(c, UINT32_MAX, &flags) &&
                cursor_take(c, ']', "the end of a reading");
    if (good) {
        r->point = (uint32_t)point;
        r->flags = (uint32_t)flags;
    }
    return good;
}

static bool take_miss(struct cursor *c, struct block_miss *m)
{
    uint64_t point;
    if (!cursor_take(c, '[', "a miss") || !cursor_unsigned(c, UINT32_MAX, &point) ||
        !cursor_comma(c) || !cursor_int(c, &m->t_us) || !cursor_comma(c) ||
        !cursor_string(c, &m->word, &m->word_length)) {
        return false;
    }
    m->point = (uint32_t)point;
    for (uint32_t i = 0; i < m->word_length; i++) {
        char w = m->word[i];
        if (!cursor_is_digit(w) && !(w >= 'a' && w <= 'z') && w != '-') {
            return cursor_fault(c, "a word of a-z, 0-9 and -");
        }
    }
    if (m->word_length == 0 || m->word_length > MISS_WORD_MAX) {
        return cursor_fault(c, "a word of 1 to 31 letters");
    }
    return cursor_take(c, ']', "the end of a miss");
}

static bool take_event(struct cursor *c, struct block_event *e)
{
    return cursor_literal(c, "{\"t\":") && cursor_int(c, &e->t_us) &&
           cursor_literal(c, ",\"kind\":") && cursor_string(c, &e->kind, &e->kind_length) &&
           cursor_literal(c, ",\"subject\":") &&
           cursor_string(c, &e->subject, &e->subject_length) && cursor_literal(c, ",\"text\":") &&
           cursor_string(c, &e->text, &e->text_length) &&
           cursor_take(c, '}', "the end of an event");
}

// Makes room for item `count`; items are `size` bytes.
static void *room_for(struct cursor *c, void *items, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return items;
    }
    size_t more = *room ? *room * 2 : 64;
    void *grown = realloc(items, more * size);
    if (!grown) {
        cursor_fault(c, "memory");
        return NULL;
    }
    *room = more;
    return grown;
}

// A list up to its `]`, each item read into a table that grows. A macro, because the items' types
// differ.
#define TAKE_LIST(c, items, room, count, take_item)                                                \
    do {                                                                                           \
        (count) = 0;                                                                               \
        while (!(c)->wanted && !((c)->at < (c)->end && *(c)->at == ']' && (count) == 0)) {         \
            void *grown = room_for((c), (items), &(room), (count), sizeof *(items));               \
            if (!grown) {                                                                          \
                return false;                                                                      \
            }                                                                                      \
            (items) = grown;                                                                       \
            if (!take_item((c), &(items)[(count)])) {                                              \
                return false;                                                                      \
            }                                                                                      \
            (count)++;                                                                             \
            if (!((c)->at < (c)->end && *(c)->at == ',')) {                                        \
                break;                                                                             \
            }                                                                                      \
            (c)->at++;                                                                             \
        }                                                                                          \
    } while (0)

static bool take_readings(struct cursor *c, struct block_view *view, struct arena *arena)
{
    TAKE_LIST(c, arena->readings, arena->readings_room, view->reading_count, take_reading);
    view->readings = arena->readings;
    return true;
}

static bool take_missed(struct cursor *c, struct block_view *view, struct arena *arena)
{
    TAKE_LIST(c, arena->missed, arena->missed_room, view->missed_count, take_miss);
    view->missed = arena->missed;
    return true;
}

static bool take_events(struct cursor *c, struct block_view *view, struct arena *arena)
{
    TAKE_LIST(c, arena->events, arena->events_room, view->event_count, take_event);
    view->events = arena->events;
    return true;
}

// `<18 of 0-9A-Z>/<1 to 32 of a-z0-9->/<32 hex digits>` in quotes.
static bool take_origin(struct cursor *c, char out[BLOCK_ORIGIN_MAX + 1])
{
    const char *body = "";
    uint32_t length = 0;
    if (!cursor_string(c, &body, &length) || length > BLOCK_ORIGIN_MAX) {
        return cursor_fault(c, "an origin");
    }
    uint32_t slash = length >= 33 ? length - 33 : 0;
    bool good = length >= 18 + 1 + 1 + 33 && body[18] == '/' && body[slash] == '/' && slash > 19;
    for (uint32_t i = 0; good && i < length; i++) {
        char at = body[i];
        bool low = at >= 'a' && at <= 'z', digit = cursor_is_digit(at);
        good = i == 18 || i == slash ? true
               : i < 18              ? digit || (at >= 'A' && at <= 'Z')
               : i < slash           ? digit || low || at == '-'
                                     : digit || (at >= 'a' && at <= 'f');
    }
    if (!good) {
        return cursor_fault(c, "an origin <site code>/<gateway>/<32 hex digits>");
    }
    memcpy(out, body, length);
    out[length] = '\0';
    return true;
}

static bool take_previous(struct cursor *c, struct block_view *view)
{
    view->previous = (struct digest){0};
    return cursor_take(c, '"', "a hash") &&
           (view->n == 0 || cursor_hex(c, view->previous.bytes, DIGEST_SIZE)) &&
           cursor_take(c, '"', "the end of a hash");
}

static bool take_run(struct cursor *c, struct block_view *view)
{
    uint8_t bytes[16];
    if (!cursor_take(c, '"', "a run") || !cursor_hex(c, bytes, sizeof bytes)) {
        return false;
    }
    text_format_hex(bytes, sizeof bytes, view->run);
    return cursor_take(c, '"', "the end of the run");
}

static bool take_clock(struct cursor *c, struct clock_state *clock)
{
    int64_t leap;
    if (!cursor_literal(c, "\"")) {
        return false;
    }
    clock->synchronised = c->at < c->end && *c->at == 's';
    if (!cursor_literal(c, clock->synchronised ? "synchronised" : "unsynchronised") ||
        !cursor_literal(c, "\",\"error_us\":") || !cursor_int(c, &clock->error_us) ||
        !cursor_literal(c, ",\"leap\":") || !cursor_int(c, &leap)) {
        return false;
    }
    if (clock->error_us < 0 || leap < -1 || leap > 1) {
        return cursor_fault(c, "an error of 0 or more, and a leap of -1, 0 or 1");
    }
    clock->leap = (int)leap;
    return true;
}

static bool take_head(struct cursor *c, struct block_view *view)
{
    int64_t first_us = 0, last_us = 0;
    if (!cursor_literal(c, "{\"tally\":1,\"log\":") || !take_origin(c, view->origin) ||
        !cursor_literal(c, ",\"n\":") || !cursor_unsigned(c, INT64_MAX, &view->n) ||
        !cursor_literal(c, ",\"prev\":") || !take_previous(c, view) ||
        !cursor_literal(c, ",\"run\":") || !take_run(c, view) ||
        !cursor_literal(c, ",\"mono_us\":[") || !cursor_int(c, &first_us) || !cursor_comma(c) ||
        !cursor_int(c, &last_us)) {
        return false;
    }
    view->mono_us[0] = first_us;
    view->mono_us[1] = last_us;
    if (first_us > last_us) {
        return cursor_fault(c, "a span that does not end before it begins");
    }
    return cursor_literal(c, "],\"closed_us\":") && cursor_int(c, &view->closed_us) &&
           cursor_literal(c, ",\"clock\":{\"state\":") && take_clock(c, &view->clock) &&
           cursor_literal(c, "},\"defs\":\"") &&
           cursor_hex(c, view->definitions.bytes, DIGEST_SIZE) &&
           cursor_take(c, '"', "the end of a hash");
}

static bool take_block(struct cursor *c, struct block_view *view, struct arena *arena)
{
    return take_head(c, view) && cursor_literal(c, ",\"readings\":[") &&
           take_readings(c, view, arena) && cursor_literal(c, "],\"missed\":[") &&
           take_missed(c, view, arena) && cursor_literal(c, "],\"events\":[") &&
           take_events(c, view, arena) && cursor_literal(c, "]}\n") &&
           (c->at == c->end || cursor_fault(c, "the end of the block"));
}

int block_parse(struct block_view *view, const void *bytes, size_t length, struct why *why)
{
    if (length > BLOCK_BYTES_MAX) {
        return why_set(why, ERROR_RANGE, "block of %zu bytes: at most %u are read", length,
                       BLOCK_BYTES_MAX);
    }
    if (!view->arena) {
        view->arena = calloc(1, sizeof(struct arena));
        if (!view->arena) {
            return why_set(why, ERROR_MEMORY, "out of memory");
        }
    }
    struct cursor c = {.start = bytes, .at = bytes, .end = (const char *)bytes + length};
    if (!take_block(&c, view, view->arena)) {
        return why_set(why, ERROR_INPUT, "byte %zu: expected %s", (size_t)(c.at - c.start),
                       c.wanted);
    }
    return OK;
}

bool block_has_entry(const struct block_view *view)
{
    for (size_t i = 0; i < view->event_count; i++) {
        if (block_is_entry(view->events[i].kind, view->events[i].kind_length)) {
            return true;
        }
    }
    return false;
}

void block_view_free(struct block_view *view)
{
    if (view && view->arena) {
        struct arena *arena = view->arena;
        free(arena->readings);
        free(arena->missed);
        free(arena->events);
        free(arena);
        *view = (struct block_view){0};
    }
}
