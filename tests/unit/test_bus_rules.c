#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/clock_watch.h"
#include "bus/identity.h"
#include "bus/quarantine.h"
#include "bus/round.h"
#include "bus/schedule.h"

#include <string.h>

#define SECOND INT64_C(1000000)
#define WALL   INT64_C(1795498776400000) // 0.4 s into a second

static struct schedule_now at(int64_t mono)
{
    return (struct schedule_now){WALL + mono, mono};
}

static void quarantine_begins_with_the_third_failure_and_ends_with_an_answer(void **state)
{
    (void)state;
    struct quarantine q = {0};
    assert_false(quarantine_failed(&q, 0, 1500000, false, 0));
    assert_false(quarantine_failed(&q, 0, 1500000, false, 0));
    assert_false(quarantine_holds(&q, 0));
    assert_true(quarantine_failed(&q, 0, 1500000, false, 0));
    assert_true(quarantine_holds(&q, 20 * 1500000 - 1));
    assert_false(quarantine_holds(&q, 20 * 1500000));
    assert_false(quarantine_failed(&q, 30 * SECOND, 1500000, false, 0)); // told once
    assert_true(quarantine_answered(&q));
    assert_false(quarantine_holds(&q, 0));
    assert_false(quarantine_answered(&q));
}

static void probes_take_at_most_a_twentieth_and_grow_rarer(void **state)
{
    (void)state;
    for (int64_t cost = 1000; cost <= 20 * SECOND; cost *= 3) {
        struct quarantine q = {0};
        int64_t now = 0, last = 0;
        for (int i = 0; i < 12; i++) {
            quarantine_failed(&q, now, cost, false, (uint32_t)(i * 341));
            if (!q.held) {
                continue;
            }
            int64_t interval = q.probe_us - now;
            assert_true(cost * 20 <= interval);
            assert_true(interval >= last || q.interval_us == QUARANTINE_LONGEST_US);
            assert_true(q.interval_us <= QUARANTINE_LONGEST_US || q.interval_us == 20 * cost);
            last = q.interval_us;
            now = q.probe_us;
        }
    }
}

static void where_nobody_else_could_be_delayed_probes_stay_frequent(void **state)
{
    (void)state;
    struct quarantine q = {0};
    for (int i = 0; i < 20; i++) {
        quarantine_failed(&q, 0, 2 * SECOND, true, 1023);
    }
    assert_true(q.probe_us <= QUARANTINE_NOBODY_US * 6 / 5);
}

static void aligned_polls_are_at_multiples_on_the_wall_clock(void **state)
{
    (void)state;
    struct schedule s;
    schedule_start(&s, true, 15 * SECOND, 7 * SECOND, at(0));
    int64_t wait = schedule_wait_us(&s, at(0));
    assert_true(wait > 0 && wait <= 15 * SECOND);
    assert_int_equal((WALL + wait) % (15 * SECOND), 0);
    struct schedule_poll poll = schedule_take(&s, at(wait + 300));
    assert_int_equal(poll.due_wall_us, WALL + wait);
    assert_int_equal(poll.missed, 0);
    assert_int_equal(schedule_wait_us(&s, at(wait + 300)), 15 * SECOND - 300);
}

static void unaligned_polls_begin_at_once_and_keep_their_phase(void **state)
{
    (void)state;
    struct schedule s;
    schedule_start(&s, false, 10 * SECOND, 4 * SECOND, at(0));
    assert_true(schedule_wait_us(&s, at(0)) <= 0);
    struct schedule_poll poll = schedule_take(&s, at(1000));
    assert_int_equal(poll.missed, 0);
    assert_int_equal(poll.due_wall_us, WALL + 1000); // never before the start
    assert_int_equal(schedule_wait_us(&s, at(1000)), 4 * SECOND - 1000);
    poll = schedule_take(&s, at(4 * SECOND));
    assert_int_equal(poll.due_wall_us, WALL + 4 * SECOND);
    assert_int_equal(schedule_wait_us(&s, at(4 * SECOND)), 10 * SECOND);
}

static void due_times_that_passed_are_counted_and_not_made_up_for(void **state)
{
    (void)state;
    struct schedule s;
    schedule_start(&s, false, SECOND, 0, at(0));
    schedule_take(&s, at(0));
    struct schedule_poll poll = schedule_take(&s, at(4 * SECOND + 200000));
    assert_int_equal(poll.missed, 3);
    assert_int_equal(poll.first_wall_us, WALL + SECOND);
    assert_int_equal(poll.due_wall_us, WALL + 4 * SECOND);
    assert_int_equal(schedule_wait_us(&s, at(4 * SECOND + 200000)), 800000);
}

static void a_clock_step_moves_aligned_polls_at_once_and_misses_nothing(void **state)
{
    (void)state;
    const int64_t steps[] = {3600 * SECOND, -3600 * SECOND, 250000, -250000, 7 * SECOND};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct schedule s;
        schedule_start(&s, true, SECOND, 0, at(0)); // due in 0.6 s
        struct schedule_now now = {WALL + steps[i] + 100000, 100000};
        int64_t wait = schedule_wait_us(&s, now);
        assert_true(wait <= SECOND && wait > -SECOND);
        int64_t then = wait > 0 ? wait : 0;
        now.wall_us += then;
        now.mono_us += then;
        struct schedule_poll poll = schedule_take(&s, now);
        assert_int_equal(poll.missed, 0);
        assert_int_equal(poll.due_wall_us % SECOND, 0);
        assert_true(schedule_wait_us(&s, now) > 0);
    }
}

static void a_step_does_not_move_polls_that_are_not_aligned(void **state)
{
    (void)state;
    struct schedule s;
    schedule_start(&s, false, SECOND, 0, at(0));
    schedule_take(&s, at(0));
    struct schedule_now now = {WALL - 3600 * SECOND, 400000};
    assert_int_equal(schedule_wait_us(&s, now), 600000);
}

static void without_an_interval_it_is_always_due(void **state)
{
    (void)state;
    struct schedule s;
    schedule_start(&s, true, 0, 0, at(0));
    for (int i = 0; i < 3; i++) {
        assert_true(schedule_wait_us(&s, at(i * SECOND)) <= 0);
        assert_int_equal(schedule_take(&s, at(i * SECOND)).missed, 0);
    }
}

static void the_last_of_a_round_completes_it(void **state)
{
    (void)state;
    struct round round;
    assert_int_equal(round_make(&round, 3), OK);
    round_expect(&round, 0, SECOND);
    round_expect(&round, 1, SECOND);
    round_expect(&round, 2, ROUND_NEVER); // lost
    round_add(&round, SECOND + 1000);
    assert_false(round_finish(&round, 0, 2 * SECOND, 2 * SECOND, SECOND + 1000));
    round_add(&round, SECOND + 3000);
    assert_true(round_finish(&round, 1, 2 * SECOND, 2 * SECOND, SECOND + 3000));
    // Nothing new since.
    assert_false(round_finish(&round, 0, 2 * SECOND, 2 * SECOND, SECOND + 4000));
    round_free(&round);
}

static void a_round_is_not_held_forever(void **state)
{
    (void)state;
    struct round round;
    assert_int_equal(round_make(&round, 2), OK);
    round_expect(&round, 1, 0); // is running, and does not finish
    round_add(&round, SECOND);
    assert_false(round_finish(&round, 0, ROUND_NEVER, ROUND_NEVER, SECOND));
    assert_true(round_finish(&round, 0, ROUND_NEVER, ROUND_NEVER, SECOND + ROUND_HELD_US));
    round_free(&round);
}

static void a_bus_that_never_rests_marks_rounds_apart(void **state)
{
    (void)state;
    struct round round;
    int marks = 0;
    assert_int_equal(round_make(&round, 1), OK);
    for (int64_t now = SECOND; now < 2 * SECOND; now += 50) {
        round_add(&round, now);
        marks += round_finish(&round, 0, ROUND_NEVER, now, now);
    }
    assert_in_range(marks, 190, 201);
    round_free(&round);
}

static void serial_numbers_are_compared_as_people_would(void **state)
{
    (void)state;
    assert_true(identity_same("20114532", "20114532"));
    assert_true(identity_same(" 20114532 ", "0020114532"));
    assert_true(identity_same("K1250012", "K1250012  "));
    assert_false(identity_same("K1250012", "K0125012"));
    assert_false(identity_same("A01", "A1"));
    assert_false(identity_same("20114532", "20114533"));
    assert_false(identity_same("20114532", ""));
    assert_false(identity_same("0", "00001"));
}

static void a_server_id_is_shown_without_raw_bytes(void **state)
{
    (void)state;
    char text[40];
    identity_describe((const uint8_t *)"WT310\xFF\x00\"\\", 9, text, sizeof text);
    assert_string_equal(text, "WT310\\xff\\x00\"\\x5c");
    identity_describe((const uint8_t *)"\1\2\3\4\5\6", 6, text, 10);
    assert_string_equal(text, "\\x01\\x02");
}

static void a_step_is_told_once_and_slewing_is_not_a_step(void **state)
{
    (void)state;
    struct clock_watch watch = {0};
    int64_t step, offset = WALL, mono = 0;
    assert_false(clock_watch_look(&watch, offset, mono, &step));
    for (int i = 0; i < 1000; i++) { // chrony's fastest slew
        mono += CLOCK_WATCH_EVERY_US;
        offset += CLOCK_WATCH_EVERY_US * 84 / 1000;
        assert_false(clock_watch_look(&watch, offset + mono, mono, &step));
    }
    offset -= 3600 * SECOND;
    assert_true(clock_watch_look(&watch, offset + mono, mono, &step));
    assert_int_equal(step, -3600 * SECOND);
    assert_false(clock_watch_look(&watch, offset + mono + SECOND, mono + SECOND, &step));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quarantine_begins_with_the_third_failure_and_ends_with_an_answer),
        cmocka_unit_test(probes_take_at_most_a_twentieth_and_grow_rarer),
        cmocka_unit_test(where_nobody_else_could_be_delayed_probes_stay_frequent),
        cmocka_unit_test(aligned_polls_are_at_multiples_on_the_wall_clock),
        cmocka_unit_test(unaligned_polls_begin_at_once_and_keep_their_phase),
        cmocka_unit_test(due_times_that_passed_are_counted_and_not_made_up_for),
        cmocka_unit_test(a_clock_step_moves_aligned_polls_at_once_and_misses_nothing),
        cmocka_unit_test(a_step_does_not_move_polls_that_are_not_aligned),
        cmocka_unit_test(without_an_interval_it_is_always_due),
        cmocka_unit_test(the_last_of_a_round_completes_it),
        cmocka_unit_test(a_round_is_not_held_forever),
        cmocka_unit_test(a_bus_that_never_rests_marks_rounds_apart),
        cmocka_unit_test(serial_numbers_are_compared_as_people_would),
        cmocka_unit_test(a_server_id_is_shown_without_raw_bytes),
        cmocka_unit_test(a_step_is_told_once_and_slewing_is_not_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
