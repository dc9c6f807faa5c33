// The readers of document.h: keys against a table, scalars against what is expected.
#include "base/error.h"
#include "config/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 63 // longer words get no suggestion

const struct node *node_child(const struct node *mapping, const char *key)
{
    if (!mapping || mapping->kind != NODE_MAPPING) {
        return NULL;
    }
    for (const struct node *child = mapping->first; child; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Edits that make one word of the other: a letter more, less or other, or two neighbours swapped.
static size_t word_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t before[WORD_MAX + 1], last[WORD_MAX + 1], now[WORD_MAX + 1];
    if (a_length > WORD_MAX || b_length > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        last[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(change, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], before[j - 2] + 1);
            }
        }
        memcpy(before, last, sizeof before);
        memcpy(last, now, sizeof last);
    }
    return last[b_length];
}

const char *document_nearest(const char *word, const char *const *words, size_t count)
{
    size_t limit = strlen(word) / 3, best = limit ? limit : 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = words[i] ? word_distance(word, words[i]) : SIZE_MAX;
        if (distance < best || (distance == best && !nearest)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

// "a, b, c" into out, cut with "…" when there is no room.
static void join_words(const char *const *words, size_t count, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t need = strlen(words[i]) + 2;
        if (used + need + 4 > size) {
            snprintf(out + used, size - used, "…");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", words[i]);
    }
}

static const char *kind_text(enum node_kind kind)
{
    return kind == NODE_SCALAR     ? "a single value"
           : kind == NODE_SEQUENCE ? "a list"
                                   : "a group of keys";
}

// What stands there, for a message: at most 60 bytes, whole characters, "…" where it was cut.
struct shown {
    char text[72];
};

static struct shown show(const struct node *node)
{
    struct shown shown;
    size_t length = strlen(node->scalar);
    const char *more = "";
    if (length > 60) {
        for (length = 60; length && (node->scalar[length] & 0xc0) == 0x80; length--) {
        }
        more = "…";
    }
    const char *quote = node->quoted || !length ? "\"" : "";
    snprintf(shown.text, sizeof shown.text, "%s%.*s%s%s", quote, (int)length, node->scalar, more,
             quote);
    return shown;
}

// `key:` and no more.
static bool is_nothing(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->scalar[0] && !node->quoted && !node->faulted;
}

static bool expect_kind(struct document *document, const struct node *node, const char *what,
                        enum node_kind kind)
{
    if (node->faulted) {
        return false;
    }
    if (node->kind == kind) {
        return true;
    }
    if (is_nothing(node)) {
        document_fault(document, node, "%s: nothing (expected %s)", what, kind_text(kind));
    } else {
        document_fault(document, node, "%s: %s (expected %s)", what, kind_text(node->kind),
                       kind_text(kind));
    }
    return false;
}

// A key that was meant is not missing too: one slip is one fault.
static void fault_unknown_key(struct document *document, const struct node *child,
                              const struct document_key *keys, size_t count, uint64_t *meant)
{
    const char *names[64] = {NULL};
    char list[400];
    size_t n = count < 64 ? count : 64;
    for (size_t i = 0; i < n; i++) {
        names[i] = keys[i].name;
    }
    const char *near = document_nearest(child->key, names, n);
    if (near) {
        faults_add(document->faults, document->name, child->key_line, child->key_column,
                   "unknown key '%.60s'; did you mean '%s'?", child->key, near);
        for (size_t i = 0; i < n; i++) {
            *meant |= (uint64_t)(names[i] == near) << i;
        }
    } else {
        join_words(names, n, list, sizeof list);
        faults_add(document->faults, document->name, child->key_line, child->key_column,
                   "unknown key '%.60s' (known here: %s)", child->key, list);
    }
}

// Marks in `seen` which keys stand there, rightly or not, and in `meant` which were misspelt.
static bool read_child(struct document *document, const struct node *child,
                       const struct document_key *keys, size_t count, uint64_t *seen,
                       uint64_t *meant)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(child->key, keys[i].name) != 0) {
            continue;
        }
        bool first = !(*seen >> i & 1);
        *seen |= (uint64_t)1 << i;
        if (first && keys[i].kind == NODE_SEQUENCE && !keys[i].required && is_nothing(child)) {
            return true;
        }
        if (!first || !expect_kind(document, child, child->key, keys[i].kind)) {
            return false;
        }
        *keys[i].out = child;
        return true;
    }
    if (!child->faulted) {
        fault_unknown_key(document, child, keys, count, meant);
    }
    return false;
}

bool document_read_keys(struct document *document, const struct node *mapping, const char *what,
                        const struct document_key *keys, size_t count)
{
    bool good = true;
    uint64_t seen = 0, meant = 0;
    for (size_t i = 0; i < count; i++) {
        *keys[i].out = NULL;
    }
    if (!expect_kind(document, mapping, what, NODE_MAPPING)) {
        return false;
    }
    for (const struct node *child = mapping->first; child; child = child->next) {
        good = read_child(document, child, keys, count, &seen, &meant) && good;
    }
    for (size_t i = 0; i < count; i++) {
        if (keys[i].required && !((seen | meant) >> i & 1)) {
            document_fault(document, mapping, "%s: key '%s' is missing", what, keys[i].name);
            good = false;
        }
    }
    return good;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

bool document_string(struct document *document, const struct node *node, const char *what,
                     size_t min, size_t max, const char **out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    size_t length = strlen(node->scalar);
    if (length == 0 && min > 0) {
        document_fault(document, node, "%s: nothing (expected a text)", what);
    } else if (length < min || length > max) {
        document_fault(document, node, "%s %s: %zu bytes long (expected %zu to %zu)", what,
                       show(node).text, length, min, max);
    } else if (has_control(node->scalar)) {
        document_fault(document, node, "%s %s: has a line break or other control character", what,
                       show(node).text);
    } else {
        *out = node->scalar;
        return true;
    }
    return false;
}

// Digits alone, no leading zero (which some readers of YAML take for octal). Moves *p behind them.
static int parse_digits(const char **p, int64_t *out)
{
    const char *start = *p;
    int64_t value = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **p - '0', &value)) {
            return ERROR_RANGE;
        }
    }
    *out = value;
    return *p == start || (*start == '0' && *p - start > 1) ? ERROR_INPUT : OK;
}

bool document_int(struct document *document, const struct node *node, const char *what, int64_t min,
                  int64_t max, int64_t *out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    int64_t value = 0;
    const char *p = node->scalar;
    bool negative = *p == '-';
    p += negative;
    int error = parse_digits(&p, &value);
    value = negative ? -value : value;
    if (error == ERROR_INPUT || (error == OK && *p)) {
        document_fault(document, node,
                       "%s %s: not a whole number (expected %" PRId64 " to %" PRId64 ")", what,
                       show(node).text, min, max);
        return false;
    }
    if (error || value < min || value > max) {
        document_fault(document, node, "%s %s: out of range (expected %" PRId64 " to %" PRId64 ")",
                       what, show(node).text, min, max);
        return false;
    }
    *out = value;
    return true;
}

bool document_bool(struct document *document, const struct node *node, const char *what, bool *out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    const char *text = node->scalar;
    if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0) {
        *out = true;
    } else if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0) {
        *out = false;
    } else {
        document_fault(document, node, "%s %s: expected yes or no", what, show(node).text);
        return false;
    }
    return true;
}

bool document_decimal(struct document *document, const struct node *node, const char *what,
                      struct decimal *out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    struct decimal value;
    int error = decimal_parse(node->scalar, &value);
    if (error == OK) {
        *out = value;
        return true;
    }
    document_fault(document, node, "%s %s: %s", what, show(node).text,
                   error == ERROR_RANGE ? "a number with too many digits (expected at most 19)"
                                        : "not a number (expected one such as 0.01)");
    return false;
}

struct unit {
    const char *name;
    int64_t factor; // in the smallest unit
};

static const struct unit durations[] = {{"us", 1},
                                        {"ms", 1000},
                                        {"s", 1000000},
                                        {"min", 60 * (int64_t)1000000},
                                        {"h", 3600 * (int64_t)1000000},
                                        {"d", 86400 * (int64_t)1000000}};
static const struct unit sizes[] = {{"B", 1},
                                    {"KiB", (int64_t)1 << 10},
                                    {"MiB", (int64_t)1 << 20},
                                    {"GiB", (int64_t)1 << 30},
                                    {"TiB", (int64_t)1 << 40}};

// In the largest unit that gives a whole number.
static void format_units(int64_t value, const struct unit *units, size_t count, char out[32])
{
    const struct unit *unit = &units[0];
    for (size_t i = 0; i < count; i++) {
        unit = value % units[i].factor == 0 ? &units[i] : unit;
    }
    snprintf(out, 32, "%" PRId64 "%s", value / unit->factor, value ? unit->name : units[0].name);
}

// A whole number and a unit; ERROR_ABSENT when there is no unit.
static int parse_units(const char *text, const struct unit *units, size_t count, int64_t *out)
{
    int64_t number = 0;
    int error = parse_digits(&text, &number);
    if (error) {
        return error;
    }
    if (!*text) {
        return ERROR_ABSENT;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, units[i].name) == 0) {
            return __builtin_mul_overflow(number, units[i].factor, out) ? ERROR_RANGE : OK;
        }
    }
    return ERROR_INPUT;
}

struct measure {
    const struct unit *units;
    size_t count;
    const char *noun, *examples;
};

static bool read_measure(struct document *document, const struct node *node, const char *what,
                         const struct measure *measure, int64_t min, int64_t max, int64_t *out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    int64_t value = 0;
    char low[32], high[32];
    int error = parse_units(node->scalar, measure->units, measure->count, &value);
    if (error == ERROR_ABSENT) {
        document_fault(document, node, "%s %s: has no unit (expected %s)", what, show(node).text,
                       measure->examples);
    } else if (error == ERROR_INPUT) {
        document_fault(document, node, "%s %s: not a %s (expected a whole number with %s)", what,
                       show(node).text, measure->noun, measure->examples);
    } else if (error || value < min || value > max) {
        format_units(min, measure->units, measure->count, low);
        format_units(max, measure->units, measure->count, high);
        document_fault(document, node, "%s %s: out of range (expected %s to %s)", what,
                       show(node).text, low, high);
    } else {
        *out = value;
        return true;
    }
    return false;
}

bool document_duration(struct document *document, const struct node *node, const char *what,
                       int64_t min_us, int64_t max_us, int64_t *out)
{
    static const struct measure duration = {durations, sizeof durations / sizeof durations[0],
                                            "duration", "ms, s, min, h or d, as in 15s"};
    return read_measure(document, node, what, &duration, min_us, max_us, out);
}

bool document_size(struct document *document, const struct node *node, const char *what,
                   int64_t min, int64_t max, int64_t *out)
{
    static const struct measure size = {sizes, sizeof sizes / sizeof sizes[0], "size",
                                        "KiB, MiB, GiB or TiB, as in 20MiB"};
    return read_measure(document, node, what, &size, min, max, out);
}

bool document_choice(struct document *document, const struct node *node, const char *what,
                     const char *const *words, size_t count, int *out)
{
    if (!expect_kind(document, node, what, NODE_SCALAR)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(node->scalar, words[i]) == 0) {
            *out = (int)i;
            return true;
        }
    }
    char list[400];
    join_words(words, count, list, sizeof list);
    const char *near = document_nearest(node->scalar, words, count);
    document_fault(document, node, "%s %s: not one of %s%s%s%s", what, show(node).text, list,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}
