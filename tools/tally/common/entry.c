#include "common/entry.h"

#include "base/clock.h"
#include "common/answer.h"
#include "common/statement.h"
#include "ledger/cursor.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 10000
#define LOOK_MS     50

// --- reading ------------------------------------------------------------------------------------

struct reading_entries {
    const char *kind;
    int (*visit)(void *context, const struct entry *entry);
    void *context;
    struct block_view view;
    struct text bytes, words[3]; // the block; kind, subject and text, unescaped
};

// Takes "by <account> (user <number>): " off the text.
static bool read_head(struct entry *entry, const char *text)
{
    int end = 0;
    char user[11];
    if (sscanf(text, "by %32s (user %10[0-9]): %n", entry->account, user, &end) != 2 || !end) {
        return false;
    }
    entry->user = (unsigned)strtoul(user, NULL, 10);
    entry->body = text + end;
    return true;
}

static int look_at_event(struct reading_entries *reading, size_t i)
{
    const struct block_event *event = &reading->view.events[i];
    size_t length = strlen(reading->kind);
    if (!block_is_entry(event->kind, event->kind_length) || event->kind_length < length ||
        memcmp(event->kind, reading->kind, length) != 0) {
        return OK;
    }
    for (size_t k = 0; k < 3; k++) {
        text_clear(&reading->words[k]);
    }
    cursor_unescape(&reading->words[0], event->kind, event->kind_length);
    cursor_unescape(&reading->words[1], event->subject, event->subject_length);
    cursor_unescape(&reading->words[2], event->text, event->text_length);
    struct entry entry = {.n = reading->view.n,
                          .index = i,
                          .t_us = event->t_us,
                          .kind = reading->words[0].data,
                          .subject = reading->words[1].length ? reading->words[1].data : "",
                          .block = &reading->view};
    const char *text = reading->words[2].length ? reading->words[2].data : "";
    return read_head(&entry, text) ? reading->visit(reading->context, &entry) : OK;
}

static int look_at_block(struct reading_entries *reading, struct ledger_reader *reader, uint64_t n,
                         struct why *why)
{
    int error = ledger_reader_block(reader, n, &reading->bytes, why);
    error = error ? error
                  : block_parse(&reading->view, reading->bytes.data, reading->bytes.length, why);
    for (size_t i = 0; !error && i < reading->view.event_count; i++) {
        error = look_at_event(reading, i);
    }
    return error;
}

int entry_each(struct ledger_reader *reader, uint64_t from_n, const char *kind,
               int (*visit)(void *context, const struct entry *entry), void *context,
               struct why *why)
{
    struct reading_entries reading = {
        .kind = kind, .visit = visit, .context = context, .bytes = text_make(BLOCK_BYTES_MAX)};
    for (size_t i = 0; i < 3; i++) {
        reading.words[i] = text_make(BLOCK_BYTES_MAX);
    }
    uint64_t n = from_n;
    int error;
    while ((error = ledger_reader_next_entry(reader, &n, why)) == OK) {
        error = look_at_block(&reading, reader, n, why);
        if (error) {
            break;
        }
        n++;
    }
    block_view_free(&reading.view);
    text_free(&reading.bytes);
    for (size_t i = 0; i < 3; i++) {
        text_free(&reading.words[i]);
    }
    return error == ERROR_ABSENT ? OK : error;
}

// --- writing ------------------------------------------------------------------------------------

struct awaited {
    const char *kind, *subject, *body;
    uint64_t n;
};

static int is_awaited(void *context, const struct entry *entry)
{
    struct awaited *awaited = context;
    awaited->n = entry->n;
    return strcmp(entry->kind, awaited->kind) == 0 &&
           strcmp(entry->subject, awaited->subject) == 0 && strcmp(entry->body, awaited->body) == 0;
}

// Until it is in a block from number `from` on.
static int await(const struct place *place, struct awaited *awaited, uint64_t from, struct why *why)
{
    struct ledger_reader *reader;
    int error = ledger_reader_open(&reader, place->ledger, why);
    if (error) {
        return error;
    }
    int64_t until_ms = clock_wait_ms() + PATIENCE_MS;
    int found;
    while (!(found = entry_each(reader, from, "", is_awaited, awaited, why)) &&
           clock_wait_ms() < until_ms) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    ledger_reader_close(reader);
    return found == 1  ? OK
           : found < 0 ? found
                       : why_set(why, ERROR_TIMEOUT,
                                 "the daemon has taken it, and it is not on the disk yet: it may "
                                 "be on record later");
}

static int ask(const struct place *place, const char *request, uint64_t *from, struct why *why)
{
    struct text raw = text_make(1u << 16);
    cJSON *answer = NULL;
    int error = answer_get(place->control, request, &raw, &answer, why);
    if (error == ERROR_ABSENT) {
        why_set(why, error, ANSWER_NO_WRITER);
    } else if (!error) {
        *from = (uint64_t)answer_int(answer, "from");
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return error;
}

int entry_put(const struct place *place, const char *kind, const char *by, const char *subject,
              const char *body, uint64_t *n, struct why *why)
{
    const char *own = statement_account();
    char stated[ENTRY_BODY_MAX + 1], request[2048];
    bool for_another = by && strcmp(by, own) != 0;
    int length = for_another
                     ? snprintf(stated, sizeof stated, "%s (said from the account %s)", body, own)
                     : snprintf(stated, sizeof stated, "%s", body);
    if (length < 0 || (size_t)length >= sizeof stated || strlen(subject) > ENTRY_SUBJECT_MAX) {
        return why_set(why, ERROR_RANGE,
                       "that is more than an entry holds: %d bytes, %d of them "
                       "its subject",
                       ENTRY_BODY_MAX, ENTRY_SUBJECT_MAX);
    }
    snprintf(request, sizeof request, "enter %s %s %s\t%s", kind, by ? by : own, subject, stated);
    uint64_t from = 0;
    int error = ask(place, request, &from, why);
    struct awaited awaited = {.kind = kind, .subject = subject, .body = stated};
    error = error ? error : await(place, &awaited, from, why);
    *n = awaited.n;
    return error;
}
