#include "needs.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>

int needs_add(struct needs *needs, const struct digest *file)
{
    for (size_t i = 0; i < needs->count; i++) {
        if (memcmp(&needs->files[i], file, sizeof *file) == 0) {
            return OK;
        }
    }
    if (needs->count == NEEDS_FILES_MAX) {
        return ERROR_RANGE;
    }
    needs->files[needs->count++] = *file;
    return OK;
}

// A walk through JSON text.
struct walk {
    const char *at, *end, *begin;
    struct needs *needs;                                          // where files go, or NULL
    int (*point)(void *context, const struct needs_point *point); // or NULL
    void *context;
    bool in_points; // within the member `points` of the whole
    struct needs_point current;
    int error; // of needs_add or point
};

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end && strchr(" \t\r\n", *walk->at) && *walk->at) {
        walk->at++;
    }
}

static bool take(struct walk *walk, char wanted)
{
    skip_space(walk);
    if (walk->at < walk->end && *walk->at == wanted) {
        walk->at++;
        return true;
    }
    return false;
}

// A string; its bytes without the quotes, still escaped. False when it is none.
static bool take_string(struct walk *walk, const char **bytes, size_t *length)
{
    if (!take(walk, '"')) {
        return false;
    }
    *bytes = walk->at;
    while (walk->at < walk->end && *walk->at != '"') {
        if ((unsigned char)*walk->at < 0x20) {
            return false;
        }
        walk->at += *walk->at == '\\' ? 2 : 1;
    }
    if (walk->at >= walk->end) {
        return false;
    }
    *length = (size_t)(walk->at++ - *bytes);
    return true;
}

static bool is_word(const char *key, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(name, key, length) == 0;
}

// A number of at most nine digits; 0 when it is none.
static uint32_t number_of(const char *digits, size_t length)
{
    uint32_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (length > 9 || digits[i] < '0' || digits[i] > '9') {
            return 0;
        }
        number = 10 * number + (uint32_t)(digits[i] - '0');
    }
    return number;
}

// The body of a string without escapes in it; else nothing.
static size_t plain_string(const char *value, size_t length, const char **body)
{
    bool plain = length > 2 && value[0] == '"' && !memchr(value, '\\', length);
    *body = value + 1;
    return plain ? length - 2 : 0;
}

// A member of an object has been walked: `depth` objects are around that.
static void note_member(struct walk *walk, unsigned depth, const char *key, size_t key_length,
                        const char *value, size_t length)
{
    struct needs_point *point = &walk->current;
    if (!walk->point || !walk->in_points || walk->error) {
        return;
    }
    if (depth == 2 && is_word(key, key_length, "instrument")) {
        point->instrument_length = plain_string(value, length, &point->instrument);
    } else if (depth == 2 && is_word(key, key_length, "quantity")) {
        point->quantity_length = plain_string(value, length, &point->quantity);
    } else if (depth == 1) {
        point->number = number_of(key, key_length);
        point->definition = value;
        point->definition_length = length;
        if (point->number && point->instrument_length && point->quantity_length) {
            walk->error = walk->point(walk->context, point);
        }
        *point = (struct needs_point){0};
    }
}

static bool names_a_file(const char *key, size_t length)
{
    static const char *const keys[] = {"config", "driver", "certificate"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (is_word(key, length, keys[i])) {
            return true;
        }
    }
    return false;
}

static bool walk_value(struct walk *walk, unsigned depth, bool is_file);

static bool walk_list(struct walk *walk, unsigned depth, char close)
{
    if (depth >= NEEDS_DEPTH_MAX) {
        return false;
    }
    if (take(walk, close)) {
        return true;
    }
    do {
        const char *key = "";
        size_t length = 0;
        if (close == '}' && (!take_string(walk, &key, &length) || !take(walk, ':'))) {
            return false;
        }
        if (depth == 0) {
            walk->in_points = is_word(key, length, "points");
        }
        skip_space(walk);
        const char *value = walk->at;
        if (!walk_value(walk, depth + 1, names_a_file(key, length))) {
            return false;
        }
        note_member(walk, depth, key, length, value, (size_t)(walk->at - value));
    } while (take(walk, ','));
    return take(walk, close);
}

// A number, true, false or null: which of them is of no interest.
static bool skip_word(struct walk *walk)
{
    const char *begin = walk->at;
    while (walk->at < walk->end && *walk->at && strchr("-+.0123456789eEtrufalsn", *walk->at)) {
        walk->at++;
    }
    return walk->at > begin;
}

// NOLINTNEXTLINE(misc-no-recursion): at most NEEDS_DEPTH_MAX deep
static bool walk_value(struct walk *walk, unsigned depth, bool is_file)
{
    const char *bytes;
    size_t length;
    if (take(walk, '{')) {
        return walk_list(walk, depth, '}');
    }
    if (take(walk, '[')) {
        return walk_list(walk, depth, ']');
    }
    if (walk->at < walk->end && *walk->at == '"') {
        struct digest file;
        if (!take_string(walk, &bytes, &length)) {
            return false;
        }
        if (walk->needs && is_file && length == 2 * DIGEST_SIZE &&
            text_parse_hex(bytes, file.bytes, DIGEST_SIZE) == OK) {
            walk->error = walk->error ? walk->error : needs_add(walk->needs, &file);
        }
        return true;
    }
    return skip_word(walk);
}

static int walk_all(struct walk *walk, const void *bytes, size_t length, struct why *why)
{
    walk->at = walk->begin = bytes;
    walk->end = walk->begin + length;
    skip_space(walk);
    bool object = length && walk->at < walk->end && *walk->at == '{';
    bool good = object && walk_value(walk, 0, false);
    skip_space(walk);
    return good && walk->at == walk->end
               ? OK
               : why_set(why, ERROR_INPUT,
                         "definitions: no JSON object of at most %d levels (byte %zu)",
                         NEEDS_DEPTH_MAX, (size_t)(walk->at - walk->begin));
}

int needs_of_definitions(struct needs *needs, const void *bytes, size_t length, struct why *why)
{
    struct walk walk = {.needs = needs};
    int error = walk_all(&walk, bytes, length, why);
    return !error && walk.error
               ? why_set(why, ERROR_RANGE, "definitions: they name more than %d files",
                         NEEDS_FILES_MAX)
               : error;
}

int needs_each_point(const void *bytes, size_t length,
                     int (*point)(void *context, const struct needs_point *point), void *context,
                     struct why *why)
{
    struct walk walk = {.point = point, .context = context};
    int error = walk_all(&walk, bytes, length, why);
    return error ? error : walk.error;
}

int needs_of_events(struct needs *needs, const struct block_view *view)
{
    static const char kind[] = "log.recovered";
    int error = OK;
    for (size_t i = 0; error == OK && i < view->event_count; i++) {
        const struct block_event *event = &view->events[i];
        struct digest file;
        if (event->kind_length == sizeof kind - 1 &&
            memcmp(event->kind, kind, sizeof kind - 1) == 0 &&
            event->subject_length == 2 * DIGEST_SIZE &&
            text_parse_hex(event->subject, file.bytes, DIGEST_SIZE) == OK) {
            error = needs_add(needs, &file);
        }
    }
    return error;
}
