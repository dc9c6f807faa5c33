#include "jobs/job_record.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- what may be stated -------------------------------------------------------------------------

static uint32_t code_point(const char *bytes, size_t length)
{
    uint32_t code = (uint8_t)bytes[0];
    code = length == 1 ? code : code & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | ((uint8_t)bytes[i] & 0x3fu);
    }
    return code;
}

// Control characters, and those by which text shows otherwise than it stands on record: separators
// of lines, marks of direction, characters without width (Unicode 15, General_Category Cc, Zl, Zp
// and what of Cf is between other scripts).
static bool is_hidden(uint32_t c)
{
    static const uint32_t ranges[][2] = {{0, 0x1f},        {0x7f, 0x9f},      {0xad, 0xad},
                                         {0x61c, 0x61c},   {0x180e, 0x180e},  {0x200b, 0x200f},
                                         {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                                         {0xfff0, 0xfffb}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

// Whether it is 1 to `max` bytes that can be seen, with blanks in between if `blanks`.
static bool is_visible(const char *text, size_t max, bool blanks)
{
    size_t length = strlen(text), step;
    bool blank = true; // the character before
    if (length == 0 || length > max) {
        return false;
    }
    for (size_t i = 0; i < length; i += step) {
        step = text_utf8_length(text + i, length - i);
        uint32_t c = step ? code_point(text + i, step) : 0;
        bool first = i == 0;
        blank = is_blank(c);
        if (is_hidden(c) || (blank && (first || !blanks))) {
            return false;
        }
    }
    return !blank;
}

bool job_code_is_valid(const char *code)
{
    return code[0] != '-' && !strpbrk(code, "\"'\\") && is_visible(code, JOB_CODE_MAX, false);
}

bool job_words_are_valid(const char *words)
{
    return is_visible(words, JOB_WORDS_MAX, true);
}

// --- writing ------------------------------------------------------------------------------------

// `item "…"`, with a comma before it unless it comes first.
static void append_words(struct text *out, const char *key, const char *words, bool first)
{
    if (*words) {
        text_append_string(out, first ? "" : ", ");
        text_append_format(out, "%s ", key);
        text_append_json(out, words);
    }
}

static void append_beginning(struct text *out, const struct job_statement *statement)
{
    append_words(out, "item", statement->item, true);
    append_words(out, "order", statement->order, !statement->item[0]);
    append_words(out, "operator", statement->operated_by, false);
    for (size_t i = 0; i < statement->instrument_count; i++) {
        text_append_string(out, i ? ", " : ", on ");
        text_append_string(out, statement->instruments[i]);
    }
}

static void append_ending(struct text *out, const struct job_statement *statement)
{
    char utc[32];
    clock_format_utc(statement->started_us, utc);
    text_append_format(out, "; started %s in block %" PRIu64, utc, statement->started_n);
    append_words(out, "result", statement->result, false);
    append_words(out, "note", statement->note, false);
}

// What is wrong with it, or NULL.
static const char *find_fault(const struct job_statement *statement)
{
    const char *const words[] = {statement->item, statement->order, statement->operated_by,
                                 statement->result, statement->note};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (*words[i] && !job_words_are_valid(words[i])) {
            return "expected 1 to 200 bytes of text that can be seen, without blanks at its ends";
        }
    }
    if (!statement->item[0] && !statement->order[0]) {
        return "expected an item or an order";
    }
    if (!statement->instrument_count || statement->instrument_count > JOB_INSTRUMENTS_MAX) {
        return "expected 1 to 16 instruments";
    }
    for (size_t i = 0; i < statement->instrument_count; i++) {
        if (!text_is_name(statement->instruments[i], JOB_NAME_MAX)) {
            return "expected the names of instruments";
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(statement->instruments[i], statement->instruments[j]) == 0) {
                return "the same instrument twice";
            }
        }
    }
    return NULL;
}

int job_record_write(const struct job_statement *statement, struct text *out, struct why *why)
{
    const char *fault = find_fault(statement);
    if (fault) {
        return why_set(why, ERROR_INPUT, "%s", fault);
    }
    struct text beginning = text_make(JOB_BEGINNING_MAX), ending = text_make(JOB_ENDING_MAX);
    int error = OK;
    append_beginning(&beginning, statement);
    if (statement->stops) {
        append_ending(&ending, statement);
    }
    if (beginning.failed || ending.failed) {
        error =
            why_set(why, ERROR_RANGE, "%s are together longer than an entry has room for",
                    beginning.failed ? "item, order, operator and instruments" : "result and note");
    } else {
        text_append(out, beginning.data, beginning.length);
        text_append(out, ending.data ? ending.data : "", ending.length);
    }
    text_free(&beginning);
    text_free(&ending);
    return error;
}

// --- reading ------------------------------------------------------------------------------------

static bool pass(const char **at, const char *literal)
{
    size_t length = strlen(literal);
    if (strncmp(*at, literal, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

// `item "…"`: the words, when that key is there. False when what follows it is no such string.
static bool read_words(const char **at, const char *key, char out[JOB_WORDS_MAX + 1])
{
    if (!pass(at, key)) {
        return true;
    }
    const char *s = *at;
    for (size_t length = 0; *s && *s != '"' && length < JOB_WORDS_MAX; s++) {
        s += *s == '\\' && (s[1] == '"' || s[1] == '\\');
        out[length++] = *s;
    }
    *at = s;
    return pass(at, "\"");
}

static bool read_instruments(const char **at, struct job_statement *statement)
{
    if (!pass(at, ", on ")) {
        return false;
    }
    do {
        size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (length > JOB_NAME_MAX || statement->instrument_count == JOB_INSTRUMENTS_MAX) {
            return false;
        }
        memcpy(statement->instruments[statement->instrument_count++], *at, length);
        *at += length;
    } while (pass(at, ", "));
    return true;
}

static bool read_start(const char **at, struct job_statement *statement)
{
    char utc[32] = "", *end;
    size_t length = strcspn(*at, " ");
    if (length >= sizeof utc) {
        return false;
    }
    memcpy(utc, *at, length);
    *at += length;
    if (clock_parse_utc(utc, &statement->started_us) || !pass(at, " in block ")) {
        return false;
    }
    statement->started_n = strtoull(*at, &end, 10);
    *at = end;
    return true;
}

bool job_record_read(struct job_statement *statement, const char *body)
{
    const char *at = body;
    *statement = (struct job_statement){.stops = false};
    bool good = read_words(&at, "item \"", statement->item) &&
                read_words(&at, at == body ? "order \"" : ", order \"", statement->order) &&
                read_words(&at, ", operator \"", statement->operated_by) &&
                read_instruments(&at, statement);
    if (good && pass(&at, "; started ")) {
        statement->stops = true;
        good = read_start(&at, statement) && read_words(&at, ", result \"", statement->result) &&
               read_words(&at, ", note \"", statement->note);
    }
    // There is one form: what was read, written again, must be what was there.
    struct text again = text_make(JOB_BEGINNING_MAX + JOB_ENDING_MAX);
    size_t length = (size_t)(at - body);
    good = good && (!*at || strncmp(at, " (said from the account ", 24) == 0) &&
           job_record_write(statement, &again, NULL) == OK && again.length == length &&
           memcmp(again.data, body, length) == 0;
    text_free(&again);
    return good;
}
