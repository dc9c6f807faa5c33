#include "daemon/entry.h"

#include <stdio.h>
#include <string.h>

#define KIND_MAX    64
#define ACCOUNT_MAX 32

struct stated {
    char kind[KIND_MAX + 1], account[ACCOUNT_MAX + 1], subject[ENTRY_SUBJECT_MAX + 1];
    const char *body;
};

// At most `max` bytes of UTF-8 without control characters, at least one.
static bool is_line(const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length == 0 || length > max) {
        return false;
    }
    for (size_t i = 0; i < length;) {
        size_t step = text_utf8_length(text + i, length - i);
        if (step == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
        i += step;
    }
    return true;
}

// Takes what comes before the next `end` off the words. False: there is none, or it is too long.
static bool take(const char **words, char end, char *out, size_t max)
{
    const char *found = strchr(*words, end);
    size_t length = found ? (size_t)(found - *words) : 0;
    if (!found || length > max) {
        return false;
    }
    memcpy(out, *words, length);
    out[length] = '\0';
    *words = found + 1;
    return true;
}

// What is wrong with the words, or NULL.
static const char *read_words(struct stated *stated, const char *words)
{
    if (!take(&words, ' ', stated->kind, KIND_MAX) ||
        !take(&words, ' ', stated->account, ACCOUNT_MAX) ||
        !take(&words, '\t', stated->subject, ENTRY_SUBJECT_MAX)) {
        return "expected a kind, an account of at most 32 bytes, a subject of at most 200, a tab "
               "and what is stated";
    }
    if (!block_is_entry(stated->kind, strlen(stated->kind))) {
        return "nothing of this kind can be put on record by hand";
    }
    stated->body = words;
    return is_line(stated->subject, ENTRY_SUBJECT_MAX) && is_line(stated->body, ENTRY_BODY_MAX) &&
                   is_line(stated->account, ACCOUNT_MAX)
               ? NULL
               : "expected a subject of 1 to 200 bytes and a statement of 1 to 900, of UTF-8 "
                 "without control characters";
}

void enter(struct present *present, uid_t user, const char *words, struct text *out)
{
    struct stated stated;
    const char *fault = read_words(&stated, words);
    if (!fault && (!present->parts.recorder || !present->parts.ledger)) {
        fault = "nothing can be put on record now: try again";
    }
    if (fault) {
        text_append_string(out, "{\"error\":");
        text_append_json(out, fault);
        text_append_string(out, "}");
        return;
    }
    uint64_t from = ledger_size(present->parts.ledger);
    recorder_event(present->parts.recorder, stated.kind, stated.subject, "by %s (user %u): %s",
                   stated.account, (unsigned)user, stated.body);
    recorder_hurry(present->parts.recorder);
    text_append_string(out, "{\"entered\":");
    text_append_json(out, stated.kind);
    text_append_string(out, ",\"from\":");
    text_append_int(out, (int64_t)from);
    text_append_string(out, "}");
}
