#include "record/committer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US       1000000
#define IDLE_US        5000000 // how often it looks after cursors when nothing comes
#define STOP_US        5000000
#define PRUNE_EVERY_US 60000000 // and again after PRUNE_AGAIN_US while there is more
#define PRUNE_FIRST_US 5000000  // after the start: limits may be smaller than they were
#define PRUNE_AGAIN_US 100000
#define ROOM_EVERY_US  10000000
#define PRUNE_EVENT_US (INT64_C(3600) * 1000000)

struct committer {
    struct committer_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    // Under the lock.
    struct ledger_block waiting[COMMITTER_WAITING_MAX]; // a ring
    size_t head, count;
    bool complete;      // no more will be put
    bool gave_up;       // what is put from now on is saved beside the ledger
    int64_t stop_by_us; // 0: not asked to stop
    size_t left;

    // The thread's own.
    bool full, failing; // how the last append went
    int64_t full_since_us;
    int64_t prune_at_us, prune_event_at_us, room_at_us;
    uint64_t pruned; // since the last event
};

// Waits on `changed` until the time; the lock is held.
static void wait_until(struct committer *c, int64_t at_us)
{
    thread_condition_wait(&c->changed, &c->lock, at_us * 1000);
}

static void prune(struct committer *c)
{
    const struct committer_options *o = &c->options;
    struct why why;
    uint64_t pruned = 0;
    int64_t now = clock_wait_us();
    if (now < c->prune_at_us) {
        return;
    }
    c->prune_at_us = now + PRUNE_EVERY_US;
    if (o->keep_us == 0 && o->keep_bytes == 0) {
        return;
    }
    int error = ledger_prune(o->ledger, o->keep_us, o->keep_bytes, &pruned, &why);
    if (error && error != ERROR_FULL) {
        log_warning("retention: %s", why.text);
    }
    if (pruned) {
        c->prune_at_us = now + PRUNE_AGAIN_US;
    }
    c->pruned += pruned;
    if (c->pruned && !pruned && now >= c->prune_event_at_us) {
        struct ledger_status status;
        char text[96];
        ledger_status(o->ledger, &status);
        snprintf(text, sizeof text, "blocks %llu to %llu",
                 (unsigned long long)(status.first - c->pruned),
                 (unsigned long long)(status.first - 1));
        o->event(o->event_context, "retention.pruned", text, false);
        c->pruned = 0;
        c->prune_event_at_us = now + PRUNE_EVENT_US;
    }
}

// A disk that will soon be full is said while there is time to do something.
static void judge_room(struct committer *c)
{
    const struct committer_options *o = &c->options;
    char text[128];
    double hours;
    int64_t now = clock_wait_us();
    if (now < c->room_at_us) {
        return;
    }
    c->room_at_us = now + ROOM_EVERY_US;
    int change = ledger_judge_room(o->ledger, &hours);
    if (change == 0) {
        return;
    }
    if (isfinite(hours)) {
        snprintf(text, sizeof text, "at this rate the disk is full in %.0f hours", hours);
    } else {
        snprintf(text, sizeof text, "the ledger does not grow any more");
    }
    log_line(change > 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "%s", text);
    o->event(o->event_context, change > 0 ? "ledger.filling" : "ledger.filling-cleared", text,
             false);
}

static void note_full(struct committer *c)
{
    const struct committer_options *o = &c->options;
    if (c->full) {
        return;
    }
    c->full = true;
    c->full_since_us = clock_wait_us();
    log_error("the disk is full: readings wait, and are missed when no more can wait");
    ledger_reserve_release(o->ledger);
    o->event(o->event_context, "ledger.full", "no room on the disk: acquisition stops", true);
}

static void note_stored(struct committer *c)
{
    const struct committer_options *o = &c->options;
    if (c->failing) {
        log_info("the ledger can be written again");
        c->failing = false;
    }
    if (c->full && ledger_reserve_hold(o->ledger, NULL) == OK) {
        char text[96];
        snprintf(text, sizeof text, "room on the disk again after %lld s",
                 (long long)((clock_wait_us() - c->full_since_us) / 1000000));
        log_info("%s", text);
        c->full = false;
        o->event(o->event_context, "ledger.room", text, false);
    }
}

// Stores the oldest blocks. The lock is not held: they are the thread's until they are taken out.
static int store(struct committer *c, const struct ledger_block *blocks, size_t count)
{
    struct why why;
    int error = ledger_append(c->options.ledger, blocks, count, &why);
    if (error == OK) {
        note_stored(c);
        if (c->options.committed) {
            c->options.committed(c->options.committed_context, blocks[count - 1].n + 1);
        }
    } else if (error == ERROR_FULL) {
        note_full(c);
    } else if (!c->failing) {
        c->failing = true;
        log_error("%s", why.text);
    }
    return error;
}

// The lock is held, and given up meanwhile.
static void store_waiting(struct committer *c)
{
    struct ledger_block blocks[COMMITTER_BATCH_MAX];
    // One by one when room is short: each that fits is saved.
    size_t most = c->full ? 1 : COMMITTER_BATCH_MAX;
    size_t count = c->count < most ? c->count : most;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = c->waiting[(c->head + i) % COMMITTER_WAITING_MAX];
    }
    pthread_mutex_unlock(&c->lock);
    int error = store(c, blocks, count);
    pthread_mutex_lock(&c->lock);
    if (error) {
        wait_until(c, clock_wait_us() + RETRY_US);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        free((void *)blocks[i].packed);
    }
    c->head = (c->head + count) % COMMITTER_WAITING_MAX;
    c->count -= count;
    pthread_cond_broadcast(&c->changed);
}

// The lock is held.
static bool is_over(const struct committer *c)
{
    bool hopeless = c->stop_by_us && (c->full || c->failing) && clock_wait_us() >= c->stop_by_us;
    return (c->complete && c->count == 0) || hopeless;
}

static void save_unstored(struct committer *c, const struct ledger_block *block)
{
    struct why why;
    if (ledger_save_unstored(c->options.ledger, block, &why) != OK) {
        c->left++;
        log_error("block %llu with %u readings is lost: %s", (unsigned long long)block->n,
                  block->readings, why.text);
    }
    free((void *)block->packed);
}

static void *run(void *argument)
{
    struct committer *c = argument;
    pthread_setname_np(pthread_self(), "committer");
    pthread_mutex_lock(&c->lock);
    while (!is_over(c)) {
        if (c->count > 0) {
            store_waiting(c);
        } else {
            int64_t at_us = clock_wait_us() + IDLE_US;
            wait_until(c, c->prune_at_us < at_us ? c->prune_at_us : at_us);
        }
        if (c->stop_by_us) {
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        ledger_settle(c->options.ledger, false, NULL);
        prune(c);
        judge_room(c);
        pthread_mutex_lock(&c->lock);
    }
    c->gave_up = true;
    for (; c->count > 0; c->count--) {
        save_unstored(c, &c->waiting[c->head]);
        c->head = (c->head + 1) % COMMITTER_WAITING_MAX;
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int committer_start(struct committer **out, const struct committer_options *options,
                    struct why *why)
{
    *out = NULL;
    struct committer *c = calloc(1, sizeof *c);
    if (!c) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    c->options = *options;
    c->prune_at_us = clock_wait_us() + PRUNE_FIRST_US;
    if (ledger_reserve_hold(options->ledger, NULL) != OK) {
        log_warning("no room to hold back 1 MiB for the event of a full disk");
    }
    thread_condition_make(&c->changed);
    pthread_mutex_init(&c->lock, NULL);
    int failed = pthread_create(&c->thread, NULL, run, c);
    if (failed) {
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
        free(c);
        return why_set(why, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failed));
    }
    *out = c;
    return OK;
}

void committer_put(struct committer *committer, const struct ledger_block *block)
{
    struct committer *c = committer;
    pthread_mutex_lock(&c->lock);
    while (c->count == COMMITTER_WAITING_MAX && !c->gave_up) {
        pthread_cond_wait(&c->changed, &c->lock);
    }
    if (c->gave_up) {
        save_unstored(c, block);
    } else {
        c->waiting[(c->head + c->count++) % COMMITTER_WAITING_MAX] = *block;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

size_t committer_waiting(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    size_t count = committer->count;
    pthread_mutex_unlock(&committer->lock);
    return count;
}

void committer_hurry(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    committer->stop_by_us = clock_wait_us() + STOP_US;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

size_t committer_stop(struct committer *committer)
{
    if (!committer) {
        return 0;
    }
    pthread_mutex_lock(&committer->lock);
    committer->complete = true;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    size_t left = committer->left;
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    free(committer);
    return left;
}
