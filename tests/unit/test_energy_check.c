// limits/energy_check: by hand, and random days of a meter against the integral worked out anew
// from all that it was given.
#include "limits/energy_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#define S        INT64_C(1000000)
#define START    INT64_C(5000000)
#define EVERY_US (15 * S)
#define HOUR_US  (3600 * S)
#define KWH      (1 / 3.6e6) // of a watt in a second

static const struct config_energy_check five = {
    .within_ppm = 50000, .over_us = HOUR_US, .gap_us = 60 * S};

struct bench {
    struct energy_check_rule rule;
    struct energy_check_state state;
    int64_t now_us;
    double energy; // of the register
};

static struct bench begin(const struct config_energy_check *check)
{
    struct bench b = {.now_us = START};
    energy_check_compile(check, &b.rule);
    b.rule.per_second = KWH;
    b.rule.step = 0.01;
    return b;
}

// Polls for a time: power stands at `watts`, the register counts `counted` of each watt. What
// changed, in sum.
static int run(struct bench *b, int64_t for_us, double watts, double counted)
{
    int changed = 0;
    for (int64_t end_us = b->now_us + for_us; b->now_us < end_us; b->now_us += EVERY_US) {
        changed += energy_check_power(&b->rule, &b->state, watts, b->now_us);
        changed += energy_check_energy(&b->rule, &b->state, b->energy, b->now_us);
        b->energy += counted * watts * KWH * (double)EVERY_US / (double)S;
    }
    return changed;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-9 * fabs(b));
}

static void meter_that_agrees_raises_nothing(void **state)
{
    (void)state;
    struct bench b = begin(&five);
    assert_int_equal(run(&b, 3 * HOUR_US, 10000, 1), 0);
    assert_near(b.state.counted, 10);
    assert_near(b.state.expected, 10);
    assert_int_equal(b.state.judged_us, HOUR_US);
    assert_int_equal(run(&b, 3 * HOUR_US, 10000, 0.955), 0); // within 5% of the greater
}

static void disagreement_is_raised_and_cleared_by_the_window(void **state)
{
    (void)state;
    struct bench b = begin(&five);
    assert_int_equal(run(&b, HOUR_US, 10000, 0.945), 0);
    assert_int_equal(run(&b, EVERY_US, 10000, 0.945), 1);
    assert_near(b.state.counted, 9.45);
    assert_near(b.state.expected, 10);
    assert_int_equal(run(&b, 2 * HOUR_US, 10000, 1.2), 0);
    assert_int_equal(run(&b, 2 * HOUR_US, 10000, 1), -1);
    // A register that stands still, and one that runs without power.
    assert_int_equal(run(&b, 2 * HOUR_US, 10000, 0), 1);
    assert_int_equal(run(&b, 2 * HOUR_US, 10000, 1), -1);
    b.energy += 1;
    assert_int_equal(run(&b, HOUR_US, 0, 1), 1);
}

static void only_what_the_register_counts_is_compared(void **state)
{
    (void)state;
    struct config_energy_check check = five;
    struct bench b = begin(&check);
    assert_int_equal(run(&b, HOUR_US, -10000, 0), 0); // exported: nothing is to be counted
    assert_int_equal(run(&b, 2 * HOUR_US, -10000, -1), 1);
    check.counts = COUNTS_NEGATIVE;
    b = begin(&check);
    assert_int_equal(run(&b, 3 * HOUR_US, -10000, -1), 0);
    assert_near(b.state.expected, 10);
    check.counts = COUNTS_BOTH;
    b = begin(&check);
    assert_int_equal(run(&b, 3 * HOUR_US, -10000, -1), 0);
    assert_int_equal(run(&b, 3 * HOUR_US, 10000, 1), 0);
    assert_near(b.state.expected, 10);
}

static void line_through_zero_counts_on_its_side(void **state)
{
    (void)state;
    static const struct config_energy_check check = {
        .within_ppm = 50000, .over_us = 8 * S, .gap_us = 60 * S};
    static const double expected[] = {
        [COUNTS_POSITIVE] = 9, [COUNTS_NEGATIVE] = 1, [COUNTS_BOTH] = 10};
    for (int counts = COUNTS_POSITIVE; counts <= COUNTS_BOTH; counts++) {
        struct config_energy_check c = check;
        c.counts = (enum energy_counts)counts;
        struct bench b = begin(&c);
        b.rule.per_second = 1;
        b.rule.floor = 0;
        energy_check_power(&b.rule, &b.state, 3, START); // to -1 in 8 s: zero after 6
        energy_check_energy(&b.rule, &b.state, 0, START);
        energy_check_power(&b.rule, &b.state, -1, START + 8 * S);
        assert_int_equal(energy_check_energy(&b.rule, &b.state, expected[counts], START + 8 * S),
                         0);
        assert_near(b.state.expected, expected[counts]);
    }
}

static void register_between_two_readings_of_power(void **state)
{
    (void)state;
    static const struct config_energy_check check = {
        .within_ppm = 50000, .over_us = 10 * S, .gap_us = 60 * S};
    struct bench b = begin(&check);
    b.rule.per_second = 1;
    energy_check_power(&b.rule, &b.state, 0, START); // 1 more a second
    energy_check_energy(&b.rule, &b.state, 100, START + 2 * S);
    energy_check_power(&b.rule, &b.state, 5, START + 5 * S);
    energy_check_power(&b.rule, &b.state, 10, START + 10 * S);
    assert_int_equal(energy_check_energy(&b.rule, &b.state, 180, START + 14 * S), 0);
    // From 2 to 14: 14²/2 − 2²/2 = 96, and the register says 80.
    assert_int_equal(energy_check_power(&b.rule, &b.state, 15, START + 15 * S), 1);
    assert_near(b.state.expected, 96);
    assert_near(b.state.counted, 80);
    assert_near(b.state.integral, 14.5); // the next has begun
}

static void gap_in_power_makes_no_judgement(void **state)
{
    (void)state;
    struct bench b = begin(&five);
    assert_int_equal(run(&b, HOUR_US / 2, 10000, 1), 0);
    b.now_us += 46 * S; // 61 s between two
    b.energy += 50;
    assert_int_equal(run(&b, HOUR_US, 10000, 1), 0);
    assert_int_equal(run(&b, EVERY_US, 10000, 0.5), 0); // a whole window since
    assert_near(b.state.counted, 10);
    b = begin(&five);
    assert_int_equal(run(&b, HOUR_US / 2, 10000, 1), 0);
    b.now_us += 45 * S; // 60 s: straight over it
    b.energy += 10000 * KWH * 45;
    assert_int_equal(run(&b, HOUR_US, 10000, 1), 0);
    assert_near(b.state.expected, b.state.counted);
}

static void register_that_fell_or_may_be_anothers_makes_none(void **state)
{
    (void)state;
    struct bench b = begin(&five);
    b.energy = 9995;
    run(&b, HOUR_US / 2, 10000, 1);
    b.energy -= 9999; // rolled over
    assert_int_equal(run(&b, HOUR_US, 10000, 1), 0);
    assert_int_equal(b.state.judged_us, 0);
    assert_int_equal(run(&b, EVERY_US, 10000, 1), 0);
    assert_near(b.state.counted, 10);
    run(&b, HOUR_US / 2, 10000, 1);
    energy_check_break(&b.state);
    b.energy += 5000;
    assert_int_equal(run(&b, 3 * HOUR_US, 10000, 1), 0);
}

static void little_energy_is_not_judged(void **state)
{
    (void)state;
    struct bench b = begin(&five);
    // Two steps of 0.01 kWh are 5% of 0.4 kWh: below that nothing is said.
    assert_int_equal(run(&b, 5 * HOUR_US, 390, 0.5), 0);
    assert_int_equal(run(&b, 3 * HOUR_US, 450, 0.5), 1);
    assert_int_equal(run(&b, 3 * HOUR_US, 100, 1), 0); // it stays
    assert_int_equal(run(&b, 3 * HOUR_US, 1000, 1), -1);
    struct config_energy_check check = five;
    check.has_floor = true;
    check.floor = (struct decimal){2, false, 0};
    b = begin(&check);
    assert_int_equal(run(&b, 3 * HOUR_US, 1900, 0.5), 0);
    assert_int_equal(run(&b, 3 * HOUR_US, 2100, 0.5), 1);
    // A float32 of a million kWh has steps of 1/16.
    b = begin(&five);
    b.rule.float32 = true;
    b.energy = 1e6;
    assert_int_equal(run(&b, 3 * HOUR_US, 2400, 0.5), 0);
    assert_int_equal(run(&b, 3 * HOUR_US, 2600, 0.5), 1);
    // Nothing at all is nothing to disagree about.
    b = begin(&check);
    b.rule.floor = 0;
    assert_int_equal(run(&b, 3 * HOUR_US, 0, 1), 0);
}

// --- at random

static uint64_t number;

static uint64_t next_random(void)
{
    number ^= number << 13, number ^= number >> 7, number ^= number << 17;
    return number;
}

static double uniform(void)
{
    return (double)(next_random() >> 11) / 9007199254740992.0;
}

#define POWERS 400 // a window of an hour is over before

struct past {
    int64_t at_us[POWERS];
    double watts[POWERS];
};

static void make_past(struct past *past)
{
    int64_t at_us = START;
    for (int i = 0; i < POWERS; i++) {
        past->at_us[i] = at_us;
        past->watts[i] = 20000 * uniform() - 4000;
        at_us += EVERY_US / 2 + (int64_t)(next_random() % EVERY_US);
    }
}

// The line through all readings of power, where it is above zero, from one time to another: summed
// up from small pieces by their middles.
static double integral(const struct past *past, int64_t from_us, int64_t to_us)
{
    double sum = 0;
    for (int i = 0; i + 1 < POWERS; i++) {
        int64_t a = past->at_us[i] > from_us ? past->at_us[i] : from_us;
        int64_t b = past->at_us[i + 1] < to_us ? past->at_us[i + 1] : to_us;
        double span = (double)(past->at_us[i + 1] - past->at_us[i]);
        for (int k = 0; b > a && k < 400; k++) {
            double middle = (double)(a - past->at_us[i]) + (double)(b - a) * (k + 0.5) / 400;
            double watts = past->watts[i] + (past->watts[i + 1] - past->watts[i]) * middle / span;
            sum += (watts > 0 ? watts : 0) * (double)(b - a) / 400 / (double)S;
        }
    }
    return sum;
}

// One window of a meter whose register is read at times of its own, and counts a share of what it
// should. Whether it was raised.
static bool random_window(void)
{
    static struct past past;
    struct bench b = begin(&five);
    double counted = 0.85 + 0.3 * uniform();
    int64_t energy_us = START + (int64_t)(next_random() % EVERY_US), first_us = energy_us;
    int change = 0;
    make_past(&past);
    b.rule.floor = 0;
    b.energy = 1000;
    for (int i = 0; i < POWERS && !b.state.judged_us; i++) {
        change = energy_check_power(&b.rule, &b.state, past.watts[i], past.at_us[i]);
        for (; i + 1 < POWERS && energy_us < past.at_us[i + 1]; energy_us += EVERY_US) {
            change += energy_check_energy(&b.rule, &b.state, b.energy, energy_us);
            b.energy += counted * integral(&past, energy_us, energy_us + EVERY_US) * KWH;
        }
    }
    assert_int_equal(b.state.judged_us, HOUR_US);
    double expected = integral(&past, first_us, first_us + HOUR_US) * KWH;
    assert_true(fabs(b.state.expected - expected) <= 1e-4 * expected);
    assert_true(fabs(b.state.counted - counted * expected) <= 1e-4 * expected);
    double share = counted < 1 ? counted : 1 / counted;
    if (fabs(share - 0.95) > 1e-3) {
        assert_int_equal(change, share < 0.95);
    }
    return change;
}

static void random_windows_agree_with_the_integral(void **state)
{
    (void)state;
    int raised = 0;
    number = 88172645463325252;
    for (int i = 0; i < 40; i++) {
        raised += random_window();
    }
    assert_in_range(raised, 10, 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meter_that_agrees_raises_nothing),
        cmocka_unit_test(disagreement_is_raised_and_cleared_by_the_window),
        cmocka_unit_test(only_what_the_register_counts_is_compared),
        cmocka_unit_test(line_through_zero_counts_on_its_side),
        cmocka_unit_test(register_between_two_readings_of_power),
        cmocka_unit_test(gap_in_power_makes_no_judgement),
        cmocka_unit_test(register_that_fell_or_may_be_anothers_makes_none),
        cmocka_unit_test(little_energy_is_not_judged),
        cmocka_unit_test(random_windows_agree_with_the_integral),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
