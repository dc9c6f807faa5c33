#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/sample.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sample numbered(uint32_t bus, int64_t number, uint32_t length)
{
    return (struct sample){
        .kind = SAMPLE_REGISTERS, .bus = bus, .mono_us = number, .length = length};
}

static void gives_samples_in_order_with_their_payload(void **state)
{
    (void)state;
    struct sample_queue *queue;
    assert_int_equal(sample_queue_make(&queue, 1 << 16), OK);
    for (int i = 0; i < 100; i++) {
        uint8_t payload[100];
        memset(payload, i, sizeof payload);
        struct sample sample = numbered(0, i, (uint32_t)i);
        assert_int_equal(sample_queue_push(queue, &sample, payload, i == 99), OK);
    }
    assert_true(sample_queue_waiting(queue) > 100 * 50);
    for (int i = 0; i < 100; i++) {
        struct sample sample;
        const uint8_t *payload;
        assert_int_equal(sample_queue_take(queue, 1000000, &sample, &payload), 1);
        assert_int_equal(sample.mono_us, i);
        assert_int_equal(sample.length, i);
        for (int k = 0; k < i; k++) {
            assert_int_equal(payload[k], i);
        }
    }
    struct sample sample;
    const uint8_t *payload;
    assert_int_equal(sample_queue_take(queue, 0, &sample, &payload), 0);
    sample_queue_free(queue);
}

static void take_gives_up_at_its_timeout(void **state)
{
    (void)state;
    struct sample_queue *queue;
    struct sample sample;
    const uint8_t *payload;
    assert_int_equal(sample_queue_make(&queue, 1 << 16), OK);
    int64_t start = now_us();
    assert_int_equal(sample_queue_take(queue, 120000, &sample, &payload), 0);
    assert_true(now_us() - start >= 120000);
    sample_queue_free(queue);
}

static void closing_keeps_what_is_there_and_refuses_more(void **state)
{
    (void)state;
    struct sample_queue *queue;
    struct sample sample = numbered(0, 7, 0);
    const uint8_t *payload;
    assert_int_equal(sample_queue_make(&queue, 1 << 16), OK);
    assert_int_equal(sample_queue_push(queue, &sample, NULL, false), OK);
    sample_queue_close(queue);
    assert_int_equal(sample_queue_push(queue, &sample, NULL, false), ERROR_STOPPED);
    assert_int_equal(sample_queue_take(queue, 1000000, &sample, &payload), 1);
    assert_int_equal(sample.mono_us, 7);
    assert_int_equal(sample_queue_take(queue, 1000000, &sample, &payload), ERROR_STOPPED);
    sample_queue_free(queue);
}

struct pusher {
    struct sample_queue *queue;
    pthread_t thread;
    uint32_t bus;
    int count;
    bool urgent;
    int delay_us;
    _Atomic int result;
};

static void *push_many(void *context)
{
    struct pusher *pusher = context;
    usleep((useconds_t)pusher->delay_us);
    for (int i = 0; i < pusher->count; i++) {
        uint8_t payload[64];
        memset(payload, i, sizeof payload);
        struct sample sample = numbered(pusher->bus, i, (uint32_t)(i % 64));
        int result = sample_queue_push(pusher->queue, &sample, payload, pusher->urgent);
        if (result != OK) {
            atomic_store(&pusher->result, result);
            return NULL;
        }
    }
    atomic_store(&pusher->result, 1);
    return NULL;
}

static void nothing_is_lost_or_reordered_with_many_pushers_and_a_small_queue(void **state)
{
    (void)state;
    enum { PUSHERS = 4, EACH = 5000 };
    struct sample_queue *queue;
    struct pusher pushers[PUSHERS];
    int64_t next[PUSHERS] = {0};
    assert_int_equal(sample_queue_make(&queue, 1), OK);
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){.queue = queue, .bus = (uint32_t)i, .count = EACH};
        pthread_create(&pushers[i].thread, NULL, push_many, &pushers[i]);
    }
    for (int taken = 0; taken < PUSHERS * EACH;) {
        struct sample sample;
        const uint8_t *payload;
        int got = sample_queue_take(queue, 1000000, &sample, &payload);
        assert_true(got >= 0);
        if (got == 1) {
            assert_int_equal(sample.mono_us, next[sample.bus]);
            assert_int_equal(sample.length, next[sample.bus] % 64);
            for (uint32_t k = 0; k < sample.length; k++) {
                assert_int_equal(payload[k], (uint8_t)sample.mono_us);
            }
            next[sample.bus]++;
            taken++;
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i].thread, NULL);
        assert_int_equal(atomic_load(&pushers[i].result), 1);
        assert_int_equal(next[i], EACH);
    }
    sample_queue_free(queue);
}

static void a_push_that_waits_for_room_ends_when_the_queue_closes(void **state)
{
    (void)state;
    struct sample_queue *queue;
    assert_int_equal(sample_queue_make(&queue, 1), OK);
    struct pusher pusher = {.queue = queue, .count = 100000};
    pthread_create(&pusher.thread, NULL, push_many, &pusher);
    usleep(50000);
    assert_int_equal(atomic_load(&pusher.result), 0);
    sample_queue_close(queue);
    pthread_join(pusher.thread, NULL);
    assert_int_equal(atomic_load(&pusher.result), ERROR_STOPPED);
    sample_queue_free(queue);
}

// What one push, `delay` after the taker began to wait, makes of the taker's wait.
static int64_t waited_us(bool urgent)
{
    struct sample_queue *queue;
    struct sample sample;
    const uint8_t *payload;
    assert_int_equal(sample_queue_make(&queue, 1 << 20), OK);
    assert_int_equal(sample_queue_take(queue, 0, &sample, &payload), 0);
    struct pusher pusher = {.queue = queue, .count = 1, .urgent = urgent, .delay_us = 2000};
    int64_t start = now_us();
    pthread_create(&pusher.thread, NULL, push_many, &pusher);
    assert_int_equal(sample_queue_take(queue, 5000000, &sample, &payload), 1);
    int64_t waited = now_us() - start;
    pthread_join(pusher.thread, NULL);
    sample_queue_free(queue);
    return waited;
}

static void an_ordinary_push_is_seen_at_the_next_look(void **state)
{
    (void)state;
    int64_t waited = waited_us(false);
    assert_true(waited >= SAMPLE_LINGER_US / 2); // lingered, was not woken
    assert_true(waited < 2000000);               // well before the time-out
}

static void an_urgent_push_wakes_the_taker(void **state)
{
    (void)state;
    int64_t best = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t waited = waited_us(true);
        best = waited < best ? waited : best;
    }
    assert_true(best < SAMPLE_LINGER_US / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_samples_in_order_with_their_payload),
        cmocka_unit_test(take_gives_up_at_its_timeout),
        cmocka_unit_test(closing_keeps_what_is_there_and_refuses_more),
        cmocka_unit_test(nothing_is_lost_or_reordered_with_many_pushers_and_a_small_queue),
        cmocka_unit_test(a_push_that_waits_for_room_ends_when_the_queue_closes),
        cmocka_unit_test(an_ordinary_push_is_seen_at_the_next_look),
        cmocka_unit_test(an_urgent_push_wakes_the_taker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
