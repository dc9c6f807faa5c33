// limits/completeness: by hand, and random histories against a model that counts all again.
#include "limits/completeness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S       INT64_C(1000000)
#define START   INT64_C(5000000)
#define PART_US (10 * S) // one reading a second: 240 in a window

static const struct config_completeness ninety = {
    .below_ppm = 900000, .hysteresis_ppm = 20000, .over_us = COMPLETENESS_PARTS * PART_US};

struct bench {
    struct completeness_rule rule;
    struct completeness_state state;
    int64_t now_us;
};

static struct bench begin(const struct config_completeness *completeness)
{
    struct bench b = {.now_us = START};
    completeness_compile(completeness, &b.rule);
    completeness_begin(&b.rule, &b.state, START);
    return b;
}

// `count` readings a second apart; the sum of what changed.
static int take(struct bench *b, int count, bool taken)
{
    int changed = 0;
    for (int i = 0; i < count; i++) {
        changed += completeness_take(&b->rule, &b->state, taken, b->now_us);
        b->now_us += S;
    }
    return changed;
}

static void nothing_is_judged_before_a_window_is_full(void **state)
{
    (void)state;
    struct bench b = begin(&ninety);
    assert_int_equal(take(&b, 240, false), 0);
    assert_int_equal(take(&b, 1, false), 1); // the first behind it
    assert_int_equal(b.state.window_due, 240);
    assert_int_equal(b.state.window_taken, 0);
}

static void share_at_the_limit_is_not_below_it(void **state)
{
    (void)state;
    struct bench b = begin(&ninety);
    take(&b, 24, false);
    assert_int_equal(take(&b, 217, true), 0); // 216 of 240: 90% to the last digit
    assert_int_equal(b.state.window_taken, 216);
    b = begin(&ninety);
    take(&b, 25, false);
    assert_int_equal(take(&b, 216, true), 1);
}

static void comes_back_beyond_the_hysteresis(void **state)
{
    (void)state;
    struct bench b = begin(&ninety);
    take(&b, 100, true);
    take(&b, 30, false);                      // in three parts
    assert_int_equal(take(&b, 111, true), 1); // 210 of 240
    assert_int_equal(take(&b, 100, true), 0);
    assert_int_equal(take(&b, 9, true), 0);
    assert_int_equal(b.state.window_taken, 210);
    assert_int_equal(take(&b, 1, true), 0); // ten of the misses have gone: 220, 91.7%
    assert_int_equal(b.state.window_taken, 220);
    assert_int_equal(take(&b, 10, true), -1); // 230, 95.8%
}

static void each_part_is_judged_once_it_is_over(void **state)
{
    (void)state;
    struct bench b = begin(&ninety);
    take(&b, 240, true);
    assert_int_equal(take(&b, 24, false), 0); // two whole parts of misses: 220 of 240
    assert_int_equal(take(&b, 7, false), 1);  // the third is over: 210 of 240
    assert_int_equal(b.state.window_taken, 210);
    assert_int_equal(take(&b, 1000, true), -1);
    assert_int_equal(take(&b, 1000, true), 0);
}

static void time_without_anything_due_is_not_judged(void **state)
{
    (void)state;
    struct bench b = begin(&ninety);
    take(&b, 240, false);
    b.now_us += 50 * PART_US * COMPLETENESS_PARTS; // asleep
    assert_int_equal(take(&b, 1, true), 0);
    assert_int_equal(take(&b, 240, true), 0);
    assert_int_equal(take(&b, 50, false), 1);
}

// --- against a model

static uint64_t number;

static uint64_t next_random(void)
{
    number ^= number << 13, number ^= number >> 7, number ^= number << 17;
    return number;
}

#define HISTORY 4000

struct past {
    int64_t at_us;
    bool taken;
};

// All that lies in the COMPLETENESS_PARTS parts before the one in which now_us is.
static void count(const struct past *past, int length, const struct completeness_rule *rule,
                  int64_t now_us, uint64_t *due, uint64_t *taken)
{
    int64_t part = (now_us - START) / rule->part_us;
    *due = *taken = 0;
    for (int i = 0; i < length; i++) {
        int64_t at = (past[i].at_us - START) / rule->part_us;
        bool within = at < part && at >= part - COMPLETENESS_PARTS;
        *due += within;
        *taken += within && past[i].taken;
    }
}

static void run_against_model(uint64_t *raised_often)
{
    static struct past past[HISTORY];
    struct config_completeness c = {.below_ppm = (int32_t)(1 + next_random() % 1000000)};
    c.hysteresis_ppm = (int32_t)(next_random() % (uint64_t)(1000001 - c.below_ppm));
    c.hysteresis_ppm = next_random() % 2 ? 0 : c.hysteresis_ppm;
    c.over_us = (int64_t)(COMPLETENESS_PARTS * (S + (int64_t)(next_random() % (3 * S))));
    struct bench b = begin(&c);
    bool raised = false;
    int64_t judged_part = 0;
    uint64_t good = next_random() % 100;
    for (int i = 0; i < HISTORY; i++) {
        if (next_random() % 100 == 0) {
            good = next_random() % 101;
        }
        b.now_us += (int64_t)(next_random() % (S / 2)) + (next_random() % 200 == 0) * 8 * S;
        bool is_taken = next_random() % 100 < good;
        int64_t part = (b.now_us - START) / b.rule.part_us;
        int expected = 0;
        if (part > judged_part && part >= COMPLETENESS_PARTS) {
            uint64_t due, taken;
            count(past, i, &b.rule, b.now_us, &due, &taken);
            uint64_t limit = (uint64_t)(c.below_ppm + (raised ? c.hysteresis_ppm : 0));
            bool below = due ? taken * 1000000 < limit * due : raised;
            expected = below - raised;
            raised = below;
            *raised_often += expected > 0;
        }
        judged_part = part;
        assert_int_equal(completeness_take(&b.rule, &b.state, is_taken, b.now_us), expected);
        past[i] = (struct past){b.now_us, is_taken};
    }
}

static void random_histories_agree_with_the_model(void **state)
{
    (void)state;
    uint64_t raised_often = 0;
    number = 88172645463325252;
    for (int i = 0; i < 40; i++) {
        run_against_model(&raised_often);
    }
    assert_true(raised_often > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_judged_before_a_window_is_full),
        cmocka_unit_test(share_at_the_limit_is_not_below_it),
        cmocka_unit_test(comes_back_beyond_the_hysteresis),
        cmocka_unit_test(each_part_is_judged_once_it_is_over),
        cmocka_unit_test(time_without_anything_due_is_not_judged),
        cmocka_unit_test(random_histories_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
