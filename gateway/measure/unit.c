#include "measure/unit.h"

#include "base/text.h"
#include "config/document.h"
#include "measure/unit_table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX 9  // of one unit
#define TOTAL_MAX    60 // of one dimension
#define DECADE_MAX   120
#define SIDE_MAX     1e60 // of factor and divisor
#define NAMES_MAX    128

struct scan {
    const char *text; // all of it
    const char *at;
    struct unit *unit;
    size_t factors;
    struct why *why;
};

static int refuse(const struct scan *scan, const char *at, const char *what, const char *word,
                  size_t length, const char *expected)
{
    size_t column = 1;
    for (const char *p = scan->text; p < at; p++) {
        column += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return why_set(scan->why, ERROR_INPUT, "unit '%.60s', character %zu: %s%s%.*s%s (expected %s)",
                   scan->text, column, what, length ? " '" : "", (int)(length > 60 ? 60 : length),
                   word, length ? "'" : "", expected);
}

// --- what is found, multiplied into the unit

static int multiply(const struct scan *scan, const char *at, const struct unit *by, int decade,
                    int exponent)
{
    struct unit *unit = scan->unit;
    for (size_t i = 0; i < UNIT_DIMENSIONS; i++) {
        int total = unit->exponents[i] + by->exponents[i] * exponent;
        if (abs(total) > TOTAL_MAX) {
            return refuse(scan, at, "its exponents grow too large", "", 0, "a unit in use");
        }
        unit->exponents[i] = (int8_t)total;
    }
    double *side = exponent > 0 ? &unit->factor : &unit->divisor;
    for (int i = 0; i < abs(exponent); i++) {
        *side *= by->factor;
    }
    unit->decade += (by->decade + decade) * exponent;
    if (abs(unit->decade) > DECADE_MAX || *side > SIDE_MAX || *side < 1 / SIDE_MAX) {
        return refuse(scan, at, "its factor grows too large or too small", "", 0, "a unit in use");
    }
    // An offset makes sense only where nothing else is there; unit_parse takes it away otherwise.
    if (by->offset != 0 && exponent == 1) {
        unit->offset = by->offset;
    }
    // Two powers multiplied are none.
    if (by->power != UNIT_POWER_UNSAID) {
        unit->power =
            unit->power == UNIT_POWER_UNSAID && exponent == 1 ? by->power : UNIT_POWER_UNSAID;
    }
    return OK;
}

// A whole number with a sign; *p moves behind it. False: none, or more than EXPONENT_MAX.
static bool scan_exponent(const char **p, int *out)
{
    bool negative = **p == '-';
    *p += negative || **p == '+';
    if (**p < '0' || **p > '9') {
        return false;
    }
    for (*out = 0; **p >= '0' && **p <= '9' && *out <= EXPONENT_MAX; (*p)++) {
        *out = *out * 10 + (**p - '0');
    }
    if (*out > EXPONENT_MAX) {
        return false;
    }
    *out = negative ? -*out : *out;
    return true;
}

// --- the D-SI's notation

static size_t word_length(const char *p)
{
    size_t length = 0;
    while ((p[length] >= 'a' && p[length] <= 'z') || (p[length] >= 'A' && p[length] <= 'Z')) {
        length++;
    }
    return length;
}

static bool word_is(const char *word, size_t length, const char *name)
{
    return name && strlen(name) == length && memcmp(word, name, length) == 0;
}

static const struct unit_name *find_name(const char *word, size_t length)
{
    for (size_t i = 0; i < unit_name_count; i++) {
        if (word_is(word, length, unit_names[i].name)) {
            return &unit_names[i];
        }
    }
    return NULL;
}

static const struct unit_prefix *find_prefix(const char *word, size_t length)
{
    for (size_t i = 0; i < unit_prefix_count; i++) {
        if (word_is(word, length, unit_prefixes[i].name)) {
            return &unit_prefixes[i];
        }
    }
    return NULL;
}

// "\" and letters; the word behind the backslash and its length, or a refusal.
static int scan_word(struct scan *scan, const char **word, size_t *length)
{
    if (*scan->at != '\\') {
        return refuse(scan, scan->at, *scan->at ? "no backslash" : "the text ends", "", 0,
                      "a unit such as \\metre");
    }
    *word = scan->at + 1;
    *length = word_length(*word);
    if (*length == 0) {
        return refuse(scan, scan->at, "a backslash and no name", "", 0, "a unit such as \\metre");
    }
    scan->at = *word + *length;
    return OK;
}

static int refuse_name(struct scan *scan, const char *word, size_t length)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    char copy[64], expected[128];
    for (size_t i = 0; i < unit_refusal_count; i++) {
        if (word_is(word, length, unit_refusals[i].name)) {
            return why_set(scan->why, ERROR_INPUT, "unit '%.60s': %s: not taken (%s)", scan->text,
                           unit_refusals[i].name, unit_refusals[i].reason);
        }
    }
    for (size_t i = 0; i < unit_name_count && count < NAMES_MAX; i++) {
        names[count] = unit_names[i].name;
        count += names[count] != NULL;
    }
    for (size_t i = 0; i < unit_prefix_count && count < NAMES_MAX; i++) {
        names[count++] = unit_prefixes[i].name;
    }
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), word);
    const char *near = document_nearest(copy, names, count);
    snprintf(expected, sizeof expected,
             near ? "a unit of the D-SI; did you mean %s?" : "a unit of the D-SI%s",
             near ? near : "");
    return refuse(scan, word - 1, "unknown", word, length, expected);
}

static int scan_tothe(struct scan *scan, int *exponent)
{
    static const char expected[] = "\\tothe{n}, n a whole number from -9 to 9, not 0";
    if (strncmp(scan->at, "\\tothe", 6) != 0 || word_length(scan->at + 1) != 5) {
        return OK;
    }
    const char *start = scan->at;
    scan->at += 6;
    bool good = *scan->at == '{';
    scan->at += good;
    if (!good || !scan_exponent(&scan->at, exponent) || *exponent == 0) {
        return refuse(scan, start, "its exponent cannot be read", "", 0, expected);
    }
    if (*scan->at != '}') {
        return refuse(scan, scan->at, "its exponent does not end", "", 0, expected);
    }
    scan->at++;
    return OK;
}

// [\prefix]\unit[\tothe{n}]
static int scan_factor(struct scan *scan, bool per)
{
    const char *start = scan->at, *word = "";
    size_t length = 0;
    int exponent = 1, decade = 0, error = scan_word(scan, &word, &length);
    if (error) {
        return error;
    }
    const struct unit_prefix *prefix = find_prefix(word, length);
    if (prefix) {
        decade = prefix->decade;
        error = scan_word(scan, &word, &length);
        if (error) {
            return error;
        }
    }
    const struct unit_name *name = find_name(word, length);
    // The one base unit with a prefix in its name.
    const bool kilogram = !name && word_is(word, length, "kilogram");
    if (kilogram) {
        name = find_name("gram", 4);
        decade += 3;
    }
    if (!name) {
        return refuse_name(scan, word, length);
    }
    if (prefix && (!name->takes_prefix || kilogram)) {
        return refuse(scan, word - 1, "a prefix before", word, length, "none there");
    }
    error = scan_tothe(scan, &exponent);
    return error ? error : multiply(scan, start, &name->unit, decade, per ? -exponent : exponent);
}

// "\a\per\b": one unit behind \per is divided by. Of what would follow it, nobody can say to which
// side it belongs (siunitx: above; other readers: below), so that another needs a \per of its own.
static int parse_dsi(struct scan *scan)
{
    bool divided = false;
    while (*scan->at) {
        bool per = strncmp(scan->at, "\\per", 4) == 0 && word_length(scan->at + 1) == 3;
        if (divided && !per) {
            return refuse(scan, scan->at, "above or below the line, behind \\per?", "", 0,
                          "\\per before it, or \\tothe{-1} instead of \\per");
        }
        scan->at += per ? 4 : 0;
        int error = scan_factor(scan, per);
        if (error) {
            return error;
        }
        divided = divided || per;
        scan->factors++;
    }
    return OK;
}

// --- as people write it

// The bytes of a symbol: to the next operator, space, exponent or the end.
static size_t symbol_length(const char *p)
{
    static const char *const ends[] = {"·", "⋅", "²", "³", "⁻", "*", "/", "^", " ", ".", "-"};
    size_t length = 0;
    // "1" is a symbol; digits elsewhere are exponents.
    if (*p == '1' && (p[1] < '0' || p[1] > '9')) {
        return 1;
    }
    while (p[length] && (p[length] < '0' || p[length] > '9')) {
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            if (strncmp(p + length, ends[i], strlen(ends[i])) == 0) {
                return length;
            }
        }
        size_t step = text_utf8_length(p + length, strlen(p + length));
        length += step ? step : 1;
    }
    return length;
}

static const struct unit_name *find_symbol(const char *word, size_t length, bool prefixed)
{
    for (size_t i = 0; i < unit_name_count; i++) {
        if (word_is(word, length, unit_names[i].symbol) &&
            (!prefixed || unit_names[i].takes_prefix)) {
            return &unit_names[i];
        }
    }
    return NULL;
}

// A whole symbol first ("min", "Pa", "cd"), then a prefix and one ("kPa").
static const struct unit_name *split_symbol(const char *word, size_t length, int *decade)
{
    const struct unit_name *name = find_symbol(word, length, false);
    *decade = 0;
    for (size_t i = 0; i < unit_prefix_count && !name; i++) {
        const char *symbol = unit_prefixes[i].symbol;
        size_t head = symbol ? strlen(symbol) : 0;
        if (head && head < length && memcmp(word, symbol, head) == 0) {
            name = find_symbol(word + head, length - head, true);
            *decade = unit_prefixes[i].decade;
        }
    }
    return name;
}

// "²", "³", "⁻¹", "^-2", "2"; none leaves *exponent.
static int scan_power(struct scan *scan, int *exponent)
{
    static const struct {
        const char *text;
        int exponent;
    } raised[] = {{"²", 2}, {"³", 3}, {"⁻¹", -1}, {"⁻²", -2}, {"⁻³", -3}};
    const char *start = scan->at;
    for (size_t i = 0; i < sizeof raised / sizeof raised[0]; i++) {
        size_t length = strlen(raised[i].text);
        if (strncmp(scan->at, raised[i].text, length) == 0) {
            scan->at += length;
            *exponent = raised[i].exponent;
            return OK;
        }
    }
    if (*scan->at != '^' && *scan->at != '-' && (*scan->at < '0' || *scan->at > '9')) {
        return OK;
    }
    scan->at += *scan->at == '^';
    if (!scan_exponent(&scan->at, exponent) || *exponent == 0) {
        return refuse(scan, start, "its exponent cannot be read", "", 0,
                      "a whole number from -9 to 9, not 0");
    }
    return OK;
}

static int scan_symbol(struct scan *scan, bool per)
{
    const char *word = scan->at;
    size_t length = symbol_length(word);
    int decade, exponent = 1;
    if (length == 0) {
        return refuse(scan, word, *word ? "no unit" : "the text ends", "", 0,
                      "a unit such as kWh, °C or m³/h");
    }
    const struct unit_name *name = split_symbol(word, length, &decade);
    if (!name) {
        return refuse(scan, word, "unknown", word, length, "a unit such as kWh, °C or m³/h");
    }
    scan->at = word + length;
    int error = scan_power(scan, &exponent);
    return error ? error : multiply(scan, word, &name->unit, decade, per ? -exponent : exponent);
}

// Factors joined by "·", "*" or "."; one "/", of which what follows is one factor.
static int parse_plain(struct scan *scan)
{
    static const char *const dots[] = {"·", "⋅", "*", "."};
    bool per = false;
    while (true) {
        int error = scan_symbol(scan, per);
        if (error) {
            return error;
        }
        scan->factors++;
        if (!*scan->at) {
            return OK;
        }
        if (per) {
            return refuse(scan, scan->at, "more behind the '/'", "", 0,
                          "one unit there; exponents for the others, as in W·m⁻²·K⁻¹");
        }
        size_t dot = 0;
        for (size_t i = 0; i < sizeof dots / sizeof dots[0] && !dot; i++) {
            dot = strncmp(scan->at, dots[i], strlen(dots[i])) == 0 ? strlen(dots[i]) : 0;
        }
        per = *scan->at == '/';
        if (!per && !dot) {
            return refuse(scan, scan->at, "no operator", "", 0, "·, / or the end");
        }
        scan->at += per ? 1 : dot;
    }
}

int unit_parse(const char *text, struct unit *out, struct why *why)
{
    struct unit unit = {.factor = 1, .divisor = 1};
    struct scan scan = {.text = text, .at = text, .unit = &unit, .why = why};
    if (strlen(text) > UNIT_TEXT_MAX) {
        return why_set(why, ERROR_INPUT, "unit '%.60s…': %zu bytes long (expected at most %d)",
                       text, strlen(text), UNIT_TEXT_MAX);
    }
    int error = *text == '\\' ? parse_dsi(&scan) : parse_plain(&scan);
    if (error) {
        return error;
    }
    if (scan.factors > 1) {
        unit.offset = 0;
    }
    *out = unit;
    return OK;
}

bool unit_same_kind(const struct unit *a, const struct unit *b)
{
    return memcmp(a->exponents, b->exponents, sizeof a->exponents) == 0 &&
           (a->power == b->power || a->power == UNIT_POWER_UNSAID || b->power == UNIT_POWER_UNSAID);
}

bool unit_is_number(const struct unit *unit)
{
    static const int8_t none[UNIT_DIMENSIONS];
    return memcmp(unit->exponents, none, sizeof none) == 0;
}

// Powers of ten to 10^22 are exact doubles, and so one rounding is all there is.
static double scale(double number, int decade)
{
    double power = pow(10, abs(decade));
    return decade < 0 ? number / power : number * power;
}

double unit_convert_difference(const struct unit *from, const struct unit *to, double difference)
{
    assert(unit_same_kind(from, to));
    double up = from->factor * to->divisor, down = from->divisor * to->factor;
    if (up != down) {
        difference = difference * up / down;
    }
    return scale(difference, from->decade - to->decade);
}

double unit_convert(const struct unit *from, const struct unit *to, double value)
{
    double converted = unit_convert_difference(from, to, value);
    double offset = from->offset - to->offset;
    return offset == 0 ? converted
                       : converted + scale(offset * to->divisor / to->factor, -to->decade);
}

struct unit unit_per_hour(const struct unit *unit)
{
    struct unit load = *unit;
    load.exponents[UNIT_TIME]--;
    load.divisor *= 36;
    load.decade -= 2;
    load.offset = 0;
    return load;
}
