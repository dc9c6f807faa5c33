#include "archive/points.h"

#include "base/arena.h"
#include "base/text.h"
#include "ledger/cursor.h"

#include <stdlib.h>
#include <string.h>

#define STRING_MAX 4096

struct reading_points {
    struct cursor c;
    struct points *points;
};

// `,"key":` and a string, which is passed over.
static bool pass_string(struct cursor *c, const char *key)
{
    const char *body;
    uint32_t length;
    return cursor_literal(c, key) && cursor_string(c, &body, &length);
}

// The same, kept in the arena.
static bool keep_string(struct reading_points *reading, const char *key, const char **out)
{
    struct cursor *c = &reading->c;
    const char *body;
    uint32_t length;
    if (!cursor_literal(c, key) || !cursor_string(c, &body, &length)) {
        return false;
    }
    struct text text = text_make(STRING_MAX);
    cursor_unescape(&text, body, length);
    *out = text.failed
               ? NULL
               : arena_copy(&reading->points->arena, text.data ? text.data : "", text.length);
    text_free(&text);
    return *out || cursor_fault(c, "a string of at most 4096 bytes, and memory");
}

static bool pass_number(struct cursor *c, const char *key)
{
    int64_t number;
    return cursor_literal(c, key) && cursor_int(c, &number);
}

static bool take_hash(struct cursor *c, const char *key, struct digest *hash)
{
    return cursor_literal(c, key) && cursor_take(c, '"', "a hash") &&
           cursor_hex(c, hash->bytes, DIGEST_SIZE) && cursor_take(c, '"', "the end of a hash");
}

static bool is_null(const struct cursor *c)
{
    return c->at < c->end && *c->at == 'n';
}

static bool take_resolution(struct cursor *c)
{
    static const char key[] = ",\"resolution\":";
    if (!cursor_literal(c, key)) {
        return false;
    }
    return is_null(c) ? cursor_literal(c, "null") : pass_string(c, "");
}

static bool take_certificate(struct cursor *c, struct point_definition *point)
{
    if (!cursor_literal(c, ",\"certificate\":")) {
        return false;
    }
    point->has_certificate = !is_null(c);
    return point->has_certificate ? take_hash(c, "", &point->certificate)
                                  : cursor_literal(c, "null");
}

static bool comes(const struct cursor *c, const char *literal)
{
    size_t length = strlen(literal);
    return (size_t)(c->end - c->at) >= length && memcmp(c->at, literal, length) == 0;
}

// `:{"half_width":"0.5","per_us":60000000`
static bool take_rate(struct cursor *c)
{
    return pass_string(c, ":{\"half_width\":") && pass_number(c, ",\"per_us\":");
}

static bool take_influences(struct cursor *c)
{
    do {
        if (!cursor_literal(c, "{\"name\":") || !pass_string(c, "") ||
            !pass_string(c, comes(c, ",\"half_width\"") ? ",\"half_width\":"
                                                        : ",\"standard_uncertainty\":") ||
            !pass_string(c, ",\"source\":") || !cursor_take(c, '}', "the end of an influence")) {
            return false;
        }
    } while (comes(c, ",{") && cursor_comma(c));
    return cursor_take(c, ']', "the end of influences");
}

// What the owner declared beside the certificate; each is left out where he did not.
static bool take_declared(struct cursor *c)
{
    static const char drift[] = ",\"drift\"", influences[] = ",\"influences\":[",
                      slope[] = ",\"slope\"", refresh[] = ",\"refresh_us\":";
    return (!comes(c, drift) || (cursor_literal(c, drift) && take_rate(c) &&
                                 pass_string(c, ",\"since\":") && cursor_take(c, '}', "}"))) &&
           (!comes(c, influences) || (cursor_literal(c, influences) && take_influences(c))) &&
           (!comes(c, slope) ||
            (cursor_literal(c, slope) && take_rate(c) && cursor_take(c, '}', "}"))) &&
           (!comes(c, refresh) || pass_number(c, refresh));
}

// `,"k":"2"`, which is there exactly when a certificate is, and `,"due":"2027-03-01"`, when it has
// such a day; what is declared.
static bool take_coverage(struct cursor *c, const struct point_definition *point)
{
    static const char due[] = ",\"due\":";
    return !point->has_certificate || (pass_string(c, ",\"k\":") &&
                                       (!comes(c, due) || pass_string(c, due)) && take_declared(c));
}

static bool take_definition(struct reading_points *reading, struct point_definition *point)
{
    struct cursor *c = &reading->c;
    const char *instrument = "", *quantity = "";
    bool good = keep_string(reading, "{\"instrument\":", &instrument) &&
                pass_string(c, ",\"maker\":") && pass_string(c, ",\"model\":") &&
                pass_string(c, ",\"serial\":") && pass_string(c, ",\"identity\":") &&
                pass_string(c, ",\"bus\":") && pass_number(c, ",\"unit_address\":") &&
                take_hash(c, ",\"driver\":", &point->driver) &&
                keep_string(reading, ",\"quantity\":", &quantity) &&
                keep_string(reading, ",\"unit\":", &point->unit) && pass_number(c, ",\"fc\":") &&
                pass_number(c, ",\"address\":") && pass_number(c, ",\"count\":") &&
                pass_string(c, ",\"type\":") && pass_string(c, ",\"order\":") &&
                pass_string(c, ",\"scale\":") && pass_string(c, ",\"ratio\":") &&
                take_resolution(c) && pass_number(c, ",\"every_us\":") &&
                take_certificate(c, point) && pass_string(c, ",\"correction\":") &&
                take_coverage(c, point) && cursor_take(c, '}', "the end of a definition");
    if (!good) {
        return false;
    }
    point->name = arena_format(&reading->points->arena, "%s.%s", instrument, quantity);
    return point->name || cursor_fault(c, "memory");
}

// `"7":{…}`, the number above the one before.
static bool take_point(struct reading_points *reading)
{
    struct points *points = reading->points;
    struct cursor *c = &reading->c;
    if (points->count == points->room) {
        size_t room = points->room ? 2 * points->room : 64;
        struct point_definition *grown = realloc(points->items, room * sizeof *grown);
        if (!grown) {
            return cursor_fault(c, "memory");
        }
        points->items = grown;
        points->room = room;
    }
    struct point_definition *point = &points->items[points->count];
    uint64_t number;
    *point = (struct point_definition){0};
    if (!cursor_take(c, '"', "a point's number") || !cursor_unsigned(c, UINT32_MAX, &number)) {
        return false;
    }
    if (points->count && number <= point[-1].number) {
        return cursor_fault(c, "point numbers that ascend");
    }
    point->number = (uint32_t)number;
    if (!cursor_literal(c, "\":") || !take_definition(reading, point)) {
        return false;
    }
    points->count++;
    return true;
}

static bool take_points(struct reading_points *reading)
{
    struct cursor *c = &reading->c;
    if (c->at < c->end && *c->at == '}') {
        return true;
    }
    while (take_point(reading)) {
        if (c->at == c->end || *c->at != ',') {
            return true;
        }
        c->at++;
    }
    return false;
}

int points_read(struct points *points, const void *bytes, size_t length, struct why *why)
{
    *points = (struct points){0};
    if (length > DEFINITIONS_MAX) {
        return why_set(why, ERROR_RANGE, "definitions of %zu bytes; at most %u are read", length,
                       DEFINITIONS_MAX);
    }
    struct reading_points reading = {
        .c = {.start = bytes, .at = bytes, .end = (const char *)bytes + length}, .points = points};
    struct cursor *c = &reading.c;
    struct digest software;
    bool good = cursor_literal(c, "{\"tally-definitions\":1") &&
                take_hash(c, ",\"software\":", &software) &&
                take_hash(c, ",\"config\":", &points->config) &&
                keep_string(&reading, ",\"time_zone\":", &points->time_zone) &&
                cursor_literal(c, ",\"points\":{") && take_points(&reading) &&
                cursor_literal(c, "}}\n") && (c->at == c->end || cursor_fault(c, "the end"));
    if (good) {
        return OK;
    }
    points_free(points);
    return why_set(why, ERROR_INPUT, "byte %zu: expected %s", (size_t)(c->at - c->start),
                   c->wanted);
}

void points_free(struct points *points)
{
    if (points) {
        free(points->items);
        arena_free(&points->arena);
        *points = (struct points){0};
    }
}

const struct point_definition *points_find(const struct points *points, uint32_t number)
{
    size_t low = 0, high = points->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (points->items[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < points->count && points->items[low].number == number ? &points->items[low] : NULL;
}

int points_each_file(const struct points *points,
                     int (*each)(void *context, const struct digest *hash), void *context)
{
    int result = each(context, &points->config);
    for (size_t i = 0; i < points->count && !result; i++) {
        result = each(context, &points->items[i].driver);
        if (!result && points->items[i].has_certificate) {
            result = each(context, &points->items[i].certificate);
        }
    }
    return result;
}
