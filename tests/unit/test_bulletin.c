// base/bulletin: what is posted is read once it is durable, the oldest gives way, nobody waits.
#include "base/bulletin.h"
#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"

static int setup(void **state)
{
    *state = bulletin_make();
    bulletin_begin(*state, ORIGIN);
    return 0;
}

static int teardown(void **state)
{
    bulletin_free(*state);
    return 0;
}

static void post(struct bulletin *b, int64_t t_us, const char *text)
{
    bulletin_post(b, t_us, "limit.raised", "meter.voltage", text);
}

static void close_all(struct bulletin *b, uint64_t n)
{
    bulletin_close(b, bulletin_end(b), n, 77, false);
}

static void assert_next(struct bulletin *b, uint64_t *place, uint64_t n, const char *text)
{
    struct bulletin_event event;
    assert_true(bulletin_next(b, place, &event, NULL));
    assert_int_equal(event.n, n);
    assert_string_equal(event.text, text);
    assert_string_equal(event.log, ORIGIN);
}

static void event_is_read_once_its_block_is_durable(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0;
    assert_false(bulletin_has(b, 0));
    post(b, 5, "one");
    uint64_t end = bulletin_end(b);
    post(b, 6, "two"); // while the block of the first is being sealed
    assert_true(bulletin_has(b, 0));
    bulletin_durable(b, 3); // of blocks before
    assert_false(bulletin_next(b, &place, &event, NULL));
    bulletin_close(b, end, 3, 77, false);
    assert_false(bulletin_next(b, &place, &event, NULL));
    assert_int_equal(bulletin_ready(b), 0);
    bulletin_durable(b, 4);
    assert_int_equal(bulletin_ready(b), 1);
    assert_true(bulletin_next(b, &place, &event, NULL));
    assert_string_equal(event.log, ORIGIN);
    assert_string_equal(event.kind, "limit.raised");
    assert_string_equal(event.subject, "meter.voltage");
    assert_string_equal(event.text, "one");
    assert_int_equal(event.n, 3);
    assert_int_equal(event.t_us, 5);
    assert_int_equal(event.closed_us, 77);
    assert_false(bulletin_next(b, &place, &event, NULL));
    close_all(b, 4);
    bulletin_durable(b, 5);
    assert_next(b, &place, 4, "two");
    assert_false(bulletin_has(b, place));
    uint64_t again = 0; // each reader has a place of its own
    assert_next(b, &again, 3, "one");
}

static void event_of_a_lost_block_is_not_told(void **state)
{
    struct bulletin *b = *state;
    uint64_t place = 0;
    post(b, 1, "lost");
    bulletin_close(b, bulletin_end(b), 0, 1, true);
    post(b, 2, "kept");
    close_all(b, 0);
    bulletin_durable(b, 1);
    assert_next(b, &place, 0, "kept");
}

static void another_log_begins_with_nothing(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0;
    post(b, 1, "of the old log");
    close_all(b, 0);
    bulletin_begin(b, "other");
    bulletin_durable(b, 1);
    assert_false(bulletin_next(b, &place, &event, NULL));
    post(b, 2, "of the new one");
    close_all(b, 1);
    bulletin_durable(b, 2);
    assert_true(bulletin_next(b, &place, &event, NULL));
    assert_string_equal(event.log, "other");
    assert_string_equal(event.text, "of the new one");
}

static void oldest_gives_way_and_is_counted(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0, missed = 0;
    char text[16];
    for (int i = 0; i < BULLETIN_EVENTS_MAX + 10; i++) {
        snprintf(text, sizeof text, "%d", i);
        post(b, i, text);
    }
    close_all(b, 0);
    bulletin_durable(b, 1);
    for (int i = 10; i < BULLETIN_EVENTS_MAX + 10; i++) {
        assert_true(bulletin_next(b, &place, &event, &missed));
        assert_int_equal(event.t_us, i);
    }
    assert_int_equal(missed, 10);
    assert_false(bulletin_next(b, &place, &event, &missed));
}

static void bytes_are_bounded_and_texts_cut_between_characters(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0, missed = 0;
    char text[2 * BULLETIN_TEXT_MAX + 1] = "a";
    for (int i = 0; i < BULLETIN_TEXT_MAX / 2; i++) {
        strcat(text, "°"); // two bytes each, from the second on
    }
    int count = BULLETIN_BYTES_MAX / BULLETIN_TEXT_MAX + 20;
    for (int i = 0; i < count; i++) {
        post(b, i, text);
    }
    close_all(b, 0);
    bulletin_durable(b, 1);
    size_t bytes = 0;
    while (bulletin_next(b, &place, &event, &missed)) {
        assert_int_equal(strlen(event.text), BULLETIN_TEXT_MAX - 1);
        bytes += strlen(event.text) + strlen(event.kind) + strlen(event.subject) + 3;
    }
    assert_true(missed > 20 && bytes <= BULLETIN_BYTES_MAX && bytes > BULLETIN_BYTES_MAX * 9 / 10);
}

static void json_is_one_object_in_one_form(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0;
    struct text json = text_make(BULLETIN_JSON_MAX);
    bulletin_post(b, 1795498776000000, "limit.acknowledged", "meter.voltage", "max: by li: \"ok\"");
    close_all(b, 42);
    bulletin_durable(b, 43);
    assert_true(bulletin_next(b, &place, &event, NULL));
    bulletin_append_json(&json, &event);
    assert_string_equal(json.data,
                        "{\"tally-event\":1,\"log\":\"" ORIGIN
                        "\",\"n\":42,\"t\":1795498776000000,\"kind\":\"limit.acknowledged\","
                        "\"subject\":\"meter.voltage\",\"text\":\"max: by li: \\\"ok\\\"\"}");
    text_free(&json);
}

static void largest_event_fits(void **state)
{
    struct bulletin *b = *state;
    struct bulletin_event event;
    uint64_t place = 0;
    char long_one[2000];
    struct text json = text_make(BULLETIN_JSON_MAX);
    memset(long_one, 1, sizeof long_one - 1); // six bytes each in JSON
    long_one[sizeof long_one - 1] = '\0';
    bulletin_post(b, INT64_MIN, long_one, long_one, long_one);
    close_all(b, UINT64_MAX - 1);
    bulletin_durable(b, UINT64_MAX);
    assert_true(bulletin_next(b, &place, &event, NULL));
    bulletin_append_json(&json, &event);
    assert_false(json.failed);
    text_free(&json);
}

static atomic_bool end;

static void *wait_for_one(void *b)
{
    struct bulletin_event event;
    uint64_t place = 0;
    while (!bulletin_next(b, &place, &event, NULL)) {
        bulletin_wait(b, place, &end, clock_wait_ns() + INT64_C(20000000000));
    }
    return NULL;
}

static void who_waits_is_woken(void **state)
{
    struct bulletin *b = *state;
    pthread_t thread;
    int64_t begun_us = clock_wait_us();
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, b), 0);
    post(b, 1, "x");
    close_all(b, 0);
    bulletin_durable(b, 1);
    pthread_join(thread, NULL);
    int64_t long_ns = INT64_C(20000000000);
    bulletin_wait(b, 1, &end, clock_wait_ns() + 1000000); // the time comes
    bulletin_wait(b, 0, &end, clock_wait_ns() + long_ns); // there is one
    atomic_store(&end, true);
    bulletin_wake(b);
    bulletin_wait(b, 1, &end, clock_wait_ns() + long_ns); // it is to end
    assert_true(clock_wait_us() - begun_us < 10000000);
}

static void nobody_needs_one(void **state)
{
    (void)state;
    bulletin_post(NULL, 1, "a", "b", "c");
    bulletin_close(NULL, bulletin_end(NULL), 0, 0, false);
    bulletin_durable(NULL, 1);
    assert_int_equal(bulletin_ready(NULL), 0);
    assert_false(bulletin_has(NULL, 0));
    bulletin_free(NULL);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(event_is_read_once_its_block_is_durable),
        WITH(event_of_a_lost_block_is_not_told),
        WITH(another_log_begins_with_nothing),
        WITH(oldest_gives_way_and_is_counted),
        WITH(bytes_are_bounded_and_texts_cut_between_characters),
        WITH(json_is_one_object_in_one_form),
        WITH(largest_event_fits),
        WITH(who_waits_is_woken),
        cmocka_unit_test(nobody_needs_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
