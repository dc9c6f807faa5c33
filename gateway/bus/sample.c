#include "bus/sample.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Two buffers: workers fill one under the lock, the recorder empties the other without it, and they
// change places when the recorder has emptied its own and looks. Each holds half of the bound.
struct buffer {
    uint8_t *bytes;
    size_t length;
};

struct sample_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct buffer fill; // under the lock
    size_t half;        // bytes that each buffer holds
    size_t wake_bytes;
    bool urgent, closed; // under the lock
    size_t pushers_waiting;

    // The taker's own; no lock.
    struct buffer drain;
    size_t taken;
    int64_t looked_us;
};

int sample_queue_make(struct sample_queue **out, size_t max_bytes)
{
    struct sample_queue *queue = calloc(1, sizeof *queue);
    *out = NULL;
    if (!queue) {
        return ERROR_MEMORY;
    }
    size_t least = 4 * (sizeof(struct sample) + 2 * REQUEST_REGISTERS_MAX);
    queue->half = max_bytes / 2 > least ? max_bytes / 2 : least;
    queue->wake_bytes = SAMPLE_WAKE_BYTES < queue->half / 2 ? SAMPLE_WAKE_BYTES : queue->half / 2;
    queue->fill.bytes = malloc(queue->half);
    queue->drain.bytes = malloc(queue->half);
    if (!queue->fill.bytes || !queue->drain.bytes) {
        free(queue->fill.bytes);
        free(queue->drain.bytes);
        free(queue);
        return ERROR_MEMORY;
    }
    pthread_mutex_init(&queue->lock, NULL);
    thread_condition_make(&queue->filled);
    thread_condition_make(&queue->emptied);
    *out = queue;
    return OK;
}

void sample_queue_free(struct sample_queue *queue)
{
    if (!queue) {
        return;
    }
    pthread_cond_destroy(&queue->filled);
    pthread_cond_destroy(&queue->emptied);
    pthread_mutex_destroy(&queue->lock);
    free(queue->fill.bytes);
    free(queue->drain.bytes);
    free(queue);
}

int sample_queue_push(struct sample_queue *queue, const struct sample *sample, const void *payload,
                      bool urgent)
{
    size_t size = sizeof *sample + sample->length;
    if (size > queue->half) {
        return ERROR_RANGE;
    }
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->fill.length + size > queue->half) {
        queue->pushers_waiting++;
        pthread_cond_signal(&queue->filled);
        pthread_cond_wait(&queue->emptied, &queue->lock);
        queue->pushers_waiting--;
    }
    if (queue->closed) {
        pthread_mutex_unlock(&queue->lock);
        return ERROR_STOPPED;
    }
    size_t before = queue->fill.length;
    memcpy(queue->fill.bytes + before, sample, sizeof *sample);
    if (sample->length > 0) {
        memcpy(queue->fill.bytes + before + sizeof *sample, payload, sample->length);
    }
    queue->fill.length = before + size;
    bool passes = before < queue->wake_bytes && before + size >= queue->wake_bytes;
    bool wake = (urgent && !queue->urgent) || passes;
    queue->urgent = queue->urgent || urgent;
    pthread_mutex_unlock(&queue->lock);
    if (wake) {
        pthread_cond_signal(&queue->filled);
    }
    return OK;
}

// Whether the taker should take what is there. Under the lock.
static bool is_ripe(const struct sample_queue *queue, int64_t now)
{
    return queue->urgent || queue->closed || queue->pushers_waiting > 0 ||
           queue->fill.length >= queue->wake_bytes ||
           (queue->fill.length > 0 && now - queue->looked_us >= SAMPLE_LINGER_US);
}

// Waits as sample_queue_take says, then exchanges the buffers. Under the lock.
static void wait_and_exchange(struct sample_queue *queue, int64_t timeout_us)
{
    int64_t now = clock_wait_us();
    int64_t deadline = now + (timeout_us > 0 ? timeout_us : 0);
    while (!is_ripe(queue, now) && now < deadline) {
        int64_t look = queue->looked_us + SAMPLE_LINGER_US;
        if (look <= now) {
            // Looked, and found nothing: the next look is a whole linger away.
            queue->looked_us = now;
            look = now + SAMPLE_LINGER_US;
        }
        int64_t until = look < deadline ? look : deadline;
        thread_condition_wait(&queue->filled, &queue->lock, until * 1000);
        now = clock_wait_us();
    }
    struct buffer full = queue->fill;
    queue->fill = queue->drain;
    queue->fill.length = 0;
    queue->drain = full;
    queue->taken = 0;
    queue->urgent = false;
    queue->looked_us = now;
    if (queue->pushers_waiting > 0) {
        pthread_cond_broadcast(&queue->emptied);
    }
}

int sample_queue_take(struct sample_queue *queue, int64_t timeout_us, struct sample *sample,
                      const uint8_t **payload)
{
    if (queue->taken == queue->drain.length) {
        pthread_mutex_lock(&queue->lock);
        wait_and_exchange(queue, timeout_us);
        bool closed = queue->closed;
        pthread_mutex_unlock(&queue->lock);
        if (queue->drain.length == 0) {
            return closed ? ERROR_STOPPED : 0;
        }
    }
    const uint8_t *at = queue->drain.bytes + queue->taken;
    memcpy(sample, at, sizeof *sample);
    *payload = at + sizeof *sample;
    queue->taken += sizeof *sample + sample->length;
    return 1;
}

void sample_queue_close(struct sample_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_cond_broadcast(&queue->emptied);
    pthread_mutex_unlock(&queue->lock);
}

size_t sample_queue_waiting(struct sample_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t waiting = queue->fill.length;
    pthread_mutex_unlock(&queue->lock);
    return waiting;
}
