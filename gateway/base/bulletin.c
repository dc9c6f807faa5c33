#include "base/bulletin.h"

#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    int64_t t_us, closed_us;
    uint64_t n;
    bool closed;
    bool gone;   // its block was lost, or its log has ended
    char *words; // kind, subject, text, each with its terminator; owned; NULL when gone
    size_t bytes;
};

struct bulletin {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char origin[BULLETIN_ORIGIN_MAX + 1];
    uint64_t durable; // blocks [.., durable)
    uint64_t begin;   // place of the oldest that is kept
    atomic_uint_fast64_t end;
    size_t bytes;
    struct slot slots[BULLETIN_EVENTS_MAX];
};

struct bulletin *bulletin_make(void)
{
    struct bulletin *bulletin = calloc(1, sizeof *bulletin);
    if (bulletin) {
        pthread_mutex_init(&bulletin->lock, NULL);
        thread_condition_make(&bulletin->changed);
    }
    return bulletin;
}

static struct slot *slot_at(struct bulletin *bulletin, uint64_t place)
{
    return &bulletin->slots[place % BULLETIN_EVENTS_MAX];
}

static void empty(struct bulletin *bulletin, struct slot *slot)
{
    bulletin->bytes -= slot->bytes;
    free(slot->words);
    slot->words = NULL;
    slot->bytes = 0;
    slot->gone = true;
}

static void forget_all(struct bulletin *bulletin)
{
    for (uint64_t place = bulletin->begin; place < bulletin->end; place++) {
        empty(bulletin, slot_at(bulletin, place));
    }
}

void bulletin_free(struct bulletin *bulletin)
{
    if (bulletin) {
        forget_all(bulletin);
        pthread_cond_destroy(&bulletin->changed);
        pthread_mutex_destroy(&bulletin->lock);
        free(bulletin);
    }
}

void bulletin_begin(struct bulletin *bulletin, const char *origin)
{
    pthread_mutex_lock(&bulletin->lock);
    forget_all(bulletin);
    bulletin->durable = 0;
    size_t length = strnlen(origin, BULLETIN_ORIGIN_MAX);
    memcpy(bulletin->origin, origin, length);
    bulletin->origin[length] = '\0';
    pthread_mutex_unlock(&bulletin->lock);
}

// --- what happens

// The bytes of the longest head of at most `max` that ends between characters.
static size_t head_length(const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length <= max) {
        return length;
    }
    for (length = max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--) {
    }
    return length;
}

static char *append_word(char *to, const char *word, size_t length)
{
    memcpy(to, word, length);
    to[length] = '\0';
    return to + length + 1;
}

static bool fill(struct slot *slot, const char *kind, const char *subject, const char *text)
{
    size_t a = head_length(kind, BULLETIN_KIND_MAX);
    size_t b = head_length(subject, BULLETIN_SUBJECT_MAX);
    size_t c = head_length(text, BULLETIN_TEXT_MAX);
    slot->bytes = a + b + c + 3;
    slot->words = malloc(slot->bytes);
    if (slot->words) {
        append_word(append_word(append_word(slot->words, kind, a), subject, b), text, c);
    }
    return slot->words;
}

void bulletin_post(struct bulletin *bulletin, int64_t t_us, const char *kind, const char *subject,
                   const char *text)
{
    struct slot slot = {.t_us = t_us};
    if (!bulletin || !fill(&slot, kind, subject, text)) {
        return;
    }
    pthread_mutex_lock(&bulletin->lock);
    while (bulletin->begin < bulletin->end &&
           (bulletin->end - bulletin->begin >= BULLETIN_EVENTS_MAX ||
            bulletin->bytes + slot.bytes > BULLETIN_BYTES_MAX)) {
        empty(bulletin, slot_at(bulletin, bulletin->begin++));
    }
    *slot_at(bulletin, bulletin->end) = slot;
    bulletin->bytes += slot.bytes;
    bulletin->end++;
    pthread_mutex_unlock(&bulletin->lock);
}

uint64_t bulletin_end(struct bulletin *bulletin)
{
    return bulletin ? atomic_load(&bulletin->end) : 0;
}

void bulletin_close(struct bulletin *bulletin, uint64_t end, uint64_t n, int64_t mono_us, bool lost)
{
    if (!bulletin) {
        return;
    }
    pthread_mutex_lock(&bulletin->lock);
    for (uint64_t place = end; place > bulletin->begin; place--) {
        struct slot *slot = slot_at(bulletin, place - 1);
        if (slot->closed) {
            break; // and so are all before
        }
        slot->closed = true;
        slot->n = n;
        slot->closed_us = mono_us;
        if (lost) {
            empty(bulletin, slot);
        }
    }
    pthread_mutex_unlock(&bulletin->lock);
}

void bulletin_durable(struct bulletin *bulletin, uint64_t size)
{
    if (!bulletin) {
        return;
    }
    pthread_mutex_lock(&bulletin->lock);
    if (size > bulletin->durable) {
        bulletin->durable = size;
        if (bulletin->end > bulletin->begin) {
            pthread_cond_broadcast(&bulletin->changed);
        }
    }
    pthread_mutex_unlock(&bulletin->lock);
}

// --- who tells it on

// The lock is held.
static bool is_ready(struct bulletin *bulletin, uint64_t place)
{
    const struct slot *slot = slot_at(bulletin, place);
    return slot->gone || (slot->closed && slot->n < bulletin->durable);
}

uint64_t bulletin_ready(struct bulletin *bulletin)
{
    if (!bulletin) {
        return 0;
    }
    pthread_mutex_lock(&bulletin->lock);
    uint64_t place = bulletin->begin;
    while (place < bulletin->end && is_ready(bulletin, place)) {
        place++;
    }
    pthread_mutex_unlock(&bulletin->lock);
    return place;
}

bool bulletin_has(const struct bulletin *bulletin, uint64_t place)
{
    return bulletin && atomic_load(&bulletin->end) > place;
}

static void copy_out(const struct bulletin *bulletin, const struct slot *slot,
                     struct bulletin_event *out)
{
    const char *kind = slot->words, *subject = kind + strlen(kind) + 1;
    const char *text = subject + strlen(subject) + 1;
    out->n = slot->n;
    out->t_us = slot->t_us;
    out->closed_us = slot->closed_us;
    append_word(out->log, bulletin->origin, strlen(bulletin->origin));
    append_word(out->kind, kind, strlen(kind));
    append_word(out->subject, subject, strlen(subject));
    append_word(out->text, text, strlen(text));
}

bool bulletin_next(struct bulletin *bulletin, uint64_t *place, struct bulletin_event *out,
                   uint64_t *missed)
{
    bool found = false;
    if (!bulletin_has(bulletin, *place)) {
        return false;
    }
    pthread_mutex_lock(&bulletin->lock);
    if (*place < bulletin->begin) {
        if (missed) {
            *missed += bulletin->begin - *place;
        }
        *place = bulletin->begin;
    }
    while (!found && *place < bulletin->end && is_ready(bulletin, *place)) {
        const struct slot *slot = slot_at(bulletin, (*place)++);
        found = !slot->gone;
        if (found) {
            copy_out(bulletin, slot, out);
        }
    }
    pthread_mutex_unlock(&bulletin->lock);
    return found;
}

void bulletin_wait(struct bulletin *bulletin, uint64_t place, const atomic_bool *end,
                   int64_t until_ns)
{
    bool in_time = true;
    pthread_mutex_lock(&bulletin->lock);
    while (in_time && !atomic_load(end)) {
        uint64_t at = place > bulletin->begin ? place : bulletin->begin;
        if (at < bulletin->end && is_ready(bulletin, at)) {
            break;
        }
        in_time = thread_condition_wait(&bulletin->changed, &bulletin->lock, until_ns);
    }
    pthread_mutex_unlock(&bulletin->lock);
}

void bulletin_wake(struct bulletin *bulletin)
{
    pthread_mutex_lock(&bulletin->lock);
    pthread_cond_broadcast(&bulletin->changed);
    pthread_mutex_unlock(&bulletin->lock);
}

void bulletin_append_json(struct text *out, const struct bulletin_event *event)
{
    text_append_string(out, "{\"tally-event\":1,\"log\":");
    text_append_json(out, event->log);
    text_append_format(out, ",\"n\":%llu,\"t\":%lld,\"kind\":", (unsigned long long)event->n,
                       (long long)event->t_us);
    text_append_json(out, event->kind);
    text_append_string(out, ",\"subject\":");
    text_append_json(out, event->subject);
    text_append_string(out, ",\"text\":");
    text_append_json(out, event->text);
    text_append_string(out, "}");
}
